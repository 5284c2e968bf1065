//! The table of other readings of a secret: what the sender may have made of the same line of a key file.

use crate::auth::keyfile::Dialect;
use crate::auth::keyring::Candidate;
use crate::auth::{Algorithm, Secret};

use super::code::Code;
use super::evidence::Clause;
use super::transform::{
    TYPE7_SALTS, from_base64, from_hex, from_type7, other_encoding, plain_digest, to_base64, to_hex, to_type7,
};

/// One entry of the table.
pub(super) struct Reading {
    /// What it proves when it matches.
    pub(super) code: Code,
    /// Whether it is also tried together with another key ID, another algorithm or HMAC.
    pub(super) combines: bool,
    /// Makes the secrets that it stands for.
    pub(super) make: fn(&Line<'_>, &mut Offers),
}

/// Every reading. Those that fit few lines come first: where several make the same secret, they are told in this order,
/// and a limit of length, which fits any line, is told last.
pub(super) const READINGS: [Reading; 18] = [
    Reading { code: Code::PrefixDiffers, combines: true, make: prefixes },
    Reading { code: Code::TrailingCarriageReturn, combines: true, make: carriage_return },
    Reading { code: Code::TextAfterHash, combines: true, make: hash_sign },
    Reading { code: Code::QuotesInSecret, combines: false, make: quotes },
    Reading { code: Code::HexReadAsAscii, combines: true, make: hex_as_text },
    Reading { code: Code::AsciiReadAsHex, combines: true, make: text_as_hex },
    Reading { code: Code::OddHexDigits, combines: true, make: odd_digits },
    Reading { code: Code::TextAfterSpace, combines: false, make: more_words },
    Reading { code: Code::TrailingOctet, combines: false, make: trailing },
    Reading { code: Code::ObfuscatedSecret, combines: false, make: obfuscation },
    Reading { code: Code::Base64Secret, combines: false, make: base64 },
    Reading { code: Code::CaseDiffers, combines: false, make: letter_case },
    Reading { code: Code::CharacterEncoding, combines: false, make: encoding },
    Reading { code: Code::DigestAsSecret, combines: false, make: digests },
    Reading { code: Code::TypeAsSecret, combines: false, make: type_words },
    Reading { code: Code::OctetsReversed, combines: false, make: reversed },
    Reading { code: Code::KeyTruncated, combines: true, make: cuts },
    Reading { code: Code::KeyPadded, combines: false, make: zeros },
];

/// A line of a key file as its program reads it.
pub(super) struct Line<'k> {
    /// The word of the secret.
    pub(super) word: &'k [u8],
    /// From there to the end of the line.
    rest: &'k [u8],
    /// The octets that the program computes with.
    read: &'k [u8],
    /// The same before they are cut or filled up for a cipher.
    pub(super) spelled: Vec<u8>,
    algorithm: Algorithm,
}

impl<'k> Line<'k> {
    pub(super) fn new(candidate: &'k Candidate, dialect: Dialect) -> Line<'k> {
        let word = candidate.spelling.word.as_octets();
        let read = candidate.key.secret().as_octets();
        let decoded = match dialect {
            Dialect::Chrony => word.strip_prefix(b"HEX:").and_then(from_hex),
            Dialect::NtpOrg | Dialect::Ntpsec => Some(word).filter(|word| word.len() > 20).and_then(from_hex),
        };
        let plain = match dialect {
            Dialect::Chrony => word.strip_prefix(b"ASCII:").unwrap_or(word),
            Dialect::NtpOrg | Dialect::Ntpsec => word,
        };
        // Digits that are no pairs are read by rules of their own.
        let is_text = read == plain || candidate.key.algorithm().secret_length().is_some();
        let spelled = decoded.unwrap_or_else(|| if is_text { plain.to_vec() } else { read.to_vec() });
        let rest = candidate.spelling.rest_of_line.as_octets();
        Line { word, rest, read, spelled, algorithm: candidate.key.algorithm() }
    }

    /// The word, or what stands behind a prefix, if all of it is hex digits.
    fn digits(&self) -> Option<&'k [u8]> {
        let digits = prefix(self.word).map_or(self.word, |(_, digits)| digits);
        (!digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit)).then_some(digits)
    }

    /// True when the octets of the text are what is computed with.
    fn is_text(&self) -> bool {
        self.word.ends_with(&self.spelled)
    }
}

