//! Which request a reply answers, in one pass and a bounded window.

use std::collections::{HashMap, VecDeque};
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, SocketAddr};

use crate::capture::CaptureTime;
use crate::ntp::header::{Header, Mode};
use crate::ntp::timestamp::{NtpTimestamp, UnixTime};

/// Requests that are remembered at most. The oldest is forgotten for the next one.
pub const WINDOW: usize = 16_384;

/// A reply and the request that it answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exchange {
    /// Frame of the request.
    pub request: u64,
    /// Frame of the reply.
    pub reply: u64,
    /// How the reply names its request.
    pub mode: ExchangeMode,
    /// From the request's arrival to the reply's departure by the server's clock, in seconds. Not known in
    /// interleaved mode, where the reply tells when the one before it left.
    pub server_time: Option<f64>,
    /// Server's clock minus the capture's clock, in seconds, if both ways took equally long.
    pub offset: Option<f64>,
    /// Both ways between capture and server together, in seconds.
    pub delay: Option<f64>,
}

/// How a reply names its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExchangeMode {
    /// Origin timestamp = the request's transmit timestamp (RFC 5905 section 8).
    Basic,
    /// Origin timestamp = the request's receive timestamp (RFC 9769).
    Interleaved,
}

impl ExchangeMode {
    /// The word used in every output.
    pub fn name(self) -> &'static str {
        match self {
            ExchangeMode::Basic => "basic",
            ExchangeMode::Interleaved => "interleaved",
        }
    }
}

/// What is remembered of a request.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// Its frame.
    pub frame: u64,
    /// When it was captured.
    pub time: Option<CaptureTime>,
    /// The account identifier of an MS-SNTP request, as on the wire; its reply carries the same.
    pub ms_sntp: Option<[u8; 4]>,
}

/// The requests that replies may still come for.
#[derive(Debug, Default)]
pub struct Window {
    requests: HashMap<Name, Request>,
    order: VecDeque<Name>,
}

/// What a reply names its request by. Addresses and ports lie apart, which makes it half as large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Name {
    client: IpAddr,
    server: IpAddr,
    client_port: u16,
    server_port: u16,
    timestamp: NtpTimestamp,
    kind: NameKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NameKind {
    Transmit,
    Receive,
}

impl Name {
    fn new(client: SocketAddr, server: SocketAddr, timestamp: NtpTimestamp, kind: NameKind) -> Name {
        let (client_port, server_port) = (client.port(), server.port());
        Name { client: client.ip(), server: server.ip(), client_port, server_port, timestamp, kind }
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
        state.write_u64(self.timestamp.0);
        state.write_u32(u32::from(self.client_port) << 16 | u32::from(self.server_port));
    }
}

impl Window {
    /// Remembers a message that may be answered: modes 1, 2 and 3, and mode 0 of version 1.
    pub fn remember(
        &mut self,
        source: SocketAddr,
        destination: SocketAddr,
        header: &Header,
        request: Request,
    ) {
        let asks = matches!(
            header.mode,
            Mode::Client | Mode::SymmetricActive | Mode::SymmetricPassive | Mode::Reserved
        );
        if !asks {
            return;
        }
        let name = |timestamp, kind| Name::new(source, destination, timestamp, kind);
        self.insert(name(header.transmit_timestamp, NameKind::Transmit), request);
        if !header.receive_timestamp.is_zero() && header.receive_timestamp != header.transmit_timestamp {
            self.insert(name(header.receive_timestamp, NameKind::Receive), request);
        }
    }

    /// Finds the request that a message from `source` to `destination` answers.
    pub fn find(
        &self,
        source: SocketAddr,
        destination: SocketAddr,
        header: &Header,
    ) -> Option<(Request, ExchangeMode)> {
        if !matches!(header.mode, Mode::Server | Mode::SymmetricActive | Mode::SymmetricPassive) {
            return None;
        }
        let origin = header.origin_timestamp;
        let find = |kind| self.requests.get(&Name::new(destination, source, origin, kind)).copied();
        let basic = find(NameKind::Transmit).map(|request| (request, ExchangeMode::Basic));
        basic.or_else(|| Some((find(NameKind::Receive)?, ExchangeMode::Interleaved)))
    }

    fn insert(&mut self, name: Name, request: Request) {
        if self.requests.insert(name, request).is_some() {
            return;
        }
        if self.order.len() == 2 * WINDOW
            && let Some(oldest) = self.order.pop_front()
        {
            self.requests.remove(&oldest);
        }
        self.order.push_back(name);
    }
}

