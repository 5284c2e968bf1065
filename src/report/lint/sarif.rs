//! Problems of key files as SARIF, for code scanning of repositories that hold configurations.

use std::io::{self, Write};

use super::super::sarif::{self, Finding, Location, Region, Rule, Text};
use super::{LintProblem, LintReport};

pub(super) fn write(report: &LintReport, output: &mut impl Write) -> io::Result<()> {
    let mut codes: Vec<&str> = report.problems.iter().map(|problem| problem.code).collect();
    codes.sort_unstable();
    codes.dedup();
    let results = report.problems.iter().map(|problem| finding(problem, &codes)).collect();
    sarif::write(codes.iter().map(|code| rule(code)).collect(), results, output)
}

fn rule(code: &str) -> Rule<'_> {
    Rule { id: code, short_description: Text::new(code.replace('-', " ")), full_description: None }
}

fn finding<'a>(problem: &'a LintProblem, codes: &[&str]) -> Finding<'a> {
    let region = problem.line.map(|start_line| {
        let start_column = problem.column.unwrap_or(1);
        Region { start_line, start_column, end_column: start_column + problem.length.unwrap_or(1).max(1) }
    });
    Finding {
        rule_id: problem.code,
        rule_index: codes.binary_search(&problem.code).unwrap_or_default(),
        kind: "fail",
        level: if problem.severity == "info" { "note" } else { problem.severity },
        message: Text::new(message(problem)),
        locations: [Location::in_file(&problem.file, region)],
        properties: None,
    }
}

/// All that is known, in sentences.
fn message(problem: &LintProblem) -> String {
    let mut text = problem.message.clone();
    let program = problem.program.unwrap_or("daemon");
    let parts = [(program, &problem.consequence), ("wire", &problem.wire), ("mend", &problem.mend)];
    for (name, part) in parts {
        if let Some(part) = part {
            text.push_str(&format!(". {name}: {part}"));
        }
    }
    text
}
