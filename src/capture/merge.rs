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
    /// Files that were found to be over and not asked for yet.
    ended: Vec<usize>,
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
        Self {
            heads: BinaryHeap::with_capacity(readers.len()),
            readers,
            taken: None,
            started: false,
            ended: Vec::new(),
        }
    }

    /// The next frame and the index of its file, or `None` for ever once all files are over.
    #[inline]
    pub fn next_frame(&mut self) -> Option<(usize, Frame<'_>)> {
        if self.readers.len() == 1 {
            return self.readers.first_mut()?.next_frame().map(|frame| (0, frame));
        }
        self.next_of_several()
    }

    /// The files that are over before the frame that comes next, each once. Only where there are several.
    pub fn take_ended(&mut self) -> Vec<usize> {
        if self.readers.len() > 1 {
            self.look_ahead();
        }
        std::mem::take(&mut self.ended)
    }

    /// The files, to ask how each ended.
    pub fn readers(&self) -> &[Reader] {
        &self.readers
    }

    /// Looks at the next frame of every file.
    fn look_ahead(&mut self) {
        if !self.started {
            self.started = true;
            (0..self.readers.len()).for_each(|file| self.look_at(file, BEFORE_ALL));
        }
        if let Some((file, last)) = self.taken.take() {
            self.look_at(file, last);
        }
    }

    fn next_of_several(&mut self) -> Option<(usize, Frame<'_>)> {
        self.look_ahead();
        let Reverse(head) = self.heads.pop()?;
        self.taken = Some((head.file, head.time));
        let reader = self.readers.get(head.file)?;
        Some((head.file, reader.frame(&head.located)))
    }

    /// Puts the next frame of `file` among the heads; `last` is the time of the frame before it.
    fn look_at(&mut self, file: usize, last: CaptureTime) {
        if let Some(located) = self.readers.get_mut(file).and_then(Reader::advance) {
            self.heads.push(Reverse(Head { time: located.time.unwrap_or(last), file, located }));
        } else {
            self.ended.push(file);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A classic capture with a one-octet frame at each of `seconds`.
    fn reader(seconds: &[u8]) -> Reader {
        let mut octets =
            vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0];
        for second in seconds {
            octets.extend([*second, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, *second]);
        }
        Reader::new(std::io::Cursor::new(octets)).unwrap()
    }

    /// Simple packet blocks, which have no time, around one at 5 s.
    fn untimed() -> Reader {
        let octets: [&[u8]; 5] = [
            &[
                0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                0, 28, 0, 0, 0,
            ],
            &[
                1, 0, 0, 0, 32, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0,
                0, 0,
            ],
            &[3, 0, 0, 0, 20, 0, 0, 0, 1, 0, 0, 0, 91, 0, 0, 0, 20, 0, 0, 0],
            &[
                6, 0, 0, 0, 36, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 5, 0, 0,
                0, 36, 0, 0, 0,
            ],
            &[3, 0, 0, 0, 20, 0, 0, 0, 1, 0, 0, 0, 92, 0, 0, 0, 20, 0, 0, 0],
        ];
        Reader::new(std::io::Cursor::new(octets.concat())).unwrap()
    }

    fn order(readers: Vec<Reader>) -> Vec<(usize, u64, u8)> {
        let mut merge = Merge::new(readers);
        let mut order = Vec::new();
        while let Some((file, frame)) = merge.next_frame() {
            order.push((file, frame.number, frame.octets[0]));
        }
        assert!(merge.next_frame().is_none());
        assert!(merge.readers().iter().all(|reader| reader.ending().is_complete()));
        order
    }

    #[test]
    fn joins_by_time_then_by_order_of_files() {
        let order = order(vec![reader(&[1, 4, 6]), reader(&[2, 4, 5]), reader(&[])]);
        assert_eq!(order, [(0, 1, 1), (1, 1, 2), (0, 2, 4), (1, 2, 4), (1, 3, 5), (0, 3, 6)]);
    }

    #[test]
    fn a_file_is_told_to_be_over_before_the_first_frame_behind_it() {
        let mut merge = Merge::new(vec![reader(&[1, 2]), reader(&[]), reader(&[5])]);
        let mut told = Vec::new();
        loop {
            told.push(merge.take_ended());
            if merge.next_frame().is_none() {
                break;
            }
        }
        assert_eq!(told, [vec![1], vec![], vec![0], vec![2]]);
    }

    #[test]
    fn keeps_the_order_within_a_file() {
        assert_eq!(order(vec![reader(&[9, 1]), reader(&[5])]), [(1, 1, 5), (0, 1, 9), (0, 2, 1)]);
        assert_eq!(order(vec![reader(&[9, 1])]), [(0, 1, 9), (0, 2, 1)]);
        assert_eq!(order(vec![]), []);
    }

    #[test]
    fn a_frame_without_time_takes_the_last_of_its_file() {
        let order = order(vec![reader(&[4, 6]), untimed()]);
        assert_eq!(order, [(1, 1, 91), (0, 1, 4), (1, 2, 5), (1, 3, 92), (0, 2, 6)]);
    }
}
