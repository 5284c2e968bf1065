//! `ntpcap keys`: what is to be done about key files themselves.

mod lint;

use super::args::keyfiles::KeysCommand;
use super::exit::{CliError, Exit};

/// `ntpcap keys`.
///
/// # Errors
/// Files that cannot be read or written.
pub(super) fn keys(command: &KeysCommand) -> Result<Exit, CliError> {
    match command {
        KeysCommand::Lint(arguments) => lint::lint(arguments),
    }
}
