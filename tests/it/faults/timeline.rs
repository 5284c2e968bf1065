//! Faults over several requests: what is sent again, held back or sent by itself, and when a fault applies.

use std::time::Duration;

use ntpcap::auth::Keyring;
use ntpcap::ntp::NtpTimestamp;
use ntpcap::server::fault::{Dispatch, Faults, Outcome, Scenario};
use ntpcap::server::{Decision, FixedClock, Question, Silence, Treatment};

use super::lab::{CLIENT, KEYS, ask, faults, keyring, plain, policy, sha1, signed};

/// A server with faults, and the seconds since it started.
struct Server<'k> {
    faults: Faults<'k>,
    keys: &'k Keyring,
    second: u64,
    /// The names of the faults of the last request.
    applied: Vec<&'static str>,
}

impl<'k> Server<'k> {
    fn new(specs: &[&str], keys: &'k Keyring) -> Server<'k> {
        Server { faults: faults(specs, keys, 7), keys, second: 0, applied: Vec::new() }
    }

    fn ask(&mut self, client: &str, request: &[u8]) -> Vec<Dispatch> {
        self.decide(client, request).dispatches
    }

    fn decide(&mut self, client: &str, request: &[u8]) -> Outcome {
        self.second += 1;
        let outcome = ask(&mut self.faults, client, request, Duration::from_secs(self.second));
        self.applied.clone_from(&outcome.faults);
        outcome
    }

    /// True for each of so many signed requests whose reply has a MAC.
    fn answers(&mut self, count: u64) -> Vec<bool> {
        (0..count).map(|transmit| self.ask(CLIENT, &signed(transmit + 1))[0].octets.len() == 72).collect()
    }

    /// What is sent by itself in the seconds up to that one: when, where to, and what.
    fn wait(&mut self, until: u64) -> Vec<(u64, String, Vec<u8>)> {
        let mut sent = Vec::new();
        while self.second < until {
            self.second += 1;
            let now = NtpTimestamp((0xeeb2_3bc0 + self.second) << 32);
            let clock = FixedClock::new(now, 0x1000);
            let elapsed = Duration::from_secs(self.second);
            let all = self.faults.unasked(elapsed, &policy(), self.keys, &clock);
            sent.extend(all.into_iter().map(|it| (self.second, it.destination.to_string(), it.octets)));
        }
        sent
    }
}

/// The transmit timestamps of the requests that replies name.
fn named(sendings: &[Dispatch]) -> Vec<u64> {
    sendings.iter().map(|it| u64::from_be_bytes(it.octets[24..32].try_into().unwrap())).collect()
}

#[test]
fn an_earlier_reply_to_the_same_client_comes_again() {
    let keys = keyring(KEYS);
    let mut server = Server::new(&["replay"], &keys);
    let first = server.ask(CLIENT, &signed(1));
    assert_eq!(named(&server.ask("10.0.0.3:40000", &signed(2))), [2], "another client has had no reply");
    let octets = |sent: Vec<Dispatch>| sent.into_iter().map(|it| it.octets).collect::<Vec<_>>();
    let first = octets(first);
    assert_eq!(octets(server.ask("10.0.0.2:50000", &signed(3))), first, "the same from another port");
    assert_eq!(octets(server.ask(CLIENT, &signed(4))), first);
    assert_eq!(server.applied, ["replay"]);
    assert_eq!(named(&server.ask(CLIENT, &plain(5))), [5], "72 octets are no answer to 48");
}

#[test]
fn a_reply_that_was_dropped_is_not_sent_again() {
    let keys = keyring(KEYS);
    let mut server = Server::new(&["replay", "drop:count=1"], &keys);
    assert!(server.ask(CLIENT, &signed(1)).is_empty());
    assert_eq!(named(&server.ask(CLIENT, &signed(2))), [2]);
    assert_eq!(named(&server.ask(CLIENT, &signed(3))), [2]);
}

#[test]
fn a_reply_comes_behind_that_to_the_next_request() {
    let keys = keyring(KEYS);
    let mut server = Server::new(&["reorder:delay=1m"], &keys);
    assert!(server.ask(CLIENT, &signed(1)).is_empty());
    assert_eq!(
        named(&server.ask("10.0.0.3:40000", &plain(9))),
        [] as [u64; 0],
        "another client's is held too"
    );
    assert_eq!(named(&server.ask(CLIENT, &signed(2))), [2, 1]);
    assert!(server.ask(CLIENT, &signed(3)).is_empty());
    assert_eq!(named(&server.ask("10.0.0.2:50000", &signed(4))), [4]);
    let at_once = server.wait(6);
    assert_eq!((&at_once[0].1[..], at_once.len()), (CLIENT, 1), "it goes to the port that asked");
}

#[test]
fn a_reply_that_is_held_comes_in_the_end_without_another_request() {
    let keys = keyring(KEYS);
    let mut server = Server::new(&["reorder"], &keys);
    assert!(matches!(server.decide(CLIENT, &signed(1)).decision, Decision::Answer(_)));
    assert_eq!(server.faults.next_unasked(), Some(Duration::from_secs(2)));
    let sent = server.wait(9);
    let (when, destination, octets) = &sent[0];
    assert_eq!((*when, &destination[..], octets.len(), sent.len()), (2, CLIENT, 72, 1));
    assert_eq!(server.faults.next_unasked(), None);
}

#[test]
fn what_waits_is_bounded_in_octets() {
    const MOST: usize = 4 << 20;
    let keys = keyring(KEYS);
    let specs = ["oversize:octets=65000", "duplicate", "duplicate", "reorder:delay=1h"];
    let mut server = Server::new(&specs, &keys);
    for client in 0..200 {
        let sent = server.ask(&format!("10.0.1.{client}:123"), &signed(1));
        assert_eq!(sent.len(), if client < 33 { 0 } else { 2 }, "client {client}");
    }
    let elapsed = Duration::from_secs(9_000);
    let clock = FixedClock::new(NtpTimestamp(0xeeb2_6bd0 << 32), 1);
    let held = server.faults.unasked(elapsed, &policy(), &keys, &clock);
    let octets: usize = held.iter().map(|it| it.octets.len()).sum();
    assert!((MOST..MOST + 2 * 65_507).contains(&octets), "{octets}");
    assert_eq!(server.ask("10.0.1.1:123", &signed(1)).len(), 0, "there is room again");
}

#[test]
fn what_is_remembered_is_bounded_in_octets() {
    let keys = keyring(KEYS);
    let mut server = Server::new(&["oversize:octets=65000,count=200", "replay:from=201s"], &keys);
    // An answer is no longer than its request, and a replay is one: so the requests are long.
    let mut request = plain(1);
    request.extend([0xf0, 0xf0, 0xfd, 0xe8]);
    request.resize(48 + 65_000, 0);
    let client = |number: u32| format!("10.0.1.{number}:123");
    for number in 0..200 {
        server.ask(&client(number), &request);
    }
    let remembered = (0..200).rev().filter(|number| {
        server.ask(&client(*number), &request);
        server.applied == ["replay"]
    });
    assert_eq!(
        remembered.collect::<Vec<_>>(),
        (136..200).rev().collect::<Vec<_>>(),
        "64 times 65,048 octets"
    );
}

#[test]
fn each_datagram_has_its_own_faults_and_its_own_decision() {
    let keys = keyring(KEYS);
    let mut server = Server::new(&["reorder:delay=1m", "flip-bit:count=1", "unsolicited:after=1"], &keys);
    let first = server.decide(CLIENT, &signed(1));
    assert_eq!((first.faults, first.dispatches), (vec!["flip-bit", "reorder"], vec![]));
    let second = server.decide(CLIENT, &plain(2));
    assert_eq!(second.faults, ["unsolicited"]);
    assert_ne!(first.decision, second.decision);
    let told: Vec<_> = second.dispatches.iter().map(|it| (&it.faults[..], it.decision)).collect();
    let expected: [(&[&str], _); 3] = [
        (&[], Some(second.decision)),
        (&["flip-bit", "reorder"], Some(first.decision)),
        (&["unsolicited"], None),
    ];
    assert_eq!(told, expected);
}

#[test]
fn what_is_sent_by_itself_has_its_own_faults_and_its_own_decision() {
    let keys = keyring(KEYS);
    let mut server = Server::new(&["reorder", "flip-bit", "multicast"], &keys);
    let decision = server.decide(CLIENT, &signed(1)).decision;
    let clock = FixedClock::new(NtpTimestamp(0xeeb2_3bd0 << 32), 1);
    let sent = server.faults.unasked(Duration::from_secs(9), &policy(), &keys, &clock);
    let told: Vec<_> = sent.iter().map(|it| (&it.faults[..], it.decision)).collect();
    let expected: [(&[&str], _); 2] = [(&["flip-bit", "reorder"], Some(decision)), (&["multicast"], None)];
    assert_eq!(told, expected);
}

#[test]
fn a_reply_that_is_dropped_is_told_as_silence() {
    let keys = keyring(KEYS);
    let mut server = Server::new(&["drop"], &keys);
    assert_eq!(server.decide(CLIENT, &signed(1)).decision, Decision::Silence(Silence::Dropped));
}

#[test]
fn the_time_is_broadcast_and_multicast_signed_or_not() {
    let keys = keyring(KEYS);
    let cases = [
        (&["broadcast:key-id=2"], "255.255.255.255:123", true),
        (&["broadcast:signed=no,destination=192.0.2.255:123"], "192.0.2.255:123", false),
        (&["multicast:key-id=2"], "224.0.1.1:123", true),
        (&["multicast:signed=no,destination=[ff02::101]:123"], "[ff02::101]:123", false),
    ];
    for (specs, destination, has_mac) in cases {
        let sent = Server::new(specs, &keys).wait(20);
        assert_eq!(sent.iter().map(|(when, ..)| *when).collect::<Vec<_>>(), [1, 9, 17]);
        for (when, to, octets) in sent {
            assert_eq!((&to[..], octets[0]), (destination, 0x25), "mode 5");
            assert_eq!(octets[24..40], [0; 16], "it answers nothing");
            assert_eq!(octets[40..44], u32::try_from(0xeeb2_3bc0 + when).unwrap().to_be_bytes());
            let mac = [vec![0, 0, 0, 2], sha1(b"second", &octets[..48])].concat();
            assert_eq!(octets[48..], if has_mac { mac } else { Vec::new() });
        }
    }
}

#[test]
fn replies_are_sent_that_nobody_asked_for_at_all() {
    let keys = keyring(KEYS);
    let spec = "unsolicited:destination=10.0.0.2:123,interval=4s,from=3s,to=12s,count=2";
    let mut server = Server::new(&[spec], &keys);
    assert_eq!(server.faults.next_unasked(), Some(Duration::from_secs(3)));
    let sent = server.wait(30);
    assert_eq!(sent.iter().map(|(when, ..)| *when).collect::<Vec<_>>(), [3, 7]);
    assert!(sent.iter().all(|(_, _, octets)| octets[0] == 0x24 && octets[24..32] != [0; 8]));
    assert_eq!(server.faults.next_unasked(), None);
    assert_eq!(server.ask(CLIENT, &signed(1)).len(), 1, "nothing is added to replies");
}

#[test]
fn a_scope_counts_requests() {
    let keys = keyring(KEYS);
    let answers = |spec: &str| Server::new(&[spec], &keys).answers(7);
    assert_eq!(answers("strip-mac:every=3"), [true, true, false, true, true, false, true]);
    assert_eq!(answers("strip-mac:after=4"), [true, true, true, true, false, false, false]);
    assert_eq!(answers("strip-mac:count=2"), [false, false, true, true, true, true, true]);
    assert_eq!(answers("strip-mac:after=1,every=2,count=2"), [true, true, false, true, false, true, true]);
    assert_eq!(answers("strip-mac:from=3s,to=5s"), [true, true, false, false, true, true, true]);
}

#[test]
fn a_scope_names_a_client_or_a_key() {
    let keys = keyring(KEYS);
    let mut server = Server::new(&["strip-mac:client=10.0.0.2"], &keys);
    let octets = |sendings: Vec<Dispatch>| sendings[0].octets.len();
    assert_eq!(octets(server.ask(CLIENT, &signed(1))), 48);
    assert_eq!(octets(server.ask("10.0.0.3:123", &signed(1))), 72);
    assert_eq!(
        octets(server.ask("[::ffff:10.0.0.2]:123", &signed(1))),
        48,
        "as a socket of both kinds has it"
    );
    let mut server = Server::new(&["flip-bit:key=1", "late:key=2"], &keys);
    server.ask(CLIENT, &signed(1));
    assert_eq!(server.applied, ["late"]);
    server.ask(CLIENT, &plain(1));
    assert!(server.applied.is_empty());
}

#[test]
fn what_a_fault_does_not_fit_is_not_counted() {
    let keys = keyring(KEYS);
    let mut server = Server::new(&["strip-mac:count=1"], &keys);
    server.ask(CLIENT, &plain(1));
    assert_eq!(server.answers(2), [false, true]);
}

#[test]
fn several_faults_change_one_reply_in_the_order_of_the_table() {
    let keys = keyring(KEYS);
    let specs = ["duplicate", "pad-mac", "stratum-16", "late:delay=5s", "field-unknown", "wrong-key"];
    let mut server = Server::new(&specs, &keys);
    let sent = server.ask(CLIENT, &signed(1));
    let expected = ["stratum-16", "field-unknown", "wrong-key", "pad-mac", "duplicate", "late"];
    assert_eq!(server.applied, expected);
    let octets = &sent[0].octets;
    assert_eq!((octets[1], &octets[48..52]), (16, &[0xf0, 0xf0, 0, 32][..]));
    assert_eq!(octets[80..], [vec![0, 0, 0, 2], sha1(b"third", &octets[..80]), vec![0; 4]].concat());
    assert_eq!((&sent[1].octets, sent[1].after), (&sent[0].octets, sent[0].after));
    assert_eq!(sent[0].after, Duration::from_secs(5));
    assert_eq!(sent[0].faults, ["stratum-16", "field-unknown", "wrong-key", "pad-mac", "late"]);
    assert_eq!(sent[1].faults, expected, "the second is the duplicate");
}

#[test]
fn the_same_seed_and_requests_give_the_same_octets() {
    let keys = keyring(KEYS);
    let specs = ["flip-bit", "bogus-origin:every=2", "field-unknown:every=3", "unsolicited", "multicast"];
    let run = |seed| {
        let mut server =
            Server { faults: faults(&specs, &keys, seed), keys: &keys, second: 0, applied: Vec::new() };
        let mut replies: Vec<Vec<Dispatch>> =
            (1..9).map(|transmit| server.ask(CLIENT, &signed(transmit))).collect();
        replies.push(server.ask(CLIENT, &plain(9)));
        (replies, server.wait(40))
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn the_older_way_of_asking_gives_the_same() {
    let keys = keyring(KEYS);
    let specs = ["flip-bit", "unsolicited", "late:delay=3s", "drop:every=2"];
    let (mut older, mut newer) = (faults(&specs, &keys, 7), Server::new(&specs, &keys));
    for second in 1..4 {
        let outcome = newer.decide(CLIENT, &signed(second));
        let arrival = NtpTimestamp((0xeeb2_3bc0 + second) << 32);
        let (treatment, octets) = (Treatment::Serve, &signed(second)[..]);
        let question = Question { octets, arrival, treatment, earlier_transmit: None };
        let clock = FixedClock::new(NtpTimestamp(arrival.0 + 0x10_0000), 0x1000);
        let (elapsed, client) = (Duration::from_secs(second), CLIENT.parse().unwrap());
        let mut sendings = Vec::new();
        let decision = older.respond(&policy(), &keys, &question, client, &clock, elapsed, &mut sendings);
        assert_eq!((decision, older.applied()), (outcome.decision, &outcome.faults[..]));
        let sent: Vec<_> = sendings.iter().map(|it| (&it.octets, it.after, it.source)).collect();
        let expected: Vec<_> =
            outcome.dispatches.iter().map(|it| (&it.octets, it.after, it.source)).collect();
        assert_eq!(sent, expected);
    }
}

#[test]
fn a_scenario_has_phases() {
    let text = r#"
        [[phase]]
        to = "2s"

        [[phase]]
        from = "2s"
        to = "4s"
        faults = ["strip-mac", "late:delay=200ms"]

        [[phase]]
        from = "6s"
        client = "10.0.0.2"
        faults = ["strip-mac"]
    "#;
    let keys = keyring(KEYS);
    let scenario = Scenario::parse(text).unwrap();
    scenario.check(&keys).unwrap();
    let server = || Faults::new(&keys, Vec::new(), 7).with_scenario(&scenario);
    assert!(Faults::new(&keys, Vec::new(), 7).is_empty() && !server().is_empty());
    let mut server = Server { faults: server(), keys: &keys, second: 0, applied: Vec::new() };
    assert_eq!(server.answers(7), [true, false, false, true, true, false, false]);
    assert_eq!(server.ask("10.0.0.3:123", &signed(1))[0].octets.len(), 72);
}

#[test]
fn faults_that_are_not_of_a_scenario_go_on_beside_it() {
    let keys = keyring(KEYS);
    let scenario = Scenario::parse("phase = [{ from = '2s', faults = ['stratum-16'] }]").unwrap();
    let faults = faults(&["strip-mac"], &keys, 7).with_scenario(&scenario);
    let mut server = Server { faults, keys: &keys, second: 0, applied: Vec::new() };
    assert_eq!(server.answers(1), [false]);
    let reply = server.ask(CLIENT, &signed(2));
    assert_eq!((reply[0].octets[1], reply[0].octets.len()), (16, 48));
}
