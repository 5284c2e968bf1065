//! Where the server's time comes from.

use std::cell::Cell;

use crate::ntp::NtpTimestamp;

/// A clock, as the server's clients shall see it.
pub trait Clock {
    /// The time now.
    fn now(&self) -> NtpTimestamp;
}

/// A clock for tests: each time that it is asked it is a little later.
#[derive(Clone, Debug)]
pub struct FixedClock {
    next: Cell<NtpTimestamp>,
    step: u64,
}

impl FixedClock {
    /// Begins at `begin` and advances by `step` units of 2^-32 s.
    pub fn new(begin: NtpTimestamp, step: u64) -> FixedClock {
        FixedClock { next: Cell::new(begin), step }
    }
}

impl Clock for FixedClock {
    fn now(&self) -> NtpTimestamp {
        let now = self.next.get();
        self.next.set(NtpTimestamp(now.0.wrapping_add(self.step)));
        now
    }
}
