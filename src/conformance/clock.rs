//! What timestamps of a server's clock prove, and what a clock that is set, coarse or one of several explains.

use std::time::Duration;

use crate::ntp::header::Header;

/// A second in units of timestamps.
pub(super) const SECOND: i64 = 1 << 32;

/// The tick of the coarsest clock whose server may say that it is finer: two of those of older systems.
const TICK: i64 = SECOND / 32;

/// The precision of a reply as a time, a second at most.
pub(super) fn resolution(header: &Header) -> i64 {
    SECOND.checked_shr(header.precision.min(0).unsigned_abs().into()).unwrap_or(0)
}

/// By how much a right clock of that reply's may be off what passed meanwhile.
pub(super) fn tick(header: &Header) -> i64 {
    resolution(header).max(TICK)
}

/// A length of time in units of timestamps.
pub(super) fn units(time: Duration) -> i64 {
    let units = (time.as_nanos() << 32) / 1_000_000_000;
    i64::try_from(units).unwrap_or(i64::MAX)
}

/// True when so many of a sequence, each compared to the one before it, do not go forward. One that is set back makes
/// two of them, and so many machines behind one address as many as they are.
pub(super) fn goes_astray(count: usize, is_astray: impl Fn(usize, usize) -> bool) -> bool {
    let mut longest: Vec<usize> = Vec::new();
    for after in 0..count {
        let before = longest.iter().enumerate().filter(|(before, _)| is_astray(*before, after));
        longest.push(1 + before.map(|(_, length)| *length).max().unwrap_or(0));
    }
    longest.into_iter().max().unwrap_or(0) >= CHAIN
}

/// More machines than these, or as many steps back within a case, no right server shows.
const CHAIN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn is_wrong(times: &[i64]) -> bool {
        goes_astray(times.len(), |before, after| match (times.get(before), times.get(after)) {
            (Some(before), Some(after)) => after <= before,
            _ => false,
        })
    }

    #[test]
    fn one_step_and_several_machines_are_no_proof() {
        assert!(!is_wrong(&[10, 20, 30, 5, 15, 25]));
        assert!(!is_wrong(&[10, 70, 30, 90, 50, 110]));
        assert!(!is_wrong(&[100, 50, 10, 130, 80, 40]));
        assert!(is_wrong(&[7, 7, 7, 7]));
        assert!(is_wrong(&[90, 70, 100, 50, 30]));
    }
}
