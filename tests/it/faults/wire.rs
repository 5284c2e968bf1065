//! Each fault on the wire: what is wrong in the octets, and that everything else is right.
//!
//! Digests are made with the sha1 and md5 crates by hand.

use std::time::Duration;

use ntpcap::server::fault::Source;

use super::lab::{Once, md5, once, once_with, plain, sha1, signed};

pub(super) const TRANSMIT: u64 = 0xeeb2_3bc0_1234_5678;

/// Offsets in the header.
const FIRST_OCTET: usize = 0;
pub(super) const STRATUM: usize = 1;
pub(super) const FIRST: std::ops::Range<usize> = 0..1;
pub(super) const SECOND: std::ops::Range<usize> = 1..2;
pub(super) const REFERENCE_ID: std::ops::Range<usize> = 12..16;
pub(super) const ORIGIN: std::ops::Range<usize> = 24..32;
pub(super) const RECEIVE: std::ops::Range<usize> = 32..40;
pub(super) const TRANSMITTED: std::ops::Range<usize> = 40..48;
const KEY_ID: std::ops::Range<usize> = 48..52;
const KEY_TWO: [u8; 4] = [0, 0, 0, 2];

pub(super) fn to_signed(fault: &str) -> Once {
    once(&[fault], &signed(TRANSMIT))
}

/// True when the octets of both differ there and nowhere else in the header. Origin and others may agree in some.
pub(super) fn differ_only(once: &Once, places: &[std::ops::Range<usize>]) -> bool {
    let differing: Vec<usize> = (0..48).filter(|at| once.correct[*at] != once.only()[*at]).collect();
    let is_allowed = |at: &usize| places.iter().any(|place| place.contains(at));
    !differing.is_empty() && differing.iter().all(is_allowed)
}

/// Key ID 2 and its right SHA-1 digest stand behind so many octets, and the message ends there.
pub(super) fn is_signed_behind(octets: &[u8], covered: usize) -> bool {
    let (message, mac) = octets.split_at(covered);
    mac == [KEY_TWO.to_vec(), sha1(b"second", message)].concat()
}

pub(super) fn assert_header_fault(once: &Once, places: &[std::ops::Range<usize>]) {
    assert!(differ_only(once, places), "{:02x?}\n{:02x?}", once.correct, once.only());
    assert!(is_signed_behind(once.only(), 48), "the MAC is right over the wrong header");
}

pub(super) fn assert_header_is_right(once: &Once) {
    assert_eq!(once.only()[..48], once.correct[..48]);
}

#[test]
fn without_a_fault_the_reply_is_right() {
    let once = once(&[], &signed(TRANSMIT));
    assert_eq!(once.only(), once.correct);
    assert!(is_signed_behind(once.only(), 48));
    assert_eq!(once.only()[ORIGIN], TRANSMIT.to_be_bytes());
}

#[test]
fn a_time_is_an_hour_ahead_or_as_far_off_as_is_given() {
    const REFERENCE: std::ops::Range<usize> = 16..24;
    let once = once(&["wrong-time"], &signed(TRANSMIT));
    assert_header_fault(&once, &[REFERENCE, RECEIVE, TRANSMITTED]);
    let behind = to_signed("wrong-time:offset=-1500ms");
    let at =
        |octets: &[u8], place: std::ops::Range<usize>| u64::from_be_bytes(octets[place].try_into().unwrap());
    for place in [REFERENCE, RECEIVE, TRANSMITTED] {
        let right = at(&once.correct, place.clone());
        assert_eq!(at(once.only(), place.clone()), right + (3_600 << 32));
        assert_eq!(at(behind.only(), place), right - (3 << 31));
    }
    let more = &to_signed("unsolicited:offset=+2h").sent[1].octets;
    assert!(at(more, TRANSMITTED) - at(&once.correct, TRANSMITTED) >= 7_200 << 32);
}

