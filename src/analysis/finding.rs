//! Anything besides the status that is worth saying, with the frames that prove it.

pub use crate::auth::keyfile::Severity;

/// A fact with a stable code.
///
/// Some belong to one message and stand in its record; others come from several messages, or from one that did not
/// come, and are events of their own.
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
    /// The key's algorithm is weak by the policy in force.
    WeakAlgorithm,
    /// A server asks the client to slow down or go away.
    Kiss,
    /// A request with a MAC was answered without one.
    AuthStripped,
    /// A crypto-NAK, with the request that it refuses.
    NakFor,
    /// Request and reply carry MACs under different key IDs.
    ReplyKeyDiffers,
    /// A client's request was answered in another mode than 4.
    ReplyModeDiffers,
    /// A request was answered in another version than its own.
    ReplyVersionDiffers,
    /// A reply is longer than its request: whoever forges requests can have others flooded.
    ReplyLonger,
    /// A reply has extension fields to a request that has none.
    ReplyFieldUnasked,
    /// Four zero octets behind a message that no server sends: nobody is refused by it.
    NakFromClient,
    /// A request that was captured twice, octet for octet, at once.
    DuplicateRequest,
    /// An authenticated request that came again later, octet for octet. Clients without a clock of their own may
    /// send it so; else it was recorded and sent again.
    RequestRepeated,
    /// A reply that arrived again, octet for octet.
    DuplicateReply,
    /// A second, different reply to the same request.
    SecondReply,
    /// An authenticated reply, broadcast or message of a peer that was sent again, octet for octet.
    Replay,
    /// A reply whose origin timestamp is zero though no request had a transmit timestamp of zero.
    ZeroOrigin,
    /// A reply whose origin timestamp is not the transmit timestamp of the request that is open.
    BogusOrigin,
    /// A reply that no request explains.
    UnsolicitedReply,
    /// A crypto-NAK that no request explains.
    UnsolicitedNak,
    /// A request that got no reply.
    Unanswered,
    /// Right requests of one length are never answered while others are.
    LengthFilterSuspected,
    /// A server answers one key and refuses another though its MACs are right.
    RightKeyRefused,
    /// A key verifies messages of several servers.
    KeySharedByServers,
    /// One key ID stands for different secrets.
    KeyIdWithSeveralSecrets,
    /// A server's messages verify with one key and later with another under the same key ID.
    KeyChanged,
    /// A server's stratum changed.
    StratumChanged,
    /// A server's leap indicator changed.
    LeapChanged,
    /// Replies verify, and yet the client's next requests show that it accepted none.
    ValidRepliesNotAccepted,
    /// A server answers control queries (mode 6) without authentication.
    ControlExposed,
    /// A server answers private queries (mode 7).
    PrivateExposed,
}

impl Finding {
    /// Every finding.
    pub const ALL: [Finding; 33] = [
        Finding::BadUdpChecksum,
        Finding::ZeroTrailer,
        Finding::KeyNotForAddress,
        Finding::WeakAlgorithm,
        Finding::Kiss,
        Finding::AuthStripped,
        Finding::NakFor,
        Finding::ReplyKeyDiffers,
        Finding::ReplyModeDiffers,
        Finding::ReplyVersionDiffers,
        Finding::ReplyLonger,
        Finding::ReplyFieldUnasked,
        Finding::NakFromClient,
        Finding::DuplicateRequest,
        Finding::RequestRepeated,
        Finding::DuplicateReply,
        Finding::SecondReply,
        Finding::Replay,
        Finding::ZeroOrigin,
        Finding::BogusOrigin,
        Finding::UnsolicitedReply,
        Finding::UnsolicitedNak,
        Finding::Unanswered,
        Finding::LengthFilterSuspected,
        Finding::RightKeyRefused,
        Finding::KeySharedByServers,
        Finding::KeyIdWithSeveralSecrets,
        Finding::KeyChanged,
        Finding::StratumChanged,
        Finding::LeapChanged,
        Finding::ValidRepliesNotAccepted,
        Finding::ControlExposed,
        Finding::PrivateExposed,
    ];

