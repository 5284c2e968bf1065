//! The server that misbehaves on command: faults in its replies, for testing clients.
//!
//! Everything but the fault is right: a wrong header is signed rightly, and a wrong MAC stands behind a right header.
//! The same seed and the same requests give the same octets.
//!
//! ```text
//!  plan -> Draft -> header, field and mac faults -> written and signed -> damage to the MAC
//!                                                        |
//!                                    delivery faults -> Sending, Sending, ...
//! ```
//!
//! The shell calls [`Faults::respond`] for each request. It calls [`Faults::unasked`] after each, and at the time that
//! [`Faults::next_unasked`] gives, for what is sent by itself.

mod change;
mod delivery;
mod error;
mod keys;
mod random;
pub mod scenario;
mod scope;
mod spec;
mod table;
mod unasked;
mod value;

use std::net::SocketAddr;
use std::time::Duration;

use crate::auth::{KeyId, Keyring};
use crate::ntp::NtpTimestamp;
use crate::ntp::header::Version;

use super::decision::{AnswerKind, Decision, Refusal, Silence};
use super::responder::{Planned, Question, plan};
use super::{Clock, Draft, DraftTail, Policy};

pub use error::FaultError;
pub use scenario::{Scenario, ScenarioError};
pub use scope::Scope;
pub use spec::{Fault, Offset, Parameter, Parameters};
pub use table::{FaultKind, Group, Row, list};

use delivery::Memory;
use keys::Replacements;
use random::Random;
use scope::{Counter, Seen};

/// The faults of a server, with what they count and remember.
#[derive(Debug)]
pub struct Faults<'k> {
    keys: &'k Keyring,
    faults: Vec<Armed<'k>>,
    random: Random,
    memory: Memory,
    applied: Vec<&'static str>,
}

/// A fault with its keys and counters.
#[derive(Debug)]
struct Armed<'k> {
    fault: Fault,
    replacements: Replacements<'k>,
    counter: Counter,
    /// When it sends by itself next.
    due: Duration,
}

/// A datagram to send to the client that asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sending {
    /// Its octets.
    pub octets: Vec<u8>,
    /// How long to wait before it is sent. Those that wait equally long are sent in their order.
    pub after: Duration,
    /// Where it is sent from.
    pub source: Source,
}

impl Sending {
    fn later(&self, delay: Duration) -> Sending {
        Sending { after: self.after.saturating_add(delay), ..self.clone() }
    }
}

/// Where a datagram is sent from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The address and port that the request was sent to.
    Asked,
    /// Another port of that address.
    OtherPort,
    /// Another address of the server.
    OtherAddress,
}

/// A datagram that is sent by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unasked {
    /// Where it is sent.
    pub destination: SocketAddr,
    /// Its octets.
    pub octets: Vec<u8>,
}

/// A request, as faults see it.
struct Request<'q> {
    question: &'q Question<'q>,
    client: SocketAddr,
    elapsed: Duration,
}

impl<'k> Faults<'k> {
    /// Makes the faults ready, with the keys that they sign with. [`Fault::check`] tells beforehand whether there
    /// are the keys; a fault without its keys does nothing.
    pub fn new(keys: &'k Keyring, faults: Vec<Fault>, seed: u64) -> Faults<'k> {
        let memory = Memory::default();
        let none =
            Faults { keys, faults: Vec::new(), random: Random::new(seed), memory, applied: Vec::new() };
        none.with(faults)
    }

    /// Adds the faults of a scenario's phases.
    #[must_use]
    pub fn with_scenario(self, scenario: &Scenario) -> Faults<'k> {
        self.with(scenario.faults())
    }

