//! Keys of algorithms that the policy calls weak.

use std::collections::BTreeMap;

use super::excerpt::Lines;
use super::{Flaw, Place, Settings};
use crate::auth::algorithm::Algorithm;
use crate::auth::keyfile::{Dialect, KeyFile, Severity};
use crate::auth::trusted::TrustedKeys;

/// Tells once for each weak algorithm which keys use it.
pub(super) fn tell(readings: &[KeyFile], lines: &Lines<'_>, settings: &Settings<'_>, flaws: &mut Vec<Flaw>) {
    let mut weak: BTreeMap<&'static str, Weak> = BTreeMap::new();
    for entry in readings.iter().flat_map(|reading| &reading.entries).filter(|entry| !entry.superseded) {
        let Some(key) = entry.ready().filter(|key| (settings.is_weak)(key.algorithm())) else { continue };
        let one = weak.entry(key.algorithm().name()).or_insert(Weak {
            algorithm: key.algorithm(),
            line: entry.line,
            ids: Vec::new(),
        });
        one.line = one.line.min(entry.line);
        one.ids.push((key.id().0, key.id().0));
    }
    flaws.extend(weak.into_values().map(|weak| flaw(weak, lines, settings.programs)));
}

struct Weak {
    algorithm: Algorithm,
    /// The first line that has it.
    line: usize,
    ids: Vec<(u32, u32)>,
}

fn flaw(weak: Weak, lines: &Lines<'_>, programs: &[Dialect]) -> Flaw {
    let ids = TrustedKeys::of(weak.ids);
    let noun = match ids.ranges() {
        [(first, last)] if first == last => "key",
        _ => "keys",
    };
    let name = weak.algorithm.name().to_ascii_uppercase();
    let why = if weak.algorithm == Algorithm::Md5 { " (RFC 8573)" } else { "" };
    let place = Place::KeyLine(lines.spot_at(weak.line, 1));
    let advice: Vec<&str> = programs.iter().map(|program| better_type(*program)).collect();
    Flaw::new(
        place,
        Severity::Warning,
        "weak-algorithm",
        format!("{noun} {ids}: {name} is not to be used any more{why}"),
    )
    .mend(format!("use {} on both sides", advice.join(", ")))
}

fn better_type(program: Dialect) -> &'static str {
    match program {
        Dialect::NtpOrg => "AES128CMAC (ntp.org)",
        Dialect::Ntpsec => "AES (NTPsec)",
        Dialect::Chrony => "AES128 (chrony)",
    }
}
