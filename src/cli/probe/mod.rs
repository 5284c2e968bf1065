//! `ntpcap probe`: asks servers what they do with keys.

mod results;
mod targets;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::analysis::survey::{Extent, Pacing, Settings, Stop, Survey};
use crate::auth::{KeyId, Keyring, Keyrings};
use crate::probe::udp::{self, Observer, Options};

use super::args::probe::{ProbeArguments, ProbeFormat};
use super::exit::{CliError, Exit};
use super::interrupt::Interrupt;
use super::progress::Progress;
use super::traffic::Capture;
use super::{inputs, keys, say};
use results::Results;
use targets::Target;

/// Files that are open beside the sockets: standard streams, the capture, those of the runtime.
const OTHER_FILES: u64 = 32;

/// `ntpcap probe`.
///
/// # Errors
/// Whatever keeps it from knowing whom to ask for what, or from writing its results. A plug-in says that itself, on the line
/// that is read of it.
pub(super) fn probe(arguments: &ProbeArguments) -> Result<Exit, CliError> {
    match ask(arguments) {
        Err(error) if arguments.result.style == Some(ProbeFormat::Nagios) && !error.is_closed_pipe() => {
            results::tell_unknown(&error)
        }
        ended => ended,
    }
}

/// True when arguments that make no sense are those of a plug-in.
pub(super) fn is_plugin(arguments: impl Iterator<Item = String>) -> bool {
    let arguments: Vec<String> = arguments.collect();
    let names_format = |two: &[String]| matches!(two, [one, other] if one == "--format" && other == "nagios");
    arguments.get(1).is_some_and(|command| command == "probe")
        && (arguments.windows(2).any(names_format) || arguments.iter().any(|one| one == "--format=nagios"))
}

/// What a plug-in says of arguments that make no sense.
pub(super) fn refuse_as_plugin() -> Exit {
    results::tell_unknown(&CliError::Arguments).unwrap_or(Exit::Failed)
}

fn ask(arguments: &ProbeArguments) -> Result<Exit, CliError> {
    let interrupt = Interrupt::catch()?;
    let (targets, unknown) = targets::targets(arguments)?;
    let (keys, mut inputs) = read_keys(arguments)?;
    let keys = Arc::new(keys);
    let surveys = surveys(arguments, &targets, &keys)?;
    unknown.iter().for_each(|error| say(&format!("error: {error}")));
    let at_once =
        usize::try_from(inputs::allow_many_files().saturating_sub(OTHER_FILES)).unwrap_or(usize::MAX);
    if arguments.asking.dry_run {
        return results::tell_plan(arguments, &surveys, at_once);
    }
    inputs.extend(arguments.targets.clone());
    let result = &arguments.result;
    let command = ("ntpcap probe", inputs.as_slice());
    let capture = Capture::create(result.pcap.as_deref(), result.force, result.quiet, command, &interrupt)?;
    let mut results = Results::new(&arguments.result, &targets);
    let longest = results::longest(arguments, &surveys, at_once);
    let progress = Progress::new(targets.len(), longest, is_shown(arguments));
    // Nobody reads on, or nothing can be kept: there is no sense in asking on.
    let is_vain = Cell::new(false);
    let (mut failed, mut could_not_ask) = (None, false);
    udp::run(
        surveys,
        options(arguments, at_once),
        Some(observer(&capture, &progress)),
        || interrupt.is_set() || is_vain.get() || capture.has_failed(),
        |survey| {
            let outcome = survey.outcome();
            if let Some(Stop::Failed(reason)) = &outcome.stopped {
                progress.aside(|| say(&format!("error: {}: cannot ask: {reason}", outcome.target)));
                could_not_ask = true;
            }
            if failed.is_none() {
                failed = progress.aside(|| results.take(&outcome)).err();
                is_vain.set(failed.is_some());
            }
            progress.done();
        },
    )?;
    progress.end();
    let kept = capture.finish();
    if arguments.result.style == Some(ProbeFormat::Nagios) && kept.is_err() {
        // A plug-in has one line.
        return kept.map(|()| Exit::Failed);
    }
    let exit = match failed {
        Some(error) => Err(error.into()),
        None => results.finish(&unknown, interrupt.is_set()).map_err(CliError::from),
    };
    kept?;
    Ok(match exit? {
        Exit::Plugin(code) => Exit::Plugin(code),
        _ if interrupt.is_set() => Exit::Interrupted,
        _ if could_not_ask || !unknown.is_empty() => Exit::Failed,
        exit => exit,
    })
}

