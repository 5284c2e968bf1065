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
mod choice;
mod delivery;
mod error;
mod keys;
mod random;
pub mod scenario;
mod scope;
mod sending;
mod spec;
mod table;
mod together;
mod unasked;
mod value;
mod writing;

use std::net::SocketAddr;
use std::time::Duration;

use crate::auth::Keyring;

use super::decision::{Decision, Silence};
use super::responder::{Planned, Question, plan};
use super::{Clock, Policy};

pub use error::FaultError;
pub use scenario::{Scenario, ScenarioError};
pub use scope::Scope;
pub use sending::{Dispatch, Outcome, Request, Sending, Source, Unasked};
pub use spec::{Fault, Offset, Parameter, Parameters};
pub use table::{FaultKind, Group, Row, list};
pub use together::check_together;

use choice::Case;
use delivery::Memory;
use keys::Signers;
use random::Random;
use scope::Counter;

/// The faults of a server, with what they count and remember.
#[derive(Debug)]
pub struct Faults<'k> {
    signers: Signers<'k>,
    faults: Vec<Armed>,
    seed: u64,
    memory: Memory,
    applied: Vec<&'static str>,
}

/// A fault with its counters and its random numbers.
#[derive(Debug)]
struct Armed {
    fault: Fault,
    counter: Counter,
    random: Random,
    /// When it sends by itself next.
    due: Duration,
}

impl<'k> Faults<'k> {
    /// Makes the faults ready, with the keys of the server. [`Fault::check`] tells beforehand whether there are the
    /// keys that they need; a fault without its keys does nothing.
    pub fn new(keys: &'k Keyring, faults: Vec<Fault>, seed: u64) -> Faults<'k> {
        let (signers, memory) = (Signers::new(keys, seed), Memory::default());
        Faults { signers, faults: Vec::new(), seed, memory, applied: Vec::new() }.with(faults)
    }

    /// Adds the faults of a scenario's phases.
    #[must_use]
    pub fn with_scenario(self, scenario: &Scenario) -> Faults<'k> {
        self.with(scenario.faults())
    }

    fn with(mut self, faults: impl IntoIterator<Item = Fault>) -> Faults<'k> {
        for fault in faults {
            let alike = self.faults.iter().filter(|armed| armed.fault.kind == fault.kind).count();
            let random = Random::of(self.seed, fault.name(), alike);
            let due = fault.scope.from;
            self.faults.push(Armed { fault, counter: Counter::default(), random, due });
        }
        self.faults.sort_by_key(|armed| armed.fault.kind);
        self
    }

    /// True when there are none: service is correct.
    pub fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }

    /// The names of the faults of the last request that [`Faults::respond`] decided on, as [`Outcome::faults`] has
    /// them.
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

    /// Decides on a request as a correct server does, and says what this one sends.
    pub fn answer(&mut self, policy: &Policy, clock: &dyn Clock, request: &Request<'_>) -> Outcome {
        let planned = match plan(policy, self.signers.keyring(), request.question) {
            Err(silence) => return Outcome::silent(silence),
            Ok(planned) => planned,
        };
        let Faults { signers, faults, memory, .. } = self;
        let chosen = choice::choose(faults, &Case { planned: &planned, signers, memory, request });
        let released = memory.release(request.client, request.elapsed);
        let outcome = self.carry_out(policy, clock, request, &planned, &chosen, released);
        for index in chosen {
            if let Some(armed) = self.faults.get_mut(index) {
                armed.random.next();
            }
        }
        outcome
    }

    /// Writes the reply with the faults that were chosen, and hands out what is sent: the reply as its delivery has
    /// it, then what was held back until now, then what nobody asked for.
    fn carry_out(
        &mut self,
        policy: &Policy,
        clock: &dyn Clock,
        request: &Request<'_>,
        planned: &Planned<'_>,
        chosen: &[usize],
        released: Vec<Dispatch>,
    ) -> Outcome {
        let Faults { signers, faults, memory, .. } = self;
        let chosen: Vec<&Armed> = chosen.iter().filter_map(|index| faults.get(*index)).collect();
        let has = |kind| chosen.iter().any(|armed| armed.fault.kind == kind);
        let (octets, left) = writing::write(&chosen, signers, &planned.draft, clock);
        let decision = match has(FaultKind::Drop) {
            true => Decision::Silence(Silence::Dropped),
            false => Decision::Answer(planned.answer(left)),
        };
        let earlier = memory.earlier(request.client.ip(), request.question.octets.len());
        let octets = earlier.filter(|_| has(FaultKind::Replay)).map_or(octets, <[u8]>::to_vec);
        // What was never sent is nothing that anybody could have recorded.
        let remembers = faults.iter().any(|armed| armed.fault.kind == FaultKind::Replay);
        if remembers && !has(FaultKind::Replay) && !has(FaultKind::Drop) {
            memory.remember(request.client.ip(), &octets);
        }
        let mut dispatches = delivery::deliver(&chosen, memory, request, octets, decision);
        let after = dispatches.iter().map(|dispatch| dispatch.after).max().unwrap_or_default();
        dispatches.extend(released.into_iter().map(|held| Dispatch { after, ..held }));
        let beside = chosen.iter().filter(|armed| armed.fault.kind == FaultKind::Unsolicited);
        dispatches
            .extend(beside.map(|armed| unasked::beside(armed, policy, signers, &planned.draft.tail, clock)));
        Outcome { decision, faults: chosen.iter().map(|armed| armed.fault.name()).collect(), dispatches }
    }

    /// Decides on a request as [`Faults::answer`] does, and writes to `sendings` what is sent, without what is known
    /// of it. `keys` are those that the faults were made ready with.
    #[expect(clippy::too_many_arguments, reason = "kept for callers from before `Faults::answer`")]
    pub fn respond(
        &mut self,
        policy: &Policy,
        _keys: &'k Keyring,
        question: &Question<'_>,
        client: SocketAddr,
        clock: &dyn Clock,
        elapsed: Duration,
        sendings: &mut Vec<Sending>,
    ) -> Decision {
        let Outcome { decision, faults, dispatches } =
            self.answer(policy, clock, &Request { question, client, elapsed });
        self.applied = faults;
        sendings.clear();
        let sending = |Dispatch { octets, after, source, .. }| Sending { octets, after, source };
        sendings.extend(dispatches.into_iter().map(sending));
        decision
    }

    /// What is to be sent by itself: broadcasts, replies that nobody asked for, and replies that were held back.
    /// `keys` are those that the faults were made ready with.
    pub fn unasked(
        &mut self,
        elapsed: Duration,
        policy: &Policy,
        _keys: &'k Keyring,
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
                all.push(unasked::by_itself(armed, destination, policy, &self.signers, clock));
                armed.random.next();
            }
        }
        all
    }
}
