use std::net::SocketAddr;

use crate::analysis::analyzer::{Analyzer, Sighting};
use crate::analysis::policy::Policy;
use crate::auth::keyfile::{self, Dialect};
use crate::auth::{KeyId, Keyrings};
use crate::capture::CaptureTime;
use crate::net::{Checksum, Datagram, Encapsulation};
use crate::ntp::MessageBuilder;
use crate::ntp::header::Header;

use super::*;

const CLIENT: &str = "10.0.0.2:40000";
const SERVER: &str = "10.0.0.1:123";

/// A wire on which messages go by, one a frame.
struct Wire<'k> {
    analyzer: Analyzer<'k>,
    keys: &'k Keyrings,
    capture: usize,
    interface: Option<(u64, u32)>,
    frame: u64,
    seconds: i64,
    /// Codes in message records, with their frames.
    in_records: Vec<(u64, &'static str)>,
    exchanges: Vec<Exchange>,
    events: Vec<Event>,
}

fn keys() -> Keyrings {
    let mut rings = Keyrings::new();
    rings
        .default_keyring_mut()
        .add("test.keys", keyfile::read(b"1 SHA256 first\n2 SHA256 second\n", Dialect::Ntpsec));
    rings
}

impl<'k> Wire<'k> {
    /// Begins late enough that no reply may answer a request from before.
    fn new(keys: &'k Keyrings) -> Self {
        let analyzer = Analyzer::new(keys, Policy::default());
        let mut wire = Wire {
            analyzer,
            keys,
            capture: 0,
            interface: None,
            frame: 0,
            seconds: 0,
            in_records: Vec::new(),
            exchanges: Vec::new(),
            events: Vec::new(),
        };
        wire.carry("10.9.9.9:123", "10.9.9.8:123", &header(5, 0, 0, 0, 9));
        wire.seconds = 100;
        wire
    }

    fn carry(&mut self, source: &str, destination: &str, octets: &[u8]) {
        self.frame += 1;
        let (source, destination): (SocketAddr, SocketAddr) =
            (source.parse().unwrap(), destination.parse().unwrap());
        let datagram = Datagram {
            source,
            destination,
            octets,
            length: octets.len(),
            shortfall: None,
            checksum: Checksum::Correct,
            encapsulation: Encapsulation::default(),
            fragments: &[],
        };
        let time = Some(CaptureTime { seconds: self.seconds, nanoseconds: 0 });
        let sighting = Sighting { capture: self.capture, interface: self.interface, frame: self.frame, time };
        let judged = self.analyzer.judge(sighting, datagram);
        self.in_records.extend(judged.findings.iter().map(|finding| (judged.frame, finding.code())));
        self.exchanges.extend(judged.exchange);
        self.events.extend(self.analyzer.take_events());
    }

    fn ask(&mut self, octets: &[u8]) {
        self.carry(CLIENT, SERVER, octets);
    }

    fn reply(&mut self, octets: &[u8]) {
        self.carry(SERVER, CLIENT, octets);
    }

    fn sign(&self, mut octets: Vec<u8>, key_id: u32) -> Vec<u8> {
        let key = &self.keys.default_keyring().lookup(KeyId(key_id))[0].key;
        crate::auth::mac::append_mac(&mut octets, key);
        octets
    }

    /// The class of the server's behaviour.
    fn class(&self) -> Option<&'static str> {
        let servers = self.analyzer.conversations().servers.sorted();
        let server = servers.iter().find(|(address, _)| address.to_string() == SERVER);
        server.and_then(|(_, server)| server.profile.class()).map(|class| class.name())
    }

    /// The codes and frames of all events, after the last message.
    fn told(mut self) -> Vec<(&'static str, Vec<u64>)> {
        self.analyzer.finish();
        self.events.extend(self.analyzer.take_events());
        let frames = |event: &Event| event.frames.iter().map(|place| place.frame).collect();
        self.events.iter().map(|event| (event.finding.code(), frames(event))).collect()
    }
}

