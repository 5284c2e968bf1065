//! When silence is a fact, and no loss and no limit of the server's.
//!
//! Loss takes requests one by one. A limit takes them by their number or time: of every two the second, or what comes
//! too early. Since the order of each round is drawn, a limit that makes no difference between kinds drops the silent ones
//! and answers the controls between them by chance alone, and how likely that is can be counted: of all places that were
//! dropped and answered in a round, so many orders have the silent kind on dropped ones.

use super::attempt::{Attempt, Sent, Stop};
use super::loss::{Loss, ONCE_IN};
use super::pacing::Pacing;
use super::run::Survey;

/// Of so many controls more than one was lost: there is a limit, or a network that lets nothing be told.
const ONE_LOST_OF: u32 = 3;

/// What is left of [`ONCE_IN`] where the gaps are polite.
const ONCE_IN_AT_POLITE_GAPS: f64 = 50.0;

/// How one kind fared beside what is known to be answered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Circumstances {
    /// Requests of the kind that met with silence.
    pub(super) silences: u32,
    /// What became of the others in the same rounds.
    loss: Loss,
    /// The probability that a limit hits the kind alone as it was seen.
    chance: f64,
}

impl Default for Circumstances {
    fn default() -> Circumstances {
        Circumstances { silences: 0, loss: Loss::default(), chance: 1.0 }
    }
}

impl Circumstances {
    /// Takes in a round, where the kind was asked in it. `references` are the kinds that are known to be answered.
    pub(super) fn take_round<'s>(
        &mut self,
        sent: impl Iterator<Item = &'s Sent>,
        index: usize,
        references: &[bool],
    ) {
        let (mut silences, mut loss) = (0, Loss::default());
        for one in sent {
            let is_reference = references.get(one.index).copied().unwrap_or(false);
            match one.outcome {
                Attempt::Silent if one.index == index => silences += 1,
                Attempt::Silent if is_reference => loss.lost += 1,
                Attempt::Answered(_) if is_reference => loss.answered += 1,
                _ => {}
            }
        }
        if silences > 0 {
            *self = self.and(silences, loss);
        }
    }

    /// The same after a round of so many silences and controls, of which as large a share is lost as was until now.
    pub(super) fn with(self, silences: usize, controls: usize) -> Circumstances {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let controls = count(controls);
        let all = (self.loss.lost + self.loss.answered).max(1);
        let lost = (controls.saturating_mul(self.loss.lost) / all).min(controls);
        self.and(count(silences), Loss { lost, answered: controls - lost })
    }

    fn and(self, silences: u32, loss: Loss) -> Circumstances {
        let (lost, all) = (f64::from(loss.lost), f64::from(loss.lost + loss.answered));
        let orders = (1..=silences).map(f64::from).map(|one| (lost + one) / (all + one));
        Circumstances {
            silences: self.silences.saturating_add(silences),
            loss: Loss { lost: self.loss.lost + loss.lost, answered: self.loss.answered + loss.answered },
            chance: self.chance * orders.product::<f64>(),
        }
    }

    /// True when no limit has that luck, which it has once in so many orders.
    pub(super) fn is_unlikely(self, once_in: f64) -> bool {
        self.chance * once_in < 1.0
    }

    /// True when the silences are neither loss nor a limit.
    fn is_refusal(self, once_in: f64) -> bool {
        let is_limited = self.loss.lost * ONE_LOST_OF > self.loss.lost + self.loss.answered;
        self.is_unlikely(once_in) && !is_limited && self.loss.cannot_explain(self.silences)
    }
}

impl Survey {
    /// How unlikely the luck of a limit must be. The polite gaps are those that limits let pass as they come with the
    /// programs: that there is a stricter one is unlikely by itself, and each further request takes 8 seconds.
    pub(super) fn once_in(&self) -> f64 {
        match self.settings.pacing {
            Pacing::Polite => ONCE_IN_AT_POLITE_GAPS,
            Pacing::Every(_) => ONCE_IN,
        }
    }

    /// True when the silence of that kind is no loss, no limit, nor the end of a server's patience.
    pub(super) fn is_silent(&self, index: usize) -> bool {
        let is_bare = self.attempts(index).all(|attempt| matches!(attempt, Attempt::Silent | Attempt::Open));
        let is_stopped = matches!(self.stopped, Some(Stop::Kiss(_)));
        is_bare && !is_stopped && self.circumstances(index).is_refusal(self.once_in())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(silences: u32, answered: u32, lost: u32) -> Circumstances {
        Circumstances::default().and(silences, Loss { answered, lost })
    }

    /// Numbers of orders: 13 over 5, and 7 over 5 of them where two controls were lost, too.
    #[test]
    fn the_luck_that_a_limit_needs_is_counted_in_orders() {
        assert!((round(5, 8, 0).chance - 1.0 / 1_287.0).abs() < 1e-9);
        assert!((round(5, 6, 2).chance - 21.0 / 1_287.0).abs() < 1e-9);
        assert!((round(1, 1, 0).chance - 0.5).abs() < 1e-9);
    }

    #[test]
    fn rounds_count_together_and_loss_makes_less_of_them() {
        let first = round(1, 4, 0);
        assert!(!first.is_refusal(ONCE_IN));
        assert!(first.and(5, Loss { answered: 8, lost: 0 }).is_refusal(ONCE_IN));
        assert!(!first.and(5, Loss { answered: 6, lost: 2 }).is_refusal(ONCE_IN));
    }

    #[test]
    fn where_more_than_a_third_of_the_controls_is_lost_nothing_is_told() {
        assert!(!round(90, 50, 26).is_refusal(ONCE_IN));
        assert!(round(90, 52, 26).is_refusal(ONCE_IN));
    }
}
