//! `ntpcap keys lint`: what is wrong with a key file, with its path and with the configuration that names it.

mod records;
mod walk;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::analysis::Policy;
use crate::auth::conf::{self, Configuration};
use crate::auth::keyfile::{self, Dialect, KeyFile, Severity};
use crate::auth::lint::path::{Account, Question, judge};
use crate::auth::lint::{Flaw, Lines, Linted, Place, Settings, apparmor, configuration, prediction, sort};
use crate::report::lint::{LintReport, LintSummary};
use crate::report::model::SCHEMA;

use super::super::args::keyfiles::{LintArguments, Readers};
use super::super::destination::is_same_file;
use super::super::exit::{CliError, Exit};
use super::super::inputs::is_standard_input;
use super::super::keys::{Choice, choose, read_file};
use super::super::output::output;
use records::Texts;
use walk::Walk;

/// `ntpcap keys lint`.
///
/// # Errors
/// Files that cannot be read; what their paths show is told of before.
pub(super) fn lint(arguments: &LintArguments) -> Result<Exit, CliError> {
    let account = arguments.user.as_deref().map(find_account).transpose()?;
    let configuration = arguments.conf.as_deref().map(Named::read).transpose()?;
    let file = key_file(arguments, configuration.as_ref())?;
    if arguments.conf.as_deref().is_some_and(is_standard_input) && is_standard_input(&file) {
        return Err(CliError::StandardInputTwice);
    }
    let subject = Subject { arguments, file: &file, account, configuration };
    let walk = (!is_standard_input(&file)).then(|| walk::walk(&file));
    match read_file(&file).map(Zeroizing::new) {
        Ok(text) => subject.tell(&text, walk.as_ref()),
        Err(error) => {
            subject.tell_path(walk.as_ref())?;
            Err(error)
        }
    }
}

/// A configuration, where it is and what it says.
struct Named<'a> {
    path: &'a Path,
    text: Vec<u8>,
    read: Configuration,
}

impl<'a> Named<'a> {
    fn read(path: &'a Path) -> Result<Named<'a>, CliError> {
        let text = read_file(path)?;
        let read = conf::read(&text);
        Ok(Named { path, text, read })
    }

    /// The key file that it names, from its own folder on.
    fn keys(&self) -> Option<PathBuf> {
        let keys = self.read.keys.as_ref()?;
        Some(self.path.parent().unwrap_or(Path::new("")).join(keys))
    }
}

fn find_account(name: &str) -> Result<Account, CliError> {
    walk::account(name).ok_or_else(|| CliError::NoSuchAccount { name: name.to_owned() })
}

/// The file that was given, or that of the configuration.
fn key_file(arguments: &LintArguments, configuration: Option<&Named<'_>>) -> Result<PathBuf, CliError> {
    if let Some(file) = &arguments.file {
        return Ok(file.clone());
    }
    let none = || CliError::NoKeysInConf { path: arguments.conf.clone().unwrap_or_default() };
    configuration.and_then(Named::keys).ok_or_else(none)
}

/// What is looked over.
struct Subject<'a> {
    arguments: &'a LintArguments,
    file: &'a Path,
    account: Option<Account>,
    configuration: Option<Named<'a>>,
}

