//! The targets of a run: what was named, and the addresses of it.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::super::args::probe::ProbeArguments;
use super::super::exit::CliError;
use super::super::hosts::{self, Wanted};
use super::super::inputs::{is_standard_input, unreadable};

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
    let mut named: Vec<Result<Named, CliError>> =
        arguments.target.iter().map(|text| Ok(Named { text: text.clone(), line: None })).collect();
    if let Some(path) = &arguments.targets {
        named.extend(lines(path, arguments)?);
    }
    let (mut targets, mut unknown): (Vec<Target>, Vec<CliError>) = Default::default();
    let mut seen = HashSet::new();
    for one in named {
        match one.and_then(|named| resolve(&named, arguments)) {
            Err(error) => unknown.push(error),
            Ok(resolved) => targets.extend(resolved.into_iter().filter(|target| seen.insert(target.address))),
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

/// A target as it was written.
struct Named {
    text: String,
    /// The file and the line where it stands.
    line: Option<(PathBuf, usize)>,
}

/// The targets in a file or in standard input; a line that is no text is an error of its own.
fn lines(path: &Path, arguments: &ProbeArguments) -> Result<Vec<Result<Named, CliError>>, CliError> {
    let octets = if is_standard_input(path) {
        if arguments.keys.files.iter().any(|file| is_standard_input(&file.path)) {
            return Err(CliError::StandardInputTwice);
        }
        let mut octets = Vec::new();
        io::stdin().lock().read_to_end(&mut octets).map_err(|error| unreadable(path, error))?;
        octets
    } else {
        fs::read(path).map_err(|error| unreadable(path, error))?
    };
    // Some editors put a mark of the encoding before all.
    let octets = octets.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&octets);
    let named = octets.split(|octet| *octet == b'\n').enumerate().map(|(index, line)| {
        let place = (path.to_owned(), index + 1);
        match std::str::from_utf8(line) {
            Ok(line) => {
                let text = line.split('#').next().unwrap_or_default().trim().to_owned();
                Ok(Named { text, line: Some(place) })
            }
            Err(_) => Err(at(place, CliError::NotText)),
        }
    });
    Ok(named.filter(|named| named.as_ref().map_or(true, |named| !named.text.is_empty())).collect())
}

fn at((path, line): (PathBuf, usize), error: CliError) -> CliError {
    CliError::TargetLine { path, line, error: Box::new(error) }
}

fn resolve(named: &Named, arguments: &ProbeArguments) -> Result<Vec<Target>, CliError> {
    let asking = &arguments.asking;
    let wanted = Wanted { ipv4: asking.ipv4, ipv6: asking.ipv6, source: asking.source };
    let (addresses, name) = hosts::resolve(&named.text, wanted).map_err(|error| match &named.line {
        Some(place) => at(place.clone(), error),
        None => error,
    })?;
    Ok(addresses.into_iter().map(|address| Target { address, name: name.clone() }).collect())
}