#[test]
fn a_kiss_has_leap_3_stratum_0_its_code_and_one_timestamp_three_times() {
    let once = once(&["kod"], &signed(TRANSMIT));
    assert_header_fault(&once, &[FIRST, SECOND, REFERENCE_ID, RECEIVE, TRANSMITTED]);
    let octets = once.only();
    assert_eq!((octets[FIRST_OCTET], octets[STRATUM], &octets[REFERENCE_ID]), (0xe4, 0, &b"RATE"[..]));
    for place in [ORIGIN, RECEIVE, TRANSMITTED] {
        assert_eq!(octets[place], TRANSMIT.to_be_bytes());
    }
}

#[test]
fn a_kiss_may_have_another_code_and_no_mac() {
    let octets = to_signed("kod:code=XY,signed=no").only().to_vec();
    assert_eq!((octets.len(), &octets[REFERENCE_ID]), (48, &b"XY\0\0"[..]));
}

#[test]
fn an_unsynchronised_server_says_init_as_ntp_org_does() {
    let once = once(&["unsynchronised"], &signed(TRANSMIT));
    assert_header_fault(&once, &[FIRST, SECOND, REFERENCE_ID, 16..24]);
    let octets = once.only();
    assert_eq!((octets[FIRST_OCTET], octets[STRATUM], &octets[REFERENCE_ID]), (0xe4, 0, &b"INIT"[..]));
    assert_eq!(octets[16..24], [0; 8], "its clock was never set");
    assert_eq!(to_signed("unsynchronised:stratum=16").only()[STRATUM], 16);
}

#[test]
fn strata_0_and_16_change_one_octet() {
    for (once, stratum) in
        [(once(&["stratum-0"], &signed(TRANSMIT)), 0), (once(&["stratum-16"], &signed(TRANSMIT)), 16)]
    {
        assert_header_fault(&once, &[SECOND]);
        assert_eq!(once.only()[STRATUM], stratum);
    }
}

#[test]
fn origins_are_zero_or_random() {
    let zero = once(&["zero-origin"], &signed(TRANSMIT));
    assert_header_fault(&zero, &[ORIGIN]);
    assert_eq!(zero.only()[ORIGIN], [0; 8]);
    let bogus = once(&["bogus-origin"], &signed(TRANSMIT));
    assert_header_fault(&bogus, &[ORIGIN]);
    assert_ne!(bogus.only()[ORIGIN], [0; 8]);
}

#[test]
fn mode_and_version_are_others() {
    let mode = once(&["wrong-mode"], &signed(TRANSMIT));
    assert_header_fault(&mode, &[FIRST]);
    assert_eq!(mode.only()[FIRST_OCTET], 0x22);
    assert_eq!(to_signed("wrong-mode:mode=broadcast").only()[FIRST_OCTET], 0x25);
    let version = once(&["wrong-version"], &signed(TRANSMIT));
    assert_header_fault(&version, &[FIRST]);
    assert_eq!(version.only()[FIRST_OCTET], 0x1c);
    assert_eq!(to_signed("wrong-version:version=5").only()[FIRST_OCTET], 0x2c);
}

#[test]
fn an_unknown_field_is_covered_by_the_mac() {
    let once = once(&["field-unknown"], &signed(TRANSMIT));
    assert_header_is_right(&once);
    assert_eq!(once.only()[48..52], [0xf0, 0xf0, 0, 32]);
    assert!(is_signed_behind(once.only(), 80));
    let set = to_signed("field-unknown:type=0x0104,octets=18");
    assert_eq!(set.only()[48..52], [1, 4, 0, 20], "a length is a multiple of four");
}

#[test]
fn a_field_is_too_short() {
    let once = once(&["field-short"], &signed(TRANSMIT));
    assert_header_is_right(&once);
    assert_eq!(once.only()[48..52], [0xf0, 0xf0, 0, 8]);
    assert!(is_signed_behind(once.only(), 56));
}

#[test]
fn a_field_says_that_it_goes_beyond_the_message() {
    let once = once(&["field-overlong"], &signed(TRANSMIT));
    assert_header_is_right(&once);
    assert_eq!(once.only()[48..52], [0xf0, 0xf0, 4, 0]);
    assert!(is_signed_behind(once.only(), 80));
}

#[test]
fn an_answer_is_much_longer_than_its_request() {
    let once = once(&["oversize"], &signed(TRANSMIT));
    assert_header_is_right(&once);
    assert_eq!(once.only().len(), 72 + 400);
    assert!(is_signed_behind(once.only(), 448));
    assert_eq!(to_signed("oversize:octets=1400").only().len(), 72 + 1_400);
}

