//! The classic pcap format: a file header, then records.

use pcap_file::pcap::{PcapParseError, PcapParser, PcapTsResolution, RawPcapPacket};

use super::buffer::{Buffer, LARGEST_RECORD};
use super::defects::{DefectKind, Defects};
use super::ending::Damage;
use super::frame::{CaptureTime, LinkType};
use super::options::Origin;
use super::reader::{Halt, LARGEST_PLAUSIBLE, Located};
use super::time::FractionUnit;

/// Where a classic capture stands: what its header said.
#[derive(Debug)]
pub(super) struct Pcap {
    header: Option<Header>,
    /// Octets between the 16 of a record header and the frame.
    extra: usize,
}

#[derive(Debug)]
struct Header {
    parser: PcapParser,
    link_type: LinkType,
    unit: FractionUnit,
    origin: Origin,
}

impl Pcap {
    /// A capture that stands before its header. Records are 8 octets longer in the modified format.
    pub(super) fn new(modified: bool) -> Self {
        Self { header: None, extra: if modified { 8 } else { 0 } }
    }

    /// The interface, once the header is read.
    #[inline]
    pub(super) fn origin(&self) -> Option<&Origin> {
        self.header.as_ref().map(|header| &header.origin)
    }

    /// Finds the next frame in `buffer`.
    ///
    /// Terminates: every round either returns or consumes a record of at least 16 octets.
    #[inline]
    pub(super) fn locate(
        &mut self,
        buffer: &mut Buffer,
        defects: &mut Defects,
        frame: u64,
    ) -> Result<Located, Halt> {
        let extra = self.extra;
        let header = match &self.header {
            Some(header) => header,
            None => self.header.insert(read_header(buffer)?),
        };
        loop {
            if !buffer.fill(RECORD_HEADER) {
                return Err(Halt::Short { needed: (RECORD_HEADER + extra) as u64 });
            }
            match header.parser.next_raw_packet(buffer.available()) {
                Ok((_, packet)) if extra == 0 => {
                    return Ok(header.located(&packet, 0, buffer.offset(), defects, frame));
                }
                Ok((_, packet)) => {
                    let record = RECORD_HEADER + extra + packet.data.len();
                    if buffer.available().len() >= record {
                        return Ok(header.located(&packet, extra, buffer.offset(), defects, frame));
                    }
                    read_record(buffer, record as u64, defects, frame)?;
                }
                Err(PcapParseError::IncompleteBuffer(length, _)) => {
                    read_record(buffer, (RECORD_HEADER + extra) as u64 + length as u64, defects, frame)?;
                }
                // The raw layer validates nothing; should it ever, there is no next record to be found.
                Err(PcapParseError::Validation(_)) => {
                    return Err(Halt::Damaged(Damage::ImplausibleLength(0)));
                }
            }
        }
    }
}

impl Header {
    /// Where the frame of a whole record is, and what its header says.
    #[inline]
    fn located(
        &self,
        packet: &RawPcapPacket<'_>,
        extra: usize,
        offset: u64,
        defects: &mut Defects,
        frame: u64,
    ) -> Located {
        let (time, carried) = CaptureTime::from_parts(packet.ts_sec, packet.ts_frac, self.unit);
        if carried {
            defects.note(DefectKind::TimeFractionOverflow, offset, frame);
        }
        let start = RECORD_HEADER + extra;
        Located {
            time: Some(time),
            link_type: self.link_type,
            original_length: packet.orig_len,
            start,
            length: packet.data.len(),
            record: start + packet.data.len(),
            interface: 0,
            options: None,
        }
    }
}

/// Reads on until a record of `length` octets is at hand, or skips it if that is more than is kept.
fn read_record(buffer: &mut Buffer, length: u64, defects: &mut Defects, frame: u64) -> Result<(), Halt> {
    if length > LARGEST_PLAUSIBLE {
        return Err(Halt::Damaged(Damage::ImplausibleLength(length)));
    }
    if length > LARGEST_RECORD {
        let offset = buffer.offset();
        defects.note(DefectKind::BlockTooLarge, offset, frame);
        let present = buffer.skip(length);
        return if present == length {
            Ok(())
        } else {
            Err(Halt::CutWhileSkipping { offset, needed: length, present })
        };
    }
    match usize::try_from(length) {
        Ok(needed) if buffer.fill(needed) => Ok(()),
        _ => Err(Halt::Short { needed: length }),
    }
}

/// Reads the file header.
fn read_header(buffer: &mut Buffer) -> Result<Header, Halt> {
    let short = Halt::Short { needed: FILE_HEADER as u64 };
    if !buffer.fill(FILE_HEADER) {
        return Err(short);
    }
    let Some(mut octets) = buffer.available().first_chunk::<FILE_HEADER>().copied() else {
        return Err(short);
    };
    // The modified format differs in its records only, so its header is read under the usual magic number.
    match octets {
        [0xa1, 0xb2, ref mut third @ 0xcd, ref mut fourth @ 0x34, ..] => (*third, *fourth) = (0xc3, 0xd4),
        [ref mut first @ 0x34, ref mut second @ 0xcd, 0xb2, 0xa1, ..] => (*first, *second) = (0xd4, 0xc3),
        _ => {}
    }
    let Ok((_, parser)) = PcapParser::new(&octets) else { return Err(short) };
    buffer.consume(FILE_HEADER);
    let header = parser.header();
    // The upper half of the word tells the length of a frame check sequence; the link type is below.
    let [check, _, high, low] = u32::from(header.datalink).to_be_bytes();
    let words = (check & 0x04 != 0).then_some(check >> 4);
    let unit = match header.ts_resolution {
        PcapTsResolution::MicroSecond => FractionUnit::Microsecond,
        PcapTsResolution::NanoSecond => FractionUnit::Nanosecond,
    };
    let origin = Origin::of_classic(header.snaplen, words.map(|words| 2 * words));
    Ok(Header { link_type: LinkType(u16::from_be_bytes([high, low])), unit, origin, parser })
}

