//! `ntpcap census`: who uses which key.

use std::process::Output;

use serde_json::Value;

use crate::command_line::assert_seen;
use crate::common::{records, run};

const CAPTURE: &str = "captures/sha1-valid-and-wrong-key.pcapng";
const KEYS: &str = "captures/sha1-valid-and-wrong-key.keys";

fn census(more: &str) -> Output {
    run(&format!("census {CAPTURE} --keys {KEYS} --trusted 11-13 {more}"))
}

fn uses(output: &Output) -> Vec<Value> {
    records(output).into_iter().filter(|record| record["type"] == "use").collect()
}

#[test]
fn the_table_has_a_row_for_each_server_and_key() {
    assert_seen("census-table", &census(""), None);
    assert_seen("census-detail", &census("-v --filter key==11"), None);
    assert_seen("census-ndjson", &census("--ndjson --filter status!=none"), None);
}

#[test]
fn no_line_is_wider_than_80_columns() {
    let output = run("census captures captures/made --keys captures/shared-ntp.org.keys -v");
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        assert!(line.chars().count() <= 80, "wider than 80 columns: {line}");
    }
}

#[test]
fn the_census_counts_what_verify_tells_of() {
    let keys = "captures/shared-ntp.org.keys";
    let verified = records(&run(&format!("verify captures --keys {keys} --ndjson")));
    let counted = uses(&run(&format!("census captures --keys {keys} --ndjson")));
    for status in ["valid", "invalid", "unknown-key", "none", "nts", "ms-sntp"] {
        let messages = verified.iter().filter(|record| record["auth"]["status"] == status).count() as u64;
        let census: u64 = counted.iter().filter_map(|record| record["statuses"][status].as_u64()).sum();
        assert_eq!(census, messages, "{status}");
    }
    for record in &counted {
        let statuses = record["statuses"].as_object().unwrap().values();
        assert_eq!(statuses.filter_map(Value::as_u64).sum::<u64>(), record["messages"].as_u64().unwrap());
        assert!(record["first_time"].as_str() <= record["last_time"].as_str(), "{record}");
        assert_eq!(record["files"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn a_key_is_found_with_everybody_who_uses_it() {
    let output = run("census captures --keys captures/shared-ntp.org.keys --filter key==9 --ndjson");
    let servers: Vec<(String, u64)> = uses(&output)
        .iter()
        .map(|record| {
            assert_eq!(record["algorithm"], "aes128-cmac");
            (
                record["server"].as_str().unwrap().to_owned(),
                record["clients"].as_array().unwrap().len() as u64,
            )
        })
        .collect();
    assert_eq!(servers, [("10.99.0.1".to_owned(), 1), ("fd99::1".to_owned(), 1)]);
}

#[test]
fn a_filter_may_ask_for_a_diagnosis() {
    let name = "captures/diagnosis/case-differs";
    let records = records(&run(&format!(
        "census {name}.pcap --keys {name}.keys --ndjson --filter diagnosis==case-differs"
    )));
    let verified = run(&format!("verify {name}.pcap --keys {name}.keys --ndjson"));
    let verified = crate::common::records(&verified);
    let found = |record: &&Value| record["auth"]["diagnosis"].to_string().contains("\"case-differs\"");
    let messages = verified.iter().filter(found).count() as u64;
    assert!(messages > 0);
    let uses = records.iter().filter(|record| record["type"] == "use");
    assert_eq!(uses.filter_map(|record| record["messages"].as_u64()).sum::<u64>(), messages);
    let plain = run(&format!("census {name}.pcap --keys {name}.keys --ndjson"));
    assert!(!String::from_utf8(plain.stdout).unwrap().contains("\"case-differs\":"), "only when asked for");
}

#[test]
fn a_broadcast_has_no_client() {
    let capture = "captures/ntporg-broadcast-with-key.pcap";
    let output = run(&format!("census {capture} --keys captures/shared-ntp.org.keys --ndjson"));
    let uses = uses(&output);
    assert_eq!((uses.len(), uses[0]["messages"].as_u64()), (1, Some(2)));
    assert_eq!(uses[0]["clients"].as_array().unwrap().len(), 0);
}

#[test]
fn one_key_at_several_servers_is_told() {
    let captures = "captures/sha1-valid-and-wrong-key.pcapng captures/made/tunnel-ipv6-in-ipv4.pcap";
    let records = records(&run(&format!("census {captures} --keys {KEYS} --ndjson")));
    let codes: Vec<&str> = records
        .iter()
        .filter(|record| record["type"] == "finding")
        .filter_map(|record| record["code"].as_str())
        .collect();
    assert!(codes.iter().all(|code| code.starts_with("key-")), "{codes:?}");
    let summary = records.last().unwrap();
    assert_eq!(summary["type"], "summary");
    assert_eq!(summary["findings"].as_object().unwrap().len(), codes.len().min(1));
}

#[test]
fn the_document_holds_the_same_records_as_the_stream() {
    let document: Value = serde_json::from_slice(&census("--json").stdout).unwrap();
    let stream = census("--ndjson");
    assert_eq!(document["uses"], Value::from(uses(&stream)));
    assert_eq!(document["summary"], *records(&stream).last().unwrap());
    let none: Value = serde_json::from_slice(&census("--json --filter frame==0").stdout).unwrap();
    assert_eq!(none["uses"].as_array().unwrap().len(), 0);
}

#[test]
fn the_exit_code_says_whether_a_mac_was_seen() {
    let code = |more: &str| census(more).status.code();
    assert_eq!(code("-q"), Some(0));
    assert_eq!(code("-q --filter status==invalid"), Some(0), "what is wrong is for verify to tell");
    assert_eq!(code("-q --filter frame==0"), Some(3));
    assert_seen("census-no-mac", &census("--filter status==none"), None);
    assert_seen("census-no-ntp", &census("--port 124"), None);
    assert!(census("-q").stdout.is_empty());
}