#[test]
fn a_mac_covers_the_header_alone() {
    let once = once(&["mac-over-header-only"], &signed(TRANSMIT));
    assert_header_is_right(&once);
    let octets = once.only();
    assert_eq!((octets.len(), &octets[48..52]), (48 + 32 + 24, &[0xf0, 0xf0, 0, 32][..]));
    assert_eq!(octets[80..], [KEY_TWO.to_vec(), sha1(b"second", &octets[..48])].concat());
}

#[test]
fn a_mac_is_of_another_algorithm_with_the_same_key_id_and_secret() {
    let once = once(&["other-algorithm"], &signed(TRANSMIT));
    assert_header_is_right(&once);
    let octets = once.only();
    assert_eq!(octets[48..], [KEY_TWO.to_vec(), md5(b"second", &octets[..48])].concat());
    let cut = to_signed("other-algorithm:algorithm=sha256");
    let digest = {
        use sha2::Digest as _;
        sha2::Sha256::digest([b"second", &cut.only()[..48]].concat())
    };
    assert_eq!(cut.only()[48..], [&KEY_TWO, &digest[..20]].concat(), "20 octets, as version 4 wants it");
}

#[test]
fn a_mac_is_made_with_the_secret_of_another_key() {
    let once = once(&["wrong-key"], &signed(TRANSMIT));
    assert_header_is_right(&once);
    let octets = once.only();
    assert_eq!(octets[48..], [KEY_TWO.to_vec(), sha1(b"third", &octets[..48])].concat());
    let first = to_signed("wrong-key:key-id=1");
    assert_eq!(first.only()[52..], sha1(b"first", &first.only()[..48]), "the algorithm stays");
}

/// Version 3 has digests of any length, and chrony sends them whole.
#[test]
fn a_digest_that_was_asked_for_whole_is_whole() {
    use sha2::Digest as _;
    let keys = "5 SHA256 fifth\n6 SHA512 sixth\n";
    let mut request = plain(TRANSMIT);
    request[0] = 0x1b;
    let digest = sha2::Sha256::digest([b"fifth", &request[..]].concat());
    let request = [&request[..], &[0, 0, 0, 5], &digest[..]].concat();
    let once = once_with(keys, &["other-key-id"], &request);
    let digest = sha2::Sha512::digest([b"sixth", &once.only()[..48]].concat());
    assert_eq!(once.only()[48..], [&[0, 0, 0, 6], &digest[..]].concat());
}

#[test]
fn a_secret_is_made_up_where_there_is_no_other() {
    let once = once_with("2 SHA1 second\n", &["wrong-key"], &signed(TRANSMIT));
    assert_header_is_right(&once);
    assert_eq!(once.only()[KEY_ID], KEY_TWO);
    assert_ne!(once.only()[52..], once.correct[52..]);
}

#[test]
fn a_mac_is_right_under_another_key_id() {
    let once = once(&["other-key-id"], &signed(TRANSMIT));
    assert_header_is_right(&once);
    let octets = once.only();
    assert_eq!(octets[48..], [vec![0, 0, 0, 3], sha1(b"third", &octets[..48])].concat());
    let first = to_signed("other-key-id:key-id=1");
    assert_eq!(first.only()[48..], [vec![0, 0, 0, 1], md5(b"first", &octets[..48])].concat());
}

#[test]
fn key_id_zero_stands_before_the_right_digest() {
    let once = once(&["key-id-zero"], &signed(TRANSMIT));
    assert_header_is_right(&once);
    assert_eq!(once.only()[KEY_ID], [0; 4]);
    assert_eq!(once.only()[52..], sha1(b"second", &once.only()[..48]));
}

#[test]
fn a_mac_is_added_for_who_has_not_asked_for_one() {
    let added = once(&["add-mac"], &plain(TRANSMIT));
    assert_header_is_right(&added);
    let octets = added.only();
    assert_eq!(octets[48..], [vec![0, 0, 0, 1], md5(b"first", &octets[..48])].concat());
    let second = once(&["add-mac:key-id=2"], &plain(TRANSMIT));
    assert!(is_signed_behind(second.only(), 48));
    let unchanged = to_signed("add-mac");
    assert_eq!(unchanged.only(), unchanged.correct, "a signed reply has its MAC");
}

