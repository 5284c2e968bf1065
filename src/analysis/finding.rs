//! Anything besides the status that is worth saying about a message.

/// A fact about a message with a stable code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Finding {
    /// The UDP checksum does not fit the octets. Sending hosts often leave it to the network card, so a capture
    /// made on them shows it wrong; never a reason not to verify.
    BadUdpChecksum,
    /// As many zero octets as a MAC has: busybox's ntpd answers every MAC so.
    ZeroTrailer,
    /// The key file gives the key a list of addresses, and the sender is not on it: ntp.org's ntpd does not
    /// accept the message.
    KeyNotForAddress,
}

impl Finding {
    /// Every finding.
    pub const ALL: [Finding; 3] = [Finding::BadUdpChecksum, Finding::ZeroTrailer, Finding::KeyNotForAddress];

    /// The identifier used in every output and in filters.
    pub fn code(self) -> &'static str {
        match self {
            Finding::BadUdpChecksum => "bad-udp-checksum",
            Finding::ZeroTrailer => "zero-trailer",
            Finding::KeyNotForAddress => "key-not-for-address",
        }
    }

    /// The finding of that code.
    pub fn from_code(code: &str) -> Option<Finding> {
        Finding::ALL.into_iter().find(|finding| finding.code() == code)
    }

    /// How much it matters.
    pub fn severity(self) -> Severity {
        match self {
            Finding::BadUdpChecksum | Finding::ZeroTrailer => Severity::Info,
            Finding::KeyNotForAddress => Severity::Warning,
        }
    }
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Probably not meant.
    Warning,
    /// Wrong.
    Error,
}

/// The findings of one message: a set without allocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Findings(u32);

impl Findings {
    /// Adds a finding.
    pub fn insert(&mut self, finding: Finding) {
        self.0 |= 1 << (finding as u32);
    }

    /// True when it was added.
    pub fn contains(self, finding: Finding) -> bool {
        self.0 & (1 << (finding as u32)) != 0
    }

    /// The findings in the order of [`Finding::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Finding> {
        Finding::ALL.into_iter().filter(move |finding| self.contains(*finding))
    }
}
