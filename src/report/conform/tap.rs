//! Cases as the Test Anything Protocol, version 14.

use std::io::{self, Write};

use crate::conformance::Outcome;

use super::{CaseRecord, ConformReport};

pub(super) fn write(reports: &[ConformReport], strict: bool, output: &mut impl Write) -> io::Result<()> {
    let count: usize = reports.iter().map(|report| report.cases.len()).sum();
    writeln!(output, "TAP version 14\n1..{count}")?;
    let mut number = 0;
    for report in reports {
        let label = if reports.len() > 1 { format!("{} ", plain(&report.label)) } else { String::new() };
        for case in &report.cases {
            number += 1;
            write_case(number, &label, case, strict, output)?;
        }
    }
    Ok(())
}

fn write_case(
    number: usize,
    label: &str,
    case: &CaseRecord,
    strict: bool,
    output: &mut impl Write,
) -> io::Result<()> {
    let outcome = case.outcome();
    let is_open = matches!(outcome, Outcome::Inconclusive | Outcome::ExpectedFail);
    let word = if is_open || outcome.is_wrong(strict) { "not ok" } else { "ok" };
    write!(output, "{word} {number} - {label}{} {}", case.slug, plain(&case.summary))?;
    match outcome {
        Outcome::Skip => writeln!(output, " # SKIP {}", plain(&case.actual)),
        Outcome::ExpectedFail => writeln!(output, " # TODO {}", plain(&case.actual)),
        _ => writeln!(output),
    }?;
    match outcome {
        Outcome::Pass | Outcome::Skip => Ok(()),
        _ => write_diagnostic(case, output),
    }
}

/// A block of YAML. Strings of JSON are strings there too.
fn write_diagnostic(case: &CaseRecord, output: &mut impl Write) -> io::Result<()> {
    let quoted = |text: &str| serde_json::to_string(text).unwrap_or_default();
    writeln!(output, "  ---\n  outcome: {}\n  level: {}", case.outcome, quoted(&case.level))?;
    let named = [
        ("source", &case.source),
        ("expected", &case.expected),
        ("actual", &case.actual),
        ("alone", &case.alone),
    ];
    for (name, value) in named.into_iter().filter(|(_, value)| !value.is_empty()) {
        writeln!(output, "  {name}: {}", quoted(value))?;
    }
    if !case.octets.is_empty() {
        writeln!(output, "  octets:")?;
        case.octets.iter().try_for_each(|line| writeln!(output, "    - {}", quoted(line)))?;
    }
    writeln!(output, "  ...")
}

/// `#` begins a directive, a line ends a test.
fn plain(text: &str) -> String {
    text.replace('#', "\\#").replace(['\n', '\r'], " ")
}
