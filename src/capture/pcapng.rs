//! The pcapng format: blocks, in sections of either byte order.
//!
//! Blocks are framed by `pcap-file`; their bodies are read here, because its typed layer gives a whole file up for one
//! bad option.

use byteorder_slice::{BigEndian, LittleEndian};
use pcap_file::pcapng::{PcapNgFormatError, RawBlock, RawBlockParseError};

use super::buffer::{Buffer, LARGEST_RECORD};
use super::defects::{DefectKind, Defects};
use super::ending::Damage;
use super::frame::{CaptureTime, LinkType};
use super::options::Origin;
use super::reader::{Halt, LARGEST_PLAUSIBLE, Located};
use super::time::Resolution;

/// Where a capture of blocks stands: the byte order and the interfaces of its section.
#[derive(Debug)]
pub(super) struct Pcapng {
    order: Order,
    interfaces: Vec<Interface>,
    /// Section headers so far.
    sections: u64,
    /// Blocks so far that Wireshark counts among the packets, though they hold none.
    other_records: u64,
}

/// What a section says of an interface.
#[derive(Debug)]
struct Interface {
    link_type: LinkType,
    origin: Origin,
    resolution: Resolution,
    /// Seconds to add to every time.
    offset: i64,
}

/// The byte order of a section.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    #[default]
    Little,
    Big,
}

impl Pcapng {
    /// A capture that stands before its first section header.
    pub(super) fn new() -> Self {
        Self { order: Order::Little, interfaces: Vec::new(), sections: 0, other_records: 0 }
    }

    /// Blocks so far that are no packets but are numbered like them.
    #[inline]
    pub(super) fn other_records(&self) -> u64 {
        self.other_records
    }

    /// The interface of that number in the current section.
    #[inline]
    pub(super) fn origin(&self, interface: u32) -> Option<&Origin> {
        self.interface(interface).map(|interface| &interface.origin)
    }

    #[inline]
    fn interface(&self, number: u32) -> Option<&Interface> {
        usize::try_from(number).ok().and_then(|index| self.interfaces.get(index))
    }

    /// Finds the next frame in `buffer`.
    ///
    /// Terminates: every round either returns or consumes a block of at least 12 octets.
    #[inline]
    pub(super) fn locate(
        &mut self,
        buffer: &mut Buffer,
        defects: &mut Defects,
        frame: u64,
    ) -> Result<Located, Halt> {
        loop {
            let length = self.read_block(buffer, defects, frame)?;
            let Some(length) = length else { continue };
            let octets = buffer.available().get(..length).unwrap_or_default();
            let block = match self.order {
                Order::Little => RawBlock::from_slice::<LittleEndian>(octets),
                Order::Big => RawBlock::from_slice::<BigEndian>(octets),
            };
            let (_, block) = block.map_err(damage)?;
            let mut log = Log { defects, offset: buffer.offset(), frame };
            if let Some(located) = self.packet(block.type_, &block.body, length, &mut log) {
                return Ok(located);
            }
            match block.type_ {
                SECTION_HEADER => self.begin_section(&block.body, &mut log),
                INTERFACE_DESCRIPTION => self.add_interface(&block.body, &mut log),
                JOURNAL_EXPORT | CUSTOM | CUSTOM_NOT_COPIED => self.other_records += 1,
                _ => {}
            }
            buffer.consume(length);
        }
    }

