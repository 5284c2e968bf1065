use super::*;

const CHRONY: Dialect = Dialect::Chrony;

#[test]
fn chrony_reads_a_whole_file() {
    let text = "1 MD5 secretMD5key1\n2 SHA1 asciiSHA1key\n3 SHA1 HEX:0102030405060708090a0b0c0d0e0f1011121314\n\
        4 MD5 HEX:00112233445566778899aabbccddeeff\n5 AES128 HEX:2b7e151628aed2a6abf7158809cf4f3c\n\
        6 SHA256 HEX:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n\
        7 SHA512 HEX:ccccccccccccccccccccccccccccccccdddddddddddddddddddddddddddddddd\n\
        9 SHA384 HEX:eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee\n10 SHA3-256 HEX:11111111111111111111111111111111\n\
        12 MD5 exactly20characters!\n13 SHA3-512 HEX:22222222222222222222222222222222\n\
        14 RIPEMD160 HEX:3333333333333333333333333333333333333333\n\
        15 SHA224 HEX:44444444444444444444444444444444\n16 SHAKE128 HEX:55555555555555555555555555555555\n\
        17 SHA3-224 HEX:66666666666666666666666666666666\n65535 MD5 maxid\n\
        8 AES256 HEX:603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4\n";
    let mut expected = shared_keys();
    expected.retain(|(id, ..)| !matches!(id, 14..=16));
    expected.push(key(8, "aes256-cmac", "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"));
    assert_eq!(keys(text, CHRONY), expected);
    assert_eq!(consequence(text, CHRONY), "chrony skips 3 lines and loads 14 keys");
}

#[test]
fn chrony_reads_what_its_generator_writes() {
    let text = "7 SHA1 HEX:5D0B3C1E9F4A7B2C8D6E0F1A2B3C4D5E6F708192\n";
    let expected = key(7, "sha1", "5d0b3c1e9f4a7b2c8d6e0f1a2b3c4d5e6f708192");
    assert_eq!(keys(text, CHRONY), [expected]);
    assert_eq!(problems(text, CHRONY), []);
}

#[test]
fn chrony_takes_two_words_for_an_md5_key() {
    assert_eq!(keys("20 plainkey\n", CHRONY), [key(20, "md5", "706c61696e6b6579")]);
    assert_eq!(problems("20 plainkey\n", CHRONY), [(1, 4, "type-assumed")]);
    assert_eq!(keys("20 MD5\n", CHRONY), [key(20, "md5", "4d4435")]);
    assert_eq!(problems("20 MD5\n", CHRONY), [(1, 4, "type-is-secret")]);
    assert_eq!(problems("20\n", CHRONY), [(1, 1, "word-count")]);
}

#[test]
fn chrony_knows_comments_only_at_the_start_of_a_line() {
    assert_eq!(problems("! a\n ; b\n% c\n\t# d\n\n", CHRONY), []);
    assert_eq!(secret("20 MD5 abc#def\n", CHRONY).as_deref(), Some("61626323646566"));
    assert_eq!(problems("20 MD5 abc#def\n", CHRONY), [(1, 8, "hash-in-secret")]);
    let trailing = "11 SHA1 a6602840c563c0bfe70d01aa262e305161027a9a  # SHA1 key\n2 MD5 b\n";
    assert_eq!(keys(trailing, CHRONY), [key(2, "md5", "62")]);
    let expected = "error: key 11: line has 6 words, chrony takes two or three and no comment behind them";
    assert_eq!(sentences(trailing, CHRONY), [expected]);
    let hint = read(trailing.as_bytes(), CHRONY).problems[0].hint();
    assert_eq!(hint.as_deref(), Some("move the comment to a line of its own"));
}

#[test]
fn chrony_strips_carriage_returns_and_any_other_space() {
    assert_eq!(secret("20 MD5 crlfkey\r\n", CHRONY).as_deref(), Some("63726c666b6579"));
    assert_eq!(secret("20\u{b}MD5\u{c}abc\r\n", CHRONY).as_deref(), Some("616263"));
    assert_eq!(problems("\r\n20 MD5 crlfkey\r\n", CHRONY), []);
}

#[test]
fn chrony_reads_key_ids_with_scanf() {
    for (word, id) in [("20abc", 20), ("020", 20), ("-5", 4_294_967_291), ("4294967297", 1)] {
        let text = format!("{word} MD5 abc\n");
        assert_eq!(keys(&text, CHRONY), [key(id, "md5", "616263")], "{word}");
        assert_eq!(problems(&text, CHRONY), [(1, 1, "key-id-spelling")]);
    }
    assert_eq!(keys("4294967295 MD5 abc\n", CHRONY), [key(u32::MAX, "md5", "616263")]);
    assert_eq!(problems("4294967295 MD5 abc\n", CHRONY), []);
    assert_eq!(keys("0x14 MD5 abc\n", CHRONY), [key(0, "md5", "616263")]);
    assert_eq!(problems("0 MD5 abc\n", CHRONY), [(1, 1, "key-id-zero")]);
    assert_eq!(problems("x MD5 abc\n", CHRONY), [(1, 1, "bad-key-id")]);
    assert_eq!(problems("\u{feff}1 MD5 abc\n2 MD5 def\n", CHRONY), [(1, 1, "byte-order-mark")]);
}

