//! `ntpcap keys diff`: what differs between two key files.

use crate::auth::comparison::{self, Difference, DifferenceKind};
use crate::auth::conversion::Format;
use crate::auth::keyfile::{self, Consequence, Dialect, KeyFile, Severity};
use crate::report::key_diff::{ComparedFile, KeyDiffDocument, KeyDiffRecord};

use super::super::args::keymaking::KeyDiffArguments;
use super::super::exit::{CliError, Exit};
use super::super::inputs::is_standard_input;
use super::super::output::output;
use super::super::say;
use super::error::KeyFileError;
use super::source::Source;

/// `ntpcap keys diff`.
///
/// # Errors
/// Files that cannot be read.
pub(super) fn diff(arguments: &KeyDiffArguments) -> Result<Exit, CliError> {
    if is_standard_input(&arguments.first) && is_standard_input(&arguments.second) {
        return Err(CliError::StandardInputTwice);
    }
    let [as_first, as_second] = programs(&arguments.formats)?;
    let first = Side::read(&arguments.first, as_first)?;
    let second = Side::read(&arguments.second, as_second)?;
    if !arguments.quiet {
        first
            .warnings()
            .iter()
            .chain(&second.warnings())
            .for_each(|warning| say(&format!("warning: {warning}")));
    }
    let differences = comparison::compare(&first.file, &second.file);
    let keys = comparison::count(&first.file, &second.file);
    let records = differences.iter().map(record).collect();
    let document = KeyDiffDocument::new(first.compared(), second.compared(), keys, records);
    if arguments.json {
        document.write(&mut output())?;
    } else if !arguments.quiet {
        document.write_text(&mut output())?;
    }
    let refused = first.is_refused() != second.is_refused();
    Ok(if differences.is_empty() && !refused { Exit::Fine } else { Exit::Wrong })
}

/// By whose rules to read each of the two.
fn programs(given: &[Dialect]) -> Result<[Option<Dialect>; 2], KeyFileError> {
    match given {
        [] => Ok([None, None]),
        [both] => Ok([Some(*both), Some(*both)]),
        [first, second] => Ok([Some(*first), Some(*second)]),
        _ => Err(KeyFileError::Programs),
    }
}

/// One of the two files.
struct Side {
    source: Source,
    dialect: Dialect,
    file: KeyFile,
}

impl Side {
    fn read(path: &std::path::Path, dialect: Option<Dialect>) -> Result<Side, CliError> {
        let source = Source::read_key_file(path, dialect)?;
        let Format::Daemon(dialect) = source.format else { return Err(KeyFileError::Programs.into()) };
        let file = keyfile::read(&source.text, dialect);
        Ok(Side { source, dialect, file })
    }

    fn is_refused(&self) -> bool {
        matches!(self.file.consequence, Consequence::FileRefused { .. })
    }

    /// What may make the comparison mean less than it says.
    fn warnings(&self) -> Vec<String> {
        let has_errors = self.file.problems.iter().any(|problem| problem.severity == Severity::Error);
        let consequence = (has_errors && !self.is_refused())
            .then(|| format!("{}: {}", self.source.label(), self.file.consequence));
        let guessed =
            self.file.entries.iter().filter(|entry| entry.guessed && !entry.superseded).map(|entry| {
                format!(
                    "{}:{}: key {}: NTPsec fills it up with octets that nobody knows, taken as zeros",
                    self.source.label(),
                    entry.line,
                    entry.id()
                )
            });
        self.source.doubt().into_iter().chain(consequence).chain(guessed).collect()
    }

    fn compared(&self) -> ComparedFile {
        let refusal = self.is_refused().then(|| self.file.consequence.to_string());
        ComparedFile { file: self.source.label(), format: self.dialect.name(), refusal }
    }
}

fn record(difference: &Difference) -> KeyDiffRecord {
    let same_secret_as = match &difference.kind {
        DifferenceKind::Missing { elsewhere } => elsewhere.iter().map(|id| id.0).collect(),
        _ => Vec::new(),
    };
    KeyDiffRecord {
        key_id: difference.id.0,
        code: difference.kind.code(),
        line_a: difference.first,
        line_b: difference.second,
        same_secret_as,
        detail: difference.to_string(),
    }
}
