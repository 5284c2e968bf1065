//! What `gen` and `convert` share: putting secrets into a file, and saying so.

use std::io::Write;

use crate::auth::conversion::{Format, Inexpressible, Kept};
use crate::report::summary::count;

use super::super::args::keymaking::MadeArguments;
use super::super::destination::Destination;
use super::super::exit::{CliError, label};
use super::super::inputs::unreadable;
use super::super::say;

/// Writes the text and gives the file its name.
pub(super) fn put(mut destination: Destination, text: &[u8], made: &MadeArguments) -> Result<(), CliError> {
    let written = destination.write_all(text).and_then(|()| destination.sync());
    written.map_err(|error| unreadable(&made.output, error))?;
    destination.finish()
}

/// Says what was made, unless quiet.
pub(super) fn tell(made: &MadeArguments, keys: &[Kept], format: Format) {
    if !made.quiet {
        let number = u64::try_from(keys.len()).unwrap_or(u64::MAX);
        let (number, name) = (count(number, "key"), label(&made.output));
        say(&format!("note: {name}: {number} for {format}, readable by its owner alone (mode 0600)"));
    }
}

/// One line for each key that has no spelling, and what to do where all have the same remedy.
pub(super) fn faults_of(name: &str, faults: &[Inexpressible]) -> (Vec<String>, Option<String>) {
    let lines = faults.iter().map(|fault| format!("  {name}:{}: {fault}", fault.line)).collect();
    let mut hints: Vec<&str> = faults.iter().filter_map(Inexpressible::hint).collect();
    hints.sort_unstable();
    hints.dedup();
    (lines, (!hints.is_empty()).then(|| hints.join("; ")))
}
