//! What a run says of one key.

use std::fmt;

use crate::analysis::behaviour::Answer;
use crate::auth::KeyId;

use super::reply::{Flaw, Seen};

/// Whether a server honours a key, or what it does instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyVerdict {
    /// A right MAC is answered by a right MAC under the same key.
    Authenticated,
    /// The same, by a server that says that it has no time.
    Unsynchronised,
    /// No answer, while others are answered.
    DropsRequest,
    /// A crypto-NAK.
    CryptoNak,
    /// A reply without a MAC.
    AuthStripped,
    /// A reply with zeros in place of a MAC.
    ZeroTrailer,
    /// A reply whose MAC does not verify.
    ReplyBadMac,
    /// A reply under another key ID.
    ReplyOtherKey(KeyId),
    /// A reply that names no request of ours.
    ReplyWrongOrigin,
    /// A reply with another flaw in its header.
    ReplyFlawed(Flaw),
    /// A kiss code, which proves nothing of a key, be it signed or not.
    Kiss([u8; 4]),
    /// The server answered nothing at all.
    NoResponse,
    /// Nobody listens there: ICMP says so.
    Refused,
    /// There is no way to it: our own system or a router says so.
    Unreachable,
    /// What was seen does not tell.
    Inconclusive,
}

impl KeyVerdict {
    /// The verdict on an answer to a right MAC under that key.
    pub(super) fn of_answer(asked: KeyId, seen: &Seen) -> KeyVerdict {
        let other = seen.key_id.filter(|key_id| *key_id != asked);
        match (seen.answer, other) {
            (Answer::Kiss, _) => KeyVerdict::Kiss(seen.kiss.unwrap_or_default()),
            (Answer::CryptoNak, _) => KeyVerdict::CryptoNak,
            (Answer::ZeroTrailer, _) => KeyVerdict::ZeroTrailer,
            (Answer::PlainReply, _) => KeyVerdict::AuthStripped,
            (_, Some(key_id)) => KeyVerdict::ReplyOtherKey(key_id),
            (Answer::AuthenticatedReply, None) if seen.is_unsynchronised => KeyVerdict::Unsynchronised,
            (Answer::AuthenticatedReply, None) => KeyVerdict::Authenticated,
            (Answer::BadMacReply | Answer::OtherReply | Answer::Silence, None) => KeyVerdict::ReplyBadMac,
        }
    }

    /// The verdict on a reply that is no answer.
    pub(super) fn of_flaw(flaw: Flaw) -> KeyVerdict {
        if flaw == Flaw::Origin { KeyVerdict::ReplyWrongOrigin } else { KeyVerdict::ReplyFlawed(flaw) }
    }

    /// The word used in every output; kisses have their code behind it.
    pub fn name(self) -> &'static str {
        match self {
            KeyVerdict::Authenticated => "authenticated",
            KeyVerdict::Unsynchronised => "unsynchronised",
            KeyVerdict::DropsRequest => "drops-request",
            KeyVerdict::CryptoNak => "crypto-nak",
            KeyVerdict::AuthStripped => "auth-stripped",
            KeyVerdict::ZeroTrailer => "zero-trailer",
            KeyVerdict::ReplyBadMac => "reply-bad-mac",
            KeyVerdict::ReplyOtherKey(_) => "reply-other-key",
            KeyVerdict::ReplyWrongOrigin => "reply-wrong-origin",
            KeyVerdict::ReplyFlawed(Flaw::Source) => "reply-wrong-source",
            KeyVerdict::ReplyFlawed(Flaw::Malformed | Flaw::Origin) => "reply-malformed",
            KeyVerdict::ReplyFlawed(Flaw::Mode(_)) => "reply-wrong-mode",
            KeyVerdict::ReplyFlawed(Flaw::Version(_)) => "reply-wrong-version",
            KeyVerdict::Kiss(_) => "kiss",
            KeyVerdict::NoResponse => "no-response",
            KeyVerdict::Refused => "refused",
            KeyVerdict::Unreachable => "unreachable",
            KeyVerdict::Inconclusive => "inconclusive",
        }
    }

    /// True when nothing is known of the key, be it that there is no answer.
    pub fn is_open(self) -> bool {
        matches!(
            self,
            KeyVerdict::NoResponse | KeyVerdict::Refused | KeyVerdict::Unreachable | KeyVerdict::Inconclusive
        )
    }

    /// What to look at next: on the server, and on our side.
    pub fn next_checks(self) -> Option<(&'static str, &'static str)> {
        Some(match self {
            KeyVerdict::Authenticated => return None,
            KeyVerdict::Unsynchronised => (
                "whether its own sources are reachable; after a start it takes minutes",
                "nothing: the key is right on both sides",
            ),
            KeyVerdict::DropsRequest => (
                "whether the key is in its key file with this secret and algorithm, is trusted (trustedkey of ntpd), and was \
                 read since; the log of the daemon's start",
                "whether the line of the key is the same, in this dialect; whether something on the way drops longer packets",
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
            KeyVerdict::Kiss(_) => (
                "its rate limit and access rules (restrict limited kod, ratelimit)",
                "ask less often: a kiss, signed or not, does not tell whether the key was accepted",
            ),
            KeyVerdict::NoResponse => (
                "whether it runs, and whom it serves (restrict, allow)",
                "the route, and firewalls on UDP port 123",
            ),
            KeyVerdict::Refused => {
                ("whether it runs and listens on that port", "whether the port is the right one")
            }
            KeyVerdict::Unreachable => (
                "whether it is up, and its address",
                "the route there (ip route get), and firewalls that reject",
            ),
            KeyVerdict::Inconclusive => {
                ("nothing yet", "ask again with --tries: too much was lost, or the run was stopped, to tell")
            }
        })
    }
}

impl fmt::Display for KeyVerdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyVerdict::Kiss(code) => write!(formatter, "kiss {}", String::from_utf8_lossy(code)),
            _ => formatter.write_str(self.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::diagnosis::page;
    use crate::ntp::header::{Mode, Version};

    #[test]
    fn every_verdict_has_a_page_and_all_but_the_best_say_what_to_check() {
        let flaws = [Flaw::Source, Flaw::Malformed, Flaw::Mode(Mode::Client), Flaw::Version(Version::FOUR)];
        let verdicts = [
            KeyVerdict::Authenticated,
            KeyVerdict::Unsynchronised,
            KeyVerdict::DropsRequest,
            KeyVerdict::CryptoNak,
            KeyVerdict::AuthStripped,
            KeyVerdict::ZeroTrailer,
            KeyVerdict::ReplyBadMac,
            KeyVerdict::ReplyOtherKey(KeyId(7)),
            KeyVerdict::ReplyWrongOrigin,
            KeyVerdict::Kiss(*b"RATE"),
            KeyVerdict::NoResponse,
            KeyVerdict::Refused,
            KeyVerdict::Unreachable,
            KeyVerdict::Inconclusive,
        ];
        for verdict in verdicts.into_iter().chain(flaws.map(KeyVerdict::ReplyFlawed)) {
            assert!(page(verdict.name()).is_some(), "docs/probe.md says nothing of {verdict}");
            assert_eq!(verdict.next_checks().is_none(), verdict == KeyVerdict::Authenticated);
        }
        assert!(page("answers").is_some());
    }
}
