//! `ntpcap probe` against `ntpcap serve`, over loopback.

mod ends;
mod relay;

use std::net::UdpSocket;
use std::process::{Output, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::common::{ntpcap, records, run};
use crate::serve::server::{KEYS, Server};
use relay::Relays;

/// Gaps that only a server on the same host may be asked with.
const HASTE: &str = "--interval 5ms --timeout 40ms";

fn probe(server: &Server, arguments: &str) -> Output {
    run(&format!("probe {} --keys {KEYS} {HASTE} {arguments}", server.addresses[0]))
}

fn target(output: &Output) -> Value {
    records(output).into_iter().find(|record| record["type"] == "target").unwrap()
}

fn text(octets: &[u8]) -> String {
    String::from_utf8(octets.to_vec()).unwrap()
}

#[test]
fn every_habit_is_told_over_udp() {
    for (habit, key, verdict, class, code) in [
        ("ntpcap", 2, "authenticated", "nak-on-bad-mac", 0),
        ("ntp.org", 2, "authenticated", "nak-on-bad-mac", 0),
        ("ntp.org", 12, "crypto-nak", "nak-on-bad-mac", 1),
        ("ntpsec", 12, "drops-request", "silent-on-bad-mac", 1),
        ("chrony", 2, "authenticated", "silent-on-bad-mac", 0),
        ("ntpd-rs", 2, "drops-request", "plain-reply-to-mac", 1),
        ("openntpd", 2, "auth-stripped", "plain-reply-to-mac", 1),
        ("busybox", 2, "zero-trailer", "zero-trailer-to-mac", 1),
    ] {
        let server = Server::start(&["--keys", KEYS, "--trusted", "1-11", "--like", habit]);
        let output = probe(&server, &format!("--key {key} --ndjson"));
        let told = target(&output);
        assert_eq!(told["verdict"], verdict, "{habit}: {told:#}");
        assert_eq!(told["behaviour"]["class"], class, "{habit}: {told:#}");
        assert_eq!(told["implementation"]["name"], habit, "{told:#}");
        assert_eq!(output.status.code(), Some(code), "{habit}");
    }
}

#[test]
fn faults_are_told_over_udp() {
    for (fault, verdict) in [
        ("strip-mac", "auth-stripped"),
        ("flip-bit", "reply-bad-mac"),
        ("other-key-id", "reply-other-key"),
        ("bogus-origin", "reply-wrong-origin"),
        ("unsynchronised", "unsynchronised"),
        ("kod", "kiss RATE"),
        ("duplicate", "authenticated"),
    ] {
        let server = Server::start(&["--keys", KEYS, "--fault", fault]);
        let told = target(&probe(&server, "--key 2 --ndjson"));
        assert_eq!(told["verdict"], verdict, "{fault}: {told:#}");
    }
}

/// A port that was free a moment ago: nobody listens there.
#[test]
fn a_dead_port_is_refused_and_a_mute_one_is_silent() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let ask = || run(&format!("probe {address} {HASTE} --tries 2"));
    let output = ask();
    assert!(text(&output.stdout).contains(": no-response\n"), "{}", text(&output.stdout));
    assert_eq!(output.status.code(), Some(3));
    drop(socket);
    let output = ask();
    assert!(text(&output.stdout).contains(": refused\n"), "{}", text(&output.stdout));
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn many_targets_come_as_a_table_or_as_one_document() {
    let [honours, refuses] = ["1-16", "1-11"]
        .map(|trusted| Server::start(&["--keys", KEYS, "--trusted", trusted, "--like", "ntp.org"]));
    let (one, other) = (honours.addresses[0], refuses.addresses[0]);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, format!("# servers\n{one}\n\n{other} # the other\n").as_bytes())
        .unwrap();
    let arguments = format!("probe --targets {} --key 12 --keys {KEYS} {HASTE}", file.path().display());
    let output = run(&arguments);
    let lines: Vec<String> = text(&output.stdout).lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[1].starts_with(&one.to_string()) && lines[1].contains("authenticated"), "{lines:?}");
    assert!(lines[2].starts_with(&other.to_string()) && lines[2].contains("crypto-nak"), "{lines:?}");
    assert_eq!(output.status.code(), Some(1));
    let document: Value = serde_json::from_slice(&run(&format!("{arguments} --json")).stdout).unwrap();
    assert_eq!(document["summary"]["verdicts"]["crypto-nak"], 1);
    assert_eq!(document["targets"][1]["keys"][0]["verdict"], "crypto-nak");
}

