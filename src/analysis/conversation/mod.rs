//! Follows who asks and who answers, and finds what only several messages together show.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;

use crate::auth::Keyring;
use crate::capture::CaptureTime;
use crate::ntp::header::{Header, Mode};
use crate::ntp::message::Message;
use crate::ntp::{NtpTimestamp, trailer::KEY_ID_LENGTH};

use super::analyzer::Judged;
use super::behaviour::{Answer, Asked};
use super::exchange::{End, Exchange, ExchangeMode};
use super::finding::{Event, Finding, Place};
use super::pairing::{Expired, Name, NameKind, Orphan, Request, Window};
use super::server::Servers;
use super::verdict::{self, Status};

use followers::{Followers, Pair};
use memory::{Again, Memory, elapsed};

mod followers;
mod memory;

#[cfg(test)]
mod tests;

/// Nanoseconds of capture that must follow a request before its silence is told.
const LEAST_WAIT: i128 = 1_000_000_000;

/// Seconds after the first packet within which a reply may answer a request from before the capture.
const EARLY: i64 = 1;

/// All conversations of a run.
#[derive(Debug, Default)]
pub struct Conversations {
    window: Window,
    /// The servers.
    pub servers: Servers,
    followers: Followers,
    memory: Memory,
    events: Vec<Event>,
    begin: Option<CaptureTime>,
    end: Option<CaptureTime>,
}

impl Conversations {
    /// Fits a message into its conversation: its exchange and findings, and events about others.
    pub fn observe(&mut self, judged: &mut Judged<'_, '_>, keys: &Keyring) {
        self.begin = self.begin.or(judged.time);
        self.end = judged.time.or(self.end);
        while let Some(expired) = self.window.expire(judged.time) {
            self.close(expired, false);
        }
        self.recall(judged);
        match judged.message {
            Some(Message::Time(message)) => self.observe_time(judged, &message.header, keys),
            Some(Message::Control(message)) => {
                let names =
                    Names::of(judged, message.response, u64::from(message.sequence), NameKind::Control);
                self.observe_query(judged, message.response, names, Finding::ControlExposed, keys);
            }
            Some(Message::Private(message)) => {
                let code = u64::from(message.implementation) << 8 | u64::from(message.request_code);
                let names = Names::of(judged, message.response, code, NameKind::Private);
                self.observe_query(judged, message.response, names, Finding::PrivateExposed, keys);
            }
            None => {}
        }
    }

    /// Closes what is still open at the end of the capture.
    pub fn finish(&mut self) {
        while let Some(expired) = self.window.drain() {
            self.close(expired, true);
        }
        for (address, server) in self.servers.sorted() {
            self.events.extend(server.events(address));
        }
    }

    /// Takes the events since it was last asked.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Looks whether an authenticated message was seen before. One that says nothing of its own time is the same
    /// every time.
    fn recall(&mut self, judged: &mut Judged<'_, '_>) {
        let is_unique = match judged.message {
            Some(Message::Time(message)) => !message.header.transmit_timestamp.is_zero(),
            _ => true,
        };
        if judged.verdict.status != Status::Valid || !is_unique {
            return;
        }
        let (place, fingerprint) = (judged.place(), fingerprint(judged.datagram.octets));
        if let Some(Again::Later(before)) = self.memory.recall(fingerprint, place, judged.time) {
            judged.findings.insert(Finding::Replay);
            self.tell(Finding::Replay, &[before, place], "an authenticated message, octet for octet");
        }
    }

    fn observe_time(&mut self, judged: &mut Judged<'_, '_>, header: &Header, keys: &Keyring) {
        let (source, destination) = (judged.datagram.source, judged.datagram.destination);
        let is_peer = matches!(header.mode, Mode::SymmetricActive | Mode::SymmetricPassive);
        if header.mode == Mode::Server || is_peer {
            let name = |kind| Name::new(destination, source, header.origin_timestamp.0, kind);
            let names = [name(NameKind::Transmit), name(NameKind::Receive)];
            let is_answer = self.answer(judged, names, Some(header), keys);
            if !is_answer && header.mode == Mode::Server && !judged.findings.contains(Finding::Replay) {
                self.keep(judged, names[0], header);
            }
        }
        if matches!(header.mode, Mode::Client | Mode::Reserved) || is_peer {
            let name = |timestamp: NtpTimestamp, kind| Name::new(source, destination, timestamp.0, kind);
            let receive = header.receive_timestamp;
            let has_receive = !receive.is_zero() && receive != header.transmit_timestamp;
            let names = [
                Some(name(header.transmit_timestamp, NameKind::Transmit)),
                has_receive.then(|| name(receive, NameKind::Receive)),
            ];
            self.ask(judged, names, header.mode == Mode::Client);
            let pair = Pair { client: source.ip(), server: destination.ip() };
            self.events.extend(self.followers.note_request(pair, judged.place(), header));
        }
    }

