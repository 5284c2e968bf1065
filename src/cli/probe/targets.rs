//! The targets of a run: what was named, and the addresses of it.

use std::fs;
use std::net::SocketAddr;

use super::super::args::probe::ProbeArguments;
use super::super::exit::CliError;
use super::super::hosts::{self, Wanted};
use super::super::inputs::unreadable;

/// An address that is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// Where it is asked.
    pub(super) address: SocketAddr,
    /// The name that was given, where it was not the address.
    pub(super) name: Option<String>,
}

/// All targets, each address once, and what could not be resolved.
///
/// # Errors
/// When the file of targets cannot be read, or nothing at all can be resolved.
pub(super) fn targets(arguments: &ProbeArguments) -> Result<(Vec<Target>, Vec<CliError>), CliError> {
    let mut named = arguments.target.clone();
    if let Some(path) = &arguments.targets {
        let text = fs::read_to_string(path).map_err(|error| unreadable(path, error))?;
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        named.extend(lines.filter(|line| !line.is_empty()).map(str::to_owned));
    }
    let (mut targets, mut unknown): (Vec<Target>, Vec<CliError>) = Default::default();
    for text in &named {
        match resolve(text, arguments) {
            Err(error) => unknown.push(error),
            Ok(resolved) => {
                for target in resolved {
                    if targets.iter().all(|known| known.address != target.address) {
                        targets.push(target);
                    }
                }
            }
        }
    }
    match (targets.is_empty(), unknown.pop()) {
        (true, Some(error)) => Err(error),
        (true, None) => Err(CliError::NoTargets),
        (false, last) => {
            unknown.extend(last);
            Ok((targets, unknown))
        }
    }
}

fn resolve(text: &str, arguments: &ProbeArguments) -> Result<Vec<Target>, CliError> {
    let asking = &arguments.asking;
    let wanted = Wanted { ipv4: asking.ipv4, ipv6: asking.ipv6, source: asking.source };
    let (addresses, name) = hosts::resolve(text, wanted)?;
    Ok(addresses.into_iter().map(|address| Target { address, name: name.clone() }).collect())
}