/// The prefix of a word that is known from some program, and what follows it.
fn prefix(word: &[u8]) -> Option<(&'static [u8], &[u8])> {
    let found = PREFIXES
        .iter()
        .find(|prefix| word.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix)))?;
    word.get(found.len()..).map(|rest| (*found, rest))
}

/// True when a prefix says that hex digits follow.
fn says_hex(word: &[u8]) -> bool {
    prefix(word).is_some_and(|(found, _)| found != b"ASCII:")
}

const PREFIXES: [&[u8]; 3] = [b"HEX:", b"ASCII:", b"0x"];

/// The secrets that a reading makes, with the words of what was done.
#[derive(Default)]
pub(super) struct Offers(pub(super) Vec<Offer>);

/// One of them.
pub(super) struct Offer {
    pub(super) secret: Secret,
    pub(super) clause: Clause,
    /// The algorithm, where it is not that of the line.
    pub(super) algorithm: Option<Algorithm>,
}

impl Offers {
    fn add(&mut self, octets: Vec<u8>, words: &'static str) {
        self.push(octets, Clause::Words(words));
    }

    fn push(&mut self, octets: Vec<u8>, clause: Clause) {
        self.0.push(Offer { secret: Secret::new(octets), clause, algorithm: None });
    }
}

fn hex_as_text(line: &Line<'_>, offers: &mut Offers) {
    if let Some(digits) = line.digits().filter(|_| !line.is_text()) {
        offers.add(digits.to_vec(), "the hex digits are taken as text");
        offers.add(digits.to_ascii_uppercase(), "the hex digits are taken as text, in capitals");
        offers.add(digits.to_ascii_lowercase(), "the hex digits are taken as text, in small letters");
    }
    let spelled = to_hex(&line.spelled);
    offers.add(spelled.to_ascii_uppercase(), "the secret is spelled in hex and taken as text, in capitals");
    offers.add(spelled, "the secret is spelled in hex and taken as text");
}

fn text_as_hex(line: &Line<'_>, offers: &mut Offers) {
    let decoded = line.digits().filter(|_| !says_hex(line.word)).and_then(from_hex);
    offers.0.extend(decoded.map(|octets| Offer {
        secret: Secret::new(octets),
        clause: Clause::Words("the text is decoded as hex digits"),
        algorithm: None,
    }));
}

fn odd_digits(line: &Line<'_>, offers: &mut Offers) {
    let Some(digits) = line.digits().filter(|digits| digits.len() % 2 == 1) else { return };
    let decode = |digits: Vec<u8>| from_hex(&digits);
    let shorter = digits.split_last().map(|(_, whole)| whole.to_vec()).and_then(decode);
    offers.0.extend(
        [
            (shorter, "the last of an odd number of hex digits is dropped"),
            (
                decode([digits, b"0"].concat()),
                "the last of an odd number of hex digits is the high half of an octet",
            ),
            (
                decode([b"0", digits].concat()),
                "the first of an odd number of hex digits is an octet by itself",
            ),
        ]
        .into_iter()
        .filter_map(|(octets, words)| {
            Some(Offer { secret: Secret::new(octets?), clause: Clause::Words(words), algorithm: None })
        }),
    );
}

fn prefixes(line: &Line<'_>, offers: &mut Offers) {
    match prefix(line.word) {
        Some((_, rest)) => {
            offers.add(line.word.to_vec(), "the prefix of the secret is part of it");
            if line.is_text() {
                offers.add(rest.to_vec(), "the prefix of the secret is no part of it");
            }
            if let Some(octets) = from_hex(rest).filter(|_| says_hex(line.word)) {
                offers.add(octets, "the prefix of the secret says that hex digits follow");
            }
        }
        None => {
            for prefix in PREFIXES {
                offers
                    .add([prefix, line.word].concat(), "a prefix stands before the secret and is part of it");
            }
        }
    }
}

/// Where programs and devices cut secrets, in octets or in digits.
const CUTS: [u32; 8] = [8, 15, 16, 19, 20, 31, 32, 64];

