//! Cases that are not as they should be, as SARIF 2.1.0.

use std::io::{self, Write};

use crate::conformance::{Outcome, catalogue};

use super::super::sarif::{self, Finding, Location, Rule, Text};
use super::{CaseRecord, ConformReport};

pub(super) fn write(report: &ConformReport, output: &mut impl Write) -> io::Result<()> {
    let rules = report.cases.iter().map(rule).collect();
    let results = report.cases.iter().enumerate().map(|(index, case)| finding(index, case, &report.label));
    sarif::write(rules, results.collect(), output)
}

fn rule(case: &CaseRecord) -> Rule<'_> {
    let why = catalogue::find(&case.slug).map_or("", |known| known.why);
    let full = format!("{}. {why} ({})", case.summary, case.source);
    Rule {
        id: &case.slug,
        short_description: Text::new(case.summary.as_str()),
        full_description: Some(Text::new(full)),
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
    Finding {
        rule_id: &case.slug,
        rule_index,
        kind,
        level,
        message: Text::new(format!("{}: {}", case.outcome, case.told())),
        locations: [Location::named(label)],
    }
}
