//! The arguments of `serve`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};

use crate::auth::keyfile::{AddressRange, Dialect};
use crate::ntp::ReferenceId;
use crate::ntp::header::LeapIndicator;
use crate::ntp::timestamp::NtpShort;
use crate::server::clock::Deviation;
use crate::server::rate::Rate;
use crate::server::{Fault, Habit};

use super::length::{length, signed};
use super::{KeyArguments, KeysArgument, address_of};

pub(super) const EXAMPLES: &str = "\
Examples:
  ntpcap serve --keys ntp.keys --trusted 11-13
  ntpcap serve --keys ntp.keys --like chrony --listen 0.0.0.0:123 --listen '[::]:123'
  ntpcap serve --offset -1h --listen 127.0.0.1:0 --json --log requests.ndjson --pcap traffic.pcapng";

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub struct ServeArguments {
    /// Address and port; repeatable [default: port 11123 of 127.0.0.1 and ::1]
    ///
    /// Port 0 stands for any free one; the first lines of output say which.
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = listen_address)]
    pub listen: Vec<SocketAddr>,
    /// Threads that answer, each by its own socket [default: one a core]
    #[arg(long, hide_short_help = true, value_name = "N", value_parser = clap::value_parser!(u8).range(1..))]
    pub threads: Option<u8>,
    /// Stop by itself after this time
    #[arg(long, value_name = "TIME", value_parser = length)]
    pub duration: Option<Duration>,
    /// Change to this user once all is open
    ///
    /// By default to nobody, when started by root for a port below 1024.
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub keys: ServerKeyArguments,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub behaviour: BehaviourArguments,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub faults: FaultArguments,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub time: TimeArguments,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub access: AccessArguments,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub result: ServeResultArguments,
}

/// Where the server's keys come from.
#[derive(Debug, Args)]
#[command(next_help_heading = "Keys")]
pub struct ServerKeyArguments {
    /// Key file, `-` for standard input; repeatable
    ///
    /// Without it: the file that --conf names, then that of NTPCAP_KEYS. Without any, time is served to those who ask
    /// without a MAC. The usual places of other programs are not looked at.
    #[arg(long = "keys", value_name = "FILE", value_parser = OsStringValueParser::new().try_map(KeysArgument::parse))]
    pub files: Vec<KeysArgument>,
    /// By whose rules to read it: ntp.org, ntpsec or chrony; told by content otherwise
    #[arg(long = "key-format", value_name = "PROGRAM")]
    pub format: Option<Dialect>,
    /// Trusted key IDs, such as 11-13,20; all keys otherwise
    #[arg(long, value_name = "IDS")]
    pub trusted: Option<String>,
    /// Take key file and trusted keys from this ntp.conf or chrony.conf
    #[arg(long, value_name = "FILE")]
    pub conf: Option<PathBuf>,
}

impl ServerKeyArguments {
    /// As the commands have them that read captures.
    pub fn to_key_arguments(&self) -> KeyArguments {
        KeyArguments {
            files: self.files.clone(),
            format: self.format,
            trusted: self.trusted.clone(),
            nt_hash: None,
            conf: self.conf.clone(),
        }
    }
}

/// What the server does wrong.
#[derive(Debug, Args)]
#[command(next_help_heading = "Faults")]
pub struct FaultArguments {
    /// Do this wrong, such as flip-bit:every=3,key=11; repeatable
    #[arg(long, value_name = "FAULT", value_parser = Fault::parse)]
    pub fault: Vec<Fault>,
    /// Do wrong what this timeline says (TOML)
    #[arg(long, value_name = "FILE")]
    pub scenario: Option<PathBuf>,
    /// Say what can be done wrong, and what a client must do then
    #[arg(long)]
    pub list_faults: bool,
}

