use super::*;
use crate::analysis::verdict::judge_message;
use crate::auth::keyfile::{self, Dialect};
use crate::net::{Checksum, Encapsulation};
use crate::ntp::MessageBuilder;
use crate::ntp::header::Header;

const KEYS: &str = "\
1 MD5 a-secret-in-letters\n\
2 SHA1 0d7a7c31e1c1911f57a19c333b583ce2574c8e63\n\
3 SHA256 b1ad4741ac3695315fa65d4a5fdabb2e671b631aa5dbb3e6790fc3395772000c\n\
9 AES128CMAC 9865fd31c48c7e98332e2bda31d3b654\n\
11 SHA1 exactly20characters!\n";

fn add(keyring: &mut Keyring, text: &str, dialect: Dialect) {
    let source = keyring.add("test.keys", keyfile::read(text.as_bytes(), dialect));
    for other in Dialect::ALL.into_iter().filter(|other| *other != dialect) {
        keyring.add_other_reading(source, keyfile::read(text.as_bytes(), other));
    }
}

fn keyring(text: &str, dialect: Dialect) -> Keyring {
    let mut keyring = Keyring::new();
    add(&mut keyring, text, dialect);
    keyring
}

fn request(seed: u8) -> MessageBuilder {
    let mut octets = [seed; 48];
    octets[0] = 0x23;
    MessageBuilder::new(&Header::parse(&octets).unwrap())
}

/// A digest made without the code under test: the hash crates by hand.
fn sha1(parts: &[&[u8]]) -> Vec<u8> {
    use sha1::Digest as _;
    sha1::Sha1::digest(parts.concat()).to_vec()
}

fn md5(parts: &[&[u8]]) -> Vec<u8> {
    use md5::Digest as _;
    md5::Md5::digest(parts.concat()).to_vec()
}

/// Explains one message by one keyring, with nothing remembered of other messages.
fn diagnose<'k>(
    message: &Message<'_>,
    verdict: &Verdict<'_, 'k>,
    keyring: &'k Keyring,
) -> Option<Diagnosis<'k>> {
    if let Some(diagnosis) = not_truncated(message, verdict) {
        return Some(diagnosis);
    }
    let claims = claims(message, verdict)?;
    let shelves = [Shelf::new(keyring)];
    let [own] = &shelves;
    Some(search::search(&claims, own, &shelves, &mut whole_budget()).diagnosis)
}

/// The explanations of a message, each as its codes joined.
fn codes(octets: &[u8], keyring: &Keyring) -> Vec<String> {
    let message = Message::parse(octets).unwrap();
    let verdict = judge_message(&message, keyring);
    let Some(diagnosis) = diagnose(&message, &verdict, keyring) else { return vec!["none".to_owned()] };
    let joined =
        |explanation: &Explanation<'_>| explanation.codes().map(Code::name).collect::<Vec<_>>().join(" + ");
    diagnosis.explanations().map(joined).collect()
}

fn signed(key_id: u32, digest: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let message = request(0x5a);
    let digest = digest(message.octets());
    message.mac(key_id, &digest).build()
}

#[test]
fn a_right_mac_and_no_mac_need_no_explanation() {
    let keys = keyring(KEYS, Dialect::NtpOrg);
    let right = signed(1, |covered| md5(&[b"a-secret-in-letters", covered]));
    assert_eq!(codes(&right, &keys), ["none"]);
    assert_eq!(codes(&request(1).build(), &keys), ["none"]);
    assert_eq!(codes(&request(1).crypto_nak().build(), &keys), ["none"]);
}

#[test]
fn one_change_is_told_before_two() {
    let keys = keyring(KEYS, Dialect::NtpOrg);
    let text = b"0d7a7c31e1c1911f57a19c333b583ce2574c8e63";
    assert_eq!(codes(&signed(2, |covered| sha1(&[text, covered])), &keys), ["hex-read-as-ascii"]);
    let two = signed(2, |covered| md5(&[text, covered]));
    assert_eq!(codes(&two, &keys), ["hex-read-as-ascii + other-algorithm"]);
    let other = signed(2, |covered| md5(&[b"exactly20characters!", covered]));
    assert_eq!(codes(&other, &keys), ["other-key-id + other-algorithm"]);
}

