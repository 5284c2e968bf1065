//! The responder against the rules: RFC 5905, RFC 7822, RFC 9769, and the forms that ntp.org's ntpd sends.

use std::sync::LazyLock;

use proptest::prelude::*;

use crate::auth::keyfile::{self, Dialect};
use crate::auth::mac::append_mac;
use crate::auth::{KeyId, Keyring, TrustedKeys};
use crate::ntp::header::{Header, LeapIndicator, Mode};
use crate::ntp::{MessageBuilder, NtpTimestamp};

use super::*;

const ARRIVAL: NtpTimestamp = NtpTimestamp(0xee00_0000_8000_0000);

static KEYS: LazyLock<Keyring> = LazyLock::new(|| {
    let text = "1 MD5 first\n2 SHA1 second\n3 SHA256 third\n4 AES-128 0123456789abcdef\n5 MD5 untrusted\n";
    let mut keys = Keyring::new();
    keys.add("test.keys", keyfile::read(text.as_bytes(), Dialect::Ntpsec));
    keys.trust_only(TrustedKeys::parse("1-4").unwrap());
    keys
});

/// The named habit, or ntpcap's own.
fn policy(habit: &str) -> Policy {
    Policy::new(Habit::of_name(habit).unwrap())
}

fn question(octets: &[u8]) -> Question<'_> {
    Question { octets, arrival: ARRIVAL, treatment: Treatment::Serve, earlier_transmit: None }
}

fn ask(policy: &Policy, question: &Question<'_>) -> (Decision, Vec<u8>) {
    let mut reply = vec![0xff; 3];
    let decision = respond(policy, &KEYS, question, &FixedClock::new(ARRIVAL, 1 << 20), &mut reply);
    (decision, reply)
}

fn kind(policy: &Policy, octets: &[u8]) -> Result<AnswerKind, Silence> {
    match ask(policy, &question(octets)).0 {
        Decision::Answer(answer) => Ok(answer.kind),
        Decision::Silence(silence) => Err(silence),
    }
}

/// A client's request of that version with a poll of 6 and a transmit timestamp.
fn request(version: u8) -> Vec<u8> {
    let mut octets = vec![version << 3 | 3, 0, 6, 0xe9];
    octets.resize(40, 0);
    octets.extend([0xab; 8]);
    octets
}

fn signed(mut octets: Vec<u8>, key_id: u32) -> Vec<u8> {
    append_mac(&mut octets, &KEYS.lookup(KeyId(key_id))[0].key);
    octets
}

#[test]
fn a_reply_has_what_rfc_5905_wants_of_it() {
    let (decision, reply) = ask(&policy("ntpcap"), &question(&request(4)));
    let header = Header::parse(&reply).unwrap();
    let asked = Header::parse(&request(4)).unwrap();
    assert_eq!(reply.len(), 48);
    assert_eq!((header.mode, header.version, header.poll), (Mode::Server, asked.version, asked.poll));
    assert_eq!(header.origin_timestamp, asked.transmit_timestamp);
    assert_eq!(header.receive_timestamp, ARRIVAL);
    assert!(header.transmit_timestamp.since(header.receive_timestamp) > 0);
    assert!(header.receive_timestamp.since(header.reference_timestamp) >= 0);
    assert_eq!((header.stratum, header.leap_indicator), (5, LeapIndicator::None));
    let Decision::Answer(answer) = decision else { panic!("{decision:?}") };
    assert_eq!((answer.kind, answer.left), (AnswerKind::Plain, header.transmit_timestamp));
}

/// Digests made by the crates themselves.
#[test]
fn a_right_mac_is_answered_under_the_same_key_in_the_same_length() {
    use sha1::Digest as _;
    let policy = policy("ntpcap");
    for (key_id, length) in [(1, 68), (2, 72), (3, 72), (4, 68)] {
        let asked = signed(request(4), key_id);
        let (decision, reply) = ask(&policy, &question(&asked));
        let Decision::Answer(answer) = decision else { panic!("{key_id}: {decision:?}") };
        assert_eq!((answer.kind, reply.len()), (AnswerKind::Authenticated(KeyId(key_id)), length));
        assert_eq!(reply[48..52], key_id.to_be_bytes());
        let expected = match key_id {
            1 => Some(md5::Md5::digest([b"first", &reply[..48]].concat()).to_vec()),
            2 => Some(sha1::Sha1::digest([b"second", &reply[..48]].concat()).to_vec()),
            3 => Some(sha2::Sha256::digest([b"third", &reply[..48]].concat())[..20].to_vec()),
            _ => None,
        };
        assert!(expected.is_none_or(|expected| reply[52..] == expected));
    }
}

