//! Guessing which program a key file was written for.

use std::fmt;

use zeroize::Zeroizing;

use super::line_buffer::{Piece, pieces};
use super::ntpd::{LONGEST_TEXT, has_prefix};
use super::{Dialect, HEADER_START, KeyFile, collect, number, read, type_name};
use crate::auth::algorithm::Algorithm;
use crate::auth::key::KeyId;

/// What a key file looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detection {
    /// The program that it is read for.
    pub dialect: Dialect,
    /// Why that one. `Display` is a clause to put behind the dialect's name.
    pub why: Reason,
    /// False when another program would take other keys from it and nothing tells which is meant.
    pub certain: bool,
}

/// What speaks for a dialect. Numbers are of lines, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The header that a key generator writes.
    Header(usize),
    /// A secret with a `HEX:` or `ASCII:` prefix.
    Prefix(usize),
    /// A type that only this program knows.
    TypeName(usize),
    /// A comment that starts as only chrony's do.
    CommentCharacter(usize),
    /// A key ID above 65535.
    LargeKeyId(usize),
    /// A line of two words.
    TwoWords(usize),
    /// A secret of more than 20 octets that is not hex.
    LongText(usize),
    /// An address list behind a secret.
    AddressList(usize),
    /// Something that chrony cannot read: a comment behind a secret, or a type it does not know.
    NotChrony(usize),
    /// Every program reads the same keys from it.
    ReadAlike,
    /// ntp.org and NTPsec read the same keys from it, chrony others; nothing tells which is meant.
    ChronyDiffers,
    /// The programs read different keys from it, and nothing tells which is meant.
    AllDiffer,
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Header(line) => write!(formatter, "line {line} is the header of its key generator"),
            Reason::Prefix(line) => {
                write!(formatter, "line {line} has a secret with a HEX: or ASCII: prefix")
            }
            Reason::TypeName(line) => write!(formatter, "line {line} has a type that only it knows"),
            Reason::CommentCharacter(line) => write!(formatter, "line {line} is a comment only for it"),
            Reason::LargeKeyId(line) => write!(formatter, "line {line} has a key ID above 65535"),
            Reason::TwoWords(line) => write!(formatter, "line {line} has no type"),
            Reason::LongText(line) => write!(formatter, "line {line} has a long secret that is not hex"),
            Reason::AddressList(line) => {
                write!(formatter, "line {line} has an address list behind the secret")
            }
            Reason::NotChrony(line) => write!(formatter, "line {line} is nothing that chrony reads"),
            Reason::ReadAlike => write!(formatter, "the other programs read the same keys from it"),
            Reason::ChronyDiffers => write!(
                formatter,
                "NTPsec reads the same keys from it, chrony others, and nothing tells which program is meant"
            ),
            Reason::AllDiffer => {
                write!(
                    formatter,
                    "the other programs read other keys from it, and nothing tells which is meant"
                )
            }
        }
    }
}

/// Guesses the dialect of `text`.
///
/// What only one program writes or reads decides; without such a sign the text is read under every dialect and the
/// keys are compared. In doubt it is ntp.org's, and [`Detection::certain`] is false.
pub fn detect(text: &[u8]) -> Detection {
    let text = text.get(..collect::LARGEST_TEXT).unwrap_or(text);
    let mut signs = Signs::default();
    for piece in pieces(text, LINE_SIZE) {
        signs.look_at(&piece);
    }
    signs.decide().unwrap_or_else(|| compare(text, signs.not_chrony.first))
}

/// Lines are looked at in pieces of this size.
const LINE_SIZE: usize = 2048;

/// How often something was seen, and first as what.
#[derive(Clone, Copy, Debug, Default)]
struct Sign {
    count: usize,
    first: Option<Reason>,
}