#[test]
fn every_matching_explanation_of_a_step_is_told() {
    let keys = keyring("1 MD5 abc\n2 SHA1 xyz\n3 SHA1 xyz2\n", Dialect::NtpOrg);
    let octets = signed(1, |covered| sha1(&[b"xyz", covered]));
    assert_eq!(codes(&octets, &keys), ["other-key-id"]);
}

/// The explanations of an MD5 request with key ID 1 whose sender computes with `secret`.
fn codes_of_secret(file: &str, dialect: Dialect, secret: &[u8]) -> Vec<String> {
    codes(&signed(1, |covered| md5(&[secret, covered])), &keyring(file, dialect))
}

#[test]
fn all_readings_that_make_the_same_secret_are_told_and_a_limit_of_length_last() {
    for (file, dialect, secret, expected) in [
        ("1 MD5 cisco123\r\n", Dialect::NtpOrg, "cisco123", "trailing-carriage-return, key-truncated"),
        ("1 MD5 cisco123#more\n", Dialect::Chrony, "cisco123", "text-after-hash, key-truncated"),
        ("1 MD5 fifteen-letters\n", Dialect::NtpOrg, "fifteen-letters\0", "trailing-octet, key-padded"),
        (
            "1 MD5 cisco123\r\n2 MD5 cisco123\n",
            Dialect::NtpOrg,
            "cisco123",
            "other-key-id, trailing-carriage-return, key-truncated",
        ),
        ("1 MD5 passw0rd\n2 MD5 PASSW0RD\n", Dialect::NtpOrg, "PASSW0RD", "other-key-id, case-differs"),
    ] {
        assert_eq!(codes_of_secret(file, dialect, secret.as_bytes()).join(", "), expected, "{file:?}");
    }
}

#[test]
fn a_secret_has_the_name_of_what_was_done_to_it_and_no_other() {
    for (file, dialect, secret, expected) in [
        ("1 MD5 deadbeef\n", Dialect::Chrony, &b"DEADBEEF"[..], "case-differs"),
        ("1 MD5 deadbeef\n", Dialect::NtpOrg, b"\xde\xad\xbe\xef", "ascii-read-as-hex"),
        ("1 MD5 HEX:deadbeef\n", Dialect::NtpOrg, b"\xde\xad\xbe\xef", "prefix-differs"),
        ("1 MD5 HEX:deadbeef\n", Dialect::NtpOrg, b"deadbeef", "prefix-differs"),
        ("1 MD5 HEX:deadbeef\n", Dialect::Chrony, b"deadbeef", "hex-read-as-ascii"),
        ("1 MD5 HEX:deadbeef\n", Dialect::Chrony, b"HEX:deadbeef", "prefix-differs"),
        ("1 MD5 ASCII:deadbeef\n", Dialect::Chrony, b"\xde\xad\xbe\xef", "ascii-read-as-hex"),
        ("1 MD5 \"abc\"\n", Dialect::NtpOrg, b"abc", "quotes-in-secret"),
        ("1 MD5 094F471A1A0A\n", Dialect::NtpOrg, b"cisco", "obfuscated-secret"),
        ("1 MD5 abc\n", Dialect::NtpOrg, b"abc ", "trailing-octet"),
    ] {
        assert_eq!(codes_of_secret(file, dialect, secret).join(", "), expected, "{file:?}");
    }
}

#[test]
fn rivals_are_told_again_for_the_next_message() {
    let mut keys = Keyrings::new();
    add(keys.default_keyring_mut(), "1 MD5 cisco123\r\n", Dialect::NtpOrg);
    let mut bench = Bench::new(&keys);
    for seed in 0..3 {
        let message = request(seed);
        let digest = md5(&[b"cisco123", message.octets()]);
        let diagnosis = bench.diagnose(&message.mac(1, &digest).build(), "10.0.0.2").unwrap();
        assert_eq!(diagnosis.explanations().count(), 2);
        assert!(seed == 0 || diagnosis.tried.digests == 1);
    }
}

#[test]
fn fewer_than_eight_octets_prove_nothing() {
    let keys = keyring(KEYS, Dialect::NtpOrg);
    for (length, expected) in [(8, "digest-truncated"), (12, "digest-truncated"), (16, "digest-truncated")] {
        let octets = signed(2, |covered| {
            let secret = transform::from_hex(b"0d7a7c31e1c1911f57a19c333b583ce2574c8e63").unwrap();
            sha1(&[&secret, covered])[..length].to_vec()
        });
        assert_eq!(codes(&octets, &keys), [expected], "{length} octets");
    }
    let short = signed(2, |covered| sha1(&[b"exactly20characters!", covered])[..4].to_vec());
    assert!(codes(&short, &keys).iter().all(|code| code == "none"), "four octets");
}

