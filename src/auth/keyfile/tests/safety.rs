use super::*;

/// A file with something of everything, and secrets that can be searched for.
const REALISTIC: &str = "# ntpkey_MD5key_host.4004570709\r\n\n 1 MD5 s3cret-one  # MD5 key\n\
    2 SHA1 0badc0de0badc0de0badc0de0badc0de0badc0de 192.0.2.0/24,::1,bad # x\n3 AES s3cret\r\n\
    4 AES256 HEX:0badc0de\n5 s3cretword\n; c\n70000 SHA3-256 s3cret#x\n3 M s3cret\nx s3cret";

#[test]
fn every_cut_is_read() {
    for end in 0..=REALISTIC.len() {
        for dialect in Dialect::ALL {
            read(&REALISTIC.as_bytes()[..end], dialect);
        }
        detect(&REALISTIC.as_bytes()[..end]);
    }
}

#[test]
fn every_change_of_one_octet_is_read() {
    let telling = [
        0, b'\t', b'\n', b'\r', b' ', b'#', b'!', b',', b'-', b'/', b'0', b'9', b':', b'F', b'm', 0x80, 0xff,
    ];
    let mut text = REALISTIC.as_bytes().to_vec();
    for at in 0..text.len() {
        let before = text[at];
        for octet in telling {
            text[at] = octet;
            for dialect in Dialect::ALL {
                read(&text, dialect);
            }
            detect(&text);
        }
        text[at] = before;
    }
}

#[test]
fn any_octets_are_read() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let alphabet = b"\0\t\n\r #,:/-0123456789abcdefMDSHAESXCII.\xef\xbb\xbf\xff";
    for length in (0..3000).step_by(7) {
        let text: Vec<u8> = (0..length)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                alphabet[usize::try_from(state % alphabet.len() as u64).unwrap()]
            })
            .collect();
        for dialect in Dialect::ALL {
            read(&text, dialect);
        }
        detect(&text);
    }
}

#[test]
fn no_problem_and_no_debug_text_shows_a_secret() {
    let lines = [
        "1 ZQXWJKx",
        "2 ZQXWJKx ZQXWJKy",
        "3 MD5 ZQXWJKx ZQXWJKy ZQXWJKz",
        "4 MD5 ZQXWJKx#ZQXWJKy",
        "ZQXWJKx MD5 5",
        "ZQXWJKx",
        "6 mZQXWJKx ZQXWJKy",
        "7 AES ZQXWJKx",
        "8 AES128 ZQXWJKx",
        "9 AES128CMAC ZQXWJKx ZQXWJKy",
        "10 SHA1 ZQXWJKx-that-is-longer-than-twenty",
        "11 SHA1 HEX:ZQXWJKx",
        "12 SHA1 hex:ZQXWJKx",
        "13 SHA1 ZQXWJKx\r",
        "14 SHA1 ZQXWJKx\0ZQXWJKy",
        "1 MD5 ZQXWJKx",
        "15 SM3 ZQXWJKx",
        "99999 MD5 ZQXWJKx",
        "16 SHA1 5EC12E7000000000000000000000000000005EC12E7",
        "17 SHA1 HEX:5EC12E7000000000000000000000000000005EC12E7",
        "5EC12E70000000000000 18 SHA1",
        "19 5EC12E70000000000000 SHA1",
    ];
    let text = lines.join("\n");
    for dialect in Dialect::ALL {
        let file = read(text.as_bytes(), dialect);
        let mut shown = format!("{file:?} {} {:?}", file.consequence, detect(text.as_bytes()));
        for problem in &file.problems {
            shown += &format!("{problem} {problem:?} {:?}\n", problem.hint());
        }
        assert!(file.problems.len() > 10, "{dialect}");
        assert!(!shown.to_ascii_uppercase().contains("ZQXWJK"), "{shown}");
        assert!(!shown.to_ascii_uppercase().contains("5EC12E7"), "{shown}");
    }
}

#[test]
fn reading_stops_at_its_limits() {
    let codes = |text: &[u8], dialect| -> Vec<_> {
        read(text, dialect).problems.iter().map(|it| (it.line, it.kind.clone())).collect()
    };
    let large = vec![b'\n'; 100_002];
    let spaces = vec![b' '; (4 << 20) + 1];
    for dialect in Dialect::ALL {
        let lines = (100_001, ProblemKind::ReadingStopped(Limit::Lines));
        assert_eq!(codes(&large, dialect), [lines]);
        let octets = (1, ProblemKind::ReadingStopped(Limit::Octets));
        assert!(codes(&spaces, dialect).contains(&octets), "{dialect}");
    }
    let keys = "1 a\n".repeat(100_001);
    let file = read(keys.as_bytes(), Dialect::Chrony);
    assert_eq!(file.entries.len(), 100_000);
    let last: Vec<_> = file.problems.iter().rev().take(2).map(|it| it.kind.code()).collect();
    assert_eq!(last, ["reading-stopped", "problems-omitted"]);
    assert_eq!(file.problems.len(), 10_002);
}

#[test]
fn every_problem_has_a_sentence() {
    for dialect in Dialect::ALL {
        for problem in read(REALISTIC.as_bytes(), dialect).problems {
            let sentence = problem.to_string();
            assert!(sentence.len() > 20 && !sentence.ends_with(['.', ':', ' ']), "{sentence}");
        }
    }
}
