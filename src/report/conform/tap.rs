//! Cases as the Test Anything Protocol, version 14.

use std::io::{self, Write};

use crate::conformance::Outcome;

use super::ConformReport;

pub(super) fn write(report: &ConformReport, output: &mut impl Write) -> io::Result<()> {
    writeln!(output, "TAP version 14\n1..{}", report.cases.len())?;
    for (index, case) in report.cases.iter().enumerate() {
        let outcome = case.outcome();
        let is_fine = !matches!(
            outcome,
            Outcome::Fail | Outcome::UnexpectedPass | Outcome::Inconclusive | Outcome::ExpectedFail
        );
        let word = if is_fine { "ok" } else { "not ok" };
        write!(output, "{word} {} - {} {}", index + 1, case.slug, plain(&case.summary))?;
        match outcome {
            Outcome::Skip => write!(output, " # SKIP {}", plain(&case.actual))?,
            Outcome::ExpectedFail => write!(output, " # TODO {}", plain(&case.actual))?,
            _ => {}
        }
        writeln!(output)?;
        if outcome != Outcome::Pass && outcome != Outcome::Skip {
            let quoted = |text: &str| serde_json::to_string(text).unwrap_or_default();
            writeln!(output, "  ---\n  outcome: {}\n  actual: {}", case.outcome, quoted(&case.actual))?;
            if !case.expected.is_empty() {
                writeln!(output, "  expected: {}", quoted(&case.expected))?;
            }
            writeln!(output, "  ...")?;
        }
    }
    Ok(())
}

/// `#` begins a directive, a line ends a test.
fn plain(text: &str) -> String {
    text.replace('#', "\\#").replace(['\n', '\r'], " ")
}