/// A bare message of version 4 at stratum 2.
fn header(mode: u8, origin: u64, receive: u64, transmit: u64, reference: u8) -> Vec<u8> {
    let mut octets = vec![(4 << 3) | mode, 2, 6, 0xec];
    octets.extend([0; 8]);
    octets.extend([0, 0, 0, reference, 0, 0, 0, 0, 0, 0, 0, 0]);
    for timestamp in [origin, receive, transmit] {
        octets.extend(timestamp.to_be_bytes());
    }
    octets
}

fn request(transmit: u64) -> Vec<u8> {
    header(3, 0, 0, transmit, 0)
}

fn answer(origin: u64) -> Vec<u8> {
    header(4, origin, origin + 1, origin + 2, 7)
}

fn nak(origin: u64) -> Vec<u8> {
    let header = Header::parse(&answer(origin)).unwrap();
    MessageBuilder::new(&header).crypto_nak().build()
}

#[test]
fn an_ordinary_exchange_tells_nothing() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    let (request, reply) = (wire.sign(request(50), 1), wire.sign(answer(50), 1));
    wire.ask(&request);
    wire.reply(&reply);
    assert_eq!(wire.exchanges[0].request.frame, 2);
    assert!(wire.in_records.is_empty(), "{:?}", wire.in_records);
    assert!(wire.told().is_empty());
}

#[test]
fn a_reply_that_stands_before_its_request_is_paired_with_it() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    wire.reply(&answer(50));
    wire.ask(&request(50));
    let exchange = wire.exchanges[0];
    assert_eq!((exchange.request.frame, exchange.reply.frame), (3, 2));
    assert!(wire.told().is_empty());
}

#[test]
fn a_request_without_reply_is_told_when_nothing_more_is_expected() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    wire.ask(&request(50));
    wire.seconds += 30;
    wire.ask(&request(51));
    wire.reply(&answer(51));
    assert_eq!(wire.events[0].detail, "no reply in 16 s to 48 octets, no MAC");
    assert_eq!(wire.told(), [("unanswered", vec![2])]);
}

#[test]
fn messages_of_peers_and_broadcasts_expect_no_reply() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    wire.carry(CLIENT, SERVER, &header(1, 0, 0, 50, 7));
    wire.carry(SERVER, "10.0.0.255:123", &header(5, 0, 0, 60, 7));
    assert!(wire.told().is_empty());
}

#[test]
fn a_plain_reply_to_a_mac_is_told_and_a_plain_reply_to_none_is_not() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    let signed = wire.sign(request(50), 1);
    wire.ask(&signed);
    wire.reply(&answer(50));
    wire.ask(&request(51));
    wire.reply(&answer(51));
    assert_eq!(wire.in_records, [(3, "auth-stripped")]);
    assert_eq!(wire.told(), [("auth-stripped", vec![2, 3])]);
}

#[test]
fn a_reply_under_another_key_is_told() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    let (request, reply) = (wire.sign(request(50), 1), wire.sign(answer(50), 2));
    wire.ask(&request);
    wire.reply(&reply);
    assert_eq!(wire.told(), [("reply-key-differs", vec![2, 3])]);
}

#[test]
fn a_crypto_nak_names_what_it_refuses_and_says_when_that_is_no_mac() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    let with_field =
        MessageBuilder::new(&Header::parse(&request(50)).unwrap()).extension_field(0x2005, &[0; 24]).build();
    wire.ask(&with_field);
    wire.reply(&nak(50));
    wire.ask(&request(60));
    wire.reply(&nak(60));
    let details: Vec<&str> = wire.events.iter().map(|event| event.detail.as_str()).collect();
    let expected = [
        "refuses a request without a MAC: an extension field draws it",
        "refuses a request without a MAC, which no server that was measured does",
        "52 octets for 48",
    ];
    assert_eq!(details, expected);
    assert_eq!(wire.told(), [("nak-for", vec![2, 3]), ("nak-for", vec![4, 5]), ("reply-longer", vec![4, 5])]);
}

