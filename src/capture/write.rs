//! Writing frames as pcapng, with a comment where there is one.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, Write};

use pcap_file::Endianness;
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption, InterfaceTsResolution,
};
use pcap_file::pcapng::blocks::section_header::{SectionHeaderBlock, SectionHeaderOption};
use pcap_file::pcapng::{PcapNgWriteError, PcapNgWriter, RawBlock};

use super::frame::{CaptureTime, Frame, LinkType};

/// Writes a pcapng capture: one section, an interface for each capture and link type, times in nanoseconds.
///
/// Every frame becomes an enhanced packet block, the only kind that has both a comment and any link type. Such a
/// block must have a time; a frame without one gets zero, 1970-01-01T00:00:00Z.
pub struct Writer<W: Write> {
    blocks: PcapNgWriter<W>,
    interfaces: HashMap<Interface, u32>,
    frames: u64,
    body: Vec<u8>,
}

/// What frames have in common that are written to one interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Interface {
    capture: usize,
    link_type: LinkType,
    /// Seconds to add to every time: what 64 bits of nanoseconds do not reach.
    offset: i64,
}

impl<W: Write> Writer<W> {
    /// Begins a capture in `output`; `application` is named in it as its maker.
    ///
    /// # Errors
    /// Those of writing.
    pub fn new(output: W, application: &str) -> io::Result<Self> {
        let header = SectionHeaderBlock {
            endianness: Endianness::Little,
            options: vec![SectionHeaderOption::UserApplication(application.into())],
            ..SectionHeaderBlock::default()
        };
        let blocks = PcapNgWriter::with_section_header(output, header).map_err(error)?;
        Ok(Self { blocks, interfaces: HashMap::new(), frames: 0, body: Vec::new() })
    }

    /// Writes a frame of the capture of that index, which is called `name` where its interface is described.
    ///
    /// # Errors
    /// Those of writing; more interfaces, or a longer frame, than the format has room for.
    pub fn write(
        &mut self,
        capture: usize,
        name: &str,
        frame: &Frame<'_>,
        comment: Option<&str>,
    ) -> io::Result<()> {
        let (offset, ticks) = split(frame.time.unwrap_or(CaptureTime { seconds: 0, nanoseconds: 0 }));
        let interface = Interface { capture, link_type: frame.link_type, offset };
        let interface = self.interface(interface, name)?;
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
        if let Some(comment) = comment {
            option(&mut self.body, COMMENT, comment);
            self.body.extend(END_OF_OPTIONS);
        }
        // The typed block would refuse a frame that is longer than its original length, which captures do hold.
        let total = length(&self.body)?.checked_add(AROUND_BODY).ok_or_else(too_long)?;
        let body = Cow::Borrowed(self.body.as_slice());
        let block = RawBlock { type_: ENHANCED_PACKET, initial_len: total, body, trailer_len: total };
        self.blocks.write_raw_block(&block).map_err(error)?;
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

    /// The number of an interface, which is described when it is first needed.
    fn interface(&mut self, interface: Interface, name: &str) -> io::Result<u32> {
        if let Some(number) = self.interfaces.get(&interface) {
            return Ok(*number);
        }
        let number = u32::try_from(self.interfaces.len()).unwrap_or(u32::MAX);
        if number >= MOST_INTERFACES {
            return Err(io::Error::other(format!("more than {MOST_INTERFACES} kinds of links and times")));
        }
        let mut options = vec![
            InterfaceDescriptionOption::IfDescription(name.into()),
            InterfaceDescriptionOption::IfTsResol(InterfaceTsResolution::NANO),
        ];
        if interface.offset != 0 {
            options.push(InterfaceDescriptionOption::IfTsOffset(interface.offset));
        }
        let linktype = u32::from(interface.link_type.0).into();
        let block = InterfaceDescriptionBlock { linktype, snaplen: 0, options };
        self.blocks.write_pcapng_block(block).map_err(error)?;
        self.interfaces.insert(interface, number);
        Ok(number)
    }
}

/// A time as the offset of its interface, in seconds, and nanoseconds from there. The offset is zero from 1970 to
/// 2514.
fn split(time: CaptureTime) -> (i64, u64) {
    let seconds = time.seconds & (SPAN - 1);
    let ticks = seconds.unsigned_abs() * 1_000_000_000 + u64::from(time.nanoseconds);
    (time.seconds - seconds, ticks)
}

fn option(body: &mut Vec<u8>, code: u16, text: &str) {
    let end = text.floor_char_boundary(LONGEST_OPTION);
    let text = text.get(..end).unwrap_or_default();
    body.extend(code.to_le_bytes());
    body.extend(u16::try_from(text.len()).unwrap_or(u16::MAX).to_le_bytes());
    body.extend(text.as_bytes());
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

const ENHANCED_PACKET: u32 = 6;
const COMMENT: u16 = 1;
const END_OF_OPTIONS: [u8; 4] = [0; 4];
/// Longest value of an option, before it is padded.
const LONGEST_OPTION: usize = 65_532;
/// Octets of a block around its body.
const AROUND_BODY: u32 = 12;
/// Most interfaces of a section.
const MOST_INTERFACES: u32 = 65_536;
/// Seconds that one offset covers, a power of two: 544 years, less than 64 bits of nanoseconds hold.
const SPAN: i64 = 1 << 34;

#[cfg(test)]
mod tests {
    use super::super::Reader;
    use super::*;

    type Written = (Option<(i64, u32)>, u16, u32, Vec<u8>);

    /// Writes frames and reads them again.
    fn again(frames: &[Frame<'_>]) -> Vec<Written> {
        let mut writer = Writer::new(Vec::new(), "test").unwrap();
        for frame in frames {
            writer.write(0, "a capture", frame, Some("a comment")).unwrap();
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
        Frame { number: 1, time, link_type: LinkType(link_type), original_length, octets }
    }

    #[test]
    fn a_block_is_what_the_format_says() {
        let mut writer = Writer::new(Vec::new(), "test").unwrap();
        writer.write(0, "c", &frame((2, 3), 1, 9, &[0xaa, 0xbb, 0xcc]), Some("x")).unwrap();
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
        let mut writer = Writer::new(Vec::new(), "test").unwrap();
        writer.write(0, "c", &frame((2, 3), 1, 9, &[1]), Some(&"\u{fc}".repeat(40_000))).unwrap();
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
        assert_eq!(Writer::new(Full, "test").err().unwrap().kind(), io::ErrorKind::StorageFull);
    }
}
