//! `ntpcap serve`: the reference server.

mod faults;
pub(super) mod recorder;
mod scribe;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Instant;

use crate::auth::{Candidate, Keyring, Keyrings};
use crate::report::model::Counts as NamedCounts;
use crate::report::serve::{self, ListeningRecord, ServeRecord, ServedRecord};
use crate::server::clock::Deviation;
use crate::server::udp::{ListenError, Server, Service};
use crate::server::{Clients, Counts, Policy, System, SystemClock, Treatment};

use super::args::serve::{BehaviourArguments, ServeArguments};
use super::exit::{CliError, Exit};
use super::interrupt::{Interrupt, Signal};
use super::{confinement, keys, say};
use recorder::Outputs;

/// What is listened on where nothing else is said: this host alone, and a port for which nobody needs to be root.
const DEFAULT_PORT: u16 = 11_123;

/// Ports from here on need no rights.
const FIRST_UNPRIVILEGED_PORT: u16 = 1024;

/// `ntpcap serve`.
///
/// # Errors
/// Whatever keeps it from listening, from reading its keys, or from writing its records.
pub(super) fn serve(arguments: &ServeArguments) -> Result<Exit, CliError> {
    if arguments.faults.list_faults {
        return faults::list(&mut io::stdout().lock(), arguments.result.json);
    }
    let interrupt = Interrupt::catch()?.or_hangup()?;
    let (keys, mut inputs) = read_keys(arguments)?;
    inputs.extend(arguments.faults.scenario.clone());
    let (faults, is_elsewhere) =
        faults::read(&arguments.faults, keys.default_keyring(), arguments.time.seed)?;
    let policy = policy(&arguments.behaviour);
    if !arguments.result.quiet {
        let without_effect = without_effect(arguments, &policy, keys.default_keyring());
        without_effect.iter().for_each(|warning| say(&format!("warning: {warning}")));
    }
    let mut server = listen(arguments, !faults.is_empty())?;
    if !faults.is_empty() {
        server.expect_faults(is_elsewhere)?;
    }
    let outputs = Outputs::open(&arguments.result, &inputs, &interrupt)?;
    confine(arguments, &server)?;
    // Its threads begin behind that, to be confined too.
    let recorder = outputs.start();
    tell(arguments, |output, json| listening(&server, output, json))?;
    let (time, begin) = (&arguments.time, Instant::now());
    let deviation = Deviation { offset: time.offset, drift: time.drift, jitter: time.jitter };
    let is_over = || {
        let is_late = arguments.duration.is_some_and(|duration| begin.elapsed() >= duration);
        is_late || interrupt.is_set()
    };
    let service = Service {
        policy: &policy,
        keys: keys.default_keyring(),
        clients: &clients(arguments, &policy),
        clock: &SystemClock::new(deviation, time.seed),
        observer: &recorder,
        stop: &is_over,
    };
    let counts = server.run(service, faults);
    let (lost, failures) = recorder.finish();
    let is_stalled = |failure: &CliError| matches!(failure, CliError::RecordsStalled { .. });
    let may_tell = !is_log_standard_output(arguments) || !failures.iter().any(is_stalled);
    if let Some(counts) = counts.as_ref().ok().filter(|_| may_tell) {
        tell(arguments, |output, json| summary(counts, lost, output, json))?;
    }
    if let Some(failure) = failures.into_iter().next() {
        return Err(failure);
    }
    counts?;
    Ok(match interrupt.signal() {
        Some(Signal::Interrupt) => Exit::Interrupted,
        Some(Signal::Terminate) | None => Exit::Fine,
    })
}

/// The keys that are asked for, and the files that were read for them. Without any, time is served all the same.
fn read_keys(arguments: &ServeArguments) -> Result<(Keyrings, Vec<PathBuf>), CliError> {
    let Some(loaded) = keys::load_for_server(&arguments.keys.to_key_arguments())? else {
        return Ok((Keyrings::new(), Vec::new()));
    };
    if !arguments.result.quiet {
        loaded.warnings.iter().for_each(|warning| say(&format!("warning: {warning}")));
    }
    Ok((loaded.rings, loaded.read))
}

fn policy(arguments: &BehaviourArguments) -> Policy {
    let system = if arguments.unsynchronised { System::unsynchronised() } else { System::default() };
    Policy {
        system: System {
            leap_indicator: arguments.leap.unwrap_or(system.leap_indicator),
            stratum: arguments.stratum.unwrap_or(system.stratum),
            reference_id: arguments.reference_id.unwrap_or(system.reference_id),
            precision: arguments.precision.unwrap_or(system.precision),
            root_delay: arguments.root_delay.unwrap_or(system.root_delay),
            root_dispersion: arguments.root_dispersion.unwrap_or(system.root_dispersion),
        },
        requires_authentication: arguments.require_authentication,
        interleaved: !arguments.no_interleaved,
        answers_version_5: arguments.answer_version_5,
        ..Policy::new(arguments.like)
    }
}

/// What was asked for and changes nothing, or leaves nothing to be answered.
fn without_effect(arguments: &ServeArguments, policy: &Policy, keys: &Keyring) -> Vec<String> {
    let (given, name) = (&arguments.keys, policy.habit.name);
    let mut warnings = Vec::new();
    if policy.answers_nothing() {
        warnings.push(format!("--require-authentication: {name} looks at no MAC, so nothing is answered"));
    }
    let has_keys = keys.candidates().next().is_some();
    if has_keys && !policy.verifies() {
        warnings.push(format!("keys have no effect: {name} verifies no MAC"));
    } else if given.trusted.is_some() && !policy.heeds_trust() {
        warnings.push(format!("--trusted has no effect: {name} trusts every key"));
    } else if given.trusted.is_some() && !keys.candidates().any(|known| keys.is_trusted(known.key.id())) {
        warnings.push("--trusted: there is none of these keys, so no key is trusted".to_owned());
    }
    warnings.extend(defined_twice(keys));
    warnings
}