/// What is asked of each target.
fn surveys(
    arguments: &ProbeArguments,
    targets: &[Target],
    keys: &Arc<Keyrings>,
) -> Result<Vec<(SocketAddr, Survey)>, CliError> {
    let asked = asked_keys(arguments, keys)?;
    let surveys = targets.iter().map(|target| {
        let asked = keys_for(target.address, &asked, arguments, keys)?;
        Ok((target.address, Survey::new(settings(arguments, target, &asked), Arc::clone(keys))))
    });
    surveys.collect()
}

/// What sees every datagram.
fn observer(capture: &Capture, progress: &Progress) -> Observer {
    let (writing, progress) = (capture.observer(), progress.clone());
    Box::new(move |passing| {
        if passing.is_ours {
            progress.sent();
        }
        if let Some(writing) = &writing {
            writing(passing);
        }
    })
}

/// Progress is of no use beside a stream of results on the same terminal, and unwanted where nothing is to be said.
fn is_shown(arguments: &ProbeArguments) -> bool {
    let is_stream = arguments.result.ndjson && io::stdout().is_terminal();
    !arguments.result.quiet && !is_stream && io::stderr().is_terminal()
}

fn options(arguments: &ProbeArguments, at_once: usize) -> Options {
    let asking = &arguments.asking;
    let (source, source_port) = (asking.source, asking.source_port);
    Options { source, source_port, spacing: spacing(arguments), at_once, connected: true }
}

/// The keys, and the files that were read for them; none where none are asked for.
fn read_keys(arguments: &ProbeArguments) -> Result<(Keyrings, Vec<PathBuf>), CliError> {
    let wants_keys = arguments.all_keys || !arguments.key.is_empty();
    let names_keys = !arguments.keys.files.is_empty() || arguments.keys.conf.is_some();
    if !wants_keys && !names_keys {
        return Ok((Keyrings::new(), Vec::new()));
    }
    let loaded = keys::load(&arguments.keys, false)?;
    if !arguments.result.quiet {
        let usual = if names_keys { Vec::new() } else { loaded.labels() };
        usual.iter().for_each(|label| say(&format!("note: keys from {label}")));
        loaded.warnings.iter().for_each(|warning| say(&format!("warning: {warning}")));
    }
    Ok((loaded.rings, loaded.read))
}

/// The keys to ask for, of all that the key files have. Each must be in one.
fn asked_keys(arguments: &ProbeArguments, keys: &Keyrings) -> Result<Vec<KeyId>, CliError> {
    let known = known_keys(keys.all());
    if arguments.all_keys {
        let trusted: Vec<KeyId> =
            known.into_iter().filter(|key_id| keys.default_keyring().is_trusted(*key_id)).collect();
        return if trusted.is_empty() { Err(CliError::NoKeys) } else { Ok(trusted) };
    }
    let mut asked: Vec<KeyId> = Vec::new();
    for key_id in arguments.key.iter().copied().map(KeyId) {
        if !known.contains(&key_id) {
            return Err(CliError::UnknownKey { key_id, known: known.into_iter().collect() });
        }
        if !asked.contains(&key_id) {
            asked.push(key_id);
        }
    }
    Ok(asked)
}

/// Those of the keys to ask for that are for this server: all, or where none is named those that there are.
fn keys_for(
    server: SocketAddr,
    asked: &[KeyId],
    arguments: &ProbeArguments,
    keys: &Keyrings,
) -> Result<Vec<KeyId>, CliError> {
    let known = known_keys(keys.for_message(server.ip(), server.ip()));
    match asked.iter().find(|key_id| !known.contains(key_id)) {
        Some(key_id) if !arguments.all_keys => {
            Err(CliError::UnknownKeyOf { key_id: *key_id, server, known: known.into_iter().collect() })
        }
        _ if arguments.all_keys && asked.iter().all(|key_id| !known.contains(key_id)) => {
            Err(CliError::NoKeysFor { server })
        }
        _ => Ok(asked.iter().copied().filter(|key_id| known.contains(key_id)).collect()),
    }
}

fn known_keys<'r>(rings: impl Iterator<Item = &'r Keyring>) -> BTreeSet<KeyId> {
    rings.flat_map(Keyring::candidates).map(|candidate| candidate.key.id()).collect()
}

fn settings(arguments: &ProbeArguments, target: &Target, keys: &[KeyId]) -> Settings {
    let asking = &arguments.asking;
    Settings {
        target: target.address,
        keys: keys.to_vec(),
        extent: Extent { full: asking.full, control: asking.control },
        tries: asking.tries,
        wait: asking.timeout,
        pacing: asking.interval.map_or(Pacing::Polite, Pacing::Every),
        // A hasher with a key of the system's randomness: nobody guesses the timestamps.
        seed: RandomState::new().hash_one(target.address),
    }
}

fn spacing(arguments: &ProbeArguments) -> Duration {
    Duration::from_secs(1) / arguments.asking.rate.get()
}
