//! Two faults in one reply: they compose, or one of them waits for a reply in which it can be seen.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use ntpcap::auth::Keyring;
use ntpcap::ntp::NtpTimestamp;
use ntpcap::server::FixedClock;
use ntpcap::server::fault::{Fault, FaultError, Faults, Source, check_together, list};

use super::lab::{
    CLIENT, KEYS, ask, faults, keyring, md5, of_version_7, once, once_with, plain, policy, sha1, signed,
    wrong,
};

const TRANSMIT: u64 = 0xeeb2_3bc0_1234_5678;

/// What can be seen of a reply.
type Seen = Vec<(Vec<u8>, Duration, Source)>;

/// A server whose faults begin after a first request, so that there is an earlier reply.
fn server<'k>(names: &[&str], keys: &'k Keyring, settings: &str) -> Faults<'k> {
    let specs: Vec<String> = names.iter().map(|name| format!("{name}:from=50s{settings}")).collect();
    let specs: Vec<&str> = specs.iter().map(String::as_str).collect();
    let mut server = faults(&specs, keys, 7);
    ask(&mut server, CLIENT, &signed(1), Duration::from_secs(10));
    server
}

/// What is named and seen of the reply to one request, be it sent at once or by itself in the end.
fn seen(names: &[&str], keys: &Keyring, request: &[u8]) -> (Vec<&'static str>, Seen) {
    let mut server = server(names, keys, "");
    let outcome = ask(&mut server, CLIENT, request, Duration::from_secs(100));
    let mut seen: Seen = outcome.dispatches.into_iter().map(|it| (it.octets, it.after, it.source)).collect();
    let clock = FixedClock::new(NtpTimestamp(0xeeb2_4bc0 << 32), 1);
    for second in 101..110 {
        let elapsed = Duration::from_secs(second);
        let by_itself = server.unasked(elapsed, &policy(), &clock).into_iter();
        seen.extend(by_itself.map(|it| (it.octets, elapsed, Source::Asked)));
    }
    (outcome.faults, seen)
}

/// The faults that change replies or send beside them. Those that do not are seen in other messages.
fn names() -> Vec<&'static str> {
    let by_itself = ["broadcast", "multicast", "hang"];
    list().iter().map(|row| row.name).filter(|name| !by_itself.contains(name)).collect()
}

#[test]
fn what_is_named_is_seen_and_what_is_not_named_leaves_no_trace() {
    let keys = keyring(KEYS);
    for request in [signed(TRANSMIT), plain(TRANSMIT), wrong(TRANSMIT), of_version_7(TRANSMIT)] {
        for (index, one) in names().into_iter().enumerate() {
            for other in names().into_iter().skip(index + 1) {
                let (named, sent) = seen(&[one, other], &keys, &request);
                assert_eq!(sent, seen(&named, &keys, &request).1, "{one} and {other}: named {named:?}");
                for hidden in &named {
                    let others: Vec<&str> = named.iter().copied().filter(|name| name != hidden).collect();
                    let without = seen(&others, &keys, &request).1;
                    assert_ne!(sent, without, "{one} and {other}: {hidden} is named and not seen");
                }
            }
        }
    }
}

/// The list was gone through by hand: each of these would not be what it says, or could not be seen.
#[test]
fn some_faults_keep_others_out_of_their_reply() {
    let keys = keyring(KEYS);
    let mut text = String::new();
    let requests = [
        ("signed", signed(TRANSMIT)),
        ("plain", plain(TRANSMIT)),
        ("refused", wrong(TRANSMIT)),
        ("unanswerable", of_version_7(TRANSMIT)),
    ];
    for (title, request) in requests {
        let alone = |name: &str| !seen(&[name], &keys, &request).0.is_empty();
        let all: Vec<&str> = names().into_iter().filter(|name| alone(name)).collect();
        for winner in &all {
            let is_out =
                |other: &&&str| *other != winner && seen(&[winner, other], &keys, &request).0 == [*winner];
            let out: Vec<&str> = all.iter().filter(is_out).copied().collect();
            if !out.is_empty() {
                writeln!(text, "{title}: {winner}: {}", out.join(", ")).unwrap();
            }
        }
    }
    insta::with_settings!({ snapshot_path => "../../snapshots", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("fault-pairs", text);
    });
}