    /// Reads on until the next block is at hand and returns its length; `None` when it was skipped for its size.
    #[inline]
    fn read_block(
        &mut self,
        buffer: &mut Buffer,
        defects: &mut Defects,
        frame: u64,
    ) -> Result<Option<usize>, Halt> {
        if !buffer.fill(SMALLEST_BLOCK) {
            return Err(Halt::Short { needed: SMALLEST_BLOCK as u64 });
        }
        let mut front = Fields { octets: buffer.available(), order: self.order };
        let (Some(kind), Some(length), Some(magic)) = (front.next_4(), front.next_4(), front.next_4()) else {
            return Err(Halt::Short { needed: SMALLEST_BLOCK as u64 });
        };
        // The type of a section header reads the same in both byte orders, so it can tell the order of its length.
        let length = match (kind, magic) {
            (SECTION_HEADER, 0x1a2b_3c4d) => length,
            (SECTION_HEADER, 0x4d3c_2b1a) => {
                self.order = self.order.other();
                length.swap_bytes()
            }
            (SECTION_HEADER, _) => return Err(Halt::Damaged(Damage::ByteOrderMagic(magic))),
            _ => length,
        };
        let total = u64::from(length);
        if length < 12 {
            return Err(Halt::Damaged(Damage::BlockTooShort(length)));
        }
        if !length.is_multiple_of(4) {
            return Err(Halt::Damaged(Damage::BlockUnaligned(length)));
        }
        if total > LARGEST_PLAUSIBLE {
            return Err(Halt::Damaged(Damage::ImplausibleLength(total)));
        }
        if total > LARGEST_RECORD {
            let offset = buffer.offset();
            defects.note(DefectKind::BlockTooLarge, offset, frame);
            let present = buffer.skip(total);
            let cut = Halt::CutWhileSkipping { offset, needed: total, present };
            return if present == total { Ok(None) } else { Err(cut) };
        }
        match usize::try_from(length) {
            Ok(needed) if buffer.fill(needed) => Ok(Some(needed)),
            _ => Err(Halt::Short { needed: total }),
        }
    }

    /// The frame of a packet block that can be handed out.
    #[inline]
    fn packet(&self, kind: u32, body: &[u8], block: usize, log: &mut Log<'_>) -> Option<Located> {
        let fields = Fields { octets: body, order: self.order };
        let packet = match kind {
            ENHANCED_PACKET => fields.enhanced_packet(),
            OBSOLETE_PACKET => fields.obsolete_packet(),
            SIMPLE_PACKET => return self.simple_packet(fields, block, log),
            _ => return None,
        };
        let Some(packet) = packet else {
            log.note(DefectKind::BlockCut);
            return None;
        };
        let Some(interface) = self.interface(packet.interface) else {
            log.note(DefectKind::UnknownInterface);
            return None;
        };
        let length = usize::try_from(packet.captured_length).unwrap_or(usize::MAX);
        if length > body.len().saturating_sub(PACKET_FIELDS) {
            log.note(DefectKind::PacketBeyondBlock);
            return None;
        }
        Some(Located {
            time: Some(interface.time(packet.ticks)),
            link_type: interface.link_type,
            original_length: packet.original_length,
            start: BLOCK_HEADER + PACKET_FIELDS,
            length,
            record: block,
            interface: packet.interface,
            options: Some((
                BLOCK_HEADER + PACKET_FIELDS + length.next_multiple_of(4),
                block - BLOCK_TRAILER,
                self.order,
            )),
        })
    }

    /// The frame of a simple packet block: it has no time, and belongs to the first interface.
    fn simple_packet(&self, mut fields: Fields<'_>, block: usize, log: &mut Log<'_>) -> Option<Located> {
        let Some(original_length) = fields.next_4() else {
            log.note(DefectKind::BlockCut);
            return None;
        };
        let Some(interface) = self.interfaces.first() else {
            log.note(DefectKind::UnknownInterface);
            return None;
        };
        let captured = match interface.origin.snap_length {
            0 => original_length,
            snap_length => original_length.min(snap_length),
        };
        let length = usize::try_from(captured).unwrap_or(usize::MAX);
        if length > fields.octets.len() {
            log.note(DefectKind::PacketBeyondBlock);
        }
        Some(Located {
            time: None,
            link_type: interface.link_type,
            original_length,
            start: BLOCK_HEADER + 4,
            length: length.min(fields.octets.len()),
            record: block,
            interface: 0,
            options: None,
        })
    }

    /// Takes in a section header. Its length field is ignored: blocks are followed one by one.
    fn begin_section(&mut self, body: &[u8], log: &mut Log<'_>) {
        self.interfaces.clear();
        self.sections += 1;
        let mut fields = Fields { octets: body, order: self.order };
        match (fields.next_4(), fields.next_2()) {
            (Some(_), Some(1)) => {}
            (Some(_), Some(_)) => log.note(DefectKind::SectionVersion),
            _ => log.note(DefectKind::BlockCut),
        }
    }

