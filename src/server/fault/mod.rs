//! The server that misbehaves on command: faults in its replies, for testing clients.
//!
//! Everything but the fault is right: a wrong header is signed rightly, and a wrong MAC stands behind a right header.
//! The same seed and the same requests give the same octets.
//!
//! ```text
//!  plan -> Draft | Silence -> decision faults -> Draft -> header, field and mac faults -> written and signed
//!                                                                                            |
//!                   Dispatch, Dispatch, ... <- delivery faults <- cut, filled up <- damage to the MAC
//! ```
//!
//! The shell calls [`Faults::answer`] for each request. It calls [`Faults::unasked`] after each, and at the time that
//! [`Faults::next_unasked`] gives, for what is sent by itself.

mod change;
mod choice;
mod context;
mod deciding;
mod delivery;
mod error;
mod header;
mod keys;
mod random;
mod recent;
pub mod scenario;
mod scope;
mod sending;
mod spec;
mod table;
mod together;
mod unasked;
mod value;
mod writing;

use std::time::Duration;

use crate::auth::Keyring;

use super::decision::{Decision, Silence};
use super::responder::{Planned, plan};
use super::{Clock, Policy};

pub use error::FaultError;
pub use scenario::{Scenario, ScenarioError};
pub use scope::{Scope, Selectors, Span};
pub use sending::{Dispatch, Outcome, Request, Source, Unasked};
pub use spec::{Fault, Offset, Parameter, Parameters};
pub use table::{FaultKind, Group, Row, list};
pub use together::check_together;
pub use value::{Form, HeaderField, Reason, Value};

use choice::Case;
use context::Context;
use delivery::Memory;
use header::Frozen;
use keys::Signers;
use random::Random;
use scope::{Counter, Seen, key_of};

/// The faults of a server, with what they count and remember.
#[derive(Debug)]
pub struct Faults<'k> {
    signers: Signers<'k>,
    faults: Vec<Armed>,
    seed: u64,
    memory: Memory,
    /// Until when nobody is answered.
    hung: Duration,
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
        Faults { signers, faults: Vec::new(), seed, memory, hung: Duration::ZERO }.with(faults)
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

    /// When something is to be sent by itself next: when [`Faults::unasked`] is to be called at the latest.
    /// Perhaps sooner, after each request.
    pub fn next_unasked(&self) -> Option<Duration> {
        let by_itself = self.faults.iter().filter(|armed| armed.fault.destination().is_some());
        let open = by_itself.filter(|armed| armed.fault.scope.to.is_none_or(|to| armed.due < to));
        open.map(|armed| armed.due).chain(self.memory.next_due()).min()
    }

    /// Decides on a request as a correct server does, and says what this one sends.
    pub fn answer(&mut self, policy: &Policy, clock: &dyn Clock, request: &Request<'_>) -> Outcome {
        let correct = plan(policy, self.signers.keyring(), request.question);
        if request.elapsed < self.hung {
            return Outcome::hung(correct.err());
        }
        let seen = self.see(&correct, request);
        self.hang(&seen);
        let Faults { signers, faults, memory, .. } = self;
        let context = Context { policy, signers, memory, request };
        let case = Case { correct: &correct, context };
        let chosen = choice::choose(faults, &case, &seen);
        let armed: Vec<&Armed> = chosen.iter().filter_map(|index| faults.get(*index)).collect();
        let planned = case.planned(&armed);
        if self.has(|_, scope| scope.request.repeats.is_some()) {
            let client = request.client.ip();
            self.memory.requests.remember(client, request.question.octets, request.question.arrival);
        }
        let planned = match planned {
            Err(silence) => return Outcome::silent(silence),
            Ok(planned) => planned,
        };
        let released = self.memory.release(request.client, request.elapsed);
        let outcome = self.carry_out(policy, clock, request, &planned, &chosen, released);
        for index in chosen {
            if let Some(armed) = self.faults.get_mut(index) {
                armed.random.next();
            }
        }
        outcome
    }

    /// True when there is such a fault, in whatever reply.
    fn has(&self, is_such: impl Fn(FaultKind, &Scope) -> bool) -> bool {
        self.faults.iter().any(|armed| is_such(armed.fault.kind, &armed.fault.scope))
    }

    /// What there is to see of a request.
    fn see<'q>(&self, correct: &Result<Planned<'_>, Silence>, request: &Request<'q>) -> Seen<'q> {
        let octets = request.question.octets;
        let before = self.memory.requests.of(request.client.ip());
        let repeats = before.is_some_and(|before| before.octets == octets);
        let (elapsed, client) = (request.elapsed, request.client);
        Seen { elapsed, client, key: key_of(correct), octets, repeats }
    }

    /// Answers nobody from now on, if a fault wants that after such a datagram.
    fn hang(&mut self, seen: &Seen<'_>) {
        for armed in self.faults.iter_mut().filter(|armed| armed.fault.kind == FaultKind::Hang) {
            let scope = &armed.fault.scope;
            if scope.holds(seen) && armed.counter.counts(scope) {
                let delay = armed.fault.parameters.delay.unwrap_or(Duration::from_secs(5));
                self.hung = self.hung.max(seen.elapsed.saturating_add(delay));
            }
        }
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
        let remembers = self.has(|kind, _| matches!(kind, FaultKind::Replay | FaultKind::InterleaveAlways));
        let Faults { signers, faults, memory, .. } = self;
        let chosen: Vec<&Armed> = chosen.iter().filter_map(|index| faults.get(*index)).collect();
        let has = |kind| chosen.iter().any(|armed| armed.fault.kind == kind);
        let context = Context { policy, signers, memory, request };
        let (octets, left) = writing::write(&chosen, &context, &planned.draft, clock);
        let decision = match has(FaultKind::Drop) {
            true => Decision::Silence(Silence::Dropped),
            false => Decision::Answer(planned.answer(left)),
        };
        let client = request.client.ip();
        let earlier = memory.earlier(client, request.question.octets.len());
        let octets = earlier.filter(|_| has(FaultKind::Replay)).map_or(octets, <[u8]>::to_vec);
        // What was never sent is nothing that anybody could have recorded.
        if remembers && !has(FaultKind::Replay) && !has(FaultKind::Drop) {
            memory.replies.remember(client, &octets, left);
        }
        if has(FaultKind::FrozenClock) {
            memory.frozen.get_or_insert(Frozen::at(&planned.draft.header));
        }
        let mut dispatches = delivery::deliver(&chosen, memory, request, octets, decision);
        let after = dispatches.iter().map(|dispatch| dispatch.after).max().unwrap_or_default();
        dispatches.extend(released.into_iter().map(|held| Dispatch { after, ..held }));
        let beside = chosen.iter().filter(|armed| armed.fault.kind == FaultKind::Unsolicited);
        dispatches
            .extend(beside.map(|armed| unasked::beside(armed, policy, signers, &planned.draft.tail, clock)));
        Outcome { decision, faults: chosen.iter().map(|armed| armed.fault.name()).collect(), dispatches }
    }

    /// What is to be sent by itself: broadcasts, replies that nobody asked for, and replies that were held back.
    pub fn unasked(&mut self, elapsed: Duration, policy: &Policy, clock: &dyn Clock) -> Vec<Unasked> {
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