#[test]
fn a_second_reply_is_told_apart_from_the_same_again() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    wire.ask(&request(50));
    wire.reply(&answer(50));
    wire.reply(&answer(50));
    wire.reply(&nak(50));
    let told = wire.told();
    assert_eq!(told[..2], [("duplicate-reply", vec![2, 3, 4]), ("second-reply", vec![2, 3, 5])]);
}

#[test]
fn an_authenticated_reply_sent_again_later_is_a_replay_and_a_plain_one_is_not() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    let (signed, reply) = (wire.sign(request(50), 1), wire.sign(answer(50), 1));
    wire.ask(&signed);
    wire.reply(&reply);
    wire.ask(&request(60));
    wire.reply(&answer(60));
    wire.seconds += 30;
    wire.reply(&reply);
    wire.ask(&request(60));
    wire.reply(&answer(60));
    assert_eq!(wire.in_records, [(6, "replay")]);
    assert_eq!(wire.told(), [("replay", vec![3, 6])]);
}

#[test]
fn broadcasts_and_messages_of_peers_are_replayed_too() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    let (broadcast, peer) = (wire.sign(header(5, 0, 0, 60, 7), 1), wire.sign(header(1, 0, 0, 70, 7), 1));
    for _ in 0..2 {
        wire.carry(SERVER, "224.0.1.1:123", &broadcast);
        wire.carry("10.0.0.3:123", SERVER, &peer);
        wire.seconds += 64;
    }
    assert_eq!(wire.told(), [("replay", vec![2, 4]), ("replay", vec![3, 5])]);
}

/// A client without a clock may have one and the same transmit timestamp in all of its requests.
#[test]
fn a_request_that_comes_again_accuses_nobody_of_a_replay() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    let signed = wire.sign(request(1), 1);
    for exchange in 0..2 {
        let reply = wire.sign(header(4, 1, 1_000 + exchange, 2_000 + exchange, 7), 1);
        wire.ask(&signed);
        wire.reply(&reply);
        wire.seconds += 64;
    }
    assert_eq!(wire.in_records, [(4, "request-repeated")]);
    assert_eq!(wire.told(), [("request-repeated", vec![2, 4])]);
}

/// A signed control query: nothing in it tells one time from the next.
#[test]
fn control_messages_that_come_again_are_no_replay() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    let query = [0x16, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    let mut reply = query;
    reply[1] |= 0x80;
    let (query, reply) = (wire.sign(query.to_vec(), 1), wire.sign(reply.to_vec(), 1));
    for _ in 0..3 {
        wire.ask(&query);
        wire.reply(&reply);
        wire.seconds += 30;
    }
    assert!(wire.in_records.is_empty(), "{:?}", wire.in_records);
    assert_eq!(wire.class(), None, "control queries say nothing of how time requests are answered");
    assert!(wire.told().is_empty());
}

/// Two captures of the same traffic, by clocks that differ.
#[test]
fn what_another_capture_has_too_is_no_replay() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    let (signed, reply) = (wire.sign(request(50), 1), wire.sign(answer(50), 1));
    for _ in 0..2 {
        wire.ask(&signed);
        wire.reply(&reply);
        wire.capture += 1;
        wire.seconds += 2;
    }
    assert!(wire.in_records.is_empty(), "{:?}", wire.in_records);
    assert!(wire.told().is_empty());
}

#[test]
fn a_packet_that_was_captured_twice_is_no_replay_and_not_unanswered() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    let (signed, reply) = (wire.sign(request(50), 1), wire.sign(answer(50), 1));
    for octets in [&signed, &signed] {
        wire.ask(octets);
    }
    for octets in [&reply, &reply] {
        wire.reply(octets);
    }
    wire.seconds += 60;
    wire.carry("10.9.9.9:123", "10.9.9.8:123", &header(5, 0, 0, 0, 9));
    assert_eq!(wire.told(), [("duplicate-request", vec![2, 3]), ("duplicate-reply", vec![2, 4, 5])]);
}

#[test]
fn a_request_at_the_very_end_is_not_told_to_be_unanswered() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    wire.ask(&request(50));
    assert!(wire.told().is_empty(), "its reply may lie behind the capture");
}

