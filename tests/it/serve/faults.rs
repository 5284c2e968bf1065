//! Faults as they come over the wire: what the responder cannot show, since it has neither sockets nor time.

use std::fs;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::server::{Client, KEYS, PATIENCE, Server, digest, request, signed, timestamp};
use crate::command_line::assert_seen;
use crate::common::{ntpcap, records, run};

/// Receives on a socket of the test's own.
fn receive(socket: &UdpSocket) -> Vec<u8> {
    let mut octets = [0; 2048];
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = socket.recv(&mut octets).unwrap();
    octets[..length].to_vec()
}

#[test]
fn a_fault_is_in_the_reply_the_log_and_the_capture() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("traffic.pcapng");
    let capture = capture.to_str().unwrap();
    let fault = ["--fault", "flip-bit:every=2", "--log", "-", "--pcap", capture, "--keys", KEYS];
    let mut server = Server::start(&fault);
    let (client, port) = (server.client(), server.addresses[0].port());
    for is_faulty in [false, true] {
        let reply = client.ask(&signed(request(7), 2));
        assert_eq!(reply[52..] != digest(2, &reply[..48]), is_faulty);
        let line = server.record();
        let faults: &[&str] = if is_faulty { &["flip-bit"] } else { &[] };
        assert_eq!((&line["faults"], &line["replies"]), (&faults.into(), &1.into()));
        assert_eq!(line["decision"], "authenticated-reply");
    }
    server.stop(Signal::SIGTERM);
    let port = port.to_string();
    let output =
        ntpcap().args(["verify", capture, "--keys", KEYS, "--ndjson", "--port", &port]).output().unwrap();
    let statuses: Vec<String> = records(&output)
        .iter()
        .filter(|record| record["type"] == "message")
        .map(|message| message["auth"]["status"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(statuses, ["valid", "valid", "valid", "invalid"]);
    let text = String::from_utf8_lossy(&fs::read(capture).unwrap()).into_owned();
    assert_eq!(text.matches("faults=flip-bit").count(), 2);
}

#[test]
fn the_same_seed_gives_the_same_fault() {
    let reply = |seed| {
        let arguments = ["--fault", "bogus-origin", "--seed", seed];
        timestamp(&Server::start(&arguments).client().ask(&request(7)), 24)
    };
    assert_eq!(reply("5"), reply("5"));
    assert_ne!(reply("5"), reply("6"));
}

#[test]
fn a_dropped_reply_is_a_silence() {
    let server = Server::start(&["--fault", "drop"]);
    server.client().ask_in_vain(&request(7));
    let end = server.stop(Signal::SIGTERM);
    assert_eq!(end.summary["silences"].to_string(), r#"{"dropped":1}"#);
}

#[test]
fn a_late_reply_comes_when_it_is_due_and_not_before() {
    let server = Server::start(&["--fault", "late:delay=250ms"]);
    let begin = Instant::now();
    server.client().ask(&request(7));
    assert!(begin.elapsed() >= Duration::from_millis(250));
}

#[test]
fn a_reply_comes_twice() {
    let mut server = Server::start(&["--fault", "duplicate:count=1", "--log", "-"]);
    let client = server.client();
    let first = client.ask(&request(7));
    assert_eq!(server.record()["replies"], 2);
    // The second one is what comes first for the next request.
    assert_eq!(client.ask(&request(8)), first);
}

#[test]
fn replies_that_nobody_asked_for_come_from_elsewhere() {
    for (listen, asked, from) in [
        ("127.0.0.1:0", "127.0.0.1", "port"),
        ("127.0.0.1:0", "127.0.0.1", "address"),
        ("0.0.0.0:0", "127.0.0.1", "address"),
    ] {
        let server = Server::listening(&[listen], &["--fault", &format!("unsolicited:source={from}")]);
        let port = server.addresses[0].port();
        let client = UdpSocket::bind("0.0.0.0:0").unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client.send_to(&request(7), (asked, port)).unwrap();
        let mut senders = Vec::new();
        for _ in 0..2 {
            senders.push(client.recv_from(&mut [0; 512]).unwrap().1);
        }
        let own = (asked.parse::<std::net::IpAddr>().unwrap(), port).into();
        let other = senders.iter().find(|sender| **sender != own).expect("another sender");
        assert!(senders.contains(&own), "{from}: {senders:?}");
        assert_eq!((other.ip() != own.ip(), other.port() != port), (from == "address", from == "port"));
    }
}

#[test]
fn a_right_reply_comes_from_elsewhere() {
    for from in ["port", "address"] {
        let server = Server::start(&["--fault", &format!("other-source:source={from}")]);
        let asked = server.addresses[0];
        let client = UdpSocket::bind("0.0.0.0:0").unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client.send_to(&request(7), asked).unwrap();
        let sender = client.recv_from(&mut [0; 512]).unwrap().1;
        let differs = (sender.ip() != asked.ip(), sender.port() != asked.port());
        assert_eq!(differs, (from == "address", from == "port"));
    }
}

#[test]
fn what_must_meet_silence_is_answered() {
    let server = Server::start(&[
        "--like",
        "chrony",
        "--keys",
        KEYS,
        "--fault",
        "answer-anything",
        "--fault",
        "sign-unverified",
    ]);
    let client = server.client();
    assert_eq!(client.ask(&[]).len(), 48, "nothing at all");
    assert_eq!(client.ask(&[0x16, 2]).len(), 48, "a control message");
    let wrong = [&request(7)[..], &[0, 0, 0, 1], &[9; 16]].concat();
    assert!(client.ask(&wrong).len() > 52, "a wrong MAC draws a right one");
}

#[test]
fn nobody_is_answered_for_a_while() {
    let server = Server::start(&["--fault", "hang:delay=1h,request-octets=12"]);
    let client = server.client();
    client.ask(&request(7));
    client.ask_in_vain(&[0x16; 12]);
    client.ask_in_vain(&request(8));
}

#[test]
fn another_address_is_taken_before_rights_are_given_up() {
    let server = Server::start(&["--fault", "unsolicited:source=address"]);
    // No request came yet, and the sockets are bound. Addresses of an IPv4 host stand there with their last octet first.
    let sockets = fs::read_to_string("/proc/net/udp").unwrap();
    let port = format!("00007F:{:04X}", server.addresses[0].port());
    let local = sockets.lines().filter_map(|line| line.split_whitespace().nth(1));
    assert_eq!(local.filter(|local| local.ends_with(&port)).count(), 2, "{sockets}");
}

#[test]
fn broadcasts_come_by_themselves() {
    let listener = UdpSocket::bind("127.0.0.1:0").unwrap();
    let fault = format!("broadcast:destination={},interval=100ms", listener.local_addr().unwrap());
    let server = Server::start(&["--keys", KEYS, "--fault", &fault]);
    let [first, second] = [(); 2].map(|()| receive(&listener));
    assert_eq!((first[0] & 7, second[0] & 7), (5, 5));
    let apart = (timestamp(&second, 40) - timestamp(&first, 40)) >> 16;
    assert!(apart >= 0xf000 / 10, "{apart} units of 2^-16 s");
    server.stop(Signal::SIGTERM);
}

#[test]
fn a_scenario_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scenario.toml");
    fs::write(&path, "[[phase]]\nfrom = \"0s\"\nclient = \"127.0.0.2\"\nfaults = [\"stratum-16\"]\n")
        .unwrap();
    let server = Server::start(&["--scenario", path.to_str().unwrap()]);
    assert_eq!(server.client().ask(&request(7))[1], 5);
    let client = Client::from("127.0.0.2".parse().unwrap(), server.addresses[0]);
    assert_eq!(client.ask(&request(7))[1], 16);
}

#[test]
fn what_is_wrong_with_a_fault_is_said_clearly() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scenario.toml");
    fs::write(&path, "[[phase]]\nfrom = \"0s\"\nfaults = [\"flip-bit:evry=2\"]\n").unwrap();
    let scenario = format!("--scenario {}", path.to_str().unwrap());
    for (name, arguments) in [
        ("serve-fault-lacks-parameter", "--fault flip-bit:evry=2"),
        ("serve-fault-lacks-keys", "--fault wrong-key"),
        (
            "serve-fault-secret-length",
            "--fault other-algorithm:key=2,algorithm=aes128-cmac --keys captures/shared-ntp.org.keys",
        ),
        ("serve-scenario-missing", "--scenario no-such.toml"),
        ("serve-scenario-wrong", &scenario),
    ] {
        let output = run(&format!("serve --listen 127.0.0.1:0 --duration 1s {arguments}"));
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert_seen(name, &output, Some(folder.path()));
    }
}

#[test]
fn every_fault_is_listed() {
    let faults = ntpcap::server::fault::list();
    let text = String::from_utf8(run("serve --list-faults").stdout).unwrap();
    let lines = String::from_utf8(run("serve --list-faults --json").stdout).unwrap();
    assert_eq!(lines.lines().count(), faults.len());
    for row in faults {
        assert!(
            text.contains(&format!("{} ({})\n  {}", row.name, row.group.name(), row.does)),
            "{}",
            row.name
        );
        assert!(lines.contains(&format!(r#""name":"{}""#, row.name)));
    }
}
