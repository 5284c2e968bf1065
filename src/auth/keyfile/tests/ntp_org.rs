use super::*;

const NTP_ORG: Dialect = Dialect::NtpOrg;

fn refused(errors: usize) -> Consequence {
    Consequence::FileRefused { dialect: NTP_ORG, errors, gave_up: errors > 15 }
}

#[test]
fn ntp_org_reads_a_whole_file() {
    let text = "# comment\n1 MD5 secretMD5key1\n2 SHA1 asciiSHA1key # ascii\n\
        3 SHA1 0102030405060708090a0b0c0d0e0f1011121314 # hex\n4 MD5 00112233445566778899aabbccddeeff\n\
        5 AES128CMAC 2b7e151628aed2a6abf7158809cf4f3c\n\
        6 SHA256 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n\
        7 SHA512 ccccccccccccccccccccccccccccccccdddddddddddddddddddddddddddddddd\n\
        9 SHA384 eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee\n10 SHA3-256 11111111111111111111111111111111\n\
        12 MD5 exactly20characters!\n13 SHA3-512 22222222222222222222222222222222\n\
        14 RIPEMD160 3333333333333333333333333333333333333333\n15 SHA224 44444444444444444444444444444444\n\
        16 SHAKE128 55555555555555555555555555555555\n17 SHA3-224 66666666666666666666666666666666\n\
        65535 m maxid\n";
    assert_eq!(keys(text, NTP_ORG), shared_keys());
    assert_eq!(consequence(text, NTP_ORG), "ntp.org loads all 16 keys");
    let codes: Vec<_> = problems(text, NTP_ORG).into_iter().map(|(line, _, code)| (line, code)).collect();
    let long = [7, 8, 9, 10, 12, 14, 16].map(|line| (line, "digest-too-long"));
    assert_eq!(codes, long);
}

#[test]
fn ntp_org_reads_what_its_generator_writes() {
    let text = "# ntpkey_MD5key_vm.4004570709\n# Wed Nov 25 04:45:09 2026\n\n 1 MD5 *\"ydfK3t_UO>5]I+to{|  # MD5 key\n\
        10 MD5 I%HF--\\>KT'3(!3Rto1%  # MD5 key\n11 SHA1 a6602840c563c0bfe70d01aa262e305161027a9a  # SHA1 key\n";
    let expected = [
        key(1, "md5", "2a227964664b33745f554f3e355d492b746f7b7c"),
        key(10, "md5", "492548462d2d5c3e4b54273328213352746f3125"),
        key(11, "sha1", "a6602840c563c0bfe70d01aa262e305161027a9a"),
    ];
    assert_eq!(keys(text, NTP_ORG), expected);
    assert_eq!(problems(text, NTP_ORG), []);
}

#[test]
fn ntp_org_ends_a_line_at_a_hash_wherever_it_is() {
    assert_eq!(secret("20 MD5 abc#def\n", NTP_ORG).as_deref(), Some("616263"));
    assert_eq!(problems("20 MD5 abc#def\n", NTP_ORG), [(1, 11, "hash-ends-secret")]);
    assert_eq!(read(b"20 MD5#x abc\n", NTP_ORG).consequence, refused(1));
    assert_eq!(problems(" # only a comment\n\n \t\n#\n", NTP_ORG), []);
}

#[test]
fn ntp_org_takes_a_carriage_return_into_the_last_word() {
    assert_eq!(secret("20 MD5 crlfkey\r\n", NTP_ORG).as_deref(), Some("63726c666b65790d"));
    assert_eq!(problems("20 MD5 crlfkey\r\n", NTP_ORG), [(1, 16, "carriage-return")]);
    assert_eq!(problems("20 MD5 crlfkey # comment\r\n", NTP_ORG), []);
    let hex = "20 SHA1 0102030405060708090a0b0c0d0e0f1011121314\r\n";
    assert_eq!(problems(hex, NTP_ORG), [(1, 9, "not-hex"), (1, 50, "carriage-return")]);
    assert_eq!(read(hex.as_bytes(), NTP_ORG).consequence, refused(1));
    assert_eq!(problems("\r\n20 MD5 abc\n", NTP_ORG), [(1, 1, "carriage-return")]);
    assert!(consequence("\r\n20 MD5 abc\n", NTP_ORG).contains("refuses"));
}

#[test]
fn ntp_org_separates_words_by_space_and_tab_only() {
    assert_eq!(secret("   20   MD5\t\tabc   \n", NTP_ORG).as_deref(), Some("616263"));
    assert_eq!(problems("20\u{b}MD5\u{b}abc\n", NTP_ORG)[1], (1, 1, "missing-type"));
    assert_eq!(secret("\r20 MD5 abc", NTP_ORG).as_deref(), Some("616263"));
}

