//! What to look at next after each verdict.

use super::super::attempt::Stop;
use super::{Checks, KeyVerdict};

impl KeyVerdict {
    /// What to look at next: on the server, and on our side.
    ///
    /// `stopped` is why the run ended early, which is the reason for what it could not tell.
    pub fn next_checks(self, stopped: Option<&Stop>) -> Option<Checks> {
        Some(match self {
            KeyVerdict::Authenticated => return None,
            KeyVerdict::Unsynchronised => (
                "whether its own sources are reachable; after a start it takes minutes",
                "nothing: the key is right on both sides",
            ),
            KeyVerdict::DropsRequest => (
                "whether it has the key, trusts it (trustedkey), and has read both since",
                "whether the key is the same; whether longer packets are dropped on the way",
            ),
            KeyVerdict::CryptoNak => (
                "whether it loaded the key (one bad line makes ntp.org's ntpd refuse the whole file) and lists it in trustedkey",
                "whether secret and algorithm are the same, hexadecimal digits or text alike",
            ),
            KeyVerdict::AuthStripped => (
                "whether the program knows symmetric keys at all: OpenNTPD and ntpd-rs do not",
                "do not rely on it: clients that insist on this key will not use this server",
            ),
            KeyVerdict::ZeroTrailer => (
                "whether it is busybox, which verifies as a client alone",
                "do not rely on it: zeros are no MAC",
            ),
            KeyVerdict::ReplyBadMac => (
                "whether the secret under this key ID is the same as here, and whether its program knows the algorithm \
                 in full (ntp.org's ntpd sends broken SHA-2 digests)",
                "ntpcap explain on a capture of the exchange; whether something on the way rewrites packets",
            ),
            KeyVerdict::ReplyOddTrailer => (
                "which program answers, and what it puts behind the header",
                "ntpcap decode on a capture of the exchange; whether something on the way rewrites packets",
            ),
            KeyVerdict::ReplyOtherKey(_) => (
                "why it answers under another key than it was asked under",
                "nothing: a client discards this reply",
            ),
            KeyVerdict::ReplyWrongOrigin => (
                "whether it answers somebody else, or too late",
                "whether replies are replayed or rewritten on the way",
            ),
            KeyVerdict::ReplyFlawed(_) => {
                ("which program answers on that port", "whether something on the way answers in its place")
            }
            KeyVerdict::Kiss(code) => of_kiss(code),
            KeyVerdict::NoResponse => (
                "whether it runs, and whom it serves (restrict, allow)",
                "the route, and firewalls on UDP port 123; whether it answers from another of its addresses",
            ),
            KeyVerdict::Refused => {
                ("whether it runs and listens on that port", "whether the port is the right one")
            }
            KeyVerdict::Unreachable => (
                "whether it is up, and its address",
                "the route there (ip route get), and firewalls that reject",
            ),
            KeyVerdict::Inconclusive => of_unknown(stopped),
        })
    }
}

/// What to look at after a kiss: RFC 5905 figure 13 says what each code means.
fn of_kiss(code: [u8; 4]) -> Checks {
    match &code {
        b"DENY" | b"RSTR" => (
            "its access rules (restrict, allow)",
            "do not ask it again: it does not want to serve this address",
        ),
        b"AUTH" | b"CRYP" => (
            "whether the key has the same secret and algorithm there",
            "whether the line of the key is the same",
        ),
        b"NKEY" => (
            "whether it has the key and trusts it (trustedkey), and has read both since",
            "whether the key ID is the one that was agreed on",
        ),
        b"RATE" => (
            "its rate limit (restrict limited kod, ratelimit)",
            "ask less often: a kiss, signed or not, does not tell whether the key was accepted",
        ),
        _ => ("why it says so: its log", "RFC 5905 section 7.4 says what the code means"),
    }
}

/// What to look at when nothing is known: the reason why not.
fn of_unknown(stopped: Option<&Stop>) -> Checks {
    match stopped {
        Some(Stop::Kiss(_)) => (
            "its rate limit and access rules (restrict limited kod, ratelimit)",
            "ask later and less often: the server ended the run before this could be told",
        ),
        Some(Stop::Failed(_)) => {
            ("nothing: no request left", "why we cannot send: --source, the network here")
        }
        Some(Stop::Interrupted) => ("nothing yet", "let the run come to its end: it was interrupted"),
        Some(Stop::Refused | Stop::Unreachable(_)) => {
            ("whether it stopped while it was asked", "ask again: it answered at first")
        }
        None => {
            ("nothing yet", "ask again with more --tries: loss or a rate limit may explain what was seen")
        }
    }
}
