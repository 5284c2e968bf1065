//! `ntpcap keys`: what is to be done about key files themselves.

mod convert;
mod diff;
mod error;
mod fingerprint;
mod generate;
mod lint;
mod made;
mod source;

pub(super) use error::KeyFileError;

use super::args::keyfiles::KeysCommand;
use super::exit::{CliError, Exit};

/// `ntpcap keys`.
///
/// # Errors
/// Files that cannot be read or written.
pub(super) fn keys(command: &KeysCommand) -> Result<Exit, CliError> {
    match command {
        KeysCommand::Lint(arguments) => lint::lint(arguments),
        KeysCommand::Gen(arguments) => generate::generate(arguments),
        KeysCommand::Convert(arguments) => convert::convert(arguments),
        KeysCommand::Fingerprint(arguments) => fingerprint::fingerprint(arguments),
        KeysCommand::Diff(arguments) => diff::diff(arguments),
    }
}
