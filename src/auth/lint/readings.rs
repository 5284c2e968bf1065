//! Lines that are other keys for other programs.

use std::collections::BTreeMap;

use super::excerpt::Lines;
use super::{Flaw, Place, plural, titles};
use crate::auth::key::{Key, KeyId};
use crate::auth::keyfile::{Dialect, KeyFile, Severity};

/// Lines of which programs make different keys; none where only one program reads.
pub(super) fn tell(readings: &[KeyFile], lines: &Lines<'_>, flaws: &mut Vec<Flaw>) {
    let mut by_line: BTreeMap<usize, Vec<Group<'_>>> = BTreeMap::new();
    for reading in readings {
        for entry in &reading.entries {
            let Some(key) = entry.ready() else { continue };
            let groups = by_line.entry(entry.line).or_default();
            let same =
                |group: &&mut Group<'_>| group.id == entry.id() && group.key.identity() == key.identity();
            match groups.iter_mut().find(same) {
                Some(group) => group.programs.push(reading.dialect),
                None => groups.push(Group { id: entry.id(), key, programs: vec![reading.dialect] }),
            }
        }
    }
    for (line, groups) in by_line.iter().filter(|(_, groups)| groups.len() > 1) {
        flaws.push(flaw(*line, groups, lines));
    }
}

/// The programs that make the same key of a line.
struct Group<'r> {
    id: KeyId,
    key: &'r Key,
    programs: Vec<Dialect>,
}

fn flaw(line: usize, groups: &[Group<'_>], lines: &Lines<'_>) -> Flaw {
    let same_id = groups.iter().all(|group| groups.first().is_some_and(|first| first.id == group.id));
    let told: Vec<String> = groups.iter().map(|group| tell_group(group, same_id)).collect();
    let (id, place) = (groups.first().map(|group| group.id), Place::KeyLine(lines.secret_spot(line)));
    let subject = id.filter(|_| same_id).map_or(String::new(), |id| format!("key {id}: "));
    let what = format!("{subject}the line is another key for each: {}", told.join("; "));
    let flaw = Flaw::new(place, Severity::Warning, "reading-differs", what)
        .wire("between these programs no MAC of this key verifies")
        .mend("give each program a file of its own with the same octets: ntpcap keys convert writes it");
    match id.filter(|_| same_id) {
        Some(id) => flaw.about(id),
        None => flaw,
    }
}

fn tell_group(group: &Group<'_>, same_id: bool) -> String {
    let name = group.key.algorithm().name();
    let octets = group.key.secret().length();
    let id = if same_id { String::new() } else { format!(" under ID {}", group.id) };
    let verb = if group.programs.len() == 1 { "takes" } else { "take" };
    format!("{} {verb} {octets} octet{} for {name}{id}", titles(&group.programs), plural(octets))
}
