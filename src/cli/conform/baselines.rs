//! Baselines: those that come with the program, and files.

use std::path::Path;

use crate::conformance::Baseline;

use super::super::exit::CliError;

/// What real servers are known to do otherwise. `tests/peers/conform.py` holds them to it.
static KNOWN: &[(&str, &str)] = &[];

/// The baseline of that name, or in that file.
///
/// # Errors
/// When there is neither, or it makes no sense.
pub(super) fn baseline(name: &str) -> Result<Baseline, CliError> {
    let known = KNOWN.iter().find(|(known, _)| *known == name).map(|(_, text)| (*text).to_owned());
    let text = match known {
        Some(text) => text,
        None if Path::new(name).exists() => super::read(Path::new(name))?,
        None => {
            let known = KNOWN.iter().map(|(known, _)| *known).collect();
            return Err(CliError::NoSuchBaseline { name: name.to_owned(), known });
        }
    };
    Baseline::parse(&text).map_err(|error| CliError::Baseline { name: name.to_owned(), error })
}