/// The first key that two files have, as the second file may be meant to replace the first.
fn defined_twice(keys: &Keyring) -> Option<String> {
    let first = |known: &Candidate| keys.lookup(known.key.id()).first().map(|first| first.source);
    let twice = keys.candidates().find(|known| first(known).is_some_and(|first| first != known.source))?;
    let label =
        |source: usize| keys.sources().get(source).map(|source| source.label.as_str()).unwrap_or_default();
    let (one, other) = (label(first(twice)?), label(twice.source));
    Some(format!("key {}: is in {one} and in {other}; either is accepted", twice.key.id()))
}

/// Where several rules hold for a client, the strictest one does.
fn clients(arguments: &ServeArguments, policy: &Policy) -> Clients {
    let access = &arguments.access;
    let rule = |treatment| move |range: &_| (*range, treatment);
    let rules = access.ignore.iter().map(rule(Treatment::Ignore));
    let rules = rules.chain(access.deny.iter().map(rule(Treatment::Kiss(*b"DENY"))));
    let rules = rules.chain(access.restrict.iter().map(rule(Treatment::Kiss(*b"RSTR"))));
    Clients::new(rules.collect(), access.rate_limit, policy.interleaved && policy.habit.interleaves)
        .with_readers(access.control.clone())
}

fn listen(arguments: &ServeArguments, has_faults: bool) -> Result<Server, CliError> {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    // Faults count requests, so that one thread must see them all.
    let threads = if has_faults { 1 } else { arguments.threads.map_or_else(cores, usize::from) };
    refuse_listening_twice(&arguments.listen)?;
    if !arguments.listen.is_empty() {
        return Ok(Server::listen(&arguments.listen, threads)?);
    }
    let v4 = SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT));
    let both = [v4, SocketAddr::from((Ipv6Addr::LOCALHOST, DEFAULT_PORT))];
    match Server::listen(&both, threads) {
        // A host without IPv6 is served by the other address.
        Err(ListenError { address, error }) if address.is_ipv6() && !is_in_use(&error) => {
            Ok(Server::listen(&[v4], threads)?)
        }
        other => Ok(other?),
    }
}

/// The system would say that another program listens there.
fn refuse_listening_twice(addresses: &[SocketAddr]) -> Result<(), CliError> {
    for (index, address) in addresses.iter().enumerate() {
        let overlaps = |other: &&SocketAddr| {
            let any = address.ip().is_unspecified() || other.ip().is_unspecified();
            address == *other
                || (any && address.is_ipv4() == other.is_ipv4() && address.port() == other.port())
        };
        let mut before = addresses.iter().take(index).filter(|other| other.port() != 0);
        if let Some(other) = before.find(overlaps) {
            return Err(CliError::ListenTwice { address: *address, other: *other });
        }
    }
    Ok(())
}

fn is_in_use(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrInUse
}

/// Gives up what is no longer needed. All files are open by now.
fn confine(arguments: &ServeArguments, server: &Server) -> Result<(), CliError> {
    let is_privileged = |address: &SocketAddr| address.port() < FIRST_UNPRIVILEGED_PORT;
    let needed_rights = server.addresses().iter().any(is_privileged);
    if let Some(user) = confinement::user(arguments.user.as_deref(), needed_rights)? {
        confinement::become_user(&user)?;
    }
    confinement::leave_files();
    Ok(())
}

/// Tells the user something on standard output: in JSON where the rest is, or that is asked for.
fn tell(
    arguments: &ServeArguments,
    write: impl FnOnce(&mut dyn Write, bool) -> io::Result<()>,
) -> Result<(), CliError> {
    let result = &arguments.result;
    if !result.quiet {
        let mut output = io::stdout().lock();
        write(&mut output, result.json || is_log_standard_output(arguments))?;
        output.flush()?;
    }
    Ok(())
}

fn is_log_standard_output(arguments: &ServeArguments) -> bool {
    recorder::is_standard_output(arguments.result.log.as_deref())
}

fn listening(server: &Server, mut output: &mut dyn Write, json: bool) -> io::Result<()> {
    for address in server.addresses() {
        if json {
            let (address, port) = (address.ip().to_string(), address.port());
            serve::write(&mut output, &ServeRecord::Listening(ListeningRecord { address, port }))?;
        } else {
            writeln!(output, "listening on {address}")?;
        }
    }
    Ok(())
}

fn summary(counts: &Counts, unrecorded: u64, mut output: &mut dyn Write, json: bool) -> io::Result<()> {
    let named = |counts: &BTreeMap<&'static str, u64>| {
        NamedCounts(counts.iter().map(|(name, count)| (Cow::Borrowed(*name), *count)).collect())
    };
    let (answers, silences) = (named(&counts.answers), named(&counts.silences));
    let record = ServedRecord::new(counts.requests, answers, silences, counts.interleaved, counts.unsent);
    let record = ServedRecord { unrecorded, ..record };
    if json {
        serve::write(&mut output, &ServeRecord::Summary(record))
    } else {
        record.write_text(&mut output)
    }
}