    /// Takes in an interface. One that cannot be read still takes its number, so that the others keep theirs.
    fn add_interface(&mut self, body: &[u8], log: &mut Log<'_>) {
        if self.interfaces.len() == MOST_INTERFACES {
            log.note(DefectKind::TooManyInterfaces);
            return;
        }
        let mut fields = Fields { octets: body, order: self.order };
        let link_type = fields.next_2();
        let _reserved = fields.next_2();
        let snap_length = fields.next_4();
        if snap_length.is_none() {
            log.note(DefectKind::BlockCut);
        }
        let index = u32::try_from(self.interfaces.len()).unwrap_or(u32::MAX);
        let snap_length = snap_length.unwrap_or(0);
        let mut interface = Interface {
            link_type: LinkType(link_type.unwrap_or(u16::MAX)),
            origin: Origin::new(self.sections, index, snap_length, fields.octets, self.order),
            resolution: Resolution::DEFAULT,
            offset: 0,
        };
        while !fields.octets.is_empty() {
            match fields.next_option() {
                Some((END_OF_OPTIONS, _)) => break,
                Some((TIME_RESOLUTION, &[octet, ..])) => interface.resolution = Resolution::from_octet(octet),
                Some((TIME_OFFSET, value)) => match (value.first_chunk(), self.order) {
                    (Some(value), Order::Little) => interface.offset = i64::from_le_bytes(*value),
                    (Some(value), Order::Big) => interface.offset = i64::from_be_bytes(*value),
                    (None, _) => log.note(DefectKind::OptionDamaged),
                },
                Some((TIME_RESOLUTION, _)) => log.note(DefectKind::OptionDamaged),
                Some(_) => {}
                None => {
                    log.note(DefectKind::OptionDamaged);
                    break;
                }
            }
        }
        self.interfaces.push(interface);
    }
}

impl Interface {
    #[inline]
    fn time(&self, ticks: u64) -> CaptureTime {
        self.resolution.time(ticks, self.offset)
    }
}

impl Order {
    fn other(self) -> Self {
        match self {
            Order::Little => Order::Big,
            Order::Big => Order::Little,
        }
    }
}

/// The fixed fields of a packet block.
struct Packet {
    interface: u32,
    ticks: u64,
    captured_length: u32,
    original_length: u32,
}

/// Octets eaten from the front in the byte order of their section.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    pub(super) octets: &'a [u8],
    pub(super) order: Order,
}

impl<'a> Fields<'a> {
    #[inline]
    fn next_4(&mut self) -> Option<u32> {
        let (value, rest) = self.octets.split_first_chunk()?;
        self.octets = rest;
        Some(match self.order {
            Order::Little => u32::from_le_bytes(*value),
            Order::Big => u32::from_be_bytes(*value),
        })
    }

    #[inline]
    fn next_2(&mut self) -> Option<u16> {
        let (value, rest) = self.octets.split_first_chunk()?;
        self.octets = rest;
        Some(match self.order {
            Order::Little => u16::from_le_bytes(*value),
            Order::Big => u16::from_be_bytes(*value),
        })
    }

    /// Code and value of the next option; `None` when it runs beyond the block.
    pub(super) fn next_option(&mut self) -> Option<(u16, &'a [u8])> {
        let (code, length) = (self.next_2()?, usize::from(self.next_2()?));
        let (value, rest) = self.octets.split_at_checked(length)?;
        // Options are padded to 4 octets; the padding of the last one may be missing.
        self.octets = rest.get(length.next_multiple_of(4) - length..).unwrap_or_default();
        Some((code, value))
    }

    #[inline]
    fn enhanced_packet(mut self) -> Option<Packet> {
        let interface = self.next_4()?;
        self.packet(interface)
    }

    /// The obsolete block differs in its first word only: a 16-bit interface, then a count of drops.
    fn obsolete_packet(mut self) -> Option<Packet> {
        let interface = u32::from(self.next_2()?);
        let _drops = self.next_2()?;
        self.packet(interface)
    }

    #[inline]
    fn packet(mut self, interface: u32) -> Option<Packet> {
        let ticks = u64::from(self.next_4()?) << 32 | u64::from(self.next_4()?);
        Some(Packet { interface, ticks, captured_length: self.next_4()?, original_length: self.next_4()? })
    }
}