#[test]
fn ntp_org_reads_key_ids_with_atoi() {
    for (word, id) in [("20abc", 20), ("020", 20), ("+20", 20), ("4294967316", 20)] {
        let text = format!("{word} MD5 abc\n");
        assert_eq!(keys(&text, NTP_ORG), [key(id, "md5", "616263")], "{word}");
        assert_eq!(problems(&text, NTP_ORG), [(1, 1, "key-id-spelling")]);
    }
    for word in ["0", "x", "0x14", "-99999999999999999999"] {
        let text = format!("{word} MD5 abc\n");
        assert_eq!(problems(&text, NTP_ORG), [(1, 1, "bad-key-id")], "{word}");
        assert_eq!(read(text.as_bytes(), NTP_ORG).consequence, refused(1));
    }
    for word in ["65536", "-5", "99999999999999999999"] {
        assert_eq!(problems(format!("{word} MD5 abc\n"), NTP_ORG), [(1, 1, "key-id-too-large")], "{word}");
    }
    assert_eq!(keys("65535 MD5 a", NTP_ORG), [key(65535, "md5", "61")]);
}

#[test]
fn ntp_org_uses_the_first_of_several_lines_with_one_id() {
    let text = "20 MD5 first\n1 MD5 x\n20 MD5 second\n20 SHA1 third\n";
    assert_eq!(keys(text, NTP_ORG), [key(20, "md5", "6669727374"), key(1, "md5", "78")]);
    assert_eq!(problems(text, NTP_ORG), [(3, 8, "duplicate-key-id"), (4, 9, "duplicate-key-id")]);
    assert_eq!(consequence(text, NTP_ORG), "ntp.org loads both keys");
    assert_eq!(read(text.as_bytes(), NTP_ORG).entries.len(), 4);
}

#[test]
fn ntp_org_refuses_the_whole_file_for_one_bad_line() {
    let bad = ["20", "20 MD5", "0 MD5 a", "70000 MD5 a", "20 MD5 abcdefghijklmnopqrstu", "20 MD5 a nonsense"];
    for line in bad {
        let text = format!("1 MD5 good\n{line}\n2 MD5 good\n");
        let file = read(text.as_bytes(), NTP_ORG);
        assert_eq!(file.consequence, refused(1), "{line}");
        let good: Vec<u32> = file.entries.iter().map(|entry| entry.id().0).filter(|id| *id < 3).collect();
        assert_eq!(good, [1, 2], "{line}");
    }
    let sentence = "ntp.org refuses the whole file after 1 error; none of its keys load";
    assert_eq!(consequence("20 MD5\n", NTP_ORG), sentence);
}

#[test]
fn ntp_org_does_not_count_an_unknown_type() {
    let text = "20 FOO a\n21 SHA b\n2 MD5 b\n";
    assert_eq!(problems(text, NTP_ORG), [(1, 4, "unknown-type"), (2, 4, "unknown-type")]);
    assert_eq!(consequence(text, NTP_ORG), "ntp.org skips 2 lines and loads 1 key");
    assert_eq!(read(b"20 FOO a nonsense\n2 MD5 b\n", NTP_ORG).consequence, refused(1));
    assert_eq!(read(b"20 FOO abcdefghijklmnopqrstuvw\n2 MD5 b\n", NTP_ORG).consequence, refused(1));
}

#[test]
fn ntp_org_gives_up_after_more_than_fifteen_errors() {
    let errors = |count: usize| read("0 MD5 a\n".repeat(count).as_bytes(), NTP_ORG).consequence;
    assert_eq!(errors(15), Consequence::FileRefused { dialect: NTP_ORG, errors: 15, gave_up: false });
    assert_eq!(errors(16), Consequence::FileRefused { dialect: NTP_ORG, errors: 16, gave_up: true });
    assert_eq!(errors(20), Consequence::FileRefused { dialect: NTP_ORG, errors: 16, gave_up: true });
    let many_on_one_line = format!("{}1 MD5 a x,y,z,w\n", "0 MD5 a\n".repeat(15));
    assert_eq!(read(many_on_one_line.as_bytes(), NTP_ORG).consequence, refused(19));
}

#[test]
fn ntp_org_refuses_a_file_with_a_byte_order_mark() {
    assert_eq!(problems("\u{feff}1 MD5 abc\n2 MD5 def\n", NTP_ORG), [(1, 1, "byte-order-mark")]);
    assert_eq!(read("\u{feff}# comment\n2 MD5 def\n".as_bytes(), NTP_ORG).consequence, refused(1));
}

