//! The set of trusted keys, as `trustedkey` lines of ntp.conf and `--trusted` spell it.

use std::fmt;

use super::key::KeyId;

/// A set of key IDs, kept as ranges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedKeys {
    /// Inclusive, ascending, neither overlapping nor touching.
    ranges: Vec<(u32, u32)>,
}

impl TrustedKeys {
    /// Reads a list such as `11-13,20` or `11 (13 ... 15) 20`: numbers and ranges parted by commas or spaces.
    ///
    /// A range is `11-13`, `11...13` or, as in ntp.conf, `(11 ... 13)`. Spaces may stand anywhere but inside a number.
    ///
    /// # Errors
    /// [`TrustedError`] says where the first fault is; a list without any number is one.
    pub fn parse(text: &str) -> Result<TrustedKeys, TrustedError> {
        let mut parser = Parser { text: text.as_bytes(), at: 0 };
        let mut ranges = Vec::new();
        while let Some(range) = parser.next_range()? {
            ranges.push(range);
        }
        if ranges.is_empty() {
            return Err(TrustedError { position: 0, length: text.len(), fault: TrustedFault::Empty });
        }
        Ok(TrustedKeys::of(ranges))
    }

    /// The set of all these ranges, both ends included.
    pub fn of(mut ranges: Vec<(u32, u32)>) -> TrustedKeys {
        ranges.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::new();
        for (first, last) in ranges {
            match merged.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                _ => merged.push((first, last)),
            }
        }
        TrustedKeys { ranges: merged }
    }

    /// Adds the keys of another set.
    pub fn extend(&mut self, other: TrustedKeys) {
        let mut ranges = std::mem::take(&mut self.ranges);
        ranges.extend(other.ranges);
        *self = TrustedKeys::of(ranges);
    }

    /// True when `id` is in the set.
    pub fn contains(&self, id: KeyId) -> bool {
        let after = self.ranges.partition_point(|(first, _)| *first <= id.0);
        let before = after.checked_sub(1).and_then(|index| self.ranges.get(index));
        before.is_some_and(|(_, last)| id.0 <= *last)
    }

    /// The ranges, both ends included, ascending.
    pub fn ranges(&self) -> &[(u32, u32)] {
        &self.ranges
    }

    /// True when no key is in the set.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }
}

/// The shortest spelling that [`TrustedKeys::parse`] reads back: `11-13,20`.
impl fmt::Display for TrustedKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (first, last)) in self.ranges.iter().enumerate() {
            if index > 0 {
                formatter.write_str(",")?;
            }
            write!(formatter, "{first}")?;
            if first != last {
                write!(formatter, "-{last}")?;
            }
        }
        Ok(())
    }
}

impl std::str::FromStr for TrustedKeys {
    type Err = TrustedError;

    fn from_str(text: &str) -> Result<TrustedKeys, TrustedError> {
        TrustedKeys::parse(text)
    }
}

/// Why a list of trusted keys cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct TrustedError {
    /// Octets before the part in question, for a caret.
    pub position: usize,
    /// Octets of that part; zero at the end of the text.
    pub length: usize,
    /// What is wrong with it.
    pub fault: TrustedFault,
}

/// What is wrong with a list of trusted keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustedFault {
    /// There is no key ID in it.
    #[error("no key ID is given")]
    Empty,
    /// Something other than a number stands where one is expected.
    #[error("expected a key ID here")]
    NotANumber,
    /// The number does not fit the 32 bits of a key ID.
    #[error("key ID is above 4294967295")]
    TooLarge,
    /// Zero names no key.
    #[error("key ID 0 names no key")]
    Zero,
    /// A range ends before it starts.
    #[error("range ends before it starts")]
    Backwards,
    /// A range in parentheses has no closing one.
    #[error("expected a closing parenthesis here")]
    Unclosed,
    /// Two numbers in parentheses without dots or dash between them.
    #[error("expected ... here")]
    NoDots,
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
}

