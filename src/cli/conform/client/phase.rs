//! Serves the client in one way for a while, and asks what it believes.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::auth::Keyring;
use crate::conformance::client::{
    Belief, Evidence, FaultTest, Phase, PhaseKind, Reader, Source as Told, passive,
};
use crate::server::clock::Deviation;
use crate::server::fault::{Source, check_together};
use crate::server::habit::NTPCAP;
use crate::server::udp::{Server, Service};
use crate::server::{Clients, Fault, Faults, Policy, SystemClock};

use super::super::super::args::conform::client::ClientRunArguments;
use super::super::super::exit::CliError;
use super::super::super::interrupt::Interrupt;
use super::asking;
use super::process::Process;
use super::starter::{Filling, Starter};
use super::watch::Watch;

/// How often it is looked whether a phase is over.
const STEP: Duration = Duration::from_millis(100);

/// How often a client that goes on is asked what it believes.
const LOOK: Duration = Duration::from_secs(1);

/// Between the reply that is recorded and the client that gets it again.
const AGE: Duration = Duration::from_millis(2500);

/// After the last request of a phase, the reply has so long to be taken.
const SETTLE: Duration = Duration::from_millis(500);

/// What is needed to serve a client and to ask about it.
pub(super) struct Bench<'a> {
    pub(super) arguments: &'a ClientRunArguments,
    pub(super) keys: &'a Keyring,
    pub(super) addresses: &'a [SocketAddr],
    pub(super) filling: &'a Filling,
    pub(super) starter: Option<&'a Starter>,
    pub(super) watch: &'a Watch,
    pub(super) interrupt: &'a Interrupt,
}

/// How a phase is served.
pub(super) struct Plan<'p> {
    /// What is said of each packet of it.
    pub(super) step: &'p str,
    pub(super) kind: PhaseKind,
    /// The faults, and their texts.
    pub(super) faults: Vec<Fault>,
    pub(super) specs: Vec<String>,
    /// How far the server's clock is off.
    pub(super) clock: Duration,
    /// How far the time is off that is told, in seconds.
    pub(super) shift: f64,
    pub(super) primed: bool,
    /// Whether a right client has the right time at the end.
    pub(super) believes: bool,
}

impl Plan<'_> {
    /// Right service.
    pub(super) fn correct(step: &str) -> Plan<'_> {
        Plan {
            step,
            kind: PhaseKind::Correct,
            faults: Vec::new(),
            specs: Vec::new(),
            clock: Duration::ZERO,
            shift: 0.0,
            primed: false,
            believes: true,
        }
    }
}

/// The faults of a case, when there is all that they need.
///
/// # Errors
/// What is missing, in words.
pub(super) fn faults(
    test: &FaultTest,
    bench: &Bench<'_>,
    means: &crate::conformance::client::Means,
) -> Result<(Vec<Fault>, Vec<String>), String> {
    let specs = test.faults(means).map_err(|lacking| lacking.0.to_owned())?;
    let faults = specs.iter().map(|spec| Fault::parse(spec)).collect::<Result<Vec<_>, _>>();
    let faults = faults.map_err(|wrong| wrong.to_string())?;
    faults.iter().try_for_each(|fault| fault.check(bench.keys)).map_err(|wrong| wrong.to_string())?;
    check_together(&faults).map_err(|wrong| wrong.to_string())?;
    Ok((faults, specs))
}

