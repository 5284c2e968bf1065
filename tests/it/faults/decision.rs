//! Faults in the decision, and whose requests a fault is for.

use std::time::Duration;

use ntpcap::server::fault::{Faults, Source};
use ntpcap::server::{Decision, Silence, Treatment};

use super::lab::{
    CLIENT, KEYS, ask, ask_like, faults, keyring, md5, of_version_7, once, once_with, plain, sha1, signed,
    wrong,
};
use super::wire::{ORIGIN, TRANSMIT, is_signed_behind};

/// A request that ends so.
fn with(tail: &[u8]) -> Vec<u8> {
    [plain(TRANSMIT), tail.to_vec()].concat()
}

/// The reply of a server of that habit, empty where there is none.
fn reply_like(habit: &str, treatment: Treatment, specs: &[&str], request: &[u8]) -> Vec<u8> {
    let keys = keyring(KEYS);
    let outcome = ask_like(habit, treatment, &mut faults(specs, &keys, 7), request);
    assert_eq!(outcome.faults.len(), outcome.dispatches.len());
    outcome.dispatches.into_iter().next().map(|it| it.octets).unwrap_or_default()
}

#[test]
fn a_refused_request_is_answered_as_if_it_had_verified() {
    for habit in ["ntpcap", "ntp.org", "ntpsec", "chrony"] {
        let reply = |request: &[u8]| reply_like(habit, Treatment::Serve, &["sign-unverified"], request);
        let refused = reply(&wrong(TRANSMIT));
        assert!(is_signed_behind(&refused, 48), "{habit}: under the key that was named");
        assert_eq!(refused[ORIGIN], TRANSMIT.to_be_bytes());
        for unknown in [[0, 0, 0, 99], [0; 4]] {
            let reply = reply(&with(&[&unknown[..], &[9; 16]].concat()));
            assert_eq!(reply[48..], [vec![0, 0, 0, 1], md5(b"first", &reply[..48])].concat(), "{habit}");
        }
        let cut = reply(&with(&[&[0, 0, 0, 2], &[9; 16][..]].concat()));
        assert!(is_signed_behind(&cut, 48), "{habit}: the digest is whole");
    }
    let header_only = [plain(TRANSMIT), [&[0xf0, 0xf0, 0, 28][..], &[0; 24], &[0, 0, 0, 2]].concat()];
    let header_only = [&header_only.concat()[..], &sha1(b"second", &plain(TRANSMIT))].concat();
    assert!(is_signed_behind(once(&["sign-unverified"], &header_only).only(), 48));
}

/// Each is silence to a server that knows what a MAC is and where it stands.
#[test]
fn a_mac_in_the_wrong_place_is_answered_as_one_that_verified() {
    let digest = sha1(b"second", &plain(TRANSMIT));
    let two = [0, 0, 0, 2];
    let field = [&[0xf0, 0xf0, 0, 28][..], &[0; 24]].concat();
    for tail in [
        two.to_vec(),
        [&two[..], &digest, &field].concat(),
        [&two[..], &digest, &[0; 4]].concat(),
        [&two[..], &digest[..8]].concat(),
    ] {
        let signed = once(&["sign-unverified"], &with(&tail));
        assert!(signed.correct.is_empty() && is_signed_behind(signed.only(), 48), "{tail:02x?}");
        assert_eq!(once(&["refuse-plainly"], &with(&tail)).only().len(), 48, "{tail:02x?}");
    }
    for tail in [&[0, 0, 0, 99][..], &[9; 9], &[0; 4]] {
        assert!(once(&["sign-unverified"], &with(tail)).sent.is_empty(), "{tail:02x?}: no key is named");
    }
}

#[test]
fn an_untrusted_key_signs_for_the_unverified() {
    use ntpcap::auth::TrustedKeys;
    let mut keys = keyring(KEYS);
    keys.trust_only(TrustedKeys::parse("3").unwrap());
    let outcome = ask(&mut faults(&["sign-unverified"], &keys, 7), CLIENT, &signed(TRANSMIT), Duration::ZERO);
    assert!(is_signed_behind(&outcome.dispatches[0].octets, 48));
}

#[test]
fn a_refused_request_is_answered_as_if_it_had_no_mac() {
    for habit in ["ntpcap", "ntp.org", "ntpsec", "chrony"] {
        let reply = reply_like(habit, Treatment::Serve, &["refuse-plainly"], &wrong(TRANSMIT));
        assert_eq!((reply.len(), &reply[ORIGIN]), (48, &TRANSMIT.to_be_bytes()[..]), "{habit}");
    }
    for request in [signed(TRANSMIT), plain(TRANSMIT)] {
        let right = once(&["refuse-plainly", "sign-unverified"], &request);
        assert_eq!((right.only(), right.faults.len()), (&right.correct[..], 0), "nothing is refused");
    }
}

