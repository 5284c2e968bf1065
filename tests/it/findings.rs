//! What several messages together show, in captures of real daemons that are known to behave so.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::common::{records, run};

fn verified(capture: &str, keys: &str) -> Vec<Value> {
    records(&run(&format!("verify captures/{capture} --keys captures/{keys} --ndjson")))
}

fn findings(records: &[Value], code: &str) -> Vec<Value> {
    let of_code = records.iter().filter(|record| record["type"] == "finding" && record["code"] == code);
    of_code.cloned().collect()
}

fn class_of(capture: &str, keys: &str) -> BTreeMap<String, String> {
    let records = verified(capture, keys);
    let servers = records.last().unwrap()["servers"].as_array().unwrap().clone();
    let pair = |server: Value| {
        let text = |field: &str| server[field].as_str().unwrap_or("none").to_owned();
        (text("server"), text("class"))
    };
    servers.into_iter().map(pair).collect()
}

#[test]
fn servers_are_classed_by_what_they_answer() {
    let of = |capture: &str, keys: &str| class_of(capture, keys)["10.99.0.1:123"].clone();
    assert_eq!(of("ntporg-server-nak-on-refusal.pcap", "shared-ntp.org.keys"), "nak-on-bad-mac");
    assert_eq!(of("ntpsec-server-silent-on-refusal.pcapng", "shared-ntpsec.keys"), "silent-on-bad-mac");
    assert_eq!(of("chrony43-server-silent-on-refusal.pcap", "shared-chrony.keys"), "silent-on-bad-mac");
    assert_eq!(of("chrony461-server-silent-on-refusal.pcap", "shared-chrony.keys"), "silent-on-bad-mac");
    assert_eq!(of("ntpd-rs-server-ignores-macs.pcap", "shared-ntp.org.keys"), "plain-reply-to-mac");
    assert_eq!(of("openntpd-server-ignores-macs.pcap", "shared-ntp.org.keys"), "plain-reply-to-mac");
    let kiss = class_of("ntporg-kiss-rate-signed-without-verifying.pcap", "shared-ntp.org.keys");
    assert_eq!(
        kiss.values().collect::<Vec<_>>(),
        ["authenticates"],
        "a kiss and silence after it are no refusal"
    );
}

#[test]
fn a_crypto_nak_names_the_request_that_it_refuses() {
    let records = verified("sha1-valid-and-wrong-key.pcapng", "sha1-valid-and-wrong-key.keys");
    let frames: Vec<Value> =
        findings(&records, "nak-for").iter().map(|record| record["frames"].clone()).collect();
    assert_eq!(frames, [serde_json::json!([7, 8]), serde_json::json!([9, 10]), serde_json::json!([11, 12])]);
}

#[test]
fn plain_replies_to_requests_with_a_mac_are_told() {
    let records = verified("openntpd-server-ignores-macs.pcap", "shared-ntp.org.keys");
    assert_eq!(findings(&records, "auth-stripped").len(), 11);
    let first = &findings(&records, "auth-stripped")[0];
    assert_eq!((&first["frames"], &first["severity"]), (&serde_json::json!([9, 10]), &Value::from("error")));
    let none = verified("ntporg-server-nak-on-refusal.pcap", "shared-ntp.org.keys");
    assert!(findings(&none, "auth-stripped").is_empty());
}

#[test]
fn silence_to_one_length_of_right_requests_suggests_a_filter() {
    let records = verified("chrony-client-sha256-to-ntpsec.pcap", "shared-chrony.keys");
    assert_eq!(findings(&records, "unanswered").len(), 2);
    let filter = findings(&records, "length-filter-suspected");
    let detail = filter[0]["detail"].as_str().unwrap();
    assert!(detail.contains("none of 2 right requests of 84 octets, but others of 72 octets"), "{detail}");
}

#[test]
fn kisses_and_exposed_control_queries_are_told() {
    let records = verified("ntporg-kiss-rate-signed-without-verifying.pcap", "shared-ntp.org.keys");
    assert_eq!(findings(&records, "kiss")[0]["detail"], "kiss code RATE");
    let records = verified("ntporg-control-right-and-wrong-key.pcapng", "shared-ntp.org.keys");
    let detail = findings(&records, "control-exposed")[0]["detail"].clone();
    assert!(detail.as_str().unwrap().contains("20 octets asked, 80 answered (4.0 times)"), "{detail}");
}

#[test]
fn interleaved_mode_raises_no_finding_but_the_algorithm() {
    let records = verified("chrony-interleaved-with-key.pcap", "shared-chrony.keys");
    assert!(records.iter().all(|record| record["type"] != "finding"), "{records:?}");
}

#[test]
fn weak_algorithms_are_a_matter_of_policy() {
    let count = |policy: &str| {
        let capture = "captures/sha1-valid-and-wrong-key.pcapng";
        let keys = "captures/sha1-valid-and-wrong-key.keys";
        let records = records(&run(&format!("verify {capture} --keys {keys} --ndjson --policy {policy}")));
        records.last().unwrap()["findings"]["weak-algorithm"].as_u64().unwrap_or_default()
    };
    assert_eq!((count("modern"), count("sha1"), count("fips")), (8, 0, 0));
}
