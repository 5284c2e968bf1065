use super::*;
use crate::auth::algorithm::Algorithm;
use crate::auth::key::{KeyId, Secret};

const NTP_ORG: Format = Format::Daemon(Dialect::NtpOrg);
const NTPSEC: Format = Format::Daemon(Dialect::Ntpsec);
const CHRONY: Format = Format::Daemon(Dialect::Chrony);

fn converted(text: &str, from: Format, to: Format) -> Result<String, Vec<String>> {
    let keys = read(text.as_bytes(), from);
    assert_eq!(keys.lost, []);
    let sentence = |fault: &Inexpressible| format!("{}: {fault}", fault.line);
    match write(&keys.kept, to, &[]) {
        Ok(text) => Ok(String::from_utf8(text.to_vec()).unwrap()),
        Err(faults) => Err(faults.iter().map(sentence).collect()),
    }
}

fn refusal(text: &str, from: Format, to: Format) -> String {
    converted(text, from, to).unwrap_err().join("\n")
}

#[test]
fn a_hex_secret_keeps_its_octets_in_every_key_file() {
    let hex = "0102030405060708090a0b0c0d0e0f1011121314";
    let chrony = format!("11 SHA1 HEX:{}\n", hex.to_uppercase());
    let ntp = format!("11 SHA1 {hex}\n");
    assert_eq!(converted(&ntp, NTP_ORG, CHRONY).unwrap(), chrony);
    assert_eq!(converted(&chrony, CHRONY, NTPSEC).unwrap(), ntp);
    assert_eq!(converted(&ntp, NTPSEC, NTP_ORG).unwrap(), ntp);
}

#[test]
fn types_change_their_names_and_aes_secrets_their_padding() {
    let aes = "5 AES-128 2b7e151628aed2a6abf7158809cf4f3c\n";
    assert_eq!(converted(aes, NTPSEC, CHRONY).unwrap(), "5 AES128 HEX:2B7E151628AED2A6ABF7158809CF4F3C\n");
    assert_eq!(converted(aes, NTPSEC, NTP_ORG).unwrap(), "5 AES128CMAC 2b7e151628aed2a6abf7158809cf4f3c\n");
    let short = "5 CMAC shortkey\n";
    assert_eq!(converted(short, NTP_ORG, NTPSEC).unwrap(), "5 AES128CMAC 73686f72746b65790000000000000000\n");
    assert_eq!(converted("5 abc\n", CHRONY, NTP_ORG).unwrap(), "5 MD5 abc\n");
    assert_eq!(converted("5 m abc # x\n", NTP_ORG, CHRONY).unwrap(), "5 MD5 HEX:616263\n");
}

#[test]
fn a_carriage_return_in_a_secret_survives_or_is_refused() {
    assert_eq!(converted("5 MD5 crlf\r\n", NTP_ORG, CHRONY).unwrap(), "5 MD5 HEX:63726C660D\n");
    let expected = "1: key 5: ntp.org takes secrets in hex from 11 octets on, and the secret of 5 octets cannot be \
        written as text";
    assert_eq!(refusal("5 MD5 HEX:63726C660D\n", CHRONY, NTP_ORG), expected);
    let long = "5 MD5 crlf-is-longer\r\n";
    assert_eq!(converted(long, NTP_ORG, NTPSEC).unwrap(), "5 MD5 63726c662d69732d6c6f6e6765720d\n");
}

#[test]
fn what_a_program_lacks_is_refused_with_the_reason() {
    for (line, from, to, expected) in [
        ("70000 MD5 abc\n", CHRONY, NTP_ORG, "1: key 70000: ntp.org has key IDs from 1 to 65535"),
        ("0 MD5 abc\n", CHRONY, CHRONY, "1: key 0: chrony has key IDs from 1 to 4294967295"),
        ("3 RIPEMD160 abc\n", NTPSEC, CHRONY, "1: key 3: chrony does not know ripemd160"),
        (
            "3 AES-192 012345678901234567890123456789012345678901234567\n",
            NTPSEC,
            NTP_ORG,
            "1: key 3: ntp.org does not know aes192-cmac",
        ),
        ("3 TIGER abc\n", CHRONY, CHRONY, "1: key 3: whether chrony knows tiger depends on how it was built"),
        (
            "3 SHA256 abc\n",
            CHRONY,
            NTP_ORG,
            "1: key 3: ntp.org 4.2.8p18 loads sha256 keys and verifies nothing with them, because their digests are longer than \
             20 octets",
        ),
        (
            "3 MD5 a-secret-of-forty-characters-for-chrony!\n",
            CHRONY,
            NTPSEC,
            "1: key 3: the secret has 40 octets, and NTPsec takes at most 32",
        ),
        (
            "3 MD5 ab#c\n",
            CHRONY,
            NTP_ORG,
            "1: key 3: ntp.org takes secrets in hex from 11 octets on, and the secret of 4 octets cannot be written as \
             text",
        ),
        (
            "3 MD5 abc 10.0.0.1\n",
            NTP_ORG,
            CHRONY,
            "1: key 3: chrony has no address lists, and without its own the key would be taken from everywhere",
        ),
        (
            "3 SHA1 abc\n",
            NTP_ORG,
            Format::CiscoIos,
            "1: key 3: Cisco IOS uses sha1 in HMAC only, whose digests are others",
        ),
        (
            "3 MD5 00112233445566778899aabbccddeeff\n",
            NTP_ORG,
            Format::CiscoIos,
            "1: key 3: Cisco IOS takes a text, and the secret of 16 octets has some that cannot stand in one",
        ),
        ("65535 MD5 abc\n", NTP_ORG, Format::Arista, "1: key 65535: Arista EOS has key IDs from 1 to 65534"),
        ("3 SHA256 abc\n", NTPSEC, Format::Arista, "1: key 3: Arista EOS does not know sha256"),
        (
            "3 MD5 a;b\n",
            NTP_ORG,
            Format::Junos,
            "1: key 3: Junos takes secrets in hex from 11 octets on, and the secret of 3 octets cannot be written as \
             text",
        ),
    ] {
        assert_eq!(refusal(line, from, to), expected);
    }
}