/// How the server answers.
#[derive(Debug, Args)]
#[command(next_help_heading = "Behaviour")]
pub struct BehaviourArguments {
    /// Whose habits: ntpcap, ntp.org, ntpsec, chrony, ntpd-rs, openntpd, busybox
    #[arg(long, value_name = "PROGRAM", default_value = "ntpcap", value_parser = habit)]
    pub like: &'static Habit,
    /// Do not answer requests without a MAC
    #[arg(long)]
    pub require_authentication: bool,
    /// Answer version 5 as ntp.org's ntpd does, in the form of version 4
    #[arg(long, hide_short_help = true)]
    pub answer_version_5: bool,
    /// Never answer in interleaved mode
    #[arg(long, hide_short_help = true)]
    pub no_interleaved: bool,
    /// Have no time yet: leap indicator 3, stratum 0, INIT
    #[arg(long, hide_short_help = true)]
    pub unsynchronised: bool,
    /// Stratum to give, 0 to 255 [default: 5]
    #[arg(long, value_name = "N")]
    pub stratum: Option<u8>,
    /// Leap indicator to give: none, insert, delete or unknown
    #[arg(long, hide_short_help = true, value_name = "NAME", value_parser = leap_indicator)]
    pub leap: Option<LeapIndicator>,
    /// Reference ID to give: an IPv4 address, or up to four letters
    #[arg(long, hide_short_help = true, value_name = "ID", value_parser = reference_id)]
    pub reference_id: Option<ReferenceId>,
    /// Precision to give, log2 seconds [default: -20]
    #[arg(long, hide_short_help = true, value_name = "N", allow_hyphen_values = true)]
    pub precision: Option<i8>,
    /// Root delay to give
    #[arg(long, hide_short_help = true, value_name = "TIME", value_parser = short)]
    pub root_delay: Option<NtpShort>,
    /// Root dispersion to give [default: 1ms]
    #[arg(long, hide_short_help = true, value_name = "TIME", value_parser = short)]
    pub root_dispersion: Option<NtpShort>,
}

/// How far the server's time is from the system's.
#[derive(Debug, Args)]
#[command(next_help_heading = "Time served; the system's clock is never set")]
pub struct TimeArguments {
    /// Be ahead by this, such as 1h, or behind: -250ms
    #[arg(long, value_name = "TIME", default_value = "0s", hide_default_value = true,
        allow_hyphen_values = true, value_parser = offset)]
    pub offset: i64,
    /// Be fast by so many millionths, or slow if negative
    #[arg(long, hide_short_help = true, value_name = "PPM", default_value = "0", hide_default_value = true,
        allow_hyphen_values = true, value_parser = drift)]
    pub drift: i64,
    /// Be off by up to this at random at every reading
    #[arg(long, value_name = "TIME", default_value = "0s", hide_default_value = true, value_parser = jitter)]
    pub jitter: u64,
    /// What determines everything that is random
    #[arg(long, hide_short_help = true, value_name = "N", default_value = "1", hide_default_value = true)]
    pub seed: u64,
}

/// Who is answered, and how often.
#[derive(Debug, Args)]
#[command(next_help_heading = "Clients")]
pub struct AccessArguments {
    /// Answer a client so often, such as 2/s or 8/m, then the kiss RATE once
    ///
    /// More requests get nothing, until the client was quiet for the whole time. 64 bits of an IPv6 address are one
    /// client.
    #[arg(long, value_name = "N/UNIT", value_parser = rate)]
    pub rate_limit: Option<Rate>,
    /// Send the kiss DENY to this network; repeatable
    #[arg(long, value_name = "NET", value_parser = network)]
    pub deny: Vec<AddressRange>,
    /// Send the kiss RSTR to this network; repeatable
    #[arg(long, hide_short_help = true, value_name = "NET", value_parser = network)]
    pub restrict: Vec<AddressRange>,
    /// Answer control messages (ntpq -c rv) of this network; repeatable
    #[arg(long, hide_short_help = true, value_name = "NET", value_parser = network)]
    pub control: Vec<AddressRange>,
    /// Send nothing to this network; repeatable
    #[arg(long, value_name = "NET", value_parser = network)]
    pub ignore: Vec<AddressRange>,
}

