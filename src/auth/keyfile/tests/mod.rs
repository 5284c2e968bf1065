//! Rows of the comparison of programs, each named for the program that was seen to read so.
//!
//! Expected octets come from packets that the programs sent or accepted, written out here.

use super::*;

mod chrony;
mod detection;
mod ntp_org;
mod ntpsec;
mod safety;

/// Key ID, algorithm and secret in hex of every key in use.
fn keys(text: impl AsRef<[u8]>, dialect: Dialect) -> Vec<(u32, &'static str, String)> {
    let describe = |entry: &Entry| match &entry.key {
        EntryKey::Ready(key) => (key.id().0, key.algorithm().name(), hex(key.secret().as_octets())),
        EntryKey::Unsupported { id, .. } => (id.0, "unsupported", String::new()),
    };
    let file = read(text.as_ref(), dialect);
    file.entries.iter().filter(|entry| !entry.superseded).map(describe).collect()
}

/// The secret in hex of the one key in use.
fn secret(text: impl AsRef<[u8]>, dialect: Dialect) -> Option<String> {
    match keys(text, dialect).as_slice() {
        [(_, _, secret)] => Some(secret.clone()),
        _ => None,
    }
}

/// The algorithm of a key whose line has `type_word` as type.
fn algorithm(type_word: &str, dialect: Dialect) -> Option<&'static str> {
    let text = format!("1 {type_word} sixteencharskey!\n");
    keys(text, dialect).first().map(|(_, algorithm, _)| *algorithm)
}

/// Line, column and code of every problem.
fn problems(text: impl AsRef<[u8]>, dialect: Dialect) -> Vec<(usize, usize, &'static str)> {
    let file = read(text.as_ref(), dialect);
    file.problems.iter().map(|problem| (problem.line, problem.column, problem.kind.code())).collect()
}

/// Every problem as `severity: sentence`.
fn sentences(text: impl AsRef<[u8]>, dialect: Dialect) -> Vec<String> {
    let file = read(text.as_ref(), dialect);
    file.problems.iter().map(|problem| format!("{}: {problem}", problem.severity)).collect()
}

fn consequence(text: impl AsRef<[u8]>, dialect: Dialect) -> String {
    read(text.as_ref(), dialect).consequence.to_string()
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn key(id: u32, algorithm: &'static str, secret: &str) -> (u32, &'static str, String) {
    (id, algorithm, secret.to_owned())
}

/// A file as each of the three programs was given it, and what its packets proved.
const SHARED_KEYS: [(u32, &str, &str); 16] = [
    (1, "md5", "7365637265744d44356b657931"),
    (2, "sha1", "6173636969534841316b6579"),
    (3, "sha1", "0102030405060708090a0b0c0d0e0f1011121314"),
    (4, "md5", "00112233445566778899aabbccddeeff"),
    (5, "aes128-cmac", "2b7e151628aed2a6abf7158809cf4f3c"),
    (6, "sha256", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"),
    (7, "sha512", "ccccccccccccccccccccccccccccccccdddddddddddddddddddddddddddddddd"),
    (9, "sha384", "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"),
    (10, "sha3-256", "11111111111111111111111111111111"),
    (12, "md5", "65786163746c7932306368617261637465727321"),
    (13, "sha3-512", "22222222222222222222222222222222"),
    (14, "ripemd160", "3333333333333333333333333333333333333333"),
    (15, "sha224", "44444444444444444444444444444444"),
    (16, "shake128", "55555555555555555555555555555555"),
    (17, "sha3-224", "66666666666666666666666666666666"),
    (65535, "md5", "6d61786964"),
];

fn shared_keys() -> Vec<(u32, &'static str, String)> {
    SHARED_KEYS.iter().map(|(id, algorithm, secret)| key(*id, algorithm, secret)).collect()
}

#[test]
fn names_its_dialects() {
    for dialect in Dialect::ALL {
        assert_eq!(dialect.name().parse(), Ok(dialect));
    }
    assert_eq!("ntpd".parse::<Dialect>(), Err(UnknownDialect));
}

#[test]
fn the_same_line_is_a_different_key_in_each_program() {
    let forty = "20 SHA1 0102030405060708090a0b0c0d0e0f1011121314\n";
    let octets = Some("0102030405060708090a0b0c0d0e0f1011121314".to_owned());
    let text = "30313032303330343035303630373038303930613062306330643065306631303131313231333134";
    assert_eq!(secret(forty, Dialect::NtpOrg), octets);
    assert_eq!(secret(forty, Dialect::Ntpsec), octets);
    assert_eq!(secret(forty, Dialect::Chrony), Some(text.to_owned()));
}

#[test]
fn keeps_the_spelling_of_a_secret() {
    let text = "1 MD5 000102030405060708090a0b  # comment\n";
    for dialect in [Dialect::NtpOrg, Dialect::Ntpsec] {
        let file = read(text.as_bytes(), dialect);
        let spelling = &file.entries[0].spelling;
        assert_eq!(spelling.word.as_octets(), b"000102030405060708090a0b");
        assert_eq!(spelling.rest_of_line.as_octets(), b"000102030405060708090a0b  # comment");
    }
    let file = read(b"1 MD5 HEX:0001\r\n", Dialect::Chrony);
    assert_eq!(file.entries[0].spelling.word.as_octets(), b"HEX:0001");
    assert_eq!(file.entries[0].spelling.rest_of_line.as_octets(), b"HEX:0001\r");
}
