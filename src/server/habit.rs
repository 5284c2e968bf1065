//! What sets the programs apart, as measured on them. One row each.

use crate::auth::Algorithm;
use crate::auth::algorithm::TRUNCATED_LENGTH;
use crate::ntp::header::{Mode, Version};

use super::trailer::{self, Trailer};

/// A way to answer.
#[derive(Debug)]
pub struct Habit {
    /// What users call it.
    pub name: &'static str,
    /// The program that it was measured on; empty for ntpcap's own.
    pub measured_on: &'static str,
    /// Versions that are answered.
    pub versions: &'static [u8],
    /// Octets of a request that are looked at; what is longer is cut there.
    pub longest: usize,
    pub(super) read: fn(Version, &[u8]) -> Trailer<'_>,
    pub(super) reply_mode: fn(Version, Mode) -> Option<Mode>,
    pub(super) macs: Macs,
    pub(super) poll: fn(i8) -> i8,
    /// Refuses what it cannot verify with a crypto-NAK, else with silence.
    pub naks: bool,
    /// Answers extension fields without a MAC; else it takes them for a MAC that is wrong.
    pub(super) takes_fields_alone: bool,
    /// A key must be in the trusted set.
    pub(super) heeds_trust: bool,
    /// A symmetric-active message with a valid MAC makes a peer of its sender, and is not answered at once.
    pub(super) mobilises_peers: bool,
    /// Answers interleaved mode.
    pub interleaves: bool,
    /// Answers chrony's experimental field 0xF323 in kind.
    pub(super) has_monotonic_field: bool,
    /// Sends kiss codes; else whoever gets one is not answered.
    pub(super) kisses: bool,
    /// A kiss is signed under the key that was asked for, before that is verified.
    pub(super) signs_kiss_unverified: bool,
}

/// What is done with MACs.
#[derive(Clone, Copy, Debug)]
pub(super) enum Macs {
    /// They are verified, where the digest has the right length for its algorithm and version.
    Verify(fn(Algorithm, Version, usize) -> bool),
    /// They are not looked at, and replies have none.
    Ignore,
    /// They are not looked at, and replies have zeros in their place.
    Zeros,
}

impl Habit {
    /// Every habit. The first is ntpcap's own.
    pub const ALL: [&'static Habit; 7] = [&NTPCAP, &NTP_ORG, &NTPSEC, &CHRONY, &NTPD_RS, &OPENNTPD, &BUSYBOX];

    /// The habit of that name.
    pub fn of_name(name: &str) -> Option<&'static Habit> {
        Habit::ALL.into_iter().find(|habit| habit.name == name)
    }
}

/// Octets that a datagram of any size has at most.
const ANY_LENGTH: usize = 65_535;

/// What most do: verify nothing they need not, refuse in silence, and know no mode but their own.
const COMMON: Habit = Habit {
    name: "",
    measured_on: "",
    versions: &[1, 2, 3, 4],
    longest: ANY_LENGTH,
    read: trailer::by_rfc,
    reply_mode: passive,
    macs: Macs::Ignore,
    poll: |poll| poll,
    naks: false,
    takes_fields_alone: false,
    heeds_trust: false,
    mobilises_peers: false,
    interleaves: false,
    has_monotonic_field: false,
    kisses: false,
    signs_kiss_unverified: false,
};

/// By the RFCs: what the others do is what they do otherwise.
pub static NTPCAP: Habit = Habit {
    name: "ntpcap",
    macs: Macs::Verify(whole_before_version_4),
    naks: true,
    takes_fields_alone: true,
    heeds_trust: true,
    interleaves: true,
    kisses: true,
    ..COMMON
};

static NTP_ORG: Habit = Habit {
    name: "ntp.org",
    measured_on: "ntpd 4.2.8p15",
    versions: &[1, 2, 3, 4, 5, 6, 7],
    read: trailer::by_ntp_org,
    macs: Macs::Verify(|algorithm, _, length| !is_long_cipher(algorithm) && is_cut(algorithm, length)),
    // Its poll exponents have no sign.
    poll: |poll| poll.cast_unsigned().max(3).cast_signed(),
    naks: true,
    heeds_trust: true,
    mobilises_peers: true,
    kisses: true,
    signs_kiss_unverified: true,
    ..COMMON
};

static NTPSEC: Habit = Habit {
    name: "ntpsec",
    measured_on: "ntpd 1.2.2",
    read: trailer::by_ntpsec,
    reply_mode: |version, mode| match mode {
        Mode::Client => Some(Mode::Server),
        Mode::Reserved | Mode::SymmetricActive if version == Version::from_bits(1) => Some(Mode::Server),
        _ => None,
    },
    macs: Macs::Verify(|algorithm, _, length| is_cut(algorithm, length)),
    heeds_trust: true,
    kisses: true,
    ..COMMON
};

static CHRONY: Habit = Habit {
    name: "chrony",
    measured_on: "chronyd 4.3",
    read: trailer::by_chrony,
    macs: Macs::Verify(|algorithm, version, length| match version < Version::FOUR {
        true => length == algorithm.digest_length(),
        false => is_cut(algorithm, length),
    }),
    takes_fields_alone: true,
    interleaves: true,
    has_monotonic_field: true,
    ..COMMON
};

static NTPD_RS: Habit = Habit {
    name: "ntpd-rs",
    measured_on: "ntp-daemon 1.4.0",
    versions: &[3, 4],
    read: trailer::by_ntpd_rs,
    // It answers whatever comes, replies too; those are left out, for two such servers would answer each other for ever.
    reply_mode: |_, mode| (mode != Mode::Server).then_some(Mode::Server),
    takes_fields_alone: true,
    ..COMMON
};

static OPENNTPD: Habit = Habit {
    name: "openntpd",
    measured_on: "ntpd 6.2p3",
    versions: &[0, 1, 2, 3, 4, 5, 6, 7],
    longest: 68,
    read: trailer::by_openntpd,
    reply_mode: client_or_peer,
    ..COMMON
};

static BUSYBOX: Habit = Habit {
    name: "busybox",
    measured_on: "ntpd 1.37",
    versions: &[0, 1, 2, 3, 4, 5, 6, 7],
    longest: 72,
    read: trailer::by_busybox,
    reply_mode: client_or_peer,
    macs: Macs::Zeros,
    poll: |_| 0,
    ..COMMON
};

/// Clients get mode 4, peers mode 2, and what version 1 asked before there were modes gets mode 4.
fn passive(version: Version, mode: Mode) -> Option<Mode> {
    match mode {
        Mode::Reserved if version == Version::from_bits(1) => Some(Mode::Server),
        _ => client_or_peer(version, mode),
    }
}

fn client_or_peer(_: Version, mode: Mode) -> Option<Mode> {
    match mode {
        Mode::Client => Some(Mode::Server),
        Mode::SymmetricActive => Some(Mode::SymmetricPassive),
        _ => None,
    }
}

/// Cut to 20 octets where it is longer, in every version.
fn is_cut(algorithm: Algorithm, length: usize) -> bool {
    length == algorithm.digest_length().min(TRUNCATED_LENGTH)
}

/// Cut in version 4 (RFC 7822 section 3); whole or cut before, as programs send both.
fn whole_before_version_4(algorithm: Algorithm, version: Version, length: usize) -> bool {
    is_cut(algorithm, length) || (version < Version::FOUR && length == algorithm.digest_length())
}

/// The ciphers that ntp.org's key files have no name for.
fn is_long_cipher(algorithm: Algorithm) -> bool {
    matches!(algorithm, Algorithm::Aes192Cmac | Algorithm::Aes256Cmac)
}
