use super::*;

const NTPSEC: Dialect = Dialect::Ntpsec;

#[test]
fn ntpsec_reads_a_whole_file() {
    let text = "# comment\n1 MD5 secretMD5key1\n2 SHA1 asciiSHA1key # ascii\n\
        3 SHA1 0102030405060708090a0b0c0d0e0f1011121314 # hex\n4 MD5 00112233445566778899aabbccddeeff\n\
        5 AES-128 2b7e151628aed2a6abf7158809cf4f3c\n\
        6 SHA256 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n\
        7 SHA512 ccccccccccccccccccccccccccccccccdddddddddddddddddddddddddddddddd\n\
        9 SHA384 eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee\n10 SHA3-256 11111111111111111111111111111111\n\
        12 MD5 exactly20characters!\n13 SHA3-512 22222222222222222222222222222222\n\
        14 RIPEMD160 3333333333333333333333333333333333333333\n15 SHA224 44444444444444444444444444444444\n\
        16 SHAKE128 55555555555555555555555555555555\n17 SHA3-224 66666666666666666666666666666666\n\
        65535 m maxid\n8 AES-256 603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4\n";
    let mut expected = shared_keys();
    expected.push(key(8, "aes256-cmac", "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"));
    assert_eq!(keys(text, NTPSEC), expected);
    assert_eq!(consequence(text, NTPSEC), "NTPsec loads all 17 keys");
}

#[test]
fn ntpsec_reads_what_its_generator_writes() {
    let text = "# ntpkey_AES_vm.1795581943\n# Wed Nov 25 04:45:43 2026\n 1 AES $fuRs>%<F{4xfQ&G\n\
        11 AES c39e10cae353ce74b4f28533b1710365\n";
    let expected = [
        key(1, "aes128-cmac", "24667552733e253c467b347866512647"),
        key(11, "aes128-cmac", "c39e10cae353ce74b4f28533b1710365"),
    ];
    assert_eq!(keys(text, NTPSEC), expected);
    assert_eq!(problems(text, NTPSEC), []);
}

#[test]
fn ntpsec_skips_a_bad_line_and_keeps_the_others() {
    let bad =
        ["20", "20 MD5", "0 MD5 a", "70000 MD5 a", "20 MD5 abcdefghijklmnopqrstu", "20 FOO a", "x MD5 a"];
    for line in bad {
        let text = format!("1 MD5 good\n{line}\n2 MD5 good\n");
        assert_eq!(keys(&text, NTPSEC), [key(1, "md5", "676f6f64"), key(2, "md5", "676f6f64")], "{line}");
        assert_eq!(consequence(&text, NTPSEC), "NTPsec skips 1 line and loads 2 keys", "{line}");
    }
}

#[test]
fn ntpsec_loses_the_first_key_to_a_byte_order_mark() {
    let text = "\u{feff}1 MD5 abc\n2 MD5 def\n";
    assert_eq!(keys(text, NTPSEC), [key(2, "md5", "646566")]);
    assert_eq!(problems(text, NTPSEC), [(1, 1, "byte-order-mark")]);
}

#[test]
fn ntpsec_uses_the_last_of_several_lines_with_one_id() {
    let text = "20 MD5 first\n1 MD5 x\n20 MD5 second\n";
    assert_eq!(keys(text, NTPSEC), [key(1, "md5", "78"), key(20, "md5", "7365636f6e64")]);
    let expected = "warning: key 20: line 3 defines the same key ID, and NTPsec uses that one";
    assert_eq!(sentences(text, NTPSEC), [expected]);
}

#[test]
fn ntpsec_splits_words_as_ntp_org_does() {
    assert_eq!(secret("20 MD5 abc#def\n", NTPSEC).as_deref(), Some("616263"));
    assert_eq!(secret("20 MD5 crlfkey\r\n", NTPSEC).as_deref(), Some("63726c666b65790d"));
    assert_eq!(keys("020x MD5 abc\n", NTPSEC), [key(20, "md5", "616263")]);
    assert_eq!(problems("20 MD5 abc 192.0.2.1\n", NTPSEC), [(1, 12, "words-ignored")]);
    assert_eq!(secret("20 MD5 abc nonsense\n", NTPSEC).as_deref(), Some("616263"));
}

#[test]
fn ntpsec_knows_these_types_in_any_case() {
    for (word, expected) in [
        ("MD5", "md5"),
        ("m", "md5"),
        ("Mac", "md5"),
        ("MDC2", "md5"),
        ("SHA1", "sha1"),
        ("SHA-1", "sha1"),
        ("sha-256", "sha256"),
        ("SHA2-256", "sha256"),
        ("SHA-512/256", "sha512-256"),
        ("RIPEMD160", "ripemd160"),
        ("ripemd", "ripemd160"),
        ("RMD160", "ripemd160"),
        ("SHAKE128", "shake128"),
        ("SHAKE-128", "shake128"),
        ("SHA3-384", "sha3-384"),
        ("RSA-SHA3-256", "sha3-256"),
        ("WHIRLPOOL", "whirlpool"),
        ("AES", "aes128-cmac"),
        ("aes", "aes128-cmac"),
        ("AES128CMAC", "aes128-cmac"),
        ("AES-128", "aes128-cmac"),
        ("AES-192", "aes192-cmac"),
        ("AES-256", "aes256-cmac"),
        ("DES", "unsupported"),
        ("CAMELLIA-128", "unsupported"),
        ("MD4", "unsupported"),
        ("BLAKE2b512", "unsupported"),
    ] {
        assert_eq!(algorithm(word, NTPSEC), Some(expected), "{word}");
    }
    for word in ["SHA", "AES128", "AES256", "CMAC", "A", "N", "S", "TIGER", "AES-128-CBC", "HMAC"] {
        assert_eq!(algorithm(word, NTPSEC), None, "{word}");
    }
}

