//! Lines of a key file with their secrets masked, and the words of a line.

use crate::auth::keyfile::TypeName;
use crate::auth::spot::Spot;

/// A word of a line.
pub(super) struct Word<'l> {
    /// Octets before it.
    pub(super) at: usize,
    pub(super) octets: &'l [u8],
}

/// The lines of a text, found once: a text may have as many flaws as lines.
pub struct Lines<'t>(Vec<&'t [u8]>);

impl<'t> Lines<'t> {
    /// Cuts a text into lines.
    pub fn of(text: &'t [u8]) -> Lines<'t> {
        Lines(text.split(|octet| *octet == b'\n').collect())
    }

    /// The octets of the line with that number, from 1, without its newline.
    pub fn line(&self, number: usize) -> &'t [u8] {
        number.checked_sub(1).and_then(|index| self.0.get(index)).copied().unwrap_or_default()
    }

    /// Where the secret of a line stands: its third word, or the second of two.
    pub(super) fn secret_spot(&self, number: usize) -> Spot {
        let words = words(self.line(number));
        let word = words.get(2).or(words.last());
        let (at, length) = word.map_or((0, 0), |word| (word.at, word.octets.len()));
        Spot { line: number, column: at + 1, length }
    }

    /// The word, or what is left of it, that stands at `column`.
    pub(super) fn spot_at(&self, number: usize, column: usize) -> Spot {
        let rest = self.line(number).get(column.saturating_sub(1)..).unwrap_or_default();
        let ends = |octet: &u8| matches!(octet, b' ' | b'\t' | b'\r');
        let length = rest.iter().position(ends).unwrap_or(rest.len());
        Spot { line: number, column, length: length.max(1) }
    }
}

/// The words of a line, parted by spaces and tabs.
pub(super) fn words(line: &[u8]) -> Vec<Word<'_>> {
    let mut at = 0;
    let mut words = Vec::new();
    for octets in line.split(|octet| matches!(octet, b' ' | b'\t')) {
        if !octets.is_empty() {
            words.push(Word { at, octets });
        }
        at += octets.len() + 1;
    }
    words
}

/// A line of a key file, an octet each character, with whatever may be a secret as asterisks.
///
/// What is left: spaces, digits of the key ID, a type made of the names of algorithms, chrony's prefixes, quotes around
/// a word, and each `#`.
pub fn masked(line: &[u8]) -> String {
    let mut shown: Vec<char> = line.iter().map(|octet| mask(*octet)).collect();
    for (index, word) in words(line).iter().enumerate() {
        let length = shown_length(index, word.octets);
        reveal(&mut shown, word, 0..length);
        let quoted = word.octets.len() > 1 && is_quote(word.octets.first()) && is_quote(word.octets.last());
        if quoted {
            reveal(&mut shown, word, 0..1);
            reveal(&mut shown, word, word.octets.len() - 1..word.octets.len());
        }
    }
    shown.into_iter().collect()
}

/// A line of a configuration, an octet each character. It should hold no secret, but people paste one where the key ID
/// belongs: what stands there and is none is asterisks, and so is a password of Autokey.
pub fn masked_configuration(line: &[u8]) -> String {
    let mut shown: Vec<char> = line.iter().map(|octet| mask(*octet)).collect();
    let words = words(line);
    let directive = words.first().map(|word| word.octets.to_ascii_lowercase()).unwrap_or_default();
    let mut before: &[u8] = &[];
    for (index, word) in words.iter().enumerate() {
        let may_be_secret = match directive.as_slice() {
            b"trustedkey" | b"controlkey" | b"requestkey" | b"commandkey" => index > 0,
            b"keys" | b"keyfile" => index > 1,
            _ => before.eq_ignore_ascii_case(b"key") || before.eq_ignore_ascii_case(b"pw"),
        };
        let is_readable = word.octets.iter().all(u8::is_ascii_graphic);
        if is_readable && (!may_be_secret || is_key_ids(word.octets)) {
            reveal(&mut shown, word, 0..word.octets.len());
        }
        before = word.octets;
    }
    shown.into_iter().collect()
}

/// A key ID, or a part of a range of them as ntp.org writes it.
fn is_key_ids(word: &[u8]) -> bool {
    let digits = word.iter().filter(|octet| octet.is_ascii_digit()).count();
    digits <= LONGEST_KEY_ID && word.iter().all(|octet| octet.is_ascii_digit() || b"().-".contains(octet))
}

