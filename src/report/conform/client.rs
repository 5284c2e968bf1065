//! What became of the cases of a client, as the same records.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::capture::CaptureTime;
use crate::conformance::client::{ClientCase, ClientResult, Evidence, Phase, PhaseKind, Setting, Test};
use crate::conformance::{Context, Outcome};

use super::super::model::{Hexadecimal, JsonSchema};
use super::{CaseRecord, ConformReport, evidence};

/// How a client was served for a while, and what it believed.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PhaseRecord {
    /// `correct` or `faulty`.
    pub served: String,
    /// The faults, as `ntpcap serve --fault` takes them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
    /// How far the time is off that was told, in seconds.
    pub shift_s: f64,
    /// Requests that came.
    pub requests: usize,
    /// Datagrams that were sent.
    pub replies: usize,
    /// Frames of the capture with requests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub request_frames: Vec<u64>,
    /// Frames of the capture with what was sent; in a faulty phase those that have the faults.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reply_frames: Vec<u64>,
    /// What the client believed, by each source that was there.
    pub evidence: Vec<EvidenceRecord>,
}

/// What one source tells of a client's belief.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct EvidenceRecord {
    /// `requests`, `ask-client`, `observe`, `output` or `ask-human`.
    pub source: String,
    /// `synchronised`, `unsynchronised`, `died` or `untold`.
    pub belief: String,
    /// How far the time is ahead that is believed, in seconds, where that is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset_s: Option<f64>,
    /// The words that it rests on.
    pub detail: String,
}

impl ConformReport {
    /// The report of a client's results. `alone` is the command that runs one case, but for its slug.
    pub fn of_client(
        label: &str,
        results: &[ClientResult],
        setting: &Setting,
        ended: Option<&str>,
        alone: &str,
    ) -> ConformReport {
        let cases = results.iter().map(|result| record(result, setting, alone)).collect();
        ConformReport::of_records(label, cases, Vec::new(), ended)
    }
}

fn record(result: &ClientResult, setting: &Setting, alone: &str) -> CaseRecord {
    let ClientCase { slug, level, source, summary, test, .. } = result.case;
    let judgement = &result.judgement;
    let is_shown = !matches!(judgement.outcome, Outcome::Pass | Outcome::Info | Outcome::Skip);
    let (sent, received, octets) = match is_shown {
        true => of_faulty(&result.phases, test, setting),
        false => Default::default(),
    };
    // What is seen in requests alone is seen in every phase of right service.
    let phases = match test {
        Test::Fault(_) => result.phases.iter().map(|phase| phase_record(phase, test)).collect(),
        Test::Wire(_) => Vec::new(),
    };
    CaseRecord {
        slug: (*slug).to_owned(),
        level: level.name().to_owned(),
        source: (*source).to_owned(),
        summary: (*summary).to_owned(),
        outcome: judgement.outcome.name().to_owned(),
        expected: judgement.expected.clone(),
        actual: judgement.actual.clone(),
        sent,
        received,
        octets,
        alone: format!("{alone} --only {slug}"),
        phases,
    }
}

fn phase_record(phase: &Phase, test: &Test) -> PhaseRecord {
    let shown_by = match (phase.kind, test) {
        (PhaseKind::Faulty, Test::Fault(test)) => test.shown_by,
        _ => &[],
    };
    PhaseRecord {
        served: phase.kind.name().to_owned(),
        faults: phase.faults.clone(),
        shift_s: phase.shift,
        requests: phase.requests.len(),
        replies: phase.replies.len(),
        request_frames: phase.requests.iter().filter_map(|request| request.frame).collect(),
        reply_frames: phase.with_faults(shown_by).filter_map(|reply| reply.frame).collect(),
        evidence: phase.evidence.iter().map(evidence_record).collect(),
    }
}

fn evidence_record(evidence: &Evidence) -> EvidenceRecord {
    EvidenceRecord {
        source: evidence.source.name().to_owned(),
        belief: evidence.belief.name().to_owned(),
        offset_s: evidence.belief.offset(),
        detail: evidence.detail.clone(),
    }
}

/// The first datagram with the fault, and the last request before it: as sent by the client, and as it received.
fn of_faulty(phases: &[Phase], test: &Test, setting: &Setting) -> (Option<String>, Vec<String>, Vec<String>) {
    let mut lines = Vec::new();
    let Test::Fault(test) = test else {
        let request = phases.iter().find_map(|phase| phase.requests.first());
        let octets = request.map(|request| request.octets.as_slice());
        octets.iter().for_each(|octets| explain("sent by the client", octets, None, setting, &mut lines));
        return (octets.map(|octets| Hexadecimal(octets).to_string()), Vec::new(), lines);
    };
    let faulty = phases.iter().find(|phase| phase.kind == PhaseKind::Faulty);
    let reply = faulty.and_then(|phase| phase.with_faults(test.shown_by).next());
    let before = |time| faulty.and_then(|phase| phase.requests.iter().rfind(|request| request.time <= time));
    let request = reply.and_then(|reply| before(reply.time));
    if let Some(request) = request {
        explain("sent by the client", &request.octets, Some(time_of(request.time)), setting, &mut lines);
    }
    if let Some(reply) = reply {
        explain("sent to the client", &reply.octets, Some(time_of(reply.time)), setting, &mut lines);
    }
    let sent = request.map(|request| Hexadecimal(&request.octets).to_string());
    (sent, reply.map(|reply| Hexadecimal(&reply.octets).to_string()).into_iter().collect(), lines)
}

fn time_of(time: Duration) -> CaptureTime {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    CaptureTime { seconds, nanoseconds: time.subsec_nanos() }
}

fn explain(who: &str, octets: &[u8], time: Option<CaptureTime>, setting: &Setting, lines: &mut Vec<String>) {
    let context = Context::new(Arc::clone(&setting.keys), Vec::new(), 0);
    evidence::explain(&format!("{who}, {} octets", octets.len()), octets, time, &context, lines);
}