#[test]
fn chrony_meets_either_of_two_lines_with_one_id_by_binary_search() {
    let second = "20 MD5 first\n20 MD5 second\n";
    assert_eq!(secret(second, CHRONY), Some(hex(b"second")));
    let first = "1 MD5 a\n20 MD5 first\n20 MD5 second\n";
    assert_eq!(keys(first, CHRONY)[1], key(20, "md5", "6669727374"));
    let middle = "20 MD5 first\n20 MD5 second\n20 SHA1 third\n1 MD5 x\n40 MD5 y\n";
    assert_eq!(keys(middle, CHRONY)[0], key(20, "md5", "7365636f6e64"));
}

#[test]
fn chrony_knows_types_in_capitals_only() {
    for (word, expected) in [
        ("MD5", "md5"),
        ("SHA1", "sha1"),
        ("SHA256", "sha256"),
        ("SHA384", "sha384"),
        ("SHA512", "sha512"),
        ("SHA3-224", "sha3-224"),
        ("SHA3-256", "sha3-256"),
        ("SHA3-384", "sha3-384"),
        ("SHA3-512", "sha3-512"),
        ("TIGER", "tiger"),
        ("WHIRLPOOL", "whirlpool"),
        ("AES128", "aes128-cmac"),
    ] {
        assert_eq!(algorithm(word, CHRONY), Some(expected), "{word}");
    }
    for word in ["md5", "M", "AES", "AES-128", "AES128CMAC", "SHA", "SHA224", "RIPEMD160", "sha1", "SHA-256"]
    {
        assert_eq!(algorithm(word, CHRONY), None, "{word}");
    }
    assert_eq!(
        problems("1 TIGER a\n2 FOO b\n", CHRONY),
        [(1, 3, "library-dependent-type"), (2, 3, "unknown-type")]
    );
}

#[test]
fn chrony_decodes_hex_behind_its_prefix_only() {
    assert_eq!(secret("20 MD5 HEX:00112233\n", CHRONY).as_deref(), Some("00112233"));
    assert_eq!(secret("20 MD5 HEX:AbCd\n", CHRONY).as_deref(), Some("abcd"));
    assert_eq!(secret("20 MD5 ASCII:abcdef\n", CHRONY).as_deref(), Some("616263646566"));
    assert_eq!(secret("20 MD5 hex:0011\n", CHRONY), Some(hex(b"hex:0011")));
    assert_eq!(problems("20 MD5 hex:0011\n", CHRONY), [(1, 8, "prefix-is-text")]);
    assert_eq!(secret("20 MD5 HEX:+1-2\n", CHRONY).as_deref(), Some("01fe"));
    assert_eq!(problems("20 SHA1 HEX:001\n", CHRONY), [(1, 9, "odd-hex-digits")]);
    let odd = "error: key 20: SHA1 secret has 3 hex digits, expected an even number";
    assert_eq!(sentences("20 SHA1 HEX:001\n", CHRONY), [odd]);
    assert_eq!(problems("20 MD5 HEX:00zz\n", CHRONY), [(1, 8, "not-hex")]);
    assert_eq!(
        problems("20 MD5 HEX:\n21 MD5 ASCII:\n", CHRONY),
        [(1, 8, "empty-secret"), (2, 8, "empty-secret")]
    );
}

#[test]
fn chrony_takes_hex_without_prefix_as_text_of_any_length() {
    let digits = "00112233445566778899aabbccddeeff";
    assert_eq!(secret(format!("20 MD5 {digits}\n"), CHRONY), Some(hex(digits.as_bytes())));
    let expected = "warning: key 20: secret looks like 32 hex digits; chrony takes it as text";
    assert_eq!(sentences(format!("20 MD5 {digits}\n"), CHRONY), [expected]);
    let long = "ab".repeat(500);
    assert_eq!(secret(format!("20 MD5 HEX:{long}\n"), CHRONY), Some(long));
}

#[test]
fn chrony_takes_aes_secrets_of_the_right_length_only() {
    assert_eq!(
        secret("20 AES128 sixteencharskey!\n", CHRONY).as_deref(),
        Some("7369787465656e63686172736b657921")
    );
    let text = "20 AES128 shortkey\n";
    assert_eq!(
        sentences(text, CHRONY),
        ["error: key 20: AES128-CMAC secret has 8 octets, chrony takes exactly 16"]
    );
    let text = "20 AES128 HEX:0102030405060708090a0b0c0d0e0f1011121314\n";
    assert_eq!(problems(text, CHRONY), [(1, 11, "wrong-secret-length")]);
    assert_eq!(consequence(text, CHRONY), "chrony skips 1 line and loads 0 keys");
}

#[test]
fn chrony_reads_the_rest_of_an_overlong_line_as_another() {
    let hidden = format!("#{}20 MD5 hidden\n2 MD5 b\n", "x".repeat(2046));
    assert_eq!(keys(&hidden, CHRONY), [key(20, "md5", "68696464656e"), key(2, "md5", "62")]);
    assert_eq!(problems(&hidden, CHRONY), [(1, 2048, "line-too-long")]);
}
