//! What a file is, by its content.

use std::fmt;
use std::io::{self, Read};

use super::compression::{self, Compression, Failure};
use super::error::{CaptureError, FirstOctets};

/// The format of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Container {
    /// The classic format, times in microseconds.
    Pcap,
    /// The classic format, times in nanoseconds.
    PcapNanosecond,
    /// The classic format with longer record headers, as a patched libpcap of Linux 2.0 times wrote it.
    PcapModified,
    /// The block format.
    Pcapng,
}

impl fmt::Display for Container {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Container::Pcap => "pcap",
            Container::PcapNanosecond => "pcap (nanoseconds)",
            Container::PcapModified => "pcap (modified)",
            Container::Pcapng => "pcapng",
        })
    }
}

/// A format that is recognised but not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ForeignFormat(&'static str);

impl fmt::Display for ForeignFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

/// A source of which is known what it holds.
pub(super) struct Opened {
    /// The uncompressed capture from its first octet on.
    pub(super) stream: Box<dyn Read + Send>,
    /// Its format.
    pub(super) container: Container,
    /// Its compressions, the outermost first.
    pub(super) compressions: Vec<Compression>,
}

/// Finds out what `source` holds, through at most two layers of compression.
pub(super) fn open(source: Box<dyn Read + Send>) -> Result<Opened, CaptureError> {
    let mut stream: Box<dyn Read + Send> = Box::new(compression::Source(source));
    let mut compressions = Vec::new();
    loop {
        let peeked = Peeked::new(stream, compressions.last().copied())?;
        let head = peeked.head.as_slice();
        if let Some(container) = recognise(head) {
            return Ok(Opened { stream: Box::new(peeked), container, compressions });
        }
        let Some(compression) = compression::recognise(head) else {
            let foreign = FOREIGN.iter().find(|(magic, _)| head.starts_with(magic));
            return Err(match foreign {
                Some((_, name)) => CaptureError::ForeignFormat(ForeignFormat(name)),
                None if head.is_empty() => CaptureError::Empty,
                None => CaptureError::NotACapture(FirstOctets::of(head)),
            });
        };
        if compressions.len() == MOST_COMPRESSIONS {
            return Err(CaptureError::CompressedTooOften { limit: MOST_COMPRESSIONS });
        }
        stream = compression::decompress(compression, Box::new(peeked))?;
        compressions.push(compression);
    }
}

/// The format of capture `head` starts with.
fn recognise(head: &[u8]) -> Option<Container> {
    match head {
        [0xa1, 0xb2, 0xc3, 0xd4, ..] | [0xd4, 0xc3, 0xb2, 0xa1, ..] => Some(Container::Pcap),
        [0xa1, 0xb2, 0x3c, 0x4d, ..] | [0x4d, 0x3c, 0xb2, 0xa1, ..] => Some(Container::PcapNanosecond),
        [0xa1, 0xb2, 0xcd, 0x34, ..] | [0x34, 0xcd, 0xb2, 0xa1, ..] => Some(Container::PcapModified),
        [0x0a, 0x0d, 0x0d, 0x0a, ..] => Some(Container::Pcapng),
        _ => None,
    }
}

/// Layers of compression that are undone.
const MOST_COMPRESSIONS: usize = 2;

/// Beginnings of formats that are named in the error instead of shown in hexadecimal.
const FOREIGN: &[(&[u8], &str)] = &[
    (b"snoop\0\0\0", "a snoop capture"),
    (b"GMBU", "a Microsoft Network Monitor 2 capture"),
    (b"RTSS", "a Microsoft Network Monitor 1 capture"),
    (b"XCP\0", "a NetXRay capture"),
    (b"TRSNIFF data", "a Sniffer capture"),
    (b"iptrace 1.0", "an AIX iptrace capture"),
    (b"iptrace 2.0", "an AIX iptrace capture"),
    (b"btsnoop\0", "a btsnoop capture"),
    (b"LOGG", "a BLF capture"),
    (b"\x1c\x00\x01\xac", "an IxVeriWave capture"),
    (b"\xac\x01\x00\x1c", "an IxVeriWave capture"),
    (b"BZh", "a bzip2 file"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"\x02\x21\x4c\x18", "an LZ4 legacy file"),
    (b"\x7fELF", "a program (ELF)"),
];

