//! How a server behaves, from what it was asked and what it answered.
//!
//! The words are the same whether the exchanges were captured or made by a probe.

use crate::ntp::message::Message;

use super::verdict::{Status, Verdict, is_zero_trailer};

/// What a request asked for, as far as authentication goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Asked {
    /// No MAC.
    NoMac,
    /// A MAC that verifies.
    Valid,
    /// A MAC of a known key that does not verify.
    WrongSecret,
    /// A MAC under a key ID that no key file has.
    UnknownKey,
    /// A MAC under a key that is not trusted.
    UntrustedKey,
    /// Anything else: other schemes, odd trailers, messages that are not all there.
    Other,
}

impl Asked {
    /// Every kind.
    pub const ALL: [Asked; 6] = [
        Asked::NoMac,
        Asked::Valid,
        Asked::WrongSecret,
        Asked::UnknownKey,
        Asked::UntrustedKey,
        Asked::Other,
    ];

    /// The kind of a request with that status.
    pub fn of(status: Status) -> Asked {
        match status {
            Status::None => Asked::NoMac,
            Status::Valid => Asked::Valid,
            Status::Invalid => Asked::WrongSecret,
            Status::UnknownKey => Asked::UnknownKey,
            Status::UntrustedKey => Asked::UntrustedKey,
            _ => Asked::Other,
        }
    }

    /// The name in outputs: `no_mac`, `valid`, `wrong_secret`, ...
    pub fn name(self) -> &'static str {
        match self {
            Asked::NoMac => "no_mac",
            Asked::Valid => "valid",
            Asked::WrongSecret => "wrong_secret",
            Asked::UnknownKey => "unknown_key",
            Asked::UntrustedKey => "untrusted_key",
            Asked::Other => "other",
        }
    }

    /// The name in sentences.
    pub fn words(self) -> &'static str {
        match self {
            Asked::NoMac => "no MAC",
            Asked::Valid => "valid",
            Asked::WrongSecret => "invalid",
            Asked::UnknownKey => "unknown key",
            Asked::UntrustedKey => "untrusted key",
            Asked::Other => "other",
        }
    }

    /// True for a MAC that a server has a reason to refuse, as far as our keys go.
    pub fn is_bad_mac(self) -> bool {
        matches!(self, Asked::WrongSecret | Asked::UnknownKey | Asked::UntrustedKey)
    }

    /// True for a MAC that no server with our keys can verify.
    fn is_wrong(self) -> bool {
        matches!(self, Asked::WrongSecret | Asked::UnknownKey)
    }
}

/// What came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Answer {
    /// A reply without a MAC.
    PlainReply,
    /// A reply whose MAC verifies.
    AuthenticatedReply,
    /// A crypto-NAK.
    CryptoNak,
    /// Nothing.
    Silence,
    /// A kiss code that is said to the client: to slow down, to go away, or that its key is not known.
    Kiss,
    /// A reply with as many zero octets as a MAC has.
    ZeroTrailer,
    /// A reply whose MAC does not verify under a key that is known.
    BadMacReply,
    /// A reply of another kind: under a key that is not known, for instance.
    OtherReply,
}

impl Answer {
    /// Every kind.
    pub const ALL: [Answer; 8] = [
        Answer::PlainReply,
        Answer::AuthenticatedReply,
        Answer::CryptoNak,
        Answer::Silence,
        Answer::Kiss,
        Answer::ZeroTrailer,
        Answer::BadMacReply,
        Answer::OtherReply,
    ];

    /// The kind of a reply.
    pub fn of(message: Option<&Message<'_>>, verdict: &Verdict<'_, '_>) -> Answer {
        let header = match message {
            Some(Message::Time(message)) => Some(message.header),
            _ => None,
        };
        let kiss = header.and_then(|header| header.reference_id.kiss_code(header.stratum).map(is_kiss));
        let is_zero = verdict.reading.is_some_and(|(reading, _)| is_zero_trailer(&reading));
        match verdict.status {
            _ if kiss == Some(true) => Answer::Kiss,
            Status::CryptoNak => Answer::CryptoNak,
            Status::Valid => Answer::AuthenticatedReply,
            Status::UntrustedKey if verdict.digest_matches == Some(true) => Answer::AuthenticatedReply,
            Status::None if is_zero => Answer::ZeroTrailer,
            Status::None => Answer::PlainReply,
            Status::Invalid | Status::UntrustedKey => Answer::BadMacReply,
            _ => Answer::OtherReply,
        }
    }

    /// The word used in every output.
    pub fn name(self) -> &'static str {
        match self {
            Answer::PlainReply => "plain-reply",
            Answer::AuthenticatedReply => "authenticated-reply",
            Answer::CryptoNak => "crypto-nak",
            Answer::Silence => "silence",
            Answer::Kiss => "kiss",
            Answer::ZeroTrailer => "zero-trailer",
            Answer::BadMacReply => "bad-mac-reply",
            Answer::OtherReply => "other-reply",
        }
    }
}

