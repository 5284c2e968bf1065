//! How hard a secret is to guess. Whoever has captured one packet can try secrets as fast as he computes digests.

/// Why a secret is easily guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weakness {
    /// It stands in a manual or an article.
    Published(&'static str),
    /// It is made of words that are tried first.
    Words,
    /// It follows a rule: one octet over and over, a sequence, a repeated part.
    Pattern,
    /// There are at most about 2 to that many secrets of its length and kind.
    Short(u32),
}

/// What is weak in a secret: its octets, and whether they were spelled as text.
pub(super) fn weakness(octets: &[u8], is_text: bool) -> Option<Weakness> {
    let published = super::published::source_of(octets).map(Weakness::Published);
    published
        .or_else(|| (is_text && is_made_of_words(octets)).then_some(Weakness::Words))
        .or_else(|| follows_a_rule(octets).then_some(Weakness::Pattern))
        .or_else(|| {
            let bits = bits(octets, is_text);
            (bits < ENOUGH_BITS).then_some(Weakness::Short(bits))
        })
}

/// Secrets of fewer bits can be tried out with means that can be bought: 112 bits are what NIST asks for, and a secret
/// of 16 printable characters, which NTPsec's generator writes, has a little less.
const ENOUGH_BITS: u32 = 80;

/// The bits of a secret of this length, each octet drawn from the kinds of characters that are in it; tenths are kept
/// until the end.
fn bits(octets: &[u8], is_text: bool) -> u32 {
    let tenths = if is_text { tenths_a_character(octets) } else { 80 };
    let length = u32::try_from(octets.len()).unwrap_or(u32::MAX);
    length.saturating_mul(tenths) / 10
}

fn tenths_a_character(text: &[u8]) -> u32 {
    let has = |kind: fn(&u8) -> bool| text.iter().any(kind);
    if text.iter().all(u8::is_ascii_digit) {
        return 33;
    }
    if text.iter().all(u8::is_ascii_hexdigit) {
        return 40;
    }
    match (has(u8::is_ascii_lowercase), has(u8::is_ascii_uppercase), has(u8::is_ascii_digit)) {
        _ if !text.iter().all(u8::is_ascii_alphanumeric) => 65,
        (true, true, _) => 59,
        (_, _, true) => 51,
        _ => 47,
    }
}

fn follows_a_rule(octets: &[u8]) -> bool {
    let differences: Vec<u8> =
        octets.iter().zip(octets.iter().skip(1)).map(|(a, b)| b.wrapping_sub(*a)).collect();
    let is_sequence = differences.iter().all(|step| differences.first() == Some(step));
    let repeats = |period: usize| octets.iter().skip(period).eq(octets.iter().take(octets.len() - period));
    is_sequence || (1..=octets.len() / 2).any(|period| octets.len().is_multiple_of(period) && repeats(period))
}

/// True when the letters of a text, with digits that are read as letters and without other signs, are words of the list.
fn is_made_of_words(text: &[u8]) -> bool {
    [false, true].into_iter().any(|reads_digits| {
        let letters: Vec<u8> = text.iter().filter_map(|octet| letter(*octet, reads_digits)).collect();
        !letters.is_empty() && can_be_cut(&letters)
    })
}

fn letter(octet: u8, reads_digits: bool) -> Option<u8> {
    match octet {
        b'0' if reads_digits => Some(b'o'),
        b'1' | b'!' if reads_digits => Some(b'i'),
        b'3' if reads_digits => Some(b'e'),
        b'4' | b'@' if reads_digits => Some(b'a'),
        b'5' | b'$' if reads_digits => Some(b's'),
        b'7' if reads_digits => Some(b't'),
        _ => octet.is_ascii_alphabetic().then(|| octet.to_ascii_lowercase()),
    }
}

/// True when a text is words of the list, one behind another.
fn can_be_cut(letters: &[u8]) -> bool {
    if letters.len() > LONGEST_PHRASE {
        return false;
    }
    let mut reached = vec![false; letters.len() + 1];
    if let Some(start) = reached.first_mut() {
        *start = true;
    }
    for at in 0..letters.len() {
        if reached.get(at) != Some(&true) {
            continue;
        }
        let rest = letters.get(at..).unwrap_or_default();
        for word in WORDS.iter().filter(|word| rest.starts_with(word.as_bytes())) {
            if let Some(end) = reached.get_mut(at + word.len()) {
                *end = true;
            }
        }
    }
    reached.last() == Some(&true)
}