/// A source whose first octets are known; they and what follows can still be read.
struct Peeked {
    head: Vec<u8>,
    given: usize,
    failure: Option<io::Error>,
    over: bool,
    rest: Box<dyn Read + Send>,
}

impl Peeked {
    /// Reads the first octets of `rest`, which comes out of `compression`.
    ///
    /// A failure after the first octet is kept for the reader, who meets it in its place.
    fn new(mut rest: Box<dyn Read + Send>, compression: Option<Compression>) -> Result<Self, CaptureError> {
        let mut head = [0; HEAD];
        let mut length = 0;
        let mut failure = None;
        let mut over = false;
        while !over && length < HEAD {
            let room = head.get_mut(length..).unwrap_or_default();
            match rest.read(room) {
                Ok(0) => over = true,
                Ok(count) => length += count.min(room.len()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    failure = Some(error);
                    over = true;
                }
            }
        }
        let head = head.get(..length).unwrap_or_default().to_vec();
        match failure {
            Some(error) if head.is_empty() => Err(unusable(error, compression)),
            failure => Ok(Self { head, given: 0, failure, over, rest }),
        }
    }
}

impl Read for Peeked {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if let Some(left) = self.head.get(self.given..).filter(|left| !left.is_empty()) {
            let count = left.len().min(room.len());
            for (slot, octet) in room.iter_mut().zip(left) {
                *slot = *octet;
            }
            self.given += count;
            return Ok(count);
        }
        match self.failure.take() {
            Some(error) => Err(error),
            None if self.over => Ok(0),
            None => self.rest.read(room),
        }
    }
}

/// The error for a source that fails before its first octet.
fn unusable(error: io::Error, compression: Option<Compression>) -> CaptureError {
    let reason = match (compression::classify(error), compression) {
        (Failure::Source(error), _) => return CaptureError::Unreadable(error),
        (Failure::Cut, None) => return CaptureError::Unreadable(io::ErrorKind::UnexpectedEof.into()),
        (Failure::Cut, Some(_)) => "the file stops too early".to_owned(),
        (Failure::Corrupt(reason), _) => reason,
    };
    match compression {
        Some(compression) => CaptureError::CompressedData { compression, reason },
        None => CaptureError::Unreadable(io::Error::other(reason)),
    }
}

