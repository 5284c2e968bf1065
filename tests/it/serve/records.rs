//! What the server writes down, and that it agrees with what `verify` finds in the capture.

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use ntpcap::capture::Reader;
use serde_json::Value;

use super::server::{KEYS, Server, request, signed, timestamp};
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
        for message in &messages {
            let findings = message["findings"].as_array().unwrap();
            assert!(!findings.iter().any(|finding| finding == "bad-udp-checksum"), "{message}");
        }
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

/// The option of a packet that is a comment (pcapng).
const COMMENT: u16 = 1;

/// Of every packet of a capture with IPv4: where it came from, where it went, and its comment.
fn packets(capture: &Path) -> Vec<(SocketAddr, SocketAddr, String)> {
    let mut reader = Reader::new(fs::File::open(capture).unwrap()).unwrap();
    let mut packets = Vec::new();
    while let Some(frame) = reader.next_frame() {
        let octets = |at: usize| <[u8; 4]>::try_from(&frame.octets[at..at + 4]).unwrap();
        let port = |at: usize| u16::from_be_bytes(frame.octets[at..at + 2].try_into().unwrap());
        let end = |address, at| SocketAddr::from((octets(address), port(at)));
        let comment = { frame.options }.find(|(kind, _)| *kind == COMMENT);
        let comment = comment.map(|(_, text)| String::from_utf8_lossy(text).into_owned());
        packets.push((end(12, 20), end(16, 22), comment.unwrap_or_default()));
    }
    packets
}

/// A capture in a folder of its own.
fn new_capture() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("traffic.pcapng");
    (folder, capture)
}

#[test]
fn a_reply_beside_faults_has_its_decision_as_comment() {
    let (_folder, capture) = new_capture();
    let server = Server::start(&["--fault", "duplicate", "--pcap", capture.to_str().unwrap()]);
    server.client().ask(&request(7));
    server.stop(Signal::SIGTERM);
    let comments: Vec<String> = packets(&capture).into_iter().map(|(.., comment)| comment).collect();
    let [copy, right] =
        ["duplicate", "none"].map(|faults| format!("ntpcap: decision=plain-reply faults={faults}"));
    assert_eq!(comments, [copy.clone(), right, copy], "the request, its reply, and that again");
}

#[test]
fn a_reply_that_did_not_leave_is_in_no_record() {
    let (_folder, capture) = new_capture();
    let mut server = Server::start(&["--log", "-", "--pcap", capture.to_str().unwrap()]);
    // Nothing can be sent to port 0. Such a request needs a socket that writes its own header.
    if !send_from_port_zero(server.addresses[0], &request(7)) {
        eprintln!("skipped: not root");
        return;
    }
    let line = server.record();
    assert_eq!((&line["decision"], &line["unsent"]), (&"plain-reply".into(), &true.into()));
    assert_eq!((&line["replies"], &line["reply_octets"]), (&0.into(), &Value::Null));
    let end = server.stop(Signal::SIGTERM);
    assert_eq!(end.summary["unsent"], 1);
    let packets = packets(&capture);
    assert_eq!((packets.len(), packets[0].2.as_str()), (1, "ntpcap: decision=plain-reply unsent"));
}

/// Sends a datagram of UDP from port 0; false where that is not allowed.
fn send_from_port_zero(server: SocketAddr, payload: &[u8]) -> bool {
    use nix::sys::socket::{
        AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, sendto, socket,
    };
    use std::os::fd::AsRawFd;
    let Ok(raw) = socket(AddressFamily::Inet, SockType::Raw, SockFlag::empty(), SockProtocol::Udp) else {
        return false;
    };
    let SocketAddr::V4(server) = server else { panic!("IPv4") };
    let length = u16::try_from(8 + payload.len()).unwrap();
    // Without a checksum, as IPv4 allows.
    let header = [[0, 0], server.port().to_be_bytes(), length.to_be_bytes(), [0, 0]].concat();
    let destination = SockaddrIn::from(std::net::SocketAddrV4::new(*server.ip(), 0));
    let datagram = [&header[..], payload].concat();
    sendto(raw.as_raw_fd(), &datagram, &destination, MsgFlags::empty()).is_ok()
}

