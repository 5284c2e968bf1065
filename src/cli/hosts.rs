//! Names and addresses of servers, as people write them.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use super::exit::CliError;

/// The port of NTP.
const NTP: u16 = 123;

/// Which addresses of a name are wanted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted {
    /// IPv4 alone.
    pub(super) ipv4: bool,
    /// IPv6 alone.
    pub(super) ipv6: bool,
    /// Those that can be asked from there.
    pub(super) source: Option<IpAddr>,
}

/// The addresses of a host, and its name where it was given by one.
///
/// # Errors
/// What is no host, is unknown, or has no address that is wanted.
pub(super) fn resolve(text: &str, wanted: Wanted) -> Result<(Vec<SocketAddr>, Option<String>), CliError> {
    let (host, port) = split(text).ok_or_else(|| CliError::Target { text: text.to_owned() })?;
    let is_wanted = |address: &SocketAddr| match (wanted.ipv4, wanted.ipv6, wanted.source) {
        (true, _, _) => address.is_ipv4(),
        (_, true, _) => address.is_ipv6(),
        (false, false, Some(source)) => address.is_ipv4() == source.is_ipv4(),
        (false, false, None) => true,
    };
    let (all, name): (Vec<SocketAddr>, Option<String>) = match host.parse::<IpAddr>() {
        Ok(address) => (vec![SocketAddr::new(address, port)], None),
        Err(_) => {
            let unknown = |error| CliError::UnknownHost { host: host.to_owned(), error };
            ((host, port).to_socket_addrs().map_err(unknown)?.collect(), Some(host.to_owned()))
        }
    };
    let all: Vec<SocketAddr> = all.into_iter().filter(is_wanted).collect();
    if all.is_empty() { Err(CliError::NoSuchAddress { host: host.to_owned() }) } else { Ok((all, name)) }
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
