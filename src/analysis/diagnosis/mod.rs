//! Why a MAC is wrong: recomputing it under a bounded list of other hypotheses.
//!
//! Only what matches is told. A match takes 8 octets of digest at least, so a guess that hits by chance is one in
//! 2^64 for each hypothesis. What a message and a run may cost is fixed by constants here.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use crate::auth::KeyId;
use crate::auth::algorithm::TRUNCATED_LENGTH;
use crate::auth::keyring::{Keyring, Keyrings};
use crate::net::Datagram;
use crate::ntp::header::{Mode, Version};
use crate::ntp::message::Message;

use super::analyzer::Judged;
use super::verdict::{Reason, Status, Verdict};

mod attempt;
mod code;
mod evidence;
mod pattern;
mod plan;
mod reading;
mod search;
mod transform;

#[cfg(test)]
mod tests;

pub use attempt::FEWEST_OCTETS;
pub use code::{Code, Codes, page};
pub use evidence::{Diagnosis, Explanation, Limit, MOST_EDITS, MOST_EXPLANATIONS, Tried};
pub use pattern::{Pattern, PatternCode, Patterns};

use attempt::{Attempt, Budget};
use evidence::{Clause, Edits};
use plan::Shelf;
use search::Claim;

/// Digests that one message costs at most.
pub const MOST_DIGESTS: u32 = 4_096;

/// Octets of messages that are hashed for one message at most.
pub const MOST_OCTETS: usize = 2 << 20;

/// Digests that a run costs at most, those of hypotheses that are known to match apart.
pub const MOST_DIGESTS_OF_RUN: u64 = 1 << 21;

/// Digests that a message is said to cost at least, for making its hypotheses ready.
const LEAST_COST: u32 = 256;

/// Messages of one sender under one key ID for which everything is tried, match or not. Of those after them, one is
/// tried after twice as many each time: the first ones may be forged.
pub const FAILURES_OF_SENDER: u64 = 3;

/// Senders under one key ID for which everything is tried without a match.
pub const FAILING_SENDERS: usize = 4;

/// Pairs of server and key ID that are remembered, each direction apart.
pub const MOST_PAIRS: usize = 1_024;

/// Matching hypotheses that are remembered for a pair.
const MOST_KNOWN: usize = 6;

fn whole_budget() -> Budget {
    Budget { digests: MOST_DIGESTS, octets: MOST_OCTETS }
}

/// The MACs to explain, unless there is nothing to explain.
fn claims<'a>(message: &Message<'a>, verdict: &Verdict<'a, '_>) -> Option<Vec<Claim<'a>>> {
    let is_wrong = match verdict.status {
        Status::Invalid | Status::UnknownKey => true,
        Status::UntrustedKey => verdict.digest_matches == Some(false),
        Status::Unverifiable => verdict.reason == Some(Reason::GuessedKey),
        Status::Malformed => matches!(verdict.reason, Some(Reason::Trailer(_))),
        _ => false,
    };
    Some(search::claims(message, verdict)).filter(|claims| is_wrong && !claims.is_empty())
}

/// A right digest of more than 20 octets in version 4: RFC 7822 leaves no room for it, and no server answers it.
fn not_truncated<'k>(message: &Message<'_>, verdict: &Verdict<'_, 'k>) -> Option<Diagnosis<'k>> {
    let is_right = verdict.status == Status::Valid || verdict.digest_matches == Some(true);
    let is_time = matches!(message, Message::Time(_)) && message.version() >= Version::FOUR;
    let sent = verdict.digest().map(<[u8]>::len).filter(|sent| *sent > TRUNCATED_LENGTH)?;
    let clause =
        Clause::Number("the digest is right, but all of its {} octets are sent", u32::try_from(sent).ok()?);
    let edits = Edits::default().and(Code::DigestNotTruncated, clause)?;
    let (candidate, file) = verdict.candidate.zip(verdict.key_file).filter(|_| is_right && is_time)?;
    let algorithm = candidate.key.algorithm();
    let mut diagnosis = Diagnosis::untold(Tried::default());
    diagnosis.add(Explanation { edits, candidate, file, algorithm, matching_octets: sent });
    Some(diagnosis)
}

/// Explains one message of a run whatever the others were: all is tried, and nothing is remembered.
///
/// `keys` are those that it was judged by. `None` when its MAC needs no explanation.
pub fn diagnose_alone<'k>(judged: &Judged<'_, 'k>, keys: &'k Keyrings) -> Option<Diagnosis<'k>> {
    let (server, client) = judged.server_and_client();
    let has_judged = |keyring: &&Keyring| {
        let candidate = judged.verdict.candidate;
        candidate.is_none_or(|key| keyring.lookup(key.key.id()).iter().any(|known| std::ptr::eq(known, key)))
    };
    let keyring = keys.for_message(server, client).find(has_judged).unwrap_or(keys.default_keyring());
    Diagnoser::new(keys).diagnose(&judged.datagram, judged.message.as_ref()?, &judged.verdict, keyring)
}