fn cuts(line: &Line<'_>, offers: &mut Offers) {
    if line.read.len() < line.spelled.len() {
        offers.add(line.spelled.clone(), "the secret is not cut");
    }
    // What fills a cipher's secret up is not part of it.
    let whole = if line.spelled.len() < line.read.len() { &line.spelled } else { line.read };
    for length in CUTS {
        let at = usize::try_from(length).unwrap_or_default();
        let cut = |octets: &[u8]| octets.get(..at).filter(|cut| cut.len() < octets.len()).map(<[u8]>::to_vec);
        if let Some(octets) = cut(whole) {
            offers.push(octets, Clause::Number("the secret is cut to {} octets", length));
        }
        if line.is_text() {
            continue;
        }
        if let Some(digits) = line.digits().and_then(cut) {
            let octets = from_hex(&digits);
            offers.push(digits, Clause::Number("the first {} hex digits are taken as text", length));
            if let Some(octets) = octets {
                offers.push(octets, Clause::Number("the secret is cut to {} hex digits", length));
            }
        }
    }
}

fn zeros(line: &Line<'_>, offers: &mut Offers) {
    for length in [16, 20, 32, 64] {
        let wanted = usize::try_from(length).unwrap_or_default();
        if line.spelled.len() < wanted {
            let mut octets = line.spelled.clone();
            octets.resize(wanted, 0);
            offers.push(octets, Clause::Number("the secret is filled up with zeros to {} octets", length));
        }
    }
}

fn carriage_return(line: &Line<'_>, offers: &mut Offers) {
    match line.spelled.strip_suffix(b"\r") {
        Some(without) => {
            offers.add(without.to_vec(), "the carriage return behind the secret is no part of it")
        }
        None => offers
            .add([&line.spelled, &b"\r"[..]].concat(), "a carriage return behind the secret is part of it"),
    }
}

fn trailing(line: &Line<'_>, offers: &mut Offers) {
    for (octets, words) in [
        (&b"\n"[..], "a line feed behind the secret is part of it"),
        (b"\r\n", "a carriage return and a line feed behind the secret are part of it"),
        (b" ", "a space behind the secret is part of it"),
        (b"\t", "a tab behind the secret is part of it"),
        (b"\0", "a zero octet behind the secret is part of it"),
    ] {
        offers.add([&line.spelled, octets].concat(), words);
    }
}

fn hash_sign(line: &Line<'_>, offers: &mut Offers) {
    if let Some(at) = line.word.iter().position(|octet| *octet == b'#').filter(|at| *at > 0) {
        let before = line.word.get(..at).unwrap_or_default();
        offers.add(before.to_vec(), "the secret ends before the first #");
        offers.0.extend(from_hex(before).map(|octets| Offer {
            secret: Secret::new(octets),
            clause: Clause::Words("the secret ends before the first # and is decoded as hex digits"),
            algorithm: None,
        }));
    } else if line.rest.contains(&b'#') {
        let word_ends = line.rest.iter().position(|octet| octet.is_ascii_whitespace());
        let whole_word = word_ends.and_then(|at| line.rest.get(..at)).unwrap_or(line.rest);
        offers.add(whole_word.to_vec(), "the # and the text behind it are part of the secret");
        offers.add(
            line.rest.trim_ascii_end().to_vec(),
            "the rest of the line, comment included, is the secret",
        );
    }
}

fn more_words(line: &Line<'_>, offers: &mut Offers) {
    let comment = line.rest.iter().position(|octet| *octet == b'#').unwrap_or(line.rest.len());
    let words = line.rest.get(..comment).unwrap_or(line.rest).trim_ascii_end();
    if words.len() > line.word.len() {
        offers.add(words.to_vec(), "the words behind the secret are part of it");
        let unquoted = words.strip_prefix(b"\"").and_then(|words| words.strip_suffix(b"\""));
        if let Some(unquoted) = unquoted {
            offers.add(unquoted.to_vec(), "the words between the quotation marks are the secret");
        }
    }
}

