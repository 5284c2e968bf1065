//! What is wrong with a key file, with its path and with the configuration that names it: what each program does about
//! it, what the wire shows then, and what to change.
//!
//! Facts come in as values: text, the components of a path, a configuration. No sentence ever shows a secret.

mod algorithms;
mod effect;
mod excerpt;
mod files;
mod published;
mod readings;
mod secrets;
mod strength;

pub mod apparmor;
pub mod configuration;
pub mod path;
pub mod prediction;

#[cfg(test)]
mod tests;

pub use excerpt::{Lines, masked, masked_configuration};

use std::path::PathBuf;

use super::algorithm::Algorithm;
use super::key::KeyId;
use super::keyfile::{self, Dialect, KeyFile, Severity};
use super::spot::Spot;

/// Something to mend, or worth knowing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// Where it is.
    pub place: Place,
    /// The program that it is about; `None` for all.
    pub program: Option<Dialect>,
    /// The key that it is about.
    pub key_id: Option<KeyId>,
    /// How much it matters.
    pub severity: Severity,
    /// Its stable name, in kebab case.
    pub code: &'static str,
    /// What it is, in one clause.
    pub what: String,
    /// What the program does about it.
    pub does: Option<String>,
    /// What is seen on the wire then.
    pub wire: Option<String>,
    /// What to change.
    pub mend: Option<String>,
}

/// Where a flaw is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The path of the key file, or a part of it.
    Path(PathBuf),
    /// The key file as a whole.
    KeyFile,
    /// A place in the key file.
    KeyLine(Spot),
    /// The configuration as a whole.
    Configuration,
    /// A place in the configuration.
    ConfigurationLine(Spot),
}

impl Flaw {
    /// A flaw of any program of which nothing more is to be said than what it is.
    pub fn new(place: Place, severity: Severity, code: &'static str, what: impl Into<String>) -> Flaw {
        Flaw {
            place,
            program: None,
            key_id: None,
            severity,
            code,
            what: what.into(),
            does: None,
            wire: None,
            mend: None,
        }
    }

    /// The same, of one program.
    #[must_use]
    pub fn of(mut self, program: Dialect) -> Flaw {
        self.program = Some(program);
        self
    }

    /// The same, about one key.
    #[must_use]
    pub fn about(mut self, key_id: KeyId) -> Flaw {
        self.key_id = Some(key_id);
        self
    }

    /// The same, with what the program does.
    #[must_use]
    pub fn does(mut self, does: impl Into<String>) -> Flaw {
        self.does = Some(does.into());
        self
    }

    /// The same, with what the wire shows.
    #[must_use]
    pub fn wire(mut self, wire: impl Into<String>) -> Flaw {
        self.wire = Some(wire.into());
        self
    }

    /// The same, with what to change.
    #[must_use]
    pub fn mend(mut self, mend: impl Into<String>) -> Flaw {
        self.mend = Some(mend.into());
        self
    }
}

/// By whose rules, and which algorithms are called weak.
pub struct Settings<'s> {
    /// The programs.
    pub programs: &'s [Dialect],
    /// True for algorithms that are not to be used any more.
    pub is_weak: &'s dyn Fn(Algorithm) -> bool,
}

/// What the programs make of a key file, and what is wrong with it.
pub struct Linted {
    /// The readings, in the order of the programs.
    pub readings: Vec<KeyFile>,
    /// What is wrong, by place.
    pub flaws: Vec<Flaw>,
}

/// Looks the text of a key file over.
pub fn lint(text: &[u8], settings: &Settings<'_>) -> Linted {
    let readings: Vec<KeyFile> =
        settings.programs.iter().map(|program| keyfile::read(text, *program)).collect();
    let lines = Lines::of(text);
    let mut flaws = Vec::new();
    for reading in &readings {
        effect::tell(reading, &lines, &mut flaws);
    }
    files::tell(&readings, &mut flaws);
    readings::tell(&readings, &lines, &mut flaws);
    secrets::tell(&readings, &lines, &mut flaws);
    algorithms::tell(&readings, &lines, settings, &mut flaws);
    sort(&mut flaws);
    Linted { readings, flaws }
}

/// By place, the worst of a place first.
pub fn sort(flaws: &mut [Flaw]) {
    flaws.sort_by(|a, b| {
        let place = a.place.cmp(&b.place);
        place.then(b.severity.cmp(&a.severity)).then(a.program.cmp(&b.program))
    });
}

/// Programs as a clause names them: `ntp.org, NTPsec and chrony`.
fn titles(programs: &[Dialect]) -> String {
    let titles: Vec<&str> = programs.iter().map(|program| program.title()).collect();
    match titles.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// What a noun ends in after that number.
fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}
