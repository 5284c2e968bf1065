//! Frame by frame through one capture.

use std::io::Read;

use super::buffer::{Buffer, Stop};
use super::compression::Compression;
use super::defects::{Defect, Defects};
use super::detect::{self, Container};
use super::ending::{Damage, Ending};
use super::error::CaptureError;
use super::frame::{CaptureTime, Frame, LinkType};
use super::options::{Options, Origin};
use super::pcap::Pcap;
use super::pcapng::{Order, Pcapng};

/// Reads the frames of one capture in file order.
#[derive(Debug)]
pub struct Reader {
    buffer: Buffer,
    format: Format,
    container: Container,
    compressions: Vec<Compression>,
    defects: Defects,
    ending: Ending,
    /// Frames handed out so far.
    frames: u64,
    /// Number of the frame handed out last.
    number: u64,
    /// Octets of the record handed out last; it is consumed when the next one is asked for.
    held: usize,
}

#[derive(Debug)]
enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

impl Format {
    /// Records so far that are no frames but have a number in Wireshark.
    #[inline]
    fn other_records(&self) -> u64 {
        match self {
            Format::Pcap(_) => 0,
            Format::Pcapng(pcapng) => pcapng.other_records(),
        }
    }

    /// The interface of that number in the current section.
    #[inline]
    fn origin(&self, interface: u32) -> Option<&Origin> {
        match self {
            Format::Pcap(pcap) => pcap.origin(),
            Format::Pcapng(pcapng) => pcapng.origin(interface),
        }
    }
}

impl Reader {
    /// Finds out what `source` holds and stands before its first frame.
    ///
    /// Reads are large, so the source needs no buffer of its own.
    ///
    /// # Errors
    /// When the octets are no capture, or one this program does not read. A capture that stops early is none of these:
    /// its end is told by [`Reader::ending`].
    pub fn new(source: impl Read + Send + 'static) -> Result<Self, CaptureError> {
        let opened = detect::open(Box::new(source))?;
        let format = match opened.container {
            Container::Pcap | Container::PcapNanosecond => Format::Pcap(Pcap::new(false)),
            Container::PcapModified => Format::Pcap(Pcap::new(true)),
            Container::Pcapng => Format::Pcapng(Pcapng::new()),
        };
        Ok(Self {
            buffer: Buffer::new(opened.stream),
            format,
            container: opened.container,
            compressions: opened.compressions,
            defects: Defects::default(),
            ending: Ending::Open,
            frames: 0,
            number: 0,
            held: 0,
        })
    }

    /// The next frame, or `None` for ever once there is none.
    #[inline]
    pub fn next_frame(&mut self) -> Option<Frame<'_>> {
        let located = self.advance()?;
        Some(self.frame(&located))
    }

    /// How the capture ended; [`Ending::Open`] until [`Reader::next_frame`] has returned `None`.
    pub fn ending(&self) -> &Ending {
        &self.ending
    }

    /// The oddities read over so far, one entry a kind.
    pub fn defects(&self) -> &[Defect] {
        self.defects.list()
    }

    /// Octets of the uncompressed stream read so far, up to one buffer ahead of the last frame.
    pub fn bytes_read(&self) -> u64 {
        self.buffer.bytes_read()
    }

    /// Frames handed out so far.
    pub fn frames_read(&self) -> u64 {
        self.frames
    }

    /// The format of the capture.
    pub fn container(&self) -> Container {
        self.container
    }

    /// How the capture is compressed, the outermost layer first; empty when it is not.
    pub fn compressions(&self) -> &[Compression] {
        &self.compressions
    }

    /// Finds the next frame without borrowing it.
    #[inline]
    pub(super) fn advance(&mut self) -> Option<Located> {
        if !matches!(self.ending, Ending::Open) {
            return None;
        }
        self.buffer.consume(self.held);
        self.held = 0;
        let next = self.number + 1;
        let found = match &mut self.format {
            Format::Pcap(pcap) => pcap.locate(&mut self.buffer, &mut self.defects, next),
            Format::Pcapng(pcapng) => pcapng.locate(&mut self.buffer, &mut self.defects, next),
        };
        match found {
            Ok(located) => {
                self.frames += 1;
                self.number = self.frames + self.format.other_records();
                self.held = located.record;
                Some(located)
            }
            Err(halt) => {
                self.ending = ending(halt, &mut self.buffer);
                None
            }
        }
    }

    /// The frame that [`Reader::advance`] found last.
    #[inline]
    pub(super) fn frame(&self, located: &Located) -> Frame<'_> {
        let available = self.buffer.available();
        let octets = available.get(located.start..).unwrap_or_default();
        let options = located.options.and_then(|(start, end, order)| {
            available.get(start..end).map(|octets| Options::new(octets, order))
        });
        Frame {
            number: self.number,
            time: located.time,
            link_type: located.link_type,
            original_length: located.original_length,
            octets: octets.get(..located.length).unwrap_or_default(),
            origin: self.format.origin(located.interface),
            options: options.unwrap_or_default(),
        }
    }
}

/// Where a frame lies at the front of the buffer, and what its record says about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Located {
    pub(super) time: Option<CaptureTime>,
    pub(super) link_type: LinkType,
    pub(super) original_length: u32,
    /// Octets of the record before the frame.
    pub(super) start: usize,
    /// Octets of the frame.
    pub(super) length: usize,
    /// Octets of the whole record.
    pub(super) record: usize,
    /// Number of the interface in its section.
    pub(super) interface: u32,
    /// Where in the record its options start and end.
    pub(super) options: Option<(usize, usize, Order)>,
}

/// Why there is no next frame.
#[derive(Debug)]
pub(super) enum Halt {
    /// The record at the front of the buffer needs more octets than there are.
    Short { needed: u64 },
    /// A record that was to be skipped is not all there.
    CutWhileSkipping { offset: u64, needed: u64, present: u64 },
    /// The record at the front of the buffer cannot be understood.
    Damaged(Damage),
}

/// What a halt means, given why the source stopped.
fn ending(halt: Halt, buffer: &mut Buffer) -> Ending {
    let (offset, needed, present) = match halt {
        Halt::Damaged(what) => return Ending::Damaged { offset: buffer.offset(), what },
        Halt::Short { needed } => (buffer.offset(), needed, buffer.available().len() as u64),
        Halt::CutWhileSkipping { offset, needed, present } => (offset, needed, present),
    };
    match buffer.take_stop() {
        Stop::End if present == 0 => Ending::Complete,
        Stop::End | Stop::Cut => Ending::Truncated { offset, needed, present },
        Stop::Corrupt(reason) => Ending::Damaged { offset, what: Damage::CompressedData(reason) },
        Stop::Failed(error) => Ending::Failed(error),
    }
}

/// Longer records are taken for damage rather than skipped.
pub(super) const LARGEST_PLAUSIBLE: u64 = 256 * 1024 * 1024;