fn quotes(line: &Line<'_>, offers: &mut Offers) {
    for mark in [&b"\""[..], b"'"] {
        let inside = line.word.strip_prefix(mark).and_then(|rest| rest.strip_suffix(mark));
        match inside {
            Some(inside) => {
                offers.add(inside.to_vec(), "the quotation marks are no part of the secret");
                offers.add([mark, inside].concat(), "the closing quotation mark is no part of the secret");
                offers.add([inside, mark].concat(), "the opening quotation mark is no part of the secret");
                if let Some(octets) = from_hex(inside) {
                    offers.add(octets, "the hex digits between the quotation marks are decoded");
                }
            }
            None => offers
                .add([mark, line.word, mark].concat(), "quotation marks around the secret are part of it"),
        }
    }
}

fn letter_case(line: &Line<'_>, offers: &mut Offers) {
    let text = &line.spelled;
    offers.add(text.to_ascii_uppercase(), "all letters of the secret are capitals");
    offers.add(text.to_ascii_lowercase(), "all letters of the secret are small");
    let swapped = |octet: &u8| {
        if octet.is_ascii_uppercase() { octet.to_ascii_lowercase() } else { octet.to_ascii_uppercase() }
    };
    offers.add(text.iter().map(swapped).collect(), "capital and small letters of the secret are exchanged");
    if let Some((first, rest)) = text.split_first() {
        let first = [swapped(first)];
        offers.add([&first[..], rest].concat(), "the first letter of the secret has the other case");
    }
}

fn obfuscation(line: &Line<'_>, offers: &mut Offers) {
    if let Some(plain) = from_type7(line.word) {
        offers.add(plain, "the secret in the file is a type-7 text, and what it hides is used");
        offers.add(line.word.to_vec(), "the secret in the file is a type-7 text, and is used as it stands");
    }
    for salt in 0..TYPE7_SALTS {
        let hidden = to_type7(&line.spelled, salt);
        offers.add(
            hidden.to_ascii_lowercase(),
            "the secret is hidden as a type-7 text, which is used as it stands",
        );
        offers.add(hidden, "the secret is hidden as a type-7 text, which is used as it stands");
    }
}

fn base64(line: &Line<'_>, offers: &mut Offers) {
    if let Some(octets) = from_base64(line.word) {
        offers.add(octets, "the secret in the file is base64, and what it stands for is used");
    }
    for octets in [&line.spelled, line.word] {
        let text = to_base64(octets);
        let unpadded = text.iter().copied().filter(|letter| *letter != b'=').collect();
        offers.add(text, "the base64 text of the secret is used");
        offers.add(unpadded, "the base64 text of the secret, without its padding, is used");
    }
}

fn digests(line: &Line<'_>, offers: &mut Offers) {
    for (algorithm, words, words_of_text) in [
        (
            Algorithm::Md5,
            "the MD5 digest of the secret is used",
            "the MD5 digest of the secret in hex digits is used",
        ),
        (
            Algorithm::Sha1,
            "the SHA-1 digest of the secret is used",
            "the SHA-1 digest of the secret in hex digits is used",
        ),
        (
            Algorithm::Sha256,
            "the SHA-256 digest of the secret is used",
            "the SHA-256 digest of the secret in hex digits is used",
        ),
    ] {
        for octets in [&line.spelled, line.word] {
            let Some(digest) = plain_digest(algorithm, octets) else { continue };
            offers.add(to_hex(&digest), words_of_text);
            offers.add(digest, words);
        }
    }
}

fn type_words(line: &Line<'_>, offers: &mut Offers) {
    let words: &[&[u8]] = match line.algorithm {
        Algorithm::Md5 => &[b"MD5", b"md5", b"M"],
        Algorithm::Sha1 => &[b"SHA1", b"sha1", b"SHA"],
        Algorithm::Sha256 => &[b"SHA256", b"sha256"],
        Algorithm::Sha512 => &[b"SHA512", b"sha512"],
        Algorithm::Aes128Cmac => &[b"AES128", b"AES", b"AES128CMAC", b"AES-128"],
        Algorithm::Aes256Cmac => &[b"AES256", b"AES-256"],
        _ => &[],
    };
    for word in words {
        offers.0.push(Offer {
            secret: Secret::new(word.to_vec()),
            clause: Clause::Words("the word of the type is taken for an MD5 secret"),
            algorithm: Some(Algorithm::Md5),
        });
        offers.add(word.to_vec(), "the word of the type is taken for the secret");
    }
}