#[test]
fn requests_with_a_transmit_timestamp_of_zero_are_no_replay() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    let signed = wire.sign(request(0), 1);
    for exchange in 0..3 {
        wire.seconds += 10;
        let reply = wire.sign(header(4, 0, 1_000 + exchange, 2_000 + exchange, 7), 1);
        wire.ask(&signed);
        wire.reply(&reply);
    }
    assert!(wire.in_records.is_empty(), "{:?}", wire.in_records);
}

#[test]
fn replies_that_no_request_explains_are_told_by_what_is_wrong_with_them() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    wire.reply(&answer(50));
    wire.carry("10.0.0.3:123", CLIENT, &nak(51));
    wire.carry("10.0.0.4:123", CLIENT, &answer(0));
    wire.carry(CLIENT, "10.0.0.5:123", &request(60));
    wire.carry("10.0.0.5:123", CLIENT, &answer(61));
    wire.seconds += 2;
    wire.carry("10.9.9.9:123", "10.9.9.8:123", &header(5, 0, 0, 0, 9));
    let mut told = wire.told();
    told.sort();
    let expected = [
        ("bogus-origin", vec![5, 6]),
        ("unanswered", vec![5]),
        ("unsolicited-nak", vec![3]),
        ("unsolicited-reply", vec![2]),
        ("zero-origin", vec![4]),
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_reply_at_the_very_beginning_is_not_accused() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    wire.seconds = 1;
    wire.reply(&answer(50));
    assert!(wire.told().is_empty(), "its request may lie before the capture");
}

#[test]
fn a_clock_that_changes_is_told_with_both_frames() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    let mut third = answer(52);
    third[1] = 16;
    third[0] |= 0xc0;
    let mut fourth = answer(53);
    fourth[1] = 16;
    for (transmit, reply) in [(50, answer(50)), (51, answer(51)), (52, third), (53, fourth)] {
        wire.ask(&request(transmit));
        wire.reply(&reply);
    }
    assert_eq!(
        wire.told(),
        [("stratum-changed", vec![5, 7]), ("leap-changed", vec![5, 7]), ("leap-changed", vec![7, 9])]
    );
}

#[test]
fn kisses_are_told_and_the_code_of_a_server_without_time_is_none() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    let with_code = |origin, code: &[u8; 4]| {
        let mut octets = answer(origin);
        octets[1] = 0;
        octets[12..16].copy_from_slice(code);
        octets
    };
    wire.ask(&request(50));
    wire.reply(&with_code(50, b"RATE"));
    wire.ask(&request(51));
    wire.reply(&with_code(51, b"INIT"));
    assert_eq!(wire.told(), [("kiss", vec![3])]);
}

/// ntp.org's client: a reference identifier, and zero for an origin timestamp as long as no reply was accepted.
#[test]
fn a_client_that_ignores_valid_replies_is_told_once() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    let mut follows = Wire::new(&keys);
    for exchange in 0..5 {
        let transmit = 1_000 + exchange * 10;
        let reply = wire.sign(answer(transmit), 1);
        let ignoring = wire.sign(header(3, 0, 0, transmit, 9), 1);
        wire.ask(&ignoring);
        wire.reply(&reply);
        let origin = if exchange == 0 { 0 } else { transmit - 10 + 2 };
        let following = follows.sign(header(3, origin, 0, transmit, 9), 1);
        follows.ask(&following);
        follows.reply(&reply);
    }
    assert_eq!(wire.told(), [("valid-replies-not-accepted", vec![7, 8])]);
    assert!(follows.told().is_empty());
}

#[test]
fn clients_that_send_zeros_whatever_they_accept_are_not_accused() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    for transmit in (1_000..1_100).step_by(10) {
        let (ask, reply) = (wire.sign(request(transmit), 1), wire.sign(answer(transmit), 1));
        wire.ask(&ask);
        wire.reply(&reply);
    }
    assert!(wire.told().is_empty());
}