/// How many octets are looked at.
const HEAD: usize = 32;

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use super::super::{CaptureTime, Damage, Ending, Reader};
    use super::*;

    /// A classic capture with two frames of one octet.
    const CAPTURE: [u8; 58] = [
        0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 0, 0, 0,
        0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0xaa, 8, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0xbb,
    ];

    fn gzip(octets: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(octets).unwrap();
        encoder.finish().unwrap()
    }

    fn open(octets: &[u8]) -> Result<Reader, CaptureError> {
        Reader::new(Cursor::new(octets.to_vec()))
    }

    fn error(octets: &[u8]) -> String {
        open(octets).unwrap_err().to_string()
    }

    /// The number of frames, and the ending.
    fn count(reader: &mut Reader) -> (usize, &Ending) {
        let mut frames = 0;
        while let Some(frame) = reader.next_frame() {
            frames += 1;
            assert_eq!(frame.time, Some(CaptureTime { seconds: 6 + frames as i64, nanoseconds: 0 }));
        }
        (frames, reader.ending())
    }

    #[test]
    fn names_what_is_no_capture() {
        assert_eq!(error(b""), "the file is empty");
        assert_eq!(error(b"1 MD5 secret\n"), "not a pcap or pcapng capture: starts with text");
        assert_eq!(error(&[0, 1, 2]), "not a pcap or pcapng capture: starts with octets 00 01 02");
        assert_eq!(error(b"snoop\0\0\0\0\0\0\x02"), "a snoop capture is not read, only pcap and pcapng");
        assert_eq!(
            error(b"GMBU..."),
            "a Microsoft Network Monitor 2 capture is not read, only pcap and pcapng"
        );
        assert!(error(b"\x1f\x8b\x08\x00").starts_with("compressed with gzip, but cannot be decompressed"));
        assert_eq!(error(&gzip(b"hello")), "not a pcap or pcapng capture: starts with text");
        assert_eq!(error(&gzip(b"")), "the file is empty");
    }

    #[test]
    fn reads_all_members_and_two_layers_of_gzip() {
        let members = [gzip(&CAPTURE[..30]), gzip(&CAPTURE[30..])].concat();
        let mut reader = open(&members).unwrap();
        assert!(matches!(count(&mut reader), (2, Ending::Complete)));
        assert_eq!(reader.compressions(), [Compression::Gzip]);
        let mut reader = open(&gzip(&gzip(&CAPTURE))).unwrap();
        assert_eq!(count(&mut reader).0, 2);
        assert_eq!(reader.compressions().len(), 2);
        assert_eq!(error(&gzip(&gzip(&gzip(&CAPTURE)))), "compressed more than 2 times over");
    }

    #[test]
    fn a_cut_gzip_ends_as_truncated_with_the_offset_in_the_uncompressed_stream() {
        let compressed = gzip(&CAPTURE);
        let mut reader = open(&compressed[..compressed.len() - 9]).unwrap();
        let (frames, ending) = count(&mut reader);
        assert!(frames < 3);
        let Ending::Truncated { offset, .. } = *ending else { panic!("{ending}") };
        assert_eq!(offset, [24, 41, 58][frames]);
    }

    #[test]
    fn damaged_compressed_data_is_no_failure_of_the_source() {
        let mut compressed = gzip(&CAPTURE);
        let checksum = compressed.len() - 8;
        compressed[checksum] ^= 1;
        let mut reader = open(&compressed).unwrap();
        assert!(matches!(count(&mut reader).1, Ending::Damaged { what: Damage::CompressedData(_), .. }));
    }

    /// Gives its octets, then fails.
    struct Failing(Cursor<Vec<u8>>);

    impl Read for Failing {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            match self.0.read(room)? {
                0 => Err(io::Error::other("cable pulled")),
                count => Ok(count),
            }
        }
    }

    #[test]
    fn a_failing_source_is_told_from_damage_even_through_compression() {
        let compressed = gzip(&CAPTURE);
        for octets in [&CAPTURE[..45], &compressed[..compressed.len() - 4]] {
            let mut reader = Reader::new(Failing(Cursor::new(octets.to_vec()))).unwrap();
            let (_, ending) = count(&mut reader);
            assert!(
                matches!(ending, Ending::Failed(error) if error.to_string() == "cable pulled"),
                "{ending}"
            );
        }
        let failed = Reader::new(Failing(Cursor::new(Vec::new()))).unwrap_err();
        assert_eq!(failed.to_string(), "cannot be read: cable pulled");
    }

    #[cfg(feature = "compress")]
    #[test]
    fn reads_zstd_xz_and_lz4_in_any_number_of_frames() {
        let zstd = |octets: &[u8]| zstd::stream::encode_all(octets, 3).unwrap();
        let xz = |octets: &[u8]| {
            let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
            encoder.write_all(octets).unwrap();
            encoder.finish().unwrap()
        };
        let lz4 = |octets: &[u8]| {
            let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
            encoder.write_all(octets).unwrap();
            encoder.finish().unwrap()
        };
        let (first, second) = CAPTURE.split_at(30);
        for (compression, frames) in [
            (Compression::Zstd, [zstd(first), zstd(second)].concat()),
            (Compression::Xz, [xz(first), xz(second)].concat()),
            (Compression::Lz4, [lz4(first), lz4(second)].concat()),
        ] {
            let mut reader = open(&frames).unwrap();
            assert_eq!(reader.compressions(), [compression]);
            assert!(matches!(count(&mut reader), (2, Ending::Complete)), "{compression}");
            for length in 0..frames.len() {
                let Ok(mut reader) = open(&frames[..length]) else { continue };
                let (found, ending) = count(&mut reader);
                assert!(
                    matches!(ending, Ending::Truncated { .. }),
                    "{compression} {length} {found} {ending}"
                );
            }
        }
    }

    #[cfg(not(feature = "compress"))]
    #[test]
    fn names_a_compression_that_is_left_out() {
        let expected = "compressed with zstd, which this build leaves out (feature \"compress\")";
        assert_eq!(error(&[0x28, 0xb5, 0x2f, 0xfd, 0, 0]), expected);
    }
}
