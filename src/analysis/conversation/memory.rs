//! Which authenticated messages were seen before.

use std::collections::{HashMap, VecDeque};

use crate::analysis::finding::Place;
use crate::capture::CaptureTime;

/// Messages that are remembered at most; the oldest makes room.
const MOST_MESSAGES: usize = 28_672;

/// Nanoseconds within which the same octets are one message that was captured twice.
pub(super) const ONE_MESSAGE: i128 = 1_000_000_000;

/// Remembers messages by their fingerprints.
#[derive(Debug, Default)]
pub(super) struct Memory {
    by_fingerprint: HashMap<u64, (Place, Option<CaptureTime>)>,
    order: VecDeque<u64>,
}

/// Octets that were seen before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// A moment ago, or in another capture, whose clock nobody knows: one message that was captured twice.
    Twice(Place),
    /// Long enough ago to be another sending.
    Later(Place),
}

impl Memory {
    /// Remembers a message, and tells when it was seen before.
    pub(super) fn recall(
        &mut self,
        fingerprint: u64,
        place: Place,
        time: Option<CaptureTime>,
    ) -> Option<Again> {
        if let Some((before, then)) = self.by_fingerprint.get(&fingerprint) {
            let elapsed = then.zip(time).map(|(then, now)| elapsed(then, now));
            let is_other =
                before.capture == place.capture && elapsed.is_some_and(|elapsed| elapsed >= ONE_MESSAGE);
            return Some(if is_other { Again::Later(*before) } else { Again::Twice(*before) });
        }
        if self.order.len() >= MOST_MESSAGES
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_fingerprint.remove(&oldest);
        }
        self.order.push_back(fingerprint);
        self.by_fingerprint.insert(fingerprint, (place, time));
        None
    }
}

/// Nanoseconds from one time to another.
pub(super) fn elapsed(from: CaptureTime, to: CaptureTime) -> i128 {
    let nanoseconds =
        |time: CaptureTime| i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanoseconds);
    nanoseconds(to) - nanoseconds(from)
}
