//! What a probe tells of its targets: records, text, and lines for monitoring.

mod diff;
mod monitoring;
mod policy;
mod stored;
mod text;

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use crate::analysis::behaviour::Asked;
use crate::analysis::survey::{KeyOutcome, Outcome, Row, ServerClock, Stimulus, Stop, TargetVerdict, Told};

use super::model::{JsonSchema, SCHEMA};

pub use diff::{Change, DiffDocument};
pub use monitoring::{NagiosState, prometheus};
pub use policy::{ExposureRecord, PolicyRecord, TrailerRecord};
pub use stored::{StoredRun, StoredRunError};

/// One line of `ntpcap probe --ndjson`.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum ProbeRecord<'a> {
    /// What was found of a target.
    Target(&'a TargetRecord),
    /// The last record.
    Summary(&'a ProbeSummary),
}

impl ProbeRecord<'_> {
    /// Writes it on a line.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write(&self, output: &mut impl Write) -> io::Result<()> {
        write_line(output, self)
    }
}

/// Writes a value at once: whoever reads it may act on it.
fn write_line(output: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *output, value)?;
    writeln!(output)?;
    output.flush()
}

/// The document of `ntpcap probe --json`.
#[derive(Serialize, JsonSchema)]
pub struct ProbeDocument<'a> {
    /// Version of this schema.
    pub schema: u32,
    /// What was found of each target.
    pub targets: &'a [TargetRecord],
    /// Counts over all.
    pub summary: &'a ProbeSummary,
}

impl<'a> ProbeDocument<'a> {
    /// The document of these targets.
    pub fn new(targets: &'a [TargetRecord], summary: &'a ProbeSummary) -> ProbeDocument<'a> {
        ProbeDocument { schema: SCHEMA, targets, summary }
    }

    /// Writes it on a line.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write(&self, output: &mut impl Write) -> io::Result<()> {
        write_line(output, self)
    }
}

/// Counts over all targets.
#[derive(Serialize, JsonSchema)]
pub struct ProbeSummary {
    /// Version of this schema.
    pub schema: u32,
    /// Targets that were asked.
    pub targets: usize,
    /// How many got which verdict.
    pub verdicts: BTreeMap<String, usize>,
}

/// What was found of a target.
#[derive(Serialize, JsonSchema)]
pub struct TargetRecord {
    /// Address and port.
    pub target: String,
    /// The name that was given for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The first verdict on a key that is not `authenticated`, or that on all.
    pub verdict: String,
    /// Whether the kiss of the verdict has a right MAC. It proves nothing of a key all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kiss_signed: Option<bool>,
    /// What to look at next on the server, where that is not said of a key.
    #[schemars(with = "Option<String>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check_server: Option<&'static str>,
    /// What to look at next on our side, where that is not said of a key.
    #[schemars(with = "Option<String>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check_client: Option<&'static str>,
    /// The keys that were asked for.
    pub keys: Vec<KeyRecord>,
    /// What it does with keys.
    pub behaviour: BehaviourRecord,
    /// Which program it may be.
    pub implementation: ImplementationRecord,
    /// `required` or `optional`; null where it is not known.
    pub authentication: Option<&'static str>,
    /// What it accepts.
    pub policy: PolicyRecord,
    /// What control messages tell to anybody, where they were sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control: Option<ExposureRecord>,
    /// Every kind of request and how it was answered.
    pub requests: Vec<AskedRecord>,
    /// What it says of its clock; null where it said nothing.
    pub clock: Option<ClockRecord>,
    /// Replies that came after the next request was sent: later than the wait for them.
    pub late_replies: usize,
    /// Server's clock minus ours, in seconds.
    pub offset_s: Option<f64>,
    /// Both ways together, in seconds.
    pub delay_s: Option<f64>,
    /// Why not everything was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
}