/// Letters beyond which no words are looked for.
const LONGEST_PHRASE: usize = 64;

/// What people choose for devices and time servers, and what stands in examples.
const WORDS: [&str; 108] = [
    "a",
    "abc",
    "abcd",
    "abcdef",
    "acme",
    "admin",
    "administrator",
    "alpha",
    "and",
    "any",
    "arista",
    "auth",
    "authentication",
    "backup",
    "bar",
    "baz",
    "change",
    "changeit",
    "changeme",
    "chrony",
    "cisco",
    "client",
    "clock",
    "company",
    "default",
    "demo",
    "device",
    "dragon",
    "enable",
    "example",
    "foo",
    "foobar",
    "gps",
    "guest",
    "hello",
    "house",
    "hunter",
    "iburst",
    "is",
    "it",
    "juniper",
    "key",
    "keys",
    "lab",
    "lantime",
    "letmein",
    "linux",
    "long",
    "login",
    "manager",
    "master",
    "md",
    "me",
    "meinberg",
    "monkey",
    "my",
    "mykey",
    "mypass",
    "network",
    "new",
    "nice",
    "not",
    "ntp",
    "ntpd",
    "ntpkey",
    "ntpsec",
    "of",
    "office",
    "old",
    "one",
    "our",
    "pass",
    "passphrase",
    "passwd",
    "password",
    "private",
    "public",
    "pw",
    "qwerty",
    "qwertz",
    "random",
    "root",
    "router",
    "secret",
    "secure",
    "security",
    "server",
    "sha",
    "shared",
    "stratum",
    "switch",
    "symmetric",
    "sync",
    "system",
    "test",
    "testing",
    "the",
    "this",
    "time",
    "timekey",
    "timeserver",
    "tempus",
    "toor",
    "user",
    "very",
    "weak",
    "welcome",
    "your",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn of_text(text: &str) -> Option<Weakness> {
        weakness(text.as_bytes(), true)
    }

    #[test]
    fn words_are_found_in_any_disguise() {
        for text in
            ["password", "MySecretKey", "P@ssw0rd", "cisco123", "ntp-server-2024!", "T3st", "key", "s3cr3t"]
        {
            assert_eq!(of_text(text), Some(Weakness::Words), "{text}");
        }
        for text in ["L4rchT0ast-Viaduct+9", "zfQ8wk2pXd7vYs1LmN3c", "H@[IZA=?nhc^.iG&={s|"] {
            assert_eq!(of_text(text), None, "{text}");
        }
    }

    #[test]
    fn rules_are_found_in_octets_too() {
        let sequence: Vec<u8> = (1..=20).collect();
        assert_eq!(weakness(&sequence, false), Some(Weakness::Pattern));
        assert_eq!(weakness(&[7; 20], false), Some(Weakness::Pattern));
        assert_eq!(weakness(&[1, 9, 4, 1, 9, 4, 1, 9, 4, 1, 9, 4], false), Some(Weakness::Pattern));
        assert_eq!(of_text("87654321"), Some(Weakness::Pattern));
        assert_eq!(weakness(&[1, 9, 4, 1, 9, 4, 1, 9, 4, 1, 9, 4, 7], false), None);
    }

    #[test]
    fn short_secrets_are_counted_by_the_kind_of_their_characters() {
        assert_eq!(of_text("58304192"), Some(Weakness::Short(26)));
        assert_eq!(of_text("xkvqzjwp"), Some(Weakness::Short(37)));
        assert_eq!(weakness(&[0x9d, 0x02, 0x77, 0xe1, 0x45], false), Some(Weakness::Short(40)));
        assert_eq!(of_text("a6602840c563c0bf"), Some(Weakness::Short(64)));
        assert_eq!(of_text("$Kd8=Q,vWm2}pRx4"), None, "what ntpkeygen writes is fine");
    }

    #[test]
    fn nothing_at_all_is_weak() {
        assert!(of_text("").is_some());
        assert!(of_text("x").is_some());
    }

    #[test]
    fn long_texts_take_no_time() {
        assert_eq!(of_text(&"keykey".repeat(100)), Some(Weakness::Pattern));
    }
}
