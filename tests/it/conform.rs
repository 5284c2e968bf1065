//! The cases of conformance against the reference server, in process and as built.

mod client;
pub(crate) mod command;
mod documents;
mod files;
mod network;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ntpcap::auth::keyfile::{self, Dialect};
use ntpcap::auth::{KeyId, Keyring};
use ntpcap::conformance::{CaseResult, Context, Outcome, Pace, Runner, Selection, Settings};
use ntpcap::probe::in_process::{Arrival, What, run};
use ntpcap::server::fault::Source;
use ntpcap::server::{Clients, Fault, Faults, Habit, InProcess, Policy};

const KEYS: &str = "\
1 MD5 first-secret
2 SHA1 second-secret
3 SHA256 third-secret
4 SHA384 fourth-secret
5 SHA512 fifth-secret
7 AES-128 000102030405060708090a0b0c0d0e0f
9 AES-256 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
";
const NOW: Duration = Duration::from_secs(1_795_581_943);
const TARGET: &str = "192.0.2.1:123";

fn keys() -> Keyring {
    let mut keys = Keyring::new();
    keys.add("test.keys", keyfile::read(KEYS.as_bytes(), Dialect::Ntpsec));
    keys
}

/// The results of the selected cases against a server of that habit with those faults.
fn results(selection: &Selection, habit: &str, faults: &[&str]) -> Vec<CaseResult> {
    let keys = keys();
    let faults = faults.iter().map(|text| Fault::parse(text).unwrap()).collect();
    let policy = Policy::new(Habit::of_name(habit).unwrap());
    let clients = Clients::new(Vec::new(), None, policy.habit.name == "ntpcap");
    let mut server = InProcess::new(policy, clients, Faults::new(&keys, faults, 3));
    let pace = Pace { wait: Duration::from_secs(1), interval: Duration::from_millis(20), tries: 3 };
    let given: Vec<KeyId> = keys.candidates().map(|candidate| candidate.key.id()).collect();
    let asked_with = Arc::new(self::keys());
    let context = Context::new(asked_with, given, 11).of(TARGET.parse().unwrap());
    let mut runner = Runner::new(Settings { cases: selection.cases().unwrap(), pace }, context);
    run(&mut runner, NOW, |sending, now| {
        let port = 40_000 + u16::try_from(sending.port).unwrap();
        let client: SocketAddr = format!("192.0.2.2:{port}").parse().unwrap();
        let delay = Duration::from_millis(1);
        let dispatches = server.answer(&sending.octets, client, now + delay).into_iter();
        let arrival = |source: SocketAddr, after, octets| Arrival {
            after: 2 * delay + after,
            port: sending.port,
            what: What::Datagram(source, octets),
        };
        dispatches.map(|sent| arrival(from(sent.source), sent.after, sent.octets)).collect()
    });
    runner.results().to_vec()
}

fn from(source: Source) -> SocketAddr {
    let address = match source {
        Source::Asked => TARGET,
        Source::OtherPort => "192.0.2.1:10123",
        Source::OtherAddress => "192.0.2.9:123",
    };
    address.parse().unwrap()
}

fn told(results: &[CaseResult]) -> String {
    let lines = results.iter().map(|result| {
        let judgement = &result.judgement;
        format!(
            "{} {}: expected {}, got {}\n",
            judgement.outcome, result.case.slug, judgement.expected, judgement.actual
        )
    });
    lines.collect()
}

/// Nothing but what is right: no warning, and nothing left open.
#[test]
fn the_reference_server_passes_every_case() {
    let results = results(&Selection::default(), "ntpcap", &[]);
    let wrong: Vec<CaseResult> = results
        .into_iter()
        .filter(|result| !matches!(result.judgement.outcome, Outcome::Pass | Outcome::Info | Outcome::Skip))
        .collect();
    assert!(wrong.is_empty(), "{}", told(&wrong));
}

#[test]
fn one_fault_shows() {
    let all = results(&Selection::default(), "ntpcap", &["bogus-origin:after=10"]);
    assert!(all.iter().any(|result| result.judgement.outcome == Outcome::Fail), "{}", told(&all));
}
