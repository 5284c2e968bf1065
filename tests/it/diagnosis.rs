//! Each mistake is proved in the captures that show it, and nowhere else in `captures/`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use ntpcap::analysis::diagnosis::{Code, PatternCode, page};
use ntpcap::report::page::{WIDTH, plain};
use serde_json::{Value, json};

use crate::common::{ntpcap, records, root, run};

#[test]
fn mistakes_and_patterns_are_told_where_they_are() {
    let folder = root().join("captures/diagnosis");
    let mut wrong = Vec::new();
    for expectation in expectations("captures/diagnosis") {
        let expected = read(&expectation);
        let capture = capture_of(&expectation);
        let records = verify(&capture, &expected, &folder, &[]);
        let summary = records.last().unwrap();
        let messages: Vec<_> = records.iter().filter(|record| record["type"] == "message").collect();
        let wanted = expected["messages"].as_array().unwrap();
        assert_eq!(messages.len(), wanted.len(), "{}", capture.display());
        for (message, wanted) in messages.iter().zip(wanted) {
            let found = (message["auth"]["status"].clone(), told(message));
            if found != (wanted["status"].clone(), codes_of(wanted)) {
                wrong.push(format!("{} frame {}: {found:?}", capture.display(), message["frame"]));
            }
        }
        let patterns: Vec<Value> =
            summary["patterns"].as_array().into_iter().flatten().map(|found| found["code"].clone()).collect();
        if json!(patterns) != expected.get("patterns").cloned().unwrap_or(json!([])) {
            wrong.push(format!("{}: patterns {patterns:?}", capture.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_other_capture_is_explained() {
    let elsewhere = read(&root().join("captures/diagnosis/elsewhere.json"));
    let mut wrong = Vec::new();
    for expectation in expectations("captures") {
        let capture = capture_of(&expectation);
        let name = capture.file_name().unwrap().to_str().unwrap();
        let records = verify(&capture, &read(&expectation), &root().join("captures"), &[]);
        let found: Value = records
            .iter()
            .filter(|record| record["type"] == "message" && told(record) != json!([]))
            .map(|record| (record["frame"].to_string(), told(record)))
            .collect::<serde_json::Map<_, _>>()
            .into();
        if found != elsewhere.get(name).cloned().unwrap_or(json!({})) {
            wrong.push(format!("{name}: {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_code_and_pattern_has_a_capture() {
    let mut seen = BTreeSet::new();
    for expectation in expectations("captures/diagnosis") {
        let expected = read(&expectation);
        let messages = expected["messages"].as_array().unwrap();
        seen.extend(messages.iter().flat_map(|message| strings(&codes_of(message))));
        seen.extend(strings(&expected["patterns"]));
    }
    seen.extend(strings(&read(&root().join("captures/diagnosis/elsewhere.json"))));
    for name in Code::ALL.map(Code::name).into_iter().chain(PatternCode::ALL.map(PatternCode::name)) {
        assert!(seen.contains(name), "no capture shows {name}");
        assert!(page(name).is_some(), "docs/diagnosis.md says nothing of {name}");
    }
}

#[test]
fn pages_are_plain_text_of_eighty_columns() {
    for file in ["docs/diagnosis.md", "docs/findings.md"] {
        let text = fs::read_to_string(root().join(file)).unwrap();
        let codes: Vec<_> =
            text.lines().filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`')).collect();
        assert!(codes.len() > 35, "{file}");
        for code in codes {
            let told = plain(page(code).unwrap());
            assert!(told.starts_with(&format!("{code}\n\n")) && !told.contains('`'), "{told}");
            let is_command = |line: &str| line.starts_with("      ");
            assert!(told.lines().all(|line| is_command(line) || line.chars().count() <= WIDTH), "{told}");
        }
    }
    let told = run("explain silent-on-bad-mac");
    assert!(String::from_utf8(told.stdout).unwrap().starts_with("silent-on-bad-mac\n\nThe server does not"));
}

#[test]
fn the_captures_are_what_their_generator_writes() {
    let output = Command::new("python3")
        .args(["-B", "tests/make/diagnosis.py", "--check"])
        .current_dir(root())
        .output()
        .expect("python3 runs the generator; it needs 3.11 and openssl");
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

#[test]
fn every_recorded_mistake_is_in_the_index() {
    let index = fs::read_to_string(root().join("captures/diagnosis/README.md")).unwrap();
    for expectation in expectations("captures/diagnosis") {
        let capture = capture_of(&expectation);
        let name = capture.file_name().unwrap().to_str().unwrap();
        assert!(index.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn explanations_name_the_line_and_what_to_change_and_never_the_secret() {
    let capture = "captures/chrony-client-hex-secret-without-prefix.pcap";
    let keys = "captures/shared-ntp.org.keys";
    let output = run(&format!("verify {capture} --keys {keys} --ndjson"));
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let record = &records(&output)[0]["auth"]["diagnosis"][0];
    assert_eq!(record["code"], "hex-read-as-ascii");
    assert_eq!(record["key"], json!({"file": keys, "line": 3, "key_id": 2}));
    assert_eq!(record["matching_octets"], 20);
    assert!(record["advice"].as_str().unwrap().contains("HEX:"), "{record}");
    let verbose = run(&format!("verify {capture} --keys {keys} -vv"));
    let shown = text + &String::from_utf8(verbose.stdout).unwrap();
    for line in fs::read_to_string(root().join(keys)).unwrap().lines().skip(1) {
        let secret = line.split(' ').nth(2).unwrap();
        assert!(!shown.contains(secret), "the secret of line {line:?} is shown");
    }
}

#[test]
fn two_changes_have_two_advices_and_all_that_was_tried_is_listed() {
    let path = "captures/diagnosis/hmac-and-other-algorithm";
    let keys = format!("--keys {path}.keys --key-format ntp.org");
    let record =
        records(&run(&format!("verify {path}.pcap {keys} --ndjson")))[0]["auth"]["diagnosis"][0].clone();
    assert_eq!((&record["code"], &record["also"]), (&json!("other-algorithm"), &json!(["hmac"])));
    let advices = [Code::OtherAlgorithm, Code::Hmac].map(Code::advice);
    assert_eq!(record["advice"], advices.join("; then "));
    let told = String::from_utf8(run(&format!("explain {path}.pcap 1 {keys}")).stdout).unwrap();
    let flat = told.split_whitespace().collect::<Vec<_>>().join(" ");
    for advice in advices {
        assert!(flat.contains(&format!(" to change {advice}")), "{told}");
    }
    assert!(
        flat.contains(" tried hex-read-as-ascii, ") && flat.ends_with(" matched other-algorithm, hmac"),
        "{told}"
    );
    assert!(told.lines().all(|line| line.len() <= 83), "{told}");
}

#[test]
fn explanations_that_are_as_possible_are_joined_by_or() {
    let path = "captures/diagnosis/trailing-carriage-return-at-limits";
    let keys = format!("--keys {path}.keys --key-format ntp.org");
    let explained = String::from_utf8(run(&format!("explain {path}.pcap 1 {keys}")).stdout).unwrap();
    assert!(explained.contains("  diagnosis        trailing-carriage-return\n"), "{explained}");
    assert!(explained.contains("  diagnosis        or key-truncated\n"), "{explained}");
    let table = String::from_utf8(run(&format!("verify {path}.pcap {keys}")).stdout).unwrap();
    let words: Vec<_> = table.split_whitespace().collect();
    assert!(
        words.windows(3).any(|words| words == ["trailing-carriage-return", "or", "key-truncated"]),
        "{table}"
    );
}

/// Though a run tries no more after three messages that nothing explains.
#[test]
fn what_matched_nothing_is_listed_for_late_frames_too() {
    let path = "captures/diagnosis/pattern-all-of-key";
    let keys = format!("--keys {path}.keys --key-format ntp.org");
    let last = &records(&run(&format!("verify {path}.pcap {keys} --ndjson")))[5];
    assert_eq!(last["auth"]["tried"]["limit"], "not-tried-again");
    for frame in [1, 6] {
        let told = String::from_utf8(run(&format!("explain {path}.pcap {frame} {keys}")).stdout).unwrap();
        assert!(told.contains("\n  tried            hex-read-as-ascii, "), "{told}");
        assert!(told.ends_with("\n  matched          nothing\n"), "{told}");
    }
}

#[test]
fn diagnosis_can_be_filtered_for_and_switched_off() {
    let verify = |more: &str| {
        let capture = "captures/ntporg-server-nak-on-refusal.pcap";
        run(&format!(
            "verify {capture} --keys captures/shared-ntp.org.keys --key-format ntp.org --ndjson {more}"
        ))
    };
    let frames = |more: &str| -> Vec<u64> {
        let messages = records(&verify(more)).into_iter().filter(|record| record["type"] == "message");
        messages.filter_map(|record| record["frame"].as_u64()).collect()
    };
    assert_eq!(frames("--filter diagnosis==other-algorithm"), [55, 57]);
    let summary = |more: &str| records(&verify(more)).last().unwrap().clone();
    assert_eq!(summary("")["diagnoses"]["other-algorithm"], 2);
    let off = verify("--no-diagnosis");
    let text = String::from_utf8(off.stdout.clone()).unwrap();
    assert!(!text.contains("diagnos") && !text.contains("\"tried\""), "{text}");
    let count = |output: Vec<Value>| output.last().unwrap()["statuses"].clone();
    assert_eq!(count(records(&off)), summary("")["statuses"]);
    let one = records(&verify("--filter frame==47"));
    let tried = &one.iter().find(|record| record["type"] == "message").unwrap()["auth"]["tried"];
    assert!(tried["digests"].as_u64().unwrap() > 100 && tried["codes"].as_array().unwrap().len() > 10);
    let error = run("verify x --filter diagnosis==nonsense");
    assert!(String::from_utf8(error.stderr).unwrap().contains("hex-read-as-ascii"));
}

fn verify(capture: &Path, expected: &Value, folder: &Path, more: &[&str]) -> Vec<Value> {
    let mut command = ntpcap();
    command.arg("verify").arg(capture).arg("--ndjson").args(more).arg("--keys");
    command.arg(expected["keys"].as_str().map_or("/dev/null".into(), |name| folder.join(name)));
    for (address, name) in expected["keys_of"].as_object().into_iter().flatten() {
        let file = folder.join(name.as_str().unwrap());
        command.args(["--keys", &format!("{address}={}", file.display())]);
    }
    for (option, name) in [("--key-format", "key_format"), ("--trusted", "trusted")] {
        expected[name].as_str().into_iter().for_each(|value| {
            command.args([option, value]);
        });
    }
    records(&command.output().unwrap())
}

/// The explanations of a message's record, each a list of codes.
fn told(record: &Value) -> Value {
    let explanations = record["auth"]["diagnosis"].as_array().into_iter().flatten();
    let codes = |explanation: &Value| {
        let first = [explanation["code"].clone()];
        json!(
            first
                .into_iter()
                .chain(explanation["also"].as_array().into_iter().flatten().cloned())
                .collect::<Vec<_>>()
        )
    };
    json!(explanations.map(codes).collect::<Vec<_>>())
}

fn codes_of(message: &Value) -> Value {
    message.get("diagnosis").cloned().unwrap_or(json!([]))
}

/// Every string in a value.
fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(list) => list.iter().flat_map(strings).collect(),
        Value::Object(map) => map.values().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn expectations(folder: &str) -> Vec<std::path::PathBuf> {
    let files = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = files.filter(|path| path.to_str().unwrap().ends_with(".expect.json")).collect();
    found.sort();
    assert!(found.len() > 20, "{folder}");
    found
}

fn capture_of(expectation: &Path) -> std::path::PathBuf {
    let name = expectation.to_str().unwrap().strip_suffix(".expect.json").unwrap();
    let named = ["pcap", "pcapng"].map(|ending| Path::new(&format!("{name}.{ending}")).to_owned());
    named.into_iter().find(|path| path.exists()).unwrap()
}