/// Where oddities of one block are noted.
struct Log<'a> {
    defects: &'a mut Defects,
    offset: u64,
    frame: u64,
}

impl Log<'_> {
    fn note(&mut self, kind: DefectKind) {
        self.defects.note(kind, self.offset, self.frame);
    }
}

/// What keeps a block from being framed.
fn damage(error: RawBlockParseError) -> Halt {
    let length = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    Halt::Damaged(match error {
        RawBlockParseError::IncompleteBuffer(needed, _) => return Halt::Short { needed: needed as u64 },
        RawBlockParseError::InvalidFormat(error) => match error {
            PcapNgFormatError::InvalidMagicNumber(magic) => Damage::ByteOrderMagic(magic),
            PcapNgFormatError::BlockNotAligned(found) => Damage::BlockUnaligned(length(found)),
            PcapNgFormatError::BlockTooShort(_, found) => Damage::BlockTooShort(length(found)),
            PcapNgFormatError::BlockLengthMismatch(before, after) => Damage::LengthsDiffer { before, after },
            PcapNgFormatError::InvalidBlockLength { actual, .. } => Damage::BlockTooShort(actual),
            PcapNgFormatError::MissingSectionHeader => Damage::ByteOrderMagic(0),
        },
    })
}

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;
const JOURNAL_EXPORT: u32 = 9;
const CUSTOM: u32 = 0x0000_0bad;
const CUSTOM_NOT_COPIED: u32 = 0x4000_0bad;

const END_OF_OPTIONS: u16 = 0;
const TIME_RESOLUTION: u16 = 9;
const TIME_OFFSET: u16 = 14;

/// Type and length before the body of a block.
const BLOCK_HEADER: usize = 8;
/// Interface, time and two lengths before the frame.
const PACKET_FIELDS: usize = 20;
/// The length again, behind the body of a block.
const BLOCK_TRAILER: usize = 4;
const SMALLEST_BLOCK: usize = 12;
/// Interfaces kept for one section.
const MOST_INTERFACES: usize = 65_536;

#[cfg(test)]
mod tests {
    use super::super::{Container, DefectKind, Ending, LinkType, Reader};

    const LITTLE: [u8; 28] = [
        0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 255, 255, 255, 255, 255,
        255, 255, 255, 28, 0, 0, 0,
    ];
    const BIG: [u8; 28] = [
        0x0a, 0x0d, 0x0d, 0x0a, 0, 0, 0, 28, 0x1a, 0x2b, 0x3c, 0x4d, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 99, 0,
        0, 0, 28,
    ];
    /// Ethernet, snap length 4, no options.
    const INTERFACE: [u8; 20] = [1, 0, 0, 0, 20, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 20, 0, 0, 0];
    /// Interface 0, 1.5 s in microseconds, 3 octets of 9.
    const PACKET: [u8; 36] = [
        6, 0, 0, 0, 36, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x60, 0xe3, 0x16, 0, 3, 0, 0, 0, 9, 0, 0, 0, 0xaa,
        0xbb, 0xcc, 0, 36, 0, 0, 0,
    ];

    fn reader(parts: &[&[u8]]) -> Reader {
        Reader::new(std::io::Cursor::new(parts.concat())).unwrap()
    }

    /// Seconds and nanoseconds of all frames; then checks that the capture is complete.
    fn times(parts: &[&[u8]]) -> Vec<(i64, u32)> {
        let mut reader = reader(parts);
        let mut times = Vec::new();
        while let Some(frame) = reader.next_frame() {
            times.push(frame.time.map_or((0, 0), |time| (time.seconds, time.nanoseconds)));
        }
        assert!(reader.ending().is_complete(), "{}", reader.ending());
        times
    }

    fn defects(reader: &Reader) -> Vec<(DefectKind, u64)> {
        reader.defects().iter().map(|defect| (defect.kind, defect.count)).collect()
    }