impl Subject<'_> {
    /// Judges path, text and configuration, and tells of it.
    fn tell(&self, text: &[u8], walk: Option<&Walk>) -> Result<Exit, CliError> {
        let choice = self.choice(text);
        let programs = self.programs(choice.as_ref());
        let policy: Policy = self.arguments.policy.into();
        let is_weak = |algorithm| policy.is_weak(algorithm);
        let Linted { readings, flaws } =
            crate::auth::lint::lint(text, &Settings { programs: &programs, is_weak: &is_weak });
        let mut all = walk.map(|walk| self.path_flaws(walk, &programs)).unwrap_or_default();
        all.extend(flaws);
        all.extend(choice.as_ref().and_then(uncertain));
        let mut report = self.report(walk);
        if let Some(named) = &self.configuration {
            let others = self.other_readings(named, text, &readings);
            let readings: Vec<&KeyFile> = others.iter().chain(&readings).collect();
            self.compare(named, &readings, &mut all, &mut report);
        }
        let reason =
            |index: usize| choice.as_ref().filter(|_| index == 0).and_then(|choice| choice.why.clone());
        report.programs =
            readings.iter().enumerate().map(|(index, file)| records::reading(file, reason(index))).collect();
        self.finish(report, all, text)
    }

    /// Tells what the path shows of a file that cannot be read.
    fn tell_path(&self, walk: Option<&Walk>) -> Result<Exit, CliError> {
        let programs = self.programs(None);
        let flaws = walk.map(|walk| self.path_flaws(walk, &programs)).unwrap_or_default();
        let shown = flaws.iter().any(|flaw| flaw.severity > Severity::Info) || self.is_for_programs();
        if !shown { Ok(Exit::Failed) } else { self.finish(self.report(walk), flaws, &[]) }
    }

    fn is_for_programs(&self) -> bool {
        self.arguments.json || self.arguments.sarif
    }

    /// By whose rules a file is read of which nobody said it.
    fn choice(&self, text: &[u8]) -> Option<Choice> {
        let owner = self.configuration.as_ref().and_then(|named| named.read.dialect);
        self.arguments.readers.is_none().then(|| choose(keyfile::detect(text), owner, self.file))
    }

    fn programs(&self, choice: Option<&Choice>) -> Vec<Dialect> {
        match (self.arguments.readers, choice) {
            (Some(Readers::All), _) => Dialect::ALL.to_vec(),
            (Some(Readers::One(program)), _) => vec![program],
            (None, Some(choice)) => vec![choice.dialect],
            (None, None) => vec![Dialect::NtpOrg],
        }
    }

    fn path_flaws(&self, walk: &Walk, programs: &[Dialect]) -> Vec<Flaw> {
        let has_profile = |program| Path::new(apparmor::profile(program)).exists();
        let question = Question {
            named: self.file,
            components: &walk.components,
            account: self.account.as_ref(),
            programs,
            has_profile: &has_profile,
        };
        let mut flaws = judge(&question);
        if let Some((path, error)) = &walk.ended
            && error.kind() == io::ErrorKind::NotFound
            && let Some(link) = walk.links().last()
        {
            let what = format!("the link points to {}, which is not there", path.display());
            flaws.push(Flaw::new(Place::Path(link.path.clone()), Severity::Error, "dangling-link", what));
        }
        flaws
    }

    /// Readings of programs that the configuration is for and that were not asked about.
    fn other_readings(&self, named: &Named<'_>, text: &[u8], readings: &[KeyFile]) -> Vec<KeyFile> {
        let asked: Vec<Dialect> = readings.iter().map(|reading| reading.dialect).collect();
        let fitting = configuration::readers(&named.read, &asked);
        let missing = fitting.into_iter().filter(|program| !asked.contains(program));
        missing.map(|program| keyfile::read(text, program)).collect()
    }

    fn compare(
        &self,
        named: &Named<'_>,
        readings: &[&KeyFile],
        flaws: &mut Vec<Flaw>,
        report: &mut LintReport,
    ) {
        let programs: Vec<Dialect> = readings.iter().map(|reading| reading.dialect).collect();
        let fitting = configuration::readers(&named.read, &programs);
        let readings: Vec<&KeyFile> =
            readings.iter().copied().filter(|reading| fitting.contains(&reading.dialect)).collect();
        flaws.extend(configuration::compare(&named.read, &readings));
        flaws.extend(self.other_file(named));
        let predictions = readings.iter().flat_map(|reading| prediction::predict(&named.read, reading));
        report.associations = predictions.map(|one| records::association(&one)).collect();
        report.associations.sort_by_key(|record| record.line);
    }

    /// The configuration names another file than the one that is looked over, or none.
    fn other_file(&self, named: &Named<'_>) -> Option<Flaw> {
        let line = named.read.keys_line;
        let Some(keys) = named.keys() else {
            let uses_keys = named.read.uses.associations.iter().any(|association| association.key.is_some());
            let what = "no line names a key file, so the program has no keys";
            let flaw = Flaw::new(Place::Configuration, Severity::Error, "no-key-file", what);
            return uses_keys.then(|| flaw.mend("add `keys FILE` (ntpd) or `keyfile FILE` (chrony)"));
        };
        if self.arguments.file.is_none() || is_same_file(&keys, self.file) {
            return None;
        }
        let what = format!("the configuration names {}, which is another file", keys.display());
        let place = line.map_or(Place::Configuration, |line| {
            Place::ConfigurationLine(crate::auth::Spot { line, column: 1, length: 1 })
        });
        Some(Flaw::new(place, Severity::Warning, "other-key-file", what))
    }

    fn report(&self, walk: Option<&Walk>) -> LintReport {
        let components = walk.map(|walk| walk.components.iter().map(records::component).collect());
        LintReport {
            schema: SCHEMA,
            file: super::super::exit::label(self.file),
            configuration: self.configuration.as_ref().map(|named| super::super::exit::label(named.path)),
            programs: Vec::new(),
            path: components.unwrap_or_default(),
            problems: Vec::new(),
            associations: Vec::new(),
            summary: LintSummary::default(),
        }
    }

    fn finish(&self, mut report: LintReport, mut flaws: Vec<Flaw>, text: &[u8]) -> Result<Exit, CliError> {
        sort(&mut flaws);
        let configuration = self.configuration.as_ref().map(|named| (named.path, Lines::of(&named.text)));
        let texts = Texts { keys: self.file, lines: Lines::of(text), configuration };
        report.problems = flaws.iter().map(|flaw| texts.problem(flaw)).collect();
        report.summary = LintSummary::of(&report.problems);
        let mut output = output();
        if self.arguments.json {
            report.write_json(&mut output)?;
        } else if self.arguments.sarif {
            report.write_sarif(&mut output)?;
        } else if !self.arguments.quiet {
            report.write_text(self.arguments.verbose, &mut output)?;
        }
        output.flush()?;
        Ok(if report.summary.is_wrong() { Exit::Wrong } else { Exit::Fine })
    }
}

/// Nobody said whose the file is, and it does not tell.
fn uncertain(choice: &Choice) -> Option<Flaw> {
    let why = choice.why.as_ref().filter(|_| !choice.certain)?;
    let what = format!("read as {}, which is not certain ({why})", choice.dialect);
    let flaw = Flaw::new(Place::KeyFile, Severity::Info, "program-uncertain", what);
    Some(flaw.mend("--as names the program; --as all compares them"))
}