#[test]
fn private_queries_that_are_answered_are_told_with_their_ratio() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    wire.ask(&[0x17, 0, 3, 42, 0, 0, 0, 0]);
    for _ in 0..3 {
        let mut reply = vec![0xd7, 0, 3, 42, 0, 6, 0, 72];
        reply.resize(440, 0);
        wire.reply(&reply);
    }
    let detail = {
        wire.analyzer.finish();
        wire.analyzer.take_events().pop().unwrap()
    };
    assert_eq!(detail.finding, Finding::PrivateExposed);
    assert!(detail.detail.ends_with("8 octets asked, 1320 answered (165.0 times)"), "{}", detail.detail);
}

/// `ntpq` refused: no more than the query comes back.
#[test]
fn a_query_that_draws_an_error_shows_no_exposure() {
    let keys = keys();
    for (query, reply) in [
        (
            [0x16, 3, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0].to_vec(),
            [0x16, 0xc3, 0, 5, 1, 0, 0, 0, 0, 0, 0, 0].to_vec(),
        ),
        ([0x17, 0, 3, 42, 0, 0, 0, 0].to_vec(), [0x97, 0, 3, 42, 0x40, 0, 0, 0].to_vec()),
    ] {
        let mut wire = Wire::new(&keys);
        wire.ask(&query);
        wire.reply(&reply);
        assert_eq!(wire.exchanges.len(), 1);
        assert!(wire.told().is_empty());
    }
}

#[test]
fn a_stripped_reply_behind_the_right_one_is_told() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    let (signed, reply) = (wire.sign(request(50), 1), wire.sign(answer(50), 1));
    wire.ask(&signed);
    wire.reply(&reply);
    wire.reply(&answer(50));
    assert_eq!(wire.in_records, [(4, "auth-stripped"), (4, "second-reply")]);
    assert_eq!(wire.class(), Some("authenticates"), "who sent the other one is not known");
    assert_eq!(wire.told(), [("second-reply", vec![2, 3, 4]), ("auth-stripped", vec![2, 4])]);
}

#[test]
fn a_reply_may_be_late() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    wire.ask(&request(50));
    wire.seconds += 6;
    wire.reply(&answer(50));
    wire.seconds += 60;
    wire.carry("10.9.9.9:123", "10.9.9.8:123", &header(5, 0, 0, 0, 9));
    assert_eq!(wire.exchanges.len(), 1);
    assert!(wire.told().is_empty());
}

#[test]
fn events_say_how_long_was_waited_and_looked_back() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    wire.seconds += 7;
    wire.reply(&answer(40));
    wire.ask(&request(50));
    wire.seconds += 3;
    wire.carry("10.9.9.9:123", "10.9.9.8:123", &header(5, 0, 0, 0, 9));
    wire.analyzer.finish();
    let details: Vec<String> = wire.analyzer.take_events().into_iter().map(|event| event.detail).collect();
    let expected = [
        "no reply in 3 s to 48 octets, no MAC",
        "from 10.0.0.1:123: no request that it answers was seen in the 16 s before it",
    ];
    assert_eq!(details, expected);
}

/// What was sent wrongly may be signed with the right secret: the words are those of the status.
#[test]
fn events_name_the_status_of_the_request() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    let mut wrong = wire.sign(request(50), 1);
    *wrong.last_mut().unwrap() ^= 1;
    let right = wire.sign(request(60), 1);
    wire.ask(&wrong);
    wire.reply(&nak(50));
    wire.ask(&right);
    wire.reply(&nak(60));
    let details: Vec<&str> = wire.events.iter().map(|event| event.detail.as_str()).collect();
    let expected =
        ["refuses key 1, invalid", "refuses key 1, valid here: `ntpcap explain crypto-nak` has the reasons"];
    assert_eq!(details, expected);
}

/// Poll intervals of peers are minutes.
#[test]
fn messages_of_peers_answer_each_other_however_late() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    wire.carry(CLIENT, SERVER, &header(1, 0, 0, 50, 7));
    wire.seconds += 1_024;
    wire.carry(SERVER, CLIENT, &header(1, 50, 51, 60, 7));
    wire.seconds += 1_024;
    wire.carry(CLIENT, SERVER, &header(1, 60, 61, 70, 7));
    let pairs: Vec<_> = wire.exchanges.iter().map(|one| (one.request.frame, one.reply.frame)).collect();
    assert_eq!(pairs, [(2, 3), (3, 4)]);
    assert!(wire.told().is_empty());
}