impl Parser<'_> {
    /// The next range, or `None` at the end of the text.
    fn next_range(&mut self) -> Result<Option<(u32, u32)>, TrustedError> {
        self.skip(|octet| octet.is_ascii_whitespace() || octet == b',');
        let start = self.at;
        if self.peek().is_none() {
            return Ok(None);
        }
        let open = self.eat(b"(");
        let first = self.number()?;
        let dots = self.eat(b"...") || self.eat(b"-");
        let last = match (dots, open) {
            (true, _) => self.number()?,
            (false, true) if self.peek() != Some(b')') => return Err(self.fault_here(TrustedFault::NoDots)),
            (false, _) => first,
        };
        if open && !self.eat(b")") {
            return Err(self.fault_here(TrustedFault::Unclosed));
        }
        if last < first {
            let length = self.at - start;
            return Err(TrustedError { position: start, length, fault: TrustedFault::Backwards });
        }
        Ok(Some((first, last)))
    }

    fn number(&mut self) -> Result<u32, TrustedError> {
        self.skip(|octet| octet.is_ascii_whitespace());
        let position = self.at;
        self.skip(|octet| octet.is_ascii_digit());
        let length = self.at - position;
        let digits = self.text.get(position..self.at).unwrap_or_default();
        if digits.is_empty() {
            return Err(self.fault_here(TrustedFault::NotANumber));
        }
        let value = digits.iter().try_fold(0_u32, |sum, digit| {
            sum.checked_mul(10)?.checked_add(u32::from(digit.wrapping_sub(b'0')))
        });
        match value {
            Some(0) => Err(TrustedError { position, length, fault: TrustedFault::Zero }),
            Some(value) => Ok(value),
            None => Err(TrustedError { position, length, fault: TrustedFault::TooLarge }),
        }
    }

    /// Takes `word` if it comes next, spaces aside.
    fn eat(&mut self, word: &[u8]) -> bool {
        let space = self.rest().iter().take_while(|octet| octet.is_ascii_whitespace()).count();
        let found = self.rest().get(space..).is_some_and(|rest| rest.starts_with(word));
        if found {
            self.at += space + word.len();
        }
        found
    }

    fn skip(&mut self, wanted: impl Fn(u8) -> bool) {
        self.at += self.rest().iter().take_while(|octet| wanted(**octet)).count();
    }

    /// The next octet that is not a space.
    fn peek(&self) -> Option<u8> {
        self.rest().iter().copied().find(|octet| !octet.is_ascii_whitespace())
    }

    fn rest(&self) -> &[u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// A fault that covers the word which comes next.
    fn fault_here(&self, fault: TrustedFault) -> TrustedError {
        let rest = self.rest();
        let space = rest.iter().take_while(|octet| octet.is_ascii_whitespace()).count();
        let ends = |octet: &u8| octet.is_ascii_whitespace() || *octet == b',';
        let length = rest.iter().skip(space).take_while(|octet| !ends(octet)).count();
        TrustedError { position: self.at + space, length, fault }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(text: &str) -> Vec<(u32, u32)> {
        TrustedKeys::parse(text).unwrap().ranges().to_vec()
    }

    fn fault(text: &str) -> (usize, usize, TrustedFault) {
        let error = TrustedKeys::parse(text).unwrap_err();
        (error.position, error.length, error.fault)
    }

    #[test]
    fn reads_every_spelling() {
        assert_eq!(ranges("11-13,20"), [(11, 13), (20, 20)]);
        assert_eq!(ranges("11,12 , 13"), [(11, 13)]);
        assert_eq!(ranges("(11 ... 13)"), [(11, 13)]);
        assert_eq!(ranges("(11...13)"), [(11, 13)]);
        assert_eq!(ranges("11 (13 ... 15) 20"), [(11, 11), (13, 15), (20, 20)]);
        assert_eq!(ranges("1 - 3 5...7,(9)"), [(1, 3), (5, 7), (9, 9)]);
        assert_eq!(ranges("20 1-5 3-8 9"), [(1, 9), (20, 20)]);
        assert_eq!(ranges("1-4294967295,7"), [(1, u32::MAX)]);
    }

    #[test]
    fn writes_the_shortest_spelling() {
        let text = TrustedKeys::parse("11 (13 ... 15) 12 20").unwrap().to_string();
        assert_eq!(text, "11-15,20");
    }

    #[test]
    fn points_at_the_fault() {
        assert_eq!(fault(""), (0, 0, TrustedFault::Empty));
        assert_eq!(fault(" , "), (0, 3, TrustedFault::Empty));
        assert_eq!(fault("11,x12"), (3, 3, TrustedFault::NotANumber));
        assert_eq!(fault("11-"), (3, 0, TrustedFault::NotANumber));
        assert_eq!(fault("11, 0"), (4, 1, TrustedFault::Zero));
        assert_eq!(fault("4294967296"), (0, 10, TrustedFault::TooLarge));
        assert_eq!(fault("5 13-11"), (2, 5, TrustedFault::Backwards));
        assert_eq!(fault("(11 ... 13"), (10, 0, TrustedFault::Unclosed));
        assert_eq!(fault("(11 13)"), (4, 3, TrustedFault::NoDots));
        assert_eq!(fault("11)"), (2, 1, TrustedFault::NotANumber));
    }

    #[test]
    fn finds_members_at_both_ends_of_a_range() {
        let keys = TrustedKeys::parse("11-13,20").unwrap();
        let members: Vec<u32> = (0..25).filter(|id| keys.contains(KeyId(*id))).collect();
        assert_eq!(members, [11, 12, 13, 20]);
        assert!(!TrustedKeys::default().contains(KeyId(0)));
    }

    #[test]
    fn joins_sets() {
        let mut keys = TrustedKeys::parse("1-3").unwrap();
        keys.extend(TrustedKeys::parse("4,9").unwrap());
        assert_eq!(keys.to_string(), "1-4,9");
    }

    #[test]
    fn every_cut_of_a_list_is_read_or_refused() {
        let text = "11 (13 ... 15) 20,\u{e9}7-9";
        for end in 0..=text.len() {
            if let Some(cut) = text.get(..end) {
                let _ = TrustedKeys::parse(cut);
            }
        }
    }
}
