//! A configuration beside its key file: what is used and not there, there and not trusted, trusted and not there.

use std::collections::BTreeSet;

use super::prediction::{Reason, why_unusable};
use super::{Flaw, Place, titles};
use crate::auth::conf::uses::{UsedKey, Uses};
use crate::auth::conf::{Configuration, RemarkKind};
use crate::auth::key::KeyId;
use crate::auth::keyfile::{Dialect, KeyFile, Severity};
use crate::auth::spot::Spot;
use crate::auth::trusted::TrustedKeys;

/// The programs that read such a configuration, among `programs`: chrony its own, the other two each other's.
pub fn readers(configuration: &Configuration, programs: &[Dialect]) -> Vec<Dialect> {
    let owner = configuration.dialect.unwrap_or(Dialect::NtpOrg);
    let is_chrony = owner == Dialect::Chrony;
    let fitting: Vec<Dialect> =
        programs.iter().copied().filter(|program| (*program == Dialect::Chrony) == is_chrony).collect();
    if fitting.is_empty() { vec![owner] } else { fitting }
}

/// Compares a configuration with what its programs make of the key file.
pub fn compare(configuration: &Configuration, readings: &[&KeyFile]) -> Vec<Flaw> {
    let mut flaws = remarks(configuration);
    let uses = &configuration.uses;
    for (purpose, key) in used_keys(uses) {
        flaws.extend(judge_use(&purpose, key, configuration, readings));
    }
    flaws.extend(no_trust(configuration, readings));
    for reading in readings {
        flaws.extend(trusted_and_not_there(uses, reading));
        flaws.extend(never_used(configuration, reading));
    }
    flaws
}

fn at(spot: Spot) -> Place {
    Place::ConfigurationLine(spot)
}

/// What could not be read of the configuration itself.
fn remarks(configuration: &Configuration) -> Vec<Flaw> {
    let flaw = |remark: &super::super::conf::Remark| {
        let severity = match remark.kind {
            RemarkKind::NotFollowed { .. } => Severity::Info,
            RemarkKind::KeysAgain { .. } => Severity::Warning,
            _ => Severity::Error,
        };
        let spot = Spot { line: remark.line, column: remark.column, length: 1 };
        Flaw::new(at(spot), severity, remark.kind.code(), remark.to_string())
    };
    configuration.remarks.iter().map(flaw).collect()
}

/// Every use of a key, with what it is for.
fn used_keys(uses: &Uses) -> Vec<(String, UsedKey)> {
    let associations = uses.associations.iter().filter_map(|association| {
        let name = format!("{} {}", association.directive, association.address);
        association.key.map(|key| (name, key))
    });
    let controls = uses.controls.iter().map(|control| (control.directive.name().to_owned(), control.key));
    associations.chain(controls).collect()
}

/// Why a key that is used cannot be; programs with the same reason are told together.
fn judge_use(purpose: &str, key: UsedKey, configuration: &Configuration, readings: &[&KeyFile]) -> Vec<Flaw> {
    let place = at(key.spot);
    let Some(id) = key.id else {
        let what = format!("{purpose}: a key ID is expected here, a number from 1 on");
        return vec![Flaw::new(place, Severity::Error, "bad-key-use", what)];
    };
    let mut reasons: Vec<(Reason, Vec<Dialect>)> = Vec::new();
    for reading in readings {
        let Some(reason) = why_unusable(id, configuration, reading) else { continue };
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, programs)) => programs.push(reading.dialect),
            None => reasons.push((reason, vec![reading.dialect])),
        }
    }
    reasons.into_iter().map(|(reason, programs)| unusable(purpose, id, &place, reason, &programs)).collect()
}

fn unusable(purpose: &str, id: KeyId, place: &Place, reason: Reason, programs: &[Dialect]) -> Flaw {
    let (code, mend) = match reason {
        Reason::NotDefined | Reason::NoKeyId => {
            ("key-not-defined", "add the key to the key file, or name another")
        }
        Reason::LineLost { .. } => ("key-line-lost", "mend that line of the key file"),
        Reason::FileRefused => ("key-file-refused", "mend the line for which the key file is refused"),
        Reason::NotTrusted => ("key-not-trusted", "name the key in a trustedkey line"),
    };
    let program = programs.first().copied();
    let why = program.map_or(String::new(), |program| reason.tell(program));
    let flaw = Flaw::new(place.clone(), Severity::Error, code, format!("{purpose} uses key {id}, but {why}"));
    let flaw = flaw.about(id).mend(mend);
    let flaw = match programs {
        [program] => flaw.of(*program),
        _ => flaw,
    };
    match purpose {
        "controlkey" | "requestkey" => flaw.wire("control messages that are to change something are refused"),
        _ => flaw.does(does(reason, id, programs)).wire("nothing: no request is sent to this host"),
    }
}