#[test]
fn a_mac_is_left_out_or_all_zeros() {
    let stripped = once(&["strip-mac"], &signed(TRANSMIT));
    assert_eq!(stripped.only(), &stripped.correct[..48]);
    let zeros = once(&["zero-mac"], &signed(TRANSMIT));
    assert_header_is_right(&zeros);
    assert_eq!(zeros.only()[48..], [0; 24]);
}

#[test]
fn a_crypto_nak_has_four_zero_octets_and_names_the_request_or_not() {
    let nak = once(&["nak"], &signed(TRANSMIT));
    assert_header_is_right(&nak);
    assert_eq!(nak.only()[48..], [0; 4]);
    let bogus = once(&["nak-wrong-origin"], &signed(TRANSMIT));
    assert!(differ_only(&bogus, &[ORIGIN]));
    assert_eq!(bogus.only()[48..], [0; 4]);
    for (fault, named) in [("nak", true), ("nak-wrong-origin", false)] {
        let unasked = once(&[fault], &plain(TRANSMIT));
        assert_eq!((unasked.only().len(), &unasked.only()[48..]), (52, &[0; 4][..]), "{fault}");
        assert_eq!(unasked.only()[ORIGIN] == TRANSMIT.to_be_bytes(), named, "{fault}");
    }
}

#[test]
fn one_bit_of_the_digest_is_flipped() {
    let once = once(&["flip-bit"], &signed(TRANSMIT));
    assert_eq!(once.only()[..52], once.correct[..52]);
    let flipped: u32 =
        once.only().iter().zip(&once.correct).map(|(one, other)| (one ^ other).count_ones()).sum();
    assert_eq!(flipped, 1);
}

#[test]
fn a_digest_is_cut_or_has_zeros_behind_it() {
    let cut = once(&["truncate-mac"], &signed(TRANSMIT));
    assert_eq!(cut.only(), &cut.correct[..68]);
    assert_eq!(to_signed("truncate-mac:octets=8").only(), &cut.correct[..60]);
    let padded = once(&["pad-mac"], &signed(TRANSMIT));
    assert_eq!(padded.only(), [&padded.correct[..], &[0; 4]].concat());
    assert_eq!(to_signed("pad-mac:octets=9").only().len(), 72 + 9);
}

#[test]
fn a_reply_is_sent_twice_late_or_not_at_all() {
    let twice = once(&["duplicate:delay=30ms"], &signed(TRANSMIT));
    let sent: Vec<_> = twice.sent.iter().map(|it| (&it.octets, it.after.as_millis(), it.source)).collect();
    assert_eq!(sent, [(&twice.correct, 0, Source::Asked), (&twice.correct, 30, Source::Asked)]);
    let late = once(&["late"], &signed(TRANSMIT));
    assert_eq!((&late.sent[0].octets, late.sent[0].after), (&late.correct, Duration::from_secs(2)));
    assert!(once(&["drop"], &signed(TRANSMIT)).sent.is_empty());
}

#[test]
fn a_reply_that_nobody_asked_for_follows_the_right_one() {
    for (spec, source) in [
        ("unsolicited:key-id=2", Source::OtherPort),
        ("unsolicited:key-id=2,source=address", Source::OtherAddress),
        ("unsolicited:key-id=2,source=same", Source::Asked),
    ] {
        let once = once(&[spec], &signed(TRANSMIT));
        assert_eq!(once.sent[0].octets, once.correct);
        assert_eq!(once.sent[1].source, source);
        let more = &once.sent[1].octets;
        assert_eq!(more[FIRST_OCTET], 0x24);
        assert_ne!(more[ORIGIN], TRANSMIT.to_be_bytes());
        assert!(is_signed_behind(more, 48));
    }
    let plain = once(&["unsolicited:signed=no"], &signed(TRANSMIT));
    assert_eq!(plain.sent[1].octets.len(), 48);
}
