//! What the server writes down, and that it agrees with what `verify` finds in the capture.

use std::fs;

use nix::sys::signal::Signal;
use serde_json::Value;

use super::server::{KEYS, Server, request, signed};
use crate::common::{ntpcap, records, run};

/// Requests of every kind, each with the decision on it and the statuses of both messages.
fn exchanges() -> Vec<(Vec<u8>, &'static str, &'static [&'static str])> {
    let mut wrong = signed(request(3), 2);
    *wrong.last_mut().unwrap() ^= 1;
    let unknown = [&request(4)[..], &[0, 0, 0, 99], &[1; 20]].concat();
    let untrusted = signed(request(5), 1);
    vec![
        (request(1), "plain-reply", &["none", "none"]),
        (signed(request(2), 2), "authenticated-reply", &["valid", "valid"]),
        (wrong, "crypto-nak", &["invalid", "crypto-nak"]),
        (unknown, "crypto-nak", &["unknown-key", "crypto-nak"]),
        (untrusted, "crypto-nak", &["untrusted-key", "crypto-nak"]),
    ]
}

#[test]
fn log_and_capture_agree_with_verify() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("traffic.pcapng");
    let capture = capture.to_str().unwrap();
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let arguments = ["--keys", KEYS, "--trusted", "2-9", "--log", "-", "--force", "--pcap", capture];
        let mut server = Server::listening(&[address], &arguments);
        let (client, port) = (server.client(), server.addresses[0].port());
        let mut statuses = Vec::new();
        for (octets, decision, expected) in exchanges() {
            let reply = client.ask(&octets);
            let line = server.record();
            assert_eq!(line["decision"], decision, "{line}");
            assert_eq!((&line["octets"], &line["reply_octets"]), (&octets.len().into(), &reply.len().into()));
            statuses.extend(expected);
        }
        // Nothing comes of this one, in the log as on the wire.
        client.send(&[0x23; 5]);
        let line = server.record();
        assert_eq!((&line["decision"], &line["cause"]), (&"silence".into(), &"too-short".into()));
        assert_eq!((&line["version"], &line["reply_octets"]), (&Value::Null, &Value::Null));
        assert_eq!(server.stop(Signal::SIGTERM).code, Some(0));

        let verify = ntpcap()
            .args(["verify", capture, "--keys", KEYS, "--trusted", "2-9", "--ndjson"])
            .args(["--port", &port.to_string()])
            .output()
            .unwrap();
        let messages: Vec<Value> =
            records(&verify).into_iter().filter(|record| record["type"] == "message").collect();
        let found: Vec<&str> =
            messages.iter().map(|message| message["auth"]["status"].as_str().unwrap()).collect();
        statuses.push("malformed");
        assert_eq!(found, statuses, "{}", String::from_utf8_lossy(&verify.stderr));
        assert!(messages.iter().all(|message| message["findings"] != "bad-udp-checksum"));
    }
}

#[test]
fn the_capture_has_decisions_as_comments() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("traffic.pcapng");
    let server = Server::start(&["--keys", KEYS, "--pcap", capture.to_str().unwrap()]);
    let mut wrong = signed(request(3), 2);
    *wrong.last_mut().unwrap() ^= 1;
    server.client().ask(&wrong);
    server.stop(Signal::SIGTERM);
    let octets = fs::read(capture).unwrap();
    let text = String::from_utf8_lossy(&octets);
    assert_eq!(text.matches("ntpcap: decision=crypto-nak cause=wrong-digest key=2").count(), 2);
}

#[test]
fn the_log_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("requests.ndjson");
    for _ in 0..2 {
        let server = Server::start(&["--log", log.to_str().unwrap()]);
        server.client().ask(&request(7));
        server.stop(Signal::SIGTERM);
    }
    let text = fs::read_to_string(log).unwrap();
    assert_eq!(text.lines().count(), 2);
    assert!(text.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
}

/// Lines of every kind, for the validator of the schema.
pub(crate) fn sample() -> Vec<u8> {
    let mut server =
        Server::start(&["--keys", KEYS, "--trusted", "2-9", "--log", "-", "--rate-limit", "6/h"]);
    let address = server.addresses[0];
    let mut lines =
        vec![format!(r#"{{"type":"listening","address":"{}","port":{}}}"#, address.ip(), address.port())];
    let client = server.client();
    for (octets, ..) in exchanges() {
        client.ask(&octets);
        lines.push(server.line());
    }
    for octets in [request(8), request(9), request(10), vec![0x23; 5]] {
        client.send(&octets);
        lines.push(server.line());
    }
    lines.push(server.stop(Signal::SIGTERM).summary.to_string());
    let faults = String::from_utf8(run("serve --list-faults --json").stdout).unwrap();
    lines.extend(faults.lines().map(str::to_owned));
    lines.join("\n").into_bytes()
}
