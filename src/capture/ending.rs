//! How a capture came to its end.

use std::fmt;
use std::io;

/// How a capture ended. Offsets count octets of the uncompressed stream.
#[derive(Debug)]
pub enum Ending {
    /// Not reached: more frames may follow.
    Open,
    /// The last record was whole and nothing follows it.
    Complete,
    /// The file stops inside a record: a copy cut short, or a capture still being written.
    Truncated {
        /// Where the incomplete record starts.
        offset: u64,
        /// How many octets that record needs, as far as its own length could be read.
        needed: u64,
        /// How many octets of it there are.
        present: u64,
    },
    /// What follows cannot be understood, so nothing after it can be found.
    Damaged {
        /// Where the record that makes no sense starts.
        offset: u64,
        /// What is wrong there.
        what: Damage,
    },
    /// The source failed.
    Failed(io::Error),
}

impl Ending {
    /// Whether the whole file was read and understood.
    pub fn is_complete(&self) -> bool {
        matches!(self, Ending::Complete)
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Open => formatter.write_str("not read to its end"),
            Ending::Complete => formatter.write_str("complete"),
            Ending::Truncated { offset, needed, present } => write!(
                formatter,
                "cut short: the record at octet {offset} needs {needed} octets, the file has {present}"
            ),
            Ending::Damaged { offset, what } => write!(formatter, "damaged at octet {offset}: {what}"),
            Ending::Failed(error) => write!(formatter, "cannot be read further: {error}"),
        }
    }
}

/// What makes it impossible to find the next record.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Damage {
    /// A record or block claims a length no capture has.
    ImplausibleLength(u64),
    /// A block is shorter than the smallest block, 12 octets.
    BlockTooShort(u32),
    /// The length of a block is no multiple of 4.
    BlockUnaligned(u32),
    /// The two lengths of a block, before and after its body, differ.
    LengthsDiffer {
        /// The length before the body.
        before: u32,
        /// The length after it.
        after: u32,
    },
    /// A section header has an unknown byte-order magic.
    ByteOrderMagic(u32),
    /// The compressed octets are damaged; the text is the decompressor's.
    CompressedData(String),
}

impl fmt::Display for Damage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Damage::ImplausibleLength(length) => write!(formatter, "a record of {length} octets"),
            Damage::BlockTooShort(length) => {
                let plural = if *length == 1 { "" } else { "s" };
                write!(formatter, "a block of {length} octet{plural}, less than 12")
            }
            Damage::BlockUnaligned(length) => {
                write!(formatter, "a block of {length} octets, no multiple of 4")
            }
            Damage::LengthsDiffer { before, after } => {
                write!(formatter, "a block of {before} octets by its start, {after} by its end")
            }
            Damage::ByteOrderMagic(magic) => {
                write!(formatter, "a section of unknown byte order, {magic:#010x}")
            }
            Damage::CompressedData(reason) => write!(formatter, "compressed data: {reason}"),
        }
    }
}
