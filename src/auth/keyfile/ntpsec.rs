//! The reader of NTPsec's ntpd 1.2.
//!
//! A bad line is skipped. A secret of more than 20 octets is hex, cut to 32 octets. The secret of a block cipher is
//! cut to the cipher's length, or taken at that length from where it stands: what earlier lines left there follows it.

use zeroize::Zeroizing;

use super::collect::{Collector, Place};
use super::ntpd::{Definition, LONGEST_TEXT, Line, each_line, hex_value};
use super::problem::{OddDigit, Padding, ProblemKind, Severity};
use super::type_name::Meaning;
use super::{Dialect, Entry, EntryKey, KeyFile};
use crate::auth::algorithm::Algorithm;
use crate::auth::key::{Key, Secret};

/// Octets that hex is decoded into.
const HEX_BUFFER_SIZE: usize = 32;

pub(super) fn read(text: &[u8]) -> KeyFile {
    let mut collector = Collector::new(Dialect::Ntpsec);
    let mut hex = HexBuffer { octets: Zeroizing::new([0; HEX_BUFFER_SIZE]), written: 0 };
    each_line(&mut collector, text, |line| read_line(line, &mut hex));
    collector.finish(|_, run| run.len().saturating_sub(1))
}

fn read_line(line: &mut Line<'_, '_>, hex: &mut HexBuffer) {
    let Some(Definition { id, meaning, secret }) = line.define(Dialect::Ntpsec) else { return };
    let Some(meaning) = meaning else { return };
    let place = line.place(secret.start, Some(id));
    let word = Zeroizing::new(line.buffer.word(&secret).to_vec());
    let source = if word.len() <= LONGEST_TEXT {
        Source::Line { start: secret.start, length: word.len() }
    } else {
        let Some(length) = hex.decode(&word, meaning, line.collector, place) else { return };
        Source::Hex { length }
    };
    let Taken { octets, guessed } = take(&source, meaning, line, hex, place);
    let key = match (meaning, meaning.algorithm()) {
        (Meaning::Foreign(name), _) => EntryKey::Unsupported { id, type_name: name.to_owned() },
        (_, Some(algorithm)) => match Key::new(id, algorithm, Secret::new(octets)) {
            Ok(key) => EntryKey::Ready(key),
            Err(_) => return,
        },
        (_, None) => return,
    };
    if let Some(ignored) = line.buffer.peek() {
        let place = line.place(ignored, Some(id));
        line.collector.report(place, Severity::Info, ProblemKind::WordsIgnored);
    }
    let spelling = line.spelling(&secret);
    let entry = Entry {
        line: line.piece.line,
        key,
        older_version: None,
        addresses: Vec::new(),
        guessed,
        superseded: false,
        spelling,
    };
    line.collector.add(place, entry);
}

/// Where the octets of a secret stand.
enum Source {
    /// In the line buffer.
    Line { start: usize, length: usize },
    /// At the start of the hex buffer.
    Hex { length: usize },
}

/// The octets that the program copies: those of the secret, or for a cipher as many as it takes.
fn take(source: &Source, meaning: Meaning, line: &mut Line<'_, '_>, hex: &HexBuffer, place: Place) -> Taken {
    let (Source::Line { length: present, .. } | Source::Hex { length: present }) = *source;
    let length = meaning.algorithm().and_then(Algorithm::secret_length).unwrap_or(present);
    let (octets, known) = match *source {
        Source::Line { start, .. } => line.buffer.stale(start, length),
        Source::Hex { .. } => hex.stale(length),
    };
    if present > length {
        let kind = ProblemKind::SecretCut { octets: present, kept: length };
        line.collector.report(place, Severity::Warning, kind);
    }
    if present < length {
        let padding = octets.get(present..).unwrap_or_default();
        let padding = match (known < length, padding.iter().all(|octet| *octet == 0)) {
            (true, _) => Padding::Unknown,
            (false, true) => Padding::Zeros,
            (false, false) => Padding::Leftovers,
        };
        let kind = ProblemKind::SecretPadded { octets: present, length, padding };
        line.collector.report(place, Severity::Warning, kind);
    }
    Taken { octets, guessed: known < length }
}

/// The octets of a secret as the program has it.
struct Taken {
    octets: Vec<u8>,
    /// True when not all of them are known.
    guessed: bool,
}

/// The buffer that hex is decoded into. It is never cleared, so a short secret is followed by an earlier one's octets.
struct HexBuffer {
    octets: Zeroizing<[u8; HEX_BUFFER_SIZE]>,
    /// Octets from the start that were ever written.
    written: usize,
}

impl HexBuffer {
    /// Decodes `word` over what is there. Gives the number of whole octets, or `None` after a digit that is none.
    fn decode(
        &mut self,
        word: &[u8],
        meaning: Meaning,
        collector: &mut Collector,
        place: Place,
    ) -> Option<usize> {
        let digits = word.len();
        let kept = digits.min(2 * HEX_BUFFER_SIZE);
        for (at, digit) in word.iter().take(kept).enumerate() {
            let Some(value) = hex_value(*digit) else {
                collector.count(place, ProblemKind::NotHex { digits, good: at });
                return None;
            };
            let Some(octet) = self.octets.get_mut(at / 2) else { continue };
            *octet = if at % 2 == 0 { value << 4 } else { *octet | value };
            self.written = self.written.max(at / 2 + 1);
        }
        if kept < digits {
            let kind = ProblemKind::SecretCut { octets: digits.div_ceil(2), kept: HEX_BUFFER_SIZE };
            collector.report(place, Severity::Warning, kind);
        } else if digits % 2 == 1 {
            let algorithm = meaning.algorithm();
            let kind = ProblemKind::OddHexDigits { algorithm, digits, last: OddDigit::Dropped };
            collector.report(place, Severity::Warning, kind);
        }
        Some(kept / 2)
    }

    /// The first `length` octets, and the number of them that are known.
    fn stale(&self, length: usize) -> (Vec<u8>, usize) {
        let mut octets: Vec<u8> = self.octets.iter().copied().take(length).collect();
        octets.resize(length, 0);
        (octets, self.written.min(length))
    }
}