    fn observe_query(
        &mut self,
        judged: &mut Judged<'_, '_>,
        response: bool,
        name: Name,
        exposure: Finding,
        keys: &Keyring,
    ) {
        if !response {
            self.ask(judged, [Some(name), None], true);
            return;
        }
        let before = self.window.request(&name).map(|request| *request);
        if !self.answer(judged, [name, name], None, keys) {
            return;
        }
        // What is answered to a signed query is not exposed to everyone.
        if let Some(request) = before
            && request.asked == Asked::NoMac
            && let Some(server) = self.servers.of(request.server)
        {
            let reply = (judged.place(), judged.datagram.length);
            server.exposes(exposure, (request.place, request.length), reply, request.replies.count == 0);
        }
    }

    /// Takes a message as a request.
    fn ask(&mut self, judged: &mut Judged<'_, '_>, names: [Option<Name>; 2], expects_reply: bool) {
        let mut request = Request {
            place: judged.place(),
            time: judged.time,
            client: judged.datagram.source,
            server: judged.datagram.destination,
            asked: Asked::of(judged.verdict.status),
            key_id: judged.verdict.key_id(),
            length: judged.datagram.length,
            fingerprint: fingerprint(judged.datagram.octets),
            ms_sntp: account(judged).filter(|_| judged.verdict.status == Status::MsSntp),
            expects_reply,
            replies: super::pairing::Replies::default(),
        };
        if let Some(first) = self.captured_twice(&request, names) {
            judged.findings.insert(Finding::DuplicateRequest);
            self.tell(Finding::DuplicateRequest, &[first, request.place], "the same request again at once");
            return;
        }
        if let Some((orphan, mode)) = self.window.adopt(names) {
            let reply = End { place: orphan.place, time: orphan.time };
            judged.exchange = Some(Exchange::new(mode, end(judged), reply, orphan.receive, orphan.transmit));
            request.replies.count = 1;
            self.count(&request, orphan.answer);
        }
        self.window.remember(names, request);
    }

    /// The same request, when it was seen a moment ago: an interface, a bridge or a mirror port shows some packets
    /// twice.
    fn captured_twice(&mut self, request: &Request, names: [Option<Name>; 2]) -> Option<Place> {
        let open = self.window.request(names.iter().flatten().next()?)?;
        let since = open.time.zip(request.time).map(|(before, now)| elapsed(before, now));
        let at_once = since.is_none_or(|since| since < memory::ONE_MESSAGE);
        (at_once && open.fingerprint == request.fingerprint).then_some(open.place)
    }

    /// Takes a message as a reply; false when no request goes by its names.
    fn answer(
        &mut self,
        judged: &mut Judged<'_, '_>,
        names: [Name; 2],
        header: Option<&Header>,
        keys: &Keyring,
    ) -> bool {
        let (place, fingerprint) = (judged.place(), fingerprint(judged.datagram.octets));
        let found = names.iter().find_map(|name| {
            let request = self.window.request(name)?;
            let before = *request;
            request.replies.add(place, fingerprint);
            Some((name, before))
        });
        let Some((name, request)) = found else { return false };
        if request.ms_sntp.is_some() && request.ms_sntp == account(judged) {
            judged.verdict = verdict::signed_for_account(judged, keys);
        }
        let answer = answer_of(judged);
        let (received, sent) = header.map_or((NtpTimestamp::ZERO, NtpTimestamp::ZERO), |header| {
            (header.receive_timestamp, header.transmit_timestamp)
        });
        let asked = End { place: request.place, time: request.time };
        judged.exchange = Some(Exchange::new(mode_of(name), asked, end(judged), received, sent));
        if request.replies.count == 0 {
            self.count(&request, answer);
        }
        self.compare(judged, &request, answer, header.is_some());
        if let Some(header) = header.filter(|header| header.mode == Mode::Server) {
            self.note_clock(judged, header, answer);
            if answer == Answer::AuthenticatedReply {
                let (client, server) = (judged.datagram.destination.ip(), judged.datagram.source.ip());
                self.followers.note_valid(Pair { client, server }, judged.place(), header);
            }
        }
        true
    }