    /// An interface with one option.
    fn interface_with(code: u8, value: &[u8]) -> Vec<u8> {
        let length = u8::try_from(value.len()).unwrap();
        let padding = vec![0; value.len().next_multiple_of(4) - value.len()];
        let total = u8::try_from(24 + value.len() + padding.len()).unwrap();
        let end = [total, 0, 0, 0];
        [&[1, 0, 0, 0], &end[..], &[1, 0, 0, 0, 0, 0, 0, 0, code, 0, length, 0], value, &padding, &end]
            .concat()
    }

    #[test]
    fn reads_an_enhanced_packet() {
        let mut reader = reader(&[&LITTLE, &INTERFACE, &PACKET]);
        let frame = reader.next_frame().unwrap();
        assert_eq!((frame.number, frame.original_length, frame.link_type), (1, 9, LinkType(1)));
        assert_eq!(frame.octets, [0xaa, 0xbb, 0xcc]);
        assert_eq!(frame.time.map(|time| (time.seconds, time.nanoseconds)), Some((1, 500_000_000)));
        assert!(reader.next_frame().is_none());
        assert!(reader.ending().is_complete());
        assert_eq!(reader.container(), Container::Pcapng);
    }

    #[test]
    fn reads_sections_of_either_byte_order_whatever_length_they_claim() {
        let interface = [0, 0, 0, 1, 0, 0, 0, 20, 0, 101, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20];
        let packet = [
            0, 0, 0, 6, 0, 0, 0, 36, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0, 1, 0xaa, 0, 0,
            0, 0, 0, 0, 36,
        ];
        let parts: [&[u8]; 9] =
            [&LITTLE, &INTERFACE, &PACKET, &BIG, &interface, &packet, &LITTLE, &INTERFACE, &PACKET];
        assert_eq!(times(&parts), [(1, 500_000_000), (0, 7_000), (1, 500_000_000)]);
        let mut reader = reader(&[&BIG, &interface, &packet]);
        assert_eq!(reader.next_frame().unwrap().link_type, LinkType(101));
    }

    #[test]
    fn reads_resolution_and_offset_of_each_interface() {
        let milliseconds = interface_with(9, &[3]);
        let earlier = interface_with(14, &(-3_i64).to_le_bytes());
        let mut second = PACKET;
        second[8] = 1;
        let parts: [&[u8]; 5] = [&LITTLE, &milliseconds, &earlier, &PACKET, &second];
        assert_eq!(times(&parts), [(1500, 0), (-2, 500_000_000)]);
    }

    #[test]
    fn reads_packets_without_time_and_of_the_obsolete_kind() {
        let simple = [3, 0, 0, 0, 20, 0, 0, 0, 9, 0, 0, 0, 1, 2, 3, 4, 20, 0, 0, 0];
        let mut obsolete = PACKET;
        (obsolete[0], obsolete[10]) = (2, 77);
        let mut reader = reader(&[&LITTLE, &INTERFACE, &simple, &obsolete]);
        let frame = reader.next_frame().unwrap();
        assert_eq!((frame.time, frame.octets, frame.original_length), (None, &[1, 2, 3, 4][..], 9));
        assert_eq!(reader.next_frame().unwrap().octets, [0xaa, 0xbb, 0xcc]);
        assert_eq!(defects(&reader), []);
    }

    #[test]
    fn bad_options_cost_nothing_but_themselves() {
        let mut overrun = interface_with(2, b"eth\xff");
        overrun[18] = 200;
        let short_offset = interface_with(14, &[1, 2, 3]);
        let no_resolution = interface_with(9, &[]);
        for interface in [overrun, short_offset, no_resolution] {
            let mut reader = reader(&[&LITTLE, &interface, &PACKET]);
            assert_eq!(reader.next_frame().unwrap().time.unwrap().seconds, 1);
            assert_eq!(defects(&reader), [(DefectKind::OptionDamaged, 1)]);
        }
        let mut reader = reader(&[&LITTLE, &interface_with(2, b"eth\xff"), &PACKET]);
        assert!(reader.next_frame().is_some());
        assert_eq!(defects(&reader), []);
    }

