//! Values that nobody can guess who does not know the seed.

use std::hash::{DefaultHasher, Hasher};

/// A sequence of values. The same seed gives the same sequence.
#[derive(Clone, Debug)]
pub struct Draw {
    seed: u64,
    drawn: u64,
}

impl Draw {
    /// The sequence of that seed.
    pub fn new(seed: u64) -> Draw {
        Draw { seed, drawn: 0 }
    }

    /// The next value; never zero, which means "not known" in a timestamp.
    pub fn value(&mut self) -> u64 {
        self.drawn += 1;
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.seed);
        hasher.write_u64(self.drawn);
        hasher.finish().max(1)
    }

    /// The next value of 16 bits.
    pub fn short(&mut self) -> u16 {
        let [first, second, ..] = self.value().to_be_bytes();
        u16::from_be_bytes([first, second])
    }

    /// The next value below that, which is not zero.
    pub fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.value() % end).unwrap_or_default()
    }

    /// So many octets.
    pub fn octets(&mut self, count: usize) -> Vec<u8> {
        std::iter::repeat_with(|| self.value().to_be_bytes()).flatten().take(count).collect()
    }
}
