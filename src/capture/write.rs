//! Writing frames as pcapng, with a comment where there is one.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, Write};

use pcap_file::Endianness;
use pcap_file::pcapng::blocks::section_header::{SectionHeaderBlock, SectionHeaderOption};
use pcap_file::pcapng::{PcapNgWriteError, PcapNgWriter, RawBlock};

use super::frame::{CaptureTime, Frame, LinkType};
use super::options::{Kind, LONGEST_OPTION, Options};

/// Writes a pcapng capture: one section, an interface for each that the captures tell apart, times in nanoseconds.
///
/// Every frame becomes an enhanced packet block, the only kind that has both a comment and any link type. Such a
/// block must have a time; a frame without one gets zero, 1970-01-01T00:00:00Z. What captures say of interfaces and
/// packets is written again, except for what refers to other blocks, and for what only the program that wrote it
/// understands.
pub struct Writer<W: Write> {
    blocks: PcapNgWriter<W>,
    /// What each capture is called.
    names: Vec<String>,
    interfaces: Interfaces,
    frames: u64,
    body: Vec<u8>,
}

/// The interfaces of the section that is written.
#[derive(Debug, Default)]
struct Interfaces {
    /// The numbers of those that frames came from of late.
    known: HashMap<Source, u32>,
    /// The number of each that is described, by capture, number there and description: sections that describe an
    /// interface alike have it in common.
    described: HashMap<(usize, u32, Vec<u8>), u32>,
}

/// What frames have in common that are written to one interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Source {
    capture: usize,
    /// Section and number of the interface there.
    origin: (u64, u32),
    link_type: LinkType,
    /// Seconds to add to every time: what 64 bits of nanoseconds do not reach.
    offset: i64,
}

impl<W: Write> Writer<W> {
    /// Begins a capture in `output`; `application` is named in it as its maker, and `names` are what the captures are
    /// called that frames come from.
    ///
    /// # Errors
    /// Those of writing.
    pub fn new(output: W, application: &str, names: Vec<String>) -> io::Result<Self> {
        let header = SectionHeaderBlock {
            endianness: Endianness::Little,
            options: vec![SectionHeaderOption::UserApplication(application.into())],
            ..SectionHeaderBlock::default()
        };
        let blocks = PcapNgWriter::with_section_header(output, header).map_err(error)?;
        Ok(Self { blocks, names, interfaces: Interfaces::default(), frames: 0, body: Vec::new() })
    }

    /// Writes a frame of the capture of that index. Of the comments that it has, those that `is_stale` is true for are
    /// left away; `comment` comes behind the others.
    ///
    /// # Errors
    /// Those of writing; more interfaces, or a longer frame, than the format has room for.
    pub fn write(
        &mut self,
        capture: usize,
        frame: &Frame<'_>,
        comment: Option<&str>,
        is_stale: fn(&[u8]) -> bool,
    ) -> io::Result<()> {
        let (offset, ticks) = split(frame.time.unwrap_or(CaptureTime { seconds: 0, nanoseconds: 0 }));
        let interface = self.interface(capture, offset, frame)?;
        self.body.clear();
        self.body.extend(interface.to_le_bytes());
        // The upper half stands first.
        let [a, b, c, d, upper @ ..] = ticks.to_le_bytes();
        self.body.extend(upper);
        self.body.extend([a, b, c, d]);
        self.body.extend(length(frame.octets)?.to_le_bytes());
        self.body.extend(frame.original_length.to_le_bytes());
        self.body.extend(frame.octets);
        pad(&mut self.body);
        let before_options = self.body.len();
        for (code, value) in frame.options.carried(&OF_PACKETS) {
            if code != COMMENT || !is_stale(&value) {
                option(&mut self.body, code, &value);
            }
        }
        if let Some(comment) = comment {
            text(&mut self.body, COMMENT, comment);
        }
        if self.body.len() > before_options {
            self.body.extend(END_OF_OPTIONS);
        }
        // The typed block would refuse a frame that is longer than its original length, which captures do hold.
        write_block(&mut self.blocks, ENHANCED_PACKET, &self.body)?;
        self.frames += 1;
        Ok(())
    }

    /// Frames written so far; the number of the last one.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Hands on what the output holds back, so that a reader finds all frames.
    ///
    /// # Errors
    /// Those of writing.
    pub fn flush(&mut self) -> io::Result<()> {
        self.blocks.get_mut().flush()
    }