    #[test]
    fn skips_packets_it_cannot_place_and_goes_on() {
        let mut unknown = PACKET;
        unknown[8] = 5;
        let mut beyond = PACKET;
        beyond[20] = 5;
        let cut = [6, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0];
        let other = [0xaa, 0x0a, 0, 0, 12, 0, 0, 0, 12, 0, 0, 0];
        let mut reader = reader(&[&LITTLE, &PACKET, &INTERFACE, &unknown, &beyond, &cut, &other, &PACKET]);
        assert_eq!(reader.next_frame().unwrap().number, 1);
        assert!(reader.next_frame().is_none());
        assert!(reader.ending().is_complete());
        let expected = [
            (DefectKind::UnknownInterface, 2),
            (DefectKind::PacketBeyondBlock, 1),
            (DefectKind::BlockCut, 1),
        ];
        assert_eq!(defects(&reader), expected);
        assert_eq!(reader.defects()[0].first_offset, 28);
    }

    #[test]
    fn numbers_frames_as_wireshark_does_among_custom_blocks() {
        let custom = [0xad, 0x0b, 0, 0x40, 16, 0, 0, 0, 1, 0, 0, 0, 16, 0, 0, 0];
        let mut reader = reader(&[&LITTLE, &INTERFACE, &custom, &PACKET, &custom, &PACKET]);
        assert_eq!(reader.next_frame().unwrap().number, 2);
        assert_eq!(reader.next_frame().unwrap().number, 4);
        assert_eq!(reader.frames_read(), 2);
    }

    #[test]
    fn says_when_a_section_is_of_another_version() {
        let mut section = LITTLE;
        section[12] = 2;
        let mut reader = reader(&[&section, &INTERFACE, &PACKET]);
        assert!(reader.next_frame().is_some());
        assert_eq!(defects(&reader), [(DefectKind::SectionVersion, 1)]);
    }

    #[test]
    fn stops_where_a_block_makes_no_sense() {
        let wrong_end = [5, 0, 0, 0, 12, 0, 0, 0, 16, 0, 0, 0];
        let unaligned = [5, 0, 0, 0, 13, 0, 0, 0, 13, 0, 0, 0, 0];
        let nothing = [5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let huge = [5, 0, 0, 0, 0xfc, 0xff, 0xff, 0x7f, 0, 0, 0, 0];
        let mut order = LITTLE;
        order[8] = 0;
        for bad in [&wrong_end[..], &unaligned, &nothing, &huge, &order] {
            let mut reader = reader(&[&LITTLE, &INTERFACE, &PACKET, bad, &PACKET]);
            assert!(reader.next_frame().is_some());
            assert!(reader.next_frame().is_none());
            assert!(matches!(reader.ending(), Ending::Damaged { offset: 84, .. }), "{}", reader.ending());
        }
    }

    #[test]
    fn skips_a_block_too_large_to_keep() {
        let mut large = vec![5, 0, 0, 0, 0, 0, 0, 2];
        large.resize(0x0200_0000, 0);
        let mut whole = reader(&[&LITTLE, &INTERFACE, &large, &PACKET]);
        assert!(whole.next_frame().is_some());
        assert_eq!(defects(&whole), [(DefectKind::BlockTooLarge, 1)]);
        let mut cut = reader(&[&LITTLE, &large[..0x0180_0000]]);
        assert!(cut.next_frame().is_none());
        let expected = (28, 0x0200_0000, 0x0180_0000);
        assert!(matches!(*cut.ending(), Ending::Truncated { offset, needed, present }
            if (offset, needed, present) == expected));
    }

    #[test]
    fn cut_anywhere_gives_every_whole_frame_and_the_start_of_the_incomplete_block() {
        let whole = [&LITTLE[..], &INTERFACE, &PACKET, &PACKET].concat();
        for length in 4..whole.len() {
            let mut reader = reader(&[&whole[..length]]);
            let mut frames = 0;
            while reader.next_frame().is_some() {
                frames += 1;
            }
            let starts = [0, 28, 48, 84];
            assert_eq!(frames, if length >= 84 { 1 } else { 0 });
            match *reader.ending() {
                Ending::Complete => assert!(starts.contains(&length)),
                Ending::Truncated { offset, present, .. } => {
                    let start = *starts.iter().rev().find(|start| **start <= length).unwrap();
                    assert_eq!((offset, present), (start as u64, (length - start) as u64));
                }
                ref other => panic!("{other}"),
            }
        }
    }
}
