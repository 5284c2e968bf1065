//! The rounds of a run: what each asks, in an order that is drawn.
//!
//! The first asks everything once. Each further one asks several times what stayed silent, with controls at places that
//! are drawn: whatever drops requests by their number or time drops controls as easily as what is asked for.

use super::pacing::Pacing;
use super::run::Survey;
use super::silence::Circumstances;

/// Kinds for each control that the first round has beside the plain request.
const KINDS_A_CONTROL: usize = 4;

/// Controls that the first round has at least beside the plain request.
const FEWEST_CONTROLS: usize = 2;

/// How often a round asks what stayed silent, where more tries are left than the last round may have.
const AT_ONCE: usize = 5;

/// The same where the gaps are polite, and so long that every request counts.
const AT_ONCE_AT_POLITE_GAPS: usize = 3;
const LAST: usize = 7;

/// Controls that a round may have beyond the tries of a kind.
const MORE_CONTROLS: usize = 6;

impl Survey {
    /// Requests that are sent at most: every kind as often as it may be tried, and the controls of all rounds.
    pub fn most_requests(&self) -> u64 {
        let tries = self.tries();
        let mut controls = first_controls(self.stimuli.len());
        let mut left = tries.saturating_sub(1);
        while left > 0 {
            let times = self.times(left);
            controls += times + MORE_CONTROLS;
            left -= times;
        }
        (self.stimuli.len().saturating_mul(tries) + controls) as u64
    }

    /// Everything once, and a few controls.
    pub(super) fn begin_first_round(&mut self) {
        let controls = std::iter::repeat_n(0, first_controls(self.stimuli.len()));
        let round = (0..self.stimuli.len()).chain(controls).collect();
        self.begin(round, 0);
    }

    /// What is asked next; `None` at the end.
    pub(super) fn choose(&mut self) -> Option<usize> {
        loop {
            if !self.has_purpose() {
                self.queue.clear();
            }
            match self.queue.pop_front() {
                Some(index) if self.is_worth_asking(index) => return Some(index),
                Some(_) => {}
                None if self.begin_next_round() => {}
                None => return None,
            }
        }
    }

    /// True while something is to be learnt of what is asked in this round. What stayed silent needs the controls to its end.
    fn has_purpose(&self) -> bool {
        let mut asked = self.sent.iter().filter(|sent| sent.round == self.round).map(|sent| sent.index);
        self.round == 1
            || self.queue.iter().any(|index| self.is_open(*index))
            || asked.any(|index| self.is_open(index))
    }

    fn is_worth_asking(&self, index: usize) -> bool {
        index == self.anchor || self.is_open(index)
    }

    /// True when there is something to ask again.
    fn begin_next_round(&mut self) -> bool {
        let is_dead = (0..self.stimuli.len()).all(|index| !self.is_answered(index));
        // Of a server that answers nothing only what everybody answers is asked.
        let is_wanted = |index: &usize| {
            let is_settled = !self.is_open(*index) || self.tries_left(*index) == 0 || self.is_silent(*index);
            !is_settled && (self.is_basic(*index) || !is_dead)
        };
        let wanted: Vec<usize> = (0..self.stimuli.len()).filter(is_wanted).collect();
        let Some(most) = wanted.iter().map(|index| self.tries_left(*index)).max() else { return false };
        if is_dead {
            self.begin(wanted, 0);
            return true;
        }
        let (times, control) = (self.times(most), self.control());
        let controls = wanted.iter().map(|index| self.controls_for(*index, times)).max().unwrap_or_default();
        let asked =
            wanted.iter().flat_map(|index| std::iter::repeat_n(*index, times.min(self.tries_left(*index))));
        let round = asked.chain(std::iter::repeat_n(control, controls)).collect();
        self.begin(round, control);
        true
    }

    /// Begins a round with these requests, in an order that is drawn.
    fn begin(&mut self, mut round: Vec<usize>, anchor: usize) {
        for last in (1..round.len()).rev() {
            let other = self.draw.below(last + 1);
            round.swap(last, other);
        }
        self.queue = round.into();
        self.round += 1;
        self.anchor = anchor;
    }

    /// The fewest controls beside which so many more silences would be a fact, if as much is lost as was until now.
    fn controls_for(&self, index: usize, times: usize) -> usize {
        let circumstances = self.circumstances(index);
        let is_enough = |controls: &usize| circumstances.with(times, *controls).is_unlikely(self.once_in());
        let most = times + MORE_CONTROLS;
        (FEWEST_CONTROLS.min(most)..most).find(is_enough).unwrap_or(most)
    }

    /// How the silences of that kind stand beside what is known to be answered, in the rounds that are over.
    pub(super) fn circumstances(&self, index: usize) -> Circumstances {
        let references: Vec<bool> =
            (0..self.stimuli.len()).map(|one| self.is_basic(one) && self.is_answered(one)).collect();
        let mut all = Circumstances::default();
        for round in 1..=self.rounds_over() {
            all.take_round(self.sent.iter().filter(|sent| sent.round == round), index, &references);
        }
        all
    }

    /// Rounds of which nothing is left to ask.
    fn rounds_over(&self) -> usize {
        let is_over = self.queue.is_empty() && self.sent.last().is_none_or(|last| !last.is_open());
        if is_over { self.round } else { self.round.saturating_sub(1) }
    }

    /// How often it may be asked still. The controls of the first round are no tries.
    fn tries_left(&self, index: usize) -> usize {
        let controls = if index == 0 { first_controls(self.stimuli.len()) } else { 0 };
        self.tries().saturating_sub(self.attempts(index).count().saturating_sub(controls))
    }

    /// How often a round asks each kind of which so many tries are left at most.
    fn times(&self, left: usize) -> usize {
        match self.settings.pacing {
            Pacing::Polite if left > AT_ONCE_AT_POLITE_GAPS => AT_ONCE_AT_POLITE_GAPS,
            Pacing::Every(_) if left > LAST => AT_ONCE,
            _ => left,
        }
    }

    fn tries(&self) -> usize {
        usize::try_from(self.settings.tries).unwrap_or(usize::MAX)
    }
}

fn first_controls(kinds: usize) -> usize {
    (kinds / KINDS_A_CONTROL).max(FEWEST_CONTROLS)
}