#[test]
fn only_the_shape_of_a_known_key_needs_no_further_change() {
    let keys = keyring(KEYS, Dialect::NtpOrg);
    let padded = signed(1, |covered| [md5(&[b"a-secret-in-letters", covered]), vec![0; 4]].concat());
    assert_eq!(codes(&padded, &keys), ["digest-padded"]);
}

#[test]
fn no_output_of_a_diagnosis_holds_a_secret() {
    let keys = keyring("1 MD5 hunter2hunter2#hunter3 hunter4\n", Dialect::NtpOrg);
    let octets = signed(1, |covered| md5(&[b"hunter2hunter2#hunter3", covered]));
    let message = Message::parse(&octets).unwrap();
    let verdict = judge_message(&message, &keys);
    let diagnosis = diagnose(&message, &verdict, &keys).unwrap();
    let explanation = diagnosis.explanations().next().unwrap();
    let shown = format!(
        "{diagnosis:?} {explanation} {:?} {}",
        explanation.advice().collect::<Vec<_>>(),
        diagnosis.tried
    );
    assert!(shown.contains("text behind it are part") && !shown.contains("hunter"), "{shown}");
}

/// Whatever the octets are, they are read without a panic, and nothing of chance is proved.
#[test]
fn octets_of_chance_are_read_and_not_explained() {
    let keys = keyring(KEYS, Dialect::NtpOrg);
    let mut random = Random(7);
    let (mut read, mut odd) = (0, 0);
    for number in 0..3_000_usize {
        let mut octets = random.octets(12 + number % 140);
        // Modes 3, 6 and 7, versions 1 to 4, and a known key ID where a MAC of SHA-1 has it.
        octets[0] = [0x23, 0x1b, 0x16, 0x17][number % 4];
        let length = octets.len();
        if number % 8 == 0 && length > 72 {
            octets[length - 24..length - 20].copy_from_slice(&[0, 0, 0, 2]);
        }
        let Ok(message) = Message::parse(&octets) else { continue };
        let verdict = judge_message(&message, &keys);
        read += 1;
        odd += u32::from(verdict.status == Status::Malformed);
        let claims = search::claims(&message, &verdict);
        assert!(
            claims
                .iter()
                .all(|(_, target)| target.digest.len() >= FEWEST_OCTETS && octets.ends_with(target.digest))
        );
        if number % 10 == 0 {
            assert!(diagnose(&message, &verdict, &keys).is_none_or(|diagnosis| !diagnosis.is_proved()));
        }
    }
    assert!(read > 2_000 && odd > 500, "{read} {odd}");
}

#[test]
fn patterns_remember_no_more_than_they_may() {
    let keys = keyrings();
    let mut analyzer = crate::analysis::Analyzer::new(&keys, crate::analysis::Policy::default()).diagnosing();
    for host in 0..6_000_u32 {
        let octets = request(7).mac(2, &[0x77; 20]).build();
        let source = std::net::Ipv4Addr::from(0x0a00_0100 + host).to_string();
        let sighting =
            crate::analysis::Sighting { frame: u64::from(host) + 1, ..crate::analysis::Sighting::default() };
        analyzer.judge(sighting, datagram(&octets, &source, "10.0.0.1"));
    }
    let patterns = analyzer.patterns();
    assert_eq!(patterns.len(), 1);
    assert_eq!((patterns[0].code, patterns[0].messages), (PatternCode::AllOfKey, 6_000));
    assert_eq!(patterns[0].frames, [(0, 1), (0, 2), (0, 3)]);
}

fn datagram<'a>(octets: &'a [u8], source: &str, destination: &str) -> Datagram<'a> {
    Datagram {
        source: format!("{source}:40000").parse().unwrap(),
        destination: format!("{destination}:123").parse().unwrap(),
        octets,
        length: octets.len(),
        shortfall: None,
        checksum: Checksum::Correct,
        encapsulation: Encapsulation::default(),
        fragments: &[],
    }
}