#[test]
fn a_fault_that_is_kept_out_is_not_counted() {
    let keys = keyring(KEYS);
    for one in names() {
        for other in names().into_iter().filter(|other| *other != one) {
            let mut server = server(&[one, other], &keys, ",count=1");
            let mut named =
                |second| ask(&mut server, CLIENT, &signed(second), Duration::from_secs(second)).faults;
            let (first, second) = (named(100), named(101));
            let all: BTreeSet<&str> = first.iter().chain(&second).copied().collect();
            assert_eq!(all.len(), first.len() + second.len(), "{one} and {other}: {first:?}, {second:?}");
            let alone = |name| seen(&[name], &keys, &signed(100)).0;
            let expected: BTreeSet<&str> = alone(one).into_iter().chain(alone(other)).collect();
            assert_eq!(all, expected, "{one} and {other}: {first:?}, {second:?}");
        }
    }
}

#[test]
fn what_is_refused_together_never_applies_together() {
    let keys = keyring(KEYS);
    let mut refused = 0;
    for one in names() {
        for other in names().into_iter().filter(|other| *other != one) {
            let faults = [one, other].map(|name| Fault::parse(name).unwrap());
            let Err(FaultError::KeptOut { fault, by }) = check_together(&faults) else { continue };
            refused += 1;
            for request in [signed(TRANSMIT), plain(TRANSMIT), wrong(TRANSMIT), of_version_7(TRANSMIT)] {
                let named = seen(&[one, other], &keys, &request).0;
                assert!(!named.contains(&fault), "{fault} beside {by}: {named:?}");
            }
        }
    }
    assert!(refused > 100, "{refused}");
}

#[test]
fn three_and_more_faults_are_all_seen() {
    let keys = keyring(KEYS);
    let all = names();
    let random = |seed: usize| seed.wrapping_mul(0x9e37_79b9) >> 7;
    for seed in 1..400 {
        let chosen: Vec<&str> = (1..6).map(|nth| all[random(seed * 7 + nth) % all.len()]).collect();
        let chosen: BTreeSet<&str> = chosen.into_iter().collect();
        let chosen: Vec<&str> = chosen.into_iter().collect();
        let (named, sent) = seen(&chosen, &keys, &signed(TRANSMIT));
        for hidden in &named {
            let others: Vec<&str> = named.iter().copied().filter(|name| name != hidden).collect();
            assert_ne!(sent, seen(&others, &keys, &signed(TRANSMIT)).1, "{chosen:?}: {hidden} of {named:?}");
        }
    }
}

#[test]
fn another_digest_another_secret_and_another_key_compose() {
    let mac = |specs: &[&str]| {
        let once = once(specs, &signed(TRANSMIT));
        let (header, mac) = once.only().split_at(48);
        assert_eq!(once.faults.len(), specs.len(), "{specs:?}");
        (header.to_vec(), mac[..4].to_vec(), mac[4..].to_vec())
    };
    let (header, key_id, digest) = mac(&["other-algorithm", "wrong-key"]);
    assert_eq!((key_id, digest), (vec![0, 0, 0, 2], md5(b"third", &header)));
    let (header, key_id, digest) = mac(&["other-algorithm:algorithm=md5", "wrong-key:key-id=1"]);
    assert_eq!((key_id, digest), (vec![0, 0, 0, 2], md5(b"first", &header)));
    let (header, key_id, digest) = mac(&["other-key-id", "other-algorithm"]);
    assert_eq!((key_id, digest), (vec![0, 0, 0, 3], md5(b"third", &header)));
    let (header, key_id, digest) = mac(&["other-key-id", "wrong-key"]);
    assert_eq!((key_id, digest), (vec![0, 0, 0, 3], sha1(b"first", &header)), "the key after the third");
    let (header, key_id, digest) = mac(&["wrong-key", "other-algorithm", "other-key-id"]);
    assert_eq!((key_id, digest), (vec![0, 0, 0, 3], md5(b"first", &header)));
    let (header, key_id, digest) = mac(&["wrong-key", "key-id-zero"]);
    assert_eq!((key_id, digest), (vec![0; 4], sha1(b"third", &header)));
}

#[test]
fn a_bit_is_flipped_in_what_is_left_of_a_digest() {
    let both = once(&["flip-bit", "truncate-mac:octets=4"], &signed(TRANSMIT));
    assert_eq!(both.faults, ["truncate-mac", "flip-bit"]);
    assert_eq!(both.only().len(), 56);
    let flipped = |at: usize| (both.only()[at] ^ both.correct[at]).count_ones();
    assert_eq!((52..56).map(flipped).sum::<u32>(), 1);
    let padded = once(&["pad-mac", "flip-bit"], &signed(TRANSMIT));
    assert_eq!(padded.only()[72..], [0; 4]);
}