    /// Ends the capture and gives the output back, flushed.
    ///
    /// # Errors
    /// Those of writing.
    pub fn finish(self) -> io::Result<W> {
        let mut output = self.blocks.into_inner();
        output.flush()?;
        Ok(output)
    }

    /// The number of the interface of a frame, which is described when it is first needed.
    fn interface(&mut self, capture: usize, offset: i64, frame: &Frame<'_>) -> io::Result<u32> {
        let origin = frame.origin.map_or((0, 0), |origin| (origin.section, origin.index));
        let source = Source { capture, origin, link_type: frame.link_type, offset };
        if let Some(number) = self.interfaces.known.get(&source) {
            return Ok(*number);
        }
        let body = description(frame, offset, &self.names, capture);
        let described = (capture, origin.1, body);
        let number = match self.interfaces.described.get(&described) {
            Some(number) => *number,
            None => {
                let number = u32::try_from(self.interfaces.described.len()).unwrap_or(u32::MAX);
                if number >= MOST_INTERFACES {
                    let reason = format!("more than {MOST_INTERFACES} kinds of links and times");
                    return Err(io::Error::other(reason));
                }
                write_block(&mut self.blocks, INTERFACE_DESCRIPTION, &described.2)?;
                self.interfaces.described.insert(described, number);
                number
            }
        };
        // A capture may have any number of sections.
        if self.interfaces.known.len() >= MOST_KNOWN {
            self.interfaces.known.clear();
        }
        self.interfaces.known.insert(source, number);
        Ok(number)
    }
}

/// The body of the block that describes the interface of `frame`. The capture's name stands in it, unless there is
/// one capture only and that has a description of its own.
fn description(frame: &Frame<'_>, offset: i64, names: &[String], capture: usize) -> Vec<u8> {
    let options = frame.origin.map_or_else(Options::default, |origin| origin.options());
    let mut body = Vec::new();
    body.extend(frame.link_type.0.to_le_bytes());
    body.extend([0; 2]);
    body.extend(frame.origin.map_or(0, |origin| origin.snap_length).to_le_bytes());
    let name = names.get(capture).map(String::as_str).unwrap_or_default();
    let own = options.carried(&[(DESCRIPTION, Kind::Text)]).next();
    let own = own.map(|(_, own)| String::from_utf8_lossy(&own).into_owned());
    text(
        &mut body,
        DESCRIPTION,
        &match own {
            Some(own) if names.len() > 1 => format!("{name}: {own}"),
            own => own.unwrap_or_else(|| name.to_owned()),
        },
    );
    options.carried(&OF_INTERFACES).for_each(|(code, value)| option(&mut body, code, &value));
    option(&mut body, TIME_RESOLUTION, &[NANOSECONDS]);
    if offset != 0 {
        option(&mut body, TIME_OFFSET, &offset.to_le_bytes());
    }
    body.extend(END_OF_OPTIONS);
    body
}

fn write_block<W: Write>(blocks: &mut PcapNgWriter<W>, type_: u32, body: &[u8]) -> io::Result<()> {
    let total = length(body)?.checked_add(AROUND_BODY).ok_or_else(too_long)?;
    let block = RawBlock { type_, initial_len: total, body: Cow::Borrowed(body), trailer_len: total };
    blocks.write_raw_block(&block).map_err(error)?;
    Ok(())
}

/// A time as the offset of its interface, in seconds, and nanoseconds from there. The offset is zero from 1970 to
/// 2514.
fn split(time: CaptureTime) -> (i64, u64) {
    let seconds = time.seconds & (SPAN - 1);
    let ticks = seconds.unsigned_abs() * 1_000_000_000 + u64::from(time.nanoseconds);
    (time.seconds - seconds, ticks)
}

fn text(body: &mut Vec<u8>, code: u16, text: &str) {
    let end = text.floor_char_boundary(LONGEST_OPTION);
    option(body, code, text.get(..end).unwrap_or_default().as_bytes());
}

/// Writes an option, whose value is no longer than its length field can tell.
fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    body.extend(code.to_le_bytes());
    body.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_le_bytes());
    body.extend(value);
    pad(body);
}

fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}

