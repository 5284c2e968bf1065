//! How a run ends: what a plug-in says, who reads on no more, what cannot be written, how many there are.

use std::io::{Read, Write};
use std::net::UdpSocket;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{HASTE, KEYS, probe, text};
use crate::common::{ntpcap, run};
use crate::serve::server::Server;

fn nagios(arguments: &str) -> (String, Option<i32>) {
    let output = run(&format!("probe {arguments} --keys {KEYS} {HASTE} --format nagios"));
    (text(&output.stdout), output.status.code())
}

#[test]
fn a_plug_in_knows_nothing_of_targets_without_an_address() {
    let server = Server::start(&["--keys", KEYS]);
    let target = server.addresses[0];
    let (line, code) = nagios(&format!("{target} name.invalid --key 2"));
    assert!(line.starts_with("NTP UNKNOWN - name.invalid: unknown host"), "{line}");
    assert!(line.contains("key 2 authenticated"), "{line}");
    assert_eq!((line.lines().count(), code), (1, Some(3)));
    let output = probe(&server, "name.invalid --key 2 --format prometheus");
    assert!(text(&output.stdout).contains("ntpcap_probe_unresolved_targets 1\n"));
}

#[test]
fn the_worst_key_decides_in_whatever_order() {
    let like = ["--keys", KEYS, "--trusted", "1-11", "--like", "ntp.org", "--unsynchronised"];
    let server = Server::start(&like);
    for (keys, state, code) in [("2,12", "CRITICAL", 2), ("12,2", "CRITICAL", 2), ("2", "WARNING", 1)] {
        let (line, found) = nagios(&format!("{} --key {keys}", server.addresses[0]));
        assert!(line.starts_with(&format!("NTP {state} - ")), "{keys}: {line}");
        assert_eq!(found, Some(code), "{keys}");
    }
    let kissing = Server::start(&["--keys", KEYS, "--fault", "kod"]);
    let (line, _) = nagios(&format!("{} --key 2,1", kissing.addresses[0]));
    assert!(line.starts_with("NTP WARNING - ") && line.contains("kiss RATE"), "{line}");
}