    /// The identifier used in every output and in filters.
    pub fn code(self) -> &'static str {
        match self {
            Finding::BadUdpChecksum => "bad-udp-checksum",
            Finding::ZeroTrailer => "zero-trailer",
            Finding::KeyNotForAddress => "key-not-for-address",
            Finding::WeakAlgorithm => "weak-algorithm",
            Finding::Kiss => "kiss",
            Finding::AuthStripped => "auth-stripped",
            Finding::NakFor => "nak-for",
            Finding::ReplyKeyDiffers => "reply-key-differs",
            Finding::ReplyModeDiffers => "reply-mode-differs",
            Finding::ReplyVersionDiffers => "reply-version-differs",
            Finding::ReplyLonger => "reply-longer",
            Finding::ReplyFieldUnasked => "reply-field-unasked",
            Finding::NakFromClient => "nak-from-client",
            Finding::DuplicateRequest => "duplicate-request",
            Finding::RequestRepeated => "request-repeated",
            Finding::DuplicateReply => "duplicate-reply",
            Finding::SecondReply => "second-reply",
            Finding::Replay => "replay",
            Finding::ZeroOrigin => "zero-origin",
            Finding::BogusOrigin => "bogus-origin",
            Finding::UnsolicitedReply => "unsolicited-reply",
            Finding::UnsolicitedNak => "unsolicited-nak",
            Finding::Unanswered => "unanswered",
            Finding::LengthFilterSuspected => "length-filter-suspected",
            Finding::RightKeyRefused => "right-key-refused",
            Finding::KeySharedByServers => "key-shared-by-servers",
            Finding::KeyIdWithSeveralSecrets => "key-id-with-several-secrets",
            Finding::KeyChanged => "key-changed",
            Finding::StratumChanged => "stratum-changed",
            Finding::LeapChanged => "leap-changed",
            Finding::ValidRepliesNotAccepted => "valid-replies-not-accepted",
            Finding::ControlExposed => "control-exposed",
            Finding::PrivateExposed => "private-exposed",
        }
    }

    /// The finding of that code.
    pub fn from_code(code: &str) -> Option<Finding> {
        Finding::ALL.into_iter().find(|finding| finding.code() == code)
    }

    /// True when it stands in no message's record: it comes from several messages, or from one that did not come.
    pub fn stands_alone(self) -> bool {
        matches!(
            self,
            Finding::ZeroOrigin
                | Finding::BogusOrigin
                | Finding::UnsolicitedReply
                | Finding::UnsolicitedNak
                | Finding::Unanswered
                | Finding::LengthFilterSuspected
                | Finding::RightKeyRefused
                | Finding::KeySharedByServers
                | Finding::KeyIdWithSeveralSecrets
                | Finding::KeyChanged
                | Finding::ValidRepliesNotAccepted
                | Finding::ControlExposed
                | Finding::PrivateExposed
        )
    }

    /// True when it is about keys and who uses them, not about single messages or servers.
    pub fn concerns_keys(self) -> bool {
        matches!(self, Finding::KeySharedByServers | Finding::KeyIdWithSeveralSecrets | Finding::KeyChanged)
    }

    /// How much it matters.
    pub fn severity(self) -> Severity {
        match self {
            Finding::BadUdpChecksum
            | Finding::ZeroTrailer
            | Finding::WeakAlgorithm
            | Finding::NakFor
            | Finding::ReplyFieldUnasked
            | Finding::NakFromClient
            | Finding::DuplicateRequest
            | Finding::DuplicateReply
            | Finding::KeyIdWithSeveralSecrets
            | Finding::KeyChanged
            | Finding::StratumChanged
            | Finding::LeapChanged => Severity::Info,
            Finding::KeyNotForAddress
            | Finding::Kiss
            | Finding::ReplyKeyDiffers
            | Finding::ReplyModeDiffers
            | Finding::ReplyVersionDiffers
            | Finding::ReplyLonger
            | Finding::RequestRepeated
            | Finding::SecondReply
            | Finding::ZeroOrigin
            | Finding::BogusOrigin
            | Finding::UnsolicitedReply
            | Finding::UnsolicitedNak
            | Finding::Unanswered
            | Finding::LengthFilterSuspected
            | Finding::RightKeyRefused
            | Finding::KeySharedByServers
            | Finding::ValidRepliesNotAccepted
            | Finding::ControlExposed
            | Finding::PrivateExposed => Severity::Warning,
            Finding::AuthStripped | Finding::Replay => Severity::Error,
        }
    }
}

/// The findings of one message: a set without allocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Findings(u64);

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

/// A finding that more than one message proves, or that is known only after its message was told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What was found.
    pub finding: Finding,
    /// Where the frames that prove it are, in order; at most [`MOST_FRAMES`].
    pub frames: Vec<Place>,
    /// A sentence for people.
    pub detail: String,
}

/// Most frames that an event names.
pub const MOST_FRAMES: usize = 8;

/// A frame of one of the captures that are read together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Index of the capture.
    pub capture: usize,
    /// Number of the frame in it.
    pub frame: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_again_and_no_two_are_alike() {
        for finding in Finding::ALL {
            assert_eq!(Finding::from_code(finding.code()), Some(finding));
        }
    }

    #[test]
    fn a_set_holds_what_was_added() {
        let mut findings = Findings::default();
        findings.insert(Finding::PrivateExposed);
        findings.insert(Finding::BadUdpChecksum);
        assert_eq!(findings.iter().collect::<Vec<_>>(), [Finding::BadUdpChecksum, Finding::PrivateExposed]);
    }
}