struct Bench<'k> {
    keys: &'k Keyrings,
    diagnoser: Diagnoser<'k>,
}

impl<'k> Bench<'k> {
    fn new(keys: &'k Keyrings) -> Bench<'k> {
        Bench { keys, diagnoser: Diagnoser::new(keys) }
    }

    fn diagnose(&mut self, octets: &[u8], source: &str) -> Option<Diagnosis<'k>> {
        let datagram = datagram(octets, source, "10.0.0.1");
        let keyring = self.keys.default_keyring();
        let message = Message::parse(octets).unwrap();
        let verdict = judge_message(&message, keyring);
        self.diagnoser.diagnose(&datagram, &message, &verdict, keyring)
    }
}

fn keyrings() -> Keyrings {
    let mut keys = Keyrings::new();
    add(keys.default_keyring_mut(), KEYS, Dialect::NtpOrg);
    keys
}

#[test]
fn many_wrong_macs_cost_no_more_than_a_few() {
    let keys = keyrings();
    let mut bench = Bench::new(&keys);
    let mut tried = 0;
    for number in 0..100_000_u32 {
        let octets = request(7).mac(2, &[&number.to_be_bytes()[..], &[0x77; 16]].concat()).build();
        let diagnosis = bench.diagnose(&octets, "10.0.0.2").unwrap();
        assert!(!diagnosis.is_proved());
        let messages = u64::from(number) + 1;
        let is_tried = messages <= FAILURES_OF_SENDER || messages.is_power_of_two();
        assert_eq!(diagnosis.tried.limit == Some(Limit::NotTriedAgain), !is_tried, "message {number}");
        assert!(diagnosis.tried.digests <= MOST_DIGESTS);
        tried += u64::from(is_tried);
    }
    assert_eq!(tried, 18);
    assert!(bench.diagnoser.digests() <= u64::from(MOST_DIGESTS) * tried);
}

#[test]
fn what_matched_is_tried_first_and_costs_one_digest() {
    let keys = keyrings();
    let mut bench = Bench::new(&keys);
    let text = b"0d7a7c31e1c1911f57a19c333b583ce2574c8e63";
    for number in 0..1_000_u16 {
        let message = request(number.to_be_bytes()[1]);
        let digest = sha1(&[text, message.octets()]);
        let diagnosis = bench.diagnose(&message.mac(2, &digest).build(), "10.0.0.2").unwrap();
        assert!(diagnosis.codes().contains(Code::HexReadAsAscii));
        assert!(number == 0 || diagnosis.tried.digests == 1, "message {number}: {:?}", diagnosis.tried);
    }
}

#[test]
fn other_senders_and_key_ids_are_tried_within_bounds() {
    let keys = keyrings();
    let mut bench = Bench::new(&keys);
    let wrong = |key_id: u32| request(7).mac(key_id, &[0x77; 20]).build();
    let tried = |diagnosis: Option<Diagnosis<'_>>| diagnosis.unwrap().tried.limit.is_none();
    for sender in 0..40 {
        let source = format!("10.0.1.{sender}");
        assert_eq!(tried(bench.diagnose(&wrong(2), &source)), sender < FAILING_SENDERS, "sender {sender}");
    }
    assert!(tried(bench.diagnose(&wrong(3), "10.0.1.39")), "another key ID");
    for key_id in 1_000..3_000 {
        bench.diagnose(&wrong(key_id), "10.0.0.2");
    }
    assert!(bench.diagnoser.pairs.len() <= MOST_PAIRS);
    assert_eq!(bench.diagnoser.pairs.len(), bench.diagnoser.order.len());
    assert!(bench.diagnoser.left < MOST_DIGESTS_OF_RUN - 2_000 * u64::from(LEAST_COST));
    bench.diagnoser.left = 1;
    let last = bench.diagnose(&wrong(3_000), "10.0.0.2").unwrap();
    let refused = bench.diagnose(&wrong(3_001), "10.0.0.2").unwrap();
    assert_eq!((last.tried.limit, refused.tried.limit), (None, Some(Limit::Run)));
    assert_eq!(refused.tried.digests, 0);
}

