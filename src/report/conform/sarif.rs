//! Cases that are not as they should be, as SARIF 2.1.0.

use std::io::{self, Write};

use serde::Serialize;

use crate::conformance::{Outcome, catalogue, client};

use super::super::sarif::{self, Finding, Location, Rule, Run, Text};
use super::{CaseRecord, ConformReport};

/// What the format has no place for.
#[derive(Serialize)]
struct Properties<'a> {
    outcome: &'a str,
    level: &'a str,
    source: &'a str,
    expected: &'a str,
    actual: &'a str,
    octets: &'a [String],
    alone: &'a str,
}

/// A run for each server.
pub(super) fn write(reports: &[ConformReport], strict: bool, output: &mut impl Write) -> io::Result<()> {
    let runs: Vec<Run<'_>> = reports.iter().map(|report| run(report, strict)).collect::<io::Result<_>>()?;
    sarif::write_runs(runs, output)
}

fn run(report: &ConformReport, strict: bool) -> io::Result<Run<'_>> {
    let cases = report.cases.iter().enumerate();
    let results = cases.map(|(index, case)| finding(index, case, &report.label, strict));
    Ok(Run::new(report.cases.iter().map(rule).collect(), results.collect::<io::Result<_>>()?))
}

fn rule(case: &CaseRecord) -> Rule<'_> {
    let of_client = || client::catalogue::find(&case.slug).map(|known| known.why);
    let why = catalogue::find(&case.slug).map(|known| known.why).or_else(of_client).unwrap_or_default();
    let full = format!("{}. {why} ({})", case.summary, case.source);
    Rule {
        id: &case.slug,
        short_description: Text::new(case.summary.as_str()),
        full_description: Some(Text::new(full)),
    }
}

/// What passed is a result too, of another kind: so counts agree with those of other formats.
fn finding<'a>(
    rule_index: usize,
    case: &'a CaseRecord,
    label: &'a str,
    strict: bool,
) -> io::Result<Finding<'a>> {
    let (kind, level) = match case.outcome() {
        outcome if outcome.is_wrong(strict) => ("fail", "error"),
        Outcome::Fail | Outcome::UnexpectedPass => ("fail", "error"),
        Outcome::Warn => ("fail", "warning"),
        Outcome::ExpectedFail => ("fail", "note"),
        Outcome::Inconclusive => ("open", "none"),
        Outcome::Skip => ("notApplicable", "none"),
        Outcome::Info => ("informational", "none"),
        Outcome::Pass => ("pass", "none"),
    };
    let properties = Properties {
        outcome: &case.outcome,
        level: &case.level,
        source: &case.source,
        expected: &case.expected,
        actual: &case.actual,
        octets: &case.octets,
        alone: &case.alone,
    };
    Ok(Finding {
        rule_id: &case.slug,
        rule_index,
        kind,
        level,
        message: Text::new(format!("{}: {}", case.outcome, case.told())),
        locations: [Location::named(label)],
        properties: Some(serde_json::to_value(properties)?),
    })
}
