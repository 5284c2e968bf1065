//! Results of a probe as they come, and at its end.

use std::collections::HashMap;
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
    places: HashMap<SocketAddr, usize>,
    /// What was found, and at which place of the targets.
    found: Vec<(usize, Conclusion, TargetRecord)>,
}

impl<'a> Results<'a> {
    pub(super) fn new(arguments: &'a ProbeResultArguments, targets: &'a [Target]) -> Results<'a> {
        let places = targets.iter().enumerate().map(|(place, target)| (target.address, place)).collect();
        Results { arguments, targets, places, found: Vec::new() }
    }

    /// Takes what was found of a target, and writes it where that is wanted at once.
    pub(super) fn take(&mut self, outcome: &Outcome) -> io::Result<()> {
        let place = self.places.get(&outcome.target).copied().unwrap_or_default();
        let name = self.targets.get(place).and_then(|target| target.name.clone());
        let record = TargetRecord::new(outcome, name);
        let written = match self.arguments.ndjson {
            true => ProbeRecord::Target(&record).write(&mut io::stdout().lock()),
            false => Ok(()),
        };
        self.found.push((place, Conclusion::of(outcome), record));
        written
    }

    /// Writes what is told at the end, in the order in which targets were named. `unknown` are those that could not be
    /// resolved.
    pub(super) fn finish(mut self, unknown: &[CliError], is_interrupted: bool) -> io::Result<Exit> {
        self.found.sort_by_key(|(place, ..)| *place);
        let conclusion = self.found.iter().map(|(_, conclusion, _)| *conclusion).max();
        let records: Vec<TargetRecord> = self.found.into_iter().map(|(.., record)| record).collect();
        let mut output = io::stdout().lock();
        match (self.arguments, self.arguments.style) {
            (_, Some(ProbeFormat::Nagios)) => {
                let mut beside: Vec<String> = unknown.iter().map(line).collect();
                beside.extend(is_interrupted.then(|| "interrupted".to_owned()));
                let state = if is_interrupted {
                    NagiosState::Unknown
                } else {
                    NagiosState::of_all(&records, &beside)
                };
                state.write(&records, &beside, &mut output)?;
                return Ok(Exit::Plugin(state.code()));
            }
            (_, Some(ProbeFormat::Prometheus)) => prometheus(&records, unknown.len(), &mut output)?,
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

/// What an error says, on one line.
fn line(error: &CliError) -> String {
    error.to_string().lines().next().unwrap_or_default().replace('|', "/")
}

/// What a plug-in says when it could not do its work.
pub(super) fn tell_unknown(error: &CliError) -> Result<Exit, CliError> {
    let state = NagiosState::Unknown;
    state.write(&[], &[line(error)], &mut io::stdout().lock())?;
    Ok(Exit::Plugin(state.code()))
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

/// The time that all takes at most, when so many are asked at once.
pub(super) fn longest(
    arguments: &ProbeArguments,
    surveys: &[(SocketAddr, Survey)],
    at_once: usize,
) -> Duration {
    let turns = u32::try_from(surveys.len().div_ceil(at_once.max(1))).unwrap_or(u32::MAX);
    let requests: u64 = surveys.iter().map(|(_, survey)| survey.most_requests()).sum();
    let each = surveys.iter().map(|(_, survey)| survey.longest()).max().unwrap_or_default();
    let all = u32::try_from(requests).unwrap_or(u32::MAX);
    each.saturating_mul(turns).saturating_add(spacing(arguments).saturating_mul(all))
}

/// Says what would be asked, and how long that takes at most.
pub(super) fn tell_plan(
    arguments: &ProbeArguments,
    surveys: &[(SocketAddr, Survey)],
    at_once: usize,
) -> Result<Exit, CliError> {
    let mut output = io::stdout().lock();
    let mut requests = 0;
    for (target, survey) in surveys {
        let names: Vec<String> = survey.stimuli().iter().map(|stimulus| stimulus.name()).collect();
        let (most, span) = (survey.most_requests(), survey.longest());
        writeln!(output, "{target}: at most {most} requests in {span:?}: {}", names.join(", "))?;
        requests += most;
    }
    let longest = longest(arguments, surveys, at_once);
    writeln!(output, "all: at most {requests} requests in {longest:?}")?;
    Ok(Exit::Fine)
}
