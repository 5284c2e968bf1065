//! `ntpcap census`: who uses which key.

use std::io::Write;

use crate::analysis::census::Census;
use crate::analysis::filter::Basis;
use crate::analysis::finding::Finding;
use crate::analysis::{Event, Judged, Policy, Summary};
use crate::report::census::{write_document, write_records};
use crate::report::json::MOST_FINDINGS;
use crate::report::model::{Counts, KeyFileRecord, SummaryRecord, View};
use crate::report::summary::count;
use crate::report::table;

use super::args::{CensusArguments, ReadArguments};
use super::exit::{CliError, Exit};
use super::output::{note, output, style, warn};
use super::pass::{Outcome, Pass, Visitor};
use super::run::{basis, no_ntp, parse_filter};
use super::{inputs, keys};

/// `ntpcap census`.
///
/// # Errors
/// Whatever keeps it from reading all of its inputs or writing its results.
pub(super) fn census(arguments: &CensusArguments) -> Result<Exit, CliError> {
    let read = &arguments.read;
    arguments.keys.refuse_standard_input_beside(&read.captures)?;
    let filter = parse_filter(read)?;
    let keys = keys::load(&arguments.keys, read.verbose > 0)?;
    warn(read, &keys.warnings);
    let inputs = inputs::open(&read.captures)?;
    warn(read, &inputs.warnings);
    let labels = inputs.labels.clone();
    // Why MACs are wrong is told by other commands, and looked for only where it is asked for.
    let (policy, diagnose) = (Policy::default(), basis(filter.as_ref()) == Basis::Diagnosis);
    let pass = Pass { ports: &read.ports.port, filter: filter.as_ref(), keys: &keys.rings, policy, diagnose };
    let mut counting = Counting::default();
    let outcome = pass.run(inputs, &mut counting)?;
    let key_files = keys.files.iter().map(keys::LoadedFile::record).collect();
    let summary = summary(&outcome, key_files, &counting.census);
    if !read.quiet {
        write(&mut output(), read, &counting, &labels, &summary)?;
    }
    warn(read, &outcome.warnings());
    Ok(if outcome.interrupted {
        Exit::Interrupted
    } else if outcome.failed {
        Exit::Failed
    } else if counting.census.has_macs() {
        Exit::Fine
    } else {
        note(read, &nothing_counted(read, &outcome.summary));
        Exit::Inconclusive
    })
}

/// Counts the messages that the filter lets through, and keeps what is found about keys.
#[derive(Default)]
struct Counting {
    census: Census,
    events: Vec<Event>,
}

impl Visitor for Counting {
    fn message<'a>(&mut self, judged: &Judged<'a, 'a>, _: Option<&'a str>) -> Result<(), CliError> {
        self.census.count(judged);
        Ok(())
    }

    fn event(&mut self, event: &Event) -> Result<(), CliError> {
        if event.finding.concerns_keys() && self.events.len() < MOST_FINDINGS {
            self.events.push(event.clone());
        }
        Ok(())
    }
}

/// The counts of a census: how servers behave and what single messages show is for `verify` to tell.
fn summary<'a>(
    outcome: &'a Outcome<'_>,
    key_files: Vec<KeyFileRecord<'a>>,
    census: &Census,
) -> SummaryRecord<'a> {
    let findings = outcome.summary.findings.iter().filter(|(finding, _)| Finding::concerns_keys(**finding));
    SummaryRecord {
        servers: Vec::new(),
        findings: Counts(findings.map(|(finding, count)| (finding.code().into(), *count)).collect()),
        other_uses: Some(census.others).filter(|others| *others > 0),
        ..outcome.record(View::Verify, key_files)
    }
}

fn write(
    output: &mut impl Write,
    read: &ReadArguments,
    counting: &Counting,
    labels: &[String],
    summary: &SummaryRecord<'_>,
) -> Result<(), CliError> {
    let (uses, events) = (counting.census.sorted(), &counting.events);
    if read.json {
        write_document(output, &uses, events, labels, summary)?;
    } else if read.ndjson {
        write_records(output, &uses, events, labels, summary)?;
    } else {
        table::census::write(output, style(read), &uses, events, summary)?;
    }
    Ok(())
}

fn nothing_counted(read: &ReadArguments, summary: &Summary) -> String {
    match (summary.messages, summary.selected) {
        (0, _) => no_ntp(&read.ports.port, summary),
        (messages, 0) => format!("the filter selects none of {}", count(messages, "NTP message")),
        (_, selected) => format!("none of {} carries a MAC", count(selected, "NTP message")),
    }
}
