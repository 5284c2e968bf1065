//! Keys from one program's form to another's, octet for octet.
//!
//! [`read`] takes a file as its program does and keeps what that program would compute with; [`write()`] spells the same
//! octets for another. What the other cannot express is an [`Inexpressible`] and never a changed key: every line that
//! is written is read back by the rules of its program and compared.

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroizing;

use super::key::Key;
use super::keyfile::{self, AddressRange, Consequence, Dialect, Entry, EntryKey, KeyFile, Severity};

mod appliance;
mod daemon;
mod inexpressible;

#[cfg(test)]
mod tests;

pub use daemon::type_word;
pub(super) use daemon::why_not;
pub use inexpressible::{Inexpressible, Reason};

/// A form in which a program or a device keeps its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// A key file.
    Daemon(Dialect),
    /// `ntp authentication-key` of IOS and IOS-XE.
    CiscoIos,
    /// `system ntp authentication-key` of Junos.
    Junos,
    /// `ntp authentication-key` of EOS.
    Arista,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 6] = [
        Format::Daemon(Dialect::NtpOrg),
        Format::Daemon(Dialect::Ntpsec),
        Format::Daemon(Dialect::Chrony),
        Format::CiscoIos,
        Format::Junos,
        Format::Arista,
    ];

    /// The name in outputs and options.
    pub fn name(self) -> &'static str {
        match self {
            Format::Daemon(dialect) => dialect.name(),
            Format::CiscoIos => "cisco-ios",
            Format::Junos => "junos",
            Format::Arista => "arista",
        }
    }

    /// The name in sentences.
    pub fn title(self) -> &'static str {
        match self {
            Format::Daemon(dialect) => dialect.title(),
            Format::CiscoIos => "Cisco IOS",
            Format::Junos => "Junos",
            Format::Arista => "Arista EOS",
        }
    }

    /// The first line of what is written for it, without the sign of a comment. Key files are known again by it.
    pub fn header(self) -> String {
        format!("{}{}{HEADER_END}", keyfile::HEADER_START, self.title())
    }

    /// The device whose configuration `text` is, if it has lines of one.
    pub fn of_device(text: &[u8]) -> Option<Format> {
        appliance::detect(text)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Format, UnknownFormat> {
        Format::ALL.into_iter().find(|format| format.name() == text).ok_or(UnknownFormat)
    }
}

/// A word that names no format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("known are ntp.org, ntpsec, chrony, cisco-ios, junos and arista")]
pub struct UnknownFormat;

/// A key, and what its file says of it.
#[derive(Debug)]
pub struct Kept {
    /// Number of its line, from 1.
    pub line: usize,
    /// The key as the program computes with it.
    pub key: Key,
    /// The addresses that ntp.org takes it from; empty means all.
    pub addresses: Vec<AddressRange>,
}

/// What a file holds for its program.
#[derive(Debug, Default)]
pub struct Keys {
    /// The keys in use, in the order of their lines.
    pub kept: Vec<Kept>,
    /// Lines that cannot be carried over.
    pub lost: Vec<Lost>,
    /// Numbers of lines that the program passes over because another has their key ID.
    pub superseded: Vec<usize>,
}

/// A line that gives no key, or none that is known for certain. `Display` is the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Its number, from 1; 0 for the file as a whole.
    pub line: usize,
    /// Why, in words without any secret.
    pub reason: String,
}

impl fmt::Display for Lost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.reason)
    }
}

/// Reads a file as its program or device does.
pub fn read(text: &[u8], format: Format) -> Keys {
    match format {
        Format::Daemon(dialect) => of_key_file(keyfile::read(text, dialect)),
        device => appliance::read(text, device),
    }
}

fn of_key_file(file: KeyFile) -> Keys {
    let mut keys = Keys::default();
    for problem in file.problems.iter().filter(|problem| problem.severity == Severity::Error) {
        keys.lost.push(Lost { line: problem.line, reason: problem.to_string() });
    }
    if let Consequence::FileRefused { .. } = file.consequence {
        keys.lost.push(Lost { line: 0, reason: file.consequence.to_string() });
    }
    for entry in file.entries {
        if entry.superseded { keys.superseded.push(entry.line) } else { keys.take(entry) }
    }
    keys
}

impl Keys {
    fn take(&mut self, entry: Entry) {
        let (id, line) = (entry.id(), entry.line);
        let mut lose = |why: &str| self.lost.push(Lost { line, reason: format!("key {id}: {why}") });
        match entry.key {
            EntryKey::Unsupported { type_name, .. } => {
                lose(&format!("type {type_name} is none that ntpcap can compute"));
            }
            EntryKey::Ready(_) if entry.guessed => {
                lose("NTPsec fills the secret up with octets that the file does not tell");
            }
            EntryKey::Ready(_) if entry.older_version.is_some() => {
                lose("the secret is another one for ntp.org 4.2.8p15 and earlier than for later versions");
            }
            EntryKey::Ready(key) => self.kept.push(Kept { line, key, addresses: entry.addresses }),
        }
    }
}

/// Spells keys for a program or device. `header` is put into comments at the top, one line each.
///
/// # Errors
/// Every key that cannot be expressed, and nothing is written then.
pub fn write(
    keys: &[Kept],
    format: Format,
    header: &[String],
) -> Result<Zeroizing<Vec<u8>>, Vec<Inexpressible>> {
    let mut text = Zeroizing::new(Vec::with_capacity(room_for(keys.len(), header)));
    for comment in header {
        text.extend(comment_mark(format).bytes().chain(comment.bytes()).chain(*b"\n"));
    }
    let mut faults = Vec::new();
    for kept in keys {
        match line_of(kept, format) {
            Ok(line) => text.extend(line.iter().chain(b"\n")),
            Err(reason) => {
                faults.push(Inexpressible { line: kept.line, id: kept.key.id(), format, reason });
            }
        }
    }
    if faults.is_empty() { Ok(text) } else { Err(faults) }
}

/// What a header ends with, behind the program's title.
const HEADER_END: &str = ", written by ntpcap";

/// Enough that the text is never moved, which would leave secrets behind.
fn room_for(keys: usize, header: &[String]) -> usize {
    let header: usize = header.iter().map(|line| line.len() + 3).sum();
    header + keys.saturating_mul(LONGEST_LINE)
}

/// No line that is written is longer, in octets.
const LONGEST_LINE: usize = 2048;

fn comment_mark(format: Format) -> &'static str {
    match format {
        Format::CiscoIos | Format::Arista => "! ",
        _ => "# ",
    }
}

/// One line without its end, proved to mean the same key.
fn line_of(kept: &Kept, format: Format) -> Result<Zeroizing<Vec<u8>>, Reason> {
    let line = match format {
        Format::Daemon(dialect) => daemon::line_of(kept, dialect)?,
        device => appliance::line_of(kept, device)?,
    };
    if line.len() < LONGEST_LINE && reads_back(&line, kept, format) {
        Ok(line)
    } else {
        Err(Reason::ReadsOtherwise)
    }
}

fn reads_back(line: &[u8], kept: &Kept, format: Format) -> bool {
    let again = read(line, format);
    let [only] = again.kept.as_slice() else { return false };
    let (old, new) = (&kept.key, &only.key);
    again.lost.is_empty()
        && old.id() == new.id()
        && old.algorithm() == new.algorithm()
        && old.secret().as_octets() == new.secret().as_octets()
        && kept.addresses == only.addresses
}