#[test]
fn a_request_to_a_group_is_answered_by_every_server() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    let asks = wire.sign(request(50), 1);
    let reply = wire.sign(answer(50), 1);
    wire.carry(CLIENT, "224.0.1.1:123", &asks);
    wire.reply(&reply);
    wire.carry("10.0.0.7:123", CLIENT, &reply);
    wire.seconds += 60;
    wire.carry(CLIENT, "224.0.1.1:123", &wire.sign(request(51), 1));
    wire.seconds += 60;
    wire.carry("10.9.9.9:123", "10.9.9.8:123", &header(5, 0, 0, 0, 9));
    assert_eq!(wire.exchanges.iter().map(|one| one.request.frame).collect::<Vec<_>>(), [2, 2]);
    assert_eq!(wire.class(), Some("authenticates"));
    let servers = wire.analyzer.conversations().servers.sorted();
    let names: Vec<String> = servers.iter().map(|(address, _)| address.ip().to_string()).collect();
    assert_eq!(names, ["10.0.0.1", "10.0.0.7", "10.9.9.9"], "a group is no server");
    assert_eq!(wire.told(), [("key-shared-by-servers", vec![3, 4])]);
}

/// Version 5 has cookies where version 4 has timestamps (draft-ietf-ntp-ntpv5 section 3).
#[test]
fn version_5_is_paired_by_cookie_and_not_accused() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    let version_5 = |mode, cookie, receive, transmit| {
        let mut octets = header(mode, cookie, receive, transmit, 0);
        octets[0] = 5 << 3 | mode;
        octets
    };
    wire.ask(&version_5(3, 77, 0, 0));
    wire.reply(&version_5(4, 77, 1_000, 1_001));
    wire.ask(&version_5(3, 78, 0, 0));
    wire.reply(&version_5(4, 79, 1_000, 1_001));
    wire.seconds += 60;
    wire.carry("10.9.9.9:123", "10.9.9.8:123", &header(5, 0, 0, 0, 9));
    assert_eq!(wire.exchanges.len(), 1);
    assert_eq!((wire.exchanges[0].request.frame, wire.exchanges[0].times.server_time), (2, None));
    assert!(wire.told().is_empty());
}

/// RFC 9769 section 2: the third reply says when the second left.
#[test]
fn an_interleaved_reply_tells_the_times_of_the_exchange_before() {
    const SECOND: u64 = 1 << 32;
    // 1970-01-01T00:01:40Z in the NTP era 0: the capture's clock.
    const BASE: u64 = (2_208_988_800 + 100) << 32;
    let keys = keys();
    let mut wire = Wire::new(&keys);
    wire.ask(&header(3, 0, 0, 50, 0));
    wire.reply(&header(4, 50, BASE, BASE + 5, 7));
    wire.seconds += 10;
    wire.ask(&header(3, BASE, 60, 61, 0));
    wire.reply(&header(4, 60, BASE + 10 * SECOND, BASE + SECOND / 2, 7));
    let times = wire.exchanges[1].completed.unwrap();
    assert_eq!((times.request.frame, times.reply.frame), (2, 3));
    assert_eq!(times.times.server_time, Some(0.5));
    assert_eq!((wire.exchanges[1].times.server_time, wire.exchanges[0].completed), (None, None));
}

/// ntp.org's ntpd under `notrust`: what has no MAC is not answered, though it is shorter.
#[test]
fn a_server_that_requires_authentication_is_no_length_filter() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    for transmit in (1_000..1_100).step_by(20) {
        wire.ask(&request(transmit));
        wire.seconds += 30;
        let (ask, reply) = (wire.sign(request(transmit + 10), 1), wire.sign(answer(transmit + 10), 1));
        wire.ask(&ask);
        wire.reply(&reply);
        wire.seconds += 30;
    }
    assert_eq!(wire.class(), Some("requires-authentication"));
    assert!(wire.told().iter().all(|(code, _)| *code == "unanswered"));
}

