//! Why octets cannot be read as a capture at all.

use std::fmt;
use std::io;

use super::compression::Compression;
use super::detect::ForeignFormat;

/// Why octets cannot be read as a capture. The path, if there is one, is for the caller to name.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// There is not one octet.
    #[error("the file is empty")]
    Empty,
    /// The source itself cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(#[source] io::Error),
    /// The octets start like no capture, and like no other format known here.
    #[error("not a pcap or pcapng capture: starts with {0}")]
    NotACapture(FirstOctets),
    /// A capture, or a container of one, in a format this program does not read.
    #[error("{0} is not read, only pcap and pcapng")]
    ForeignFormat(ForeignFormat),
    /// Compressed in a way this build leaves out.
    #[error("compressed with {0}, which this build leaves out (feature \"compress\")")]
    CompressionLeftOut(Compression),
    /// Compressed more than `limit` times over.
    #[error("compressed more than {limit} times over")]
    CompressedTooOften {
        /// How many layers of compression are read.
        limit: usize,
    },
    /// The compressed octets yield nothing.
    #[error("compressed with {compression}, but cannot be decompressed: {reason}")]
    CompressedData {
        /// The outermost compression that fails.
        compression: Compression,
        /// What the decompressor says.
        reason: String,
    },
}

/// The first few octets of a file, kept for an error text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstOctets {
    octets: [u8; Self::KEPT],
    length: usize,
}

impl FirstOctets {
    const KEPT: usize = 16;

    /// Keeps up to 16 octets of `head`.
    pub(super) fn of(head: &[u8]) -> Self {
        let mut octets = [0; Self::KEPT];
        for (slot, octet) in octets.iter_mut().zip(head) {
            *slot = *octet;
        }
        Self { octets, length: head.len().min(Self::KEPT) }
    }

    /// The octets kept.
    pub fn as_slice(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }

    /// Whether all of them are what a text file holds.
    pub fn is_text(&self) -> bool {
        self.as_slice().iter().all(|octet| matches!(octet, b' '..=b'~' | b'\t' | b'\r' | b'\n'))
    }
}

impl fmt::Display for FirstOctets {
    /// Says what kind of file it is. A file that is no capture may be a key file, so no more of it is shown than a
    /// magic number has.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_text() {
            return formatter.write_str("text");
        }
        formatter.write_str("octets")?;
        self.as_slice().iter().take(4).try_for_each(|octet| write!(formatter, " {octet:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_nothing_of_a_text_and_four_octets_of_anything_else() {
        assert_eq!(FirstOctets::of(b"1 MD5 secret").to_string(), "text");
        assert_eq!(FirstOctets::of(&[0x7f, b'E', b'L', b'F', 2, 1]).to_string(), "octets 7f 45 4c 46");
        assert_eq!(FirstOctets::of(&[1; 40]).as_slice().len(), 16);
    }
}