fn does(reason: Reason, id: KeyId, programs: &[Dialect]) -> String {
    let logs = programs.iter().map(|program| match (program, reason) {
        (Dialect::NtpOrg, _) => "ntp.org has no line in its log for it".to_owned(),
        (Dialect::Ntpsec, Reason::NotTrusted) => format!("NTPsec logs: key {id} found but not trusted"),
        (Dialect::Ntpsec, _) => format!("NTPsec logs: key {id} not found"),
        (Dialect::Chrony, _) => format!("chrony logs: Key {id} is missing"),
    });
    logs.collect::<Vec<_>>().join("; ")
}

/// ntpd without any trustedkey line trusts no key.
fn no_trust(configuration: &Configuration, readings: &[&KeyFile]) -> Option<Flaw> {
    let ntpd: Vec<Dialect> = readings
        .iter()
        .map(|reading| reading.dialect)
        .filter(|program| *program != Dialect::Chrony)
        .collect();
    let follows =
        configuration.remarks.iter().any(|remark| matches!(remark.kind, RemarkKind::NotFollowed { .. }));
    if ntpd.is_empty() || configuration.trusted.is_some() || configuration.keys.is_none() || follows {
        return None;
    }
    let what = format!("there is no trustedkey line, so {} trust no key of the file", titles(&ntpd));
    let what = if ntpd.len() == 1 { what.replace(" trust no", " trusts no") } else { what };
    let flaw = Flaw::new(Place::Configuration, Severity::Error, "nothing-trusted", what)
        .does("a key that is not trusted is as good as none")
        .wire(super::effect::unknown_key(ntpd.first().copied().unwrap_or(Dialect::NtpOrg), "any key ID"));
    Some(flaw.mend("add trustedkey with the key IDs that are to be used"))
}

fn defined(reading: &KeyFile) -> TrustedKeys {
    TrustedKeys::of(reading.entries.iter().map(|entry| (entry.id().0, entry.id().0)).collect())
}

/// Items of trustedkey lines that name no key of the file at all; a range may name some that are not there.
fn trusted_and_not_there(uses: &Uses, reading: &KeyFile) -> Vec<Flaw> {
    if reading.dialect == Dialect::Chrony {
        return Vec::new();
    }
    let defined = defined(reading);
    let overlaps =
        |first: u32, last: u32| defined.ranges().iter().any(|(from, to)| first <= *to && *from <= last);
    let missing = uses.trusts.iter().filter(|trust| !overlaps(trust.first, trust.last));
    let flaw = |trust: &super::super::conf::uses::Trust| {
        let ids = TrustedKeys::of(vec![(trust.first, trust.last)]);
        let noun = if trust.first == trust.last { "key" } else { "keys" };
        let program = reading.dialect.title();
        let what = format!("trustedkey names {noun} {ids}, which {program} does not find in the key file");
        Flaw::new(at(trust.spot), Severity::Warning, "trusted-not-defined", what)
            .of(reading.dialect)
            .mend("add the key to the key file, or take it out of the list")
    };
    missing.map(flaw).collect()
}

/// Keys of the file that nothing in the configuration uses. Clients may use them all the same, where they are trusted.
fn never_used(configuration: &Configuration, reading: &KeyFile) -> Vec<Flaw> {
    let used: BTreeSet<KeyId> = used_keys(&configuration.uses).iter().filter_map(|(_, key)| key.id).collect();
    let serves = |id: KeyId| {
        let trusted = configuration.trusted.as_ref();
        reading.dialect == Dialect::Chrony || trusted.is_some_and(|trusted| trusted.contains(id))
    };
    let idle = reading.entries.iter().map(|entry| entry.id()).filter(|id| !used.contains(id));
    let (serving, closed): (Vec<KeyId>, Vec<KeyId>) = idle.partition(|id| serves(*id));
    let program = reading.dialect;
    let mut flaws = Vec::new();
    if let Some(ids) = listed(&serving) {
        let what = format!("nothing here uses key {ids}; clients that ask with it are answered");
        flaws.push(Flaw::new(Place::KeyFile, Severity::Info, "key-for-clients-only", what).of(program));
    }
    if let Some(ids) = listed(&closed).filter(|_| configuration.trusted.is_some()) {
        let what = format!("key {ids} is in the file and in no trustedkey line: it is never used");
        let flaw = Flaw::new(Place::KeyFile, Severity::Warning, "key-never-used", what).of(program);
        flaws.push(
            flaw.wire(super::effect::unknown_key(program, "such a key ID")).mend("trust it, or remove it"),
        );
    }
    flaws
}

fn listed(ids: &[KeyId]) -> Option<TrustedKeys> {
    (!ids.is_empty()).then(|| TrustedKeys::of(ids.iter().map(|id| (id.0, id.0)).collect()))
}