#[test]
fn a_mac_that_is_added_can_be_wrong() {
    let wrong = once(&["add-mac:key-id=2", "wrong-key"], &plain(TRANSMIT));
    assert_eq!(wrong.faults, ["add-mac", "wrong-key"]);
    let octets = wrong.only();
    assert_eq!(octets[48..], [vec![0, 0, 0, 2], sha1(b"third", &octets[..48])].concat());
    let zeros = once(&["add-mac:key-id=2", "zero-mac"], &plain(TRANSMIT));
    assert_eq!((&zeros.faults[..], &zeros.only()[48..]), (&["add-mac", "zero-mac"][..], &[0; 24][..]));
    let stripped = once(&["add-mac:key-id=2", "strip-mac"], &plain(TRANSMIT));
    assert_eq!((&stripped.faults[..], stripped.only().len()), (&["add-mac"][..], 72));
}

#[test]
fn a_kiss_without_a_mac_has_none() {
    let refused = once(&["kod:signed=no", "add-mac"], &plain(TRANSMIT));
    assert_eq!((&refused.faults[..], refused.only().len()), (&["kod"][..], 48));
    let refused = once(&["kod:signed=no", "flip-bit"], &signed(TRANSMIT));
    assert_eq!((&refused.faults[..], refused.only().len()), (&["kod"][..], 48));
    let signed = once(&["kod", "flip-bit"], &signed(TRANSMIT));
    assert_eq!(signed.faults, ["kod", "flip-bit"]);
}

/// Another value is none when it is the right one.
#[test]
fn what_is_set_to_what_is_due_is_not_named() {
    for spec in [
        "wrong-mode:mode=4",
        "wrong-version:version=4",
        "wrong-time:offset=0",
        "truncate-mac:octets=20",
        "pad-mac:octets=0",
        "late:delay=0",
        "wrong-key:key-id=2",
        "other-key-id:key-id=2",
        "other-algorithm:algorithm=sha1",
    ] {
        let reply = once(&[spec], &signed(TRANSMIT));
        assert!(reply.faults.is_empty() && reply.only() == reply.correct, "{spec}: {:?}", reply.faults);
    }
    let zero = once(&["zero-origin"], &signed(0));
    assert!(zero.faults.is_empty(), "the request has no transmit timestamp");
}

#[test]
fn a_secret_that_is_made_up_stays_the_same() {
    let keys = keyring("2 SHA1 second\n");
    let mut server = faults(&["wrong-key"], &keys, 7);
    let mut digest = || {
        let outcome = ask(&mut server, CLIENT, &signed(TRANSMIT), Duration::from_secs(1));
        outcome.dispatches[0].octets[52..].to_vec()
    };
    assert_eq!(digest(), digest());
    let same = once_with("2 SHA1 second\n3 MD5 second\n", &["wrong-key:key-id=3"], &signed(TRANSMIT));
    assert!(same.faults.is_empty(), "the other key's secret is the same");
}

/// With a search from the beginning for each key this takes minutes.
#[test]
fn very_many_keys_have_others_in_their_place() {
    let text: String = (1..=20_000).map(|id| format!("{id} SHA1 secret{id}\n")).collect();
    for (id, other) in [(1, 2), (9_999, 10_000), (20_000, 1)] {
        let request = plain(TRANSMIT);
        let digest = sha1(format!("secret{id}").as_bytes(), &request);
        let request = [request, u32::to_be_bytes(id).to_vec(), digest].concat();
        let wrong = once_with(&text, &["wrong-key", "other-algorithm"], &request);
        let digest = md5(format!("secret{other}").as_bytes(), &wrong.only()[..48]);
        assert_eq!(wrong.only()[48..], [u32::to_be_bytes(id).to_vec(), digest].concat());
    }
}

#[test]
fn a_reply_fits_into_a_datagram() {
    let crowded =
        once(&["oversize:octets=65000", "field-unknown:octets=500", "pad-mac:octets=400"], &signed(TRANSMIT));
    assert_eq!(crowded.faults, ["field-unknown", "pad-mac"], "the long one has no room behind the first");
    let longest = once(&["oversize:octets=65000", "pad-mac:octets=400"], &signed(TRANSMIT));
    assert_eq!(longest.only().len(), 72 + 65_000 + 400);
    let too_long = once(&["oversize:octets=65000", "pad-mac:octets=436"], &signed(TRANSMIT));
    assert_eq!((too_long.only().len(), &too_long.faults[..]), (72 + 65_000, &["oversize"][..]));
}
