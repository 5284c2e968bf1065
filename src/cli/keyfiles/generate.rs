//! `ntpcap keys gen`: new keys.

use std::iter;

use crate::auth::Algorithm;
use crate::auth::conversion::{self, Format};
use crate::auth::generation::{self, Plan};

use super::super::args::keymaking::GenArguments;
use super::super::destination::Destination;
use super::super::exit::{CliError, Exit};
use super::error::KeyFileError;
use super::made::{faults_of, put, tell};

/// `ntpcap keys gen`.
///
/// # Errors
/// Keys that the program does not take, and a file that cannot be made.
pub(super) fn generate(arguments: &GenArguments) -> Result<Exit, CliError> {
    let made = &arguments.made;
    let plan = plan(arguments)?;
    let destination = Destination::open_secret(&made.output, made.force, iter::empty())?;
    let keys = plan.make(getrandom::fill).map_err(KeyFileError::Randomness)?;
    let format = Format::Daemon(plan.dialect());
    let header = [format.header()];
    let text = conversion::write(&keys, format, &header).map_err(|faults| {
        let (faults, hint) = faults_of("key", &faults);
        KeyFileError::Unconvertible { path: made.output.clone(), to: format.name(), faults, hint }
    })?;
    put(destination, &text, made)?;
    tell(made, &keys, format);
    Ok(Exit::Fine)
}

fn plan(arguments: &GenArguments) -> Result<Plan, KeyFileError> {
    let dialect = arguments.dialect;
    let algorithm = match &arguments.kind {
        None => Algorithm::Aes128Cmac,
        Some(word) => generation::algorithm_of(word, dialect).ok_or_else(|| KeyFileError::Type {
            word: word.clone(),
            dialect,
            known: generation::types(dialect),
        })?,
    };
    Ok(Plan::new(dialect, algorithm, arguments.bits, &arguments.id)?)
}