impl Sign {
    fn add(&mut self, reason: Reason) {
        self.count += 1;
        self.first.get_or_insert(reason);
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Signs {
    ntp_org: Sign,
    ntpsec: Sign,
    chrony: Sign,
    not_chrony: Sign,
}

impl Signs {
    fn decide(&self) -> Option<Detection> {
        let chosen = |dialect, sign: &Sign, certain| {
            let why = sign.first.unwrap_or(Reason::AllDiffer);
            // Whoever wrote other lines by hand, the generator's program is the one that reads them.
            Some(Detection { dialect, why, certain: certain || matches!(why, Reason::Header(_)) })
        };
        let against_chrony = self.not_chrony.count + self.ntp_org.count + self.ntpsec.count;
        if self.chrony.count > against_chrony {
            return chosen(Dialect::Chrony, &self.chrony, against_chrony == 0);
        }
        let certain = self.chrony.count == 0;
        if self.ntpsec.count > self.ntp_org.count {
            return chosen(Dialect::Ntpsec, &self.ntpsec, certain && self.ntp_org.count == 0);
        }
        if self.ntp_org.count > 0 {
            return chosen(Dialect::NtpOrg, &self.ntp_org, certain && self.ntpsec.count == 0);
        }
        if self.chrony.count > 0 {
            return chosen(Dialect::NtpOrg, &self.not_chrony, false);
        }
        None
    }

    fn look_at(&mut self, piece: &Piece<'_>) {
        let line = piece.line;
        let text = piece.text().trim_ascii();
        match text.first() {
            None => return,
            Some(b'#') => return self.look_at_comment(text, line),
            Some(b'!' | b';' | b'%') => return self.chrony.add(Reason::CommentCharacter(line)),
            Some(_) => {}
        }
        let words: Vec<&[u8]> =
            text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).take(5).collect();
        if let Some(id) = words.first().and_then(|word| number::scanf_unsigned(word))
            && id.plain
            && id.value > 65_535
        {
            self.chrony.add(Reason::LargeKeyId(line));
        }
        match words.as_slice() {
            [_, secret] => {
                let reason = if has_prefix(secret) { Reason::Prefix(line) } else { Reason::TwoWords(line) };
                self.chrony.add(reason);
            }
            [_, type_word, secret, rest @ ..] => {
                self.look_at_type(type_word, line);
                self.look_at_secret(secret, line);
                self.look_at_rest(rest, line);
            }
            _ => {}
        }
    }

    fn look_at_comment(&mut self, text: &[u8], line: usize) {
        let header =
            |name: &[u8]| text.trim_ascii_start().get(2..).is_some_and(|rest| rest.starts_with(name));
        for dialect in Dialect::ALL {
            if header(format!("{HEADER_START}{},", dialect.title()).as_bytes()) {
                return self.of(dialect).add(Reason::Header(line));
            }
        }
        if header(b"ntpkey_AES_") {
            self.ntpsec.add(Reason::Header(line));
        } else if header(b"ntpkey_") {
            self.ntp_org.add(Reason::Header(line));
        }
    }

    fn of(&mut self, dialect: Dialect) -> &mut Sign {
        match dialect {
            Dialect::NtpOrg => &mut self.ntp_org,
            Dialect::Ntpsec => &mut self.ntpsec,
            Dialect::Chrony => &mut self.chrony,
        }
    }

    fn look_at_type(&mut self, word: &[u8], line: usize) {
        let known = [type_name::ntp_org(word), type_name::ntpsec(word), type_name::chrony(word)];
        let known = known.map(|meaning| meaning.is_some());
        let reason = Reason::TypeName(line);
        match known {
            [true, false, false] => self.ntp_org.add(reason),
            [false, true, false] => self.ntpsec.add(reason),
            [false, false, true] => self.chrony.add(reason),
            [true, _, false] => self.not_chrony.add(Reason::NotChrony(line)),
            _ => {}
        }
    }

    fn look_at_secret(&mut self, word: &[u8], line: usize) {
        let before_hash = word.split(|octet| *octet == b'#').next().unwrap_or(word);
        if word.starts_with(b"HEX:") || word.starts_with(b"ASCII:") {
            self.chrony.add(Reason::Prefix(line));
        } else if before_hash.len() > LONGEST_TEXT && !before_hash.iter().all(u8::is_ascii_hexdigit) {
            self.chrony.add(Reason::LongText(line));
        }
    }

    fn look_at_rest(&mut self, rest: &[&[u8]], line: usize) {
        let Some(word) = rest.first() else { return };
        let is_list = super::address::read_list(word).all(|item| item.range.is_some());
        if is_list {
            self.ntp_org.add(Reason::AddressList(line));
        } else {
            self.not_chrony.add(Reason::NotChrony(line));
        }
    }
}

/// Reads the text under every dialect and compares the keys in use.
fn compare(text: &[u8], not_chrony: Option<Reason>) -> Detection {
    let ntp_org = keys_in_use(&read(text, Dialect::NtpOrg));
    let alike = |dialect| keys_in_use(&read(text, dialect)) == ntp_org;
    let dialect = Dialect::NtpOrg;
    let ntpsec_alike = alike(Dialect::Ntpsec);
    let (why, certain) = match (ntpsec_alike, not_chrony) {
        (true, Some(reason)) => (reason, true),
        (true, None) if alike(Dialect::Chrony) => (Reason::ReadAlike, true),
        (true, None) => (Reason::ChronyDiffers, false),
        (false, _) => (Reason::AllDiffer, false),
    };
    Detection { dialect, why, certain }
}

/// The keys that a program would use, in order, and their secrets; a file that it refuses still counts by its keys.
fn keys_in_use(file: &KeyFile) -> Vec<(KeyId, Option<Algorithm>, Zeroizing<Vec<u8>>)> {
    let mut keys: Vec<_> = file
        .entries
        .iter()
        .filter(|entry| !entry.superseded)
        .map(|entry| {
            let key = entry.ready();
            let secret = key.map(|key| key.secret().as_octets().to_vec()).unwrap_or_default();
            (entry.id(), key.map(|key| key.algorithm()), Zeroizing::new(secret))
        })
        .collect();
    keys.sort_unstable_by_key(|(id, ..)| *id);
    keys
}