#[test]
fn ntp_org_knows_these_types_in_any_case() {
    for (word, expected) in [
        ("MD5", "md5"),
        ("md5", "md5"),
        ("M", "md5"),
        ("m", "md5"),
        ("Mac", "md5"),
        ("SHA1", "sha1"),
        ("sha1", "sha1"),
        ("RIPEMD160", "ripemd160"),
        ("SHA224", "sha224"),
        ("SHA256", "sha256"),
        ("SHA384", "sha384"),
        ("SHA512", "sha512"),
        ("sha512-256", "sha512-256"),
        ("SHA3-224", "sha3-224"),
        ("SHA3-256", "sha3-256"),
        ("SHAKE128", "shake128"),
        ("SHAKE256", "shake256"),
        ("RSA-SHA1", "sha1"),
        ("RSA-MD5", "md5"),
        ("AES128CMAC", "aes128-cmac"),
        ("aes128cmac", "aes128-cmac"),
        ("CMAC", "aes128-cmac"),
        ("MD4", "unsupported"),
        ("SM3", "unsupported"),
        ("MD5-SHA1", "unsupported"),
    ] {
        assert_eq!(algorithm(word, NTP_ORG), Some(expected), "{word}");
    }
    let rejected = [
        "SHA",
        "SHA-1",
        "SHA-256",
        "SHA2-256",
        "AES",
        "AES128",
        "AES-128",
        "S",
        "N",
        "A",
        "DES",
        "RIPEMD",
        "RMD160",
        "SHAKE-128",
        "WHIRLPOOL",
        "TIGER",
        "MDC2",
        "MD2",
        "BLAKE2b512",
        "HMAC",
        "RSA-SHA3-256",
    ];
    for word in rejected {
        assert_eq!(algorithm(word, NTP_ORG), None, "{word}");
    }
}

#[test]
fn ntp_org_takes_up_to_twenty_characters_as_text_and_more_as_hex() {
    let twenty = "0123456789abcdef0123";
    assert_eq!(secret(format!("20 MD5 {twenty}\n"), NTP_ORG), Some(hex(twenty.as_bytes())));
    assert_eq!(problems(format!("20 MD5 {twenty}\n"), NTP_ORG), [(1, 8, "hex-read-as-text")]);
    assert_eq!(secret("20 MD5 0123456789ABCDEF012345\n", NTP_ORG).as_deref(), Some("0123456789abcdef012345"));
    let text = "20 MD5 abcdefghijklmnopqrstu\n";
    assert_eq!(problems(text, NTP_ORG), [(1, 8, "not-hex")]);
    let expected =
        "error: key 20: secret of 21 characters must be hex for ntp.org, but character 7 is not a hex digit";
    assert_eq!(sentences(text, NTP_ORG), [expected]);
}

#[test]
fn ntp_org_makes_the_last_odd_digit_the_high_half_of_an_octet() {
    let text = "20 MD5 0123456789abcdef01234\n";
    assert_eq!(secret(text, NTP_ORG).as_deref(), Some("0123456789abcdef012340"));
    let expected = "warning: key 20: MD5 secret has 21 hex digits, expected an even number; \
        ntp.org makes the last one the high half of an octet, 4.2.8p15 drops it";
    assert_eq!(sentences(text, NTP_ORG), [expected]);
}

#[test]
fn ntp_org_takes_at_most_sixty_four_octets_of_hex() {
    assert_eq!(secret(format!("20 MD5 {}\n", "ab".repeat(64)), NTP_ORG), Some("ab".repeat(64)));
    let text = format!("20 MD5 {}\n", "ab".repeat(65));
    assert_eq!(problems(&text, NTP_ORG), [(1, 8, "secret-too-long")]);
    assert_eq!(problems(format!("20 MD5 {}c\n", "ab".repeat(64)), NTP_ORG), [(1, 8, "secret-too-long")]);
    assert_eq!(read(text.as_bytes(), NTP_ORG).consequence, refused(1));
}

#[test]
fn ntp_org_4_2_8p15_drops_an_odd_digit_and_cuts_hex_to_thirty_two_octets() {
    let older = |secret: &str| {
        let text = format!("20 MD5 {secret}\n");
        let file = read(text.as_bytes(), NTP_ORG);
        file.entries[0].older_version.as_ref().map(|key| hex(key.secret().as_octets()))
    };
    assert_eq!(older("0123456789abcdef01234").as_deref(), Some("0123456789abcdef0123"));
    assert_eq!(older(&"ab".repeat(64)), Some("ab".repeat(32)));
    assert_eq!(older(&"ab".repeat(32)), None);
    assert_eq!(older("text"), None);
}

