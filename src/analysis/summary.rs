//! Counting what a run saw.

use std::collections::BTreeMap;

use crate::capture::CaptureTime;
use crate::net::Reason;

use super::analyzer::Judged;
use super::diagnosis::Code;
use super::finding::{Event, Finding};
use super::verdict::Status;

/// Counts over all messages of a run. Their number of entries is bounded by the kinds that exist.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Packets of all captures, decoded or not.
    pub frames: u64,
    /// NTP messages.
    pub messages: u64,
    /// Messages that the filter let through; equal to `messages` without one.
    pub selected: u64,
    /// Selected messages by status.
    pub statuses: BTreeMap<Status, u64>,
    /// Selected messages by finding.
    pub findings: BTreeMap<Finding, u64>,
    /// Selected messages by what explains them; a message counts under each of its codes.
    pub diagnoses: BTreeMap<Code, u64>,
    /// Selected messages whose MAC is wrong and for which nothing was tried any more, as too much was in vain.
    pub untried: u64,
    /// Packets that are not NTP, by the reason code.
    pub not_decoded: BTreeMap<Reason, u64>,
    /// Datagrams whose fragments never all came.
    pub fragments_incomplete: u64,
    /// First and last capture time of any packet.
    pub span: Option<(CaptureTime, CaptureTime)>,
}

impl Summary {
    /// Counts a packet of the capture.
    pub fn count_frame(&mut self, time: Option<CaptureTime>) {
        self.frames += 1;
        if let Some(time) = time {
            let (first, last) = self.span.get_or_insert((time, time));
            *first = time.min(*first);
            *last = time.max(*last);
        }
    }

    /// Counts a packet that holds no NTP message.
    pub fn count_undecoded(&mut self, reason: Reason) {
        *self.not_decoded.entry(reason).or_default() += 1;
    }

    /// Counts a selected message.
    pub fn count_selected(&mut self, judged: &Judged<'_, '_>) {
        self.selected += 1;
        *self.statuses.entry(judged.verdict.status).or_default() += 1;
        for finding in judged.findings.iter() {
            *self.findings.entry(finding).or_default() += 1;
        }
        for code in judged.diagnosis.iter().flat_map(|diagnosis| diagnosis.codes().iter()) {
            *self.diagnoses.entry(code).or_default() += 1;
        }
        self.untried += u64::from(Self::is_untried(judged));
    }

    /// Messages of which a diagnosis may be missing.
    fn is_untried(judged: &Judged<'_, '_>) -> bool {
        let tried = judged.diagnosis.map(|diagnosis| diagnosis.tried);
        tried.is_some_and(|tried| tried.limit.is_some() && tried.codes.iter().next().is_none())
    }

    /// Counts an event. Those that stand in a message's record too were counted with it.
    pub fn count_event(&mut self, event: &Event) {
        if event.finding.stands_alone() {
            *self.findings.entry(event.finding).or_default() += 1;
        }
    }

    /// Messages of that status.
    pub fn count_of(&self, status: Status) -> u64 {
        self.statuses.get(&status).copied().unwrap_or_default()
    }
}
