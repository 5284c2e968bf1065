//! How far apart requests are sent.

use std::time::Duration;

/// The gaps of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pacing {
    /// As close as ntp.org's and NTPsec's ntpd let them come with `restrict limited` and nothing else set.
    Polite,
    /// All alike.
    Every(Duration),
}

/// No two requests may come closer than this (`discard minimum`).
const LEAST: Duration = Duration::from_secs(2);

/// Each request weighs as many seconds as may be between requests on average (`discard average 3`: 2^3), and each
/// second takes one away. With 64 a client is limited; some is left for what the network does to gaps.
const WEIGHT: u64 = 8;
const LIMIT: u64 = 60;

impl Pacing {
    /// The gap before the request of that number, counted from zero.
    pub fn gap(self, number: u64) -> Duration {
        match self {
            _ if number == 0 => Duration::ZERO,
            Pacing::Every(gap) => gap,
            Pacing::Polite => {
                let saved = WEIGHT - LEAST.as_secs();
                let is_burst = (number + 1) * saved + LEAST.as_secs() <= LIMIT;
                if is_burst { LEAST } else { Duration::from_secs(WEIGHT) }
            }
        }
    }

    /// The time from the first of so many requests to the last.
    pub fn span(self, requests: u64) -> Duration {
        (0..requests).map(|number| self.gap(number)).fold(Duration::ZERO, Duration::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rule of ntp_monitor.c: what a server with the default `discard` values counts for a client.
    #[test]
    fn polite_gaps_never_reach_the_limit_of_ntpd() {
        let mut weight = 0;
        for number in 0..200 {
            let gap = Pacing::Polite.gap(number).as_secs();
            assert!(number == 0 || gap >= 2);
            weight = u64::saturating_sub(weight, gap) + 8;
            assert!(weight < 64, "request {number}");
        }
    }

    #[test]
    fn a_short_run_takes_seconds() {
        assert_eq!(Pacing::Polite.span(9), Duration::from_secs(16));
        assert_eq!(Pacing::Every(Duration::from_millis(10)).span(11), Duration::from_millis(100));
        assert_eq!(Pacing::Polite.span(0), Duration::ZERO);
    }
}
