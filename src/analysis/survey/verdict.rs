//! What a run says of one key.

use std::fmt;

use crate::analysis::behaviour::Answer;
use crate::auth::KeyId;

use super::reply::{Flaw, Seen};

mod checks;

/// What to look at next: on the server, and on our side.
pub type Checks = (&'static str, &'static str);

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
    /// A reply with something behind the header that is no MAC.
    ReplyOddTrailer,
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
            (Answer::AuthenticatedReply, None) if seen.is_unsynchronised() => KeyVerdict::Unsynchronised,
            (Answer::AuthenticatedReply, None) => KeyVerdict::Authenticated,
            (Answer::OtherReply, None) if seen.meant_key != Some(asked) => KeyVerdict::ReplyOddTrailer,
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
            KeyVerdict::ReplyOddTrailer => "reply-odd-trailer",
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
        // Replies from elsewhere are not seen over UDP.
        let flaws = [Flaw::Malformed, Flaw::Mode(Mode::Client), Flaw::Version(Version::FOUR)];
        let verdicts = [
            KeyVerdict::Authenticated,
            KeyVerdict::Unsynchronised,
            KeyVerdict::DropsRequest,
            KeyVerdict::CryptoNak,
            KeyVerdict::AuthStripped,
            KeyVerdict::ZeroTrailer,
            KeyVerdict::ReplyBadMac,
            KeyVerdict::ReplyOddTrailer,
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
            assert_eq!(verdict.next_checks(None).is_none(), verdict == KeyVerdict::Authenticated);
        }
        assert!(page("answers").is_some());
    }
}