#[test]
fn a_large_key_file_and_a_large_message_stay_within_the_budget() {
    let mut text = String::new();
    for id in 1..=20_000 {
        text.push_str(&format!("{id} SHA1 secret-number-{id}\n"));
    }
    let keys = keyring(&text, Dialect::NtpOrg);
    let octets = request(7).mac(2, &[0x77; 20]).build();
    let message = Message::parse(&octets).unwrap();
    let diagnosis = diagnose(&message, &judge_message(&message, &keys), &keys).unwrap();
    assert_eq!(diagnosis.tried.limit, Some(Limit::Message));
    assert!(diagnosis.tried.digests <= MOST_DIGESTS);
    assert!(diagnosis.tried.to_string().ends_with("more were left out)"), "{}", diagnosis.tried);

    let keys = keyring(KEYS, Dialect::NtpOrg);
    let octets = request(7).extension_field(0x2005, &[0; 60_000]).mac(2, &[0x77; 20]).build();
    let message = Message::parse(&octets).unwrap();
    let diagnosis = diagnose(&message, &judge_message(&message, &keys), &keys).unwrap();
    assert_eq!(diagnosis.tried.limit, Some(Limit::Message));
    assert!(diagnosis.tried.digests < 64);
}

/// Numbers that look random and are the same in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn octets(&mut self, length: usize) -> Vec<u8> {
        std::iter::repeat_with(|| self.next().to_be_bytes()).flatten().take(length).collect()
    }
}

/// A forged MAC proves nothing, whatever the key file, the key, the length of the digest and the version.
///
/// Forgeries of one message are compared with the same digests, one for each hypothesis; for one forgery in a hundred
/// they are computed anew, the way that every message goes.
fn assert_unexplained(file: &Keyring, ids: &[u32], forgeries: usize) {
    let mut random = Random(0x6e74_7063_6170);
    let shelves = [Shelf::new(file)];
    let mut forged = 0;
    for id in ids.iter().cycle().take(forgeries / 100) {
        let mut header = random.octets(48);
        header[0] = 0x1b;
        let scope = plan::Scope::new(&shelves[0], &shelves, KeyId(*id));
        let mut plan = plan::Plan::default();
        plan::STEPS.iter().for_each(|step| step(&scope, &mut plan));
        let octets = |digest: &[u8]| [&header[..], &id.to_be_bytes(), digest].concat();
        let first = octets(&random.octets(20));
        let target = attempt::Target::new(&Message::parse(&first).unwrap(), 48, &first[52..]);
        let covered = |attempt: &Attempt<'_>| attempt.coverage.of(&target).map(<[u8]>::to_vec);
        let computed: Vec<_> = plan
            .attempts
            .iter()
            .filter_map(|attempt| Some((attempt, attempt.computation.digest(&covered(attempt)?))))
            .collect();
        for number in 0..100 {
            let digest = random.octets([16, 20, 20, 32, 8, 64][number % 6]);
            for (attempt, computed) in &computed {
                assert!(attempt.compare(computed.as_octets(), &digest).is_empty(), "{digest:02x?}");
            }
            forged += 1;
        }
        let octets = octets(&random.octets([16, 20, 32][forged / 100 % 3]));
        let message = Message::parse(&octets).unwrap();
        let diagnosis = diagnose(&message, &judge_message(&message, file), file).unwrap();
        assert!(!diagnosis.is_proved() && diagnosis.tried.limit.is_none(), "{octets:02x?}");
        assert!(usize::try_from(diagnosis.tried.digests).unwrap() <= 2 * computed.len());
    }
    assert_eq!(forged, forgeries);
}

#[test]
fn no_random_digest_is_ever_explained_by_ntp_orgs_file() {
    assert_unexplained(&keyring(KEYS, Dialect::NtpOrg), &[1, 2, 3, 9, 11, 99], 40_000);
}

#[test]
fn no_random_digest_is_ever_explained_by_ntpsecs_file() {
    let text = "5 AES shortkey # pad\n6 MD5 094F471A1A0A\n7 SHA512 \"quoted\"\n";
    assert_unexplained(&keyring(text, Dialect::Ntpsec), &[5, 6, 7, 70], 30_000);
}

#[test]
fn no_random_digest_is_ever_explained_by_chronys_file() {
    let text = "1 abc\n2 SHA1 HEX:0102030405060708\n4000000000 AES256 HEX:00\n3 MD5 gr\u{fc}n\n";
    assert_unexplained(&keyring(text, Dialect::Chrony), &[1, 2, 3, 4, 4_000_000_000], 30_000);
}