#[test]
fn a_kiss_is_signed_for_the_unverified_or_is_not_signed() {
    let kissed = |spec: &str| reply_like("ntpcap", Treatment::Kiss(*b"RATE"), &[spec], &wrong(TRANSMIT));
    let signed = kissed("sign-unverified");
    assert_eq!((&signed[12..16], is_signed_behind(&signed, 48)), (&b"RATE"[..], true));
    let plain = kissed("refuse-plainly");
    assert_eq!((&plain[12..16], plain.len()), (&b"RATE"[..], 48));
    assert!(kissed("answer-anything").is_empty());
}

/// What must meet silence, by its reason.
fn unanswerable() -> [(&'static str, Vec<u8>); 9] {
    let first = |octet: u8| [&[octet][..], &plain(TRANSMIT)[1..]].concat();
    [
        ("version", of_version_7(TRANSMIT)),
        ("version", vec![0; 48]),
        ("mode", first(0x24)),
        ("short", plain(TRANSMIT)[..47].to_vec()),
        ("short", Vec::new()),
        ("trailer", with(&[0, 0, 0, 2, 9, 9, 9, 9])),
        ("crypto-nak", with(&[0; 4])),
        ("control", vec![0x16, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
        ("control", vec![0xff; 512]),
    ]
}

#[test]
fn what_is_no_request_is_answered_in_mode_4() {
    for (reason, request) in unanswerable() {
        let meant = format!("answer-anything:reason={reason}");
        for spec in ["answer-anything", &meant] {
            let answered = once(&[spec], &request);
            assert!(answered.correct.is_empty());
            assert_eq!((answered.only().len(), &answered.faults[..]), (48, &["answer-anything"][..]));
            let version = request.first().copied().unwrap_or_default() & 0x38;
            assert_eq!(answered.only()[0], version | 4, "{reason}");
            let mut padded = request.clone();
            padded.resize(48.max(request.len()), 0);
            assert_eq!(answered.only()[ORIGIN], padded[40..48], "{reason}: what is absent is zero");
        }
        let others = unanswerable().map(|(other, _)| other).into_iter().filter(|other| *other != reason);
        for other in others {
            assert!(once(&[&format!("answer-anything:reason={other}")], &request).sent.is_empty());
        }
    }
    assert!(once(&["answer-anything"], &plain(TRANSMIT)).faults.is_empty());
    assert!(
        reply_like("ntpcap", Treatment::Ignore, &["answer-anything"], &of_version_7(TRANSMIT)).is_empty()
    );
}

#[test]
fn what_is_no_request_is_answered_signed_refused_and_at_length() {
    let odd = with(&[0, 0, 0, 2, 9, 9, 9, 9]);
    let form =
        |form: &str, request: &[u8]| once(&[&format!("answer-anything:{form}")], request).only().to_vec();
    assert!(is_signed_behind(&form("form=signed", &odd), 48), "under the key that was named");
    let signed = form("form=signed", &of_version_7(TRANSMIT));
    assert_eq!(signed[48..], [vec![0, 0, 0, 1], md5(b"first", &signed[..48])].concat());
    assert_eq!(form("form=nak", &odd)[48..], [0; 4]);
    assert_eq!(form("octets=440", &[0x16, 2])[48..], [0; 392]);
    assert_eq!(form("octets=40", &[0x16, 2]).len(), 40);
    let keyless = once_with("", &["answer-anything:form=signed"], &odd);
    assert!(keyless.sent.is_empty() && keyless.faults.is_empty());
}

#[test]
fn what_is_no_request_gets_other_faults_beside() {
    let both = once(&["answer-anything", "wrong-version:version=3"], &of_version_7(TRANSMIT));
    assert_eq!(both.faults, ["answer-anything", "wrong-version"]);
    assert_eq!(both.only()[0], 0x1c);
    let long = once(&["answer-anything", "oversize", "drop"], &with(&[0, 0, 0, 2, 9, 9, 9, 9]));
    assert_eq!((&long.faults[..], long.only().len()), (&["answer-anything", "oversize"][..], 448));
    assert!(once(&["wrong-version", "drop", "late"], &of_version_7(TRANSMIT)).faults.is_empty());
}

#[test]
fn nobody_is_answered_for_a_while_after_a_datagram() {
    let keys = keyring(KEYS);
    let mut server = faults(&["hang:request-octets=80"], &keys, 7);
    let mut ask = |client: &str, request: &[u8], second| {
        let outcome = ask(&mut server, client, request, Duration::from_secs(second));
        (outcome.decision, outcome.faults, outcome.dispatches.len())
    };
    let dropped = |decision| matches!(decision, Decision::Silence(Silence::Dropped));
    assert_eq!(ask(CLIENT, &plain(1), 10).2, 1);
    // Not answered itself, by its octets.
    assert!(matches!(ask(CLIENT, &with(&[0; 32]), 20), (Decision::Silence(Silence::Trailer), _, 0)));
    let (decision, named, sent) = ask("10.0.0.3:40000", &plain(2), 24);
    assert!(dropped(decision) && named == ["hang"] && sent == 0, "others are not answered either");
    let (decision, named, _) = ask(CLIENT, &of_version_7(3), 24);
    assert!(!dropped(decision) && named.is_empty(), "this one is never answered");
    assert_eq!(ask(CLIENT, &plain(4), 25).2, 1);
    let mut server = faults(&["hang:delay=2s,count=1"], &keys, 7);
    let mut sent = |second| {
        super::lab::ask(&mut server, CLIENT, &plain(second), Duration::from_secs(second)).dispatches.len()
    };
    assert_eq!([100, 101, 102, 103].map(&mut sent), [1, 0, 1, 1], "the first is answered");
}

#[test]
fn a_fault_is_for_requests_of_a_kind() {
    let field = [&[0xf0, 0xf0, 0, 28][..], &[0; 24]].concat();
    let in_scope = |selector: &str, request: &[u8]| {
        once(&[&format!("header-field:{selector}")], request).faults == ["header-field"]
    };
    let version_3 = [&[0x1b][..], &plain(TRANSMIT)[1..]].concat();
    for (selector, inside, outside) in [
        ("request-version=3", version_3.clone(), plain(TRANSMIT)),
        ("request-field=yes", with(&field), signed(TRANSMIT)),
        ("request-field=no", signed(TRANSMIT), with(&field)),
        ("request-octets=72", signed(TRANSMIT), plain(TRANSMIT)),
        ("request-octets=40-60", plain(TRANSMIT), signed(TRANSMIT)),
        ("request-port=40000,request-octets=72", signed(TRANSMIT), plain(TRANSMIT)),
    ] {
        assert!(in_scope(selector, &inside), "{selector}");
        assert!(!in_scope(selector, &outside), "{selector}");
    }
    assert!(!in_scope("request-port=1-39999", &plain(TRANSMIT)));
    assert!(!in_scope("request-repeats=yes", &plain(TRANSMIT)), "nothing was before");
}

#[test]
fn a_fault_is_for_requests_that_repeat_the_one_before() {
    let keys = keyring(KEYS);
    let mut server: Faults<'_> = faults(&["drop:request-repeats=yes"], &keys, 7);
    let mut sent = |client: &str, transmit| {
        ask(&mut server, client, &plain(transmit), Duration::from_secs(1)).dispatches.len()
    };
    let other = "10.0.0.3:40000";
    assert_eq!(
        [sent(CLIENT, 1), sent(other, 1), sent(CLIENT, 1), sent(CLIENT, 2), sent(CLIENT, 1)],
        [1, 1, 0, 1, 1]
    );
}

#[test]
fn a_reply_is_cut_or_leaves_from_elsewhere() {
    let cut = once(&["cut-reply"], &signed(TRANSMIT));
    assert_eq!(cut.only(), &cut.correct[..44]);
    let cut = once(&["cut-reply:octets=60"], &signed(TRANSMIT));
    assert_eq!(cut.only(), &cut.correct[..60]);
    assert!(once(&["cut-reply:octets=72"], &signed(TRANSMIT)).faults.is_empty());
    for (spec, source) in [
        ("other-source", Source::OtherPort),
        ("other-source:source=port", Source::OtherPort),
        ("other-source:source=address", Source::OtherAddress),
    ] {
        let moved = once(&[spec], &signed(TRANSMIT));
        assert_eq!((&moved.sent[0].octets, moved.sent[0].source), (&moved.correct, source));
        assert_eq!((moved.sent.len(), &moved.sent[0].faults[..]), (1, &["other-source"][..]));
    }
    let twice = once(&["other-source", "duplicate"], &signed(TRANSMIT));
    assert!(twice.sent.iter().all(|it| it.source == Source::OtherPort) && twice.sent.len() == 2);
}

#[test]
fn a_crypto_nak_has_as_many_octets_as_are_given() {
    for request in [plain(TRANSMIT), signed(TRANSMIT), wrong(TRANSMIT)] {
        let long = once(&["nak:octets=20"], &request);
        assert_eq!((long.only()[..48] == long.correct[..48], &long.only()[48..]), (true, &[0; 20][..]));
    }
    assert!(once(&["nak"], &wrong(TRANSMIT)).faults.is_empty(), "it is one anyway");
}
