//! `ntpcap conform client`: serves a client rightly and wrongly, and tells what it believes.

mod asking;
mod evidence;
mod phase;
mod process;
mod starter;
mod templates;
mod watch;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::auth::{KeyId, Keyring};
use crate::capture::CaptureTime;
use crate::conformance::Judgement;
use crate::conformance::client::{
    ClientCase, ClientResult, FaultTest, Means, Phase, PhaseKind, Proof, Setting, Shift, Test, catalogue,
    judge, suite,
};
use crate::report::conform::About;
use crate::report::time::Rfc3339;
use crate::server::udp::Server;

use super::super::args::conform::client::ClientRunArguments;
use super::super::exit::{CliError, Exit};
use super::super::interrupt::Interrupt;
use super::super::packets::Packets;
use super::super::{keys, say};
use super::results::Results;
use evidence::Folder;
use phase::{Bench, Plan};
use starter::{Filling, Starter};
use watch::Watch;

/// The shortest and the longest wrong time.
const OFFSETS: std::ops::RangeInclusive<u64> = 4..=900;

/// `ntpcap conform client`.
///
/// # Errors
/// Whatever keeps it from serving, from starting the client, or from writing its results.
pub(super) fn client(arguments: &ClientRunArguments) -> Result<Exit, CliError> {
    let interrupt = Interrupt::catch()?;
    if !OFFSETS.contains(&arguments.serving.offset.as_secs()) {
        return Err(CliError::OffsetOfClient);
    }
    let begun = SystemTime::now();
    let all = if arguments.suite.is_some() { suite::cases() } else { catalogue::all().collect() };
    let cases = super::selection(&arguments.selection).of(all.into_iter())?;
    let (ring, inputs) = read_keys(arguments)?;
    let key = key_of(arguments, &ring)?;
    let addresses = Server::listen(&arguments.listen, 1)?.addresses();
    let filling = Filling::new(arguments, &inputs, &addresses, key)?;
    let starter = Starter::new(arguments, &filling, key.is_some())?;
    let results = Results::open(&arguments.report, &inputs, arguments.pcap.as_deref(), &interrupt)?;
    let folder = arguments.evidence.as_deref().map(Folder::create).transpose()?;
    let packets = match &folder {
        Some(folder) => Some(folder.capture(&interrupt)?),
        None => capture(arguments, &inputs, &interrupt)?,
    };
    let decisions = folder.as_ref().map(|folder| folder.decisions(&interrupt)).transpose()?;
    let watch = Watch::new(packets, decisions);
    let keys = Arc::new(ring);
    let setting =
        Setting { keys: Arc::clone(&keys), key, fresh: starter.is_some(), servers: addresses.len() };
    let bench = Bench {
        arguments,
        keys: &keys,
        addresses: &addresses,
        filling: &filling,
        starter: starter.as_ref(),
        watch: &watch,
        interrupt: &interrupt,
    };
    instruct(&bench, &setting);
    let judged = run(&bench, &cases, &setting)?;
    watch.flush()?;
    let label = arguments.starting.client.map_or("client".to_owned(), |program| program.name());
    let ended = interrupt.is_set().then_some("interrupted");
    let (exit, report, judged) =
        results.finish_client(judged, &setting, (&label, ended, &alone(arguments)))?;
    if let Some(folder) = folder {
        folder.finish(&report, &judged, about(&bench, &setting, begun), arguments.believing.ask_human)?;
    }
    Ok(if interrupt.is_set() { Exit::Interrupted } else { exit })
}

fn about(bench: &Bench<'_>, setting: &Setting, begun: SystemTime) -> About {
    let since = begun.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    About {
        program: "ntpcap",
        version: env!("CARGO_PKG_VERSION"),
        arguments: std::env::args().skip(1).collect(),
        client_command: bench.starter.map(Starter::told),
        servers: bench.addresses.iter().map(SocketAddr::to_string).collect(),
        key: evidence::key_of(setting),
        offset_s: bench.arguments.serving.offset.as_secs(),
        begun: Rfc3339::of_capture(CaptureTime { seconds, nanoseconds: since.subsec_nanos() }).to_string(),
    }
}

