//! Which requests a fault applies to.

use std::net::IpAddr;
use std::time::Duration;

use crate::auth::KeyId;

/// What limits a fault. A request is in scope when all of it is true of the request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// From this time on, counted from the server's start.
    pub from: Duration,
    /// Until before this time; for ever without one.
    pub to: Option<Duration>,
    /// The client's address.
    pub client: Option<IpAddr>,
    /// The key ID of the request's MAC.
    pub key: Option<KeyId>,
    /// So many requests in scope are passed over first.
    pub after: u64,
    /// Of the others every Nth; every one when this is zero.
    pub every: u64,
    /// At most so many times.
    pub count: Option<u64>,
}

/// What is known of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) elapsed: Duration,
    pub(super) client: IpAddr,
    pub(super) key: Option<KeyId>,
}

impl Scope {
    /// True while the time is in scope.
    pub(super) fn is_open(&self, elapsed: Duration) -> bool {
        elapsed >= self.from && self.to.is_none_or(|to| elapsed < to)
    }

    /// True for a request in scope, whatever was counted.
    pub(super) fn holds(&self, seen: &Seen) -> bool {
        self.is_open(seen.elapsed)
            && self.client.is_none_or(|client| client.to_canonical() == seen.client.to_canonical())
            && self.key.is_none_or(|key| seen.key == Some(key))
    }
}

/// What a fault has counted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counter {
    seen: u64,
    applied: u64,
}

impl Counter {
    /// Counts one in scope, and says whether it is among those that the fault applies to.
    pub(super) fn counts(&mut self, scope: &Scope) -> bool {
        self.seen = self.seen.saturating_add(1);
        let Some(behind) = self.seen.checked_sub(scope.after).filter(|behind| *behind > 0) else {
            return false;
        };
        let is_due = behind.is_multiple_of(scope.every.max(1));
        let applies = is_due && scope.count.is_none_or(|count| self.applied < count);
        self.applied += u64::from(applies);
        applies
    }
}
