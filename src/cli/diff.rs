//! `ntpcap diff`: what changed between two runs of `probe`.

use std::fs;
use std::path::Path;

use crate::report::probe::{DiffDocument, StoredRun};

use super::args::probe::DiffArguments;
use super::exit::{CliError, Exit};
use super::inputs::unreadable;
use super::output::output;

/// `ntpcap diff`.
///
/// # Errors
/// Files that cannot be read, or hold no run.
pub(super) fn diff(arguments: &DiffArguments) -> Result<Exit, CliError> {
    let (before, after) = (read(&arguments.before)?, read(&arguments.after)?);
    let document = DiffDocument::new(&before, &after);
    if arguments.json {
        document.write(&mut output())?;
    } else if !arguments.quiet {
        document.write_text(&mut output())?;
    }
    Ok(if document.changes.is_empty() { Exit::Fine } else { Exit::Wrong })
}

fn read(path: &Path) -> Result<StoredRun, CliError> {
    let text = fs::read_to_string(path).map_err(|error| unreadable(path, error))?;
    StoredRun::parse(&text).map_err(|error| CliError::StoredRun { path: path.to_owned(), error })
}
