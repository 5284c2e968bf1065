//! Cases that are not as they should be, as SARIF 2.1.0.

use std::io::{self, Write};

use serde::Serialize;

use crate::conformance::{Outcome, catalogue, client};

use super::{CaseRecord, ConformReport};

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
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

pub(super) fn write(report: &ConformReport, output: &mut impl Write) -> io::Result<()> {
    let rules = report.cases.iter().map(rule).collect();
    let driver = Driver { name: "ntpcap", version: env!("CARGO_PKG_VERSION"), rules };
    let results = report.cases.iter().enumerate().map(|(index, case)| finding(index, case, &report.label));
    let log = Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [Run { tool: Tool { driver }, results: results.collect() }],
    };
    serde_json::to_writer(&mut *output, &log)?;
    writeln!(output)
}

fn rule(case: &CaseRecord) -> Rule<'_> {
    let of_client = || client::catalogue::find(&case.slug).map(|known| known.why);
    let why = catalogue::find(&case.slug).map(|known| known.why).or_else(of_client).unwrap_or_default();
    let full = format!("{}. {why} ({})", case.summary, case.source);
    Rule {
        id: &case.slug,
        short_description: Text { text: case.summary.as_str().into() },
        full_description: Text { text: full.into() },
    }
}

/// What passed is a result too, of another kind: so counts agree with those of other formats.
fn finding<'a>(rule_index: usize, case: &'a CaseRecord, label: &'a str) -> Finding<'a> {
    let (kind, level) = match case.outcome() {
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
    }
}
