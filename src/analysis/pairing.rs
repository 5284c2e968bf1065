//! Which request a reply answers, in one pass and a bounded window, whatever their order in the capture.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, SocketAddr};

use crate::auth::KeyId;
use crate::capture::CaptureTime;
use crate::ntp::NtpTimestamp;

use super::behaviour::{Answer, Asked};
use super::exchange::ExchangeMode;
use super::finding::Place;

/// Requests that are remembered at most, and replies that wait for theirs. The oldest makes room.
///
/// Half of what a map of 2^15 places takes: one that is fuller doubles, sooner or later, where this one tidies up.
pub const WINDOW: usize = 14_336;

/// Seconds of capture time after which nothing more is expected.
pub const PATIENCE: i64 = 5;

/// What a reply names its request by. Addresses and ports lie apart, which makes it half as large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name {
    client: IpAddr,
    server: IpAddr,
    client_port: u16,
    server_port: u16,
    /// A timestamp, or the sequence number of a control or private message.
    number: u64,
    kind: NameKind,
}

/// Which field of the request is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameKind {
    /// The transmit timestamp (RFC 5905 section 8).
    Transmit,
    /// The receive timestamp (RFC 9769).
    Receive,
    /// The sequence number of a control message (RFC 9327).
    Control,
    /// The request code of a private message.
    Private,
}

impl Name {
    /// A name in the conversation of a client with a server.
    pub fn new(client: SocketAddr, server: SocketAddr, number: u64, kind: NameKind) -> Name {
        let (client_port, server_port) = (client.port(), server.port());
        Name { client: client.ip(), server: server.ip(), client_port, server_port, number, kind }
    }

    /// Which field of the request it names.
    pub fn kind(&self) -> NameKind {
        self.kind
    }

    fn is_zero_timestamp(&self) -> bool {
        self.number == 0 && matches!(self.kind, NameKind::Transmit | NameKind::Receive)
    }

    /// The same conversation, whatever the message.
    fn conversation(&self) -> Name {
        Name { number: 0, kind: NameKind::Control, ..*self }
    }
}

impl Hash for Name {
    /// In few large pieces: the derived way hands the hasher a dozen small ones, each at the price of a large one.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let number = |address| match address {
            IpAddr::V4(address) => u128::from(address.to_bits()),
            IpAddr::V6(address) => address.to_bits(),
        };
        state.write_u128(number(self.client));
        state.write_u128(number(self.server));
        state.write_u64(self.number);
        state.write_u32(u32::from(self.client_port) << 16 | u32::from(self.server_port));
    }
}

/// What is remembered of a request.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// Where it is.
    pub place: Place,
    /// When it was captured.
    pub time: Option<CaptureTime>,
    /// Who asked.
    pub client: SocketAddr,
    /// Who was asked.
    pub server: SocketAddr,
    /// What it asks for.
    pub asked: Asked,
    /// Key ID of its MAC.
    pub key_id: Option<KeyId>,
    /// Octets of its payload.
    pub length: usize,
    /// A number that tells its octets from others.
    pub fingerprint: u64,
    /// The account identifier of an MS-SNTP request, as on the wire; its reply carries the same.
    pub ms_sntp: Option<[u8; 4]>,
    /// True when silence is worth telling: client requests, not the messages of peers.
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
    orphans: Queue<Orphan>,
    /// The last request of each conversation that is still open.
    last: HashMap<Name, Place>,
}

impl Window {
    /// Remembers a request under its names. `Err` gives the one that stood under the first of them before, for the
    /// caller to compare, and the new one takes its place.
    pub fn remember(&mut self, names: [Option<Name>; 2], request: Request) -> Option<Request> {
        let first = names.into_iter().flatten().next()?;
        self.last.insert(first.conversation(), request.place);
        self.requests.push(names, request)
    }