/// Runs the cases. The right service after one case is that before the next.
fn run(
    bench: &Bench<'_>,
    cases: &[&'static ClientCase],
    setting: &Setting,
) -> Result<Vec<ClientResult>, CliError> {
    let means = means(bench.arguments);
    let mut right = vec![begin(bench)?];
    let works = right.last().is_some_and(|phase| why_unfit(phase).is_none());
    let mut judged = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let Test::Fault(test) = &case.test else { continue };
        let (judgement, phases) = match works && !bench.interrupt.is_set() {
            true => case_of(bench, case, test, &means, &mut right, setting)?,
            false => {
                let phases: Vec<Phase> = right.last().cloned().into_iter().collect();
                (Judgement::inconclusive(unserved(bench, &phases)), phases)
            }
        };
        progress(bench, case, number, cases.len(), &judgement);
        judged.push(ClientResult { case, judgement, phases });
    }
    // What a request looks like takes a few of them.
    while works && right.len() < 3 && !bench.interrupt.is_set() {
        right.push(bench.run(&Plan::correct("right"))?);
    }
    let results =
        cases.iter().map(|case| match judged.iter().position(|result| std::ptr::eq(result.case, *case)) {
            Some(place) => judged.swap_remove(place),
            None => ClientResult { case, judgement: judge(case, &right, setting), phases: right.clone() },
        });
    Ok(results.collect())
}

/// Right service, to see whether the client works at all; a second time if it does not.
fn begin(bench: &Bench<'_>) -> Result<Phase, CliError> {
    let first = bench.run(&Plan::correct("begin"))?;
    if why_unfit(&first).is_none() || bench.interrupt.is_set() {
        Ok(first)
    } else {
        bench.run(&Plan::correct("begin"))
    }
}

fn why_unfit(phase: &Phase) -> Option<String> {
    crate::conformance::client::judge::why_unfit(phase)
}

fn unserved(bench: &Bench<'_>, phases: &[Phase]) -> String {
    let why = phases.first().and_then(why_unfit).unwrap_or_default();
    if bench.interrupt.is_set() { "interrupted".to_owned() } else { format!("served rightly, {why}") }
}

/// A case: the fault, then right service again.
fn case_of(
    bench: &Bench<'_>,
    case: &'static ClientCase,
    test: &FaultTest,
    means: &Means,
    right: &mut Vec<Phase>,
    setting: &Setting,
) -> Result<(Judgement, Vec<Phase>), CliError> {
    let (faults, specs) = match phase::faults(test, bench, means) {
        Ok(faults) => faults,
        Err(lacking) => return Ok((Judgement::skip(lacking), Vec::new())),
    };
    let offset = bench.arguments.serving.offset;
    let (clock, shift) = match test.shift {
        Shift::Clock => (offset, offset.as_secs_f64()),
        Shift::Inside => (Duration::ZERO, offset.as_secs_f64()),
        Shift::Way(seconds) => (Duration::ZERO, seconds),
        Shift::None => (Duration::ZERO, 0.0),
    };
    let (step, kind, primed) = (case.slug, PhaseKind::Faulty, test.primed);
    let believes = test.proof == Proof::Believes;
    let plan = Plan { step, kind, faults, specs, clock, shift, primed, believes };
    if right.last().and_then(why_unfit).is_some() {
        // It may have needed longer than that.
        right.push(bench.run(&Plan::correct(case.slug))?);
    }
    let before = right.last().cloned();
    let faulty = bench.run(&plan)?;
    let after = bench.run(&Plan::correct(case.slug))?;
    right.push(after.clone());
    let phases: Vec<Phase> = before.into_iter().chain([faulty, after]).collect();
    Ok((judge(case, &phases, setting), phases))
}