#[test]
fn monitoring_gets_its_line_and_its_codes() {
    let server = Server::start(&["--keys", KEYS, "--trusted", "1-11", "--like", "ntp.org"]);
    let output = probe(&server, "--key 2 --format nagios");
    let line = text(&output.stdout);
    assert!(
        line.starts_with("NTP OK - 127.0.0.1:") && line.contains("key 2 authenticated | offset="),
        "{line}"
    );
    assert_eq!((line.lines().count(), output.status.code()), (1, Some(0)));
    let output = probe(&server, "--key 2,12 --format nagios");
    assert!(text(&output.stdout).starts_with("NTP CRITICAL - "));
    assert_eq!(output.status.code(), Some(2));
    let metrics = text(&probe(&server, "--key 2,12 --format prometheus").stdout);
    for line in [
        "ntpcap_probe_up{TARGET} 1",
        "ntpcap_probe_verdict{TARGET,verdict=\"crypto-nak\"} 1",
        "ntpcap_probe_key_authenticated{TARGET,key_id=\"2\"} 1",
        "ntpcap_probe_key_authenticated{TARGET,key_id=\"12\"} 0",
        "ntpcap_probe_key_verdict{TARGET,key_id=\"12\",verdict=\"crypto-nak\"} 1",
        "ntpcap_probe_unresolved_targets 0",
    ] {
        let line = line.replace("TARGET", &format!("target=\"{}\"", server.addresses[0]));
        assert!(metrics.contains(&format!("{line}\n")), "{line}: {metrics}");
    }
    let dead = run(&format!("probe 127.0.0.1:1 {HASTE} --format prometheus"));
    let metrics = text(&dead.stdout);
    assert!(metrics.contains("ntpcap_probe_up{target=\"127.0.0.1:1\"} 0\n"), "{metrics}");
}

/// What is captured is judged like any other capture.
#[test]
fn the_capture_says_the_same_to_verify() {
    let server = Server::start(&["--keys", KEYS, "--trusted", "1-11", "--like", "ntp.org"]);
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("probe.pcapng");
    let arguments = format!("--key 2 --json --pcap {}", capture.display());
    assert_eq!(probe(&server, &arguments).status.code(), Some(0));
    let port = server.addresses[0].port();
    let verified = run(&format!("verify {} --keys {KEYS} --port {port} --ndjson", capture.display()));
    let records = records(&verified);
    let status = |status: &str, mode: &str| {
        let is_it = |record: &&Value| record["auth"]["status"] == status && record["mode"] == mode;
        records.iter().filter(is_it).count()
    };
    assert_eq!((status("valid", "client"), status("valid", "server")), (1, 1));
    assert_eq!((status("invalid", "client"), status("crypto-nak", "server")), (1, 3));
    let summary = records.last().unwrap();
    assert_eq!(summary["servers"][0]["class"], "nak-on-bad-mac", "{summary:#}");
    let again = probe(&server, &arguments);
    assert!(text(&again.stderr).contains("probe.pcapng: exists already"), "{}", text(&again.stderr));
    assert_eq!(probe(&server, &format!("{arguments} --force")).status.code(), Some(0));
}

#[test]
fn an_interrupt_ends_the_run_and_tells_what_is_known() {
    let mute = UdpSocket::bind("127.0.0.1:0").unwrap();
    mute.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let server = Server::start(&["--keys", KEYS]);
    let (one, other) = (server.addresses[0].to_string(), mute.local_addr().unwrap().to_string());
    let arguments = ["probe", &one, &other, "--interval", "1h", "--ndjson", "--rate", "1"];
    let child = ntpcap().args(arguments).stdout(Stdio::piped()).spawn().unwrap();
    mute.recv(&mut [0; 100]).unwrap();
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGINT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let records = records(&output);
    assert_eq!(records.last().unwrap()["targets"], 2);
    let answered = records.iter().find(|record| record["target"] == one.as_str()).unwrap();
    let told = answered["requests"].as_array().unwrap();
    assert!(told.iter().any(|request| request["answer"] != "unknown"), "{answered:#}");
    let sent: u64 = told.iter().map(|request| request["sent"].as_u64().unwrap()).sum();
    assert_eq!((sent, &answered["stopped"]), (1, &"interrupted before all was asked".into()));
}

