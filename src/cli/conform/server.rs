//! `ntpcap conform server`: the cases over UDP.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::auth::{Algorithm, KeyId, Keyring};
use crate::conformance::{Context, Pace, Runner, Settings};
use crate::probe::udp::{self, Options};

use super::super::args::conform::ServerRunArguments;
use super::super::exit::{CliError, Exit};
use super::super::hosts::{self, Wanted};
use super::super::interrupt::Interrupt;
use super::super::traffic::Capture;
use super::super::{keys, say};
use super::alone::Alone;
use super::baselines;
use super::results::Results;

/// `ntpcap conform server`.
///
/// # Errors
/// Whatever keeps it from asking, or from writing its results.
pub(super) fn server(arguments: &ServerRunArguments) -> Result<Exit, CliError> {
    let interrupt = Interrupt::catch()?;
    let cases = super::selection(&arguments.selection).cases()?;
    let wanted = Wanted { source: arguments.source, ..Wanted::default() };
    let (addresses, _) = hosts::resolve(&arguments.host, wanted)?;
    let none = || CliError::NoSuchAddress { host: arguments.host.clone() };
    let target = *addresses.first().ok_or_else(none)?;
    can_send_from(arguments.source)?;
    let (ring, read) = read_keys(arguments, target)?;
    let baseline = arguments.report.baseline.iter().filter(|name| !baselines::is_known(name));
    let inputs: Vec<PathBuf> = read.iter().cloned().chain(baseline.map(PathBuf::from)).collect();
    let given = given_keys(arguments, &ring)?;
    let report = &arguments.report;
    let results = Results::open(report, &inputs, arguments.pcap.as_deref(), &interrupt)?;
    let is_alone = report.quiet || report.output.is_some();
    let command = ("ntpcap conform", inputs.as_slice());
    let capture = Capture::create(arguments.pcap.as_deref(), report.force, is_alone, command, &interrupt)?;
    let context = Context::new(Arc::new(ring), given, seed()).of(target);
    let Some(runner) = run(arguments, cases, target, context, &capture, &interrupt)? else {
        return Ok(Exit::Interrupted);
    };
    capture.finish()?;
    let exit = results.finish(&runner, &arguments.host, &alone(arguments, &read))?;
    Ok(if interrupt.is_set() { Exit::Interrupted } else { exit })
}

/// Runs the cases, to the end or until the user wishes to end.
fn run(
    arguments: &ServerRunArguments,
    cases: Vec<&'static crate::conformance::Case>,
    target: SocketAddr,
    context: Context,
    capture: &Capture,
    interrupt: &Interrupt,
) -> Result<Option<Runner>, CliError> {
    let pace = Pace { wait: arguments.timeout, interval: arguments.interval, tries: arguments.tries };
    let runner = Runner::new(Settings { cases, pace }, context);
    let options = Options {
        source: arguments.source,
        source_port: None,
        spacing: Duration::ZERO,
        at_once: usize::MAX,
        connected: false,
    };
    let mut ended = None;
    let stop = || interrupt.is_set() || capture.has_failed();
    udp::run([(target, runner)], options, capture.observer(), stop, |runner| ended = Some(runner))?;
    if let Some(runner) = ended.as_mut().filter(|_| interrupt.is_set()) {
        runner.abandon("interrupted");
    }
    Ok(ended)
}

/// Nobody guesses the random values.
pub(super) fn seed() -> u64 {
    RandomState::new().hash_one("conform")
}

/// The keys, and the files that were read for them; none where no file is named.
fn read_keys(
    arguments: &ServerRunArguments,
    target: SocketAddr,
) -> Result<(Keyring, Vec<PathBuf>), CliError> {
    let names_keys = !arguments.keys.files.is_empty() || arguments.keys.conf.is_some();
    let is_quiet = arguments.report.quiet;
    if !names_keys && arguments.key.is_empty() && !keys::are_in_environment() {
        if !is_quiet {
            say("note: no key file was named, nor by NTPCAP_KEYS, so no case asks with a key");
        }
        return Ok((Keyring::new(), Vec::new()));
    }
    let loaded = keys::load(&arguments.keys, false)?;
    if !is_quiet {
        let found = if names_keys { Vec::new() } else { loaded.labels() };
        found.iter().for_each(|label| say(&format!("note: keys from {label}")));
        loaded.warnings.iter().for_each(|warning| say(&format!("warning: {warning}")));
    }
    Ok((loaded.rings.into_keyring_of(target.ip()), loaded.read))
}

/// The keys to ask with: those that are named, or the first trusted one of each algorithm.
fn given_keys(arguments: &ServerRunArguments, ring: &Keyring) -> Result<Vec<KeyId>, CliError> {
    let known: Vec<KeyId> = ring.candidates().map(|candidate| candidate.key.id()).collect();
    let named: Vec<KeyId> = arguments.key.iter().copied().map(KeyId).collect();
    if let Some(key_id) = named.iter().find(|key_id| !known.contains(key_id)) {
        return Err(CliError::UnknownKey { key_id: *key_id, known });
    }
    Ok(if named.is_empty() { one_of_each(ring) } else { named })
}

/// The first trusted key of each algorithm.
pub(super) fn one_of_each(ring: &Keyring) -> Vec<KeyId> {
    let mut algorithms: BTreeSet<Algorithm> = BTreeSet::new();
    let trusted = ring.candidates().map(|candidate| &candidate.key).filter(|key| ring.is_trusted(key.id()));
    trusted.filter(|key| algorithms.insert(key.algorithm())).map(crate::auth::Key::id).collect()
}

/// Opens a socket there, before anything is asked.
fn can_send_from(source: Option<IpAddr>) -> Result<(), CliError> {
    let Some(address) = source else { return Ok(()) };
    let bound = UdpSocket::bind(SocketAddr::new(address, 0));
    bound.map(drop).map_err(|error| CliError::Source { address, error })
}

/// The command that runs cases alone. `read` are the files of keys.
fn alone(arguments: &ServerRunArguments, read: &[PathBuf]) -> Alone {
    let mut alone = Alone::new("server");
    alone.word(&arguments.host);
    alone.keys(&arguments.keys, read);
    arguments.key.iter().for_each(|key_id| alone.option("--key", &key_id.to_string()));
    arguments.source.iter().for_each(|source| alone.option("--source", &source.to_string()));
    alone.time("--interval", arguments.interval, INTERVAL);
    alone.time("--timeout", arguments.timeout, TIMEOUT);
    if arguments.tries != TRIES {
        alone.option("--tries", &arguments.tries.to_string());
    }
    alone.judging(&arguments.report);
    alone
}

/// What `--interval`, `--timeout` and `--tries` are where they are not given.
const INTERVAL: Duration = Duration::from_millis(20);
const TIMEOUT: Duration = Duration::from_millis(500);
const TRIES: u32 = 3;
