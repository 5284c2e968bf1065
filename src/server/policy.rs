//! What a server is to be, beside its habits.

use crate::ntp::header::{Header, LeapIndicator, Mode, Version};
use crate::ntp::timestamp::NtpShort;
use crate::ntp::{NtpTimestamp, ReferenceId};

use super::habit::{Habit, Macs};

/// How a server behaves.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Whose habits it has.
    pub habit: &'static Habit,
    /// What it says of its clock.
    pub system: System,
    /// Requests without a valid MAC are not answered, unless a crypto-NAK is due (`notrust` of ntp.org's ntpd).
    pub requires_authentication: bool,
    /// Interleaved mode is answered (RFC 9769), where the habit allows it.
    pub interleaved: bool,
    /// Requests of version 5 are answered as ntp.org's ntpd does: in version 4's layout, with their own number.
    pub answers_version_5: bool,
}

impl Policy {
    /// A server of that habit, synchronised.
    pub fn new(habit: &'static Habit) -> Policy {
        Policy {
            habit,
            system: System::default(),
            requires_authentication: false,
            interleaved: true,
            answers_version_5: false,
        }
    }

    /// True when MACs of requests are verified.
    pub fn verifies(&self) -> bool {
        matches!(self.habit.macs, Macs::Verify(_))
    }

    /// True when it matters which keys are trusted.
    pub fn heeds_trust(&self) -> bool {
        self.verifies() && self.habit.heeds_trust
    }

    /// True when no request can be answered: authentication is required, and no MAC is looked at.
    pub fn answers_nothing(&self) -> bool {
        self.requires_authentication && matches!(self.habit.macs, Macs::Ignore)
    }

    /// The mode of replies to messages with that header; `None` for those that ask for nothing, or are never answered.
    pub(super) fn reply_mode(&self, header: &Header) -> Option<Mode> {
        let is_answered = self.answers_version(header.version);
        (self.habit.reply_mode)(header.version, header.mode).filter(|_| is_answered)
    }

    /// True for a version that is answered.
    pub(super) fn answers_version(&self, version: Version) -> bool {
        self.habit.versions.contains(&version.number())
            || (self.answers_version_5 && version == Version::from_bits(5))
    }
}

/// What a server says of its clock (RFC 5905 section 7.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct System {
    /// Warning of a leap second.
    pub leap_indicator: LeapIndicator,
    /// 0 unspecified, 1 primary, 2 to 15 secondary, 16 unsynchronised.
    pub stratum: u8,
    /// Source of the time.
    pub reference_id: ReferenceId,
    /// Precision of the clock, log2 seconds.
    pub precision: i8,
    /// Round trip to the primary reference.
    pub root_delay: NtpShort,
    /// Dispersion accumulated up to the primary reference.
    pub root_dispersion: NtpShort,
}

impl Default for System {
    /// A local clock at stratum 5, as test servers usually are.
    fn default() -> System {
        System {
            leap_indicator: LeapIndicator::None,
            stratum: 5,
            reference_id: ReferenceId([127, 127, 1, 0]),
            precision: -20,
            root_delay: NtpShort(0),
            root_dispersion: NtpShort(66),
        }
    }
}

impl System {
    /// What ntp.org's ntpd says before it has a time: leap 3, stratum 0, `INIT`.
    pub fn unsynchronised() -> System {
        System {
            leap_indicator: LeapIndicator::Unknown,
            stratum: 0,
            reference_id: ReferenceId(*b"INIT"),
            ..System::default()
        }
    }

    /// When the clock was last set: at the beginning of the sixteen seconds that `now` lies in. Zero for a clock
    /// that never was.
    pub fn reference_timestamp(&self, now: NtpTimestamp) -> NtpTimestamp {
        const SIXTEEN_SECONDS: u64 = 16 << 32;
        match self.leap_indicator {
            LeapIndicator::Unknown => NtpTimestamp::ZERO,
            _ => NtpTimestamp(now.0 & !(SIXTEEN_SECONDS - 1)),
        }
    }
}

/// What is done with a client, whatever it asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Treatment {
    /// Its requests are answered.
    #[default]
    Serve,
    /// It gets a kiss code (RFC 5905 section 7.4): `RATE`, `DENY`, `RSTR`.
    Kiss([u8; 4]),
    /// It gets nothing.
    Ignore,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn habits_differ_in_what_they_make_of_macs() {
        let of = |name| Policy::new(Habit::of_name(name).unwrap());
        let facts = |policy: Policy| {
            let policy = Policy { requires_authentication: true, ..policy };
            (policy.verifies(), policy.heeds_trust(), policy.answers_nothing())
        };
        assert_eq!(facts(of("ntp.org")), (true, true, false));
        assert_eq!(facts(of("chrony")), (true, false, false));
        assert_eq!(facts(of("busybox")), (false, false, false));
        assert_eq!(facts(of("openntpd")), (false, false, true));
        assert!(!of("openntpd").answers_nothing());
    }
}
