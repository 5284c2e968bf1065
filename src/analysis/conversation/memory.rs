//! Which authenticated messages were seen before.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use crate::analysis::analyzer::Judged;
use crate::analysis::finding::Place;
use crate::capture::CaptureTime;

/// Messages that are remembered at most; the oldest makes room.
const MOST_MESSAGES: usize = 28_672;

/// Nanoseconds within which the same octets are one message that was captured twice.
pub(super) const ONE_MESSAGE: i128 = 1_000_000_000;

/// Remembers messages by their fingerprints.
#[derive(Debug, Default)]
pub(super) struct Memory {
    by_fingerprint: HashMap<u64, Sending>,
    order: VecDeque<u64>,
}

/// A message, where it was captured, and who sent it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sending {
    pub(super) place: Place,
    pub(super) sender: SocketAddr,
    time: Option<CaptureTime>,
    interface: Option<(u64, u32)>,
}

impl Sending {
    pub(super) fn of(judged: &Judged<'_, '_>) -> Sending {
        let (place, sender) = (judged.place(), judged.datagram.source);
        Sending { place, sender, time: judged.time, interface: judged.interface }
    }
}

/// What was seen before, and how many nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Again {
    pub(super) before: Sending,
    pub(super) elapsed: i128,
}

impl Memory {
    /// Remembers a message. Tells when it was sent before, which is more than to be captured twice: by an interface, a
    /// bridge or a mirror port at once, or by another interface or into another file, whose clock nobody knows.
    pub(super) fn recall(&mut self, fingerprint: u64, now: Sending) -> Option<Again> {
        if let Some(before) = self.by_fingerprint.get(&fingerprint) {
            let elapsed = before.time.zip(now.time).map(|(then, now)| elapsed(then, now))?;
            let is_same_eye = (before.place.capture, before.interface) == (now.place.capture, now.interface);
            return (is_same_eye && elapsed >= ONE_MESSAGE).then_some(Again { before: *before, elapsed });
        }
        if self.order.len() >= MOST_MESSAGES
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_fingerprint.remove(&oldest);
        }
        self.order.push_back(fingerprint);
        self.by_fingerprint.insert(fingerprint, now);
        None
    }
}

/// Nanoseconds from one time to another.
pub(super) fn elapsed(from: CaptureTime, to: CaptureTime) -> i128 {
    let nanoseconds =
        |time: CaptureTime| i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanoseconds);
    nanoseconds(to) - nanoseconds(from)
}
