//! Computing a digest as a hypothesis has it, and comparing it with the one that was sent.

use crate::auth::algorithm::{Digest, TRUNCATED_LENGTH};
use crate::auth::keyring::Candidate;
use crate::auth::{Algorithm, Key, Secret};
use crate::ntp::message::Message;
use crate::ntp::trailer::KEY_ID_LENGTH;
use crate::ntp::{control, header};

use super::code::Code;
use super::evidence::{Clause, Edits, Explanation};

/// Fewest octets of digest that prove anything.
pub const FEWEST_OCTETS: usize = 8;

/// The MAC that is to be explained.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target<'a> {
    pub(super) octets: &'a [u8],
    /// Octets before the key ID.
    pub(super) covered: usize,
    pub(super) digest: &'a [u8],
    /// Where the header of a time message ends.
    header_end: Option<usize>,
    /// Where the data of a control message end.
    data_end: Option<usize>,
}

impl<'a> Target<'a> {
    pub(super) fn new(message: &Message<'a>, covered: usize, digest: &'a [u8]) -> Target<'a> {
        let (header_end, data_end) = match message {
            Message::Time(_) => (Some(header::HEADER_LENGTH), None),
            Message::Control(message) => (None, Some(control::HEADER_LENGTH + usize::from(message.count))),
            Message::Private(_) => (None, None),
        };
        Target { octets: message.octets(), covered, digest, header_end, data_end }
    }
}

/// What the digest is computed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coverage {
    /// All before the key ID.
    Usual,
    /// The 48 octets of a time message's header, where extension fields follow it.
    HeaderOnly,
    /// The key ID too.
    WithKeyId,
    /// The data of a control message, filled up to a multiple of so many octets.
    PaddedTo(usize),
}

impl Coverage {
    /// The octets, where this is another part of the message than usual.
    pub(super) fn of<'a>(self, target: &Target<'a>) -> Option<&'a [u8]> {
        let end = match self {
            Coverage::Usual => return target.octets.get(..target.covered),
            Coverage::HeaderOnly => target.header_end,
            Coverage::WithKeyId => target.covered.checked_add(KEY_ID_LENGTH),
            Coverage::PaddedTo(multiple) => target.data_end.map(|end| end.next_multiple_of(multiple)),
        };
        target.octets.get(..end.filter(|end| *end != target.covered)?)
    }
}

/// How the secret is brought in.
pub(super) enum Computation<'k> {
    /// As the key file's program does it.
    AsRead(&'k Key),
    /// With another secret or algorithm.
    Keyed(Key),
    /// RFC 2104.
    Hmac { inner: Key, outer: Key },
    /// The hash of message and secret, in this order.
    Behind { hash: Key, secret: Secret },
}

impl Computation<'_> {
    /// Digests that it costs.
    fn cost(&self) -> u32 {
        if matches!(self, Computation::Hmac { .. }) { 2 } else { 1 }
    }

    pub(super) fn digest(&self, covered: &[u8]) -> Digest {
        match self {
            Computation::AsRead(key) => key.digest(covered),
            Computation::Keyed(key) => key.digest(covered),
            Computation::Hmac { inner, outer } => outer.digest(inner.digest(covered).as_octets()),
            Computation::Behind { hash, secret } => hash.digest(&[covered, secret.as_octets()].concat()),
        }
    }
}

/// One hypothesis, ready to be computed.
pub(super) struct Attempt<'k> {
    pub(super) change: Change<'k>,
    /// Others that come to the same digest, and so are as possible when it matches.
    pub(super) rivals: Vec<Change<'k>>,
    pub(super) algorithm: Algorithm,
    pub(super) computation: Computation<'k>,
    pub(super) coverage: Coverage,
}

/// What is otherwise, and the key whose line is to be looked at.
#[derive(Clone, Copy)]
pub(super) struct Change<'k> {
    pub(super) edits: Edits,
    pub(super) candidate: &'k Candidate,
    pub(super) file: &'k str,
}

/// What one message and one run may still cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    pub(super) digests: u32,
    pub(super) octets: usize,
}

/// What came of an attempt.
pub(super) enum Outcome<'k> {
    /// It does not apply to the message, or its digests are shorter than the one sent.
    NotComputed,
    /// It would have cost too much.
    TooDear,
    /// The digest is another.
    Differs,
    /// The digest is the one that was sent; at least one explanation.
    Matches(Vec<Explanation<'k>>),
}