    fn with(mut self, faults: impl IntoIterator<Item = Fault>) -> Faults<'k> {
        for fault in faults {
            let replacements = Replacements::new(&fault, self.keys, &mut self.random);
            let due = fault.scope.from;
            self.faults.push(Armed { fault, replacements, counter: Counter::default(), due });
        }
        self.faults.sort_by_key(|armed| armed.fault.kind);
        self
    }

    /// True when there are none: service is correct.
    pub fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }

    /// The names of the faults in the replies to the last request, in the order in which they applied.
    pub fn applied(&self) -> &[&'static str] {
        &self.applied
    }

    /// When something is to be sent by itself next: when [`Faults::unasked`] is to be called at the latest.
    /// Perhaps sooner, after each request.
    pub fn next_unasked(&self) -> Option<Duration> {
        let by_itself = self.faults.iter().filter(|armed| armed.fault.destination().is_some());
        let open = by_itself.filter(|armed| armed.fault.scope.to.is_none_or(|to| armed.due < to));
        open.map(|armed| armed.due).chain(self.memory.next_due()).min()
    }

    /// Decides on a request as a correct server does, and writes to `sendings` what this one sends.
    ///
    /// The decision is the correct server's but for a reply that is dropped; [`Faults::applied`] says what is wrong
    /// with what is sent. `elapsed` is the time since the server's start.
    #[expect(clippy::too_many_arguments, reason = "all that a server knows of a request")]
    pub fn respond(
        &mut self,
        policy: &Policy,
        keys: &'k Keyring,
        question: &Question<'_>,
        client: SocketAddr,
        clock: &dyn Clock,
        elapsed: Duration,
        sendings: &mut Vec<Sending>,
    ) -> Decision {
        sendings.clear();
        self.applied.clear();
        let planned = match plan(policy, keys, question) {
            Err(silence) => return Decision::Silence(silence),
            Ok(planned) => planned,
        };
        let request = Request { question, client, elapsed };
        let chosen = self.choose(&planned, keys, &request);
        let Faults { faults, random, memory, applied, .. } = self;
        let chosen: Vec<&Armed<'k>> = chosen.into_iter().filter_map(|index| faults.get(index)).collect();
        applied.extend(chosen.iter().map(|armed| armed.fault.name()));
        let (octets, left) = write(&chosen, keys, random, planned.draft.clone(), clock);
        let released = memory.release(client, elapsed);
        let remembers = faults.iter().any(|armed| armed.fault.kind == FaultKind::Replay);
        send(&chosen, memory, &request, octets, remembers, sendings);
        let after = sendings.iter().map(|sending| sending.after).max().unwrap_or_default();
        let behind = released.into_iter().map(|octets| Sending { octets, after, source: Source::Asked });
        sendings.extend(behind);
        for armed in chosen.iter().filter(|armed| armed.fault.kind == FaultKind::Unsolicited) {
            let key = unasked::key_beside(&armed.fault, keys, &planned.draft.tail);
            let octets = unasked::message(&armed.fault, policy, key, random, clock);
            let source = armed.fault.parameters.source.unwrap_or(Source::OtherPort);
            sendings.push(Sending { octets, after: Duration::ZERO, source });
        }
        match chosen.iter().any(|armed| armed.fault.kind == FaultKind::Drop) {
            true => Decision::Silence(Silence::Dropped),
            false => Decision::Answer(planned.answer(left)),
        }
    }

    /// What is to be sent by itself: broadcasts, replies that nobody asked for, and replies that were held back.
    pub fn unasked(
        &mut self,
        elapsed: Duration,
        policy: &Policy,
        keys: &'k Keyring,
        clock: &dyn Clock,
    ) -> Vec<Unasked> {
        let mut all: Vec<Unasked> = self.memory.overdue(elapsed).collect();
        for armed in &mut self.faults {
            let Some(destination) = armed.fault.destination() else { continue };
            if elapsed < armed.due || !armed.fault.scope.is_open(elapsed) {
                continue;
            }
            armed.due = elapsed.saturating_add(armed.fault.interval());
            if armed.counter.counts(&armed.fault.scope) {
                let key = unasked::key_by_itself(&armed.fault, keys);
                let octets = unasked::message(&armed.fault, policy, key, &mut self.random, clock);
                all.push(Unasked { destination, octets });
            }
        }
        all
    }

    /// The faults that apply to a reply. Those that do not fit it are not counted.
    fn choose(&mut self, planned: &Planned<'_>, keys: &Keyring, request: &Request<'_>) -> Vec<usize> {
        let seen = Seen { elapsed: request.elapsed, client: request.client.ip(), key: key_of(planned.kind) };
        let mut chosen = Vec::new();
        for (index, armed) in self.faults.iter_mut().enumerate() {
            let fits = armed.fault.scope.holds(&seen) && fits(armed, &self.memory, planned, keys, request);
            if fits && armed.counter.counts(&armed.fault.scope) {
                chosen.push(index);
            }
        }
        chosen
    }
}

/// The key ID of the request that a reply answers.
fn key_of(kind: AnswerKind) -> Option<KeyId> {
    match kind {
        AnswerKind::Authenticated(key_id) => Some(key_id),
        AnswerKind::CryptoNak(
            Refusal::WrongDigest(key_id) | Refusal::UnknownKey(key_id) | Refusal::UntrustedKey(key_id),
        ) => Some(key_id),
        AnswerKind::Kiss { signed, .. } => signed,
        AnswerKind::Plain
        | AnswerKind::ZeroTrailer
        | AnswerKind::Control
        | AnswerKind::CryptoNak(Refusal::FieldsWithoutMac) => None,
    }
}