/// What a server says of its clock.
#[derive(Serialize, JsonSchema)]
pub struct ClockRecord {
    /// False when it says that it has no time: leap `unknown`, or stratum 0 or 16.
    pub synchronised: bool,
    /// Its leap indicator.
    #[schemars(with = "String")]
    pub leap: &'static str,
    /// Its stratum.
    pub stratum: u8,
    /// Its source, or with stratum 0 the state that it is in.
    pub reference_id: String,
}

/// What was found of a key.
#[derive(Serialize, JsonSchema)]
pub struct KeyRecord {
    /// Its ID.
    pub key_id: u32,
    /// Its algorithm, by the key file.
    #[schemars(with = "Option<String>")]
    pub algorithm: Option<&'static str>,
    /// Whether the server honours it, or what it does instead.
    pub verdict: String,
    /// Whether the kiss of the verdict has a right MAC. It proves nothing of the key all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kiss_signed: Option<bool>,
    /// Requests with a right MAC under it.
    pub sent: usize,
    /// Those that were answered.
    pub answered: usize,
    /// What to look at next on the server.
    #[schemars(with = "Option<String>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check_server: Option<&'static str>,
    /// What to look at next on our side.
    #[schemars(with = "Option<String>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check_client: Option<&'static str>,
}

/// What a server does with keys; null where that is not known.
#[derive(Serialize, JsonSchema)]
pub struct BehaviourRecord {
    /// A request without a MAC.
    #[schemars(with = "Option<String>")]
    pub no_mac: Option<&'static str>,
    /// A MAC by another secret.
    #[schemars(with = "Option<String>")]
    pub wrong_secret: Option<&'static str>,
    /// A MAC under a key ID that nobody has.
    #[schemars(with = "Option<String>")]
    pub unknown_key: Option<&'static str>,
    /// The class.
    #[schemars(with = "Option<String>")]
    pub class: Option<&'static str>,
}

/// Which program a server may be.
#[derive(Serialize, JsonSchema)]
pub struct ImplementationRecord {
    /// Its name, or `unknown`.
    #[schemars(with = "String")]
    pub name: &'static str,
    /// `high`, `medium` or `none`.
    #[schemars(with = "String")]
    pub certainty: &'static str,
    /// All programs that do as was seen.
    #[schemars(with = "Vec<String>")]
    pub candidates: Vec<&'static str>,
    /// What decided.
    pub evidence: Vec<String>,
}

/// A kind of request and how it was answered.
#[derive(Serialize, JsonSchema)]
pub struct AskedRecord {
    /// The kind.
    pub request: String,
    /// The key that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<u32>,
    /// How often it was sent.
    pub sent: usize,
    /// The answer, `silence`, or why it is not known.
    #[schemars(with = "String")]
    pub answer: &'static str,
    /// What came beside that to the same request: whoever sees it can forge all but a right MAC.
    #[schemars(with = "Vec<String>")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<&'static str>,
}

impl TargetRecord {
    /// The record of what was found of a target that was given by that name, if it was by one.
    pub fn new(outcome: &Outcome, name: Option<String>) -> TargetRecord {
        let guess = &outcome.guess;
        TargetRecord {
            target: outcome.target.to_string(),
            name,
            verdict: outcome.verdict.to_string(),
            kiss_signed: outcome.kiss_signed,
            check_server: outcome.checks.map(|(server, _)| server),
            check_client: outcome.checks.map(|(_, client)| client),
            keys: outcome.keys.iter().map(key).collect(),
            behaviour: behaviour(outcome),
            implementation: ImplementationRecord {
                name: guess.name,
                certainty: guess.certainty.name(),
                candidates: guess.candidates.clone(),
                evidence: guess.evidence.clone(),
            },
            authentication: outcome
                .requires_authentication
                .map(|is_required| if is_required { "required" } else { "optional" }),
            policy: PolicyRecord::new(outcome),
            control: outcome.exposure.as_ref().map(ExposureRecord::new),
            requests: outcome.rows.iter().map(request).collect(),
            clock: outcome.clock.map(clock),
            late_replies: outcome.late,
            offset_s: outcome.times.offset,
            delay_s: outcome.times.delay,
            stopped: outcome.stopped.as_ref().map(reason),
        }
    }