/// What is written down.
#[derive(Debug, Args)]
#[command(next_help_heading = "Result")]
pub struct ServeResultArguments {
    /// Append a JSON record of each request; `-` is standard output
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// Capture both directions as pcapng, decisions as comments
    #[arg(long, value_name = "FILE")]
    pub pcap: Option<PathBuf>,
    /// Replace the pcapng file if there is one
    #[arg(long, hide_short_help = true)]
    pub force: bool,
    /// Tell in JSON where it listens, and the counts at the end
    #[arg(long)]
    pub json: bool,
    /// Nothing but errors, and the log where there is one
    #[arg(short, long, conflicts_with = "json")]
    pub quiet: bool,
}

fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let expected = "expected an address and a port, such as 127.0.0.1:11123 or [::1]:11123";
    let mut address: SocketAddr = text.parse().map_err(|_| expected)?;
    let needs_interface =
        |address: &SocketAddrV6| address.ip().is_unicast_link_local() && address.scope_id() == 0;
    if address.ip().to_canonical().is_multicast() {
        return Err("a server joins no group; expected an address of this host".to_owned());
    }
    if matches!(&address, SocketAddr::V6(v6) if needs_interface(v6)) {
        let wanted = "expected the interface's number too, as ip link tells it, such as [fe80::1%2]:11123";
        return Err(wanted.to_owned());
    }
    if address.ip().to_canonical() != address.ip() {
        address.set_ip(address.ip().to_canonical());
    }
    Ok(address)
}

pub(super) fn habit(text: &str) -> Result<&'static Habit, String> {
    let names = || Habit::ALL.map(|habit| habit.name).join(", ");
    Habit::of_name(text).ok_or_else(|| format!("expected one of {}", names()))
}

fn leap_indicator(text: &str) -> Result<LeapIndicator, String> {
    let all = [0, 1, 2, 3].map(LeapIndicator::from_bits);
    let found = all.into_iter().find(|leap| leap.name() == text);
    found.ok_or_else(|| format!("expected one of {}", all.map(LeapIndicator::name).join(", ")))
}

fn reference_id(text: &str) -> Result<ReferenceId, String> {
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return Ok(ReferenceId(address.octets()));
    }
    let mut octets = [0; 4];
    if text.len() > octets.len() || !text.bytes().all(|octet| octet.is_ascii_graphic()) {
        return Err("expected an IPv4 address, or up to four letters such as GPS".to_owned());
    }
    octets.iter_mut().zip(text.bytes()).for_each(|(octet, letter)| *octet = letter);
    Ok(ReferenceId(octets))
}

/// Of the lengths that the format has: units of 2^-16 s, less than 65,536 s.
fn short(text: &str) -> Result<NtpShort, String> {
    let units = Deviation::units(length(text)?).and_then(|units| u32::try_from(units >> 16).ok());
    units.map(NtpShort).ok_or_else(|| "expected less than 18h12m16s".to_owned())
}

fn offset(text: &str) -> Result<i64, String> {
    let offset = signed(text)?;
    let units = Deviation::units(offset.unsigned_abs());
    let units = units.ok_or_else(|| "expected less than 68 years".to_owned())?;
    Ok(if offset.is_negative() { -units } else { units })
}

fn jitter(text: &str) -> Result<u64, String> {
    let units = Deviation::units(length(text)?);
    units.map(i64::unsigned_abs).ok_or_else(|| "expected less than 68 years".to_owned())
}

/// From millionths to units of 10^-9.
fn drift(text: &str) -> Result<i64, String> {
    const LARGEST: f64 = 1_000_000.0;
    let ppm: Option<f64> = text.parse().ok().filter(|ppm: &f64| ppm.abs() <= LARGEST);
    let ppm = ppm.ok_or("expected a number from -1000000 to 1000000")?;
    #[expect(clippy::cast_possible_truncation, reason = "at most 10^9, as tested")]
    Ok((ppm * 1000.0).round() as i64)
}

