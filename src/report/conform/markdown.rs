//! Cases as tables in Markdown.

use std::io::{self, Write};

use super::ConformReport;

pub(super) fn write(report: &ConformReport, output: &mut impl Write) -> io::Result<()> {
    writeln!(output, "# Conformance of {}\n", cell(&report.label))?;
    writeln!(output, "{} cases: {}.", report.summary.cases, report.summary.counts())?;
    let mut group = "";
    for case in &report.cases {
        let (of, name) = case.names();
        if of != group {
            group = of;
            writeln!(
                output,
                "\n## {group}\n\n| outcome | case | level | requirement | seen |\n|---|---|---|---|---|"
            )?;
        }
        let (level, summary, told) = (&case.level, cell(&case.summary), cell(&case.told()));
        writeln!(output, "| {} | {name} | {level} | {summary} | {told} |", case.outcome)?;
    }
    Ok(())
}

/// What may stand in a cell of a table.
pub(super) fn cell(text: &str) -> String {
    let mut cell = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '|' | '\\' | '<' | '>' | '`' | '*' | '[' | ']' => cell.extend(['\\', character]),
            '\n' | '\r' => cell.push(' '),
            other => cell.push(other),
        }
    }
    cell
}