/// True when a fault can be had in that reply.
fn fits(
    armed: &Armed<'_>,
    memory: &Memory,
    planned: &Planned<'_>,
    keys: &Keyring,
    request: &Request<'_>,
) -> bool {
    const NAK_LENGTH: usize = 52;
    let key = match planned.draft.tail {
        DraftTail::Mac { key, .. } => Some(key),
        _ => None,
    };
    let has_fields = planned.draft.header.version >= Version::FOUR;
    let client = request.client.ip();
    let length = request.question.octets.len();
    match armed.fault.kind {
        FaultKind::FieldUnknown | FaultKind::FieldShort | FaultKind::FieldOverlong | FaultKind::Oversize => {
            has_fields
        }
        FaultKind::MacOverHeaderOnly => has_fields && key.is_some(),
        FaultKind::OtherAlgorithm | FaultKind::WrongKey | FaultKind::OtherKeyId => {
            key.is_some_and(|key| armed.replacements.of(key).is_some())
        }
        FaultKind::KeyIdZero
        | FaultKind::StripMac
        | FaultKind::ZeroMac
        | FaultKind::FlipBit
        | FaultKind::TruncateMac
        | FaultKind::PadMac => key.is_some(),
        FaultKind::AddMac => {
            let is_plain = matches!(planned.draft.tail, DraftTail::Nothing);
            is_plain && keys::signing_key(&armed.fault, keys).is_some()
        }
        FaultKind::Nak | FaultKind::NakWrongOrigin => length >= NAK_LENGTH,
        FaultKind::Replay => memory.earlier(client, length).is_some(),
        FaultKind::Reorder => memory.may_hold(client),
        FaultKind::Unsolicited | FaultKind::Broadcast | FaultKind::Multicast => {
            armed.fault.destination().is_none()
        }
        _ => true,
    }
}

/// A clock that tells a wrong time.
struct WrongClock<'c> {
    right: &'c dyn Clock,
    offset: Offset,
}

impl Clock for WrongClock<'_> {
    fn now(&self) -> NtpTimestamp {
        self.offset.of(self.right.now())
    }
}

/// Writes a reply with what is wrong in it, and gives the time at which it leaves, by the right clock.
fn write<'d>(
    chosen: &[&'d Armed<'_>],
    keys: &'d Keyring,
    random: &mut Random,
    mut draft: Draft<'d>,
    clock: &dyn Clock,
) -> (Vec<u8>, NtpTimestamp) {
    for armed in chosen {
        change::change(&armed.fault, &armed.replacements, keys, random, &mut draft);
    }
    let wrong_times = chosen.iter().filter(|armed| armed.fault.kind == FaultKind::WrongTime);
    let offsets = wrong_times.map(|armed| change::offset_of(&armed.fault).0);
    let offset = Offset(offsets.fold(0, i64::wrapping_add));
    let mut octets = Vec::new();
    let left = offset.undone(draft.write(&WrongClock { right: clock, offset }, &mut octets));
    for armed in chosen {
        change::damage(&armed.fault, random, draft.fields.len(), &mut octets);
    }
    (octets, left)
}

/// Sends a reply as the delivery faults among `chosen` have it.
fn send(
    chosen: &[&Armed<'_>],
    memory: &mut Memory,
    request: &Request<'_>,
    octets: Vec<u8>,
    remembers: bool,
    sendings: &mut Vec<Sending>,
) {
    let client = request.client;
    let has = |kind| chosen.iter().any(|armed| armed.fault.kind == kind);
    let is_replay = has(FaultKind::Replay);
    let earlier = memory.earlier(client.ip(), request.question.octets.len()).filter(|_| is_replay);
    let octets = earlier.map_or(octets, <[u8]>::to_vec);
    // What was never sent is nothing that anybody could have recorded.
    if remembers && !is_replay && !has(FaultKind::Drop) {
        memory.remember(client.ip(), &octets);
    }
    sendings.push(Sending { octets, after: Duration::ZERO, source: Source::Asked });
    for armed in chosen {
        deliver(&armed.fault, memory, request, sendings);
    }
}

fn deliver(fault: &Fault, memory: &mut Memory, request: &Request<'_>, sendings: &mut Vec<Sending>) {
    if fault.kind == FaultKind::Reorder {
        let wait = fault.parameters.delay.unwrap_or(Duration::from_secs(1));
        memory.hold(request.client, sendings, request.elapsed.saturating_add(wait));
    } else {
        delivery::deliver(fault, sendings);
    }
}
