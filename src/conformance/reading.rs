//! What a reply says, beside the request that it answers.

use std::fmt::Write as _;

use crate::analysis::behaviour::Answer;
use crate::analysis::verdict::{Status, Verdict, judge_message};
use crate::auth::{KeyId, Keyring};
use crate::ntp::header::{HEADER_LENGTH, Header, Mode};
use crate::ntp::message::Message;
use crate::ntp::trailer::Reading as Trailer;

use super::exchange::{Exchange, Names, Received};

/// What came of a request.
#[derive(Clone, Copy, Debug)]
pub enum Told<'e> {
    /// A reply.
    Reply(Reading<'e>),
    /// Nothing, though controls after it were answered.
    Silence,
    /// Nothing, and controls after it were not answered either.
    Lost,
}

/// A reply and what it says.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'e> {
    /// The request.
    pub request: &'e [u8],
    /// Which of our ports it left from.
    pub port: usize,
    /// The reply.
    pub reply: &'e Received,
    /// Its message, where it is one.
    pub message: Option<Message<'e>>,
    /// Its kind in the words of captures.
    pub answer: Answer,
    /// The key ID of its MAC, zero for a crypto-NAK.
    pub key_id: Option<KeyId>,
    /// The digest of its MAC.
    pub digest: Option<&'e [u8]>,
    /// Its status in the words of captures.
    pub status: Status,
    /// How what follows its header was read.
    pub trailer: Option<Trailer<'e>>,
}

/// What came of the only request of an exchange.
pub(super) fn told<'e>(exchange: &'e Exchange, keys: &Keyring) -> Told<'e> {
    match exchange.reply() {
        Some(reply) => Told::Reply(read(exchange, reply, keys)),
        None if exchange.is_dead => Told::Lost,
        None => Told::Silence,
    }
}

/// All replies of an exchange but those to earlier ones.
pub(super) fn readings<'e>(exchange: &'e Exchange, keys: &Keyring) -> impl Iterator<Item = Reading<'e>> {
    let own = exchange.replies.iter().filter(|reply| reply.names != Names::Earlier);
    own.map(move |reply| read(exchange, reply, keys))
}

fn read<'e>(exchange: &'e Exchange, reply: &'e Received, keys: &Keyring) -> Reading<'e> {
    // What names no request is taken for the answer to the last one.
    let last = exchange.stimulus.datagrams.len().saturating_sub(1);
    let number = if let Names::This(number) = reply.names { number } else { last };
    let (port, request): (usize, &[u8]) =
        exchange.stimulus.datagrams.get(number).map_or((0, &[]), |(port, octets)| (*port, octets));
    let message = Message::parse(&reply.octets).ok();
    let bare = Reading {
        request,
        port,
        reply,
        message,
        answer: Answer::OtherReply,
        key_id: None,
        digest: None,
        status: Status::Malformed,
        trailer: None,
    };
    let Some(message) = message.filter(|message| matches!(message, Message::Time(_))) else { return bare };
    let verdict = judge_message(&message, keys);
    Reading {
        answer: Answer::of(Some(&message), &verdict),
        key_id: verdict.key_id(),
        digest: verdict.digest(),
        status: status(&verdict),
        trailer: verdict.reading.map(|(reading, _)| reading),
        ..bare
    }
}

/// Which keys are trusted is our own affair: a MAC under another is right or wrong all the same.
fn status(verdict: &Verdict<'_, '_>) -> Status {
    match (verdict.status, verdict.digest_matches) {
        (Status::UntrustedKey, Some(true)) => Status::Valid,
        (Status::UntrustedKey, Some(false)) => Status::Invalid,
        (status, _) => status,
    }
}

/// True for our own octets that come back: no server has read them.
pub(super) fn is_echo(request: &[u8], reply: &[u8]) -> bool {
    !reply.is_empty() && request == reply
}

/// True for a kiss that refuses to serve: what it answers was not judged by what it says.
pub(super) fn is_refusal_to_serve(reply: &[u8]) -> bool {
    let code = |header: Header| {
        let code = header.reference_id.kiss_code(header.stratum).map(str::to_owned);
        code.filter(|_| header.mode == Mode::Server || header.mode == Mode::SymmetricPassive)
    };
    Header::parse(reply).and_then(code).is_some_and(|code| matches!(code.as_str(), "DENY" | "RSTR" | "RATE"))
}

impl<'e> Reading<'e> {
    /// True for the request's own octets.
    pub fn is_echo(&self) -> bool {
        is_echo(self.request, &self.reply.octets)
    }

    /// The header of the reply, where it has one of 48 octets.
    pub fn header(&self) -> Option<&Header> {
        match &self.message {
            Some(Message::Time(message)) => Some(&message.header),
            _ => None,
        }
    }

    /// The header of the request, where it has one.
    pub fn asked(&self) -> Option<Header> {
        match Message::parse(self.request) {
            Ok(Message::Time(message)) => Some(message.header),
            _ => None,
        }
    }

    /// What follows the header of the reply.
    pub fn behind(&self) -> &'e [u8] {
        self.reply.octets.get(HEADER_LENGTH..).unwrap_or_default()
    }

    /// True when its MAC is right, whatever else it is.
    pub fn is_signed(&self) -> bool {
        self.status == Status::Valid
    }

    /// The field by which it is no reply to this request; `None` when it is one: its origin timestamp, version and mode
    /// are due. In interleaved mode the origin is the request's receive timestamp.
    pub fn undue(&self) -> Option<&'static str> {
        let (Some(header), Some(asked)) = (self.header(), self.asked()) else { return Some("length") };
        let is_interleaved = !asked.origin_timestamp.is_zero()
            && !asked.receive_timestamp.is_zero()
            && header.origin_timestamp == asked.receive_timestamp;
        let due = if asked.mode == Mode::SymmetricActive { Mode::SymmetricPassive } else { Mode::Server };
        if header.origin_timestamp != asked.transmit_timestamp && !is_interleaved {
            Some("origin timestamp")
        } else if header.version != asked.version {
            Some("version")
        } else if header.mode != due && header.mode != Mode::Server {
            Some("mode")
        } else {
            None
        }
    }

    /// The reply in words.
    pub fn describe(&self) -> String {
        let octets = self.reply.octets.len();
        let Some(header) = self.header() else { return format!("{octets} octets that are no reply") };
        let mut words = format!(
            "{} of {octets} octets, version {}, mode {}, leap {}, stratum {}",
            self.answer.name(),
            header.version.number(),
            header.mode.name(),
            header.leap_indicator.name(),
            header.stratum
        );
        if self.answer == Answer::Kiss || header.stratum == 0 {
            let _ = write!(words, " ({})", header.reference_id.display(header.stratum));
        }
        if let Some(KeyId(key_id)) = self.key_id.filter(|key_id| key_id.0 != 0) {
            let _ = write!(words, ", key {key_id}");
        }
        words
    }
}

impl Told<'_> {
    /// What came, in words.
    pub fn describe(&self) -> String {
        match self {
            Told::Reply(reading) => reading.describe(),
            Told::Silence => "silence".to_owned(),
            Told::Lost => "nothing, and no control after it was answered".to_owned(),
        }
    }
}
