//! The reader of chronyd 4.
//!
//! Two or three words a line, comments only on lines of their own, types in capitals, secrets as text unless they
//! start with `HEX:`. A bad line is skipped.

use std::ops::Range;

use super::collect::{Collector, Place};
use super::line_buffer::{Piece, pieces};
use super::ntpd::{BYTE_ORDER_MARK, has_prefix, hex_value};
use super::number;
use super::problem::{OddDigit, ProblemKind, Severity};
use super::type_name::{self, TypeName};
use super::{Dialect, Entry, EntryKey, KeyFile, Spelling};
use crate::auth::algorithm::Algorithm;
use crate::auth::key::{Key, KeyId, Secret};

/// Size of chrony's line buffer, in octets.
const LINE_BUFFER_SIZE: usize = 2048;

pub(super) fn read(text: &[u8]) -> KeyFile {
    let mut collector = Collector::new(Dialect::Chrony);
    for piece in pieces(collector.bounded(text), LINE_BUFFER_SIZE) {
        if !collector.admits(&piece) {
            break;
        }
        collector.look_over(&piece);
        read_piece(&piece, &mut collector);
    }
    collector.finish(winner)
}

fn read_piece(piece: &Piece<'_>, collector: &mut Collector) {
    let words = words(piece);
    let [first, ..] = words.as_slice() else { return };
    if first.octets.first().is_some_and(|octet| is_comment(*octet)) {
        return;
    }
    let place = Place::at(piece, first.at, None);
    let Some(id) = key_id(first, words.len(), place, collector) else { return };
    let named = |word: &Word<'_>| Place::at(piece, word.at, Some(id));
    let (type_word, secret) = match words.as_slice() {
        [_, secret] => (None, secret),
        [_, type_word, secret] => (Some(type_word), secret),
        all => {
            let extra = all.get(3).or(all.last());
            let comment =
                all.get(3).and_then(|word| word.octets.first()).is_some_and(|octet| is_comment(*octet));
            let place = extra.map_or(place, named);
            collector.count(place, ProblemKind::WordCount { words: all.len(), comment });
            return;
        }
    };
    let Some(algorithm) = algorithm(type_word, secret, &named, collector) else { return };
    let place = named(secret);
    let Some(octets) = decode(secret.octets, algorithm, collector, place) else { return };
    let key = match Key::new(id, algorithm, Secret::new(octets)) {
        Ok(key) => key,
        Err(wrong) => {
            let (octets, expected) = (wrong.present, wrong.expected);
            collector.count(place, ProblemKind::WrongSecretLength { algorithm, octets, expected });
            return;
        }
    };
    let spelling = spelling(piece, secret);
    let (line, key) = (piece.line, EntryKey::Ready(key));
    collector.add(
        named(first),
        Entry {
            line,
            key,
            older_version: None,
            addresses: Vec::new(),
            guessed: false,
            superseded: false,
            spelling,
        },
    );
}

/// A word and where it stands in its piece.
struct Word<'a> {
    at: usize,
    octets: &'a [u8],
}

/// Words are parted by anything that C's `isspace` takes for space.
fn words<'a>(piece: &Piece<'a>) -> Vec<Word<'a>> {
    let mut at = 0;
    let mut words = Vec::new();
    for octets in piece.text().split(|octet| matches!(octet, b' ' | b'\t'..=b'\r')) {
        if !octets.is_empty() {
            words.push(Word { at, octets });
        }
        at += octets.len() + 1;
    }
    words
}

fn is_comment(octet: u8) -> bool {
    matches!(octet, b'!' | b';' | b'#' | b'%')
}

fn key_id(word: &Word<'_>, words: usize, place: Place, collector: &mut Collector) -> Option<KeyId> {
    let Some(number) = number::scanf_unsigned(word.octets) else {
        let marked = word.octets.starts_with(BYTE_ORDER_MARK);
        let kind = if marked { ProblemKind::ByteOrderMark } else { ProblemKind::BadKeyId };
        collector.count(place, kind);
        return None;
    };
    let id = KeyId(number.value);
    let place = Place { key_id: Some(id), ..place };
    if matches!(words, 2 | 3) {
        if !number.plain {
            collector.report(place, Severity::Warning, ProblemKind::KeyIdSpelling);
        }
        if id.0 == 0 {
            collector.report(place, Severity::Warning, ProblemKind::KeyIdZero);
        }
    }
    Some(id)
}