    /// What request and reply show together.
    fn compare(&mut self, judged: &mut Judged<'_, '_>, request: &Request, answer: Answer, is_time: bool) {
        let places = [request.place, judged.place()];
        let had_mac = request.asked == Asked::Valid || request.asked.is_bad_mac();
        let key = request.key_id.map(|key_id| format!("key {key_id}")).unwrap_or_default();
        if is_time && judged.findings.contains(Finding::Replay) {
            // Told of already, and no answer of the server's.
        } else if is_time && request.replies.count > 0 {
            let first = request.replies.first.unwrap_or(request.place);
            let same = request.replies.fingerprint == fingerprint(judged.datagram.octets);
            let finding = if same { Finding::DuplicateReply } else { Finding::SecondReply };
            judged.findings.insert(finding);
            let detail = if same { "the same reply again" } else { "another reply to the same request" };
            self.tell(finding, &[request.place, first, judged.place()], detail);
        } else if had_mac && answer == Answer::PlainReply && is_time {
            judged.findings.insert(Finding::AuthStripped);
            let detail = format!("the request has a MAC ({key}, {}), the reply none", request.asked.name());
            self.tell(Finding::AuthStripped, &places, &detail);
        } else if answer == Answer::CryptoNak {
            judged.findings.insert(Finding::NakFor);
            let detail = match request.asked {
                Asked::NoMac => "refuses a request without a MAC: an extension field draws it".to_owned(),
                asked => format!("refuses {key} ({})", asked.name()),
            };
            self.tell(Finding::NakFor, &places, &detail);
        }
        let replied =
            judged.verdict.key_id().filter(|_| answer != Answer::CryptoNak && answer != Answer::ZeroTrailer);
        if let (Some(asked), Some(replied)) = (request.key_id, replied)
            && asked != replied
        {
            judged.findings.insert(Finding::ReplyKeyDiffers);
            self.tell(
                Finding::ReplyKeyDiffers,
                &places,
                &format!("asked under key {asked}, answered under {replied}"),
            );
        }
    }

    fn keep(&mut self, judged: &Judged<'_, '_>, name: Name, header: &Header) {
        let orphan = Orphan {
            place: judged.place(),
            time: judged.time,
            client: judged.datagram.destination,
            server: judged.datagram.source,
            answer: answer_of(judged),
            receive: header.receive_timestamp,
            transmit: header.transmit_timestamp,
            zero_origin: header.origin_timestamp.is_zero(),
            other_request: self.window.last_request(&name),
        };
        self.window.keep(name, orphan);
    }

    fn count(&mut self, request: &Request, answer: Answer) {
        if let Some(server) = self.servers.of(request.server) {
            server.count(request.asked, answer, request.length, request.place);
        }
    }

    fn note_clock(&mut self, judged: &mut Judged<'_, '_>, header: &Header, answer: Answer) {
        let place = judged.place();
        if answer == Answer::Kiss {
            judged.findings.insert(Finding::Kiss);
            let code = header.reference_id.kiss_code(header.stratum).unwrap_or_default();
            self.tell(Finding::Kiss, &[place], &format!("kiss code {code}"));
            return;
        }
        let event =
            self.servers.of(judged.datagram.source).and_then(|server| server.clock_says(header, place));
        if let Some(event) = event {
            judged.findings.insert(event.finding);
            self.events.push(event);
        }
    }

