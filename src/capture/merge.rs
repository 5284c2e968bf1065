//! Several captures as one, in order of capture time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::frame::{CaptureTime, Frame};
use super::reader::{Located, Reader};

/// Joins captures by capture time.
///
/// Each capture keeps its own order: only its next frame competes with those of the others. A frame without a time
/// takes the last time of its file. Of equal times, the file named first goes first.
#[derive(Debug)]
pub struct Merge {
    readers: Vec<Reader>,
    heads: BinaryHeap<Reverse<Head>>,
    /// The file whose head was handed out last and whose next frame is not looked at yet.
    taken: Option<(usize, CaptureTime)>,
    started: bool,
}

/// The next frame of a file, ordered by time, then file.
#[derive(Debug)]
struct Head {
    time: CaptureTime,
    file: usize,
    located: Located,
}

impl Merge {
    /// Joins `readers`, which keep their order as index of file.
    pub fn new(readers: Vec<Reader>) -> Self {
        Self { heads: BinaryHeap::with_capacity(readers.len()), readers, taken: None, started: false }
    }

    /// The next frame and the index of its file, or `None` for ever once all files are over.
    #[inline]
    pub fn next_frame(&mut self) -> Option<(usize, Frame<'_>)> {
        if self.readers.len() == 1 {
            return self.readers.first_mut()?.next_frame().map(|frame| (0, frame));
        }
        self.next_of_several()
    }

    /// The files, to ask how each ended.
    pub fn readers(&self) -> &[Reader] {
        &self.readers
    }

    fn next_of_several(&mut self) -> Option<(usize, Frame<'_>)> {
        if !self.started {
            self.started = true;
            (0..self.readers.len()).for_each(|file| self.look_at(file, BEFORE_ALL));
        }
        if let Some((file, last)) = self.taken.take() {
            self.look_at(file, last);
        }
        let Reverse(head) = self.heads.pop()?;
        self.taken = Some((head.file, head.time));
        let reader = self.readers.get(head.file)?;
        Some((head.file, reader.frame(&head.located)))
    }

    /// Puts the next frame of `file` among the heads; `last` is the time of the frame before it.
    fn look_at(&mut self, file: usize, last: CaptureTime) {
        if let Some(located) = self.readers.get_mut(file).and_then(Reader::advance) {
            self.heads.push(Reverse(Head { time: located.time.unwrap_or(last), file, located }));
        }
    }
}

impl Head {
    fn rank(&self) -> (CaptureTime, usize) {
        (self.time, self.file)
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}

impl Eq for Head {}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank().cmp(&other.rank())
    }
}

/// What a file without any time so far counts as.
const BEFORE_ALL: CaptureTime = CaptureTime { seconds: i64::MIN, nanoseconds: 0 };