/// True for the codes of RFC 5905 figure 13 that are said to the client. The two others, `INIT` and `STEP`, tell of the
/// server's clock.
fn is_kiss(code: &str) -> bool {
    const CODES: [&str; 12] =
        ["ACST", "AUTH", "AUTO", "BCST", "CRYP", "DENY", "DROP", "MCST", "NKEY", "RATE", "RMOT", "RSTR"];
    CODES.contains(&code)
}

/// Silences that are taken for more than loss.
const REPEATED: u32 = 2;

/// Silences that one crypto-NAK outweighs.
const MOSTLY: u32 = 4;

/// How often which kind of request got which answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    counts: [[u32; Answer::ALL.len()]; Asked::ALL.len()],
}

impl Profile {
    /// Counts one exchange.
    pub fn count(&mut self, asked: Asked, answer: Answer) {
        if let Some(count) = self.counts.get_mut(asked as usize).and_then(|row| row.get_mut(answer as usize))
        {
            *count = count.saturating_add(1);
        }
    }

    /// How often it was seen.
    pub fn of(&self, asked: Asked, answer: Answer) -> u32 {
        self.counts.get(asked as usize).and_then(|row| row.get(answer as usize)).copied().unwrap_or_default()
    }

    /// Answers to that kind of request, the most frequent first.
    pub fn answers(&self, asked: Asked) -> Vec<(Answer, u32)> {
        let counted = |answer: Answer| Some((answer, self.of(asked, answer))).filter(|(_, count)| *count > 0);
        let mut answers: Vec<(Answer, u32)> = Answer::ALL.into_iter().filter_map(counted).collect();
        answers.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        answers
    }

    /// The class of the behaviour; `None` when the requests seen do not tell.
    ///
    /// Silence counts only when it was repeated, beside requests that were answered: once it may be loss. It never
    /// outweighs an answer of the same kind.
    pub fn class(&self) -> Option<Class> {
        let bad = |answer: Answer| self.sum(Asked::is_bad_mac, |other| other == answer);
        let answered = self.sum(|_| true, |answer| answer != Answer::Silence);
        let asked = self.sum(|_| true, |_| true);
        let valid = |answer| self.of(Asked::Valid, answer);
        let no_mac = |answer| self.of(Asked::NoMac, answer);
        if answered == 0 {
            return (asked >= REPEATED).then_some(Class::NoResponse);
        }
        let is_silent = |silences: u32| !self.is_limiting() && silences >= REPEATED;
        let (naks, silences) = (bad(Answer::CryptoNak), bad(Answer::Silence));
        // One refusal beside much silence may be forged.
        if naks > 0 && (!is_silent(silences) || naks.saturating_mul(MOSTLY) >= silences) {
            return Some(Class::NakOnBadMac);
        }
        // A reply that we cannot verify proves nothing: the server's key may be another than ours.
        if self.sum(Asked::is_wrong, |answer| answer == Answer::AuthenticatedReply) > 0 {
            return Some(Class::SignsAnything);
        }
        if bad(Answer::ZeroTrailer) + valid(Answer::ZeroTrailer) > 0 {
            return Some(Class::ZeroTrailerToMac);
        }
        // A server that signs does not strip its MACs: whoever is on the way does.
        let signs = valid(Answer::AuthenticatedReply);
        if signs == 0 && bad(Answer::PlainReply) + valid(Answer::PlainReply) > 0 {
            return Some(Class::PlainReplyToMac);
        }
        if signs > 0 && bad(Answer::PlainReply) >= REPEATED {
            return Some(Class::PlainReplyToBadMac);
        }
        let has_plain = no_mac(Answer::PlainReply) > 0;
        if is_silent(no_mac(Answer::Silence)) && !has_plain && valid(Answer::AuthenticatedReply) > 0 {
            return Some(Class::RequiresAuthentication);
        }
        let is_lossy = |is_of_them: fn(Asked) -> bool| {
            let others = |is_silence: bool| {
                self.sum(|asked| !is_of_them(asked), |answer| (answer == Answer::Silence) == is_silence)
            };
            others(true) > others(false)
        };
        let answers_bad =
            self.sum(Asked::is_bad_mac, |answer| !matches!(answer, Answer::Silence | Answer::CryptoNak));
        if is_silent(silences) && !is_lossy(Asked::is_bad_mac) && answers_bad == 0 && naks == 0 {
            return Some(Class::SilentOnBadMac);
        }
        if valid(Answer::AuthenticatedReply) > 0 {
            return Some(Class::Authenticates);
        }
        let is_silent_on_right = is_silent(valid(Answer::Silence))
            && !is_lossy(|asked| asked == Asked::Valid || asked.is_bad_mac());
        if valid(Answer::CryptoNak) > 0 || is_silent_on_right {
            return Some(Class::RefusesRightMac);
        }
        let is_plain = has_plain && self.sum(|asked| asked != Asked::NoMac, |_| true) == 0;
        is_plain.then_some(Class::AnswersPlainly)
    }

