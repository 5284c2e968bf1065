//! Decompression, and telling a failing source from damaged compressed data.

use std::fmt;
use std::io::{self, BufReader, Read};

use super::error::CaptureError;

/// How a capture is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compression {
    /// RFC 1952, any number of members.
    Gzip,
    /// RFC 8878, any number of frames.
    Zstd,
    /// The .xz format, any number of streams.
    Xz,
    /// The LZ4 frame format, any number of frames.
    Lz4,
}

impl fmt::Display for Compression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
            Compression::Xz => "xz",
            Compression::Lz4 => "lz4",
        })
    }
}

/// The compression whose magic number `head` starts with.
pub(super) fn recognise(head: &[u8]) -> Option<Compression> {
    match head {
        [0x1f, 0x8b, ..] => Some(Compression::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Compression::Zstd),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Compression::Xz),
        [0x04, 0x22, 0x4d, 0x18, ..] => Some(Compression::Lz4),
        _ => None,
    }
}

/// What `source` holds, decompressed.
pub(super) fn decompress(
    compression: Compression,
    source: Box<dyn Read + Send>,
) -> Result<Box<dyn Read + Send>, CaptureError> {
    let source = BufReader::with_capacity(READ_SIZE, source);
    match compression {
        Compression::Gzip => Ok(Box::new(flate2::bufread::MultiGzDecoder::new(source))),
        #[cfg(feature = "compress")]
        _ => optional::decompress(compression, source)
            .map_err(|error| CaptureError::CompressedData { compression, reason: error.to_string() }),
        #[cfg(not(feature = "compress"))]
        _ => Err(CaptureError::CompressionLeftOut(compression)),
    }
}

/// How much compressed data is asked of the source at once.
const READ_SIZE: usize = 256 * 1024;

/// The compressions that come with the feature `compress`.
#[cfg(feature = "compress")]
mod optional {
    use std::io::{self, BufRead, BufReader, Read};

    use super::Compression;

    /// What `source` holds, decompressed. Gzip is not of this module.
    pub(super) fn decompress(
        compression: Compression,
        source: BufReader<Box<dyn Read + Send>>,
    ) -> io::Result<Box<dyn Read + Send>> {
        Ok(match compression {
            Compression::Gzip => Box::new(source),
            Compression::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(source)?),
            Compression::Xz => {
                let stream =
                    liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, liblzma::stream::CONCATENATED)?;
                Box::new(liblzma::bufread::XzDecoder::new_stream(source, stream))
            }
            Compression::Lz4 => {
                Box::new(Lz4Frames(lz4_flex::frame::FrameDecoder::new(Tail { source, last: [1; 8] })))
            }
        })
    }

    /// Memory an xz file may ask for; the largest preset needs 65 MiB.
    const XZ_MEMORY: u64 = 256 * 1024 * 1024;

    /// All LZ4 frames of a source: the decoder says "over" after each, and also when one stops between two blocks.
    struct Lz4Frames<R: BufRead>(lz4_flex::frame::FrameDecoder<Tail<R>>);

    impl<R: BufRead> Read for Lz4Frames<R> {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            loop {
                let count = self.0.read(room)?;
                if count > 0 || room.is_empty() {
                    return Ok(count);
                }
                let tail = self.0.get_mut();
                if !tail.source.fill_buf()?.is_empty() {
                    // Every round begins a frame and so consumes its header: this ends.
                    continue;
                }
                return if tail.ends_a_frame() { Ok(0) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
        }
    }

    /// A source that remembers the last 8 octets taken from it.
    struct Tail<R> {
        source: R,
        last: [u8; 8],
    }

    impl<R> Tail<R> {
        /// Whether they hold an end mark, which is four zeros, alone or before a checksum of four octets.
        fn ends_a_frame(&self) -> bool {
            matches!(self.last, [0, 0, 0, 0, ..] | [.., 0, 0, 0, 0])
        }
    }

    impl<R: Read> Read for Tail<R> {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            let count = self.source.read(room)?;
            let taken = room.get(..count).unwrap_or_default();
            let newest = taken.get(count.saturating_sub(self.last.len())..).unwrap_or_default();
            self.last.rotate_left(newest.len());
            for (slot, octet) in self.last.iter_mut().rev().zip(newest.iter().rev()) {
                *slot = *octet;
            }
            Ok(count)
        }
    }
}

/// A source whose errors can be told from those of a decompressor around it.
pub(super) struct Source<R>(pub(super) R);

impl<R: Read> Read for Source<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(room) {
                // Retried here because not every decompressor survives it.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(io::Error::new(error.kind(), SourceFailure(error))),
                Ok(count) => return Ok(count),
            }
        }
    }
}

/// The mark on an error of the source itself.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct SourceFailure(io::Error);

/// Whose failure an error is.
pub(super) enum Failure {
    /// Compressed data stops early.
    Cut,
    /// Compressed data is damaged.
    Corrupt(String),
    /// The source failed.
    Source(io::Error),
}

/// Tells whose failure `error` is.
pub(super) fn classify(error: io::Error) -> Failure {
    match error.downcast::<SourceFailure>() {
        Ok(SourceFailure(error)) => Failure::Source(error),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Failure::Cut,
        Err(error) => Failure::Corrupt(error.to_string()),
    }
}