#[test]
fn address_lists_stay_with_ntp_org() {
    let line = "3 MD5 abc 10.0.0.0/8,::1/128\n";
    assert_eq!(converted(line, NTP_ORG, NTP_ORG).unwrap(), line);
}

#[test]
fn devices_get_lines_of_their_configuration() {
    let text = "9 MD5 cisco\n";
    let line = |to| converted(text, NTP_ORG, to).unwrap();
    assert_eq!(line(Format::CiscoIos), "ntp authentication-key 9 md5 094F471A1A0A 7\n");
    assert_eq!(line(Format::Arista), "ntp authentication-key 9 md5 0 cisco\n");
    assert_eq!(line(Format::Junos), "set system ntp authentication-key 9 type md5 value \"cisco\"\n");
    let hex = "11 SHA1 0102030405060708090a0b0c0d0e0f1011121314\n";
    let junos =
        "set system ntp authentication-key 11 type sha1 value \"0102030405060708090a0b0c0d0e0f1011121314\"\n";
    assert_eq!(converted(hex, NTP_ORG, Format::Junos).unwrap(), junos);
    let aes = "5 AES128 ASCII:sixteencharskey!\n";
    assert!(refusal(aes, CHRONY, Format::CiscoIos).contains("cannot stand in one"), "no exclamation marks");
    let aes = "5 AES128 ASCII:sixteencharskey.\n";
    let cisco = converted(aes, CHRONY, Format::CiscoIos).unwrap();
    assert!(cisco.starts_with("ntp authentication-key 5 cmac-aes-128 05"), "{cisco}");
    assert_eq!(converted(&cisco, Format::CiscoIos, NTP_ORG).unwrap(), "5 AES128CMAC sixteencharskey.\n");
}

#[test]
fn configurations_of_devices_are_told_apart_and_read() {
    let cisco = "hostname r1\nntp authenticate\nntp authentication-key 9 md5 094F471A1A0A 7\n\
        ntp authentication-key 10 md5 plain\n! ntp authentication-key 11 md5 comment\nntp trusted-key 9\n";
    assert_eq!(Format::of_device(cisco.as_bytes()), Some(Format::CiscoIos));
    assert_eq!(converted(cisco, Format::CiscoIos, NTP_ORG).unwrap(), "9 MD5 cisco\n10 MD5 plain\n");
    let arista = "   ntp authentication-key 9 sha1 7 094F471A1A0A\nntp authentication-key 10 md5 0 plain\n";
    assert_eq!(Format::of_device(arista.as_bytes()), Some(Format::Arista));
    assert_eq!(
        converted(arista, Format::Arista, CHRONY).unwrap(),
        "9 SHA1 HEX:636973636F\n10 MD5 HEX:706C61696E\n"
    );
    let junos = "set system ntp authentication-key 9 type md5 value \"cisco\"\n";
    assert_eq!(Format::of_device(junos.as_bytes()), Some(Format::Junos));
    let braces = "ntp {\n    authentication-key 9 type md5 value \"cisco\"; ## SECRET-DATA\n}\n";
    for text in [junos, braces] {
        assert_eq!(converted(text, Format::Junos, NTP_ORG).unwrap(), "9 MD5 cisco\n");
    }
    assert_eq!(Format::of_device(b"9 MD5 cisco\n"), None);
}

