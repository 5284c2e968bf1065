//! The targets of a run: what was named, and the addresses of it.

use std::fs;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use super::super::args::probe::ProbeArguments;
use super::super::exit::CliError;
use super::super::inputs::unreadable;

/// The port of NTP.
const NTP: u16 = 123;

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

/// The addresses of a target, as far as they are of a kind that is wanted.
fn resolve(text: &str, arguments: &ProbeArguments) -> Result<Vec<Target>, CliError> {
    let (host, port) = split(text).ok_or_else(|| CliError::Target { text: text.to_owned() })?;
    let asking = &arguments.asking;
    let is_wanted = |address: &SocketAddr| match (asking.ipv4, asking.ipv6, asking.source) {
        (true, _, _) => address.is_ipv4(),
        (_, true, _) => address.is_ipv6(),
        (false, false, Some(source)) => address.is_ipv4() == source.is_ipv4(),
        (false, false, None) => true,
    };
    if let Ok(address) = host.parse::<IpAddr>() {
        let address = SocketAddr::new(address, port);
        return match is_wanted(&address) {
            true => Ok(vec![Target { address, name: None }]),
            false => Err(CliError::NoSuchAddress { host: host.to_owned() }),
        };
    }
    let unknown = |error| CliError::UnknownHost { host: host.to_owned(), error };
    let addresses = (host, port).to_socket_addrs().map_err(unknown)?.filter(is_wanted);
    let name = Some(host.to_owned());
    let all: Vec<Target> = addresses.map(|address| Target { address, name: name.clone() }).collect();
    if all.is_empty() { Err(CliError::NoSuchAddress { host: host.to_owned() }) } else { Ok(all) }
}

/// Host and port of `HOST`, `HOST:PORT`, `ADDRESS`, `[ADDRESS]` and `[ADDRESS]:PORT`; an address of version 6 without
/// brackets has no port behind it.
fn split(text: &str) -> Option<(&str, u16)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, behind) = rest.split_once(']')?;
        let port = if behind.is_empty() { NTP } else { port(behind.strip_prefix(':')?)? };
        return Some((host, port));
    }
    match text.split_once(':') {
        Some((host, behind)) if !behind.contains(':') => {
            Some((host, port(behind)?)).filter(|_| !host.is_empty())
        }
        _ => Some((text, NTP)).filter(|_| !text.is_empty()),
    }
}

fn port(text: &str) -> Option<u16> {
    text.parse().ok().filter(|port| *port != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports_are_read_as_people_write_them() {
        for (text, host, port) in [
            ("10.0.0.5", "10.0.0.5", 123),
            ("10.0.0.5:1123", "10.0.0.5", 1123),
            ("ntp.example.org:99", "ntp.example.org", 99),
            ("fd99::1", "fd99::1", 123),
            ("[fd99::1]", "fd99::1", 123),
            ("[fd99::1]:1123", "fd99::1", 1123),
        ] {
            assert_eq!(split(text), Some((host, port)), "{text}");
        }
        for text in ["", ":123", "host:", "host:0", "host:65536", "[fd99::1", "[fd99::1]123"] {
            assert_eq!(split(text), None, "{text}");
        }
    }
}
