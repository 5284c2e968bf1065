//! What a datagram is that came back: an answer, or something that must not be taken for one.

use std::net::SocketAddr;

use crate::analysis::behaviour::Answer;
use crate::analysis::exchange::{End, Times};
use crate::analysis::finding::Place;
use crate::analysis::verdict::{Status, judge_message};
use crate::auth::{KeyId, Keyring};
use crate::capture::CaptureTime;
use crate::ntp::ReferenceId;
use crate::ntp::control::ControlMessage;
use crate::ntp::header::{HEADER_LENGTH, LeapIndicator, Mode, Version};
use crate::ntp::message::{Message, TimeMessage};
use crate::probe::Reply;

use super::stimulus::{Question, Token};

/// Why a datagram is no answer to what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It came from another address or port.
    Source,
    /// It is not an NTP message.
    Malformed,
    /// It does not name a request of ours.
    Origin,
    /// It has another mode than a reply to that request.
    Mode(Mode),
    /// It has another version than the request.
    Version(Version),
}

impl Flaw {
    /// The word used in every output.
    pub fn name(self) -> &'static str {
        match self {
            Flaw::Source => "wrong-source",
            Flaw::Malformed => "malformed",
            Flaw::Origin => "wrong-origin",
            Flaw::Mode(_) => "wrong-mode",
            Flaw::Version(_) => "wrong-version",
        }
    }
}

/// An answer: it came from the server, names the request, and has the mode and version of a reply to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// Its kind, in the words of captures.
    pub answer: Answer,
    /// The key ID of its MAC.
    pub key_id: Option<KeyId>,
    /// The key ID that the octets behind the header begin with, where they may be meant as a MAC.
    pub meant_key: Option<KeyId>,
    /// True when its MAC verifies.
    pub is_signed: bool,
    /// Its kiss code, where it has one that is no state of the server's clock.
    pub kiss: Option<[u8; 4]>,
    /// What the server says of its clock; nothing in a control message.
    pub clock: Option<ServerClock>,
    /// Its mode.
    pub mode: Mode,
    /// Its octets.
    pub octets: usize,
    /// What its timestamps say.
    pub times: Times,
}

/// What a server says of its clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerClock {
    /// Its leap indicator.
    pub leap_indicator: LeapIndicator,
    /// Its stratum.
    pub stratum: u8,
    /// Its source, or the state that it is in.
    pub reference_id: ReferenceId,
}

impl ServerClock {
    /// True when the server says that it has no time: leap 3, or stratum 0 or 16.
    pub fn is_unsynchronised(self) -> bool {
        self.leap_indicator == LeapIndicator::Unknown || self.stratum == 0 || self.stratum > 15
    }
}

impl Seen {
    /// True when the server says that it has no time.
    pub fn is_unsynchronised(&self) -> bool {
        self.clock.is_some_and(ServerClock::is_unsynchronised)
    }
}

/// True for the kiss codes that ask us to slow down or go away. After others the server may be asked on.
pub(super) fn ends_the_run(kiss: [u8; 4]) -> bool {
    matches!(&kiss, b"RATE" | b"DENY" | b"RSTR")
}

/// A message that may be a reply.
#[derive(Clone, Copy, Debug)]
pub(super) enum Replied<'r> {
    Time(TimeMessage<'r>),
    Control(ControlMessage<'r>),
}

impl Replied<'_> {
    /// What is wrong with it when it names no request of ours. A mode that no reply to them has tells more than that:
    /// what listens there is no server.
    pub(super) fn stray(&self, is_control_due: bool) -> Flaw {
        match self {
            Replied::Control(_) if !is_control_due => Flaw::Mode(Mode::Control),
            Replied::Time(message)
                if !matches!(message.header.mode, Mode::Server | Mode::SymmetricPassive) =>
            {
                Flaw::Mode(message.header.mode)
            }
            _ => Flaw::Origin,
        }
    }

    /// What ties it to its request.
    pub(super) fn token(&self) -> Token {
        match self {
            Replied::Time(message) => Token::Origin(message.header.origin_timestamp),
            Replied::Control(message) => Token::Sequence(message.sequence),
        }
    }
}

