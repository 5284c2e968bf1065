//! Results of a probe as they come, and at its end.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

use crate::analysis::survey::{Outcome, Survey};
use crate::report::probe::{
    Conclusion, NagiosState, ProbeDocument, ProbeRecord, ProbeSummary, TargetRecord, prometheus,
};

use super::super::args::probe::{ProbeArguments, ProbeFormat, ProbeResultArguments};
use super::super::exit::{CliError, Exit};
use super::spacing;
use super::targets::Target;

/// What was found until now.
pub(super) struct Results<'a> {
    arguments: &'a ProbeResultArguments,
    targets: &'a [Target],
    found: Vec<(Conclusion, TargetRecord)>,
}

impl<'a> Results<'a> {
    pub(super) fn new(arguments: &'a ProbeResultArguments, targets: &'a [Target]) -> Results<'a> {
        Results { arguments, targets, found: Vec::new() }
    }

    /// Takes what was found of a target, and writes it where that is wanted at once.
    pub(super) fn take(&mut self, outcome: &Outcome) -> io::Result<()> {
        let target = self.targets.iter().find(|target| target.address == outcome.target);
        let record = TargetRecord::new(outcome, target.and_then(|target| target.name.clone()));
        if self.arguments.ndjson {
            ProbeRecord::Target(&record).write(&mut io::stdout().lock())?;
        }
        self.found.push((Conclusion::of(outcome), record));
        Ok(())
    }

    /// Writes what is told at the end, in the order in which targets were named.
    pub(super) fn finish(mut self) -> io::Result<Exit> {
        let place = |record: &TargetRecord| {
            self.targets.iter().position(|target| target.address.to_string() == record.target)
        };
        self.found.sort_by_key(|(_, record)| place(record));
        let states = self.found.iter().map(|(conclusion, record)| NagiosState::of(record, *conclusion));
        let state = states.reduce(NagiosState::or_worse).unwrap_or(NagiosState::Unknown);
        let conclusion = self.found.iter().map(|(conclusion, _)| *conclusion).max();
        let records: Vec<TargetRecord> = self.found.into_iter().map(|(_, record)| record).collect();
        let mut output = io::stdout().lock();
        match (self.arguments, self.arguments.style) {
            (_, Some(ProbeFormat::Nagios)) => {
                state.write(&records, &mut output)?;
                return Ok(Exit::Plugin(state.code()));
            }
            (_, Some(ProbeFormat::Prometheus)) => prometheus(&records, &mut output)?,
            (ProbeResultArguments { quiet: true, .. }, _) => {}
            (ProbeResultArguments { ndjson: true, .. }, _) => {
                ProbeRecord::Summary(&ProbeSummary::of(&records)).write(&mut output)?;
            }
            (ProbeResultArguments { json: true, .. }, _) => {
                ProbeDocument::new(&records, &ProbeSummary::of(&records)).write(&mut output)?;
            }
            _ => write_text(&records, &mut output)?,
        }
        Ok(match conclusion {
            Some(Conclusion::Fine) => Exit::Fine,
            Some(Conclusion::Wrong) => Exit::Wrong,
            Some(Conclusion::Open) | None => Exit::Inconclusive,
        })
    }
}

/// All of one target, a line for each of many.
fn write_text(records: &[TargetRecord], output: &mut impl Write) -> io::Result<()> {
    if let [record] = records {
        return record.write_text(output);
    }
    let width = records.iter().map(|record| record.label().chars().count()).max().unwrap_or_default();
    TargetRecord::write_heading(output, width)?;
    records.iter().try_for_each(|record| record.write_line(output, width))
}

/// The time that all takes at most.
pub(super) fn longest(arguments: &ProbeArguments, surveys: &[(SocketAddr, Survey)]) -> Duration {
    let requests: u64 = surveys.iter().map(|(_, survey)| survey.most_requests()).sum();
    let each = surveys.iter().map(|(_, survey)| survey.longest()).max().unwrap_or_default();
    let all = u32::try_from(requests).unwrap_or(u32::MAX);
    each.saturating_add(spacing(arguments).saturating_mul(all))
}

/// Says what would be asked, and how long that takes at most.
pub(super) fn tell_plan(
    arguments: &ProbeArguments,
    surveys: &[(SocketAddr, Survey)],
) -> Result<Exit, CliError> {
    let mut output = io::stdout().lock();
    let mut requests = 0;
    for (target, survey) in surveys {
        let names: Vec<String> = survey.stimuli().iter().map(|stimulus| stimulus.name()).collect();
        let (most, span) = (survey.most_requests(), survey.longest());
        writeln!(output, "{target}: at most {most} requests in {span:?}: {}", names.join(", "))?;
        requests += most;
    }
    let longest = longest(arguments, surveys);
    writeln!(output, "all: at most {requests} requests in {longest:?}")?;
    Ok(Exit::Fine)
}
