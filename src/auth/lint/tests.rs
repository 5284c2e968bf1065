use super::*;
use crate::auth::conf;

fn never(_: Algorithm) -> bool {
    false
}

fn codes(text: &str, programs: &[Dialect]) -> Vec<(&'static str, usize)> {
    let linted = lint(text.as_bytes(), &Settings { programs, is_weak: &never });
    linted.flaws.iter().map(|flaw| (flaw.code, line(flaw))).collect()
}

fn line(flaw: &Flaw) -> usize {
    match flaw.place {
        Place::KeyLine(spot) | Place::ConfigurationLine(spot) => spot.line,
        _ => 0,
    }
}

const GOOD: &str = "5c3a0d9e41b7f2688a1e90c4d7735fb2e61d0a48";

#[test]
fn a_good_file_has_no_flaw() {
    for program in [Dialect::NtpOrg, Dialect::Ntpsec] {
        assert_eq!(codes(&format!("11 SHA1 {GOOD}\n"), &[program]), []);
    }
    assert_eq!(codes(&format!("11 SHA1 HEX:{GOOD}\n"), &[Dialect::Chrony]), []);
}

#[test]
fn a_line_that_is_another_key_for_each_is_told_once() {
    let found = codes(&format!("11 SHA1 {GOOD}\n"), &Dialect::ALL);
    assert_eq!(found, [("reading-differs", 1), ("hex-read-as-text", 1)]);
}

#[test]
fn secrets_are_judged() {
    let of = |secret: &str| codes(&format!("1 SHA1 {secret}\n"), &[Dialect::NtpOrg]);
    assert_eq!(of("password"), [("guessable-secret", 1)]);
    assert_eq!(of("0102030405060708090a0b0c0d0e0f1011121314"), [("guessable-secret", 1)]);
    assert_eq!(of("sundial"), [("published-secret", 1)]);
    assert_eq!(of("xkvqzjwp"), [("short-secret", 1)]);
    assert_eq!(of("094F471A1A0A"), [("obfuscated-secret", 1)]);
    assert_eq!(of("\"zfQ8wk2pXd7vYs1L\""), [("quoted-secret", 1)]);
    assert_eq!(of("zfQ8wk2pXd7vYs1Lm-=="), []);
    assert_eq!(of("zfQ8wk2pXd7vYs1LmA=="), [("base64-secret", 1)]);
}

#[test]
fn one_secret_under_two_ids_is_told_of_the_second() {
    let text = format!("1 SHA1 {GOOD}\n2 AES128CMAC zfQ8wk2pXd7vYs1L\n3 MD5 {GOOD}\n");
    assert_eq!(codes(&text, &[Dialect::NtpOrg]), [("secret-reused", 3)]);
}

#[test]
fn weak_algorithms_are_told_once_with_all_their_keys() {
    let text = "1 MD5 zfQ8wk2pXd7vYs1L\n2 MD5 Lm4cK0s9yTq2Wd8x\n";
    let settings = Settings { programs: &[Dialect::NtpOrg], is_weak: &|it| it == Algorithm::Md5 };
    let flaws = lint(text.as_bytes(), &settings).flaws;
    assert_eq!(flaws.len(), 1, "{flaws:?}");
    assert_eq!(flaws[0].what, "keys 1-2: MD5 is not to be used any more (RFC 8573)");
}

#[test]
fn no_flaw_shows_a_secret() {
    let text = "1 MD5 hunter2\n2 hunter2\n3 hunter2 hunter2\n4 SHA1 hunter2hunter2hunter2hunter2\nhunter2\n\
        5 AES hunter2#hunter2\n6 MD5 \"hunter2\"\n7 SHA1 HEX:hunter2\n8 MD5 hunter2 hunter2/99\n";
    let linted = lint(text.as_bytes(), &Settings { programs: &Dialect::ALL, is_weak: &|_| true });
    assert!(linted.flaws.len() > 20);
    for flaw in &linted.flaws {
        assert!(!format!("{flaw:?}").contains("hunter"), "{flaw:?}");
    }
    for line in text.lines() {
        assert!(!masked(line.as_bytes()).contains("hunter"), "{line}");
    }
}

