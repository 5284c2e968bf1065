//! Key files, read as the programs that own them read them.
//!
//! One line of text is a different key in ntp.org's ntpd, in NTPsec's ntpd and in chronyd: they differ in words,
//! comments, type names, hex rules, lengths and in what a bad line costs. [`read`] therefore takes a [`Dialect`] and
//! gives the keys which that program would compute with, together with everything it would trip over. [`detect`]
//! guesses the dialect from the text.
//!
//! Versions meant: ntp.org 4.2.8p18, NTPsec 1.2.2, chrony 4.3, with OpenSSL 3.0 where they use it. Where ntp.org
//! 4.2.8p15 gives another key, an entry has both.
//!
//! Text in, values out: nothing here opens a file, and no problem ever shows a secret.

use std::fmt;
use std::str::FromStr;

use super::key::{Key, KeyId, Secret};

mod address;
mod chrony;
mod collect;
mod detect;
mod hint;
mod line_buffer;
mod ntp_org;
mod ntpd;
mod ntpsec;
mod number;
mod problem;
mod sentence;
mod type_name;

#[cfg(test)]
mod tests;

pub use address::AddressRange;
pub use detect::{Detection, Reason, detect};
pub use problem::{Limit, OddDigit, Padding, Problem, ProblemKind, Severity};
pub use type_name::TypeName;

/// Reads `text` as `dialect`'s program would, and says what that program would make of it.
///
/// Never fails: a line that gives no key gives a [`Problem`]. Keys on good lines are entries even where ntp.org would
/// refuse the file; [`KeyFile::consequence`] says so. Reading stops, with a problem, after 4 MiB, 100,000 lines or
/// 100,000 keys.
pub fn read(text: &[u8], dialect: Dialect) -> KeyFile {
    match dialect {
        Dialect::NtpOrg => ntp_org::read(text),
        Dialect::Ntpsec => ntpsec::read(text),
        Dialect::Chrony => chrony::read(text),
    }
}

/// Reads `text` as ntp.org 4.2.8p15 and earlier do: what stands behind 64 hex digits is not looked at, where
/// later versions use more of it, or refuse the file.
pub fn read_older(text: &[u8]) -> KeyFile {
    ntp_org::read_older(text)
}

/// How the header begins that ntpcap writes; the title of the program and a comma follow.
pub(super) const HEADER_START: &str = "Keys for ";

/// The program whose reading of a key file is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dialect {
    /// ntpd 4.2.8 of the NTP reference implementation, `ntp.keys`.
    NtpOrg,
    /// ntpd of NTPsec, `ntp.keys` with other type names and lengths.
    Ntpsec,
    /// chronyd, `chrony.keys`.
    Chrony,
}

impl Dialect {
    /// Every dialect.
    pub const ALL: [Dialect; 3] = [Dialect::NtpOrg, Dialect::Ntpsec, Dialect::Chrony];

