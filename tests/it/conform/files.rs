//! What `ntpcap conform` reads and writes, and the commands that it prints.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::common::{ntpcap, root, run};
use crate::serve::server::KEYS;

const CAPTURE: &str = "captures/ntporg-kiss-rate-signed-without-verifying.pcap";

fn text(octets: &[u8]) -> String {
    String::from_utf8(octets.to_vec()).unwrap()
}

/// The outcome of the only case of a JSON report, or that of the one of that slug, and its record.
fn case(output: &Output, slug: &str) -> Value {
    let report: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let cases = report["cases"].as_array().unwrap();
    cases.iter().find(|case| case["slug"] == slug).unwrap_or_else(|| panic!("no {slug}")).clone()
}

fn with_shell(command: &str, more: &str) -> Output {
    let program = env!("CARGO_BIN_EXE_ntpcap");
    let command = command.replacen("ntpcap", program, 1);
    let mut shell = std::process::Command::new("sh");
    shell.current_dir(root()).env_remove("NTPCAP_KEYS");
    shell.args(["-c", &format!("{command} {more}")]).output().unwrap()
}

/// A folder with a key file, a capture and a baseline of its own.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(root().join(KEYS), folder.path().join("k.keys")).unwrap();
    std::fs::copy(root().join(CAPTURE), folder.path().join("c.pcap")).unwrap();
    let known = root().join("captures/baselines/chrony-4.3.toml");
    std::fs::copy(known, folder.path().join("b.toml")).unwrap();
    folder
}

fn in_folder(folder: &Path, arguments: &str) -> Output {
    ntpcap().current_dir(folder).args(arguments.split(' ')).output().unwrap()
}

#[test]
fn what_is_read_is_never_written_over() {
    let folder = folder();
    let content = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    let files = ["k.keys", "c.pcap", "b.toml"];
    let before = files.map(content);
    for arguments in [
        "server 127.0.0.1:9 --keys k.keys --timeout 1ms -o k.keys",
        "server 127.0.0.1:9 --keys k.keys --timeout 1ms --write-baseline k.keys",
        "server 127.0.0.1:9 --keys k.keys --timeout 1ms --pcap k.keys",
        "server 127.0.0.1:9 --keys k.keys --timeout 1ms --baseline b.toml --pcap b.toml",
        "self --baseline b.toml -o b.toml",
        "self --baseline b.toml --write-baseline ./b.toml",
        "judge c.pcap --keys k.keys -o c.pcap",
        "judge . --keys k.keys -o c.pcap",
        "judge c.pcap --keys k.keys --write-baseline k.keys",
    ] {
        let output = in_folder(folder.path(), &format!("conform {arguments} --force"));
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments}: {said}");
        assert!(said.contains("is read, so it cannot be written"), "{arguments}: {said}");
    }
    assert_eq!(files.map(content), before);
}

#[test]
fn two_results_never_share_a_file() {
    let folder = folder();
    for (arguments, both) in [
        ("self -o x --write-baseline ./x", "the results and the baseline"),
        ("server 127.0.0.1:9 -o x --pcap x", "the results and the capture"),
        ("server 127.0.0.1:9 --write-baseline x --pcap x", "the baseline and the capture"),
        ("self -o - --write-baseline -", "the results and the baseline"),
    ] {
        let output = in_folder(folder.path(), &format!("conform {arguments} --force"));
        let said = text(&output.stderr);
        assert!(said.contains(&format!("cannot take both {both}")), "{arguments}: {said}");
        assert_eq!(output.status.code(), Some(2), "{arguments}");
        assert!(!folder.path().join("x").exists(), "{arguments}");
    }
    let output = in_folder(folder.path(), "conform self -o /dev/null --write-baseline /dev/null");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

#[test]
fn the_command_of_a_case_runs_as_it_is_printed() {
    let json = "--format json";
    for fault in ["bogus-origin", "wrong-mode --like chrony"] {
        let whole = run(&format!("conform self --fault {fault} {json}"));
        let report: Value = serde_json::from_slice(&whole.stdout).unwrap();
        let failed =
            report["cases"].as_array().unwrap().iter().find(|case| case["outcome"] == "fail").unwrap();
        let slug = failed["slug"].as_str().unwrap();
        let alone = with_shell(failed["alone"].as_str().unwrap(), json);
        assert_eq!(case(&alone, slug)["outcome"], "fail", "{failed}");
    }
}

#[test]
fn the_command_of_a_capture_names_it_and_its_keys() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("it's a capture.pcap");
    std::fs::copy(root().join(CAPTURE), &capture).unwrap();
    let arguments = ["--keys", "captures/shared-ntp.org.keys", "--trusted", "1-65535", "--format", "json"];
    let judged = ntpcap().args(["conform", "judge"]).arg(&capture).args(arguments).output().unwrap();
    let record = case(&judged, "kiss/not-signed-for-the-unverified");
    let alone = record["alone"].as_str().unwrap();
    assert!(alone.contains("--trusted 1-65535"), "{alone}");
    let alone = with_shell(alone, "--format json");
    assert_eq!(case(&alone, "kiss/not-signed-for-the-unverified")["actual"], record["actual"]);
}

