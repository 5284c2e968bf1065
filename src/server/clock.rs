//! Where the server's time comes from.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use crate::ntp::NtpTimestamp;
use crate::ntp::timestamp::UnixTime;

/// A clock, as the server's clients shall see it.
pub trait Clock {
    /// The time now.
    fn now(&self) -> NtpTimestamp;
}

/// How far a server's time is from the true one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deviation {
    /// Added to the time, in units of 2^-32 s.
    pub offset: i64,
    /// By how much the clock is fast, in units of 10^-9 s for each second since it was made.
    pub drift: i64,
    /// The most that a reading is off, to either side, in units of 2^-32 s.
    pub jitter: u64,
}

impl Deviation {
    /// A length of time in units of 2^-32 s; `None` where it is 68 years or more.
    pub fn units(length: Duration) -> Option<i64> {
        let fraction = (u64::from(length.subsec_nanos()) << 32) / 1_000_000_000;
        let seconds = i64::try_from(length.as_secs()).ok()?;
        seconds.checked_mul(1 << 32)?.checked_add_unsigned(fraction)
    }
}

/// The system's clock and what it is to be wrong by. The system's clock is read, never set.
///
/// Times that the kernel has noted are deviated from alike, by [`SystemClock::at`].
#[derive(Debug)]
pub struct SystemClock {
    begin: NtpTimestamp,
    deviation: Deviation,
    random: AtomicU64,
}

impl SystemClock {
    /// A clock that begins to drift now. `seed` determines its jitter.
    pub fn new(deviation: Deviation, seed: u64) -> SystemClock {
        SystemClock { begin: system_time().to_ntp(), deviation, random: AtomicU64::new(seed) }
    }

    /// What this clock shows at a time of the system's clock.
    pub fn at(&self, time: UnixTime) -> NtpTimestamp {
        let time = time.to_ntp();
        let Deviation { offset, drift, jitter } = self.deviation;
        let elapsed = i128::from(time.since(self.begin));
        let drifted = i64::try_from(elapsed * i128::from(drift) / 1_000_000_000).unwrap_or(0);
        let jitter = if jitter == 0 { 0 } else { self.jitter(jitter) };
        NtpTimestamp(
            time.0.wrapping_add_signed(offset).wrapping_add_signed(drifted).wrapping_add_signed(jitter),
        )
    }

    /// Evenly distributed from `-most` to `most` (the generator SplitMix64).
    fn jitter(&self, most: u64) -> i64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let state = self.random.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let mixed = mixed ^ (mixed >> 31);
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let span = 2 * i128::from(most) + 1;
        i64::try_from(i128::from(mixed) % span).unwrap_or(0).wrapping_sub(most)
    }
}

impl Clock for SystemClock {
    fn now(&self) -> NtpTimestamp {
        self.at(system_time())
    }
}

/// The time by the system's clock.
pub fn system_time() -> UnixTime {
    match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => UnixTime {
            seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            nanoseconds: since.subsec_nanos(),
        },
        // A clock before 1970 serves no time that is worth its fraction.
        Err(before) => UnixTime {
            seconds: i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |seconds| -seconds),
            nanoseconds: 0,
        },
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1 << 32;
    const NOON: UnixTime = UnixTime { seconds: 1_795_608_000, nanoseconds: 250_000_000 };

    fn clock(deviation: Deviation) -> SystemClock {
        SystemClock { begin: NOON.to_ntp(), deviation, random: AtomicU64::new(1) }
    }

    fn later(seconds: i64) -> UnixTime {
        UnixTime { seconds: NOON.seconds + seconds, ..NOON }
    }

    #[test]
    fn without_deviation_it_shows_the_system_s_time() {
        assert_eq!(clock(Deviation::default()).at(NOON), NOON.to_ntp());
    }

    #[test]
    fn an_offset_is_added_to_every_time() {
        let clock = clock(Deviation { offset: -3600 * SECOND, ..Deviation::default() });
        assert_eq!(clock.at(later(7)).since(NOON.to_ntp()), -3593 * SECOND);
    }

    #[test]
    fn drift_grows_with_the_time_since_the_beginning() {
        let clock = clock(Deviation { drift: 500_000, ..Deviation::default() });
        assert_eq!(clock.at(NOON), NOON.to_ntp());
        assert_eq!(clock.at(later(2000)).since(later(2000).to_ntp()), SECOND);
    }

    #[test]
    fn jitter_stays_within_its_bounds_and_repeats_with_its_seed() {
        let most = 1000;
        let [one, other] = [(); 2].map(|()| clock(Deviation { jitter: most, ..Deviation::default() }));
        let off = |clock: &SystemClock| clock.at(NOON).since(NOON.to_ntp());
        let readings: Vec<i64> = (0..2000).map(|_| off(&one)).collect();
        assert!(readings.iter().all(|reading| reading.abs() <= 1000));
        assert!(readings.iter().min() < Some(&-900) && readings.iter().max() > Some(&900));
        assert_eq!(readings[0], off(&other));
    }

    #[test]
    fn lengths_become_units_as_far_as_they_fit() {
        assert_eq!(Deviation::units(Duration::from_millis(1500)), Some(SECOND + SECOND / 2));
        assert_eq!(Deviation::units(Duration::from_secs(1 << 31)), None);
    }
}