impl Exchange {
    /// Puts together what a reply says about the exchange.
    pub fn new(
        (request, mode): (Request, ExchangeMode),
        reply_frame: u64,
        reply_time: Option<CaptureTime>,
        reply: &Header,
    ) -> Exchange {
        let bare = Exchange {
            request: request.frame,
            reply: reply_frame,
            mode,
            server_time: None,
            offset: None,
            delay: None,
        };
        let (received, sent) = (reply.receive_timestamp, reply.transmit_timestamp);
        if mode == ExchangeMode::Interleaved || received.is_zero() || sent.is_zero() {
            return bare;
        }
        let server_time = seconds(sent.since(received));
        let measured = request.time.zip(reply_time).map(|(request, reply)| {
            let (asked, answered) = (to_ntp(request), to_ntp(reply));
            let offset = f64::midpoint(seconds(received.since(asked)), seconds(sent.since(answered)));
            (offset, seconds(answered.since(asked)) - server_time)
        });
        Exchange {
            server_time: Some(server_time),
            offset: measured.map(|(offset, _)| offset),
            delay: measured.map(|(_, delay)| delay),
            ..bare
        }
    }
}

fn to_ntp(time: CaptureTime) -> NtpTimestamp {
    UnixTime { seconds: time.seconds, nanoseconds: time.nanoseconds }.to_ntp()
}

/// Units of 2^-32 s as seconds.
fn seconds(difference: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "53 bits hold a year to the nanosecond")]
    let units = difference as f64;
    units / 4_294_967_296.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 99, 0, 2)), 40_000);
    const SERVER: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 99, 0, 1)), 123);

    fn header(first: u8, origin: u64, receive: u64, transmit: u64) -> Header {
        let mut octets = vec![first];
        octets.resize(24, 0);
        for timestamp in [origin, receive, transmit] {
            octets.extend(timestamp.to_be_bytes());
        }
        Header::parse(&octets).unwrap()
    }

    fn request(frame: u64) -> Request {
        Request { frame, time: Some(CaptureTime { seconds: 0, nanoseconds: 0 }), ms_sntp: None }
    }

    #[test]
    fn a_reply_names_its_request_by_the_transmit_timestamp() {
        let mut window = Window::default();
        window.remember(CLIENT, SERVER, &header(0x23, 0, 0, 77), request(1));
        let (found, mode) = window.find(SERVER, CLIENT, &header(0x24, 77, 5, 6)).unwrap();
        assert_eq!((found.frame, mode), (1, ExchangeMode::Basic));
        assert!(window.find(SERVER, CLIENT, &header(0x24, 78, 5, 6)).is_none());
    }

    #[test]
    fn an_interleaved_reply_names_it_by_the_receive_timestamp() {
        let mut window = Window::default();
        window.remember(CLIENT, SERVER, &header(0x23, 1, 88, 77), request(9));
        let (found, mode) = window.find(SERVER, CLIENT, &header(0x24, 88, 5, 6)).unwrap();
        assert_eq!((found.frame, mode), (9, ExchangeMode::Interleaved));
    }

    #[test]
    fn other_addresses_are_other_exchanges() {
        let mut window = Window::default();
        window.remember(CLIENT, SERVER, &header(0x23, 0, 0, 77), request(1));
        let other = SocketAddr::new(SERVER.ip(), 124);
        assert!(window.find(other, CLIENT, &header(0x24, 77, 5, 6)).is_none());
    }

    #[test]
    fn the_window_is_bounded() {
        let mut window = Window::default();
        for frame in 0..100_000 {
            window.remember(CLIENT, SERVER, &header(0x23, 0, 0, frame + 1), request(frame));
        }
        assert!(window.requests.len() <= 2 * WINDOW);
        assert_eq!(window.requests.len(), window.order.len());
        assert!(window.find(SERVER, CLIENT, &header(0x24, 100_000, 5, 6)).is_some());
        assert!(window.find(SERVER, CLIENT, &header(0x24, 1, 5, 6)).is_none());
    }

    #[test]
    fn times_of_an_exchange_are_computed_across_the_era_boundary() {
        // Era 0 ends 0.25 s after the request; the server holds it for 0.5 s, its clock is right.
        let at = |quarters: i64| NtpTimestamp((quarters.wrapping_mul(1 << 30)).cast_unsigned());
        let time = |quarters: i64| {
            let nanoseconds = u32::try_from(quarters.rem_euclid(4)).unwrap() * 250_000_000;
            Some(CaptureTime {
                seconds: crate::ntp::timestamp::ERA_ONE + quarters.div_euclid(4),
                nanoseconds,
            })
        };
        let request = Request { frame: 1, time: time(-2), ms_sntp: None };
        let reply = header(0x24, 7, at(-1).0, at(1).0);
        let exchange = Exchange::new((request, ExchangeMode::Basic), 2, time(2), &reply);
        assert_eq!(exchange.server_time, Some(0.5));
        assert_eq!(exchange.offset, Some(0.0));
        assert_eq!(exchange.delay, Some(0.5));
    }
}
