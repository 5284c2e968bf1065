//! Random octets that are the same for the same seed, in every version of every crate.

/// The generator `splitmix64` (Steele, Lea and Flood 2014). Nothing secret may come from it.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// The numbers of the `nth` of that name: others than those of every other name.
    pub(super) fn of(seed: u64, name: &str, nth: usize) -> Random {
        let mut random = Random::new(seed);
        for octet in name.bytes() {
            random = Random::new(random.next() ^ u64::from(octet));
        }
        Random::new(random.next().wrapping_add(u64::try_from(nth).unwrap_or(u64::MAX))).fork()
    }

    /// Numbers of their own that stand for the next one.
    pub(super) fn fork(&self) -> Random {
        Random::new(self.clone().next())
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One of the numbers below `end`; zero when there is none.
    pub(super) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % end).unwrap_or_default()
    }

    /// So many octets.
    pub(super) fn octets(&mut self, count: usize) -> Vec<u8> {
        std::iter::repeat_with(|| self.next().to_be_bytes()).flatten().take(count).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values that the authors' C code gives for this seed, as Rosetta Code and others publish them.
    #[test]
    fn gives_the_published_sequence() {
        let mut random = Random::new(1_234_567);
        let expected = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
            4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ];
        assert_eq!(expected.map(|_| random.next()), expected);
    }

    #[test]
    fn each_name_has_numbers_of_its_own() {
        let first = |seed, name, nth| Random::of(seed, name, nth).next();
        assert_eq!(first(7, "flip-bit", 0), first(7, "flip-bit", 0));
        let all = [
            first(7, "flip-bit", 0),
            first(8, "flip-bit", 0),
            first(7, "flip-bit", 1),
            first(7, "tilf-bip", 0),
        ];
        assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), all.len(), "{all:x?}");
    }

    #[test]
    fn stays_below_the_end() {
        let mut random = Random::new(1);
        assert!((0..1_000).all(|_| random.below(7) < 7));
        assert_eq!(random.below(0), 0);
        assert_eq!(random.octets(13).len(), 13);
    }
}
