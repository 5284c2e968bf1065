//! Which request a reply answers, in one pass and a bounded window, whatever their order in the capture.

use std::collections::HashMap;
use std::net::SocketAddr;

use crate::auth::KeyId;
use crate::capture::CaptureTime;
use crate::ntp::NtpTimestamp;
use crate::ntp::header::Version;

use super::behaviour::Answer;
use super::exchange::ExchangeMode;
use super::finding::Place;
use super::verdict::Status;

use queue::{Queue, remove_if};

mod name;
mod queue;

pub use name::{Name, NameKind, is_group};

/// Requests that are remembered at most, and replies that wait for theirs. The oldest makes room.
///
/// Half of what a map of 2^15 places takes: one that is fuller doubles, sooner or later, where this one tidies up.
pub const WINDOW: usize = 14_336;

/// Seconds of capture time after which nothing more is expected. Clients wait less: their next poll comes by then.
pub const PATIENCE: i64 = 16;

/// Who is asked, and by whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    /// A client asks a server for the time.
    Time,
    /// A client asks whoever listens to a group for the time (manycast, RFC 5905 section 3.1).
    Group,
    /// A peer tells a peer its time, and gets that one's when its turn comes: as late as the poll interval.
    Peer,
    /// A control or private message.
    Query,
}

/// What is remembered of a request.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// Who is asked, and by whom.
    pub kind: RequestKind,
    /// Where it is.
    pub place: Place,
    /// When it was captured.
    pub time: Option<CaptureTime>,
    /// Who asked.
    pub client: SocketAddr,
    /// Who was asked.
    pub server: SocketAddr,
    /// Its authentication status.
    pub status: Status,
    /// Key ID of its MAC.
    pub key_id: Option<KeyId>,
    /// Octets of its digest; none without a MAC.
    pub digest_length: usize,
    /// Its version.
    pub version: Version,
    /// Its origin timestamp: in interleaved mode it names the reply before.
    pub origin: NtpTimestamp,
    /// True when it has extension fields.
    pub has_fields: bool,
    /// Octets of its payload.
    pub length: usize,
    /// A number that tells its octets from others.
    pub fingerprint: u64,
    /// The account identifier of an MS-SNTP request, as on the wire; its reply carries the same.
    pub ms_sntp: Option<[u8; 4]>,
    /// True when silence is worth telling: not for the messages of peers, nor where no reply would be recognised.
    pub expects_reply: bool,
    /// The replies so far.
    pub replies: Replies,
}

/// The replies to a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replies {
    /// Their number.
    pub count: u32,
    /// Where the first is.
    pub first: Option<Place>,
    /// A number that tells the last one's octets from others.
    pub fingerprint: u64,
}

impl Replies {
    /// Takes in one more.
    pub fn add(&mut self, place: Place, fingerprint: u64) {
        self.count += 1;
        self.first.get_or_insert(place);
        self.fingerprint = fingerprint;
    }
}

/// What is remembered of a reply whose request was not seen before it.
#[derive(Clone, Copy, Debug)]
pub struct Orphan {
    /// Where it is.
    pub place: Place,
    /// When it was captured.
    pub time: Option<CaptureTime>,
    /// Who was answered.
    pub client: SocketAddr,
    /// Who answered.
    pub server: SocketAddr,
    /// What it is.
    pub answer: Answer,
    /// Its receive timestamp.
    pub receive: NtpTimestamp,
    /// Its transmit timestamp.
    pub transmit: NtpTimestamp,
    /// True when its origin timestamp is zero.
    pub zero_origin: bool,
    /// A request of the same conversation that it does not answer.
    pub other_request: Option<Place>,
    /// Nanoseconds of capture before it of which every request is remembered.
    pub remembered: Option<i128>,
}

/// What nothing more is expected for.
#[derive(Clone, Copy, Debug)]
pub enum Expired {
    /// A request, with whatever replies came.
    Request(Request),
    /// A reply whose request never came.
    Orphan(Orphan),
}

/// The requests that replies may still come for, and the replies that came before their requests.
#[derive(Debug, Default)]
pub struct Window {
    requests: Queue<Request>,
    /// Those of peers, which the age of none makes leave: their replies come whole poll intervals later.
    peers: Queue<Request>,
    orphans: Queue<Orphan>,
    /// The last request of each conversation that is still open.
    last: HashMap<Name, Place>,
    /// When the newest request was captured that has left.
    left: Option<CaptureTime>,
}

impl Window {
    /// Remembers a request under its names. It takes the place of one that goes by the same.
    pub fn remember(&mut self, names: [Option<Name>; 2], request: Request) {
        if request.kind == RequestKind::Peer {
            self.peers.push(names, request);
            self.peers.pop_if(|_| false);
            return;
        }
        if let Some(first) = names.into_iter().flatten().next() {
            self.last.insert(first.conversation(), request.place);
        }
        self.requests.push(names, request);
    }

