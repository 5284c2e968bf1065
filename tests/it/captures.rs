//! Every recorded capture gives what an independent reader (`tests/oracle`) said of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};

use crate::common::{captures, ntpcap, records, root};

#[test]
fn every_capture_gives_what_is_expected() {
    for capture in captures("captures") {
        assert_as_expected(&capture, &expectation(&capture), &root().join("captures"));
    }
}

/// Verifies a capture with the keys that its expectation names in `folder`, and compares message by message.
pub(crate) fn assert_as_expected(capture: &Path, expected: &Value, folder: &Path) {
    let records = records(&verify(capture, expected, folder));
    let summary = records.last().unwrap();
    let messages = records.iter().filter(|record| record["type"] == "message");
    let found: Vec<Value> = messages.map(|message| essence(message, &message["auth"])).collect();
    let wanted: Vec<Value> =
        expected["messages"].as_array().unwrap().iter().map(|message| essence(message, message)).collect();
    assert_eq!(summary["frames"], expected["frames"], "frames of {}", capture.display());
    assert_eq!(found.len(), wanted.len(), "messages of {}", capture.display());
    for (found, wanted) in found.iter().zip(&wanted) {
        assert_eq!(found, wanted, "{}", capture.display());
    }
}

#[test]
fn every_expectation_belongs_to_a_capture_and_an_index_entry() {
    let index = fs::read_to_string(root().join("captures/README.md")).unwrap();
    let captures = captures("captures");
    for capture in &captures {
        let name = capture.file_name().unwrap().to_str().unwrap();
        assert!(index.contains(name), "captures/README.md says nothing of {name}");
    }
    let expectations = fs::read_dir(root().join("captures")).unwrap();
    let expectations = expectations
        .filter(|entry| entry.as_ref().unwrap().file_name().to_str().unwrap().ends_with(".expect.json"));
    assert_eq!(expectations.count(), captures.len());
}

#[test]
fn recorded_answers_to_the_table_of_requests_are_what_the_oracle_says() {
    let captures = captures("captures/habits");
    assert_eq!(captures.len(), 5);
    for capture in captures {
        assert_as_expected(&capture, &expectation(&capture), &root().join("captures/habits"));
    }
}

#[test]
fn every_program_and_status_occurs_in_the_captures() {
    let all: String = captures("captures")
        .iter()
        .map(|capture| fs::read_to_string(expectation_path(capture)).unwrap())
        .collect();
    for peer in [
        "ntp.org ntpd",
        "chrony 4.3",
        "chrony 4.6.1",
        "NTPsec",
        "ntpd-rs",
        "OpenNTPD",
        "ntpdate",
        "sntp",
        "ntpdig",
    ] {
        assert!(all.contains(peer), "no capture with {peer}");
    }
    for status in ["valid", "invalid", "unknown-key", "untrusted-key", "crypto-nak", "none", "ms-sntp", "nts"]
    {
        assert!(all.contains(&format!("\"{status}\"")), "no capture with status {status}");
    }
    for algorithm in
        ["md5", "sha1", "sha256", "sha384", "sha512", "sha3-256", "ripemd160", "aes128-cmac", "aes256-cmac"]
    {
        assert!(all.contains(&format!("\"{algorithm}\"")), "no capture with {algorithm}");
    }
}

#[test]
fn interleaved_replies_are_recognised() {
    let output = ntpcap()
        .args([
            "verify",
            "captures/chrony-interleaved-with-key.pcap",
            "--keys",
            "captures/shared-chrony.keys",
            "--ndjson",
        ])
        .output()
        .unwrap();
    let records = records(&output);
    let modes: Vec<&str> = records.iter().filter_map(|record| record["exchange"]["mode"].as_str()).collect();
    assert_eq!(modes[..2], ["basic", "basic"], "the first two exchanges are basic (RFC 9769)");
    assert!(modes[2..].contains(&"interleaved"), "{modes:?}");
}

fn verify(capture: &Path, expected: &Value, folder: &Path) -> Output {
    let keys = expected["keys"].as_str().map_or_else(|| PathBuf::from("/dev/null"), |name| folder.join(name));
    let mut command = ntpcap();
    command.arg("verify").arg(capture).arg("--ndjson").arg("--keys").arg(keys);
    if let Some(format) = expected["key_format"].as_str() {
        command.args(["--key-format", format]);
    }
    if let Some(trusted) = expected["trusted"].as_str() {
        command.args(["--trusted", trusted]);
    }
    command.output().unwrap()
}

/// What is compared: the message by its own fields, and the status, which stands apart in our records.
fn essence(message: &Value, auth: &Value) -> Value {
    json!({
        "frame": message["frame"], "version": message["version"], "mode": message["mode"],
        "status": auth["status"], "key_id": auth["key_id"], "algorithm": auth["algorithm"],
        "digest_octets": auth["digest_octets"], "digest_matches": auth["digest_matches"],
    })
}

fn expectation_path(capture: &Path) -> PathBuf {
    capture.with_extension("expect.json")
}

fn expectation(capture: &Path) -> Value {
    let path = expectation_path(capture);
    let text =
        fs::read_to_string(&path).unwrap_or_else(|_| panic!("{} has no expected result", capture.display()));
    serde_json::from_str(&text).unwrap()
}
