//! What was sent and came, as a pcapng file.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::net::SocketAddr;
use std::path::Path;

use crate::capture::{CaptureTime, Frame, LinkType, Options, Writer};
use crate::net::udp_packet;

use super::exit::CliError;
use super::inputs::{is_standard_input, unreadable};
use super::interrupt::Interrupt;
use super::live;

/// A file that results are written to, by whichever thread has some.
pub(super) type Output = BufWriter<Box<dyn Write + Send>>;

/// A capture that is being written.
pub(super) struct Packets {
    writer: Writer<Output>,
    packet: Vec<u8>,
}

impl Packets {
    /// Makes the file, in place of one that is there when `force` says so. `name` is what wrote it.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) fn create(
        path: &Path,
        force: bool,
        name: &str,
        interrupt: &Interrupt,
    ) -> Result<Packets, CliError> {
        let mut options = OpenOptions::new();
        match force {
            true => options.write(true).create(true).truncate(true),
            false => options.write(true).create_new(true),
        };
        let output = open(path, &options, interrupt)?;
        let writer =
            Writer::new(output, concat!("ntpcap ", env!("CARGO_PKG_VERSION")), vec![name.to_owned()])?;
        Ok(Packets { writer, packet: Vec::new() })
    }

    /// Writes a datagram from the first of the two ends to the second.
    ///
    /// # Errors
    /// Those of writing, and that it is too large for a packet.
    pub(super) fn write(
        &mut self,
        time: CaptureTime,
        (source, destination): (SocketAddr, SocketAddr),
        payload: &[u8],
        comment: Option<&str>,
    ) -> io::Result<()> {
        udp_packet(source, destination, payload, &mut self.packet).map_err(io::Error::other)?;
        let original_length = u32::try_from(self.packet.len()).unwrap_or(u32::MAX);
        let frame = Frame {
            number: self.writer.frames() + 1,
            time: Some(time),
            link_type: RAW_IP,
            original_length,
            octets: &self.packet,
            origin: None,
            options: Options::default(),
        };
        self.writer.write(0, &frame, comment, |_| false)
    }

    /// Writes out what is held back.
    ///
    /// # Errors
    /// Those of writing.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// Packets without a link header (`LINKTYPE_RAW`).
const RAW_IP: LinkType = LinkType(101);

/// Opens a file to write; `-` is standard output.
///
/// # Errors
/// When it cannot be opened, is there already and must not be, or when a signal comes before a named pipe has a reader.
pub(super) fn open(path: &Path, options: &OpenOptions, interrupt: &Interrupt) -> Result<Output, CliError> {
    if is_standard_input(path) {
        return Ok(BufWriter::new(Box::new(io::stdout())));
    }
    // What is no file has no content that could be lost, and may have no reader yet.
    let file: File = match path.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        true => live::open_to_write(path, interrupt)?,
        false => options.open(path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => CliError::Exists { path: path.to_owned() },
            _ => unreadable(path, error),
        })?,
    };
    Ok(BufWriter::new(Box::new(file)))
}
