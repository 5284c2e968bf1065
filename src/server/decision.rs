//! What is done with a request, and why.

use std::fmt;

use crate::auth::KeyId;
use crate::ntp::NtpTimestamp;
use crate::ntp::header::Mode;

/// What is done with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is answered.
    Answer(Answer),
    /// It is not.
    Silence(Silence),
}

/// What a reply is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its kind.
    pub kind: AnswerKind,
    /// Its mode.
    pub mode: Mode,
    /// True when it tells when the reply before it left (RFC 9769).
    pub interleaved: bool,
    /// When the request came: what a client's next request names in interleaved mode.
    pub receive_timestamp: NtpTimestamp,
    /// When the reply left, be that in its transmit timestamp or not.
    pub left: NtpTimestamp,
}

/// A kind of reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerKind {
    /// Without a MAC.
    Plain,
    /// With a MAC.
    Authenticated(KeyId),
    /// With key ID zero and no digest.
    CryptoNak(Refusal),
    /// With zeros in place of a MAC.
    ZeroTrailer,
    /// To a control message (RFC 9327), which never has a MAC here.
    Control,
    /// A kiss code, signed or not.
    Kiss {
        /// The code.
        code: [u8; 4],
        /// The key of its MAC.
        signed: Option<KeyId>,
    },
}

impl AnswerKind {
    /// The word in logs.
    pub fn name(self) -> &'static str {
        match self {
            AnswerKind::Plain => "plain-reply",
            AnswerKind::Authenticated(_) => "authenticated-reply",
            AnswerKind::CryptoNak(_) => "crypto-nak",
            AnswerKind::ZeroTrailer => "zero-trailer",
            AnswerKind::Control => "control-reply",
            AnswerKind::Kiss { .. } => "kiss",
        }
    }
}

/// Why a request is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The digest is wrong, or has another length than its algorithm's.
    WrongDigest(KeyId),
    /// No key has that ID.
    UnknownKey(KeyId),
    /// The key is not trusted.
    UntrustedKey(KeyId),
    /// There are extension fields and no MAC, which ntp.org's ntpd takes for a MAC that is wrong.
    FieldsWithoutMac,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::WrongDigest(key_id) => write!(formatter, "the digest is wrong under key {key_id}"),
            Refusal::UnknownKey(key_id) => write!(formatter, "key {key_id} is unknown"),
            Refusal::UntrustedKey(key_id) => write!(formatter, "key {key_id} is not trusted"),
            Refusal::FieldsWithoutMac => write!(formatter, "extension fields stand without a MAC"),
        }
    }
}

/// Why there is no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Silence {
    /// Too short for the header.
    #[error("{0} octets are too few for a request")]
    TooShort(usize),
    /// A version that is not answered.
    #[error("version {0} is not answered")]
    Version(u8),
    /// A mode that is no request, or none that is answered.
    #[error("mode {} is not answered", .0.name())]
    Mode(Mode),
    /// What follows the header is none of what the habit knows.
    #[error("what follows the header is neither a MAC nor extension fields")]
    Trailer,
    /// A crypto-NAK: it refuses, and asks for nothing.
    #[error("a crypto-NAK asks for nothing")]
    CryptoNak,
    /// No MAC, where one is required.
    #[error("a MAC is required")]
    NoMac,
    /// A MAC that is not believed, where no crypto-NAK is sent.
    #[error("{0}")]
    Refused(Refusal),
    /// A symmetric-active message under a valid MAC: the sender would be polled as a peer.
    #[error("its sender would become a peer")]
    Peer,
    /// The client asked too often, or is not welcome.
    #[error("the client is not served")]
    Ignored,
    /// A fault that was asked for keeps the reply back.
    #[error("a fault drops the reply")]
    Dropped,
}
