//! The reference server, run as a user would and asked over loopback.
//!
//! No port is fixed and nothing sleeps: the server says where it listens, and what must come is waited for.

mod ends;
mod faults;
pub(crate) mod records;
pub(crate) mod server;

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use nix::sys::signal::Signal;

use server::{Client, KEYS, Server, digest, request, signed, timestamp};

#[test]
fn answers_without_keys() {
    let server = Server::start(&[]);
    let reply = server.client().ask(&request(0x0102_0304_0506_0708));
    assert_eq!((reply.len(), reply[0], reply[1]), (48, 0x24, 5));
    assert_eq!(timestamp(&reply, 24), 0x0102_0304_0506_0708);
    assert!(timestamp(&reply, 32) < timestamp(&reply, 40));
}

#[test]
fn signs_with_the_key_that_it_was_asked_with() {
    let server = Server::start(&["--keys", KEYS]);
    // MD5, SHA-1, SHA-256 cut to 20 octets, AES-128-CMAC.
    for (key_id, length) in [(1, 16), (2, 20), (3, 20), (9, 16)] {
        let reply = server.client().ask(&signed(request(7), key_id));
        let (covered, mac) = reply.split_at(48);
        assert_eq!(mac[..4], key_id.to_be_bytes());
        assert_eq!((mac.len(), &mac[4..]), (4 + length, &digest(key_id, covered)[..]), "key {key_id}");
    }
}

#[test]
fn refuses_what_does_not_verify_as_its_model_does() {
    let mut wrong = signed(request(7), 2);
    *wrong.last_mut().unwrap() ^= 1;
    let unknown = [&request(7)[..], &[0, 0, 0, 99], &[1; 20]].concat();
    for model in ["ntpcap", "ntp.org"] {
        let server = Server::start(&["--keys", KEYS, "--like", model]);
        for request in [&wrong, &unknown] {
            let reply = server.client().ask(request);
            assert_eq!((reply.len(), &reply[48..]), (52, &[0; 4][..]), "{model}");
        }
    }
    for model in ["ntpsec", "chrony"] {
        let server = Server::start(&["--keys", KEYS, "--like", model]);
        server.client().ask_in_vain(&wrong);
        assert_eq!(server.client().ask(&signed(request(7), 2)).len(), 72, "{model}");
    }
}

#[test]
fn trusts_the_keys_that_it_is_told_to() {
    let server = Server::start(&["--keys", KEYS, "--trusted", "2"]);
    assert_eq!(server.client().ask(&signed(request(7), 2)).len(), 72);
    assert_eq!(server.client().ask(&signed(request(7), 1)).len(), 52);
}

#[test]
fn listens_on_several_addresses_of_both_families() {
    let server = Server::listening(&["127.0.0.1:0", "[::1]:0", "127.0.0.3:0"], &[]);
    for address in &server.addresses {
        assert_eq!(Client::of(*address).ask(&request(7)).len(), 48);
    }
}

#[test]
fn replies_from_the_address_that_was_asked() {
    let server = Server::listening(&["0.0.0.0:0", "[::]:0"], &["--threads", "1"]);
    let [v4, v6] = server.addresses[..] else { panic!("two addresses") };
    for _ in 0..3 {
        for last in [1, 2, 3] {
            Client::of(([127, 0, 0, last], v4.port()).into()).ask(&request(7));
        }
        Client::of((std::net::Ipv6Addr::LOCALHOST, v6.port()).into()).ask(&request(7));
    }
}

#[test]
fn all_threads_answer() {
    let server = Server::start(&["--threads", "4"]);
    let clients: Vec<Client> = (0..64).map(|_| server.client()).collect();
    let ports: BTreeSet<u16> = clients.iter().map(Client::port).collect();
    for (client, transmit) in clients.iter().zip(1..) {
        assert_eq!(timestamp(&client.ask(&request(transmit)), 24), transmit);
    }
    let end = server.stop(Signal::SIGTERM);
    assert_eq!(end.summary["requests"], 64);
    assert_eq!(ports.len(), 64);
}

#[test]
fn many_requests_at_once_are_each_answered() {
    let server = Server::start(&["--keys", KEYS, "--threads", "1"]);
    let clients: Vec<Client> = (0..100).map(|_| server.client()).collect();
    for (client, transmit) in clients.iter().zip(1..) {
        client.send(&signed(request(transmit), 2));
    }
    for (client, transmit) in clients.iter().zip(1..) {
        // Asked once more, it gets the first reply now.
        let reply = client.ask(&request(1000));
        assert_eq!((reply.len(), timestamp(&reply, 24)), (72, transmit));
    }
}