fn mask(octet: u8) -> char {
    match octet {
        b' ' | b'\t' => ' ',
        b'#' => '#',
        b'\r' | 0 => '?',
        _ => '*',
    }
}

/// Octets from the start of a word that are no secret.
fn shown_length(index: usize, word: &[u8]) -> usize {
    let digits = word.iter().take_while(|octet| octet.is_ascii_digit()).count();
    match index {
        0 if digits <= LONGEST_KEY_ID => digits,
        1 if TypeName::of(word).is_some() => word.len(),
        0 => 0,
        _ => prefix_length(word),
    }
}

/// Digits of the largest key ID.
const LONGEST_KEY_ID: usize = 10;

/// Octets of a prefix that chrony knows, in any case.
pub(super) fn prefix_length(word: &[u8]) -> usize {
    let starts =
        |prefix: &&[u8]| word.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    [b"HEX:".as_slice(), b"ASCII:"].iter().find(|prefix| starts(prefix)).map_or(0, |prefix| prefix.len())
}

fn is_quote(octet: Option<&u8>) -> bool {
    matches!(octet, Some(b'"' | b'\''))
}

fn reveal(shown: &mut [char], word: &Word<'_>, part: std::ops::Range<usize>) {
    for at in part {
        if let (Some(place), Some(octet)) = (shown.get_mut(word.at + at), word.octets.get(at)) {
            *place = char::from(*octet);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_no_secret_is_shown() {
        for (line, expected) in [
            ("11 SHA1 0102aabb # comment", "11 SHA1 ******** # *******"),
            ("11 hunter2", "11 *******"),
            ("11 MD5 \"hun#ter\"", "11 MD5 \"***#***\""),
            ("11\tSHA1\tHEX:0102\r", "11 SHA1 HEX:****?"),
            ("hunter2 MD5 x", "******* MD5 *"),
            ("20abc AES x", "20*** AES *"),
            ("12345678901 x", "*********** *"),
            ("# 11 MD5 old", "# ** *** ***"),
            ("11 MD5 ASCII:abc 192.0.2.1", "11 MD5 ASCII:*** *********"),
        ] {
            assert_eq!(masked(line.as_bytes()), expected, "{line}");
        }
    }

    #[test]
    fn a_secret_in_a_configuration_is_not_shown() {
        for (line, expected) in [
            ("server a.example key 11 iburst", "server a.example key 11 iburst"),
            ("server a.example key hunter2 iburst", "server a.example key ******* iburst"),
            ("trustedkey 11 (12 ... 14) hunter2", "trustedkey 11 (12 ... 14) *******"),
            ("TrustedKey hunter2", "TrustedKey *******"),
            ("controlkey hunter2", "controlkey *******"),
            ("keys /etc/ntp.keys", "keys /etc/ntp.keys"),
            ("keys 1 MD5 hunter2", "keys 1 *** *******"),
            ("crypto pw hunter2", "crypto pw *******"),
            ("server a key 12345678901", "server a key ***********"),
        ] {
            assert_eq!(masked_configuration(line.as_bytes()), expected, "{line}");
        }
        let line = "server \u{e9}\u{1b}[31m key \0".as_bytes();
        assert!(masked_configuration(line).is_ascii());
        assert_eq!(masked_configuration(line).chars().count(), line.len());
    }

    #[test]
    fn an_octet_is_a_character() {
        let line = "11 MD5 \u{e9}\u{1b}[31m\0x".as_bytes();
        assert_eq!(masked(line).chars().count(), line.len());
        assert!(masked(line).is_ascii());
    }

    #[test]
    fn spots_cover_words() {
        let text = Lines::of(b"1 MD5 secret # x\n2 word\n\n");
        assert_eq!(text.secret_spot(1), Spot { line: 1, column: 7, length: 6 });
        assert_eq!(text.secret_spot(2), Spot { line: 2, column: 3, length: 4 });
        assert_eq!(text.secret_spot(3), Spot { line: 3, column: 1, length: 0 });
        assert_eq!(text.spot_at(1, 3), Spot { line: 1, column: 3, length: 3 });
        assert_eq!(text.spot_at(9, 40), Spot { line: 9, column: 40, length: 1 });
    }
}