    /// The name in outputs and options: `ntp.org`, `ntpsec`, `chrony`.
    pub fn name(self) -> &'static str {
        match self {
            Dialect::NtpOrg => "ntp.org",
            Dialect::Ntpsec => "ntpsec",
            Dialect::Chrony => "chrony",
        }
    }

    /// The name in sentences: `ntp.org`, `NTPsec`, `chrony`.
    pub fn title(self) -> &'static str {
        match self {
            Dialect::NtpOrg => "ntp.org",
            Dialect::Ntpsec => "NTPsec",
            Dialect::Chrony => "chrony",
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Dialect {
    type Err = UnknownDialect;

    fn from_str(text: &str) -> Result<Dialect, UnknownDialect> {
        Dialect::ALL.into_iter().find(|dialect| dialect.name() == text).ok_or(UnknownDialect)
    }
}

/// A word that names no dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a key file format; known are ntp.org, ntpsec and chrony")]
pub struct UnknownDialect;

/// What a program makes of a key file.
#[derive(Debug)]
pub struct KeyFile {
    /// The program.
    pub dialect: Dialect,
    /// Its keys, in the order of their lines, duplicates included.
    pub entries: Vec<Entry>,
    /// What is wrong or surprising, in the order of the lines.
    pub problems: Vec<Problem>,
    /// What all of it comes to for the running program.
    pub consequence: Consequence,
}

/// One line that defines a key.
#[derive(Debug)]
pub struct Entry {
    /// Number of the line, from 1.
    pub line: usize,
    /// The key, as far as it can be computed with.
    pub key: EntryKey,
    /// The key that ntp.org's 4.2.8p15 and earlier make of the line, where it is another one: they drop the last of
    /// an odd number of hex digits, and use 32 octets of a longer secret.
    pub older_version: Option<Key>,
    /// The addresses that ntp.org accepts this key from when it acts as a client or peer; empty means all.
    pub addresses: Vec<AddressRange>,
    /// True when the program fills the secret up with memory that the file says nothing of, which is taken as zeros
    /// here: MACs of the program will often not verify with this key.
    pub guessed: bool,
    /// True when another line with the same key ID is the one that the program uses.
    pub superseded: bool,
    /// The secret as spelled in the file, for trying other readings of it.
    pub spelling: Spelling,
}

impl Entry {
    /// The identifier of the key.
    pub fn id(&self) -> KeyId {
        match &self.key {
            EntryKey::Ready(key) => key.id(),
            EntryKey::Unsupported { id, .. } => *id,
        }
    }

    /// The key, unless its algorithm is one that only the program knows.
    pub fn ready(&self) -> Option<&Key> {
        match &self.key {
            EntryKey::Ready(key) => Some(key),
            EntryKey::Unsupported { .. } => None,
        }
    }
}

/// A key that can be computed with, or one of which only the name of its type is known.
#[derive(Debug)]
pub enum EntryKey {
    /// Ready to compute with.
    Ready(Key),
    /// The program takes this type; no algorithm here computes it.
    Unsupported {
        /// The identifier of the key.
        id: KeyId,
        /// The type, by OpenSSL's name.
        type_name: String,
    },
}

/// A secret as the file spells it. `Debug` shows lengths alone.
#[derive(Clone, Debug)]
pub struct Spelling {
    /// The word that the program took, before hex is decoded or anything cut or padded.
    pub word: Secret,
    /// Everything from the first octet of that word to the end of the line, without the newline.
    pub rest_of_line: Secret,
}

/// What the program does with the whole file. `Display` is one sentence that names the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// Every line that is not blank or a comment gives a key.
    AllKeysLoad {
        /// The program.
        dialect: Dialect,
        /// Number of keys in use: duplicates are counted once.
        keys: usize,
    },
    /// Some lines give no key, the others load.
    LinesSkipped {
        /// The program.
        dialect: Dialect,
        /// Number of lines that give no key.
        lines: usize,
        /// Number of keys in use.
        keys: usize,
    },
    /// The program loads nothing from this file. Only ntp.org does that.
    FileRefused {
        /// The program.
        dialect: Dialect,
        /// Errors as the program counts them, up to where it stops reading.
        errors: usize,
        /// True when it stopped reading because there were more than 15.
        gave_up: bool,
    },
}

impl fmt::Display for Consequence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Consequence::AllKeysLoad { dialect, keys: 0 } => {
                write!(formatter, "{} finds no key in this file", dialect.title())
            }
            Consequence::AllKeysLoad { dialect, keys: 1 } => {
                write!(formatter, "{} loads the key", dialect.title())
            }
            Consequence::AllKeysLoad { dialect, keys: 2 } => {
                write!(formatter, "{} loads both keys", dialect.title())
            }
            Consequence::AllKeysLoad { dialect, keys } => {
                write!(formatter, "{} loads all {keys} keys", dialect.title())
            }
            Consequence::LinesSkipped { dialect, lines, keys } => write!(
                formatter,
                "{} skips {lines} line{} and loads {keys} key{}",
                dialect.title(),
                plural(lines),
                plural(keys)
            ),
            Consequence::FileRefused { dialect, errors, gave_up } => write!(
                formatter,
                "{} refuses the whole file after {errors} error{}{}; none of its keys load",
                dialect.title(),
                plural(errors),
                if gave_up { " and reads no further" } else { "" }
            ),
        }
    }
}

/// What a noun ends in after that number.
fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}
