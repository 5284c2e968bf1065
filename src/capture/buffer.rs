//! A growing buffer over a source, so that a record can be borrowed whole.

use std::io::{self, Read};

use super::compression::{self, Failure};

/// How many octets a record or block may have to be handed out; larger ones are skipped.
pub(super) const LARGEST_RECORD: u64 = 16 * 1024 * 1024;

/// Octets read from a source and not yet consumed.
pub(super) struct Buffer {
    source: Box<dyn Read + Send>,
    octets: Vec<u8>,
    start: usize,
    end: usize,
    offset: u64,
    stop: Option<Stop>,
}

/// Why a source gives no more octets.
#[derive(Debug)]
pub(super) enum Stop {
    /// It is over.
    End,
    /// Its compressed form stops early.
    Cut,
    /// Its compressed form is damaged.
    Corrupt(String),
    /// It failed.
    Failed(io::Error),
}

impl Buffer {
    /// A buffer that has read nothing yet.
    pub(super) fn new(source: Box<dyn Read + Send>) -> Self {
        Self { source, octets: vec![0; READ_SIZE], start: 0, end: 0, offset: 0, stop: None }
    }

    /// Position of the first unconsumed octet in the uncompressed stream.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// How many octets were read from the source, consumed or not.
    pub(super) fn bytes_read(&self) -> u64 {
        self.offset + self.available().len() as u64
    }

    /// The octets at hand.
    #[inline]
    pub(super) fn available(&self) -> &[u8] {
        self.octets.get(self.start..self.end).unwrap_or_default()
    }

    /// Why the source stopped, taken out; [`Stop::End`] if it has not said otherwise.
    pub(super) fn take_stop(&mut self) -> Stop {
        self.stop.replace(Stop::End).unwrap_or(Stop::End)
    }

    /// Reads until `needed` octets are at hand. False when the source stops before.
    ///
    /// Memory grows with what arrives, never with `needed`, so a length that lies costs nothing.
    #[inline]
    pub(super) fn fill(&mut self, needed: usize) -> bool {
        while self.end - self.start < needed {
            if !self.read_more() {
                return false;
            }
        }
        true
    }

    /// Drops `count` octets at the front, at most those at hand.
    #[inline]
    pub(super) fn consume(&mut self, count: usize) {
        let count = count.min(self.end - self.start);
        self.start += count;
        self.offset += count as u64;
    }

    /// Drops `count` octets, reading on as far as needed. Returns how many there were.
    pub(super) fn skip(&mut self, count: u64) -> u64 {
        let mut left = count;
        while left > 0 && self.fill(1) {
            let step = self.available().len().min(usize::try_from(left).unwrap_or(usize::MAX));
            self.consume(step);
            left -= step as u64;
        }
        count - left
    }

    /// Reads once. False when the source has stopped.
    fn read_more(&mut self) -> bool {
        if self.stop.is_some() {
            return false;
        }
        if self.start > 0 {
            self.octets.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.octets.len() {
            self.octets.resize(self.octets.len() * 2, 0);
        }
        let room = self.octets.get_mut(self.end..).unwrap_or_default();
        match self.source.read(room) {
            Ok(0) => self.stop = Some(Stop::End),
            // A source that claims more than it was given room for is held to the room.
            Ok(count) => self.end += count.min(room.len()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                self.stop = Some(match compression::classify(error) {
                    Failure::Cut => Stop::Cut,
                    Failure::Corrupt(reason) => Stop::Corrupt(reason),
                    Failure::Source(error) => Stop::Failed(error),
                });
            }
        }
        self.stop.is_none()
    }
}

impl std::fmt::Debug for Buffer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Buffer")
            .field("offset", &self.offset)
            .field("stop", &self.stop)
            .finish_non_exhaustive()
    }
}

/// How much is asked of the source at once.
const READ_SIZE: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one octet at a time and is interrupted before each.
    struct Drip(u8, bool);

    impl Read for Drip {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            if self.0 == 5 {
                return Ok(0);
            }
            self.0 += 1;
            room[0] = self.0;
            Ok(1)
        }
    }

    #[test]
    fn retries_when_interrupted_and_stops_for_ever_at_the_end() {
        let mut buffer = Buffer::new(Box::new(Drip(0, false)));
        assert!(buffer.fill(3));
        buffer.consume(2);
        assert_eq!(buffer.available(), [3]);
        assert!(!buffer.fill(4));
        assert_eq!(buffer.available(), [3, 4, 5]);
        assert!(!buffer.fill(4));
        assert!(matches!(buffer.take_stop(), Stop::End));
        assert_eq!((buffer.offset(), buffer.bytes_read()), (2, 5));
    }

    #[test]
    fn grows_with_what_arrives_and_skips_without_keeping() {
        let mut buffer = Buffer::new(Box::new(io::repeat(7).take(1_000_000)));
        assert!(!buffer.fill(usize::MAX));
        assert_eq!(buffer.available().len(), 1_000_000);
        assert!(buffer.octets.len() < 2_200_000);
        let mut buffer = Buffer::new(Box::new(io::repeat(7).take(1_000_000)));
        assert_eq!(buffer.skip(2_000_000), 1_000_000);
        assert_eq!(buffer.octets.len(), READ_SIZE);
    }
}