/// The message in a datagram from `target`.
pub(super) fn message<'r>(reply: &'r Reply, target: SocketAddr) -> Result<Replied<'r>, Flaw> {
    if (reply.source.ip().to_canonical(), reply.source.port()) != (target.ip().to_canonical(), target.port())
    {
        return Err(Flaw::Source);
    }
    match Message::parse(&reply.octets) {
        Ok(Message::Time(message)) => Ok(Replied::Time(message)),
        Ok(Message::Control(message)) if message.response => Ok(Replied::Control(message)),
        _ => Err(Flaw::Malformed),
    }
}

/// What a reply to `question` says. Its origin timestamp is that of the question.
///
/// `is_late` is true when another request was sent since: its times are not known then.
pub(super) fn see(
    reply: &Reply,
    message: TimeMessage<'_>,
    question: &Question,
    is_late: bool,
    keys: &Keyring,
) -> Result<Seen, Flaw> {
    let header = message.header;
    let is_due = match question.mode {
        // ntpd-rs answers peers as it answers clients.
        Mode::SymmetricActive => matches!(header.mode, Mode::SymmetricPassive | Mode::Server),
        _ => header.mode == Mode::Server,
    };
    if !is_due {
        return Err(Flaw::Mode(header.mode));
    }
    if header.version != question.version {
        return Err(Flaw::Version(header.version));
    }
    let message = Message::Time(message);
    let verdict = judge_message(&message, keys);
    let answer = Answer::of(Some(&message), &verdict);
    let is_signed = verdict.status == Status::Valid || verdict.digest_matches == Some(true);
    Ok(Seen {
        answer,
        key_id: verdict.key_id(),
        meant_key: meant_key(&reply.octets),
        is_signed,
        kiss: (answer == Answer::Kiss).then_some(header.reference_id.0),
        clock: Some(ServerClock {
            leap_indicator: header.leap_indicator,
            stratum: header.stratum,
            reference_id: header.reference_id,
        }),
        mode: header.mode,
        octets: reply.octets.len(),
        times: if is_late { Times::default() } else { times(reply, &message) },
    })
}

/// What a reply to a control message says: the version must be that of the request, and all else is in its data.
pub(super) fn see_control(
    reply: &Reply,
    message: &ControlMessage<'_>,
    question: &Question,
) -> Result<Seen, Flaw> {
    if message.version != question.version {
        return Err(Flaw::Version(message.version));
    }
    Ok(Seen {
        answer: Answer::OtherReply,
        key_id: None,
        meant_key: None,
        is_signed: false,
        kiss: None,
        clock: None,
        mode: Mode::Control,
        octets: reply.octets.len(),
        times: Times::default(),
    })
}

/// The key ID of what may be meant as a MAC: as much digest as anybody cuts one to, and no more than the longest.
fn meant_key(octets: &[u8]) -> Option<KeyId> {
    const DIGESTS: std::ops::RangeInclusive<usize> = 8..=64;
    let (key_id, digest) = octets.get(HEADER_LENGTH..)?.split_first_chunk()?;
    DIGESTS.contains(&digest.len()).then_some(KeyId(u32::from_be_bytes(*key_id)))
}

/// Offset and delay by the four timestamps (RFC 5905 section 8), where ours are those of the wall clock.
fn times(reply: &Reply, message: &Message<'_>) -> Times {
    let Message::Time(message) = message else { return Times::default() };
    let place = Place { capture: 0, frame: 0 };
    let end = |since_1970: std::time::Duration| {
        let seconds = i64::try_from(since_1970.as_secs()).unwrap_or(i64::MAX);
        End { place, time: Some(CaptureTime { seconds, nanoseconds: since_1970.subsec_nanos() }) }
    };
    let (left, came) = (end(reply.sent), end(reply.sent.saturating_add(reply.elapsed)));
    Times::new(left, came, message.header.receive_timestamp, message.header.transmit_timestamp)
}