#[test]
fn whatever_keeps_a_plug_in_from_its_work_is_one_line_and_unknown() {
    for arguments in [
        "127.0.0.1 --key 99",
        "name.invalid",
        "127.0.0.1 --targets no/file",
        "127.0.0.1 --key abc",
        "--pcap /dev/full --force 127.0.0.1:1",
    ] {
        let (line, code) = nagios(arguments);
        assert!(line.starts_with("NTP UNKNOWN - ") && line.lines().count() == 1, "{arguments}: {line}");
        assert_eq!(code, Some(3), "{arguments}");
    }
    let mute = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut child = ntpcap()
        .args(["probe", &mute.local_addr().unwrap().to_string(), "--format", "nagios"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    mute.recv(&mut [0; 100]).unwrap();
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM).unwrap();
    let mut line = String::new();
    child.stdout.take().unwrap().read_to_string(&mut line).unwrap();
    assert!(line.starts_with("NTP UNKNOWN - interrupted; "), "{line}");
    assert_eq!(child.wait().unwrap().code(), Some(3));
}

#[test]
fn all_keys_are_an_error_where_a_server_has_none() {
    let output = run(&format!("probe 127.0.0.1:1 --keys 127.0.0.9={KEYS} --all-keys {HASTE}"));
    let said = text(&output.stderr);
    let expected = "error: --all-keys: no key file has a key for 127.0.0.1:1\n\nhint: --keys FILE is for all";
    assert!(said.starts_with(expected), "{said}");
    assert_eq!(output.status.code(), Some(2));
    let said = text(&run(&format!("probe 127.0.0.1:1 --keys 127.0.0.9={KEYS} --key 2 {HASTE}")).stderr);
    assert!(said.contains("hint: --keys FILE is for all servers"), "{said}");
}

/// The second target is silent and would be asked for minutes.
#[test]
fn who_reads_no_more_ends_the_run() {
    let mute = UdpSocket::bind("127.0.0.1:0").unwrap();
    let server = Server::start(&["--keys", KEYS]);
    let (target, silent) = (server.addresses[0], mute.local_addr().unwrap());
    let patient = "--interval 400ms --timeout 400ms --tries 90 --ndjson";
    let mut child = ntpcap()
        .args(format!("probe {target} {silent} {patient}").split(' '))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let started = Instant::now();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(started.elapsed() < Duration::from_secs(20), "it went on for {:?}", started.elapsed());
}

#[test]
fn a_capture_that_cannot_be_written_ends_the_run_and_what_is_known_is_told() {
    let mute = UdpSocket::bind("127.0.0.1:0").unwrap();
    let server = Server::start(&["--keys", KEYS]);
    let silent = mute.local_addr().unwrap();
    let started = Instant::now();
    let output = probe(&server, &format!("{silent} --tries 90 --pcap /dev/full --force --json"));
    let said = text(&output.stderr);
    assert!(said.contains("/dev/full: cannot write the capture: No space left on device"), "{said}");
    assert!(text(&output.stdout).contains("\"targets\":[{"), "{}", text(&output.stdout));
    assert_eq!(output.status.code(), Some(2));
    assert!(started.elapsed() < Duration::from_secs(60));
}

#[test]
fn targets_are_read_as_editors_write_them_and_from_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("targets");
    std::fs::write(&file, b"\xef\xbb\xbf127.0.0.1:1\r\n127.0.0.1:1 127.0.0.1:2\n\xff\n").unwrap();
    let output = run(&format!("probe --targets {} --tries 1 {HASTE}", file.display()));
    let said = text(&output.stderr);
    let place = format!("error: {}", file.display());
    assert!(said.contains(&format!("{place}:2: 127.0.0.1:1 127.0.0.1:2: ")), "{said}");
    assert!(said.contains(&format!("{place}:3: not UTF-8")) && said.lines().count() == 2, "{said}");
    assert!(text(&output.stdout).starts_with("127.0.0.1:1: refused"), "{}", text(&output.stdout));
    let mut child = ntpcap()
        .args(format!("probe --targets - --tries 1 {HASTE}").split(' '))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"127.0.0.1:1\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(text(&output.stdout).starts_with("127.0.0.1:1: refused"), "{}", text(&output.stdout));
}

/// Nobody listens: all are refused at once, and what is left is to tell of them.
#[test]
fn the_end_of_ten_thousand_targets_takes_no_time() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let targets: Vec<String> =
        (0..10_000).map(|number| format!("127.0.{}.{}:1", number / 250, 1 + number % 250)).collect();
    file.write_all(targets.join("\n").as_bytes()).unwrap();
    let started = Instant::now();
    let haste = "--interval 1ms --timeout 1ms --rate 100000";
    let output = run(&format!("probe --targets {} {haste}", file.path().display()));
    assert_eq!(text(&output.stdout).lines().count(), 10_001);
    assert!(started.elapsed() < Duration::from_secs(30), "it took {:?}", started.elapsed());
}

/// More targets than files may be open wait for their turn.
#[test]
fn targets_wait_for_files_that_may_be_open() {
    let server = Server::listening(&["0.0.0.0:0"], &["--keys", KEYS]);
    let port = server.addresses[0].port();
    let targets: Vec<String> = (1..=120).map(|number| format!("127.0.1.{number}:{port}")).collect();
    let command = format!(
        "ulimit -n 60; exec {} probe {} --keys {KEYS} {HASTE} --json",
        ntpcap().get_program().to_str().unwrap(),
        targets.join(" ")
    );
    let output = Command::new("sh").args(["-c", &command]).output().unwrap();
    assert_eq!(text(&output.stderr), "");
    let told = text(&output.stdout);
    assert!(told.contains("\"verdicts\":{\"answers\":120}"), "{told}");
}

/// What is longer than a reply has any reason to be is judged whole.
#[test]
fn long_replies_are_not_cut() {
    let server = Server::start(&["--keys", KEYS, "--fault", "oversize:octets=4400"]);
    let told = text(&probe(&server, "--key 2 --ndjson").stdout);
    assert!(told.contains("\"verdict\":\"authenticated\""), "{told}");
}
