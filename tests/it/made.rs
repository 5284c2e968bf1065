//! Every made capture (`tests/make`) gives all that its expectation says, and nothing else.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Map, Value, json};

use crate::common::{captures, ntpcap, records, root};

#[test]
fn every_made_capture_gives_exactly_what_is_expected() {
    let mut wrong = Vec::new();
    for capture in made_captures() {
        let expected = expectation(&capture);
        let output = verify(&capture, &expected);
        let (found, wanted) = (found(&output, &expected), wanted(&expected));
        for (name, wanted) in wanted.as_object().unwrap() {
            if found[name] != *wanted {
                wrong.push(format!("{}: {name}\n{}", label(&capture), difference(&found[name], wanted)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_made_expectation_belongs_to_a_capture_and_an_index_entry() {
    let index = fs::read_to_string(root().join("captures/made/README.md")).unwrap();
    let stems: BTreeSet<PathBuf> =
        captures("captures/made").iter().map(|path| expectation_path(path)).collect();
    for capture in captures("captures/made") {
        assert!(index.contains(&format!("`{}`", label(&capture))), "{} is not in the index", label(&capture));
    }
    for entry in fs::read_dir(root().join("captures/made")).unwrap() {
        let path = entry.unwrap().path();
        if path.to_str().unwrap().ends_with(".expect.json") {
            assert!(stems.contains(&path), "{} belongs to no capture", label(&path));
        }
    }
}

#[test]
fn the_made_captures_are_what_their_generator_writes() {
    let output = Command::new("python3")
        .args(["-B", "tests/make/containers.py", "--check"])
        .current_dir(root())
        .output()
        .expect("python3 runs the generator; it needs 3.11 and nothing else");
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

#[test]
fn every_ending_defect_and_wrapping_occurs_in_the_made_captures() {
    let all: String = captures("captures/made")
        .iter()
        .map(|capture| fs::read_to_string(expectation_path(capture)).unwrap())
        .collect();
    let endings = ["complete", "truncated", "damaged"];
    let defects = [
        "time-fraction-overflow",
        "unknown-interface",
        "packet-beyond-block",
        "block-cut",
        "option-damaged",
        "section-version",
    ];
    let wrappings = ["vlan", "mpls", "pppoe", "gre", "vxlan", "geneve", "ip-in-ip", "ah"];
    let reasons = ["snapped", "udp-length-beyond-ip", "ip-length-beyond-frame"];
    for word in endings.iter().chain(&defects).chain(&wrappings).chain(&reasons) {
        assert!(all.contains(&format!("\"{word}\"")), "no made capture shows {word}");
    }
}

#[test]
fn ntp_on_another_port_is_not_looked_for_unless_asked() {
    let capture = root().join("captures/made/ntp-on-another-port.pcap");
    let output = ntpcap().arg("decode").arg(capture).arg("--ndjson").output().unwrap();
    let summary = records(&output).pop().unwrap();
    assert_eq!(summary["messages"], 0);
    assert_eq!(summary["not_decoded"], json!({"udp-other-port": 4}));
    assert_eq!(output.status.code(), Some(3));
}

/// What the program said, in the words of an expectation.
fn found(output: &Output, expected: &Value) -> Value {
    let records = records(output);
    let summary = records.last().expect("a summary");
    let messages = records.iter().filter(|record| record["type"] == "message");
    let wanted = expected["messages"].as_array().unwrap();
    let capture = &summary["captures"][0];
    let told = |position: usize, message| told(message, wanted.get(position).unwrap_or(&Value::Null));
    json!({
        "container": capture["container"],
        "compression": capture["compression"],
        "frames": summary["frames"],
        "ending": ending(capture["ending"].as_str().unwrap()),
        "truncated": summary["truncated"],
        "defects": counts_of_defects(&capture["defects"]),
        "not_decoded": summary["not_decoded"],
        "fragments_incomplete": summary["fragments_incomplete"],
        "messages": messages.enumerate().map(|(position, message)| told(position, message)).collect::<Vec<_>>(),
        "exit": output.status.code(),
    })
}

/// The same of the expectation.
fn wanted(expected: &Value) -> Value {
    let mut fields = expected.as_object().unwrap().clone();
    for provenance in ["shows", "made_from", "keys", "key_format", "trusted", "checked_with", "ports"] {
        fields.remove(provenance);
    }
    let messages = expected["messages"].as_array().unwrap();
    fields.insert("messages".to_owned(), messages.iter().map(completed).collect());
    fields.insert("truncated".to_owned(), json!(expected["ending"] != "complete"));
    fields.insert("exit".to_owned(), json!(exit_code(messages)));
    fields.into()
}

/// What is compared of every message; what an expectation leaves out is empty or absent.
fn completed(message: &Value) -> Value {
    let mut fields = Map::new();
    for name in ["encapsulation", "fragments", "findings"] {
        fields.insert(name.to_owned(), json!([]));
    }
    for name in ["reason", "digest_matches"] {
        fields.insert(name.to_owned(), Value::Null);
    }
    fields.extend(message.as_object().unwrap().clone());
    fields.into()
}

/// A record with the fields that are compared: those of every message, and those its expectation has besides.
fn told(message: &Value, wanted: &Value) -> Value {
    let of_message = ["frame", "time", "src", "dst", "octets", "version", "mode"];
    let by_itself = |code: &&Value| **code == "bad-udp-checksum" || **code == "zero-trailer";
    let of_auth = ["status", "key_id", "algorithm", "digest_octets", "digest_matches", "reason"];
    let mut fields = Map::new();
    for name in of_message {
        fields.insert(name.to_owned(), message[name].clone());
    }
    // What the exchange around a message shows is tested with the exchanges.
    let findings: Vec<&Value> = message["findings"].as_array().unwrap().iter().filter(by_itself).collect();
    fields.insert("findings".to_owned(), json!(findings));
    for name in of_auth {
        fields.insert(name.to_owned(), message["auth"][name].clone());
    }
    for name in ["encapsulation", "fragments"] {
        fields.insert(name.to_owned(), message.get(name).cloned().unwrap_or(json!([])));
    }
    for name in wanted.as_object().into_iter().flat_map(|fields| fields.keys()) {
        fields.entry(name.clone()).or_insert_with(|| message[name].clone());
    }
    fields.into()
}

/// The word for the sentence that tells how a capture ended.
fn ending(sentence: &str) -> &str {
    match sentence.split([':', ' ']).next() {
        Some("cut") => "truncated",
        Some("damaged") => "damaged",
        _ => sentence,
    }
}

fn counts_of_defects(defects: &Value) -> Value {
    let pair = |defect: &Value| (defect["code"].as_str().unwrap().to_owned(), defect["count"].clone());
    Value::Object(defects.as_array().unwrap().iter().map(pair).collect())
}

/// The exit code of `verify` that follows from the statuses, by the list in `--help`.
fn exit_code(messages: &[Value]) -> i32 {
    let has = |status: &str| messages.iter().any(|message| message["status"] == status);
    let wrong = ["invalid", "unknown-key", "untrusted-key", "crypto-nak", "malformed"];
    match (wrong.into_iter().any(has), has("valid")) {
        (true, _) => 1,
        (false, true) => 0,
        (false, false) => 3,
    }
}

fn verify(capture: &Path, expected: &Value) -> Output {
    let mut command = ntpcap();
    command.arg("verify").arg(capture).args(["--ndjson", "--policy", "sha1"]);
    command.arg("--keys").arg(capture.with_file_name(expected["keys"].as_str().unwrap()));
    command.args(["--key-format", expected["key_format"].as_str().unwrap()]);
    command.args(["--trusted", expected["trusted"].as_str().unwrap()]);
    for port in expected["ports"].as_array().into_iter().flatten() {
        command.args(["--port", &port.to_string()]);
    }
    command.output().unwrap()
}

/// Two values, lists line by line and without what is equal.
fn difference(found: &Value, wanted: &Value) -> String {
    let lines = |value: &Value| match value {
        Value::Array(values) => values.clone(),
        value => vec![value.clone()],
    };
    let (found, wanted) = (lines(found), lines(wanted));
    let mut text = String::new();
    for position in 0..found.len().max(wanted.len()) {
        let (found, wanted) = (found.get(position), wanted.get(position));
        if found != wanted {
            let show = |value: Option<&Value>| value.map_or("nothing".to_owned(), Value::to_string);
            text += &format!("  found    {}\n  expected {}\n", show(found), show(wanted));
        }
    }
    text
}

/// The made captures that this build reads.
pub(crate) fn made_captures() -> Vec<PathBuf> {
    let needs_feature = |path: &Path| ["zst", "xz", "lz4"].into_iter().any(|name| label(path).contains(name));
    let all = captures("captures/made").into_iter();
    all.filter(|path| cfg!(feature = "compress") || !needs_feature(path)).collect()
}

/// `NAME.expect.json` for `NAME.pcap.gz` and the like.
pub(crate) fn expectation_path(capture: &Path) -> PathBuf {
    let name = label(capture);
    let stem = name.split('.').next().unwrap();
    capture.with_file_name(format!("{stem}.expect.json"))
}

fn expectation(capture: &Path) -> Value {
    let path = expectation_path(capture);
    let text =
        fs::read_to_string(&path).unwrap_or_else(|_| panic!("{} has no expected result", label(capture)));
    serde_json::from_str(&text).unwrap()
}

fn label(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}
