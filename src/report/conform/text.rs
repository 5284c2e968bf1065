//! Cases as lines: a tree of groups, and what the catalogue says of one.

use std::io::{self, Write};

use serde::Serialize;

use crate::conformance::{Case, Outcome};

use super::super::page::fold;
use super::{CaseRecord, ConformReport};

/// Columns of an outcome's word.
const OUTCOME: usize = 15;

/// Writes every case below its group, server after server. What did not pass is explained; with `verbose`, what passed
/// too.
pub(super) fn write(reports: &[ConformReport], verbose: bool, output: &mut impl Write) -> io::Result<()> {
    for (number, report) in reports.iter().enumerate() {
        if number > 0 {
            writeln!(output)?;
        }
        write_one(report, verbose, output)?;
    }
    Ok(())
}

fn write_one(report: &ConformReport, verbose: bool, output: &mut impl Write) -> io::Result<()> {
    let mut group = "";
    for case in &report.cases {
        let (of, name) = case.names();
        if of != group {
            group = of;
            writeln!(output, "{group}")?;
        }
        writeln!(output, "  {:<OUTCOME$} {name}", case.outcome)?;
        write_detail(case, verbose, output)?;
    }
    writeln!(output, "\n{}: {} cases: {}", report.label, report.summary.cases, report.summary.counts())?;
    if let Some(ended) = &report.summary.ended {
        writeln!(output, "ended early: {ended}")?;
    }
    Ok(())
}

fn write_detail(case: &CaseRecord, verbose: bool, output: &mut impl Write) -> io::Result<()> {
    let outcome = case.outcome();
    if outcome == Outcome::Pass && !verbose {
        return Ok(());
    }
    write_field("asked", &case.summary, output)?;
    let lines = [("expected", &case.expected), ("got", &case.actual), ("source", &case.source)];
    let is_wrong = matches!(outcome, Outcome::Fail | Outcome::Warn | Outcome::UnexpectedPass);
    for (name, value) in
        lines.into_iter().filter(|(name, value)| !value.is_empty() && (is_wrong || *name != "source"))
    {
        write_field(name, value, output)?;
    }
    if is_wrong || verbose {
        for line in &case.octets {
            writeln!(output, "      {line}")?;
        }
    }
    if is_wrong {
        writeln!(output, "      alone:    {}", case.alone)?;
    }
    Ok(())
}

/// Writes a value behind its name, folded.
fn write_field(name: &str, value: &str, output: &mut impl Write) -> io::Result<()> {
    const INDENT: usize = 16;
    for (number, line) in fold(value, INDENT, INDENT).iter().enumerate() {
        let name = if number == 0 { format!("{name}:") } else { String::new() };
        writeln!(output, "      {name:<10}{}", line.trim_start())?;
    }
    Ok(())
}

/// Writes what the catalogue has, a line each.
///
/// # Errors
/// Those of writing.
pub fn write_list<'c>(cases: impl IntoIterator<Item = &'c Case>, output: &mut impl Write) -> io::Result<()> {
    for case in cases {
        let (slug, level, tags) = (case.slug, case.level.name(), case.tags().join(", "));
        let tags = if tags.is_empty() { tags } else { format!(" [{tags}]") };
        writeln!(output, "{slug:<42} {level:<9} {}{tags}", case.summary)?;
    }
    Ok(())
}

/// One entry of the catalogue in JSON.
#[derive(Serialize)]
struct Entry {
    slug: &'static str,
    level: &'static str,
    source: &'static str,
    summary: &'static str,
    why: &'static str,
    differs: &'static str,
    tags: Vec<String>,
}

/// Writes what the catalogue has as a JSON array.
///
/// # Errors
/// Those of writing.
pub fn write_catalogue(cases: &[&'static Case], output: &mut impl Write) -> io::Result<()> {
    let entry = |case: &&'static Case| {
        let Case { slug, source, summary, why, differs, .. } = **case;
        Entry { slug, level: case.level.name(), source, summary, why, differs, tags: case.tags() }
    };
    let entries: Vec<Entry> = cases.iter().map(entry).collect();
    serde_json::to_writer(&mut *output, &entries)?;
    writeln!(output)
}

/// Writes all that the catalogue says of a case.
///
/// # Errors
/// Those of writing.
pub fn write_case(case: &Case, output: &mut impl Write) -> io::Result<()> {
    writeln!(output, "{}\n", case.slug)?;
    let sentence = |text: &str| format!("{}.", text.trim_end_matches('.'));
    for text in [case.summary, case.why] {
        fold(&sentence(text), 0, 0).iter().try_for_each(|line| writeln!(output, "{line}"))?;
        writeln!(output)?;
    }
    writeln!(output, "level:   {}\nsource:  {}", case.level.name(), case.source)?;
    writeln!(output, "tags:    {}", case.tags().join(", "))?;
    if !case.differs.is_empty() {
        writeln!(output, "differs: {}", case.differs)?;
    }
    Ok(())
}
