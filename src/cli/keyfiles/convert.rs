//! `ntpcap keys convert`: the same keys for another program.

use std::iter;

use crate::auth::conversion::{self, Format, Keys};

use super::super::args::keymaking::ConvertArguments;
use super::super::destination::Destination;
use super::super::exit::{CliError, Exit};
use super::super::say;
use super::error::KeyFileError;
use super::made::{faults_of, put, tell};
use super::source::Source;

/// `ntpcap keys convert`.
///
/// # Errors
/// A file that cannot be read, keys that the other program cannot have, and a file that cannot be made.
pub(super) fn convert(arguments: &ConvertArguments) -> Result<Exit, CliError> {
    let (made, to) = (&arguments.made, arguments.to);
    let source = Source::read(&arguments.file, arguments.from)?;
    source.insist()?;
    let keys = conversion::read(&source.text, source.format);
    all_known(&keys, &source, to)?;
    if keys.kept.is_empty() {
        return Err(KeyFileError::NoKeys { path: source.path, format: source.format.title() }.into());
    }
    let text = conversion::write(&keys.kept, to, &header(&source, to)).map_err(|faults| {
        let (faults, hint) = faults_of(&source.label(), &faults);
        KeyFileError::Unconvertible { path: source.path.clone(), to: to.name(), faults, hint }
    })?;
    let inputs = iter::once(arguments.file.as_path());
    let destination = Destination::open_secret(&made.output, made.force, inputs)?;
    put(destination, &text, made)?;
    if !made.quiet {
        for line in &keys.superseded {
            say(&format!(
                "warning: {}:{line}: left out: {} uses another line with this key ID",
                source.label(),
                source.format.title()
            ));
        }
    }
    tell(made, &keys.kept, to);
    Ok(Exit::Fine)
}

/// Refuses a file that has more than its program would load: what was meant by the rest is not for this command to say.
fn all_known(keys: &Keys, source: &Source, to: Format) -> Result<(), KeyFileError> {
    if keys.lost.is_empty() {
        return Ok(());
    }
    let name = source.label();
    let place = |line: usize| if line == 0 { name.clone() } else { format!("{name}:{line}") };
    let faults = keys.lost.iter().map(|lost| format!("  {}: {lost}", place(lost.line))).collect();
    let hint = match source.format {
        Format::Daemon(dialect) => format!("ntpcap keys lint {name} --as {dialect} says what to mend"),
        device => {
            format!("mend or leave out these lines, or say with --as what else than {device} the file is for")
        }
    };
    Err(KeyFileError::Unconvertible { path: source.path.clone(), to: to.name(), faults, hint: Some(hint) })
}

/// What the file begins with: whose it is, and where its keys come from.
fn header(source: &Source, to: Format) -> Vec<String> {
    let name: String = source.label().chars().take(LONGEST_NAME).collect();
    let mut header = vec![to.header(), format!("from {name}, read as {}", source.format)];
    header.extend(match to {
        Format::CiscoIos | Format::Arista => {
            Some("Each key is used once it is trusted: ntp trusted-key ID".to_owned())
        }
        Format::Junos => {
            Some("Each key is used once it is trusted: set system ntp trusted-key ID".to_owned())
        }
        Format::Daemon(_) => None,
    });
    header
}

/// Characters of a path in a comment: a daemon takes what does not fit its line buffer for another line.
const LONGEST_NAME: usize = 100;
