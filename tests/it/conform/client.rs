//! `ntpcap conform client` against clients that do everything wrong: no case passes by default.

use std::collections::BTreeMap;
use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::process::{Command, Output};

use ntpcap::conformance::client::{Proof, Test, catalogue};
use serde_json::Value;

use crate::common::root;

const SECRET: &str = "0102030405060708090a0b0c0d0e0f1011121314";

/// Runs the cases against a client of `tests/clients/broken.py`.
fn run(mode: &str, arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("ntp.keys");
    fs::write(&keys, format!("2 SHA1 {SECRET}\n3 SHA1 {}\n", "11".repeat(20))).unwrap();
    let free = free();
    let client = root().join("tests/clients/broken.py");
    let exec =
        format!("python3 {} {mode} {{address}} {{port}} {{key}} {SECRET} {}", client.display(), free.port());
    Command::new(env!("CARGO_BIN_EXE_ntpcap"))
        .args(["conform", "client", "--key", "2", "--exec", &exec, "--keys"])
        .arg(keys)
        .args(["--broadcast", &free.to_string(), "--multicast", &free.to_string()])
        .args(arguments)
        .output()
        .unwrap()
}

/// A port that is free, for what comes without having been asked for: below those that the system gives to others.
fn free() -> SocketAddr {
    let first = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap();
    let mut addresses = (first..32_000).map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    addresses.find(|address| UdpSocket::bind(address).is_ok()).unwrap()
}

fn outcomes(mode: &str, arguments: &[&str]) -> BTreeMap<String, (String, String)> {
    let output = run(mode, &[arguments, &["--format", "json"]].concat());
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let of = |case: &Value, name: &str| case[name].as_str().unwrap_or_default().to_owned();
    let cases = report["cases"].as_array().unwrap().iter();
    cases.map(|case| (of(case, "slug"), (of(case, "outcome"), of(case, "actual")))).collect()
}

/// The cases about faults in which a client does right by that.
fn slugs(is_such: impl Fn(Proof) -> bool) -> Vec<&'static str> {
    let of = |test: &Test| match test {
        Test::Fault(test) => is_such(test.proof),
        Test::Wire(_) => false,
    };
    catalogue::all().filter(|case| of(&case.test)).map(|case| case.slug).collect()
}

#[test]
fn a_client_that_believes_everything_fails_every_case() {
    let rejecting = slugs(|proof| !matches!(proof, Proof::Believes | Proof::Survives));
    let told = outcomes("gullible", &["--only", &rejecting.join(",")]);
    let right: Vec<_> = rejecting
        .iter()
        .filter(|slug| match (**slug, told[**slug].0.as_str()) {
            // What is a may is told of and no fault.
            ("client/version-downgrade", outcome) => outcome != "info",
            ("client/late", outcome) => outcome != "warn",
            (_, outcome) => outcome != "fail",
        })
        .map(|slug| (slug, &told[*slug]))
        .collect();
    assert!(right.is_empty(), "{right:#?}");
}

#[test]
fn a_client_that_dies_of_what_is_odd_fails_where_it_has_to_go_on() {
    let going_on = slugs(|proof| matches!(proof, Proof::Believes | Proof::Survives));
    let told = outcomes("fragile", &["--only", &going_on.join(",")]);
    assert!(told.values().all(|(outcome, _)| outcome == "fail"), "{told:#?}");
}

#[test]
fn a_client_that_tells_all_fails_what_is_seen_on_the_wire() {
    let told = outcomes("leaky", &["--only", "wire", "--wait", "2s"]);
    for (slug, (outcome, actual)) in &told {
        let expected = match slug.as_str() {
            "wire/mac" | "wire/unique-transmit" => "fail",
            "wire/own-key" | "wire/three-servers" => "skip",
            "wire/version" => "info",
            _ => "warn",
        };
        assert_eq!(outcome, expected, "{slug}: {actual}");
    }
    assert!(told["wire/mac"].1.contains("that of sha256 with the same secret"), "{told:#?}");
}

#[test]
fn without_anything_that_tells_nothing_passes() {
    let told = outcomes(
        "gullible",
        &["--output-as", "nothing", "--wait", "1s", "--only", "client/no-mac,client/nak"],
    );
    assert!(told.values().all(|(outcome, _)| outcome == "inconclusive"), "{told:#?}");
}

#[test]
fn no_secret_is_told() {
    let output = run("gullible", &["--only", "client/no-mac", "--verbose"]);
    // The command names it, since it was given there; what is read from key files is not told.
    let told = String::from_utf8_lossy(&output.stdout).replace(SECRET, "SECRET");
    assert!(!told.contains(&"11".repeat(20)), "{told}");
}