fn length(octets: &[u8]) -> io::Result<u32> {
    u32::try_from(octets.len()).map_err(|_| too_long())
}

fn too_long() -> io::Error {
    io::Error::other("a frame is too long for a pcapng block")
}

fn error(error: PcapNgWriteError) -> io::Error {
    match error {
        PcapNgWriteError::Io(error) => error,
        other => io::Error::other(other),
    }
}

const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
const COMMENT: u16 = 1;
const DESCRIPTION: u16 = 3;
const TIME_RESOLUTION: u16 = 9;
const TIME_OFFSET: u16 = 14;
/// The resolution of a nanosecond, a power of ten.
const NANOSECONDS: u8 = 9;

/// Options of packets that are written again: comment, flags, drops before it, its number, its queue.
const OF_PACKETS: [(u16, Kind); 5] = [
    (COMMENT, Kind::Text),
    (2, Kind::Number(4)),
    (4, Kind::Number(8)),
    (5, Kind::Number(8)),
    (6, Kind::Number(4)),
];

/// The same of interfaces: comment, name, addresses, speed, capture filter, operating system, length of the frame
/// check sequence, hardware, speeds of either direction. Description and times are written anew.
const OF_INTERFACES: [(u16, Kind); 13] = [
    (COMMENT, Kind::Text),
    (2, Kind::Text),
    (4, Kind::Octets(8)),
    (5, Kind::Octets(17)),
    (6, Kind::Octets(6)),
    (7, Kind::Octets(8)),
    (8, Kind::Number(8)),
    (11, Kind::FilterText),
    (12, Kind::Text),
    (13, Kind::Octets(1)),
    (15, Kind::Text),
    (16, Kind::Number(8)),
    (17, Kind::Number(8)),
];

const END_OF_OPTIONS: [u8; 4] = [0; 4];
/// Octets of a block around its body.
const AROUND_BODY: u32 = 12;
/// Most interfaces of a section.
const MOST_INTERFACES: u32 = 65_536;
/// Most sources of frames that are kept in mind.
const MOST_KNOWN: usize = 65_536;
/// Seconds that one offset covers, a power of two: 544 years, less than 64 bits of nanoseconds hold.
const SPAN: i64 = 1 << 34;

#[cfg(test)]
mod tests {
    use super::super::Reader;
    use super::*;

    type Written = (Option<(i64, u32)>, u16, u32, Vec<u8>);

    /// Writes frames and reads them again.
    fn again(frames: &[Frame<'_>]) -> Vec<Written> {
        let mut writer = Writer::new(Vec::new(), "test", vec!["a capture".to_owned()]).unwrap();
        for frame in frames {
            writer.write(0, frame, Some("a comment"), |_| false).unwrap();
        }
        assert_eq!(writer.frames(), frames.len() as u64);
        let mut reader = Reader::new(std::io::Cursor::new(writer.finish().unwrap())).unwrap();
        let mut read = Vec::new();
        while let Some(frame) = reader.next_frame() {
            let time = frame.time.map(|time| (time.seconds, time.nanoseconds));
            read.push((time, frame.link_type.0, frame.original_length, frame.octets.to_vec()));
        }
        assert!(reader.ending().is_complete() && reader.defects().is_empty(), "{}", reader.ending());
        read
    }

    fn frame(time: (i64, u32), link_type: u16, original_length: u32, octets: &[u8]) -> Frame<'_> {
        let time = Some(CaptureTime { seconds: time.0, nanoseconds: time.1 });
        Frame {
            number: 1,
            time,
            link_type: LinkType(link_type),
            original_length,
            octets,
            origin: None,
            options: Options::default(),
        }
    }

    #[test]
    fn a_block_is_what_the_format_says() {
        let mut writer = Writer::new(Vec::new(), "test", vec!["a capture".to_owned()]).unwrap();
        writer.write(0, &frame((2, 3), 1, 9, &[0xaa, 0xbb, 0xcc]), Some("x"), |_| false).unwrap();
        let octets = writer.finish().unwrap();
        let expected = [
            6, 0, 0, 0, 48, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x03, 0x94, 0x35, 0x77, 3, 0, 0, 0, 9, 0, 0, 0,
            0xaa, 0xbb, 0xcc, 0, 1, 0, 1, 0, b'x', 0, 0, 0, 0, 0, 0, 0, 48, 0, 0, 0,
        ];
        assert!(octets.ends_with(&expected), "{octets:02x?}");
    }

