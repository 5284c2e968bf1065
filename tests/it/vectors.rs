//! Messages that other programs sent, with the key and the verdict recorded beside them.
//!
//! The records stand outside the project, in a folder `shared` beside it; where that is absent, the captures of the
//! project do alone.

use std::fs;
use std::path::PathBuf;

use ntpcap::analysis::Status;
use ntpcap::analysis::verdict::judge_message;
use ntpcap::auth::Keyring;
use ntpcap::auth::keyfile::{self, Dialect};
use ntpcap::ntp::Message;
use serde_json::Value;

use crate::common::{records, root, run};

#[test]
fn recorded_messages_get_the_recorded_verdict() {
    let Some(folder) = shared("captures-real") else { return };
    let document: Value = serde_json::from_slice(&fs::read(folder.join("vectors.json")).unwrap()).unwrap();
    let mut wrong = Vec::new();
    let mut judged = 0;
    for vector in document["vectors"].as_array().unwrap() {
        let text = |field: &str| vector[field].as_str().unwrap_or_default().to_owned();
        if text("role").contains("raw AES-CMAC") || text("algorithm").contains("NT hash") {
            continue; // no message, or a secret that no key file holds
        }
        let payload = octets(&text("payload_hex"));
        let keyring = keyring_of(&text("source"), &text("key_as_in_file"), &text("note"));
        let Ok(message) = Message::parse(&payload) else { panic!("vector {} is no message", vector["n"]) };
        let verdict = judge_message(&message, &keyring);
        let expected = match text("verdict").as_str() {
            "valid" => Status::Valid,
            "invalid" => Status::Invalid,
            "crypto-NAK" => Status::CryptoNak,
            "zero-MAC (unauthenticated)" => Status::None,
            other => panic!("vector {}: unknown verdict {other}", vector["n"]),
        };
        judged += 1;
        if verdict.status != expected {
            wrong.push(format!("{}: {} instead of {}", vector["n"], verdict.status.name(), expected.name()));
        }
        if let (Some(candidate), Some(secret)) = (verdict.candidate, vector["key_hex"].as_str()) {
            let read = candidate.key.secret().as_octets();
            if read != octets(secret) {
                wrong.push(format!("{}: the secret is read otherwise", vector["n"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(judged > 120, "only {judged} vectors");
}

#[test]
fn made_captures_give_the_expected_counts() {
    let Some(folder) = shared("captures-made") else { return };
    let expected: Value = serde_json::from_slice(&fs::read(folder.join("expected.json")).unwrap()).unwrap();
    for (name, counts) in expected.as_object().unwrap() {
        let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let capture = files
            .into_iter()
            .find(|path| path.file_name().unwrap().to_str().unwrap().starts_with(&format!("{name}-")));
        let capture = capture.unwrap_or_else(|| panic!("no capture {name}"));
        let keys = folder.join("GV.keys");
        let output = run(&format!("verify {} --keys {} --ndjson", capture.display(), keys.display()));
        let records = records(&output);
        let summary = records.last().unwrap();
        let valid = summary["statuses"]["valid"].as_u64().unwrap_or_default();
        assert_eq!(summary["messages"], counts["packets"], "{name}");
        assert_eq!(valid, counts["valid"].as_u64().unwrap(), "{name}");
    }
}

/// The key as the program of the source read it. Vectors without a key are judged with an empty keyring.
fn keyring_of(source: &str, line: &str, note: &str) -> Keyring {
    let mut keyring = Keyring::new();
    let dialect = match source {
        _ if source.contains("chronyd") && !source.contains("stimulus") => Dialect::Chrony,
        _ if source.contains("NTPsec") => Dialect::Ntpsec,
        _ => Dialect::NtpOrg,
    };
    // This one takes what the line before it left in the buffer.
    let before = if note.contains("after_3_SHA1_line") {
        "3 SHA1 0102030405060708090a0b0c0d0e0f1011121314\n"
    } else {
        ""
    };
    let file = keyfile::read(format!("{before}{}\n", line.replace("\\r", "\r")).as_bytes(), dialect);
    keyring.add("vector", file);
    keyring
}

fn octets(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// A folder of records beside the project, when it is there.
fn shared(name: &str) -> Option<PathBuf> {
    let folder = root().join("../shared").join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("records are not here: {name}");
    None
}