    /// True when it asked clients to slow down: silence may have that reason.
    pub fn is_limiting(&self) -> bool {
        self.sum(|_| true, |answer| answer == Answer::Kiss) > 0
    }

    /// True when nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.sum(|_| true, |_| true) == 0
    }

    fn sum(&self, asked: impl Fn(Asked) -> bool, answer: impl Fn(Answer) -> bool) -> u32 {
        let row = |asked: Asked| {
            Answer::ALL.into_iter().filter(|one| answer(*one)).map(move |one| self.of(asked, one))
        };
        Asked::ALL.into_iter().filter(|one| asked(*one)).flat_map(row).fold(0, u32::saturating_add)
    }
}

/// A kind of server, by its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// Refuses a bad MAC with a crypto-NAK, as ntp.org's ntpd does.
    NakOnBadMac,
    /// Does not answer a bad MAC, as chrony and NTPsec do.
    SilentOnBadMac,
    /// Answers a MAC, right or wrong, without one.
    PlainReplyToMac,
    /// Answers a right MAC with one, and a bad MAC without.
    PlainReplyToBadMac,
    /// Answers a MAC with zeros, as busybox does.
    ZeroTrailerToMac,
    /// Signs the answer to a bad MAC.
    SignsAnything,
    /// Answers right MACs and nothing without one.
    RequiresAuthentication,
    /// Answers right MACs with right MACs; how it refuses bad ones is not known.
    Authenticates,
    /// Answers a MAC that verifies here with a crypto-NAK or not at all: it lacks that key, or does not trust it.
    RefusesRightMac,
    /// Answers requests without a MAC; no other was seen.
    AnswersPlainly,
    /// Answered nothing.
    NoResponse,
}

impl Class {
    /// Every class.
    pub const ALL: [Class; 11] = [
        Class::NakOnBadMac,
        Class::SilentOnBadMac,
        Class::PlainReplyToMac,
        Class::PlainReplyToBadMac,
        Class::ZeroTrailerToMac,
        Class::SignsAnything,
        Class::RequiresAuthentication,
        Class::Authenticates,
        Class::RefusesRightMac,
        Class::AnswersPlainly,
        Class::NoResponse,
    ];

