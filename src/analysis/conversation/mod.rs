//! Follows who asks and who answers, and finds what only several messages together show.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;

use crate::auth::Keyring;
use crate::ntp::header::{Header, Mode, Version};
use crate::ntp::message::Message;
use crate::ntp::{NtpTimestamp, trailer::KEY_ID_LENGTH};

use super::analyzer::Judged;
use super::behaviour::{Answer, Asked};
use super::exchange::{End, Exchange, ExchangeMode};
use super::finding::{Event, Finding, Place};
use super::pairing::{
    Expired, Name, NameKind, Orphan, PATIENCE, Replies, Request, RequestKind, Window, is_group,
};
use super::server::Servers;
use super::verdict::{self, Status};

use coverage::Coverage;
use followers::{Association, Followers};
use interleaved::{Answered, LastExchanges};
use memory::{Memory, Sending, elapsed};

mod coverage;
mod followers;
mod interleaved;
mod memory;
mod names;
mod sentence;

#[cfg(test)]
mod tests;

/// Nanoseconds of capture that must follow a request before its silence is told.
const LEAST_WAIT: i128 = 1_000_000_000;

/// Nanoseconds after which no reply is expected any more.
const LONGEST_WAIT: i128 = PATIENCE as i128 * 1_000_000_000;

/// Seconds after the first packet within which a reply may answer a request from before the capture.
const EARLY: i64 = 1;

/// All conversations of a run.
#[derive(Debug, Default)]
pub struct Conversations {
    window: Window,
    /// The servers.
    pub servers: Servers,
    followers: Followers,
    last_exchanges: LastExchanges,
    memory: Memory,
    coverage: Coverage,
    events: Vec<Event>,
}

impl Conversations {
    /// Fits a message into its conversation: its exchange and findings, and events about others.
    pub fn observe(&mut self, judged: &mut Judged<'_, '_>, keys: &Keyring) {
        self.coverage.note(judged.capture, judged.time);
        while let Some(expired) = self.window.expire(judged.time) {
            self.close(expired);
        }
        self.recall(judged);
        match judged.message {
            Some(Message::Time(message)) => self.observe_time(judged, &message.header, keys),
            Some(Message::Control(message)) => {
                let number = u64::from(message.sequence);
                let name = names::of_query(judged, message.response, number, NameKind::Control);
                let exposure = (!message.error).then_some(Finding::ControlExposed);
                self.observe_query(judged, message.response, name, exposure, keys);
            }
            Some(Message::Private(message)) => {
                let code = u64::from(message.implementation) << 8 | u64::from(message.request_code);
                let name = names::of_query(judged, message.response, code, NameKind::Private);
                let exposure = (message.error == 0).then_some(Finding::PrivateExposed);
                self.observe_query(judged, message.response, name, exposure, keys);
            }
            None => {}
        }
    }

    /// Says that a capture is over while others go on.
    pub fn end_capture(&mut self, capture: usize) {
        self.coverage.end(capture);
    }

    /// Closes what is still open at the end of the captures.
    pub fn finish(&mut self) {
        self.coverage.end_all();
        while let Some(expired) = self.window.drain() {
            self.close(expired);
        }
        for (address, server) in self.servers.iter() {
            self.events.extend(server.events(address));
        }
    }

    /// Takes the events since it was last asked.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Looks whether an authenticated message was seen before. One that says nothing of its own time is the same
    /// every time: control messages, and time messages without a transmit timestamp.
    fn recall(&mut self, judged: &mut Judged<'_, '_>) {
        let finding = match judged.message {
            Some(Message::Time(message)) if message.header.transmit_timestamp.is_zero() => return,
            Some(Message::Time(message)) => match message.header.mode {
                Mode::Client | Mode::Reserved => Finding::RequestRepeated,
                _ => Finding::Replay,
            },
            Some(Message::Private(_)) => Finding::RequestRepeated,
            _ => return,
        };
        if judged.verdict.status != Status::Valid {
            return;
        }
        let (now, fingerprint) = (Sending::of(judged), fingerprint(judged.datagram.octets));
        if let Some(again) = self.memory.recall(fingerprint, now) {
            judged.findings.insert(finding);
            self.tell(finding, &[again.before.place, now.place], &sentence::again(&again, now.sender));
        }
    }

