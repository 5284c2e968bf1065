//! Cases as JUnit's XML: a suite for each group.

use std::io::{self, Write};

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::conformance::Outcome;

use super::{CaseRecord, ConformReport};

pub(super) fn write(report: &ConformReport, output: &mut impl Write) -> io::Result<()> {
    let mut suites: Vec<TestSuite> = Vec::new();
    for case in &report.cases {
        let (group, _) = case.names();
        if suites.last().is_none_or(|suite| suite.name.as_str() != group) {
            suites.push(TestSuite::new(group));
        }
        if let Some(suite) = suites.last_mut() {
            suite.add_test_case(test_case(case));
        }
    }
    let mut junit = Report::new(format!("ntpcap conform: {}", report.label));
    junit.add_test_suites(suites);
    junit.serialize(&mut *output).map_err(io::Error::other)
}

fn test_case(case: &CaseRecord) -> TestCase {
    let (group, name) = case.names();
    let mut status = match case.outcome() {
        Outcome::Fail | Outcome::UnexpectedPass => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Outcome::Inconclusive => TestCaseStatus::non_success(NonSuccessKind::Error),
        Outcome::Skip | Outcome::ExpectedFail => TestCaseStatus::skipped(),
        Outcome::Pass | Outcome::Info | Outcome::Warn => TestCaseStatus::success(),
    };
    if !matches!(status, TestCaseStatus::Success { .. }) {
        status.set_message(case.told());
        status.set_type(case.outcome.clone());
        status.set_description(case.octets.join("\n"));
    }
    let mut test = TestCase::new(name, status);
    test.set_classname(group);
    if case.outcome() != Outcome::Pass {
        test.set_system_out(format!("{}: {}", case.outcome, case.told()));
    }
    test
}