#[test]
fn a_whole_digest_is_answered_by_a_whole_one_before_version_4() {
    let key = &KEYS.lookup(KeyId(3))[0].key;
    let with_digest = |version| {
        let mut octets = request(version);
        let digest = key.digest(&octets);
        octets.extend([0, 0, 0, 3]);
        octets.extend(digest.as_octets());
        octets
    };
    let policy = policy("ntpcap");
    let (_, reply) = ask(&policy, &question(&with_digest(3)));
    assert_eq!(reply.len(), 84);
    assert_eq!(&reply[52..], key.digest(&reply[..48]).as_octets());
    assert_eq!(kind(&policy, &with_digest(4)), Err(Silence::Trailer));
}

/// 48 octets of an ordinary reply and four zeros.
#[test]
fn a_crypto_nak_has_the_form_of_ntp_org() {
    let mut wrong = signed(request(4), 2);
    wrong[60] ^= 1;
    let (decision, reply) = ask(&policy("ntp.org"), &question(&wrong));
    let Decision::Answer(answer) = decision else { panic!("{decision:?}") };
    assert_eq!(answer.kind, AnswerKind::CryptoNak(Refusal::WrongDigest(KeyId(2))));
    assert_eq!((reply.len(), &reply[48..]), (52, &[0; 4][..]));
    let header = Header::parse(&reply).unwrap();
    assert_eq!((header.mode, header.stratum), (Mode::Server, 5));
    assert_eq!(header.origin_timestamp, Header::parse(&wrong).unwrap().transmit_timestamp);
}

#[test]
fn refusals_say_why() {
    let own = policy("ntpcap");
    let unknown = MessageBuilder::new(&Header::parse(&request(4)).unwrap()).mac(99, &[1; 16]).build();
    assert_eq!(kind(&own, &unknown), Ok(AnswerKind::CryptoNak(Refusal::UnknownKey(KeyId(99)))));
    let untrusted = signed(request(4), 5);
    assert_eq!(kind(&own, &untrusted), Ok(AnswerKind::CryptoNak(Refusal::UntrustedKey(KeyId(5)))));
    assert_eq!(kind(&policy("chrony"), &untrusted), Ok(AnswerKind::Authenticated(KeyId(5))));
    let silence = kind(&policy("ntpsec"), &untrusted).unwrap_err();
    assert_eq!(silence, Silence::Refused(Refusal::UntrustedKey(KeyId(5))));
    assert_eq!(silence.to_string(), "key 5 is not trusted");
}

#[test]
fn what_is_no_request_is_not_answered() {
    let own = policy("ntpcap");
    for mode in [0, 2, 4, 5, 6, 7] {
        let mut octets = request(4);
        octets[0] = 4 << 3 | mode;
        let silence = kind(&own, &octets).unwrap_err();
        assert_eq!(silence, Silence::Mode(Mode::from_bits(mode)));
    }
    assert_eq!(kind(&own, &request(4)[..47]), Err(Silence::TooShort(47)));
    assert_eq!(kind(&own, &[]), Err(Silence::TooShort(0)));
    let nak = MessageBuilder::new(&Header::parse(&request(4)).unwrap()).crypto_nak().build();
    assert_eq!(kind(&own, &nak), Err(Silence::CryptoNak));
}

#[test]
fn version_5_is_refused_unless_the_policy_says_otherwise() {
    let own = policy("ntpcap");
    assert_eq!(kind(&own, &request(5)), Err(Silence::Version(5)));
    assert_eq!(kind(&own, &request(0)), Err(Silence::Version(0)));
    let answering = Policy { answers_version_5: true, ..own };
    let (_, reply) = ask(&answering, &question(&request(5)));
    assert_eq!((reply.len(), reply[0] >> 3 & 7), (48, 5));
    assert_eq!(kind(&answering, &request(6)), Err(Silence::Version(6)));
}

#[test]
fn a_server_that_requires_authentication_refuses_bad_macs_as_before() {
    let strict = Policy { requires_authentication: true, ..policy("ntp.org") };
    assert_eq!(kind(&strict, &request(4)), Err(Silence::NoMac));
    let field = MessageBuilder::new(&Header::parse(&request(4)).unwrap()).extension_field(0x2005, &[0; 24]);
    assert_eq!(kind(&strict, &field.build()), Err(Silence::NoMac));
    assert_eq!(kind(&strict, &signed(request(4), 1)), Ok(AnswerKind::Authenticated(KeyId(1))));
    assert!(matches!(kind(&strict, &signed(request(4), 5)), Ok(AnswerKind::CryptoNak(_))));
}

