//! What an observer who has the keys says of each fault: three requests, and what the server sent.

use ntpcap::server::fault::{Fault, list};

use super::lab::{observe, of_version_7, plain, signed, wrong};

/// A fault, and what is said of it.
struct Expectation {
    fault: &'static str,
    request: fn(u64) -> Vec<u8>,
    /// Status and first code of the diagnosis of what was sent.
    messages: &'static [(&'static str, &'static str)],
    findings: &'static [&'static str],
    exchanges: usize,
    late: usize,
}

const fn signed_request(
    fault: &'static str,
    messages: &'static [(&'static str, &'static str)],
    findings: &'static [&'static str],
    exchanges: usize,
) -> Expectation {
    Expectation { fault, request: signed, messages, findings, exchanges, late: 0 }
}

const fn plain_request(
    fault: &'static str,
    messages: &'static [(&'static str, &'static str)],
    findings: &'static [&'static str],
    exchanges: usize,
) -> Expectation {
    Expectation { request: plain, ..signed_request(fault, messages, findings, exchanges) }
}

const VALID: &[(&str, &str)] = &[("valid", "")];
const INVALID: &[(&str, &str)] = &[("invalid", "")];
const NONE: &[(&str, &str)] = &[("none", "")];
const NAK: &[(&str, &str)] = &[("crypto-nak", "")];
const MALFORMED: &[(&str, &str)] = &[("malformed", "")];

/// Where a fault begins with the second request, the first shows what the server says otherwise.
const EXPECTATIONS: [Expectation; 63] = [
    Expectation { request: wrong, ..signed_request("sign-unverified", VALID, &[], 3) },
    Expectation { request: wrong, ..signed_request("refuse-plainly", NONE, &["auth-stripped"], 3) },
    Expectation { request: of_version_7, ..signed_request("answer-anything", NONE, &[], 3) },
    signed_request("copy-request:after=1", VALID, &["stratum-changed"], 3),
    signed_request("frozen-clock", VALID, &[], 3),
    signed_request("interleave-always", VALID, &["unanswered", "zero-origin"], 0),
    signed_request("header-field:after=1", VALID, &["stratum-changed"], 3),
    signed_request("header-field:after=1,field=leap,value=3", VALID, &["leap-changed"], 3),
    signed_request("header-field:field=receive-time,value=+1s", VALID, &[], 3),
    signed_request("header-field:field=transmit-time", VALID, &[], 3),
    signed_request("nak:octets=20", NONE, &["zero-trailer"], 3),
    signed_request("cut-reply", MALFORMED, &["unanswered"], 0),
    signed_request("cut-reply:octets=60", &[("malformed", "digest-truncated")], &[], 3),
    signed_request("other-source", VALID, &["unanswered", "unsolicited-reply"], 0),
    signed_request("other-source:source=address", VALID, &["unanswered", "unsolicited-reply"], 0),
    signed_request("hang:delay=100s", VALID, &["unanswered"], 2),
    // How far off it is stands in the exchange.
    signed_request("wrong-time", VALID, &[], 3),
    signed_request("kod", VALID, &["kiss"], 3),
    signed_request("kod:signed=no,code=DENY", NONE, &["auth-stripped", "kiss"], 3),
    plain_request("kod:code=RSTR", NONE, &["kiss"], 3),
    signed_request("unsynchronised:after=1", VALID, &["leap-changed", "stratum-changed"], 3),
    signed_request("unsynchronised:after=1,stratum=16", VALID, &["leap-changed", "stratum-changed"], 3),
    signed_request("stratum-0:after=1", VALID, &["stratum-changed"], 3),
    signed_request("stratum-16:after=1", VALID, &["stratum-changed"], 3),
    signed_request("zero-origin", VALID, &["unanswered", "zero-origin"], 0),
    plain_request("zero-origin", NONE, &["unanswered", "zero-origin"], 0),
    signed_request("bogus-origin", VALID, &["bogus-origin", "unanswered"], 0),
    signed_request("wrong-mode", VALID, &["reply-mode-differs"], 3),
    signed_request("wrong-version", VALID, &["reply-version-differs"], 3),
    signed_request("field-unknown", VALID, &["reply-field-unasked", "reply-longer"], 3),
    plain_request("field-unknown", NONE, &["reply-field-unasked", "reply-longer"], 3),
    signed_request("field-short", VALID, &["reply-field-unasked", "reply-longer"], 3),
    plain_request("field-short", MALFORMED, &["reply-longer"], 3),
    signed_request("field-overlong", MALFORMED, &["reply-longer"], 3),
    plain_request("field-overlong", MALFORMED, &["reply-longer"], 3),
    signed_request("oversize", VALID, &["reply-field-unasked", "reply-longer"], 3),
    signed_request(
        "mac-over-header-only",
        &[("invalid", "covers-header-only")],
        &["reply-field-unasked", "reply-longer"],
        3,
    ),
    signed_request("other-algorithm", &[("invalid", "other-algorithm")], &[], 3),
    signed_request("other-algorithm:algorithm=sha256", &[("invalid", "other-algorithm")], &[], 3),
    signed_request("wrong-key", &[("invalid", "other-key-id")], &[], 3),
    signed_request("other-key-id", VALID, &["reply-key-differs"], 3),
    signed_request("key-id-zero", &[("unknown-key", "other-key-id")], &["reply-key-differs"], 3),
    plain_request("add-mac", VALID, &["reply-longer"], 3),
    signed_request("strip-mac", NONE, &["auth-stripped"], 3),
    signed_request("zero-mac", NONE, &["zero-trailer"], 3),
    signed_request("nak", NAK, &["nak-for"], 3),
    plain_request("nak", NAK, &["nak-for", "reply-longer"], 3),
    signed_request("nak-wrong-origin", NAK, &["unanswered", "unsolicited-nak"], 0),
    signed_request("flip-bit", INVALID, &[], 3),
    signed_request("truncate-mac", &[("invalid", "digest-truncated")], &[], 3),
    signed_request("pad-mac", &[("malformed", "digest-padded")], &["reply-longer"], 3),
    signed_request("replay", VALID, &["replay", "unanswered"], 1),
    plain_request("replay", NONE, &["bogus-origin", "unanswered"], 1),
    signed_request("duplicate", VALID, &["duplicate-reply"], 6),
    Expectation { late: 3, ..signed_request("late", VALID, &[], 3) },
    signed_request("drop", &[], &["unanswered"], 0),
    // Held until the next request a minute later, when the observer waits no longer.
    signed_request("reorder:delay=5m,count=1", VALID, &["bogus-origin", "unanswered"], 2),
    signed_request("unsolicited", VALID, &["unsolicited-reply"], 3),
    signed_request("unsolicited:source=address", VALID, &["key-shared-by-servers", "unsolicited-reply"], 3),
    signed_request(
        "unsolicited:destination=10.0.0.3:40000,after=1,count=1",
        VALID,
        &["unsolicited-reply"],
        3,
    ),
    signed_request("broadcast", VALID, &[], 3),
    signed_request("multicast", VALID, &[], 3),
    signed_request("multicast:signed=no,count=1", &[("none", ""), ("valid", "")], &[], 3),
];