#[test]
fn a_dry_run_sends_nothing_and_says_how_long_it_would_take() {
    let server = Server::start(&["--keys", KEYS]);
    let output = probe(&server, "--key 2 --dry-run");
    assert!(
        text(&output.stdout)
            .contains("no-mac, valid, wrong-secret, unknown-key-16, field-alone\nall: at most")
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn what_cannot_be_asked_is_said() {
    for (arguments, said) in [
        (
            format!("10.0.0.5 --key 99 --keys {KEYS}"),
            "--key 99: no key file has this key\n\nhint: the key files have: 1, 2",
        ),
        ("127.0.0.1:0".to_owned(), "127.0.0.1:0: no target: expected HOST, HOST:PORT or [ADDRESS]:PORT"),
        ("-6 127.0.0.1".to_owned(), "127.0.0.1: has no address of the kind that -4, -6 or --source wants"),
        ("name.invalid".to_owned(), "name.invalid: unknown host: "),
        ("--targets no/such/file".to_owned(), "no/such/file: "),
    ] {
        let output = run(&format!("probe {arguments}"));
        let told = text(&output.stderr);
        assert!(told.starts_with("error: ") && told.contains(said), "{arguments}: {told}");
        assert_eq!(output.status.code(), Some(2), "{arguments}");
    }
    let output = ntpcap().arg("probe").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

/// 1,000 addresses of loopback are one server each, as far as the probe can tell.
#[test]
fn a_thousand_targets_are_asked_at_once() {
    let server = Server::listening(&["0.0.0.0:0"], &["--keys", KEYS, "--like", "ntp.org"]);
    let port = server.addresses[0].port();
    let targets: Vec<String> =
        (0..1_000).map(|number| format!("127.0.{}.{}:{port}", 1 + number / 250, 1 + number % 250)).collect();
    let arguments = format!(
        "probe {} --key 2 --keys {KEYS} --interval 100ms --timeout 300ms --rate 5000 --json",
        targets.join(" ")
    );
    let output = run(&arguments);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["summary"]["targets"], 1_000);
    let verdicts = &document["summary"]["verdicts"];
    assert_eq!(verdicts["authenticated"], 1_000, "{verdicts}");
    assert_eq!(output.status.code(), Some(0));
}

/// Records and a document of every kind.
pub(crate) fn sample() -> Vec<u8> {
    let server = Server::start(&["--keys", KEYS, "--trusted", "1-11", "--like", "ntp.org"]);
    let nobody = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mute = format!("{} --tries 2 --key 2,12", nobody.local_addr().unwrap());
    let mut lines = probe(&server, &format!("{mute} --ndjson")).stdout;
    lines.extend(probe(&server, &format!("{mute} --json --control --full")).stdout);
    let mut stored = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut stored, &lines).unwrap();
    let path = stored.path().display();
    lines.extend(run(&format!("diff {path} {path} --json")).stdout);
    lines
}

/// 200 runs over a network that loses replies and reorders them; the seed of each relay is its place.
#[test]
fn loss_and_jitter_make_no_wrong_class_over_udp() {
    const HABITS: [(&str, &str); 4] = [
        ("ntpcap", "nak-on-bad-mac"),
        ("ntpsec", "silent-on-bad-mac"),
        ("chrony", "silent-on-bad-mac"),
        ("openntpd", "plain-reply-to-mac"),
    ];
    let servers = HABITS.map(|(habit, _)| Server::start(&["--keys", KEYS, "--like", habit]));
    let behind: Vec<_> = (0..200).map(|place| servers[place % servers.len()].addresses[0]).collect();
    let relays = Relays::start(&behind);
    let targets: Vec<String> = relays.addresses.iter().map(ToString::to_string).collect();
    let asking = "--key 2 --interval 250ms --timeout 220ms --tries 12 --json";
    let output = run(&format!("probe {} --keys {KEYS} {asking}", targets.join(" ")));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut given = 0;
    for (place, told) in document["targets"].as_array().unwrap().iter().enumerate() {
        let (habit, class) = HABITS[place % HABITS.len()];
        let right_key = if habit == "openntpd" { "auth-stripped" } else { "authenticated" };
        let told_class = told["behaviour"]["class"].as_str();
        let says_less = class != "plain-reply-to-mac" && told_class == Some("authenticates");
        assert!(told_class.is_none_or(|told| told == class || says_less), "{place} {habit}: {told:#}");
        let verdict = told["verdict"].as_str().unwrap();
        assert!([right_key, "inconclusive"].contains(&verdict), "{place} {habit}: {told:#}");
        given += usize::from(told_class == Some(class));
    }
    let (came, lost) = relays.end();
    assert!((17..=23).contains(&(lost * 100 / came)), "{lost} of {came} lost");
    assert!(given > 150, "{given} of 200 runs gave the class");
}

#[test]
fn control_messages_are_sent_where_they_are_wanted_alone() {
    let server = Server::start(&["--keys", KEYS, "--like", "ntp.org", "--control", "127.0.0.0/8"]);
    let told = target(&probe(&server, "--ndjson"));
    assert_eq!(told["control"], Value::Null);
    let told = target(&probe(&server, "--control --ndjson"));
    let control = &told["control"];
    assert!(control["version"].as_str().unwrap().starts_with("ntpcap "), "{told:#}");
    let (octets, times) = (control["octets"].as_f64().unwrap(), control["amplification"].as_f64().unwrap());
    assert!(octets > 100.0 && (times - octets / 12.0).abs() < 1e-9, "{control}");
    let silent = Server::start(&["--keys", KEYS, "--like", "chrony"]);
    let output = probe(&silent, "--control");
    assert!(text(&output.stdout).contains("\n  control: no answer\n"), "{}", text(&output.stdout));
    let full = target(&probe(&server, "--key 2 --full --ndjson"));
    let policy = &full["policy"];
    assert_eq!(policy["versions_answered"], serde_json::json!([1, 2, 3, 4, 5]), "{policy:#}");
    assert_eq!(
        (&policy["cut_digest"], &policy["field_signed"]),
        (&"crypto-nak".into(), &"authenticated-reply".into())
    );
}

#[test]
fn the_port_and_the_address_to_send_from_are_ours_to_choose() {
    let asked = UdpSocket::bind("127.0.0.1:0").unwrap();
    let free = UdpSocket::bind("127.0.0.2:0").unwrap().local_addr().unwrap().port();
    let target = asked.local_addr().unwrap();
    run(&format!("probe {target} --source 127.0.0.2 --source-port {free} --tries 1 {HASTE}"));
    let (_, source) = asked.recv_from(&mut [0; 100]).unwrap();
    assert_eq!(source.to_string(), format!("127.0.0.2:{free}"));
    let output = run(&format!("probe {target} --source 192.0.2.77 --tries 1 {HASTE}"));
    let said = text(&output.stderr);
    assert!(
        said.starts_with(&format!("error: {target}: cannot ask: Cannot assign requested address")),
        "{said}"
    );
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn two_runs_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&["--keys", KEYS, "--trusted", "1-11", "--like", "ntp.org"]);
    let target = server.addresses[0];
    let store = |server: &Server, form: &str| {
        let path = folder.path().join(format!("{}{form}", server.id()));
        let output = run(&format!("probe {target} --key 2,12 --keys {KEYS} {HASTE} --{form}"));
        std::fs::write(&path, output.stdout).unwrap();
        path
    };
    let before = store(&server, "json");
    drop(server);
    let server =
        Server::listening(&[&target.to_string()], &["--keys", KEYS, "--trusted", "2-16", "--like", "chrony"]);
    let after = store(&server, "ndjson");
    let output = run(&format!("diff {} {}", before.display(), after.display()));
    let told = text(&output.stdout);
    for line in [
        "  key 12: crypto-nak -> authenticated\n",
        "  class: nak-on-bad-mac -> silent-on-bad-mac\n",
        "  implementation: ntp.org -> chrony\n",
    ] {
        assert!(told.contains(line), "{told}");
    }
    assert!(!told.contains("key 2:") && output.status.code() == Some(1), "{told}");
    let same = run(&format!("diff {} {} --json", after.display(), after.display()));
    assert_eq!(same.status.code(), Some(0));
    assert_eq!(text(&same.stdout), "{\"schema\":1,\"targets\":1,\"changes\":[]}\n");
    let wrong = run(&format!("diff {} {KEYS}", before.display()));
    assert!(
        text(&wrong.stderr).contains(": line 1: not a record of ntpcap probe"),
        "{}",
        text(&wrong.stderr)
    );
    assert_eq!(wrong.status.code(), Some(2));
}

/// A server with a key file of its own is asked under its keys, and under those of all others where it lacks one.
#[test]
fn keys_are_those_of_the_server() {
    let server = Server::start(&["--keys", KEYS]);
    let mut own = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut own, b"2 SHA1 not-the-secret\n").unwrap();
    let target = server.addresses[0];
    let ask = |keys: &str| run(&format!("probe {target} {keys} {HASTE} --ndjson"));
    let output = ask(&format!("--keys 127.0.0.1={} --keys {KEYS} --key 1,2", own.path().display()));
    let told = records(&output).into_iter().find(|record| record["type"] == "target").unwrap();
    let verdicts = [0, 1].map(|place| told["keys"][place]["verdict"].as_str().unwrap().to_owned());
    assert_eq!(verdicts, ["authenticated", "crypto-nak"]);
    let output = ask(&format!("--keys 127.0.0.9={} --key 2", own.path().display()));
    let said = text(&output.stderr);
    assert!(said.starts_with(&format!("error: --key 2: no key file for {target} has this key")), "{said}");
}
