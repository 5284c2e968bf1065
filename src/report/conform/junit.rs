//! Cases as JUnit's XML: a suite for each group, of each server where there are several.

use std::io::{self, Write};

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::conformance::Outcome;

use super::{CaseRecord, ConformReport};

pub(super) fn write(reports: &[ConformReport], strict: bool, output: &mut impl Write) -> io::Result<()> {
    let labels: Vec<&str> = reports.iter().map(|report| report.label.as_str()).collect();
    let mut junit = Report::new(format!("ntpcap conform: {}", labels.join(", ")));
    for report in reports {
        let prefix = if reports.len() > 1 { format!("{} ", report.label) } else { String::new() };
        junit.add_test_suites(suites(report, &prefix, strict));
    }
    junit.serialize(&mut *output).map_err(io::Error::other)
}

fn suites(report: &ConformReport, prefix: &str, strict: bool) -> Vec<TestSuite> {
    let mut suites: Vec<TestSuite> = Vec::new();
    for case in &report.cases {
        let (group, _) = case.names();
        let name = format!("{prefix}{group}");
        if suites.last().is_none_or(|suite| suite.name.as_str() != name) {
            suites.push(TestSuite::new(name));
        }
        if let Some(suite) = suites.last_mut() {
            suite.add_test_case(test_case(case, prefix, strict));
        }
    }
    suites
}

fn test_case(case: &CaseRecord, prefix: &str, strict: bool) -> TestCase {
    let (group, name) = case.names();
    let mut status = match case.outcome() {
        outcome if outcome.is_wrong(strict) => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Outcome::Inconclusive => TestCaseStatus::non_success(NonSuccessKind::Error),
        Outcome::Skip | Outcome::ExpectedFail => TestCaseStatus::skipped(),
        _ => TestCaseStatus::success(),
    };
    let explanation = || case.explanation().join("\n");
    if !matches!(status, TestCaseStatus::Success { .. }) {
        status.set_message(case.told());
        status.set_type(case.outcome.clone());
        if case.is_explained() {
            status.set_description(explanation());
        }
    }
    let is_success = matches!(status, TestCaseStatus::Success { .. });
    let mut test = TestCase::new(name, status);
    test.set_classname(format!("{prefix}{group}"));
    if case.outcome() != Outcome::Pass {
        let more =
            if is_success && case.is_explained() { format!("\n{}", explanation()) } else { String::new() };
        test.set_system_out(format!("{}: {}{more}", case.outcome, case.told()));
    }
    test
}