#[test]
fn ntpsec_drops_the_last_odd_digit() {
    let text = "20 MD5 0123456789abcdef01234\n";
    assert_eq!(secret(text, NTPSEC).as_deref(), Some("0123456789abcdef0123"));
    assert_eq!(problems(text, NTPSEC), [(1, 8, "odd-hex-digits")]);
}

#[test]
fn ntpsec_cuts_hex_to_thirty_two_octets() {
    let text = format!("20 MD5 {}\n", "ab".repeat(64));
    assert_eq!(secret(&text, NTPSEC), Some("ab".repeat(32)));
    assert_eq!(problems(&text, NTPSEC), [(1, 8, "secret-cut")]);
    let unread = format!("20 MD5 {}zz\n", "ab".repeat(32));
    assert_eq!(secret(unread, NTPSEC), Some("ab".repeat(32)));
}

#[test]
fn ntpsec_takes_the_first_octets_of_a_long_aes_secret() {
    let text = "20 AES128CMAC 0102030405060708090a0b0c0d0e0f1011121314\n";
    assert_eq!(secret(text, NTPSEC).as_deref(), Some("0102030405060708090a0b0c0d0e0f10"));
    assert_eq!(problems(text, NTPSEC), [(1, 15, "secret-cut")]);
}

#[test]
fn ntpsec_fills_a_short_aes_secret_from_an_earlier_line() {
    let text = "3 SHA1 0102030405060708090a0b0c0d0e0f1011121314\n20 AES128CMAC shortkey\n";
    let expected = key(20, "aes128-cmac", "73686f72746b65790000393061306230");
    assert_eq!(keys(text, NTPSEC)[1], expected);
    assert!(!read(text.as_bytes(), NTPSEC).entries[1].guessed);
    let expected = "warning: key 20: secret has 8 octets and the cipher takes 16; \
        NTPsec fills up with what other text of this file left in its buffer";
    assert_eq!(sentences(text, NTPSEC), [expected]);
}

#[test]
fn ntpsec_without_a_last_newline_leaves_one_octet_more() {
    let text = "3 SHA1 0102030405060708090a0b0c0d0e0f1011121314\n20 AES128CMAC shortkey";
    assert_eq!(keys(text, NTPSEC)[1].2, "73686f72746b65790030393061306230");
}

#[test]
fn ntpsec_fills_a_short_aes_secret_from_the_comment_behind_it() {
    let spaced = "20 AES128CMAC short # some comment text\n";
    assert_eq!(secret(spaced, NTPSEC), Some(hex(b"short\0# some com")));
    let glued = "20 AES128CMAC short#some comment text\n";
    assert_eq!(secret(glued, NTPSEC), Some(hex(b"short\0some comme")));
    let words = "20 AES128CMAC short 127.0.0.1 and more\n";
    assert_eq!(secret(words, NTPSEC), Some(hex(b"short\x00127.0.0.1 ")));
}

#[test]
fn ntpsec_leaves_a_line_of_unknown_type_as_it_is_behind_the_type() {
    let text = "5 FOO aaaaaaaaaaaaa bbb\n20 AES short\n";
    assert_eq!(secret(text, NTPSEC), Some(hex(b"short\0\0aaaaa bbb")));
}

#[test]
fn ntpsec_fills_a_short_hex_secret_from_an_earlier_one() {
    let text = "3 SHA1 0102030405060708090a0b0c0d0e0f1011121314\n20 AES 000102030405060708090a\n";
    assert_eq!(keys(text, NTPSEC)[1].2, "000102030405060708090a0c0d0e0f10");
    let odd = "3 SHA1 0102030405060708090a0b0c0d0e0f1011121314\n20 AES 000102030405060708090\n";
    assert_eq!(keys(odd, NTPSEC)[1].2, "00010203040506070809000c0d0e0f10");
    let undecoded = "3 SHA1 0102030405060708090a0b0c0d0e0f101112zz\n20 AES 000102030405060708090a\n";
    assert_eq!(keys(undecoded, NTPSEC), [key(20, "aes128-cmac", "000102030405060708090a0c0d0e0f10")]);
}

#[test]
fn ntpsec_fills_longer_ciphers_as_well() {
    let text = "# aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n20 AES-192 shortkey\n";
    assert_eq!(secret(text, NTPSEC), Some(hex(b"shortkey\0\0aaaaaaaaaaaaaa")));
}

#[test]
fn ntpsec_padding_that_nobody_knows_is_said_to_be_unknown() {
    let text = "20 AES128CMAC shortkey\n";
    assert_eq!(secret(text, NTPSEC).as_deref(), Some("73686f72746b65790000000000000000"));
    let padding = |text: &str| match read(text.as_bytes(), NTPSEC).problems.first().map(|it| it.kind.clone())
    {
        Some(ProblemKind::SecretPadded { padding, .. }) => Some(padding),
        _ => None,
    };
    assert_eq!(padding(text), Some(Padding::Unknown));
    assert!(read(text.as_bytes(), NTPSEC).entries[0].guessed);
    assert_eq!(padding("20 AES 000102030405060708090a\n"), Some(Padding::Unknown));
    let last_word_of_the_buffer = format!("20{}AES short\n", " ".repeat(498));
    assert_eq!(padding(&last_word_of_the_buffer), Some(Padding::Unknown));
}

#[test]
fn ntpsec_sends_long_digests_cut() {
    let text = "1 SHA256 abc\n";
    assert_eq!(
        sentences(text, NTPSEC),
        ["info: key 1: SHA256 digests have 32 octets; NTPsec sends the first 20"]
    );
}