#[test]
fn silence_above_a_length_is_told_with_both_reasons() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    for transmit in (1_000..1_060).step_by(20) {
        wire.ask(&request(transmit));
        wire.reply(&answer(transmit));
        let signed = wire.sign(request(transmit + 10), 1);
        wire.ask(&signed[..72]);
        wire.seconds += 30;
    }
    wire.analyzer.finish();
    let event = wire.analyzer.take_events().pop().unwrap();
    assert_eq!(event.finding, Finding::LengthFilterSuspected);
    assert_eq!(
        event.detail,
        "10.0.0.1:123 answered requests of 48 octets without a MAC and none of 2 of 72 octets: it accepts none of \
         their keys, or something on the way drops them by their length"
    );
}

/// ntp.org's ntpd without keys: a crypto-NAK is longer than a plain request, and it is answered.
#[test]
fn a_server_that_refuses_is_no_length_filter() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    for transmit in (1_000..1_060).step_by(20) {
        wire.ask(&request(transmit));
        wire.reply(&answer(transmit));
        let (first, second) = (wire.sign(request(transmit + 5), 1), wire.sign(request(transmit + 10), 1));
        wire.ask(&first[..72]);
        wire.reply(&nak(transmit + 5));
        wire.seconds += 30;
        wire.ask(&second[..72]);
        wire.seconds += 30;
    }
    assert_eq!(wire.class(), Some("refuses-right-mac"));
    assert!(wire.told().iter().all(|(code, _)| ["unanswered", "nak-for"].contains(code)));
}

/// Other programs of the same host may ask without a key, or under another.
#[test]
fn requests_of_others_are_no_sign_that_replies_are_ignored() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    for transmit in (1_000..1_200).step_by(20) {
        let (ask, reply) = (wire.sign(request(transmit), 1), wire.sign(answer(transmit), 1));
        wire.carry("10.0.0.2:41000", SERVER, &ask);
        wire.carry(SERVER, "10.0.0.2:41000", &reply);
        let other = wire.sign(header(3, 0, 0, transmit + 5, 9), 2);
        wire.ask(&header(3, 0, 0, transmit + 10, 9));
        wire.carry("10.0.0.2:41000", SERVER, &other);
    }
    let told = wire.told();
    assert!(told.iter().all(|(code, _)| *code != "valid-replies-not-accepted"), "{told:?}");
}

/// A client asks under one key, the reply comes under another: there is good reason not to accept it.
#[test]
fn replies_under_another_key_are_rightly_not_accepted() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    for transmit in (1_000..1_100).step_by(10) {
        let (ask, reply) = (wire.sign(header(3, 0, 0, transmit, 9), 1), wire.sign(answer(transmit), 2));
        wire.ask(&ask);
        wire.reply(&reply);
    }
    assert!(wire.told().iter().all(|(code, _)| *code == "reply-key-differs"));
}

#[test]
fn broadcasts_are_counted_and_their_clock_is_followed() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    let mut later = header(5, 0, 0, 70, 7);
    later[1] = 3;
    let (first, later) = (wire.sign(header(5, 0, 0, 60, 7), 1), wire.sign(later, 1));
    wire.carry(SERVER, "10.0.0.255:123", &first);
    wire.seconds += 64;
    wire.carry(SERVER, "10.0.0.255:123", &later);
    let servers = wire.analyzer.conversations().servers.sorted();
    let (_, server) = servers.iter().find(|(address, _)| address.to_string() == SERVER).unwrap();
    assert_eq!(server.broadcasts.iter().collect::<Vec<_>>(), [(&Status::Valid, &2)]);
    assert_eq!(wire.told(), [("stratum-changed", vec![2, 3])]);
}

/// Two interfaces whose captures were joined, with clocks that differ.
#[test]
fn what_another_interface_has_too_is_no_replay() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    let reply = wire.sign(header(5, 0, 0, 60, 7), 1);
    for index in 0..2 {
        wire.interface = Some((0, index));
        wire.carry(SERVER, "224.0.1.1:123", &reply);
        wire.seconds += 2;
    }
    assert!(wire.told().is_empty());
}