    /// The request that goes by that name.
    pub fn request(&mut self, name: &Name) -> Option<&mut Request> {
        self.requests.get(name).or_else(|| self.peers.get(name))
    }

    /// When the newest request was captured that is no longer remembered; `None` while all are.
    pub fn left(&self) -> Option<CaptureTime> {
        self.left
    }

    /// The last request of the conversation that `name` belongs to.
    pub fn last_request(&self, name: &Name) -> Option<Place> {
        self.last.get(&name.conversation()).copied()
    }

    /// Keeps a reply whose request may stand behind it.
    pub fn keep(&mut self, name: Name, orphan: Orphan) {
        self.orphans.push([Some(name), None], orphan);
    }

    /// Takes out the reply that was kept for a request of these names.
    pub fn adopt(&mut self, names: [Option<Name>; 2]) -> Option<(Orphan, ExchangeMode)> {
        names.into_iter().flatten().filter(|name| !name.is_zero_timestamp()).find_map(|name| {
            let mode = if name.kind() == NameKind::Receive {
                ExchangeMode::Interleaved
            } else {
                ExchangeMode::Basic
            };
            // A reply carries its name as the request's transmit timestamp, whichever of the two it is.
            let kept = if mode == ExchangeMode::Basic { name } else { name.of_kind(NameKind::Transmit) };
            self.orphans.take(&kept).map(|orphan| (orphan, mode))
        })
    }

    /// Gives back one after the other what at `now` nothing more is expected for, or what has to make room.
    pub fn expire(&mut self, now: Option<CaptureTime>) -> Option<Expired> {
        let is_old = |time: Option<CaptureTime>| match (time, now) {
            (Some(time), Some(now)) => now.seconds.saturating_sub(time.seconds) > PATIENCE,
            _ => false,
        };
        if let Some(request) = self.requests.pop_if(|request| is_old(request.time)) {
            self.forget_last(&request);
            self.left = request.time.or(self.left);
            return Some(Expired::Request(request));
        }
        self.orphans.pop_if(|orphan| is_old(orphan.time)).map(Expired::Orphan)
    }

    /// Gives back one after the other all that is left, but for peers, whose silence means nothing.
    pub fn drain(&mut self) -> Option<Expired> {
        let request = self.requests.pop_if(|_| true).map(Expired::Request);
        request.or_else(|| self.orphans.pop_if(|_| true).map(Expired::Orphan))
    }

