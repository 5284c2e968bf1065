//! Which times were captured: silence and missing requests say nothing of the times between captures.

use crate::capture::CaptureTime;

use super::memory::elapsed;

/// Nanoseconds between the end of a capture and the beginning of the next that may lie between them when they follow
/// one another, as rotated files do.
const SEAM: i128 = 1_000_000_000;

/// The times of all captures.
#[derive(Debug, Default)]
pub(super) struct Coverage {
    captures: Vec<Option<Span>>,
    now: Option<CaptureTime>,
}

/// The times of one capture.
#[derive(Clone, Copy, Debug)]
struct Span {
    begin: CaptureTime,
    last: CaptureTime,
    ended: bool,
}

impl Coverage {
    /// Notes that something was captured.
    pub(super) fn note(&mut self, capture: usize, time: Option<CaptureTime>) {
        let Some(time) = time else { return };
        self.now = self.now.max(Some(time));
        if self.captures.len() <= capture {
            self.captures.resize(capture + 1, None);
        }
        if let Some(place) = self.captures.get_mut(capture) {
            let span = place.get_or_insert(Span { begin: time, last: time, ended: false });
            span.begin = span.begin.min(time);
            span.last = span.last.max(time);
        }
    }

    /// Notes that a capture is over.
    pub(super) fn end(&mut self, capture: usize) {
        if let Some(Some(span)) = self.captures.get_mut(capture) {
            span.ended = true;
        }
    }

    /// Notes that all captures are over.
    pub(super) fn end_all(&mut self) {
        self.captures.iter_mut().flatten().for_each(|span| span.ended = true);
    }

    /// Until when there is a capture of what `capture` saw, by it or by others that follow without a gap.
    pub(super) fn until(&self, capture: usize) -> Option<CaptureTime> {
        let mut until = self.end_of(self.span(capture)?);
        while let Some(later) = self.captures.iter().flatten().find_map(|next| {
            let follows = elapsed(until, next.begin) <= SEAM && self.end_of(*next) > until;
            follows.then(|| self.end_of(*next))
        }) {
            until = later;
        }
        Some(until)
    }

    /// Since when there is a capture of what `capture` sees, by it or by others before it without a gap.
    pub(super) fn since(&self, capture: usize) -> Option<CaptureTime> {
        let mut since = self.span(capture)?.begin;
        while let Some(earlier) = self.captures.iter().flatten().find_map(|before| {
            let precedes = elapsed(self.end_of(*before), since) <= SEAM && before.begin < since;
            precedes.then_some(before.begin)
        }) {
            since = earlier;
        }
        Some(since)
    }

    fn span(&self, capture: usize) -> Option<Span> {
        self.captures.get(capture).copied().flatten()
    }

    /// A capture that goes on has seen that nothing more came until now.
    fn end_of(&self, span: Span) -> CaptureTime {
        if span.ended { span.last } else { self.now.map_or(span.last, |now| now.max(span.last)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> CaptureTime {
        CaptureTime { seconds, nanoseconds: 0 }
    }

    #[test]
    fn a_gap_between_captures_is_not_covered() {
        let mut coverage = Coverage::default();
        coverage.note(0, Some(at(10)));
        coverage.note(0, Some(at(20)));
        coverage.end(0);
        coverage.note(1, Some(at(3_600)));
        assert_eq!((coverage.until(0), coverage.since(1)), (Some(at(20)), Some(at(3_600))));
        assert_eq!(coverage.until(2), None);
    }

    #[test]
    fn captures_that_follow_or_overlap_cover_their_times_together() {
        let mut coverage = Coverage::default();
        coverage.note(0, Some(at(10)));
        coverage.note(0, Some(at(20)));
        coverage.end(0);
        coverage.note(1, Some(at(21)));
        coverage.note(1, Some(at(30)));
        coverage.note(2, Some(at(25)));
        coverage.note(2, Some(at(40)));
        assert_eq!((coverage.until(0), coverage.since(2)), (Some(at(40)), Some(at(10))));
    }

    #[test]
    fn a_capture_that_goes_on_covers_the_time_until_now() {
        let mut coverage = Coverage::default();
        coverage.note(0, Some(at(10)));
        coverage.note(1, Some(at(50)));
        assert_eq!(coverage.until(0), Some(at(50)));
        coverage.end_all();
        assert_eq!(coverage.until(0), Some(at(10)));
    }
}