/// Explains the messages of a run, at a cost that does not grow with their number.
///
/// What matched for a server and key ID is tried first for the next message; where everything was tried in vain often
/// enough, nothing more is.
pub struct Diagnoser<'k> {
    shelves: Vec<Shelf<'k>>,
    pairs: HashMap<Pair, Memory<'k>>,
    /// The pairs in the order in which they came; the oldest is forgotten.
    order: VecDeque<Pair>,
    left: u64,
    digests: u64,
}

/// Whose messages are expected to have the same fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Pair {
    server: IpAddr,
    key_id: KeyId,
    to_server: bool,
}

/// What is remembered of a pair.
#[derive(Default)]
struct Memory<'k> {
    known: Vec<Attempt<'k>>,
    /// Senders whose messages nothing explained, and the number of their messages since the first of them.
    failures: Vec<(IpAddr, u64)>,
}

impl<'k> Diagnoser<'k> {
    /// Starts with these keys.
    pub fn new(keys: &'k Keyrings) -> Diagnoser<'k> {
        Diagnoser {
            shelves: keys.iter().map(|(_, keyring)| Shelf::new(keyring)).collect(),
            pairs: HashMap::new(),
            order: VecDeque::new(),
            left: MOST_DIGESTS_OF_RUN,
            digests: 0,
        }
    }

    /// Digests that were computed so far.
    pub fn digests(&self) -> u64 {
        self.digests
    }

    /// Explains a message that was judged by `keyring`. `None` when its MAC needs no explanation.
    pub fn diagnose(
        &mut self,
        datagram: &Datagram<'_>,
        message: &Message<'_>,
        verdict: &Verdict<'_, 'k>,
        keyring: &'k Keyring,
    ) -> Option<Diagnosis<'k>> {
        if let Some(diagnosis) = not_truncated(message, verdict) {
            return Some(diagnosis);
        }
        let claims = claims(message, verdict)?;
        let (key_id, _) = claims.first()?;
        let pair = Pair::of(datagram, message, *key_id);
        self.remember(pair);
        let diagnosis = self.explain(pair, datagram.source.ip(), &claims, keyring)?;
        self.digests += u64::from(diagnosis.tried.digests);
        Some(diagnosis)
    }

    fn explain(
        &mut self,
        pair: Pair,
        sender: IpAddr,
        claims: &[Claim<'_>],
        keyring: &'k Keyring,
    ) -> Option<Diagnosis<'k>> {
        let memory = self.pairs.get_mut(&pair)?;
        let mut budget = whole_budget();
        if let Some(diagnosis) = search::try_again(&memory.known, claims, &mut budget) {
            return Some(diagnosis);
        }
        let for_known = MOST_DIGESTS - budget.digests;
        let limited =
            |limit| Diagnosis::untold(Tried { digests: for_known, limit: Some(limit), ..Tried::default() });
        if !memory.is_worth_trying(sender) {
            return Some(limited(Limit::NotTriedAgain));
        }
        if self.left == 0 {
            return Some(limited(Limit::Run));
        }
        let own = self.shelves.iter().find(|shelf| shelf.is_of(keyring))?;
        let mut found = search::search(claims, own, &self.shelves, &mut budget);
        let cost = found.diagnosis.tried.digests;
        self.left = self.left.saturating_sub(u64::from(cost.max(LEAST_COST)));
        found.diagnosis.tried.digests = cost + for_known;
        if found.attempts.is_empty() {
            memory.note_failure(sender);
        }
        let room = MOST_KNOWN.saturating_sub(memory.known.len());
        memory.known.extend(found.attempts.into_iter().take(room));
        Some(found.diagnosis)
    }

    fn remember(&mut self, pair: Pair) {
        if self.pairs.contains_key(&pair) {
            return;
        }
        if self.pairs.len() >= MOST_PAIRS
            && let Some(oldest) = self.order.pop_front()
        {
            self.pairs.remove(&oldest);
        }
        self.pairs.insert(pair, Memory::default());
        self.order.push_back(pair);
    }
}

impl Pair {
    fn of(datagram: &Datagram<'_>, message: &Message<'_>, key_id: KeyId) -> Pair {
        let to_server = is_to_server(message);
        let server = if to_server { datagram.destination } else { datagram.source };
        Pair { server: server.ip(), key_id, to_server }
    }
}

/// True for what a client sends. Peers count as servers.
fn is_to_server(message: &Message<'_>) -> bool {
    match message {
        Message::Time(time) => matches!(time.header.mode, Mode::Client | Mode::Reserved),
        Message::Control(control) => !control.response,
        Message::Private(private) => !private.response,
    }
}

impl Memory<'_> {
    /// Counts a message of a sender that has failed, and tells whether everything is tried for it.
    fn is_worth_trying(&mut self, sender: IpAddr) -> bool {
        match self.failures.iter_mut().find(|(known, _)| *known == sender) {
            Some((_, messages)) => {
                *messages = messages.saturating_add(1);
                *messages <= FAILURES_OF_SENDER || messages.is_power_of_two()
            }
            None => self.failures.len() < FAILING_SENDERS,
        }
    }

    fn note_failure(&mut self, sender: IpAddr) {
        if self.failures.iter().all(|(known, _)| *known != sender) {
            self.failures.push((sender, 1));
        }
    }
}