    fn observe_time(&mut self, judged: &mut Judged<'_, '_>, header: &Header, keys: &Keyring) {
        let is_peer = matches!(header.mode, Mode::SymmetricActive | Mode::SymmetricPassive);
        if header.mode == Mode::Server || is_peer {
            let names = names::of_reply(judged, header);
            let is_answer = self.answer(judged, &names, Some(header), keys);
            let may_be_one = header.mode == Mode::Server && header.version.is_decoded();
            if !is_answer && may_be_one && !judged.findings.contains(Finding::Replay) {
                self.keep(judged, names[0], header);
            }
        }
        if matches!(header.mode, Mode::Client | Mode::Reserved) || is_peer {
            self.ask(judged, names::of_request(judged, header), Some(header));
        }
        if header.mode == Mode::Client && judged.verdict.status == Status::Valid {
            let association = association(judged, judged.datagram.source, judged.datagram.destination);
            let place = judged.place();
            let event =
                association.and_then(|association| self.followers.note_request(association, place, header));
            self.events.extend(event);
        }
        if header.mode == Mode::Broadcast {
            self.note_broadcast(judged, header);
        }
    }

    fn note_broadcast(&mut self, judged: &mut Judged<'_, '_>, header: &Header) {
        if let Some(server) = self.servers.of(judged.datagram.source) {
            *server.broadcasts.entry(judged.verdict.status).or_default() += 1;
        }
        self.note_clock(judged, header);
    }

    /// Takes a message of mode 6 or 7. `exposure` is what it shows as a reply.
    fn observe_query(
        &mut self,
        judged: &mut Judged<'_, '_>,
        response: bool,
        name: Name,
        exposure: Option<Finding>,
        keys: &Keyring,
    ) {
        if !response {
            self.ask(judged, [Some(name), None], None);
            return;
        }
        let before = self.window.request(&name).map(|request| *request);
        if !self.answer(judged, &[name], None, keys) {
            return;
        }
        // What is answered to a signed query is not exposed to everyone.
        if let (Some(request), Some(exposure)) = (before, exposure)
            && request.status == Status::None
            && let Some(server) = self.servers.of(request.server)
        {
            let reply = (judged.place(), judged.datagram.length);
            server.exposes(exposure, (request.place, request.length), reply, request.replies.count == 0);
        }
    }