#[test]
fn extension_fields_are_covered_and_not_repeated() {
    let own = policy("ntpcap");
    let with_field =
        MessageBuilder::new(&Header::parse(&request(4)).unwrap()).extension_field(0x2005, &[7; 24]).build();
    assert_eq!(kind(&own, &with_field), Ok(AnswerKind::Plain), "unknown fields are passed over");
    let (decision, reply) = ask(&own, &question(&signed(with_field, 1)));
    assert!(matches!(decision, Decision::Answer(Answer { kind: AnswerKind::Authenticated(_), .. })));
    assert_eq!(reply.len(), 68);
}

/// `limited kod`: the request's transmit timestamp in three places, leap 3, stratum 0.
#[test]
fn kisses_have_the_form_of_ntp_org_and_are_signed_for_whoever_is_believed() {
    let kissed = |habit: &str, octets: &[u8]| {
        ask(&policy(habit), &Question { treatment: Treatment::Kiss(*b"RATE"), ..question(octets) })
    };
    let (decision, reply) = kissed("ntpcap", &signed(request(4), 1));
    let Decision::Answer(answer) = decision else { panic!("{decision:?}") };
    assert_eq!(answer.kind, AnswerKind::Kiss { code: *b"RATE", signed: Some(KeyId(1)) });
    let header = Header::parse(&reply).unwrap();
    assert_eq!(
        (header.leap_indicator, header.stratum, header.reference_id.0),
        (LeapIndicator::Unknown, 0, *b"RATE")
    );
    let asked = Header::parse(&request(4)).unwrap().transmit_timestamp;
    assert!(
        [header.origin_timestamp, header.receive_timestamp, header.transmit_timestamp]
            .iter()
            .all(|one| *one == asked)
    );
    assert_eq!(reply.len(), 68);
    // Measured on 4.2.8p15: what is not said is the request's.
    let mut odd = request(4);
    odd[3..16].copy_from_slice(&[0xf0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 9]);
    odd[16..24].copy_from_slice(&[0x10; 8]);
    let (_, reply) = kissed("ntp.org", &odd);
    assert_eq!(reply[..16], [&[0xe4, 0, 6][..], &odd[3..12], b"RATE"].concat());
    assert_eq!(reply[16..24], odd[16..24]);
    assert_eq!(kissed("ntpcap", &request(4)).1.len(), 48);
    for silent in ["chrony", "openntpd", "busybox", "ntpd-rs"] {
        assert_eq!(kissed(silent, &request(4)).0, Decision::Silence(Silence::Ignored), "{silent}");
    }
    let mut wrong = signed(request(4), 1);
    wrong[60] ^= 1;
    assert_eq!(
        kissed("ntpcap", &wrong).0,
        Decision::Silence(Silence::Refused(Refusal::WrongDigest(KeyId(1))))
    );
    let (signed_unverified, reply) = kissed("ntp.org", &wrong);
    assert!(matches!(
        signed_unverified,
        Decision::Answer(Answer { kind: AnswerKind::Kiss { signed: Some(KeyId(1)), .. }, .. })
    ));
    assert!(KEYS.lookup(KeyId(1))[0].key.verifies(&reply[..48], &reply[52..]));
    let ignored = Question { treatment: Treatment::Ignore, ..question(&wrong) };
    assert_eq!(ask(&policy("ntp.org"), &ignored).0, Decision::Silence(Silence::Ignored));
}

/// RFC 9769 section 2: origin = the request's receive timestamp, transmit = when the reply before left.
#[test]
fn interleaved_requests_are_told_when_the_reply_before_left() {
    let mut asked = request(4);
    asked[24..32].copy_from_slice(&[1; 8]);
    asked[32..40].copy_from_slice(&[2; 8]);
    let earlier = NtpTimestamp(0xee00_0000_0000_0007);
    let interleaved = Question { earlier_transmit: Some(earlier), ..question(&asked) };
    let (decision, reply) = ask(&policy("ntpcap"), &interleaved);
    let Decision::Answer(answer) = decision else { panic!("{decision:?}") };
    let header = Header::parse(&reply).unwrap();
    assert_eq!(header.origin_timestamp.to_octets(), [2; 8]);
    assert_eq!((header.transmit_timestamp, header.receive_timestamp), (earlier, ARRIVAL));
    assert!(answer.interleaved && answer.left.since(ARRIVAL) >= 0 && answer.left != earlier);
    for policy in [policy("ntp.org"), Policy { interleaved: false, ..policy("ntpcap") }] {
        let (_, reply) = ask(&policy, &interleaved);
        assert_eq!(Header::parse(&reply).unwrap().origin_timestamp.to_octets(), [0xab; 8]);
    }
    asked[32..40].copy_from_slice(&[0xab; 8]);
    let basic = Question { earlier_transmit: Some(earlier), ..question(&asked) };
    let Decision::Answer(answer) = ask(&policy("ntpcap"), &basic).0 else { panic!("no answer") };
    assert!(!answer.interleaved, "receive and transmit timestamps are the same");
}