    #[test]
    fn every_time_is_kept_to_the_nanosecond() {
        for time in [(0, 0), (-1, 999_999_999), (1_795_581_943, 5), (SPAN - 1, 999_999_999), (SPAN, 0)] {
            assert_eq!(again(&[frame(time, 1, 1, &[7])])[0].0, Some(time));
        }
        for seconds in [i64::MIN, -SPAN, -SPAN - 1, i64::MAX] {
            let (offset, ticks) = split(CaptureTime { seconds, nanoseconds: 1 });
            assert_eq!(i128::from(offset) + i128::from(ticks / 1_000_000_000), i128::from(seconds));
            assert_eq!(ticks % 1_000_000_000, 1);
        }
    }

    #[test]
    fn every_link_type_and_length_is_kept() {
        for link_type in 0..=u16::MAX {
            assert_eq!(again(&[frame((1, 0), link_type, 1, &[7])])[0].1, link_type);
        }
        let octets = [1, 2, 3, 4, 5];
        for captured in 0..=5 {
            for original in [0, 2, 5, u32::MAX] {
                let read = again(&[frame((1, 2), 1, original, &octets[..captured])]);
                assert_eq!(read, [(Some((1, 2)), 1, original, octets[..captured].to_vec())]);
            }
        }
    }

    #[test]
    fn a_comment_is_cut_rather_than_the_format_broken() {
        let mut writer = Writer::new(Vec::new(), "test", vec!["a capture".to_owned()]).unwrap();
        writer.write(0, &frame((2, 3), 1, 9, &[1]), Some(&"\u{fc}".repeat(40_000)), |_| false).unwrap();
        let mut reader = Reader::new(std::io::Cursor::new(writer.finish().unwrap())).unwrap();
        assert!(reader.next_frame().is_some() && reader.next_frame().is_none());
        assert!(reader.ending().is_complete());
    }

    #[test]
    fn a_failing_output_is_an_error() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        assert_eq!(Writer::new(Full, "test", Vec::new()).err().unwrap().kind(), io::ErrorKind::StorageFull);
    }

    /// The octets of all frames of a capture, if it is one.
    fn frames_of(octets: &[u8]) -> Vec<Vec<u8>> {
        let Ok(mut reader) = Reader::new(std::io::Cursor::new(octets.to_vec())) else { return Vec::new() };
        let mut frames = Vec::new();
        while let Some(frame) = reader.next_frame() {
            frames.push(frame.octets.to_vec());
        }
        frames
    }

    #[test]
    fn no_damage_to_what_is_said_of_a_frame_costs_the_frame() {
        let section = [
            0x0a, 0x0d, 0x0d, 0x0a, 0, 0, 0, 28, 0x1a, 0x2b, 0x3c, 0x4d, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 99,
            0, 0, 0, 28,
        ];
        // Name, capture filter, speed, MAC address, check sequence; then a comment and flags.
        let interface = [
            0, 0, 0, 1, 0, 0, 0, 72, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 3, b'e', b't', b'h', 0, 0, 11, 0, 2, 0,
            b'x', 0, 0, 0, 8, 0, 8, 0, 0, 0, 0, 0, 0, 0, 9, 0, 6, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 0, 13, 0, 1,
            4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 72,
        ];
        let packet = [
            0, 0, 0, 6, 0, 0, 0, 56, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0, 1, 0xaa, 0, 0,
            0, 0, 1, 0, 2, b'h', b'i', 0, 0, 0, 2, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 56,
        ];
        let whole = [&section[..], &interface, &packet].concat();
        assert_eq!(frames_of(&whole), [[0xaa]]);
        for bit in 0..whole.len() * 8 {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let mut writer = Writer::new(Vec::new(), "test", vec!["c".to_owned()]).unwrap();
            if let Ok(mut reader) = Reader::new(std::io::Cursor::new(damaged.clone())) {
                while let Some(frame) = reader.next_frame() {
                    writer.write(0, &frame, Some("ours"), |_| false).unwrap();
                }
            }
            assert_eq!(frames_of(&writer.finish().unwrap()), frames_of(&damaged), "bit {bit}");
        }
    }
}
