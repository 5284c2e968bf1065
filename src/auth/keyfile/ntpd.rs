//! What the readers of ntp.org and NTPsec share: both descend from one function.

use std::ops::Range;

use super::collect::{Collector, Place};
use super::line_buffer::{LINE_BUFFER_SIZE, LineBuffer, Piece, pieces};
use super::number;
use super::problem::{ProblemKind, Severity};
use super::type_name::{self, Meaning, TypeName};
use super::{Dialect, Spelling};
use crate::auth::key::{KeyId, Secret};

/// Largest key ID of a symmetric key; above it are those of Autokey.
const LARGEST_KEY_ID: u32 = 65_535;

/// Longest word that is taken as text, in octets; longer ones are hex.
pub(super) const LONGEST_TEXT: usize = 20;

/// The three words that define a key.
pub(super) struct Definition {
    pub(super) id: KeyId,
    /// `None` for a type that the program does not know.
    pub(super) meaning: Option<Meaning>,
    /// Where the secret stands in the buffer and in the piece.
    pub(super) secret: Range<usize>,
}

/// One line on its way to becoming a key.
pub(super) struct Line<'l, 'a> {
    pub(super) piece: &'l Piece<'a>,
    pub(super) buffer: &'l mut LineBuffer,
    pub(super) collector: &'l mut Collector,
}

/// Hands out the lines of a file as the buffer of both programs cuts them, until the collector has enough.
pub(super) fn each_line(collector: &mut Collector, text: &[u8], mut read: impl FnMut(&mut Line<'_, '_>)) {
    let mut buffer = LineBuffer::new();
    for piece in pieces(collector.bounded(text), LINE_BUFFER_SIZE) {
        if !collector.admits(&piece) {
            break;
        }
        collector.look_over(&piece);
        buffer.fill(&piece);
        read(&mut Line { piece: &piece, buffer: &mut buffer, collector });
    }
}

impl Line<'_, '_> {
    /// The place of the octet `at` of this line.
    pub(super) fn place(&self, at: usize, key_id: Option<KeyId>) -> Place {
        Place::at(self.piece, at, key_id)
    }

    /// Reads the words up to the secret. `None` for a line without words, and after telling what is missing.
    ///
    /// Every error told here is one that ntp.org counts, except an unknown type: ntp.org reads on behind it. NTPsec
    /// does not, which leaves the rest of the line as it is in the buffer.
    pub(super) fn define(&mut self, dialect: Dialect) -> Option<Definition> {
        let ntp_org = dialect == Dialect::NtpOrg;
        let first = self.buffer.next_word()?;
        let id = self.key_id(&first)?;
        let Some(type_word) = self.buffer.next_word() else {
            self.collector.count(self.place(first.start, Some(id)), ProblemKind::MissingType);
            return None;
        };
        let word = self.buffer.word(&type_word);
        let meaning = if ntp_org { type_name::ntp_org(word) } else { type_name::ntpsec(word) };
        self.remark_on_type(&type_word, id, meaning);
        if meaning.is_none() && !ntp_org {
            self.collector.lose_line();
            return None;
        }
        let Some(secret) = self.buffer.next_word() else {
            self.collector.count(self.place(type_word.start, Some(id)), ProblemKind::MissingSecret);
            return None;
        };
        self.remark_on_secret(&secret, id);
        Some(Definition { id, meaning, secret })
    }

    fn key_id(&mut self, range: &Range<usize>) -> Option<KeyId> {
        let word = self.buffer.word(range);
        let number = number::atoi(word);
        let id = KeyId(number.value);
        let kind = match number.value {
            0 if word == b"\r" => ProblemKind::CarriageReturn { alone: true },
            0 if word.starts_with(BYTE_ORDER_MARK) => ProblemKind::ByteOrderMark,
            0 => ProblemKind::BadKeyId,
            value if value > LARGEST_KEY_ID => ProblemKind::KeyIdTooLarge { maximum: LARGEST_KEY_ID },
            _ => {
                if !number.plain {
                    let place = self.place(range.start, Some(id));
                    self.collector.report(place, Severity::Warning, ProblemKind::KeyIdSpelling);
                }
                return Some(id);
            }
        };
        let named = Some(id).filter(|id| id.0 != 0);
        self.collector.count(self.place(range.start, named), kind);
        None
    }

    fn remark_on_type(&mut self, range: &Range<usize>, id: KeyId, meaning: Option<Meaning>) {
        let word = self.buffer.word(range);
        let name = TypeName::of(word);
        let (severity, kind) = match meaning {
            Some(Meaning::Algorithm(_)) => return,
            Some(Meaning::Md5ByInitial) if word.len() == 1 => return,
            Some(Meaning::Md5ByInitial) => (Severity::Warning, ProblemKind::TypeReadAsMd5 { name }),
            Some(Meaning::Foreign(name)) => (Severity::Warning, ProblemKind::UnsupportedType { name }),
            None => (Severity::Error, ProblemKind::UnknownType { name, octets: word.len() }),
        };
        self.collector.report(self.place(range.start, Some(id)), severity, kind);
    }

    fn remark_on_secret(&mut self, range: &Range<usize>, id: KeyId) {
        let word = self.buffer.word(range);
        let place = self.place(range.start, Some(id));
        let short = word.len() <= LONGEST_TEXT;
        let returns = word.ends_with(b"\r");
        let cut = self.piece.octets.get(range.end) == Some(&b'#');
        let digits = word.len();
        let hex = short && digits >= FEWEST_NOTABLE_DIGITS && word.iter().all(u8::is_ascii_hexdigit);
        if has_prefix(word) {
            self.collector.report(place, Severity::Warning, ProblemKind::PrefixIsText);
        }
        if hex {
            self.collector.report(place, Severity::Info, ProblemKind::HexReadAsText { digits });
        }
        let end = self.place(range.end, Some(id));
        if returns {
            self.collector.report(end, Severity::Warning, ProblemKind::CarriageReturn { alone: false });
        }
        if cut {
            self.collector.report(end, Severity::Warning, ProblemKind::HashEndsSecret);
        }
    }

    /// The secret as it stands in the file.
    pub(super) fn spelling(&self, secret: &Range<usize>) -> Spelling {
        let word = self.buffer.word(secret).to_vec();
        let rest = self.piece.octets.get(secret.start..).unwrap_or_default();
        let rest = rest.strip_suffix(b"\n").unwrap_or(rest).to_vec();
        Spelling { word: Secret::new(word), rest_of_line: Secret::new(rest) }
    }
}

/// Digits from which on a short hex word is worth a remark.
const FEWEST_NOTABLE_DIGITS: usize = 16;

pub(super) const BYTE_ORDER_MARK: &[u8] = &[0xef, 0xbb, 0xbf];

/// True for a secret that starts with a prefix of chrony's, in any case.
pub(super) fn has_prefix(word: &[u8]) -> bool {
    let starts =
        |prefix: &[u8]| word.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    starts(b"HEX:") || starts(b"ASCII:")
}

/// The value of a hex digit.
pub(super) fn hex_value(octet: u8) -> Option<u8> {
    match octet {
        b'0'..=b'9' => Some(octet - b'0'),
        b'a'..=b'f' => Some(octet - b'a' + 10),
        b'A'..=b'F' => Some(octet - b'A' + 10),
        _ => None,
    }
}