#[test]
fn who_sends_again_what_whom_sent_is_told() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    let signed = wire.sign(request(50), 1);
    wire.ask(&signed);
    wire.seconds += 3;
    wire.carry("10.0.0.66:123", SERVER, &signed);
    let expected = "10.0.0.66:123 sends octet for octet what 10.0.0.2:40000 sent 3 s before";
    assert_eq!(wire.events[0].detail, expected);
}

/// A peer that polls more often than it hears repeats the origin timestamp of what it heard last.
#[test]
fn a_peer_that_sends_on_until_it_hears_again_is_not_accused() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    wire.carry(CLIENT, SERVER, &header(1, 0, 0, 50, 7));
    for transmit in [60, 61, 62] {
        wire.seconds += 64;
        wire.carry(SERVER, CLIENT, &header(1, 50, 51, transmit, 7));
    }
    assert_eq!(wire.exchanges.len(), 3);
    assert!(wire.told().is_empty());
}

/// The first capture ends with a request, the second begins with a reply an hour later.
#[test]
fn what_lies_between_captures_is_not_made_up() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    wire.ask(&request(50));
    wire.analyzer.end_capture(0);
    wire.capture = 1;
    wire.seconds += 3_600;
    wire.reply(&answer(60));
    wire.seconds += 60;
    wire.carry("10.9.9.9:123", "10.9.9.8:123", &header(5, 0, 0, 0, 9));
    assert!(wire.told().is_empty());
}

/// Rotated files follow one another.
#[test]
fn silence_is_told_across_captures_without_a_gap() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    wire.ask(&request(50));
    wire.analyzer.end_capture(0);
    wire.capture = 1;
    for _ in 0..30 {
        wire.seconds += 1;
        wire.carry("10.9.9.9:123", "10.9.9.8:123", &header(5, 0, 0, 0, 9));
    }
    assert_eq!(wire.events[0].detail, "no reply in 16 s to 48 octets, no MAC");
}

#[test]
fn a_forged_reply_does_not_seem_to_set_the_clock() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    let mut forged = answer(60);
    forged[1] = 1;
    for (transmit, is_forged) in [(50, false), (60, true), (70, false)] {
        let (ask, reply) = (wire.sign(request(transmit), 1), wire.sign(answer(transmit), 1));
        wire.ask(&ask);
        wire.reply(if is_forged { &forged } else { &reply });
    }
    assert_eq!(wire.told(), [("auth-stripped", vec![4, 5])]);
}

#[test]
fn a_kiss_without_a_mac_is_a_plain_reply_too() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    let mut kiss = answer(50);
    kiss[1] = 0;
    kiss[12..16].copy_from_slice(b"DENY");
    let ask = wire.sign(request(50), 1);
    wire.ask(&ask);
    wire.reply(&kiss);
    assert_eq!(wire.in_records, [(3, "kiss"), (3, "auth-stripped")]);
}

#[test]
fn a_key_that_is_refused_beside_one_that_is_not_is_told() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    for transmit in (1_000..1_060).step_by(20) {
        let (first, second) = (wire.sign(request(transmit), 1), wire.sign(request(transmit + 10), 2));
        let reply = wire.sign(answer(transmit), 1);
        wire.ask(&first);
        wire.reply(&reply);
        wire.ask(&second);
        wire.reply(&nak(transmit + 10));
    }
    assert_eq!(wire.class(), Some("authenticates"));
    let told = wire.told();
    assert_eq!(told.last(), Some(&("right-key-refused", vec![4])), "{told:?}");
}

/// Whose requests verify has a key. That the server has it too is shown by what the server signs.
#[test]
fn requests_do_not_say_that_a_server_has_the_key() {
    let keys = keys();
    let mut wire = Wire::new(&keys);
    let ask = wire.sign(request(50), 1);
    for server in ["10.0.0.1:123", "10.0.0.3:123", "10.0.0.4:123"] {
        wire.carry(CLIENT, server, &ask);
    }
    assert!(wire.told().is_empty());
}