fn means(arguments: &ClientRunArguments) -> Means {
    let text = |address: SocketAddr| address.to_string();
    Means {
        offset: format!("+{}s", arguments.serving.offset.as_secs()),
        broadcast: arguments.serving.broadcast.map(text),
        multicast: arguments.serving.multicast.map(text),
    }
}

/// The keys, and the files that were read for them.
fn read_keys(arguments: &ClientRunArguments) -> Result<(Keyring, Vec<PathBuf>), CliError> {
    if arguments.no_key && arguments.keys.files.is_empty() {
        return Ok((Keyring::new(), Vec::new()));
    }
    let Some(loaded) = keys::load_for_server(&arguments.keys)? else {
        return Ok((Keyring::new(), Vec::new()));
    };
    if !arguments.report.quiet {
        loaded.warnings.iter().for_each(|warning| say(&format!("warning: {warning}")));
    }
    Ok((loaded.rings.into_default(), loaded.read))
}

/// The key that the client asks with.
fn key_of(arguments: &ClientRunArguments, ring: &Keyring) -> Result<Option<KeyId>, CliError> {
    if arguments.no_key {
        return Ok(None);
    }
    let known: Vec<KeyId> = ring.candidates().map(|candidate| candidate.key.id()).collect();
    match arguments.key.map(KeyId) {
        Some(key_id) if known.contains(&key_id) => Ok(Some(key_id)),
        Some(key_id) => Err(CliError::UnknownKey { key_id, known }),
        None => {
            let trusted = known.into_iter().find(|key_id| ring.is_trusted(*key_id));
            trusted.map(Some).ok_or(CliError::NoKeyForClient)
        }
    }
}

fn capture(
    arguments: &ClientRunArguments,
    inputs: &[PathBuf],
    interrupt: &Interrupt,
) -> Result<Option<Packets>, CliError> {
    let Some(path) = &arguments.pcap else { return Ok(None) };
    if inputs.iter().any(|input| super::super::destination::is_same_file(path, input)) {
        return Err(CliError::OverwritesInput { path: path.clone() });
    }
    Packets::create(path, arguments.report.force, "ntpcap conform client", interrupt).map(Some)
}

/// Tells how the client is started, or what its person has to do.
fn instruct(bench: &Bench<'_>, setting: &Setting) {
    if bench.arguments.report.quiet {
        return;
    }
    if let Some(starter) = bench.starter {
        return say(&format!("note: the client is started anew in each phase: {}", starter.told()));
    }
    let key = setting.key.map(|key| format!(", key {key}")).unwrap_or_default();
    say("Configure the client to take its time from these servers alone, and keep it running:");
    bench
        .addresses
        .iter()
        .for_each(|address| say(&format!("  {}, port {}{key}", address.ip(), address.port())));
    say("Its shortest poll interval makes this short: a phase ends after a few requests.");
    let believing = &bench.arguments.believing;
    if believing.ask_client.is_none() && believing.observe.is_none() && !believing.ask_human {
        say(
            "note: only its requests can tell what it believes; --ask-client, --observe and --ask-human tell more",
        );
    }
}

fn progress(bench: &Bench<'_>, case: &ClientCase, number: usize, count: usize, judgement: &Judgement) {
    if bench.arguments.report.verbose && !bench.arguments.report.quiet {
        say(&format!("{}/{count} {}: {}", number + 1, case.slug, judgement.outcome));
    }
}

/// The command that runs one case, but for its name.
fn alone(arguments: &ClientRunArguments) -> String {
    let mut command = "ntpcap conform client".to_owned();
    command.extend(arguments.keys.files.iter().map(|file| format!(" --keys {}", file.path.display())));
    command.extend(arguments.key.iter().map(|key_id| format!(" --key {key_id}")));
    command.extend(arguments.listen.iter().map(|address| format!(" --listen {address}")));
    command.extend(arguments.starting.client.iter().map(|program| format!(" --client {}", program.name())));
    command.extend(arguments.starting.exec.iter().map(|exec| format!(" --exec '{exec}'")));
    command
}