/// A client could not tell which of its requests is meant, and a stranger would learn of the exchange before.
#[test]
fn a_refused_request_is_told_nothing_of_the_reply_before() {
    let mut asked = request(4);
    asked[24..32].copy_from_slice(&[1; 8]);
    asked[32..40].copy_from_slice(&[2; 8]);
    let mut asked = signed(asked, 2);
    asked[60] ^= 1;
    let earlier = NtpTimestamp(0xee00_0000_0000_0007);
    let interleaved = Question { earlier_transmit: Some(earlier), ..question(&asked) };
    let (decision, reply) = ask(&policy("ntpcap"), &interleaved);
    let Decision::Answer(Answer { kind: AnswerKind::CryptoNak(_), interleaved: false, .. }) = decision else {
        panic!("{decision:?}")
    };
    let header = Header::parse(&reply).unwrap();
    assert_eq!(header.origin_timestamp.to_octets(), [0xab; 8]);
    assert!(header.transmit_timestamp.since(ARRIVAL) > 0, "{:?}", header.transmit_timestamp);
}

/// A coarse clock, or one that was set back, between arrival and reply.
#[test]
fn a_reply_never_leaves_before_its_request_came() {
    let before = FixedClock::new(NtpTimestamp(ARRIVAL.0 - (1 << 32)), 0);
    let mut reply = Vec::new();
    respond(&policy("ntpcap"), &KEYS, &question(&request(4)), &before, &mut reply);
    assert_eq!(Header::parse(&reply).unwrap().transmit_timestamp, NtpTimestamp(ARRIVAL.0 + 1));
}

/// busybox's table, which no package of Debian can show: length, and what comes back.
#[test]
fn busybox_answers_three_lengths_with_as_many_octets() {
    let busybox = policy("busybox");
    for (length, expected) in [(48, 48), (52, 0), (60, 0), (68, 68), (72, 72), (84, 72), (200, 72)] {
        let mut octets = request(4);
        octets.resize(length, 9);
        let (_, reply) = ask(&busybox, &question(&octets));
        assert_eq!(reply.len(), expected, "{length}");
        assert!(reply.iter().skip(48).all(|octet| *octet == 0));
    }
}

proptest! {
    /// Whatever comes: no panic, no answer to what is no request, none that is longer, and the mode of one.
    #[test]
    fn no_answer_is_longer_than_its_request(
        octets in proptest::collection::vec(any::<u8>(), 0..200),
        first in any::<u8>(),
        habit in 0_usize..7,
        kiss in any::<bool>(),
        earlier in proptest::option::of(any::<u64>()),
    ) {
        let mut octets = octets;
        if let Some(octet) = octets.first_mut() {
            *octet = first;
        }
        let policy = Policy { answers_version_5: true, ..Policy::new(Habit::ALL[habit]) };
        let treatment = if kiss { Treatment::Kiss(*b"RATE") } else { Treatment::Serve };
        let question = Question { treatment, earlier_transmit: earlier.map(NtpTimestamp), ..question(&octets) };
        let (decision, reply) = ask(&policy, &question);
        prop_assert!(reply.len() <= octets.len());
        prop_assert_eq!(reply.is_empty(), matches!(decision, Decision::Silence(_)));
        if let Decision::Answer(answer) = decision {
            prop_assert!(matches!(answer.mode, Mode::Server | Mode::SymmetricPassive));
            // ntpd-rs answers whatever comes, but for what a server sends.
            let is_request = matches!(first & 7, 1 | 3)
                || (habit == 4 && first & 7 != 4)
                || (first >> 3 & 7 == 1 && first & 7 == 0);
            prop_assert!(is_request, "first octet {first:#04x}");
        }
    }

    /// Right MACs of every key, with fields before them.
    #[test]
    fn every_right_mac_is_answered_with_a_right_mac(key_id in 1_u32..5, fields in 0_usize..3, version in 3_u8..5) {
        let mut builder = MessageBuilder::new(&Header::parse(&request(version)).unwrap());
        for _ in 0..fields * usize::from(version == 4) {
            builder = builder.extension_field(0xf000, &[3; 28]);
        }
        let asked = signed(builder.build(), key_id);
        let (decision, reply) = ask(&policy("ntpcap"), &question(&asked));
        let is_signed = matches!(decision, Decision::Answer(Answer { kind: AnswerKind::Authenticated(_), .. }));
        prop_assert!(is_signed);
        prop_assert!(KEYS.lookup(KeyId(key_id))[0].key.verifies(&reply[..48], &reply[52..]));
    }
}