    /// The request that goes by that name.
    pub fn request(&mut self, name: &Name) -> Option<&mut Request> {
        self.requests.get(name)
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
            let mode =
                if name.kind == NameKind::Receive { ExchangeMode::Interleaved } else { ExchangeMode::Basic };
            // A reply carries its name as the request's transmit timestamp, whichever of the two it is.
            let kept = Name {
                kind: if mode == ExchangeMode::Basic { name.kind } else { NameKind::Transmit },
                ..name
            };
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
            return Some(Expired::Request(request));
        }
        self.orphans.pop_if(|orphan| is_old(orphan.time)).map(Expired::Orphan)
    }

    /// Gives back one after the other all that is left.
    pub fn drain(&mut self) -> Option<Expired> {
        let request = self.requests.pop_if(|_| true).map(Expired::Request);
        request.or_else(|| self.orphans.pop_if(|_| true).map(Expired::Orphan))
    }

    fn forget_last(&mut self, request: &Request) {
        let conversation = Name::new(request.client, request.server, 0, NameKind::Control);
        remove_if(&mut self.last, conversation, &request.place);
    }
}

/// Values in order of arrival, each found by its names.
#[derive(Debug)]
struct Queue<T> {
    values: VecDeque<([Option<Name>; 2], Option<T>)>,
    /// Numbers count from the first value that ever was; this is that of the first still there.
    first: u64,
    by_name: HashMap<Name, u64>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Queue { values: VecDeque::new(), first: 0, by_name: HashMap::new() }
    }
}

impl<T: Copy> Queue<T> {
    /// Adds a value, and gives what stood under its first name before.
    fn push(&mut self, names: [Option<Name>; 2], value: T) -> Option<T> {
        let number = self.first + self.values.len() as u64;
        let [before, _] = names.map(|name| self.by_name.insert(name?, number));
        let before = before.and_then(|number| *self.place(number)?);
        self.values.push_back((names, Some(value)));
        before
    }

    fn get(&mut self, name: &Name) -> Option<&mut T> {
        self.by_name.get(name).copied().and_then(|number| self.place(number)?.as_mut())
    }

    /// Takes a value out. Its names go when its turn comes.
    fn take(&mut self, name: &Name) -> Option<T> {
        self.by_name.get(name).copied().and_then(|number| self.place(number)?.take())
    }

    /// Where the value of that number is, unless it has left.
    fn place(&mut self, number: u64) -> Option<&mut Option<T>> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.values.get_mut(index).map(|(_, value)| value)
    }

    /// Takes the oldest value when `is_due` says so, or when there are too many. Taken ones are passed over.
    fn pop_if(&mut self, is_due: impl Fn(&T) -> bool) -> Option<T> {
        loop {
            let (_, value) = self.values.front()?;
            if value.as_ref().is_some_and(|value| !is_due(value)) && self.values.len() <= WINDOW {
                return None;
            }
            let (names, value) = self.values.pop_front()?;
            for name in names.into_iter().flatten() {
                remove_if(&mut self.by_name, name, &self.first);
            }
            self.first += 1;
            if value.is_some() {
                return value;
            }
        }
    }
}

/// Removes the entry of a name, if it still has that value.
fn remove_if<V: PartialEq>(map: &mut HashMap<Name, V>, name: Name, value: &V) {
    if let Entry::Occupied(entry) = map.entry(name)
        && entry.get() == value
    {
        entry.remove();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::new(10, 99, 0, 2)), 40_000);
    const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::new(10, 99, 0, 1)), 123);

    fn request(frame: u64, seconds: i64) -> Request {
        Request {
            place: Place { capture: 0, frame },
            time: Some(CaptureTime { seconds, nanoseconds: 0 }),
            client: CLIENT,
            server: SERVER,
            asked: Asked::NoMac,
            key_id: None,
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
        assert!(window.remember([Some(transmit(77)), Some(receive)], request(1, 0)).is_none());
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
        assert_eq!(window.requests.values.len(), WINDOW);
        assert_eq!(window.requests.by_name.len(), WINDOW);
        assert_eq!(expired, 100_000 - WINDOW);
        assert!(window.request(&transmit(100_000)).is_some());
    }

    #[test]
    fn a_second_request_of_the_same_name_takes_the_place_of_the_first() {
        let mut window = Window::default();
        window.remember([Some(transmit(77)), None], request(1, 0));
        let before = window.remember([Some(transmit(77)), None], request(2, 0)).unwrap();
        assert_eq!(before.place.frame, 1);
        assert_eq!(window.request(&transmit(77)).unwrap().place.frame, 2);
        assert_eq!(window.last_request(&transmit(5)).unwrap().frame, 2);
    }
}
