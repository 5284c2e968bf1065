//! The exchanges whose times only the next reply tells (RFC 9769).

use std::collections::HashMap;
use std::net::IpAddr;

use crate::analysis::exchange::{Completed, End, Times};
use crate::ntp::NtpTimestamp;

/// Pairs of client and server of which the last exchange is remembered, at most.
const MOST_PAIRS: usize = 4_096;

/// The last exchange of each client with each server.
#[derive(Debug, Default)]
pub(super) struct LastExchanges {
    by_pair: HashMap<(IpAddr, IpAddr), Answered>,
}

/// An exchange, and when its request arrived by the server's clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answered {
    pub(super) request: End,
    pub(super) reply: End,
    pub(super) receive: NtpTimestamp,
}

impl LastExchanges {
    /// Notes an exchange and gives the one before it.
    pub(super) fn replace(&mut self, pair: (IpAddr, IpAddr), answered: Answered) -> Option<Answered> {
        if self.by_pair.len() < MOST_PAIRS || self.by_pair.contains_key(&pair) {
            return self.by_pair.insert(pair, answered);
        }
        None
    }
}

impl Answered {
    /// The exchange with its times, when `named`, the origin timestamp of the request after it, is its reply's
    /// receive timestamp: then `sent`, the transmit timestamp of the interleaved reply, is when its own left.
    pub(super) fn completed(&self, named: NtpTimestamp, sent: NtpTimestamp) -> Option<Completed> {
        let times = || Times::new(self.request, self.reply, self.receive, sent);
        (named == self.receive && !named.is_zero()).then(|| Completed {
            request: self.request.place,
            reply: self.reply.place,
            times: times(),
        })
    }
}