    /// Says what became of a request or reply that nothing more is expected for.
    fn close(&mut self, expired: Expired, at_end: bool) {
        match expired {
            Expired::Request(request) if request.replies.count == 0 && request.expects_reply => {
                let left = request.time.zip(self.end).map(|(time, end)| elapsed(time, end));
                // At the end of the capture the reply may lie behind it.
                if !at_end || left.is_some_and(|left| left >= LEAST_WAIT) {
                    self.count(&request, Answer::Silence);
                    self.tell(Finding::Unanswered, &[request.place], &silence(&request));
                }
            }
            Expired::Request(_) => {}
            Expired::Orphan(orphan) if self.is_early(orphan.time) => {}
            Expired::Orphan(orphan) => self.unexplained(&orphan),
        }
    }

    fn unexplained(&mut self, orphan: &Orphan) {
        let (finding, detail) = match (orphan.answer, orphan.zero_origin, orphan.other_request) {
            (Answer::CryptoNak, ..) => (Finding::UnsolicitedNak, "no request that it refuses was seen"),
            (_, true, _) => {
                (Finding::ZeroOrigin, "its origin timestamp is zero, no request's transmit timestamp was")
            }
            (_, false, Some(_)) => {
                (Finding::BogusOrigin, "its origin timestamp is not that of the request before")
            }
            (_, false, None) => (Finding::UnsolicitedReply, "no request that it answers was seen"),
        };
        let frames: Vec<Place> = orphan.other_request.into_iter().chain([orphan.place]).collect();
        self.tell(finding, &frames, &format!("from {}: {detail}", orphan.server));
    }

    /// True for a reply so near the beginning that its request may lie before it.
    fn is_early(&self, time: Option<CaptureTime>) -> bool {
        let since = time.zip(self.begin).map(|(time, begin)| time.seconds.saturating_sub(begin.seconds));
        since.is_none_or(|since| since <= EARLY)
    }

    fn tell(&mut self, finding: Finding, frames: &[Place], detail: &str) {
        self.events.push(Event { finding, frames: frames.to_vec(), detail: detail.to_owned() });
    }
}

fn silence(request: &Request) -> String {
    let asked = request.asked.name();
    match request.key_id {
        Some(key_id) => format!("no reply to {} octets, key {key_id}, {asked}", request.length),
        None => format!("no reply to {} octets, {asked}", request.length),
    }
}

/// Makes the names of queries.
struct Names;

impl Names {
    fn of(judged: &Judged<'_, '_>, response: bool, number: u64, kind: NameKind) -> Name {
        let (source, destination): (SocketAddr, SocketAddr) =
            (judged.datagram.source, judged.datagram.destination);
        let (client, server) = if response { (destination, source) } else { (source, destination) };
        Name::new(client, server, number, kind)
    }
}

fn mode_of(name: &Name) -> ExchangeMode {
    match name.kind() {
        NameKind::Transmit => ExchangeMode::Basic,
        NameKind::Receive => ExchangeMode::Interleaved,
        NameKind::Control | NameKind::Private => ExchangeMode::Sequence,
    }
}

/// What kind of reply a message is.
pub fn answer_of(judged: &Judged<'_, '_>) -> Answer {
    let kiss = match judged.message {
        Some(Message::Time(message)) => {
            let header = message.header;
            matches!(header.reference_id.kiss_code(header.stratum), Some("RATE" | "DENY" | "RSTR"))
        }
        _ => false,
    };
    match judged.verdict.status {
        _ if kiss => Answer::Kiss,
        Status::CryptoNak => Answer::CryptoNak,
        Status::Valid => Answer::AuthenticatedReply,
        Status::UntrustedKey if judged.verdict.digest_matches == Some(true) => Answer::AuthenticatedReply,
        Status::None if judged.findings.contains(Finding::ZeroTrailer) => Answer::ZeroTrailer,
        Status::None => Answer::PlainReply,
        Status::Invalid | Status::UnknownKey | Status::UntrustedKey => Answer::BadMacReply,
        _ => Answer::OtherReply,
    }
}

fn end(judged: &Judged<'_, '_>) -> End {
    End { place: judged.place(), time: judged.time }
}

/// The octets where an MS-SNTP message has its account.
fn account(judged: &Judged<'_, '_>) -> Option<[u8; KEY_ID_LENGTH]> {
    match judged.message {
        Some(Message::Time(message)) => message.trailer().first_chunk().copied(),
        _ => None,
    }
}

fn fingerprint(octets: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    octets.hash(&mut hasher);
    hasher.finish()
}