    /// Takes a message as a request; `header` is that of a time message.
    fn ask(&mut self, judged: &mut Judged<'_, '_>, names: [Option<Name>; 2], header: Option<&Header>) {
        let mut request = self.request_of(judged, header);
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

    fn request_of(&self, judged: &Judged<'_, '_>, header: Option<&Header>) -> Request {
        let kind = match header.map(|header| header.mode) {
            None => RequestKind::Query,
            Some(Mode::SymmetricActive | Mode::SymmetricPassive) => RequestKind::Peer,
            Some(_) if is_group(judged.datagram.destination.ip()) => RequestKind::Group,
            Some(_) => RequestKind::Time,
        };
        // Of versions that are not decoded nobody knows what answers them.
        let is_understood =
            header.is_none_or(|header| header.mode == Mode::Client && header.version.is_decoded());
        let status = judged.verdict.status;
        Request {
            kind,
            place: judged.place(),
            time: judged.time,
            client: judged.datagram.source,
            server: judged.datagram.destination,
            status,
            key_id: judged.verdict.key_id(),
            digest_length: judged.verdict.digest().map_or(0, <[u8]>::len),
            version: judged.message.map_or(Version::FOUR, |message| message.version()),
            origin: header.map_or(NtpTimestamp::ZERO, |header| header.origin_timestamp),
            has_fields: has_fields(judged),
            length: judged.datagram.length,
            fingerprint: fingerprint(judged.datagram.octets),
            ms_sntp: account(judged).filter(|_| status == Status::MsSntp),
            expects_reply: is_understood && kind != RequestKind::Group,
            replies: Replies::default(),
        }
    }

    /// The same request, when it was seen a moment ago: an interface, a bridge or a mirror port shows some packets
    /// twice.
    fn captured_twice(&mut self, request: &Request, names: [Option<Name>; 2]) -> Option<Place> {
        let open = self.window.request(names.iter().flatten().next()?)?;
        let since = open.time.zip(request.time).map(|(before, now)| elapsed(before, now));
        let at_once = since.is_none_or(|since| since < memory::ONE_MESSAGE);
        (at_once && open.fingerprint == request.fingerprint).then_some(open.place)
    }

    /// Takes a message as a reply; false when no request goes by its names. `header` is that of a time message.
    fn answer(
        &mut self,
        judged: &mut Judged<'_, '_>,
        names: &[Name],
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
        judged.exchange = Some(self.exchange(judged, &request, name, header));
        if request.replies.count == 0 || request.kind == RequestKind::Group {
            let server = judged.datagram.source;
            self.count(&Request { server, ..request }, answer);
        }
        self.compare(judged, &request, answer);
        if let Some(header) = header {
            self.compare_forms(judged, header, &request);
            self.note_reply(judged, header, &request, answer);
        }
        true
    }

    /// The exchange that a reply completes. What versions mean that are not decoded is not guessed.
    fn exchange(
        &mut self,
        judged: &Judged<'_, '_>,
        request: &Request,
        name: &Name,
        header: Option<&Header>,
    ) -> Exchange {
        let asked = End { place: request.place, time: request.time };
        let known = header.filter(|header| header.version.is_decoded());
        let (received, sent) = known.map_or((NtpTimestamp::ZERO, NtpTimestamp::ZERO), |header| {
            (header.receive_timestamp, header.transmit_timestamp)
        });
        let mut exchange = Exchange::new(mode_of(name), asked, end(judged), received, sent);
        if known.is_some() {
            let pair = (judged.datagram.destination.ip(), judged.datagram.source.ip());
            let answered = Answered { request: asked, reply: end(judged), receive: received };
            let before = self.last_exchanges.replace(pair, answered);
            exchange.completed = before
                .filter(|_| exchange.mode == ExchangeMode::Interleaved)
                .and_then(|before| before.completed(request.origin, sent));
        }
        exchange
    }

    /// What of a reply is otherwise than its request asks for, whatever its MAC.
    fn compare_forms(&mut self, judged: &mut Judged<'_, '_>, header: &Header, request: &Request) {
        if request.kind != RequestKind::Time || !request.version.is_decoded() {
            return;
        }
        let (version, own) = (header.version.number(), request.version.number());
        let (answered, asked) = (judged.datagram.length, request.length);
        let is_unasked = !request.has_fields && has_fields(judged);
        let found = [
            (header.mode != Mode::Server).then(|| {
                (Finding::ReplyModeDiffers, format!("a client is answered in mode {}", header.mode.name()))
            }),
            (version != own).then(|| {
                (Finding::ReplyVersionDiffers, format!("asked in version {own}, answered in {version}"))
            }),
            (answered > asked).then(|| (Finding::ReplyLonger, format!("{answered} octets for {asked}"))),
            is_unasked.then(|| {
                let detail = "the request has no extension fields, the reply has";
                (Finding::ReplyFieldUnasked, detail.to_owned())
            }),
        ];
        let places = [request.place, judged.place()];
        for (finding, detail) in found.into_iter().flatten() {
            judged.findings.insert(finding);
            self.tell(finding, &places, &detail);
        }
    }

    /// What a reply shows beside its request.
    fn note_reply(
        &mut self,
        judged: &mut Judged<'_, '_>,
        header: &Header,
        request: &Request,
        answer: Answer,
    ) {
        if answer == Answer::Kiss && header.mode == Mode::Server {
            judged.findings.insert(Finding::Kiss);
            let code = header.reference_id.kiss_code(header.stratum).unwrap_or_default();
            self.tell(Finding::Kiss, &[judged.place()], &format!("kiss code {code}"));
        } else if !matches!(answer, Answer::CryptoNak | Answer::BadMacReply) {
            self.note_clock(judged, header);
        }
        let is_asked_for = request.status == Status::Valid && request.key_id == judged.verdict.key_id();
        if header.mode == Mode::Server && is_asked_for && answer == Answer::AuthenticatedReply {
            let place = judged.place();
            let association = association(judged, judged.datagram.destination, judged.datagram.source);
            if let Some(association) = association {
                self.followers.note_valid(association, place, header);
            }
        }
    }

    /// What request and reply show together.
    fn compare(&mut self, judged: &mut Judged<'_, '_>, request: &Request, answer: Answer) {
        let is_time = request.kind != RequestKind::Query;
        if is_time && judged.findings.contains(Finding::Replay) {
            // Told of already, and no answer of the server's.
            return;
        }
        let is_further = request.kind != RequestKind::Group && request.replies.count > 0;
        if is_time && is_further && request.replies.fingerprint == fingerprint(judged.datagram.octets) {
            self.tell_again(judged, request, Finding::DuplicateReply, "the same reply again");
            return;
        }
        // To a group each of several servers replies, and a peer sends on until it hears again.
        if request.kind == RequestKind::Time && request.replies.count > 0 {
            self.tell_again(judged, request, Finding::SecondReply, "another reply to the same request");
        }
        let places = [request.place, judged.place()];
        let asked = Asked::of(request.status);
        let is_bare =
            judged.verdict.status == Status::None && matches!(answer, Answer::PlainReply | Answer::Kiss);
        if is_time && is_bare && (asked == Asked::Valid || asked.is_bad_mac()) {
            judged.findings.insert(Finding::AuthStripped);
            self.tell(Finding::AuthStripped, &places, &sentence::stripped(request));
        } else if answer == Answer::CryptoNak {
            judged.findings.insert(Finding::NakFor);
            self.tell(Finding::NakFor, &places, &sentence::refused(request));
        }
        let is_zero = judged.verdict.digest().is_none_or(|digest| digest.iter().all(|octet| *octet == 0));
        let replied = judged.verdict.key_id().filter(|_| !is_zero);
        if let (Some(asked), Some(replied)) = (request.key_id, replied)
            && asked != replied
        {
            judged.findings.insert(Finding::ReplyKeyDiffers);
            let detail = format!("asked under key {asked}, answered under {replied}");
            self.tell(Finding::ReplyKeyDiffers, &places, &detail);
        }
    }

    /// Tells of a reply to a request that has one.
    fn tell_again(&mut self, judged: &mut Judged<'_, '_>, request: &Request, finding: Finding, detail: &str) {
        let first = request.replies.first.unwrap_or(request.place);
        judged.findings.insert(finding);
        self.tell(finding, &[request.place, first, judged.place()], detail);
    }

    fn keep(&mut self, judged: &Judged<'_, '_>, name: Name, header: &Header) {
        let since = self.window.left().max(self.coverage.since(judged.capture));
        let remembered = since.zip(judged.time).map(|(since, now)| elapsed(since, now).min(LONGEST_WAIT));
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
            remembered,
        };
        self.window.keep(name, orphan);
    }