#[test]
fn an_observer_names_each_fault() {
    let mut wrong = Vec::new();
    for expected in &EXPECTATIONS {
        let told = observe(expected.fault, expected.request);
        let as_expected = told.messages == expected.messages
            && told.findings == expected.findings
            && (told.exchanges, told.late) == (expected.exchanges, expected.late);
        if !as_expected {
            wrong.push(format!("{}: {told:?}", expected.fault));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn correct_service_gives_nothing_to_tell_of() {
    // A fault that never comes.
    let told = observe("drop:after=1000", signed);
    assert_eq!((told.messages, told.exchanges), (vec![("valid", "")], 3));
    assert!(told.findings.is_empty(), "{:?}", told.findings);
}

#[test]
fn every_fault_has_an_expectation_and_is_shown_on_the_wire() {
    let tests = [
        include_str!("wire.rs"),
        include_str!("header.rs"),
        include_str!("decision.rs"),
        include_str!("timeline.rs"),
    ]
    .concat();
    for row in list() {
        let is_expected =
            EXPECTATIONS.iter().any(|expected| Fault::parse(expected.fault).unwrap().kind == row.kind);
        assert!(is_expected, "{}: nothing says what an observer tells of it", row.name);
        let is_shown = ["\"", ":"].iter().any(|end| tests.contains(&format!("&[\"{}{end}", row.name)));
        assert!(is_shown, "{}: no test shows it on the wire", row.name);
    }
}
