//! Faults in the header on the wire: what is wrong in the octets, signed rightly.

use std::time::Duration;

use ntpcap::server::Treatment;

use super::lab::{CLIENT, KEYS, ask, ask_like, faults, keyring, once, plain, signed, wrong};
use super::wire::{
    FIRST, ORIGIN, RECEIVE, REFERENCE_ID, SECOND, TRANSMIT, TRANSMITTED, assert_header_fault, differ_only,
    is_signed_behind, to_signed,
};

const POLL: std::ops::Range<usize> = 2..3;
const PRECISION: std::ops::Range<usize> = 3..4;
const ROOT_DELAY: std::ops::Range<usize> = 4..8;
const ROOT_DISPERSION: std::ops::Range<usize> = 8..12;
const REFERENCE: std::ops::Range<usize> = 16..24;

fn at(octets: &[u8], place: std::ops::Range<usize>) -> u64 {
    u64::from_be_bytes(octets[place].try_into().unwrap())
}

#[test]
fn one_field_is_what_it_is_set_to() {
    for (setting, place, expected) in [
        ("leap,value=3", FIRST, &[0xe4][..]),
        ("stratum,value=17", SECOND, &[17]),
        ("poll,value=100", POLL, &[100]),
        ("precision,value=-128", PRECISION, &[0x80]),
        ("root-delay,value=1000", ROOT_DELAY, &[0x03, 0xe8, 0, 0]),
        ("root-dispersion,value=65535", ROOT_DISPERSION, &[0xff, 0xff, 0, 0]),
        ("reference-id,value=GPS", REFERENCE_ID, b"GPS\0"),
        ("reference-id,value=0x00415445", REFERENCE_ID, b"\0ATE"),
        ("reference-id", REFERENCE_ID, &[0; 4]),
        ("reference-time,value=NTP5NTP5", REFERENCE, b"NTP5NTP5"),
        ("reference-time", REFERENCE, &[0; 8]),
        ("receive-time,value=0", RECEIVE, &[0; 8]),
        ("transmit-time,value=0", TRANSMITTED, &[0; 8]),
    ] {
        let set = to_signed(&format!("header-field:field={setting}"));
        assert_header_fault(&set, std::slice::from_ref(&place));
        assert_eq!(&set.only()[place], expected, "{setting}");
    }
    assert_eq!(once(&["header-field"], &signed(TRANSMIT)).only()[SECOND], [0]);
    assert!(to_signed("header-field:field=leap").faults.is_empty(), "it is zero anyway");
}

#[test]
fn one_time_is_as_far_off_as_is_given() {
    for (field, place) in
        [("reference-time", REFERENCE), ("receive-time", RECEIVE), ("transmit-time", TRANSMITTED)]
    {
        for (value, units) in [("+1h", 3_600_i64 << 32), ("-10s", -10 << 32), ("+500ms", 1 << 31)] {
            let set = to_signed(&format!("header-field:field={field},value={value}"));
            assert_header_fault(&set, std::slice::from_ref(&place));
            let right = at(&set.correct, place.clone());
            assert_eq!(at(set.only(), place.clone()), right.wrapping_add_signed(units), "{field} {value}");
        }
    }
}

/// The other fault first, and then the field.
#[test]
fn a_field_is_set_in_kisses_and_beside_a_wrong_time() {
    let kiss = once(&["kod", "header-field:field=receive-time,value=+1s"], &signed(TRANSMIT));
    assert_eq!(at(kiss.only(), RECEIVE), TRANSMIT + (1 << 32));
    assert_eq!(&kiss.only()[REFERENCE_ID], b"RATE");
    let both = once(&["wrong-time", "header-field:field=transmit-time,value=+1s"], &signed(TRANSMIT));
    assert_eq!(at(both.only(), RECEIVE), at(&both.correct, RECEIVE) + (3_600 << 32));
    assert_eq!(at(both.only(), TRANSMITTED), at(&both.correct, TRANSMITTED) + (3_601 << 32));
    let keys = keyring(KEYS);
    let mut server = faults(&["header-field:field=leap,value=0"], &keys, 7);
    let outcome = ask_like("ntpcap", Treatment::Kiss(*b"RATE"), &mut server, &signed(TRANSMIT));
    assert_eq!((outcome.dispatches[0].octets[0], &outcome.faults[..]), (0x24, &["header-field"][..]));
}

#[test]
fn a_reply_says_what_the_request_says() {
    let mut request = plain(TRANSMIT);
    request[..24]
        .copy_from_slice(&[0xa3, 9, 6, 5, 0, 7, 0, 0, 0, 8, 0, 0, 203, 0, 113, 77, 1, 2, 3, 4, 5, 6, 7, 8]);
    let copied = once(&["copy-request"], &request);
    assert_eq!(copied.only()[0], 0xa4, "the request's leap indicator and the reply's mode");
    assert_eq!(copied.only()[1..24], request[1..24]);
    assert_eq!(copied.only()[24..], copied.correct[24..]);
    assert!(is_signed_behind(once(&["copy-request"], &signed(TRANSMIT)).only(), 48));
}

#[test]
fn a_clock_stands_still_from_the_first_reply_on() {
    let keys = keyring(KEYS);
    let mut server = faults(&["frozen-clock"], &keys, 7);
    let mut reply = |second| {
        let outcome = ask(&mut server, CLIENT, &signed(second), Duration::from_secs(second));
        assert_eq!(outcome.faults, ["frozen-clock"]);
        outcome.dispatches[0].octets.clone()
    };
    let (first, second) = (reply(100), reply(200));
    assert_eq!(first[RECEIVE], first[TRANSMITTED]);
    assert_eq!((&first[REFERENCE], &first[32..48]), (&second[REFERENCE], &second[32..48]));
    assert_eq!(second[ORIGIN], 200_u64.to_be_bytes(), "the origin is right");
    assert!(is_signed_behind(&first, 48) && is_signed_behind(&second, 48));
    let alone = once(&["frozen-clock"], &signed(TRANSMIT));
    assert!(differ_only(&alone, &[TRANSMITTED]));
}

#[test]
fn a_reply_is_interleaved_that_was_not_asked_for() {
    let asked = |request: fn(u64) -> Vec<u8>, transmit: u64| {
        let mut octets = request(transmit);
        octets[RECEIVE].copy_from_slice(&[7; 8]);
        octets
    };
    let alone = once(&["interleave-always"], &asked(plain, TRANSMIT));
    assert!(differ_only(&alone, &[ORIGIN, TRANSMITTED]));
    assert_eq!(alone.only()[ORIGIN], [7; 8]);
    assert_eq!(alone.only()[TRANSMITTED], alone.correct[RECEIVE], "there is no reply before");
    let keys = keyring(KEYS);
    let mut server = faults(&["interleave-always:after=1"], &keys, 7);
    let mut reply = |request: &[u8], second| {
        ask(&mut server, CLIENT, request, Duration::from_secs(second)).dispatches[0].octets.clone()
    };
    let first = reply(&asked(plain, 1), 100);
    assert_eq!(reply(&asked(plain, 2), 110)[TRANSMITTED], first[TRANSMITTED]);
    let refused = reply(&asked(wrong, 3), 120);
    assert_eq!((&refused[ORIGIN], &refused[48..]), (&[7; 8][..], &[0; 4][..]), "a crypto-NAK too");
    assert!(at(&refused, TRANSMITTED) > at(&first, TRANSMITTED) + (9 << 32), "when the second one left");
}