const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;

#[cfg(test)]
mod tests {
    use super::super::{CaptureTime, DefectKind, Ending, LinkType, Reader};

    const LITTLE: [u8; 24] =
        [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0];
    const BIG: [u8; 24] =
        [0xa1, 0xb2, 0x3c, 0x4d, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 96, 0x14, 0, 0, 101];

    fn reader(parts: &[&[u8]]) -> Reader {
        Reader::new(std::io::Cursor::new(parts.concat())).unwrap()
    }

    #[test]
    fn reads_little_endian_microseconds_with_a_snap_length_of_zero() {
        let record = [1, 0, 0, 0, 5, 0, 0, 0, 3, 0, 0, 0, 9, 0, 0, 0, 0xaa, 0xbb, 0xcc];
        let mut reader = reader(&[&LITTLE, &record, &record]);
        let frame = reader.next_frame().unwrap();
        assert_eq!((frame.number, frame.original_length, frame.octets), (1, 9, &[0xaa, 0xbb, 0xcc][..]));
        assert_eq!(frame.time, Some(CaptureTime { seconds: 1, nanoseconds: 5000 }));
        assert_eq!(reader.next_frame().unwrap().number, 2);
        assert!(reader.next_frame().is_none());
        assert!(reader.next_frame().is_none());
        assert!(matches!(reader.ending(), Ending::Complete));
        assert_eq!(reader.bytes_read(), 24 + 2 * 19);
    }

    #[test]
    fn reads_big_endian_nanoseconds_and_masks_the_check_sequence_bits() {
        let record = [0, 0, 0, 1, 0, 0, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0, 0xaa];
        let mut reader = reader(&[&BIG, &record]);
        let frame = reader.next_frame().unwrap();
        assert_eq!(frame.link_type, LinkType(101));
        assert_eq!(frame.time, Some(CaptureTime { seconds: 1, nanoseconds: 5 }));
        assert_eq!(frame.original_length, 0);
    }

    #[test]
    fn reads_the_longer_records_of_the_modified_format() {
        let mut header = LITTLE;
        header[..2].copy_from_slice(&[0x34, 0xcd]);
        let record = [1, 0, 0, 0, 5, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9, 0xaa, 0xbb];
        let mut whole = reader(&[&header, &record, &record]);
        assert_eq!(whole.next_frame().unwrap().octets, [0xaa, 0xbb]);
        assert_eq!(whole.next_frame().unwrap().octets, [0xaa, 0xbb]);
        assert!(whole.next_frame().is_none());
        let mut cut = reader(&[&header, &record, &record[..25]]);
        assert!(cut.next_frame().is_some());
        assert!(cut.next_frame().is_none());
        assert!(matches!(cut.ending(), Ending::Truncated { offset: 50, needed: 26, present: 25 }));
    }

    #[test]
    fn says_where_the_incomplete_record_starts() {
        let record = [1, 0, 0, 0, 5, 0, 0, 0, 3, 0, 0, 0, 9, 0, 0, 0, 0xaa, 0xbb, 0xcc];
        for (length, needed) in [(1, 16), (15, 16), (16, 19), (18, 19)] {
            let mut reader = reader(&[&LITTLE, &record, &record[..length]]);
            assert!(reader.next_frame().is_some());
            assert!(reader.next_frame().is_none());
            let Ending::Truncated { offset, needed: found, present } = *reader.ending() else { panic!() };
            assert_eq!((offset, found, present), (43, needed, length as u64));
        }
        let mut reader = reader(&[&LITTLE[..20]]);
        assert!(reader.next_frame().is_none());
        assert!(matches!(reader.ending(), Ending::Truncated { offset: 0, needed: 24, present: 20 }));
    }

    #[test]
    fn skips_a_record_too_large_and_stops_at_an_implausible_one() {
        let large = [1, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 2];
        let implausible = [1, 0, 0, 0, 0x40, 0x42, 0x0f, 0, 0xf0, 0xff, 0xff, 0xff, 0, 0, 0, 0];
        let small = [1, 0, 0, 0, 0x40, 0x42, 0x0f, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0xaa];
        let mut reader = reader(&[&LITTLE, &large, &vec![0; 0x0200_0000], &small, &implausible]);
        let frame = reader.next_frame().unwrap();
        assert_eq!((frame.number, frame.time.unwrap().seconds), (1, 2));
        assert!(reader.next_frame().is_none());
        assert!(matches!(reader.ending(), Ending::Damaged { offset: 0x0200_0039, .. }));
        let kinds: Vec<_> =
            reader.defects().iter().map(|defect| (defect.kind, defect.first_offset)).collect();
        assert_eq!(kinds, [(DefectKind::BlockTooLarge, 24), (DefectKind::TimeFractionOverflow, 0x0200_0028)]);
    }
}
