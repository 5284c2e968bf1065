//! `ntpcap probe`: asks servers what they do with keys.

mod capture;
mod results;
mod targets;

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::analysis::survey::{Pacing, Settings, Survey};
use crate::auth::{KeyId, Keyrings};
use crate::probe::udp::{self, Options};

use super::args::probe::ProbeArguments;
use super::exit::{CliError, Exit};
use super::interrupt::Interrupt;
use super::{inputs, keys, say};
use capture::Capture;
use results::Results;
use targets::Target;

/// `ntpcap probe`.
///
/// # Errors
/// Whatever keeps it from knowing whom to ask for what, or from writing its results.
pub(super) fn probe(arguments: &ProbeArguments) -> Result<Exit, CliError> {
    let interrupt = Interrupt::catch()?;
    let (targets, unknown) = targets::targets(arguments)?;
    let (keys, inputs) = read_keys(arguments)?;
    let keys = Arc::new(keys);
    let asked = asked_keys(arguments, &keys)?;
    unknown.iter().for_each(|error| say(&format!("error: {error}")));
    let surveys: Vec<(SocketAddr, Survey)> = targets
        .iter()
        .map(|target| (target.address, Survey::new(settings(arguments, target, &asked), Arc::clone(&keys))))
        .collect();
    if arguments.asking.dry_run {
        return results::tell_plan(arguments, &surveys);
    }
    let capture = Capture::create(arguments, &inputs, &interrupt)?;
    inputs::allow_many_files();
    let mut results = Results::new(&arguments.result, &targets);
    let options = Options { source: arguments.asking.source, spacing: spacing(arguments) };
    let mut failed = None;
    udp::run(
        surveys,
        options,
        capture.observer(),
        || interrupt.is_set(),
        |survey| {
            failed = failed.take().or(results.take(&survey.outcome()).err());
        },
    )?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    capture.finish()?;
    let exit = results.finish()?;
    Ok(match exit {
        _ if interrupt.is_set() => Exit::Interrupted,
        Exit::Fine | Exit::Inconclusive | Exit::Wrong if !unknown.is_empty() => Exit::Failed,
        exit => exit,
    })
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

/// The keys to ask for.
fn asked_keys(arguments: &ProbeArguments, keys: &Keyrings) -> Result<Vec<KeyId>, CliError> {
    let rings: Vec<_> = keys.all().collect();
    let candidates = rings.iter().flat_map(|ring| ring.candidates());
    let known: BTreeSet<KeyId> = candidates.map(|candidate| candidate.key.id()).collect();
    let mut known: Vec<KeyId> = known.into_iter().collect();
    if arguments.all_keys {
        known.retain(|key_id| keys.default_keyring().is_trusted(*key_id));
        return if known.is_empty() { Err(CliError::NoKeys) } else { Ok(known) };
    }
    let mut asked: Vec<KeyId> = Vec::new();
    for key_id in arguments.key.iter().copied().map(KeyId) {
        if !known.contains(&key_id) {
            return Err(CliError::UnknownKey { key_id, known });
        }
        if !asked.contains(&key_id) {
            asked.push(key_id);
        }
    }
    Ok(asked)
}

fn settings(arguments: &ProbeArguments, target: &Target, keys: &[KeyId]) -> Settings {
    let asking = &arguments.asking;
    Settings {
        target: target.address,
        keys: keys.to_vec(),
        full: asking.full,
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