    fn forget_last(&mut self, request: &Request) {
        let conversation = Name::new(request.client, request.server, 0, NameKind::Control);
        remove_if(&mut self.last, conversation, &request.place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::net::{IpAddr, Ipv4Addr};

    const CLIENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 99, 0, 2)), 40_000);
    const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 99, 0, 1)), 123);

    fn request(frame: u64, seconds: i64) -> Request {
        Request {
            place: Place { capture: 0, frame },
            time: Some(CaptureTime { seconds, nanoseconds: 0 }),
            client: CLIENT,
            server: SERVER,
            kind: RequestKind::Time,
            status: Status::None,
            key_id: None,
            digest_length: 0,
            version: Version::FOUR,
            origin: NtpTimestamp::ZERO,
            has_fields: false,
            length: 48,
            fingerprint: frame,
            ms_sntp: None,
            expects_reply: true,
            replies: Replies::default(),
        }
    }

    fn orphan(frame: u64, seconds: i64) -> Orphan {
        Orphan {
            place: Place { capture: 0, frame },
            time: Some(CaptureTime { seconds, nanoseconds: 0 }),
            client: CLIENT,
            server: SERVER,
            answer: Answer::PlainReply,
            receive: NtpTimestamp::ZERO,
            transmit: NtpTimestamp::ZERO,
            zero_origin: false,
            other_request: None,
            remembered: None,
        }
    }

    fn transmit(number: u64) -> Name {
        Name::new(CLIENT, SERVER, number, NameKind::Transmit)
    }

    fn at(seconds: i64) -> Option<CaptureTime> {
        Some(CaptureTime { seconds, nanoseconds: 0 })
    }

    #[test]
    fn a_request_is_found_by_either_of_its_names() {
        let mut window = Window::default();
        let receive = Name::new(CLIENT, SERVER, 88, NameKind::Receive);
        window.remember([Some(transmit(77)), Some(receive)], request(1, 0));
        assert_eq!(window.request(&transmit(77)).unwrap().place.frame, 1);
        assert_eq!(window.request(&receive).unwrap().place.frame, 1);
        assert!(window.request(&transmit(88)).is_none());
        assert!(window.request(&Name::new(CLIENT, CLIENT, 77, NameKind::Transmit)).is_none());
    }

    #[test]
    fn what_was_noted_under_one_name_is_seen_under_the_other() {
        let mut window = Window::default();
        let receive = Name::new(CLIENT, SERVER, 88, NameKind::Receive);
        window.remember([Some(transmit(77)), Some(receive)], request(1, 0));
        window.request(&receive).unwrap().replies.count = 3;
        assert_eq!(window.request(&transmit(77)).unwrap().replies.count, 3);
    }

    #[test]
    fn a_reply_that_came_first_is_found_by_its_request() {
        let mut window = Window::default();
        window.keep(transmit(77), orphan(1, 0));
        assert!(window.adopt([Some(transmit(78)), None]).is_none());
        let (orphan, mode) = window.adopt([Some(transmit(77)), None]).unwrap();
        assert_eq!((orphan.place.frame, mode), (1, ExchangeMode::Basic));
        assert!(window.adopt([Some(transmit(77)), None]).is_none(), "once");
    }

    #[test]
    fn a_reply_of_interleaved_mode_may_come_first_too() {
        let mut window = Window::default();
        window.keep(transmit(88), orphan(1, 0));
        let receive = Name::new(CLIENT, SERVER, 88, NameKind::Receive);
        let (_, mode) = window.adopt([Some(transmit(77)), Some(receive)]).unwrap();
        assert_eq!(mode, ExchangeMode::Interleaved);
    }

    #[test]
    fn nothing_is_given_up_before_its_time() {
        let mut window = Window::default();
        window.remember([Some(transmit(1)), None], request(1, 100));
        window.keep(transmit(2), orphan(2, 101));
        assert!(window.expire(at(100 + PATIENCE)).is_none());
        assert!(matches!(window.expire(at(101 + PATIENCE)), Some(Expired::Request(_))));
        assert!(window.expire(at(101 + PATIENCE)).is_none());
        assert!(matches!(window.expire(at(102 + PATIENCE)), Some(Expired::Orphan(_))));
        assert!(window.request(&transmit(1)).is_none(), "forgotten");
    }

    #[test]
    fn adopted_replies_do_not_expire() {
        let mut window = Window::default();
        window.keep(transmit(77), orphan(1, 0));
        window.adopt([Some(transmit(77)), None]);
        assert!(window.drain().is_none());
    }

    #[test]
    fn the_window_is_bounded_without_times() {
        let mut window = Window::default();
        let mut expired = 0;
        for frame in 0..100_000 {
            let timeless = Request { time: None, ..request(frame, 0) };
            window.remember([Some(transmit(frame + 1)), None], timeless);
            while window.expire(None).is_some() {
                expired += 1;
            }
        }
        assert_eq!(window.requests.lengths(), (WINDOW, WINDOW));
        assert_eq!(expired, 100_000 - WINDOW);
        assert!(window.request(&transmit(100_000)).is_some());
    }

    #[test]
    fn a_second_request_of_the_same_name_takes_the_place_of_the_first() {
        let mut window = Window::default();
        window.remember([Some(transmit(77)), None], request(1, 0));
        window.remember([Some(transmit(77)), None], request(2, 0));
        assert_eq!(window.request(&transmit(77)).unwrap().place.frame, 2);
        assert_eq!(window.last_request(&transmit(5)).unwrap().frame, 2);
    }

    /// Peers poll as seldom as every 36 hours (RFC 5905 section 7.3: MAXPOLL is 17).
    #[test]
    fn messages_of_peers_leave_only_for_want_of_room() {
        let mut window = Window::default();
        let peer = |frame| Request { kind: RequestKind::Peer, expects_reply: false, ..request(frame, 0) };
        window.remember([Some(transmit(1)), None], peer(1));
        assert!(window.expire(at(1 << 17)).is_none());
        assert!(window.request(&transmit(1)).is_some());
        for frame in 2..100_000 {
            window.remember([Some(transmit(frame)), None], peer(frame));
        }
        assert_eq!(window.peers.lengths(), (WINDOW, WINDOW));
        assert!(window.request(&transmit(1)).is_none() && window.request(&transmit(99_999)).is_some());
        assert!(window.drain().is_none());
    }

    #[test]
    fn who_asks_a_group_is_answered_by_any_server() {
        for group in ["224.0.1.1:123", "255.255.255.255:123"] {
            let mut window = Window::default();
            let name = Name::new(CLIENT, group.parse().unwrap(), 7, NameKind::Transmit);
            window.remember([Some(name), None], request(1, 0));
            assert!(window.request(&transmit(7)).is_none(), "no request to this very server");
            assert!(window.request(&transmit(7).of_any_server()).is_some(), "{group}");
        }
    }
}