fn algorithm(
    type_word: Option<&Word<'_>>,
    secret: &Word<'_>,
    named: &dyn Fn(&Word<'_>) -> Place,
    collector: &mut Collector,
) -> Option<Algorithm> {
    let Some(word) = type_word else {
        let is_type = type_name::chrony(secret.octets).is_some();
        let (severity, kind) = match is_type {
            true => (Severity::Warning, ProblemKind::TypeIsSecret),
            false => (Severity::Info, ProblemKind::TypeAssumed),
        };
        collector.report(named(secret), severity, kind);
        return Some(Algorithm::Md5);
    };
    let algorithm = type_name::chrony(word.octets).and_then(type_name::Meaning::algorithm);
    match algorithm {
        None => {
            let kind =
                ProblemKind::UnknownType { name: TypeName::of(word.octets), octets: word.octets.len() };
            collector.count(named(word), kind);
        }
        Some(algorithm @ (Algorithm::Tiger | Algorithm::Whirlpool)) => {
            let kind = ProblemKind::LibraryDependentType { algorithm };
            collector.report(named(word), Severity::Warning, kind);
        }
        Some(_) => {}
    }
    algorithm
}

/// The octets of a secret word, unless chrony cannot decode it.
fn decode(word: &[u8], algorithm: Algorithm, collector: &mut Collector, place: Place) -> Option<Vec<u8>> {
    if word.contains(&b'#') {
        collector.report(place, Severity::Info, ProblemKind::HashInSecret);
    }
    let octets = if let Some(digits) = word.strip_prefix(b"HEX:") {
        decode_hex(digits, algorithm, collector, place)?
    } else if let Some(text) = word.strip_prefix(b"ASCII:") {
        text.to_vec()
    } else {
        remark_on_text(word, collector, place);
        word.to_vec()
    };
    if octets.is_empty() {
        collector.count(place, ProblemKind::EmptySecret);
        return None;
    }
    Some(octets)
}

fn remark_on_text(word: &[u8], collector: &mut Collector, place: Place) {
    if has_prefix(word) {
        collector.report(place, Severity::Warning, ProblemKind::PrefixIsText);
    }
    let digits = word.len();
    if digits >= FEWEST_NOTABLE_DIGITS && word.iter().all(u8::is_ascii_hexdigit) {
        // Up to 20 digits are text for the other programs as well.
        let severity = if digits > 20 { Severity::Warning } else { Severity::Info };
        collector.report(place, severity, ProblemKind::HexReadAsText { digits });
    }
}

/// Digits from which on a hex word without prefix is worth a remark.
const FEWEST_NOTABLE_DIGITS: usize = 16;

fn decode_hex(
    digits: &[u8],
    algorithm: Algorithm,
    collector: &mut Collector,
    place: Place,
) -> Option<Vec<u8>> {
    let count = digits.len();
    if count % 2 == 1 {
        let algorithm = Some(algorithm);
        collector
            .count(place, ProblemKind::OddHexDigits { algorithm, digits: count, last: OddDigit::Refused });
        return None;
    }
    let octets: Option<Vec<u8>> = digits.chunks(2).map(hex_octet).collect();
    if octets.is_none() {
        let good = digits.iter().position(|digit| hex_value(*digit).is_none()).unwrap_or_default();
        collector.count(place, ProblemKind::NotHex { digits: count, good });
    }
    octets
}

/// Two characters as C's `strtol` reads them: a sign before one digit is accepted.
fn hex_octet(pair: &[u8]) -> Option<u8> {
    let &[high, low] = pair else { return None };
    let low = hex_value(low)?;
    match high {
        b'+' => Some(low),
        b'-' => Some(low.wrapping_neg()),
        _ => Some(hex_value(high)? << 4 | low),
    }
}

fn spelling(piece: &Piece<'_>, secret: &Word<'_>) -> Spelling {
    let rest = piece.octets.get(secret.at..).unwrap_or_default();
    let rest = rest.strip_suffix(b"\n").unwrap_or(rest);
    Spelling { word: Secret::new(secret.octets.to_vec()), rest_of_line: Secret::new(rest.to_vec()) }
}

/// Which of several entries with one key ID chrony uses: the one that a binary search over all `count` entries, sorted
/// by key ID, meets first. `run` is where those with the ID stand.
fn winner(count: usize, run: Range<usize>) -> usize {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low.midpoint(high);
        if run.contains(&middle) {
            return middle - run.start;
        }
        if middle < run.start { low = middle + 1 } else { high = middle }
    }
    0
}
