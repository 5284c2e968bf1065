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
use super::reader::{Halt, LARGEST_PLAUSIBLE, Located};
use super::time::Resolution;

/// Where a capture of blocks stands: the byte order and the interfaces of its section.
#[derive(Debug)]
pub(super) struct Pcapng {
    order: Order,
    interfaces: Vec<Interface>,
}

/// What a section says of an interface.
#[derive(Clone, Copy, Debug)]
struct Interface {
    link_type: LinkType,
    snap_length: u32,
    resolution: Resolution,
    /// Seconds to add to every time.
    offset: i64,
}

/// The byte order of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Little,
    Big,
}

impl Pcapng {
    /// A capture that stands before its first section header.
    pub(super) fn new() -> Self {
        Self { order: Order::Little, interfaces: Vec::new() }
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
        let interface = usize::try_from(packet.interface).ok().and_then(|index| self.interfaces.get(index));
        let Some(interface) = interface else {
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
        let captured = match interface.snap_length {
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
        })
    }

    /// Takes in a section header. Its length field is ignored: blocks are followed one by one.
    fn begin_section(&mut self, body: &[u8], log: &mut Log<'_>) {
        self.interfaces.clear();
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
        let mut interface = Interface {
            link_type: LinkType(link_type.unwrap_or(u16::MAX)),
            snap_length: snap_length.unwrap_or(0),
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
struct Fields<'a> {
    octets: &'a [u8],
    order: Order,
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
    fn next_option(&mut self) -> Option<(u16, &'a [u8])> {
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

const END_OF_OPTIONS: u16 = 0;
const TIME_RESOLUTION: u16 = 9;
const TIME_OFFSET: u16 = 14;

/// Type and length before the body of a block.
const BLOCK_HEADER: usize = 8;
/// Interface, time and two lengths before the frame.
const PACKET_FIELDS: usize = 20;
const SMALLEST_BLOCK: usize = 12;
/// Interfaces kept for one section.
const MOST_INTERFACES: usize = 65_536;