fn reversed(line: &Line<'_>, offers: &mut Offers) {
    offers.add(line.read.iter().rev().copied().collect(), "the octets of the secret are in reverse");
    let words = line.read.chunks(4).flat_map(|word| word.iter().rev().copied());
    offers.add(words.collect(), "each four octets of the secret are in reverse");
}

fn encoding(line: &Line<'_>, offers: &mut Offers) {
    if let Some(octets) = other_encoding(&line.spelled) {
        offers.add(octets, "letters outside ASCII are encoded otherwise (Latin-1 or UTF-8)");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::KeyId;
    use crate::auth::keyfile::read;
    use crate::auth::keyring::Keyring;

    /// The secrets that a reading makes of a line, as text with the clause beside them.
    fn offers(code: Code, text: &str, dialect: Dialect) -> Vec<Vec<u8>> {
        let mut ring = Keyring::new();
        ring.add("k", read(text.as_bytes(), dialect));
        let candidate = &ring.lookup(KeyId(1))[0];
        let reading = READINGS.iter().find(|reading| reading.code == code).unwrap();
        let mut offers = Offers::default();
        (reading.make)(&Line::new(candidate, dialect), &mut offers);
        offers.0.iter().map(|offer| offer.secret.as_octets().to_vec()).collect()
    }

    fn offered(code: Code, text: &str, dialect: Dialect, secret: &[u8]) -> bool {
        offers(code, text, dialect).iter().any(|offer| offer == secret)
    }

    const NTP: Dialect = Dialect::NtpOrg;

    #[test]
    fn hex_and_text_are_taken_for_each_other() {
        let hex = "1 SHA1 4142434445464748494a4B\n";
        assert!(offered(Code::HexReadAsAscii, hex, NTP, b"4142434445464748494a4B"));
        assert!(offered(Code::HexReadAsAscii, hex, NTP, b"4142434445464748494a4b"));
        assert!(offered(Code::HexReadAsAscii, hex, NTP, b"4142434445464748494A4B"));
        assert!(offered(Code::HexReadAsAscii, "1 MD5 HEX:4142\n", Dialect::Chrony, b"4142"));
        assert!(offered(Code::HexReadAsAscii, "1 MD5 word\n", NTP, b"776f7264"));
        assert!(offered(Code::AsciiReadAsHex, "1 MD5 41424344\n", NTP, b"ABCD"));
        assert!(offered(Code::AsciiReadAsHex, "1 41424344\n", Dialect::Chrony, b"ABCD"));
        assert!(offers(Code::AsciiReadAsHex, "1 MD5 word\n", NTP).is_empty());
    }

    #[test]
    fn an_odd_digit_is_dropped_or_stands_for_half_an_octet() {
        let line = "1 MD5 414243445\n";
        for secret in [&b"ABCD"[..], b"ABCDP", b"\x04\x14\x24\x34\x45"] {
            assert!(offered(Code::OddHexDigits, line, NTP, secret), "{secret:?}");
        }
    }

    #[test]
    fn prefixes_are_kept_dropped_or_added() {
        assert!(offered(Code::PrefixDiffers, "1 MD5 HEX:4142\n", NTP, b"AB"));
        assert!(offered(Code::PrefixDiffers, "1 MD5 ASCII:word\n", NTP, b"word"));
        assert!(offered(Code::PrefixDiffers, "1 MD5 0x4142\n", NTP, b"AB"));
        assert!(offered(Code::PrefixDiffers, "1 MD5 HEX:4142\n", Dialect::Chrony, b"HEX:4142"));
        assert!(offered(Code::PrefixDiffers, "1 MD5 4142\n", NTP, b"HEX:4142"));
    }

    #[test]
    fn secrets_are_cut_where_programs_and_devices_cut() {
        let text = "1 MD5 abcdefghijklmnopqrstuvwxyz0123456789\n";
        for length in [8, 15, 16, 19, 20, 31, 32] {
            let cut = &text.as_bytes()[6..6 + length];
            assert!(offered(Code::KeyTruncated, text, Dialect::Chrony, cut), "{length}");
        }
        let hex = "1 SHA1 4142434445464748494a4b4c4d4e4f5051525354\n";
        assert!(offered(Code::KeyTruncated, hex, NTP, b"41424344454647484"[..16].as_ref()));
        assert!(offered(Code::KeyTruncated, hex, NTP, b"ABCDEFGHIJ"), "20 digits");
        assert!(offered(
            Code::KeyTruncated,
            "1 AES128CMAC aaaaaaaaaaaaaaaabbbb\n",
            NTP,
            b"aaaaaaaaaaaaaaaabbbb"
        ));
        assert!(offered(Code::KeyPadded, "1 MD5 abc\n", NTP, b"abc\0\0\0\0\0\0\0\0\0\0\0\0\0"));
    }

    #[test]
    fn what_stands_behind_a_secret_is_taken_in_or_left_away() {
        assert!(offered(Code::TrailingCarriageReturn, "1 MD5 abc\n", NTP, b"abc\r"));
        assert!(offered(Code::TrailingCarriageReturn, "1 MD5 abc\r\n", NTP, b"abc"));
        for secret in [&b"abc\n"[..], b"abc\r\n", b"abc ", b"abc\t", b"abc\0"] {
            assert!(offered(Code::TrailingOctet, "1 MD5 abc\n", NTP, secret));
        }
        assert!(offered(Code::TextAfterHash, "1 MD5 abc#def\n", NTP, b"abc#def"));
        assert!(offered(Code::TextAfterHash, "1 MD5 abc # MD5 key\r\n", NTP, b"abc # MD5 key"));
        assert!(offered(Code::TextAfterHash, "1 MD5 abc#def\n", Dialect::Chrony, b"abc"));
        assert!(offered(Code::TextAfterSpace, "1 MD5 two words\n", Dialect::Ntpsec, b"two words"));
        assert!(offered(Code::TextAfterSpace, "1 MD5 \"two words\"\n", Dialect::Ntpsec, b"two words"));
    }

    #[test]
    fn quotes_case_and_encoding_differ() {
        assert!(offered(Code::QuotesInSecret, "1 MD5 'abc'\n", NTP, b"abc"));
        assert!(offered(Code::QuotesInSecret, "1 MD5 abc\n", NTP, b"\"abc\""));
        assert!(offered(Code::QuotesInSecret, "1 MD5 \"abc\"\n", NTP, b"\"abc"));
        assert!(offered(Code::QuotesInSecret, "1 MD5 \"abc\"\n", NTP, b"abc\""));
        for secret in [&b"ABCD"[..], b"abcd", b"AbCD"] {
            assert!(offered(Code::CaseDiffers, "1 MD5 aBcd\n", NTP, secret), "{secret:?}");
        }
        assert!(offered(Code::CharacterEncoding, "1 MD5 gr\u{fc}n\n", NTP, b"gr\xfcn"));
        assert!(offered(Code::OctetsReversed, "1 MD5 abcdefgh\n", NTP, b"hgfedcba"));
        assert!(offered(Code::OctetsReversed, "1 MD5 abcdefgh\n", NTP, b"dcbahgfe"));
    }

    #[test]
    fn hidden_and_hashed_secrets_are_tried_both_ways() {
        assert!(offered(Code::ObfuscatedSecret, "1 MD5 094F471A1A0A\n", NTP, b"cisco"));
        assert!(offered(Code::ObfuscatedSecret, "1 MD5 cisco\n", NTP, b"094F471A1A0A"));
        assert!(offered(Code::Base64Secret, "1 MD5 Zm9vYmFy\n", NTP, b"foobar"));
        assert!(offered(Code::Base64Secret, "1 MD5 foob\n", NTP, b"Zm9vYg=="));
        // md5("abc"), RFC 1321 appendix A.5.
        let digest = b"900150983cd24fb0d6963f7d28e17f72";
        assert!(offered(Code::DigestAsSecret, "1 MD5 abc\n", NTP, digest));
        assert!(offered(Code::DigestAsSecret, "1 MD5 abc\n", NTP, &from_hex(digest).unwrap()));
        assert!(offered(Code::TypeAsSecret, "1 MD5 abc\n", NTP, b"MD5"));
    }
}
