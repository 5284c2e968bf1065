//! Cases that are not as they should be, as SARIF 2.1.0.

use std::io::{self, Write};

use serde::Serialize;

use crate::conformance::{Outcome, catalogue};

use super::{CaseRecord, ConformReport};

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: Vec<Run<'a>>,
}

#[derive(Serialize)]
struct Run<'a> {
    tool: Tool<'a>,
    results: Vec<Finding<'a>>,
}

#[derive(Serialize)]
struct Tool<'a> {
    driver: Driver<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver<'a> {
    name: &'static str,
    version: &'static str,
    rules: Vec<Rule<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule<'a> {
    id: &'a str,
    short_description: Text<'a>,
    full_description: Text<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Finding<'a> {
    rule_id: &'a str,
    rule_index: usize,
    kind: &'static str,
    level: &'static str,
    message: Text<'a>,
    locations: [Location<'a>; 1],
    properties: Properties<'a>,
}

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

#[derive(Serialize)]
struct Text<'a> {
    text: std::borrow::Cow<'a, str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location<'a> {
    logical_locations: [Logical<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Logical<'a> {
    fully_qualified_name: &'a str,
    kind: &'static str,
}

/// A run for each server.
pub(super) fn write(reports: &[ConformReport], strict: bool, output: &mut impl Write) -> io::Result<()> {
    let log = Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: reports.iter().map(|report| run(report, strict)).collect(),
    };
    serde_json::to_writer(&mut *output, &log)?;
    writeln!(output)
}

fn run(report: &ConformReport, strict: bool) -> Run<'_> {
    let rules = report.cases.iter().map(rule).collect();
    let driver = Driver { name: "ntpcap", version: env!("CARGO_PKG_VERSION"), rules };
    let cases = report.cases.iter().enumerate();
    let results = cases.map(|(index, case)| finding(index, case, &report.label, strict)).collect();
    Run { tool: Tool { driver }, results }
}

fn rule(case: &CaseRecord) -> Rule<'_> {
    let why = catalogue::find(&case.slug).map_or("", |known| known.why);
    let full = format!("{}. {why} ({})", case.summary, case.source);
    Rule {
        id: &case.slug,
        short_description: Text { text: case.summary.as_str().into() },
        full_description: Text { text: full.into() },
    }
}

/// What passed is a result too, of another kind: so counts agree with those of other formats.
fn finding<'a>(rule_index: usize, case: &'a CaseRecord, label: &'a str, strict: bool) -> Finding<'a> {
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
    let logical = Logical { fully_qualified_name: label, kind: "resource" };
    Finding {
        rule_id: &case.slug,
        rule_index,
        kind,
        level,
        message: Text { text: format!("{}: {}", case.outcome, case.told()).into() },
        locations: [Location { logical_locations: [logical] }],
        properties: Properties {
            outcome: &case.outcome,
            level: &case.level,
            source: &case.source,
            expected: &case.expected,
            actual: &case.actual,
            octets: &case.octets,
            alone: &case.alone,
        },
    }
}
