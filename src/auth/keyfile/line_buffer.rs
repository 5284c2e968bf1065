//! Cutting text into the pieces that a C program sees, and the buffer it sees them in.
//!
//! All three programs read with `fgets` into a fixed buffer. A line longer than the buffer comes as several pieces,
//! each taken for a line of its own. ntp.org and NTPsec split words in place by writing NULs, and NTPsec reads past
//! the end of a short AES secret: what it finds there is what earlier lines left behind, so the buffer is kept.

use std::ops::Range;

use zeroize::Zeroizing;

/// One call of `fgets`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'a> {
    /// Number of the line in the file, from 1.
    pub(super) line: usize,
    /// Octets of that line in earlier pieces.
    pub(super) offset: usize,
    /// The octets read, newline included.
    pub(super) octets: &'a [u8],
    /// True when the line goes on in another piece that has more than a newline.
    pub(super) continues: bool,
}

impl<'a> Piece<'a> {
    /// The octets before the newline and before any NUL: what C takes for the text.
    pub(super) fn text(&self) -> &'a [u8] {
        let end = self.octets.iter().position(|octet| matches!(octet, b'\n' | 0));
        self.octets.get(..end.unwrap_or(self.octets.len())).unwrap_or_default()
    }

    /// True when a NUL hides the rest of the piece.
    pub(super) fn has_nul(&self) -> bool {
        self.octets.contains(&0)
    }
}

/// The pieces of a text.
pub(super) struct Pieces<'a> {
    rest: &'a [u8],
    line: usize,
    offset: usize,
    capacity: usize,
}

/// The pieces of `text` that `fgets` gives for a buffer of `size` octets, of which one is for the closing NUL.
pub(super) fn pieces(text: &[u8], size: usize) -> Pieces<'_> {
    Pieces { rest: text, line: 1, offset: 0, capacity: size.saturating_sub(1).max(1) }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let newline = self.rest.iter().take(self.capacity).position(|octet| *octet == b'\n');
        let length = newline.map_or(self.capacity.min(self.rest.len()), |at| at + 1);
        let (octets, rest) = self.rest.split_at_checked(length)?;
        let continues = newline.is_none() && !rest.is_empty() && rest.first() != Some(&b'\n');
        let piece = Piece { line: self.line, offset: self.offset, octets, continues };
        self.rest = rest;
        if newline.is_some() {
            self.line += 1;
            self.offset = 0;
        } else {
            self.offset += length;
        }
        Some(piece)
    }
}

/// The buffer that ntp.org and NTPsec read a line into and split words in.
pub(super) struct LineBuffer {
    octets: Zeroizing<[u8; LINE_BUFFER_SIZE]>,
    /// Octets from the start that were ever written; those after it hold what the stack held.
    written: usize,
    /// Where the search for the next word starts.
    at: usize,
}

/// Size of the line buffer of ntp.org and NTPsec, in octets.
pub(super) const LINE_BUFFER_SIZE: usize = 512;

impl LineBuffer {
    pub(super) fn new() -> LineBuffer {
        LineBuffer { octets: Zeroizing::new([0; LINE_BUFFER_SIZE]), written: 0, at: 0 }
    }

    /// Takes in one piece over whatever is there, and closes it with a NUL.
    pub(super) fn fill(&mut self, piece: &Piece<'_>) {
        let closed = piece.octets.iter().chain(&[0]);
        for (to, from) in self.octets.iter_mut().zip(closed) {
            *to = *from;
        }
        self.written = self.written.max(piece.octets.len() + 1).min(LINE_BUFFER_SIZE);
        self.at = 0;
    }

    /// The next word, and ends it with a NUL where its separator was. Words end at space, tab, newline, NUL and `#`;
    /// after a `#` there are no more.
    pub(super) fn next_word(&mut self) -> Option<Range<usize>> {
        let from_here = self.octets.get(self.at..)?;
        let start = self.at + from_here.iter().position(|octet| !matches!(octet, b' ' | b'\t'))?;
        let ends_word = |octet: &u8| matches!(octet, 0 | b'\n' | b' ' | b'\t' | b'#');
        let end = start + self.octets.get(start..)?.iter().position(ends_word)?;
        if start == end {
            return None;
        }
        let separator = self.octets.get_mut(end)?;
        self.at = if matches!(*separator, b' ' | b'\t') { end + 1 } else { end };
        *separator = 0;
        Some(start..end)
    }

    /// Where the next word starts, if there is one; changes nothing.
    pub(super) fn peek(&self) -> Option<usize> {
        let from_here = self.octets.get(self.at..)?;
        let start = from_here.iter().position(|octet| !matches!(octet, b' ' | b'\t'))?;
        let begins = !matches!(from_here.get(start)?, 0 | b'\n' | b'#');
        begins.then_some(self.at + start)
    }

    /// The octets of a word.
    pub(super) fn word(&self, range: &Range<usize>) -> &[u8] {
        self.octets.get(range.clone()).unwrap_or_default()
    }

    /// `length` octets from `start` on, whatever they are, and the number of them that are known. Octets never
    /// written, or beyond the buffer, are given as zero.
    pub(super) fn stale(&self, start: usize, length: usize) -> (Vec<u8>, usize) {
        let known = self.octets.get(start..self.written).unwrap_or_default();
        let mut octets: Vec<u8> = known.iter().copied().take(length).collect();
        let count = octets.len();
        octets.resize(length, 0);
        (octets, count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &[u8], size: usize) -> Vec<(usize, usize, &[u8], bool)> {
        pieces(text, size).map(|piece| (piece.line, piece.offset, piece.octets, piece.continues)).collect()
    }

    #[test]
    fn cuts_an_overlong_line_into_pieces() {
        let expected: [(usize, usize, &[u8], bool); 4] =
            [(1, 0, b"abc", true), (1, 3, b"de\n", false), (2, 0, b"f\n", false), (3, 0, b"g", false)];
        assert_eq!(cut(b"abcde\nf\ng", 4), expected);
    }

    #[test]
    fn a_line_that_just_fits_leaves_its_newline_alone() {
        let expected: [(usize, usize, &[u8], bool); 3] =
            [(1, 0, b"abc", false), (1, 3, b"\n", false), (2, 0, b"d", false)];
        assert_eq!(cut(b"abc\nd", 4), expected);
    }

    #[test]
    fn an_earlier_line_stays_behind_a_shorter_one() {
        let mut buffer = LineBuffer::new();
        for piece in pieces(b"1 abcdef\n2 xy", 512) {
            buffer.fill(&piece);
            while buffer.next_word().is_some() {}
        }
        assert_eq!(buffer.stale(2, 8), (b"xy\0def\0\0".to_vec(), 8));
        assert_eq!(buffer.stale(8, 4), (vec![0; 4], 2));
        assert_eq!(buffer.stale(600, 1), (vec![0], 0));
    }
}