#[test]
fn the_command_of_a_server_has_what_it_was_asked_with() {
    let nobody = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let host = nobody.local_addr().unwrap();
    let folder = folder();
    let keys = folder.path().join("with space.keys");
    std::fs::copy(root().join(KEYS), &keys).unwrap();
    let options = "--key 1 --source 127.0.0.1 --interval 8s --timeout 30ms --tries 2";
    let more = "--format json --key-format ntpsec --trusted 1";
    let mut command = ntpcap();
    command.args(["conform", "server", &host.to_string(), "--keys"]).arg(&keys);
    let output = command.args(options.split(' ')).args(more.split(' ')).output().unwrap();
    let record = case(&output, "header/length");
    let expected = format!(
        "ntpcap conform server {host} --keys '{}' --key-format ntpsec --trusted 1 {options} --only header/length",
        keys.display()
    );
    assert_eq!(record["alone"], expected);
}

/// The octets are those of another case, which the command names too.
#[test]
fn what_the_whole_run_shows_is_shown_and_runs_alone() {
    for (fault, slug) in [
        ("pad-mac:request-version=3", "privacy/no-octets-behind"),
        ("sign-unverified", "auth/nothing-signed-for-the-unverified"),
        ("oversize:octets=600", "amplification/datagrams"),
    ] {
        let whole = case(&run(&format!("conform self --fault {fault} --format json")), slug);
        assert_eq!(whole["outcome"], "fail", "{whole}");
        assert!(!whole["octets"].as_array().unwrap().is_empty(), "{whole}");
        let alone = with_shell(whole["alone"].as_str().unwrap(), "--format json");
        assert_eq!(case(&alone, slug)["outcome"], "fail", "{}", whole["alone"]);
    }
}

/// Of two hundred requests of a sweep, the one whose reply is wrong.
#[test]
fn a_sweep_shows_the_reply_that_is_judged() {
    let output = run(
        "conform self --fault answer-anything:reason=trailer --fault oversize:request-octets=120-120 --format json",
    );
    let record = case(&output, "robustness/all-lengths");
    assert_eq!(record["outcome"], "fail", "{record}");
    assert_eq!(record["sent"].as_str().unwrap().len(), 2 * 120, "{record}");
    assert_eq!(record["received"].as_array().unwrap().len(), 1);
    assert!(record["octets"][0] == "sent, 120 octets", "{record}");
}

#[test]
fn what_changes_nothing_is_refused() {
    for option in [
        "--strict",
        "--quiet",
        "--verbose",
        "--force",
        "--label x",
        "--format json",
        "-o x",
        "--baseline x",
        "--write-baseline x",
    ] {
        let output = run(&format!("conform self --mutations {option}"));
        assert_eq!(output.status.code(), Some(2), "{option}");
        assert!(text(&output.stderr).contains("cannot be used with"), "{option}: {}", text(&output.stderr));
    }
}

#[test]
fn keys_of_the_environment_are_used() {
    let server = crate::serve::server::Server::start(&["--keys", KEYS]);
    let host = server.addresses[0].to_string();
    let mut command = ntpcap();
    command.args(["conform", "server", &host, "--only", "auth/support", "--format", "json"]);
    let output = command.env("NTPCAP_KEYS", KEYS).output().unwrap();
    let record = case(&output, "auth/support");
    assert_eq!(record["outcome"], "pass", "{record}");
    assert!(record["alone"].as_str().unwrap().contains(&format!("--keys {KEYS}")), "{record}");
    assert!(text(&output.stderr).contains(&format!("note: keys from {KEYS}")), "{}", text(&output.stderr));
}

#[test]
fn what_cannot_be_done_is_said_before_it_is_tried() {
    for (arguments, said) in [
        ("server 127.0.0.1:9 --source 192.0.2.77", "--source 192.0.2.77: Cannot assign requested address"),
        ("server 127.0.0.1:9 --interval 100h", "expected at most 1h"),
        ("server 127.0.0.1:9 --timeout 2h", "expected at most 1h"),
        ("list --tag nothing", "nothing: no case has that tag; tags: draft, needs-key, practice, rfc1059"),
    ] {
        let output = run(&format!("conform {arguments}"));
        assert!(text(&output.stderr).contains(said), "{arguments}: {}", text(&output.stderr));
        assert_eq!(output.status.code(), Some(2), "{arguments}");
    }
}

#[test]
fn cases_are_selected_by_tag() {
    let listed = text(&run("conform list --tag rfc8573").stdout);
    assert!(listed.lines().count() > 1 && listed.lines().all(|line| line.contains("rfc8573")), "{listed}");
    let with_key = text(&run("conform list --only auth --tag needs-key").stdout);
    assert!(
        with_key.contains("auth/wrong-digest") && !with_key.contains("auth/plain-for-plain"),
        "{with_key}"
    );
}

/// What is not asked is not held to a baseline, which is said.
#[test]
fn entries_of_a_baseline_that_say_nothing_are_named() {
    let output = run("conform self --baseline chrony-4.3 --only header/length");
    let said = text(&output.stderr);
    assert!(said.contains("note: ntpcap: not asked, so not held to baseline chrony-4.3: "), "{said}");
}