/// `tests/peers/keys.py` has the same of the real one.
#[test]
fn ntp_org_4_2_8p15_loads_files_that_later_versions_refuse() {
    for rest in ["ab".repeat(33), "zz".to_owned(), "c".to_owned()] {
        let text = format!("1 MD5 good\n20 SHA1 {}{rest}\n", "ab".repeat(32));
        let older = read_older(text.as_bytes());
        assert!(matches!(older.consequence, Consequence::AllKeysLoad { keys: 2, .. }), "{rest}");
        let key = older.entries[1].ready().unwrap();
        assert_eq!(hex(key.secret().as_octets()), "ab".repeat(32), "{rest}");
        assert!(older.entries[1].older_version.is_none());
    }
    let file = read_older(format!("20 SHA1 {}g\n", "ab".repeat(20)).as_bytes());
    assert_eq!(file.consequence, refused(1));
    let text = format!("20 MD5 {}zz\n", "ab".repeat(32));
    assert_eq!(read(text.as_bytes(), NTP_ORG).consequence, refused(1));
}

#[test]
fn ntp_org_takes_prefixes_of_chrony_as_text() {
    assert_eq!(secret("20 MD5 HEX:00112233\n", NTP_ORG), Some(hex(b"HEX:00112233")));
    assert_eq!(problems("20 MD5 HEX:00112233\n", NTP_ORG), [(1, 8, "prefix-is-text")]);
    let long = b"20 MD5 HEX:00112233445566778899aabbccddeeff\n";
    assert_eq!(read(long, NTP_ORG).consequence, refused(1));
}

#[test]
fn ntp_org_zero_extends_and_cuts_aes_secrets() {
    let short = "20 AES128CMAC shortkey\n";
    assert_eq!(secret(short, NTP_ORG).as_deref(), Some("73686f72746b65790000000000000000"));
    let expected =
        "warning: key 20: secret has 8 octets and the cipher takes 16; ntp.org fills up with zeros";
    assert_eq!(sentences(short, NTP_ORG), [expected]);
    let long = "20 AES128CMAC 0102030405060708090a0b0c0d0e0f1011121314\n";
    assert_eq!(secret(long, NTP_ORG).as_deref(), Some("0102030405060708090a0b0c0d0e0f10"));
    assert_eq!(problems(long, NTP_ORG), [(1, 15, "secret-cut")]);
}

#[test]
fn ntp_org_reads_a_fourth_word_as_addresses() {
    let file = read(b"20 MD5 a 192.0.2.0/24,2001:db8::1 ignored\n21 MD5 b\n", NTP_ORG);
    let ranges: Vec<String> = file.entries[0].addresses.iter().map(AddressRange::to_string).collect();
    assert_eq!(ranges, ["192.0.2.0/24", "2001:db8::1/128"]);
    assert!(file.entries[1].addresses.is_empty());
    let codes: Vec<_> = file.problems.iter().map(|it| (it.column, it.kind.code())).collect();
    assert_eq!(codes, [(35, "words-ignored")]);
    assert_eq!(problems("20 MD5 a ::1,10.0.0.1/33\n", NTP_ORG), [(1, 14, "mask-too-long")]);
    assert_eq!(
        problems("20 MD5 a 10.0.0.1/x,y\n", NTP_ORG),
        [(1, 10, "bad-address"), (1, 21, "bad-address")]
    );
    assert_eq!(read(b"20 MD5 a 10.0.0.1/x,y\n", NTP_ORG).consequence, refused(2));
    assert_eq!(read(b"20 MD5 a 127.0.0.1/33\n", NTP_ORG).entries.len(), 1);
}

#[test]
fn ntp_org_reads_the_rest_of_an_overlong_line_as_another() {
    let hidden = format!("#{}20 MD5 hidden\n2 MD5 b\n", "x".repeat(510));
    assert_eq!(keys(&hidden, NTP_ORG), [key(20, "md5", "68696464656e"), key(2, "md5", "62")]);
    assert_eq!(problems(&hidden, NTP_ORG), [(1, 512, "line-too-long")]);
    let fits = format!("#{}\n2 MD5 b\n", "x".repeat(510));
    assert_eq!(problems(fits, NTP_ORG), []);
    let comment = format!("# {}\n2 MD5 b\n", "x".repeat(600));
    assert_eq!(problems(&comment, NTP_ORG), [(1, 512, "line-too-long"), (1, 512, "bad-key-id")]);
}

#[test]
fn ntp_org_names_old_des_types_and_repeated_ids() {
    let text = "10 A abcdef\n10 N 29233E0461ECD6AE\n10 S 29233E0461ECD6AE\n4 M plain\n";
    assert_eq!(keys(text, NTP_ORG), [key(4, "md5", "706c61696e")]);
    let expected = "error: key 10: type A is a DES key of ntpd before 4.2, which ntp.org does not take";
    assert_eq!(sentences(text, NTP_ORG)[0], expected);
}