impl Bench<'_> {
    /// Serves the client as planned until the phase is over.
    ///
    /// # Errors
    /// Those of listening, of starting the client, and of writing captures.
    pub(super) fn run(&self, plan: &Plan<'_>) -> Result<Phase, CliError> {
        self.watch.begin(&format!("step={} served={}", plan.step, plan.kind.name()));
        let mut server = Server::listen(self.addresses, 1)?;
        let is_elsewhere =
            plan.faults.iter().any(|fault| fault.parameters.source == Some(Source::OtherAddress));
        if !plan.faults.is_empty() {
            server.expect_faults(is_elsewhere)?;
        }
        let policy = Policy::new(&NTPCAP);
        let clients = Clients::new(Vec::new(), None, policy.interleaved);
        let offset = Deviation::units(plan.clock).unwrap_or_default();
        let clock = SystemClock::new(Deviation { offset, ..Deviation::default() }, 1);
        let is_over = AtomicBool::new(false);
        let stop = || is_over.load(Ordering::Relaxed);
        let service = Service {
            policy: &policy,
            keys: self.keys,
            clients: &clients,
            clock: &clock,
            observer: self.watch,
            stop: &stop,
        };
        let faults = Faults::new(self.keys, plan.faults.clone(), 1);
        thread::scope(|scope| {
            let served = scope.spawn(|| server.run(service, faults));
            let evidence = self.attend(plan);
            is_over.store(true, Ordering::Relaxed);
            served.join().unwrap_or(Err(io::ErrorKind::Other.into()))?;
            Ok(self.phase(plan, evidence?))
        })
    }

    fn phase(&self, plan: &Plan<'_>, evidence: Vec<Evidence>) -> Phase {
        let (requests, replies) = self.watch.seen();
        let (kind, faults, shift) = (plan.kind, plan.specs.clone(), plan.shift);
        Phase { kind, faults, shift, requests, replies, evidence }
    }

    /// Has the client ask, and tells what it believes at the end.
    fn attend(&self, plan: &Plan<'_>) -> Result<Vec<Evidence>, CliError> {
        let Some(starter) = self.starter else { return Ok(self.attend_device(plan)) };
        if plan.primed {
            let mut client = starter.start(self.filling)?;
            self.until_over(plan, Some(&mut client));
            client.stop();
            thread::sleep(AGE);
            self.watch.begin(&format!("step={} served={}", plan.step, plan.kind.name()));
        }
        let mut client = starter.start(self.filling)?;
        let known = self.until_over(plan, Some(&mut client));
        let mut evidence = known.unwrap_or_else(|| self.look(plan));
        let end = client.stop();
        if starter.reader != Reader::Nothing
            || matches!(end, crate::conformance::client::reader::End::Signal(_))
        {
            let (belief, detail) = starter.reader.read(&client.output(), end);
            evidence.push(Evidence { source: Told::Output, belief, detail });
        }
        Ok(evidence)
    }

    /// A client that somebody else has started goes on through all phases.
    fn attend_device(&self, plan: &Plan<'_>) -> Vec<Evidence> {
        self.until_over(plan, None).unwrap_or_else(|| self.look(plan))
    }

    /// Waits until the client has ended or enough was seen; what it believes where that was looked at already.
    fn until_over(&self, plan: &Plan<'_>, mut client: Option<&mut Process>) -> Option<Vec<Evidence>> {
        let (begin, mut looked) = (Instant::now(), Instant::now());
        let enough = usize::try_from(self.arguments.serving.requests).unwrap_or(usize::MAX);
        while begin.elapsed() < self.arguments.serving.wait && !self.interrupt.is_set() {
            if let Some(client) = client.as_deref_mut() {
                if client.wait(STEP, || self.interrupt.is_set()).is_some() {
                    return None;
                }
            } else {
                thread::sleep(STEP);
            }
            let requests = self.watch.requests();
            if self.is_one_shot() || requests < 2 || looked.elapsed() < LOOK {
                continue;
            }
            looked = Instant::now();
            if plan.believes && !self.asks_human() {
                let evidence = self.look(plan);
                if evidence.iter().any(|told| matches!(told.belief, Belief::Synchronised(_))) {
                    return Some(evidence);
                }
            } else if requests >= enough {
                thread::sleep(SETTLE);
                return None;
            }
        }
        None
    }

    /// True for a client that ends by itself and says what it has.
    fn is_one_shot(&self) -> bool {
        self.starter.is_some_and(|starter| starter.reader != Reader::Nothing)
    }

    fn asks_human(&self) -> bool {
        self.arguments.believing.ask_human
    }

    /// What is told of the client's belief at the moment, but for its output.
    fn look(&self, plan: &Plan<'_>) -> Vec<Evidence> {
        let requests = passive::evidence(&self.phase(plan, Vec::new()));
        let mut evidence = vec![requests];
        evidence.extend(asking::evidence(&self.arguments.believing, self.filling, plan.step));
        evidence
    }
}