fn rate(text: &str) -> Result<Rate, String> {
    let expected = || "expected a number and s, m or h, such as 2/s".to_owned();
    let (requests, unit) = text.split_once('/').ok_or_else(expected)?;
    let seconds = match unit {
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        _ => return Err(expected()),
    };
    let requests: NonZeroU32 = requests.parse().map_err(|_| expected())?;
    Ok(Rate { requests, period: Duration::from_secs(seconds) })
}

/// Bits before an IPv4 address in IPv6's form (`::ffff:192.0.2.1`).
const MAPPED: u8 = 96;

fn network(text: &str) -> Result<AddressRange, String> {
    let expected = || "expected an address, or one with a prefix length such as 10.0.0.0/8".to_owned();
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let address: IpAddr = address_of(address).ok_or_else(expected)?;
    let whole = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.map_or(Ok(whole), str::parse).ok().filter(|bits| *bits <= whole);
    let bits: u8 = bits.ok_or_else(expected)?;
    // Clients of IPv4 have no other address here than that.
    let is_v4 = address.to_canonical() != address;
    match bits.checked_sub(MAPPED).filter(|_| is_v4) {
        Some(bits) => Ok(AddressRange { address: address.to_canonical(), bits }),
        None => Ok(AddressRange { address, bits }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_sign_and_unit() {
        assert_eq!(offset("1h"), Ok(3600 << 32));
        assert_eq!(offset("-500ms"), Ok(-(1 << 31)));
        assert_eq!(jitter("500ms"), Ok(1 << 31));
        assert!(jitter("-5ms").is_err() && offset("5").is_err() && offset("600000h").is_err());
        assert_eq!(short("500ms"), Ok(NtpShort(0x8000)));
        assert!(short("65536s").is_err());
    }

    #[test]
    fn what_is_listened_on_is_an_address_of_a_host() {
        assert_eq!(listen_address("[::ffff:127.0.0.1]:5"), listen_address("127.0.0.1:5"));
        assert!(listen_address("[fe80::1%2]:5").is_ok());
        for (text, said) in [
            ("[fe80::1]:5", "interface's number"),
            ("224.0.1.1:123", "joins no group"),
            ("[ff02::101]:123", "joins no group"),
            ("127.0.0.1", "and a port"),
        ] {
            assert!(listen_address(text).unwrap_err().contains(said), "{text}");
        }
    }

    #[test]
    fn drift_is_read_in_millionths() {
        assert_eq!((drift("12.5"), drift("-0.001")), (Ok(12_500), Ok(-1)));
        assert!(drift("nan").is_err() && drift("1e9").is_err());
    }

    #[test]
    fn rates_and_networks_are_read() {
        let of = |requests, seconds| {
            let requests = NonZeroU32::new(requests).unwrap();
            Ok(Rate { requests, period: Duration::from_secs(seconds) })
        };
        assert_eq!((rate("2/s"), rate("8/m")), (of(2, 1), of(8, 60)));
        assert!(rate("0/s").is_err() && rate("2").is_err() && rate("2/d").is_err());
        assert_eq!(network("10.0.0.0/8").unwrap().bits, 8);
        assert_eq!(network("::1").unwrap().bits, 128);
        assert_eq!(network("::ffff:10.0.0.1"), network("10.0.0.1"));
        assert_eq!(network("::ffff:10.0.0.0/104"), network("10.0.0.0/8"));
        assert_eq!(network("::ffff:10.0.0.0/95").unwrap().bits, 95);
        assert!(network("10.0.0.0/33").is_err() && network("host").is_err());
    }

    #[test]
    fn reference_ids_are_addresses_or_letters() {
        assert_eq!(reference_id("GPS"), Ok(ReferenceId(*b"GPS\0")));
        assert_eq!(reference_id("10.0.0.5"), Ok(ReferenceId([10, 0, 0, 5])));
        assert!(reference_id("LONGER").is_err());
    }
}
