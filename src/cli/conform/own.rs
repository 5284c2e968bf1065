//! `ntpcap conform self`: the cases against the reference server in this program.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, SystemTime};
use std::{io, thread};

use crate::auth::Keyring;
use crate::auth::keyfile::{self, Dialect};
use crate::conformance::{Case, Context, Pace, Runner, Settings};
use crate::probe::in_process::{self, Arrival, What};
use crate::probe::udp as client;
use crate::server::clock::Deviation;
use crate::server::fault::{Dispatch, Source};
use crate::server::udp::{Exchange, Observer, Sent, Server, Service};
use crate::server::{Clients, Fault, Faults, Habit, InProcess, Policy, SystemClock};

use super::super::args::conform::SelfRunArguments;
use super::super::exit::{CliError, Exit};
use super::super::interrupt::Interrupt;
use super::alone::Alone;
use super::results::Results;
use super::server::{one_of_each, seed};

/// A key of every algorithm that servers know, made for this: nothing else is protected by them.
const KEYS: &str = "\
1 MD5 conform-self-key-1
2 SHA1 conform-self-key-2
3 SHA256 conform-self-key-3
4 SHA384 conform-self-key-4
5 SHA512 conform-self-key-5
7 AES-128 6e7470636170636f6e666f726d373737
9 AES-256 6e7470636170636f6e666f726d3939396e7470636170636f6e666f726d393939
";

/// How far the ends are from each other in process.
const WAY: Duration = Duration::from_millis(1);

/// Where the server and its client seem to be in process.
const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 123);
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));
const FIRST_PORT: u16 = 40_000;

/// `ntpcap conform self`.
///
/// # Errors
/// Whatever keeps it from running, or from writing its results.
pub(super) fn own(arguments: &SelfRunArguments) -> Result<Exit, CliError> {
    let interrupt = Interrupt::catch()?;
    let cases = super::selection(&arguments.selection).cases()?;
    let keys = own_keys();
    let faults: Vec<Fault> = arguments.fault.iter().map(|given| given.fault.clone()).collect();
    for fault in &faults {
        fault.check(&keys).map_err(CliError::Fault)?;
    }
    let results = Results::open(&arguments.report, &[], None, &interrupt)?;
    let runner = match arguments.udp {
        true => run_over_udp(cases, arguments.like, &faults, &keys, &interrupt)?,
        false => run_in_process(cases, arguments.like, &faults, &keys),
    };
    let exit = results.finish(&runner, arguments.like.name, &alone(arguments))?;
    Ok(if interrupt.is_set() { Exit::Interrupted } else { exit })
}

fn alone(arguments: &SelfRunArguments) -> Alone {
    let mut alone = Alone::new("self");
    alone.option("--like", arguments.like.name);
    if arguments.udp {
        alone.word("--udp");
    }
    arguments.fault.iter().for_each(|given| alone.option("--fault", &given.text));
    alone.judging(&arguments.report);
    alone
}

/// The keys of both sides.
pub(super) fn own_keys() -> Keyring {
    let mut keys = Keyring::new();
    keys.add("the program's own keys", keyfile::read(KEYS.as_bytes(), Dialect::Ntpsec));
    keys
}

fn runner(cases: Vec<&'static Case>, pace: Pace, target: SocketAddr, seed: u64) -> Runner {
    let keys = own_keys();
    let given = one_of_each(&keys);
    Runner::new(Settings { cases, pace }, Context::new(Arc::new(keys), given, seed).of(target))
}

/// A server with those habits and faults, which remembers replies where it knows interleaved mode.
fn clients(policy: &Policy) -> Clients {
    Clients::new(Vec::new(), None, policy.interleaved)
}

/// Runs the cases against a function, in no time.
pub(super) fn run_in_process(
    cases: Vec<&'static Case>,
    habit: &'static Habit,
    faults: &[Fault],
    keys: &Keyring,
) -> Runner {
    let policy = Policy::new(habit);
    let clients = clients(&policy);
    let mut server = InProcess::new(policy, clients, Faults::new(keys, faults.to_vec(), 1));
    let pace = Pace { wait: Duration::from_secs(1), interval: Duration::from_millis(20), tries: 3 };
    let mut runner = runner(cases, pace, SERVER, 1);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    in_process::run(&mut runner, now, |sending, now| {
        let port = FIRST_PORT.saturating_add(u16::try_from(sending.port).unwrap_or(0));
        let dispatches = server.answer(&sending.octets, SocketAddr::new(CLIENT, port), now + WAY);
        dispatches.into_iter().map(|dispatch| arrival(dispatch, sending.port)).collect()
    });
    runner
}

fn arrival(dispatch: Dispatch, port: usize) -> Arrival {
    let source = match dispatch.source {
        Source::Asked => SERVER,
        Source::OtherPort => SocketAddr::new(SERVER.ip(), SERVER.port() + 1),
        Source::OtherAddress => SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 3)), SERVER.port()),
    };
    Arrival { after: 2 * WAY + dispatch.after, port, what: What::Datagram(source, dispatch.octets) }
}

/// Runs the cases against a server of this process, over loopback.
fn run_over_udp(
    cases: Vec<&'static Case>,
    habit: &'static Habit,
    faults: &[Fault],
    keys: &Keyring,
    interrupt: &Interrupt,
) -> Result<Runner, CliError> {
    let policy = Policy::new(habit);
    let clients = clients(&policy);
    let mut server = Server::listen(&[SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0)], 1)?;
    if !faults.is_empty() {
        server.expect_faults(false)?;
    }
    let target = server.addresses().first().copied().unwrap_or(SERVER);
    // Nothing is lost on the way, and nothing takes long.
    let pace = Pace { wait: Duration::from_millis(40), interval: Duration::ZERO, tries: 2 };
    let runner = runner(cases, pace, target, seed());
    let (clock, is_over) = (SystemClock::new(Deviation::default(), 1), AtomicBool::new(false));
    let stop = || is_over.load(Ordering::Relaxed) || interrupt.is_set();
    let service =
        Service { policy: &policy, keys, clients: &clients, clock: &clock, observer: &Nobody, stop: &stop };
    let faults = Faults::new(keys, faults.to_vec(), 1);
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        let server = scope.spawn(move || server.run(service, faults));
        let options = client::Options {
            source: None,
            source_port: None,
            spacing: Duration::ZERO,
            at_once: usize::MAX,
            connected: false,
        };
        let asked = client::run(
            [(target, runner)],
            options,
            None,
            || interrupt.is_set(),
            |runner| {
                // The other end is held until below.
                let _ = sender.send(runner);
            },
        );
        is_over.store(true, Ordering::Relaxed);
        asked?;
        server.join().unwrap_or(Err(io::ErrorKind::Other.into()))?;
        let mut runner = receiver.try_recv().map_err(|_| CliError::Interrupted)?;
        if interrupt.is_set() {
            runner.abandon("interrupted");
        }
        Ok(runner)
    })
}

/// Takes note of nothing.
struct Nobody;

impl Observer for Nobody {
    fn exchange(&self, _: &Exchange<'_>) -> io::Result<()> {
        Ok(())
    }

    fn sent(&self, _: &Sent<'_>) -> io::Result<()> {
        Ok(())
    }

    fn idle(&self) -> io::Result<()> {
        Ok(())
    }
}