    /// The name that was given, beside the address.
    pub fn label(&self) -> String {
        self.name.as_ref().map_or_else(|| self.target.clone(), |name| format!("{name} ({})", self.target))
    }
}

impl ProbeSummary {
    /// Counts the targets.
    pub fn of(targets: &[TargetRecord]) -> ProbeSummary {
        let mut verdicts = BTreeMap::new();
        for target in targets {
            *verdicts.entry(target.verdict.clone()).or_default() += 1;
        }
        ProbeSummary { schema: SCHEMA, targets: targets.len(), verdicts }
    }
}

/// What a run says in its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Conclusion {
    /// Every key that was asked for is authenticated.
    Fine,
    /// Something could not be concluded, and nothing is known to be wrong.
    Open,
    /// Something is wrong.
    Wrong,
}

impl Conclusion {
    /// That of one target.
    pub fn of(outcome: &Outcome) -> Conclusion {
        let of_verdict = |verdict: TargetVerdict| match verdict {
            TargetVerdict::Answers => Conclusion::Fine,
            TargetVerdict::Key(verdict) if verdict.is_open() => Conclusion::Open,
            TargetVerdict::Key(verdict) if verdict.next_checks(None).is_none() => Conclusion::Fine,
            TargetVerdict::Key(_) => Conclusion::Wrong,
        };
        let keys = outcome.keys.iter().map(|key| of_verdict(TargetVerdict::Key(key.verdict)));
        keys.chain([of_verdict(outcome.verdict)]).max().unwrap_or(Conclusion::Open)
    }
}

fn key(outcome: &KeyOutcome) -> KeyRecord {
    let checks = outcome.checks;
    KeyRecord {
        key_id: outcome.key_id.0,
        algorithm: outcome.algorithm.map(|algorithm| algorithm.name()),
        verdict: outcome.verdict.to_string(),
        kiss_signed: outcome.kiss_signed,
        sent: outcome.sent,
        answered: outcome.answered,
        check_server: checks.map(|(server, _)| server),
        check_client: checks.map(|(_, client)| client),
    }
}

fn behaviour(outcome: &Outcome) -> BehaviourRecord {
    let of = |asked: Asked| {
        let rows = outcome.rows.iter().filter(|row| row.stimulus.asked() == asked);
        rows.into_iter().find_map(|row| row.told.known())
    };
    BehaviourRecord {
        no_mac: of(Asked::NoMac),
        wrong_secret: of(Asked::WrongSecret),
        unknown_key: of(Asked::UnknownKey),
        class: outcome.class.map(|class| class.name()),
    }
}

fn request(row: &Row) -> AskedRecord {
    let key_id = Stimulus::key_id(row.stimulus).map(|key_id| key_id.0);
    let answer = match (row.stimulus, row.told) {
        (Stimulus::ReadVariables, Told::Answer(_)) => "answered",
        (_, told) => told.name(),
    };
    let also = row.also.iter().map(|answer| answer.name()).collect();
    AskedRecord { request: row.stimulus.name(), key_id, sent: row.sent, answer, also }
}

fn clock(clock: ServerClock) -> ClockRecord {
    ClockRecord {
        synchronised: !clock.is_unsynchronised(),
        leap: clock.leap_indicator.name(),
        stratum: clock.stratum,
        reference_id: clock.reference_id.display(clock.stratum),
    }
}

fn reason(stop: &Stop) -> String {
    match stop {
        Stop::Kiss(code) => {
            format!("the server asked us to stop: kiss code {}", String::from_utf8_lossy(code))
        }
        Stop::Refused => "ICMP: nobody listens on that port".to_owned(),
        Stop::Unreachable(reason) => format!("no way there: {reason}"),
        Stop::Failed(reason) => format!("cannot send: {reason}"),
        Stop::Interrupted => "interrupted before all was asked".to_owned(),
    }
}