    /// Counts how a request for the time was answered.
    fn count(&mut self, request: &Request, answer: Answer) {
        let is_for_server = matches!(request.kind, RequestKind::Time | RequestKind::Group);
        if let Some(server) = self.servers.of(request.server).filter(|_| is_for_server) {
            server.count(request, answer);
        }
    }

    /// Notes what a message says of its sender's clock.
    fn note_clock(&mut self, judged: &mut Judged<'_, '_>, header: &Header) {
        let place = judged.place();
        if header.version.is_decoded()
            && let Some(server) = self.servers.of(judged.datagram.source)
        {
            let is_proved = judged.verdict.status == Status::Valid;
            for event in server.clock_says(header, is_proved, place) {
                judged.findings.insert(event.finding);
                self.events.push(event);
            }
        }
    }

    /// Says what became of a request or reply that nothing more is expected for.
    fn close(&mut self, expired: Expired) {
        match expired {
            Expired::Request(request) if request.replies.count == 0 && request.expects_reply => {
                // It may have had to make room, or the capture ends: its reply would lie behind.
                let waited = request
                    .time
                    .zip(self.coverage.until(request.place.capture))
                    .map(|(time, end)| elapsed(time, end).min(LONGEST_WAIT));
                if let Some(waited) = waited.filter(|waited| *waited >= LEAST_WAIT) {
                    self.count(&request, Answer::Silence);
                    self.tell(Finding::Unanswered, &[request.place], &sentence::silence(&request, waited));
                }
            }
            Expired::Request(_) => {}
            Expired::Orphan(orphan) if self.is_early(&orphan) => {}
            Expired::Orphan(orphan) => self.unexplained(&orphan),
        }
    }