impl<'k> Attempt<'k> {
    pub(super) fn new(
        change: Change<'k>,
        algorithm: Algorithm,
        computation: Computation<'k>,
        coverage: Coverage,
    ) -> Attempt<'k> {
        Attempt { change, rivals: Vec::new(), algorithm, computation, coverage }
    }

    /// Adds a change that comes to the same digest, unless it is of a kind that is known. The key as it is needs no
    /// change and has no rivals.
    pub(super) fn add_rival(&mut self, rival: Change<'k>) {
        let is_new = self.changes().all(|known| !known.edits.is_like(&rival.edits));
        if is_new && !self.change.edits.is_empty() {
            self.rivals.push(rival);
        }
    }

    /// The same for one that is to be told first.
    pub(super) fn add_likelier(&mut self, rival: Change<'k>) {
        if !self.change.edits.is_empty() {
            self.rivals.insert(0, std::mem::replace(&mut self.change, rival));
        }
    }

    /// Everything that comes to this digest, the likeliest first.
    pub(super) fn changes(&self) -> impl Iterator<Item = &Change<'k>> {
        std::iter::once(&self.change).chain(&self.rivals)
    }

    /// Computes and compares. Takes what it costs from the budget.
    pub(super) fn run(&self, target: &Target<'_>, budget: &mut Budget) -> Outcome<'k> {
        let Some(covered) = self.coverage.of(target).filter(|_| self.fits(target.digest)) else {
            return Outcome::NotComputed;
        };
        let octets = budget.octets.checked_sub(covered.len());
        let digests = budget.digests.checked_sub(self.computation.cost());
        let (Some(octets), Some(digests)) = (octets, digests) else { return Outcome::TooDear };
        *budget = Budget { digests, octets };
        let explanations = self.compare(self.computation.digest(covered).as_octets(), target.digest);
        if explanations.is_empty() { Outcome::Differs } else { Outcome::Matches(explanations) }
    }

    /// False where even a match would be one change too many.
    fn fits(&self, sent: &[u8]) -> bool {
        let one_more = self.change.edits.and(Code::DigestTruncated, Clause::Words("")).is_some();
        self.algorithm.allows_length(sent.len()) || one_more
    }

    /// The explanations, if the digest that was computed is the one that was sent. They do not allocate where not.
    pub(super) fn compare(&self, computed: &[u8], sent: &[u8]) -> Vec<Explanation<'k>> {
        if computed.first_chunk::<FEWEST_OCTETS>() != sent.first_chunk::<FEWEST_OCTETS>() {
            return Vec::new();
        }
        let agreeing = computed.iter().zip(sent).take_while(|(computed, sent)| computed == sent).count();
        let Some(shape) = self.shape(computed.len(), sent.len(), agreeing) else { return Vec::new() };
        let explanation = |change: &Change<'k>| {
            let edits = match shape {
                None => change.edits,
                Some((code, clause)) => change.edits.and(code, clause)?,
            };
            let Change { candidate, file, .. } = *change;
            let found =
                Explanation { edits, candidate, file, algorithm: self.algorithm, matching_octets: agreeing };
            (!edits.is_empty()).then_some(found)
        };
        self.changes().filter_map(explanation).collect()
    }

    /// How the sent digest's shape differs from what real programs send: `None` when it is another digest, `Some(None)`
    /// when it does not differ.
    fn shape(&self, whole: usize, sent: usize, agreeing: usize) -> Option<Option<(Code, Clause)>> {
        if agreeing == sent && self.algorithm.allows_length(sent) {
            return Some(None);
        }
        if agreeing == sent {
            return Some(Some((Code::DigestTruncated, Clause::Digest { sent, whole })));
        }
        let behind = u32::try_from(sent - agreeing).unwrap_or(u32::MAX);
        if agreeing >= whole.min(TRUNCATED_LENGTH) && sent > TRUNCATED_LENGTH && sent == whole {
            let clause = Clause::Number("its last {} octets, which are other ones, are left away", behind);
            return Some(Some((Code::DigestTailWrong, clause)));
        }
        if agreeing >= whole.min(TRUNCATED_LENGTH) && sent > whole.min(TRUNCATED_LENGTH) {
            let clause = Clause::Number("{} octets behind it are left away", behind);
            return Some(Some((Code::DigestPadded, clause)));
        }
        None
    }
}
