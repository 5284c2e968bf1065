//! Problems of key files as text, with a mark below the place in question.

use std::io::{self, Write};

use super::super::page::fold;
use super::super::summary::count;
use super::{LintProblem, LintReport};

pub(super) fn write(report: &LintReport, verbose: bool, output: &mut impl Write) -> io::Result<()> {
    let shown = |problem: &&LintProblem| verbose || problem.severity != "info";
    let mut before = None;
    for problem in report.problems.iter().filter(shown) {
        let place = (&problem.file, problem.line, problem.column);
        write_problem(problem, before == Some(place), output)?;
        before = Some(place);
    }
    if verbose {
        write_path(report, output)?;
    }
    write_associations(report, output)?;
    for reading in &report.programs {
        write_named("keys", &reading.consequence, output)?;
        if let Some(reason) = &reading.reason {
            write_named("", &format!("read as {}: {reason}", reading.program), output)?;
        }
    }
    write_named("found", &found(report, verbose), output)
}

/// How far names stand to the right, and their values.
const INDENT: usize = 2;
const VALUE: usize = 11;

/// What is at the same place as the problem before it needs no mark of its own.
fn write_problem(problem: &LintProblem, is_marked: bool, output: &mut impl Write) -> io::Result<()> {
    let place = match (problem.line, problem.column) {
        (Some(line), Some(column)) => format!("{}:{line}:{column}", problem.file),
        _ => problem.file.clone(),
    };
    let head = format!("{place}: {}: {} [{}]", problem.severity, problem.message, problem.code);
    for line in fold(&head, 0, INDENT) {
        writeln!(output, "{line}")?;
    }
    if !is_marked {
        write_excerpt(problem, output)?;
    }
    let program = problem.program.unwrap_or("daemon");
    for (name, value) in [(program, &problem.consequence), ("wire", &problem.wire), ("mend", &problem.mend)] {
        if let Some(value) = value {
            write_field(name, value, output)?;
        }
    }
    writeln!(output)
}

/// The line, and a mark below the place; of long lines what is around it.
fn write_excerpt(problem: &LintProblem, output: &mut impl Write) -> io::Result<()> {
    let (Some(line), Some(column), Some(excerpt)) = (problem.line, problem.column, &problem.excerpt) else {
        return Ok(());
    };
    let at = column.saturating_sub(1);
    let start = if excerpt.chars().count() <= EXCERPT { 0 } else { at.saturating_sub(EXCERPT / 2) };
    let shown: String = excerpt.chars().skip(start).take(EXCERPT).collect();
    let marks = problem.length.unwrap_or(1).clamp(1, (EXCERPT + start).saturating_sub(at).max(1));
    writeln!(output, "  {line:>6} | {}", shown.trim_end())?;
    writeln!(output, "  {:>6} | {:width$}{}", "", "", "^".repeat(marks), width = at - start)
}

/// Most characters of a line that are shown.
const EXCERPT: usize = 66;

fn write_field(name: &str, value: &str, output: &mut impl Write) -> io::Result<()> {
    let value = fold(value, INDENT + VALUE, INDENT + VALUE);
    let mut lines = value.iter().map(|line| line.trim_start());
    let first = lines.next().unwrap_or_default();
    writeln!(output, "{:INDENT$}{name:<VALUE$}{first}", "")?;
    for line in lines {
        writeln!(output, "{:width$}{line}", "", width = INDENT + VALUE)?;
    }
    Ok(())
}

fn write_named(name: &str, value: &str, output: &mut impl Write) -> io::Result<()> {
    const NAME: usize = 6;
    for (index, line) in fold(value, NAME, NAME).iter().enumerate() {
        let name = if index == 0 { name } else { "" };
        writeln!(output, "{name:<NAME$}{}", line.trim_start())?;
    }
    Ok(())
}

fn write_path(report: &LintReport, output: &mut impl Write) -> io::Result<()> {
    for component in &report.path {
        let target = component.target.as_ref().map_or(String::new(), |target| format!(" -> {target}"));
        let (kind, mode) = (component.kind, &component.mode);
        writeln!(
            output,
            "{mode} {}:{} {kind:<9} {}{target}",
            component.owner, component.group, component.path
        )?;
    }
    if report.path.is_empty() { Ok(()) } else { writeln!(output) }
}

fn write_associations(report: &LintReport, output: &mut impl Write) -> io::Result<()> {
    let Some(configuration) = report.configuration.as_ref().filter(|_| !report.associations.is_empty())
    else {
        return Ok(());
    };
    writeln!(output, "What the wire will show:")?;
    for association in &report.associations {
        let key = association.key_id.map_or(String::new(), |id| format!(" key {id}"));
        let line = association.line;
        let (directive, address) = (&association.directive, &association.address);
        writeln!(output, "{configuration}:{line}: {directive} {address}{key}")?;
        write_field(association.program, &association.wire, output)?;
    }
    writeln!(output)
}

fn found(report: &LintReport, verbose: bool) -> String {
    let summary = report.summary;
    let number = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let mut parts = Vec::new();
    for (found, noun) in
        [(summary.errors, "error"), (summary.warnings, "warning"), (summary.remarks, "remark")]
    {
        if found > 0 {
            parts.push(count(number(found), noun));
        }
    }
    let hidden = if verbose || summary.remarks == 0 { "" } else { " (-v shows remarks)" };
    if parts.is_empty() { "nothing to mend".to_owned() } else { format!("{}{hidden}", parts.join(", ")) }
}