#[test]
fn a_request_to_everybody_is_recorded_as_sent_there() {
    let (_folder, capture) = new_capture();
    let arguments = ["--threads", "1", "--log", "-", "--pcap", capture.to_str().unwrap()];
    let mut server = Server::listening(&["0.0.0.0:0"], &arguments);
    let port = server.addresses[0].port();
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.set_broadcast(true).unwrap();
    let [everybody, own] =
        [[127, 255, 255, 255], [127, 0, 0, 1]].map(|address| SocketAddr::from((address, port)));
    client.send_to(&request(7), everybody).unwrap();
    assert_eq!(server.record()["server"], everybody.to_string());
    server.stop(Signal::SIGTERM);
    let client = client.local_addr().unwrap();
    let ends: Vec<_> = packets(&capture).into_iter().map(|(from, to, _)| (from, to)).collect();
    assert_eq!(ends, [(client, everybody), (own, client)]);
}

#[test]
fn what_leaves_by_itself_is_recorded_with_the_address_that_it_left_from() {
    let (_folder, capture) = new_capture();
    let listener = UdpSocket::bind("127.0.0.1:0").unwrap();
    let destination = listener.local_addr().unwrap();
    let fault = format!("broadcast:destination={destination},count=1");
    let arguments = ["--fault", &fault, "--pcap", capture.to_str().unwrap()];
    let server = Server::listening(&["0.0.0.0:0"], &arguments);
    let (_, sender) = listener.recv_from(&mut [0; 512]).unwrap();
    server.stop(Signal::SIGTERM);
    let [(from, to, _)] = &packets(&capture)[..] else { panic!("one packet") };
    assert_eq!((*from, *to), (sender, destination));
}

#[test]
fn replies_that_still_wait_at_the_end_are_counted() {
    let mut server = Server::start(&["--fault", "late:delay=1h", "--log", "-"]);
    server.client().send(&request(7));
    server.record();
    assert_eq!(server.stop(Signal::SIGTERM).summary["unsent"], 1);
}

/// A named pipe, and the folder that it is in.
fn new_pipe() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("requests");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    (folder, pipe)
}

#[test]
fn who_does_not_read_the_log_holds_up_neither_service_nor_its_end() {
    let (_folder, pipe) = new_pipe();
    // Opened for both directions, the pipe has a reader from the beginning, which never reads.
    let reader = fs::File::options().read(true).write(true).open(&pipe).unwrap();
    let server = Server::start(&["--log", pipe.to_str().unwrap()]);
    let client = server.client();
    // A line has more than 200 octets, and the pipe room for 65,536.
    (0..1_000).for_each(|transmit| assert_eq!(timestamp(&client.ask(&request(transmit)), 24), transmit));
    let end = server.stop(Signal::SIGTERM);
    assert_eq!(end.code, Some(2));
    assert!(end.said.contains("requests: takes no more, and "), "{}", end.said);
    assert_eq!(end.summary["requests"], 1_000);
    assert!(end.summary["unrecorded"].as_u64().unwrap() > 500, "{}", end.summary);
    drop(reader);
}

#[test]
fn a_reader_of_the_log_that_leaves_ends_the_server() {
    let (_folder, pipe) = new_pipe();
    let reader = fs::File::options().read(true).write(true).open(&pipe).unwrap();
    let server = Server::start(&["--log", pipe.to_str().unwrap()]);
    drop(reader);
    server.client().send(&request(7));
    let (code, said) = server.fail();
    assert_eq!(code, Some(2));
    assert_eq!(said, format!("error: {}: whoever read it has left, so the server ends\n", pipe.display()));
}

#[test]
fn a_signal_ends_the_wait_for_a_reader_of_the_log() {
    let (_folder, pipe) = new_pipe();
    let mut server = ntpcap();
    server.args(["serve", "--listen", "127.0.0.1:0", "--log", pipe.to_str().unwrap()]);
    let mut server = server.spawn().unwrap();
    // Signals are caught by now if its socket is open.
    let sockets = || fs::read_dir(format!("/proc/{}/fd", server.id())).into_iter().flatten().flatten();
    let is_socket =
        |path: PathBuf| fs::read_link(path).is_ok_and(|to| to.to_string_lossy().contains("socket:"));
    while !sockets().any(|entry| is_socket(entry.path())) {
        std::thread::yield_now();
    }
    kill(Pid::from_raw(server.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    assert_eq!(server.wait().unwrap().code(), Some(130));
}