#[test]
fn lines_of_devices_that_give_no_key_say_why() {
    let reasons = |text: &str, device| -> Vec<String> {
        read(text.as_bytes(), device).lost.iter().map(|lost| format!("{}: {lost}", lost.line)).collect()
    };
    let cisco = "ntp authentication-key 9 hmac-sha1 abc\nntp authentication-key 9 md5 ZQX 7\n\
        ntp authentication-key 9 md5 ZQX 6\nntp authentication-key x md5 ZQX\nntp authentication-key 8 md5\n\
        ntp authentication-key 9 cmac-aes-128 short\n";
    assert_eq!(
        reasons(cisco, Format::CiscoIos),
        [
            "1: key 9: the type is one of HMAC, which no NTP daemon computes",
            "2: key 9: the secret is said to be a type-7 text, and is none",
            "3: key 9: the secret is encrypted with a key that only the device has (type 6)",
            "4: a key ID that is no number",
            "5: key 8: expected type, secret and perhaps the number of its form",
            "6: key 9: aes128-cmac takes a secret of 16 octets, not 5",
        ]
    );
    let junos = "set system ntp authentication-key 9 type md5 value \"$9$ZQX\"\nset system ntp authentication-key 9 type md5\n";
    assert_eq!(
        reasons(junos, Format::Junos),
        [
            "1: key 9: the secret is hidden ($9$); take the one that was typed in",
            "2: key 9: the value is missing"
        ]
    );
}

#[test]
fn keys_of_which_the_octets_are_not_certain_are_lost_with_the_reason() {
    let lost = |text: &str, format| -> Vec<String> {
        read(text.as_bytes(), format).lost.iter().map(ToString::to_string).collect()
    };
    let odd = lost("20 MD5 0123456789abcdef01234\n", NTP_ORG);
    assert_eq!(
        odd,
        ["key 20: the secret is another one for ntp.org 4.2.8p15 and earlier than for later versions"]
    );
    assert!(lost("20 AES shortkey\n", NTPSEC)[0].contains("does not tell"));
    assert!(lost("20 MD4 shortkey\n", NTP_ORG)[0].contains("none that ntpcap can compute"));
    let bad = lost("1 MD5 good\n2 MD5\n", NTP_ORG);
    assert_eq!(bad.len(), 2);
    assert_eq!(bad[1], "ntp.org refuses the whole file after 1 error; none of its keys load");
    assert!(lost("1 MD5 good # comment\n", CHRONY)[0].contains("comment"));
}

#[test]
fn a_file_is_known_again_by_its_header() {
    let keys = read(b"1 MD5 0102030405060708090a0b0c0d0e0f10\n", NTP_ORG);
    for dialect in Dialect::ALL {
        let format = Format::Daemon(dialect);
        let text = write(&keys.kept, format, &[format.header()]).unwrap();
        let detection = keyfile::detect(&text);
        assert_eq!((detection.dialect, detection.certain), (dialect, true));
    }
}

#[test]
fn superseded_lines_are_named() {
    let keys = read(b"1 MD5 first\n1 MD5 second\n", NTPSEC);
    assert_eq!((keys.superseded, keys.kept[0].line), (vec![1], 2));
    let typed = "ntp authentication-key 9 md5 one\nntp authentication-key 9 md5 two\n";
    let keys = read(typed.as_bytes(), Format::CiscoIos);
    assert_eq!((keys.superseded, keys.kept[0].line), (vec![1], 2));
}

#[test]
fn every_cut_and_every_change_of_one_octet_is_read() {
    let text = "ntp authentication-key 9 md5 7 094F471A1A0A\r\nset system ntp authentication-key 9 type sha1 value \"cisco\";\n\
        no ntp authentication-key 1 md5 x\nauthentication-key\n11 SHA1 0102030405060708090a0b0c0d0e0f1011121314 ::1\n";
    let mut octets = text.as_bytes().to_vec();
    for at in 0..octets.len() {
        for format in Format::ALL {
            read(&octets[..at], format);
        }
        let before = octets[at];
        for octet in [0, b' ', b'\n', b'"', b'$', b'0', b'7', b'9', 0x80, 0xff] {
            octets[at] = octet;
            Format::of_device(&octets);
            for format in Format::ALL {
                read(&octets, format);
            }
        }
        octets[at] = before;
    }
}

/// Whatever the octets and wherever they go: the same key comes out, or none.
#[test]
fn no_octets_are_ever_changed() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let (mut written, mut refused) = (0, 0);
    for round in 0..4_000_usize {
        let algorithm = Algorithm::ALL[round % Algorithm::ALL.len()];
        let length = algorithm.secret_length().unwrap_or(usize::try_from(random() % 70).unwrap());
        let printable = random() % 2 == 0;
        let octet = |value: u64| u8::try_from(if printable { 33 + value % 94 } else { value % 256 }).unwrap();
        let secret: Vec<u8> = (0..length).map(|_| octet(random())).collect();
        let id = KeyId(u32::try_from(random() % 70_000).unwrap());
        let key = Key::new(id, algorithm, Secret::new(secret.clone())).unwrap();
        let kept = [Kept { line: 1, key, addresses: Vec::new() }];
        for format in Format::ALL {
            match write(&kept, format, &["header".to_owned()]) {
                Ok(text) => {
                    let again = read(&text, format);
                    assert_eq!(again.kept[0].key.secret().as_octets(), secret, "{format}");
                    written += 1;
                }
                Err(faults) => {
                    assert_ne!(faults[0].reason, Reason::ReadsOtherwise, "{format}: {secret:?}");
                    refused += 1;
                }
            }
        }
    }
    assert!(written > 4_000 && refused > 4_000, "{written} {refused}");
}