fn compared(conf: &str, keys: &str, program: Dialect) -> Vec<(&'static str, usize)> {
    let configuration = conf::read(conf.as_bytes());
    let reading = keyfile::read(keys.as_bytes(), program);
    configuration::compare(&configuration, &[&reading]).iter().map(|flaw| (flaw.code, line(flaw))).collect()
}

#[test]
fn a_configuration_is_compared_with_its_key_file() {
    let keys = format!("11 SHA1 {GOOD}\n12 SHA1 {GOOD}\n13 SHA1 {GOOD}\n");
    let conf = "keys k\ntrustedkey 11 14\ncontrolkey 12\nrequestkey 9\nserver a key 11\nserver b key 13\nserver c key 15\nserver d key\n";
    let expected = [
        ("key-not-trusted", 6),
        ("key-not-defined", 7),
        ("bad-key-use", 8),
        ("key-not-trusted", 3),
        ("key-not-defined", 4),
        ("trusted-not-defined", 2),
    ];
    assert_eq!(compared(conf, &keys, Dialect::NtpOrg), expected);
    assert_eq!(
        compared("keyfile k\nserver a key 11\nserver c key 15\n", &keys, Dialect::Chrony),
        [("key-not-defined", 3), ("key-for-clients-only", 0)]
    );
    assert_eq!(
        compared("keys k\nserver a\n", &keys, Dialect::Ntpsec),
        [("nothing-trusted", 0)],
        "no list, no trust"
    );
    assert_eq!(compared("keys k\ntrustedkey 11\n", "11 SHA1\n", Dialect::NtpOrg)[0].0, "trusted-not-defined");
}

fn predicted(conf: &str, keys: &str, program: Dialect) -> Vec<String> {
    let configuration = conf::read(conf.as_bytes());
    let reading = keyfile::read(keys.as_bytes(), program);
    let predictions = prediction::predict(&configuration, &reading);
    predictions.iter().map(|one| format!("{}: {}", one.code(), one.wire())).collect()
}

/// Measured with the real daemons; `tests/peers/lint.py` does it again.
#[test]
fn predictions_are_what_daemons_do() {
    let keys = format!("5 SHA1 {GOOD}\n6 SHA256 {GOOD}\n");
    let ntpd = "trustedkey 5 6\nserver a key 5\nserver b key 6\nserver c key 7\nserver d\n";
    let told = predicted(ntpd, &keys, Dialect::NtpOrg);
    assert!(
        told[0].starts_with("authenticated: version 4 requests with key ID 5 and a MAC of 24 octets (sha1)"),
        "{told:?}"
    );
    assert!(told[1].contains("MAC of 24 octets (sha256)"), "{told:?}");
    assert_eq!(told[2], "nothing: nothing is sent: the key file has no such key");
    assert!(told[3].starts_with("plain: "));
    let chrony = "server b key 6\nserver b key 6 version 4\nserver s nts\n";
    let told = predicted(chrony, &keys, Dialect::Chrony);
    assert!(told[0].contains("version 3 requests with key ID 6 and a MAC of 36 octets (sha256)"), "{told:?}");
    assert!(told[1].contains("version 4 requests with key ID 6 and a MAC of 24 octets (sha256)"), "{told:?}");
    assert!(told[2].starts_with("nts: "));
    assert!(predicted("server a key 5\n", &keys, Dialect::NtpOrg)[0].contains("no trustedkey line"));
    let broken = format!("{keys}7 SHA1\n");
    assert!(predicted(ntpd, &broken, Dialect::NtpOrg)[0].contains("refuses the key file"));
    assert!(predicted(ntpd, &broken, Dialect::Ntpsec)[2].contains("line 3 of the key file"));
    assert!(predicted(ntpd, &broken, Dialect::Ntpsec)[0].starts_with("authenticated"));
}

#[test]
fn every_cut_of_a_file_is_judged() {
    let text = format!("\u{feff}1 MD5 a#b\r\n2 x\n-3 AES128 \"q\" 10.0.0.1/99\n4 SHA1 {GOOD}f\n\0\n");
    for end in 0..=text.len() {
        let cut = &text.as_bytes()[..end];
        lint(cut, &Settings { programs: &Dialect::ALL, is_weak: &|_| true });
        (0..8).for_each(|line| assert!(masked(Lines::of(cut).line(line)).is_ascii()));
    }
}