    fn unexplained(&mut self, orphan: &Orphan) {
        let (finding, what) = match (orphan.answer, orphan.zero_origin, orphan.other_request) {
            (Answer::CryptoNak, ..) => (Finding::UnsolicitedNak, "no request that it refuses was seen"),
            (_, true, _) => (
                Finding::ZeroOrigin,
                "its origin timestamp is zero, which was no request's transmit timestamp",
            ),
            (_, false, Some(_)) => {
                (Finding::BogusOrigin, "its origin timestamp is not that of any request seen")
            }
            (_, false, None) => (Finding::UnsolicitedReply, "no request that it answers was seen"),
        };
        let frames: Vec<Place> = orphan.other_request.into_iter().chain([orphan.place]).collect();
        self.tell(finding, &frames, &sentence::unexplained(orphan, what));
    }

    /// True for a reply so near the beginning of its capture that its request may lie before.
    fn is_early(&self, orphan: &Orphan) -> bool {
        let begin = self.coverage.since(orphan.place.capture);
        let since = orphan.time.zip(begin).map(|(time, begin)| time.seconds.saturating_sub(begin.seconds));
        since.is_none_or(|since| since <= EARLY)
    }

    fn tell(&mut self, finding: Finding, frames: &[Place], detail: &str) {
        self.events.push(Event { finding, frames: frames.to_vec(), detail: detail.to_owned() });
    }
}

fn mode_of(name: &Name) -> ExchangeMode {
    match name.kind() {
        NameKind::Transmit | NameKind::Cookie => ExchangeMode::Basic,
        NameKind::Receive => ExchangeMode::Interleaved,
        NameKind::Control | NameKind::Private => ExchangeMode::Sequence,
    }
}

/// What kind of reply a message is.
pub fn answer_of(judged: &Judged<'_, '_>) -> Answer {
    Answer::of(judged.message.as_ref(), &judged.verdict)
}

/// True for a message with extension fields.
fn has_fields(judged: &Judged<'_, '_>) -> bool {
    judged.verdict.reading.is_some_and(|(reading, _)| !reading.fields.is_empty())
}

/// The association of a client's socket with a server under the key of the message.
fn association(judged: &Judged<'_, '_>, client: SocketAddr, server: SocketAddr) -> Option<Association> {
    let server = server.ip();
    judged.verdict.key_id().map(|key_id| Association { client, server, key_id })
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
