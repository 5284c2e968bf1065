//! Whether loss may explain silence.

/// How often requests were answered and not, of those kinds that the server answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Loss {
    pub(super) answered: u32,
    pub(super) lost: u32,
}

/// What is known before anything was sent: as if of 2.2 requests 0.2 had been lost.
const ANSWERED_BEFORE: f64 = 2.0;
const LOST_BEFORE: f64 = 0.2;

/// Silences are a refusal when loss would explain them once in so many runs.
pub(super) const ONCE_IN: f64 = 5_000.0;

impl Loss {
    /// The probability that so many requests in a row go unanswered by loss alone, after what was seen: the mean of
    /// p^n where p has a beta distribution.
    fn probability(self, silences: u32) -> f64 {
        let lost = f64::from(self.lost) + LOST_BEFORE;
        let all = lost + f64::from(self.answered) + ANSWERED_BEFORE;
        (0..silences).map(|one| (lost + f64::from(one)) / (all + f64::from(one))).product()
    }

    /// True when so many silences are no loss.
    pub(super) fn cannot_explain(self, silences: u32) -> bool {
        silences > 0 && self.answered > 0 && self.probability(silences) * ONCE_IN < 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fewest(answered: u32, lost: u32) -> u32 {
        (1..100).find(|silences| Loss { answered, lost }.cannot_explain(*silences)).unwrap_or(100)
    }

    #[test]
    fn the_more_is_lost_the_more_silences_it_takes() {
        assert_eq!((fewest(12, 0), fewest(6, 0), fewest(3, 0)), (3, 4, 7));
        assert!(fewest(8, 1) > 5 && fewest(8, 4) > 8);
        assert_eq!(fewest(0, 3), 100);
    }
}
