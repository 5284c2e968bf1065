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
    let expected = "10.99.0.1:123 answered requests of 72 octets under key 3 and none of 2 of 84 octets: it takes no \
                    requests of that length or with such extension fields, or something on the way drops them";
    assert_eq!(detail, expected);
}

fn exchanges(records: &[Value]) -> Vec<&Value> {
    records.iter().map(|record| &record["exchange"]).filter(|exchange| exchange.is_object()).collect()
}

#[test]
fn peers_answer_each_other_over_whole_poll_intervals() {
    let records = verified("ntporg-symmetric-with-key.pcapng", "shared-ntp.org.keys");
    let pairs: Vec<_> =
        exchanges(&records).iter().map(|one| (one["request"].clone(), one["reply"].clone())).collect();
    let expected =
        [(1, 2), (2, 3), (3, 4)].map(|(request, reply)| (Value::from(request), Value::from(reply)));
    assert_eq!(pairs, expected);
    assert!(records.iter().all(|record| record["type"] != "finding"), "one key, two ends of one association");
}

/// chrony takes its transmit timestamps in the kernel and sends them with the next reply.
#[test]
fn interleaved_replies_tell_the_times_of_the_exchange_before() {
    let records = verified("chrony-interleaved-with-key.pcap", "shared-chrony.keys");
    let interleaved: Vec<&Value> =
        exchanges(&records).into_iter().filter(|exchange| exchange["mode"] == "interleaved").collect();
    let completed: Vec<_> = interleaved.iter().map(|one| one["completes"]["reply"].clone()).collect();
    assert_eq!(completed, [4, 6, 8, 10, 12].map(Value::from));
    for exchange in interleaved {
        let server_time = exchange["completes"]["server_time_s"].as_f64().unwrap();
        assert!((50e-6..200e-6).contains(&server_time), "{server_time}");
        assert!(exchange["server_time_s"].is_null());
    }
}

#[test]
fn broadcasts_make_a_server_known() {
    let records = verified("ntporg-broadcast-with-key.pcap", "shared-ntp.org.keys");
    let server = &records.last().unwrap()["servers"][0];
    assert_eq!((&server["broadcasts"], &server["class"]), (&serde_json::json!({"valid": 2}), &Value::Null));
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
