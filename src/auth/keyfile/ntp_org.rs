//! The reader of ntp.org's ntpd 4.2.8.
//!
//! One counted error and the whole file is refused; an unknown type is not counted. A secret of more than 20 octets
//! is hex, of up to 64 octets decoded. AES-CMAC uses the first 16 octets, filled up with zeros.

use super::address;
use super::collect::{Collector, Place};
use super::ntpd::{Definition, LONGEST_TEXT, Line, each_line, hex_value};
use super::problem::{OddDigit, Padding, ProblemKind, Severity};
use super::type_name::Meaning;
use super::{AddressRange, Dialect, Entry, EntryKey, KeyFile};
use crate::auth::algorithm::Algorithm;
use crate::auth::key::{Key, KeyId, Secret};

/// Most octets of a secret.
const LONGEST_SECRET: usize = 64;

/// As 4.2.8p18 reads; each entry tells where 4.2.8p15 makes another key of its line.
pub(super) fn read(text: &[u8]) -> KeyFile {
    read_as(text, Version::Latest)
}

/// As 4.2.8p15 reads, which takes some lines that later versions refuse.
pub(super) fn read_older(text: &[u8]) -> KeyFile {
    read_as(text, Version::Older)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    Latest,
    Older,
}

fn read_as(text: &[u8], version: Version) -> KeyFile {
    let mut collector = Collector::new(Dialect::NtpOrg);
    each_line(&mut collector, text, |line| read_line(line, version));
    collector.finish(|_, _| 0)
}

fn read_line(line: &mut Line<'_, '_>, version: Version) {
    let Some(definition) = line.define(Dialect::NtpOrg) else { return };
    let Definition { id, meaning, secret } = definition;
    let place = line.place(secret.start, Some(id));
    let decode = if version == Version::Latest { decode } else { decode_in_older };
    let octets = decode(line.buffer.word(&secret), meaning, line.collector, place);
    let Some(octets) = octets else { return };
    let older = decode_as_older(line.buffer.word(&secret));
    let older = older.filter(|older| version == Version::Latest && *older != octets);
    let spelling = line.spelling(&secret);
    let addresses = read_addresses(line, place);
    let Some(meaning) = meaning else {
        line.collector.lose_line();
        return;
    };
    let (key, older_version) = match (meaning, meaning.algorithm()) {
        (Meaning::Foreign(name), _) => (EntryKey::Unsupported { id, type_name: name.to_owned() }, None),
        (_, Some(algorithm)) => {
            remark_on_length(octets.len(), algorithm, line.collector, place);
            let older = older.and_then(|octets| make_key(id, algorithm, octets));
            let Some(key) = make_key(id, algorithm, octets) else { return };
            (EntryKey::Ready(key), older)
        }
        (_, None) => return,
    };
    let entry = Entry {
        line: line.piece.line,
        key,
        older_version,
        addresses,
        guessed: false,
        superseded: false,
        spelling,
    };
    line.collector.add(place, entry);
}

/// Makes a key; the secret of a block cipher is cut or zero-extended.
fn make_key(id: KeyId, algorithm: Algorithm, mut octets: Vec<u8>) -> Option<Key> {
    if let Some(length) = algorithm.secret_length() {
        octets.resize(length, 0);
    }
    Key::new(id, algorithm, Secret::new(octets)).ok()
}

/// The octets of a secret word, unless ntp.org counts an error for it.
fn decode(word: &[u8], meaning: Option<Meaning>, collector: &mut Collector, place: Place) -> Option<Vec<u8>> {
    if word.len() <= LONGEST_TEXT {
        return Some(word.to_vec());
    }
    let octets = word.len().div_ceil(2);
    if octets > LONGEST_SECRET {
        collector.count(place, ProblemKind::SecretTooLong { octets, limit: LONGEST_SECRET });
        return None;
    }
    let digits = word.len();
    if let Some(good) = word.iter().position(|octet| hex_value(*octet).is_none()) {
        collector.count(place, ProblemKind::NotHex { digits, good });
        return None;
    }
    if digits % 2 == 1 {
        let algorithm = meaning.and_then(Meaning::algorithm);
        let kind = ProblemKind::OddHexDigits { algorithm, digits, last: OddDigit::HighHalf };
        collector.report(place, Severity::Warning, kind);
    }
    Some(word.chunks(2).map(octet).collect())
}

/// The same in 4.2.8p15: what stands behind 64 hex digits is not looked at.
fn decode_in_older(
    word: &[u8],
    meaning: Option<Meaning>,
    collector: &mut Collector,
    place: Place,
) -> Option<Vec<u8>> {
    let Some(octets) = decode_as_older(word) else { return Some(word.to_vec()) };
    let digits = word.len().min(OLDER_DIGITS);
    if let Some(good) = word.iter().take(digits).position(|octet| hex_value(*octet).is_none()) {
        collector.count(place, ProblemKind::NotHex { digits, good });
        return None;
    }
    if word.len() > OLDER_DIGITS {
        let kind = ProblemKind::SecretCut { octets: word.len().div_ceil(2), kept: octets.len() };
        collector.report(place, Severity::Warning, kind);
    } else if digits % 2 == 1 {
        let algorithm = meaning.and_then(Meaning::algorithm);
        let kind = ProblemKind::OddHexDigits { algorithm, digits, last: OddDigit::Dropped };
        collector.report(place, Severity::Warning, kind);
    }
    Some(octets)
}

/// The octets of a secret word in 4.2.8p15: at most 64 hex digits count, and only whole octets.
fn decode_as_older(word: &[u8]) -> Option<Vec<u8>> {
    let whole = word.get(..OLDER_DIGITS).unwrap_or(word).chunks_exact(2);
    (word.len() > LONGEST_TEXT).then(|| whole.map(octet).collect())
}

/// Most hex digits of a secret that 4.2.8p15 reads.
const OLDER_DIGITS: usize = 64;

/// One or two hex digits, the first of them the high half.
fn octet(digits: &[u8]) -> u8 {
    let mut values = digits.iter().filter_map(|digit| hex_value(*digit));
    values.next().unwrap_or_default() << 4 | values.next().unwrap_or_default()
}

fn remark_on_length(present: usize, algorithm: Algorithm, collector: &mut Collector, place: Place) {
    let Some(length) = algorithm.secret_length() else { return };
    if present < length {
        let kind = ProblemKind::SecretPadded { octets: present, length, padding: Padding::Zeros };
        collector.report(place, Severity::Warning, kind);
    }
    if present > length {
        let kind = ProblemKind::SecretCut { octets: present, kept: length };
        collector.report(place, Severity::Warning, kind);
    }
}

fn read_addresses(line: &mut Line<'_, '_>, of: Place) -> Vec<AddressRange> {
    let Some(list) = line.buffer.next_word() else { return Vec::new() };
    let mut ranges = Vec::new();
    for item in address::read_list(line.buffer.word(&list)) {
        let place = Place::at(line.piece, list.start + item.offset, of.key_id);
        match item.fault {
            Some(address::Fault::Bad) => line.collector.count(place, ProblemKind::BadAddress),
            Some(address::Fault::TooManyBits) => {
                line.collector.report(place, Severity::Warning, ProblemKind::MaskTooLong);
            }
            None => {}
        }
        ranges.extend(item.range);
    }
    if let Some(ignored) = line.buffer.next_word() {
        let place = line.place(ignored.start, of.key_id);
        line.collector.report(place, Severity::Info, ProblemKind::WordsIgnored);
    }
    ranges
}
