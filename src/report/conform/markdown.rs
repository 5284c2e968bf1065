//! Cases as tables in Markdown.

use std::io::{self, Write};

use super::ConformReport;

pub(super) fn write(reports: &[ConformReport], output: &mut impl Write) -> io::Result<()> {
    let [one] = reports else { return write_several(reports, output) };
    writeln!(output, "# Conformance of {}\n", cell(&one.label))?;
    write_body(one, "##", output)
}

fn write_several(reports: &[ConformReport], output: &mut impl Write) -> io::Result<()> {
    writeln!(output, "# Conformance of {} servers", reports.len())?;
    for report in reports {
        writeln!(output, "\n## {}\n", cell(&report.label))?;
        write_body(report, "###", output)?;
    }
    Ok(())
}

/// Counts, a table for each group, and what explains what is not right. Headings begin with `level`.
fn write_body(report: &ConformReport, level: &str, output: &mut impl Write) -> io::Result<()> {
    writeln!(output, "{} cases: {}.", report.summary.cases, report.summary.counts())?;
    let mut group = "";
    for case in &report.cases {
        let (of, name) = case.names();
        if of != group {
            group = of;
            let columns = "| outcome | case | level | requirement | seen | source |";
            writeln!(output, "\n{level} {group}\n\n{columns}\n|---|---|---|---|---|---|")?;
        }
        let (summary, told, source) = (cell(&case.summary), cell(&case.told()), cell(&case.source));
        writeln!(output, "| {} | {name} | {} | {summary} | {told} | {source} |", case.outcome, case.level)?;
    }
    for case in report.cases.iter().filter(|case| case.is_explained()) {
        writeln!(output, "\n{level} {}: {}\n", case.outcome, cell(&case.slug))?;
        // What is indented so far is shown as it is.
        case.explanation().iter().try_for_each(|line| writeln!(output, "    {}", one_line(line)))?;
    }
    Ok(())
}

fn one_line(text: &str) -> String {
    text.replace(|character: char| character.is_control(), " ")
}

/// What may stand in a cell of a table.
pub(super) fn cell(text: &str) -> String {
    let mut cell = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '|' | '\\' | '<' | '>' | '`' | '*' | '[' | ']' => cell.extend(['\\', character]),
            control if control.is_control() => cell.push(' '),
            other => cell.push(other),
        }
    }
    cell
}
