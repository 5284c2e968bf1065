//! `ntpcap keys lint`: what is wrong with a key file.

use super::super::args::keyfiles::LintArguments;
use super::super::exit::{CliError, Exit};

/// `ntpcap keys lint`.
///
/// # Errors
/// Files that cannot be read.
pub(super) fn lint(_arguments: &LintArguments) -> Result<Exit, CliError> {
    Ok(Exit::Fine)
}
