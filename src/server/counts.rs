//! How many requests came, and what became of them.

use std::collections::BTreeMap;

use super::decision::{AnswerKind, Decision, Refusal, Silence};

/// Counts of requests and decisions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests that came.
    pub requests: u64,
    /// Replies by their kind ([`AnswerKind::name`]).
    pub answers: BTreeMap<&'static str, u64>,
    /// Requests that were not answered, by the reason ([`Silence::name`]).
    pub silences: BTreeMap<&'static str, u64>,
    /// Replies that tell when the reply before them left; they are among the answers too.
    pub interleaved: u64,
    /// Replies that the system did not send.
    pub unsent: u64,
}

impl Counts {
    /// Counts a request and what was decided on it.
    pub fn add(&mut self, decision: &Decision) {
        self.requests += 1;
        match decision {
            Decision::Answer(answer) => {
                *self.answers.entry(answer.kind.name()).or_default() += 1;
                self.interleaved += u64::from(answer.interleaved);
            }
            Decision::Silence(silence) => *self.silences.entry(silence.name()).or_default() += 1,
        }
    }

    /// Adds the counts of another thread.
    pub fn merge(&mut self, other: &Counts) {
        self.requests += other.requests;
        self.interleaved += other.interleaved;
        self.unsent += other.unsent;
        for (mine, theirs) in [(&mut self.answers, &other.answers), (&mut self.silences, &other.silences)] {
            theirs.iter().for_each(|(name, count)| *mine.entry(name).or_default() += count);
        }
    }
}

impl Refusal {
    /// The word in logs.
    pub fn name(self) -> &'static str {
        match self {
            Refusal::WrongDigest(_) => "wrong-digest",
            Refusal::UnknownKey(_) => "unknown-key",
            Refusal::UntrustedKey(_) => "untrusted-key",
            Refusal::FieldsWithoutMac => "fields-without-mac",
        }
    }
}

impl Silence {
    /// The word in logs.
    pub fn name(self) -> &'static str {
        match self {
            Silence::TooShort(_) => "too-short",
            Silence::Version(_) => "version",
            Silence::Mode(_) => "mode",
            Silence::Trailer => "trailer",
            Silence::CryptoNak => "crypto-nak",
            Silence::NoMac => "no-mac",
            Silence::Refused(refusal) => refusal.name(),
            Silence::Peer => "peer",
            Silence::Ignored => "ignored",
            Silence::Dropped => "dropped",
        }
    }
}

impl Decision {
    /// Why: what the reply is worth, or why there is none. One sentence without a full stop.
    pub fn reason(&self) -> String {
        match self {
            Decision::Silence(silence) => silence.to_string(),
            Decision::Answer(answer) => match answer.kind {
                AnswerKind::Plain => "the request has no MAC that is looked at".to_owned(),
                AnswerKind::Authenticated(key_id) => format!("the MAC verifies with key {key_id}"),
                AnswerKind::CryptoNak(refusal) => refusal.to_string(),
                AnswerKind::Control => "the client may read by control messages".to_owned(),
                AnswerKind::ZeroTrailer => "MACs are not looked at, and zeros come back for them".to_owned(),
                AnswerKind::Kiss { code: [b'R', b'A', b'T', b'E'], .. } => {
                    "the client asks too often".to_owned()
                }
                AnswerKind::Kiss { .. } => "the client is not welcome".to_owned(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_kind_and_by_reason() {
        let silence = Decision::Silence(Silence::TooShort(3));
        let mut counts = Counts::default();
        counts.add(&silence);
        counts.add(&silence);
        let mut all = Counts::default();
        all.merge(&counts);
        all.merge(&counts);
        assert_eq!((all.requests, all.silences.get("too-short")), (4, Some(&4)));
        assert!(all.answers.is_empty());
    }
}