    /// The word used in every output.
    pub fn name(self) -> &'static str {
        match self {
            Class::NakOnBadMac => "nak-on-bad-mac",
            Class::SilentOnBadMac => "silent-on-bad-mac",
            Class::PlainReplyToMac => "plain-reply-to-mac",
            Class::PlainReplyToBadMac => "plain-reply-to-bad-mac",
            Class::ZeroTrailerToMac => "zero-trailer-to-mac",
            Class::SignsAnything => "signs-anything",
            Class::RequiresAuthentication => "requires-authentication",
            Class::Authenticates => "authenticates",
            Class::RefusesRightMac => "refuses-right-mac",
            Class::AnswersPlainly => "answers-plainly",
            Class::NoResponse => "no-response",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(exchanges: &[(Asked, Answer)]) -> Option<Class> {
        let mut profile = Profile::default();
        for (asked, answer) in exchanges {
            profile.count(*asked, *answer);
        }
        profile.class()
    }

    #[test]
    fn one_crypto_nak_tells_more_than_many_silences() {
        let exchanges = [
            (Asked::WrongSecret, Answer::Silence),
            (Asked::WrongSecret, Answer::Silence),
            (Asked::UnknownKey, Answer::CryptoNak),
        ];
        assert_eq!(class(&exchanges), Some(Class::NakOnBadMac));
    }

    #[test]
    fn silence_is_refusal_only_beside_answers() {
        let silent = (Asked::WrongSecret, Answer::Silence);
        assert_eq!(class(&[silent, silent]), Some(Class::NoResponse));
        let answered = (Asked::NoMac, Answer::PlainReply);
        assert_eq!(class(&[silent, silent, answered]), Some(Class::SilentOnBadMac));
    }

    #[test]
    fn one_silence_may_be_loss() {
        assert_eq!(class(&[(Asked::NoMac, Answer::Silence)]), None);
        let beside = [(Asked::WrongSecret, Answer::Silence), (Asked::NoMac, Answer::PlainReply)];
        assert_eq!(class(&beside), None);
        let lost = [(Asked::NoMac, Answer::Silence), (Asked::Valid, Answer::AuthenticatedReply)];
        assert_eq!(class(&lost), Some(Class::Authenticates));
    }

    #[test]
    fn a_server_whose_key_is_another_than_ours_is_not_accused() {
        assert_eq!(class(&[(Asked::WrongSecret, Answer::BadMacReply)]), None);
        assert_eq!(class(&[(Asked::UnknownKey, Answer::BadMacReply)]), None);
        assert_eq!(class(&[(Asked::UntrustedKey, Answer::AuthenticatedReply)]), None);
    }

    #[test]
    fn a_server_that_answers_right_macs_alone_requires_authentication() {
        let silent = (Asked::NoMac, Answer::Silence);
        let exchanges = [silent, silent, (Asked::Valid, Answer::AuthenticatedReply)];
        assert_eq!(class(&exchanges), Some(Class::RequiresAuthentication));
        assert_eq!(class(&exchanges[2..]), Some(Class::Authenticates));
    }

    #[test]
    fn other_kinds_are_told_apart() {
        assert_eq!(class(&[(Asked::Valid, Answer::PlainReply)]), Some(Class::PlainReplyToMac));
        assert_eq!(class(&[(Asked::Valid, Answer::ZeroTrailer)]), Some(Class::ZeroTrailerToMac));
        assert_eq!(class(&[(Asked::WrongSecret, Answer::AuthenticatedReply)]), Some(Class::SignsAnything));
        assert_eq!(class(&[(Asked::NoMac, Answer::PlainReply)]), Some(Class::AnswersPlainly));
        assert_eq!(class(&[]), None);
        assert_eq!(class(&[(Asked::Other, Answer::OtherReply)]), None);
    }

    /// ntp.org's ntpd without any key, or with the key left out of `trustedkey`.
    #[test]
    fn refusing_a_mac_that_verifies_here_is_told() {
        let refused = [(Asked::NoMac, Answer::PlainReply), (Asked::Valid, Answer::CryptoNak)];
        assert_eq!(class(&refused), Some(Class::RefusesRightMac));
        let silent = (Asked::Valid, Answer::Silence);
        let answered = (Asked::NoMac, Answer::PlainReply);
        assert_eq!(class(&[answered, silent, silent]), Some(Class::RefusesRightMac));
        assert_eq!(class(&[answered, silent]), None, "once may be loss");
        assert_eq!(class(&[silent, silent, (Asked::NoMac, Answer::Kiss)]), None, "it limits");
        let one_key_refused = [(Asked::Valid, Answer::CryptoNak), (Asked::Valid, Answer::AuthenticatedReply)];
        assert_eq!(class(&one_key_refused), Some(Class::Authenticates));
    }

    #[test]
    fn a_forged_reply_does_not_set_the_class() {
        let signs = (Asked::Valid, Answer::AuthenticatedReply);
        assert_eq!(class(&[signs, (Asked::Valid, Answer::PlainReply)]), Some(Class::Authenticates));
        let plain = (Asked::WrongSecret, Answer::PlainReply);
        assert_eq!(class(&[signs, plain]), Some(Class::Authenticates));
        assert_eq!(class(&[signs, plain, plain]), Some(Class::PlainReplyToBadMac));
        let nak = (Asked::WrongSecret, Answer::CryptoNak);
        let mut silences = vec![(Asked::WrongSecret, Answer::Silence); 5];
        silences.push(nak);
        assert_eq!(class(&silences), None);
        assert_eq!(class(&silences[1..]), Some(Class::NakOnBadMac));
    }

    #[test]
    fn silence_towards_everyone_is_loss() {
        let mut exchanges = vec![(Asked::NoMac, Answer::Silence); 9];
        exchanges.extend([(Asked::WrongSecret, Answer::Silence); 2]);
        exchanges.push((Asked::NoMac, Answer::PlainReply));
        assert_eq!(class(&exchanges), None);
        exchanges.extend([(Asked::Valid, Answer::Silence); 2]);
        assert_eq!(class(&exchanges), None);
    }

    #[test]
    fn a_kiss_signed_before_verifying_is_no_signature_of_a_reply() {
        // ntp.org with `limited kod` signs RATE whatever the MAC was.
        let exchanges = [(Asked::WrongSecret, Answer::Kiss), (Asked::WrongSecret, Answer::CryptoNak)];
        assert_eq!(class(&exchanges), Some(Class::NakOnBadMac));
    }

    #[test]
    fn silence_of_a_server_that_limits_is_no_refusal() {
        let exchanges = [
            (Asked::WrongSecret, Answer::Kiss),
            (Asked::WrongSecret, Answer::Silence),
            (Asked::Valid, Answer::AuthenticatedReply),
        ];
        assert_eq!(class(&exchanges), Some(Class::Authenticates));
    }
}