#[test]
fn serves_a_time_that_is_off_by_what_it_is_told() {
    for (offset, seconds) in [("1h", 3600), ("-90m", -5400)] {
        let server = Server::start(&["--offset", offset]);
        let now =
            SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().cast_signed() + 2_208_988_800;
        let reply = server.client().ask(&request(7));
        for at in [32, 40] {
            let off = (timestamp(&reply, at) >> 32).cast_signed() - now - seconds;
            assert!((0..60).contains(&off), "{off} s from {offset}");
        }
    }
}

#[test]
fn says_of_its_clock_what_it_is_told_to() {
    let server = Server::start(&[
        "--stratum=1",
        "--leap=insert",
        "--reference-id=GPS",
        "--precision=-7",
        "--root-delay=500ms",
        "--root-dispersion=2s",
    ]);
    let reply = server.client().ask(&request(7));
    assert_eq!(reply[..4], [0x64, 1, 0, 0xf9]);
    assert_eq!(reply[4..16], [0, 0, 0x80, 0, 0, 2, 0, 0, b'G', b'P', b'S', 0]);
    let server = Server::start(&["--unsynchronised"]);
    let reply = server.client().ask(&request(7));
    assert_eq!((&reply[..2], &reply[12..16]), (&[0xe4, 0][..], &b"INIT"[..]));
}

#[test]
fn tells_in_interleaved_mode_when_its_reply_before_left() {
    let server = Server::start(&[]);
    let client = server.client();
    let first = client.ask(&request(0x1111));
    let mut second = request(0x3333);
    second[24..32].copy_from_slice(&timestamp(&first, 32).to_be_bytes());
    second[32..40].copy_from_slice(&0x2222_u64.to_be_bytes());
    // Another port of the same address is the same client.
    let reply = server.client().ask(&second);
    assert_eq!(timestamp(&reply, 24), 0x2222);
    let left = timestamp(&reply, 40);
    assert!(left >= timestamp(&first, 40) && left < timestamp(&reply, 32));
    let end = server.stop(Signal::SIGTERM);
    assert_eq!((&end.summary["interleaved"], &end.summary["requests"]), (&1.into(), &2.into()));

    let server = Server::start(&["--no-interleaved"]);
    second[24..32].copy_from_slice(&timestamp(&server.client().ask(&request(1)), 32).to_be_bytes());
    assert_eq!(timestamp(&server.client().ask(&second), 24), 0x3333);
}

#[test]
fn kisses_once_who_asks_too_often() {
    let server = Server::start(&["--rate-limit", "1/h"]);
    let client = server.client();
    assert_eq!(client.ask(&request(7))[1], 5);
    let kiss = client.ask(&request(8));
    assert_eq!((kiss[0] >> 6, kiss[1], &kiss[12..16]), (3, 0, &b"RATE"[..]));
    client.ask_in_vain(&request(9));
    let end = server.stop(Signal::SIGTERM);
    assert_eq!(end.summary["silences"].to_string(), r#"{"too-often":1}"#);
}

#[test]
fn treats_networks_as_it_is_told() {
    for (option, code) in [("--deny", b"DENY"), ("--restrict", b"RSTR")] {
        let server = Server::start(&[option, "127.0.0.0/8"]);
        assert_eq!(&server.client().ask(&request(7))[12..16], code);
    }
    let server = Server::start(&["--deny", "0.0.0.0/0", "--ignore", "127.0.0.1"]);
    server.client().ask_in_vain(&request(7));
    let end = server.stop(Signal::SIGTERM);
    assert_eq!(end.summary["silences"].to_string(), r#"{"ignored":1}"#);
}

#[test]
fn answers_control_messages_of_whom_it_is_told_to() {
    let read_variables = [0x16, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    for faults in [&[][..], &["--fault", "drop"]] {
        let server = Server::start(&[&["--control", "127.0.0.1"], faults].concat());
        let reply = server.client().ask(&read_variables);
        assert!(String::from_utf8_lossy(&reply).contains("stratum=5"), "{faults:?}");
        let end = server.stop(Signal::SIGTERM);
        assert_eq!(end.summary["answers"].to_string(), r#"{"control-reply":1}"#);
    }
    let mut server = Server::start(&["--log", "-"]);
    server.client().ask_in_vain(&read_variables);
    let line = server.record();
    assert_eq!((&line["version"], &line["mode"]), (&2.into(), &"control".into()));
}
