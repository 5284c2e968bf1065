//! The faults that `serve` is to have, and the list of those that there are.

use std::io::Write;
use std::path::Path;

use crate::auth::Keyring;
use crate::report::serve::{self, FaultRecord};
use crate::server::fault::{self, Scenario, Source};
use crate::server::{Fault, Faults};

use super::super::args::serve::FaultArguments;
use super::super::exit::{CliError, Exit};
use super::super::inputs::unreadable;

/// The faults of the command line and of the scenario, and whether one sends from other addresses.
///
/// # Errors
/// A scenario that cannot be read, and a fault that lacks its keys.
pub(super) fn read<'k>(
    arguments: &FaultArguments,
    keys: &'k Keyring,
    seed: u64,
) -> Result<(Faults<'k>, bool), CliError> {
    arguments.fault.iter().try_for_each(|fault| fault.check(keys)).map_err(CliError::Fault)?;
    fault::check_together(&arguments.fault).map_err(CliError::Fault)?;
    let faults = Faults::new(keys, arguments.fault.clone(), seed);
    let is_elsewhere = |fault: &Fault| fault.parameters.source == Some(Source::OtherAddress);
    let is_asked_elsewhere = arguments.fault.iter().any(is_elsewhere);
    let Some(path) = &arguments.scenario else { return Ok((faults, is_asked_elsewhere)) };
    let scenario = scenario(path, keys)?;
    let is_elsewhere = is_asked_elsewhere || scenario.faults().any(|fault| is_elsewhere(&fault));
    Ok((faults.with_scenario(&scenario), is_elsewhere))
}

fn scenario(path: &Path, keys: &Keyring) -> Result<Scenario, CliError> {
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, error))?;
    let wrong = |error| CliError::Scenario { path: path.to_owned(), error };
    let scenario = Scenario::parse(&text).map_err(wrong)?;
    scenario.check(keys).map_err(wrong)?;
    Ok(scenario)
}

/// Tells of every fault: what it does, what a client must do, and what can be set.
///
/// # Errors
/// Those of writing.
pub(super) fn list(output: &mut impl Write, json: bool) -> Result<Exit, CliError> {
    for (index, row) in fault::list().iter().enumerate() {
        let record = FaultRecord {
            name: row.name,
            group: row.group.name(),
            does: row.does,
            client_must: row.client_must,
            parameters: row.parameters.iter().map(|parameter| parameter.name()).collect(),
        };
        if json {
            serve::write(output, &serve::ServeRecord::Fault(record))?;
        } else {
            if index > 0 {
                writeln!(output)?;
            }
            record.write_text(output)?;
        }
    }
    Ok(Exit::Fine)
}
