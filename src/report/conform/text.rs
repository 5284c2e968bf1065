//! Cases as lines: a tree of groups, and what the catalogue says of one.

use std::io::{self, Write};

use serde::Serialize;

use crate::conformance::client::{ClientCase, Test};
use crate::conformance::selection::Listed;
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

/// What the catalogues say of a case.
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

impl From<&Case> for Entry {
    fn from(case: &Case) -> Entry {
        let Case { slug, source, summary, why, differs, .. } = *case;
        Entry { slug, level: case.level.name(), source, summary, why, differs, tags: case.tags() }
    }
}

impl From<&ClientCase> for Entry {
    fn from(case: &ClientCase) -> Entry {
        let ClientCase { slug, source, summary, why, differs, .. } = *case;
        Entry { slug, level: case.level.name(), source, summary, why, differs, tags: case.tags() }
    }
}

/// Writes what a catalogue has, a line each.
///
/// # Errors
/// Those of writing.
pub fn write_list<'c>(cases: impl IntoIterator<Item = &'c Case>, output: &mut impl Write) -> io::Result<()> {
    write_lines(cases.into_iter().map(Entry::from), output)
}

/// As [`write_list`], of cases of clients.
///
/// # Errors
/// Those of writing.
pub fn write_client_list<'c>(
    cases: impl IntoIterator<Item = &'c ClientCase>,
    output: &mut impl Write,
) -> io::Result<()> {
    write_lines(cases.into_iter().map(Entry::from), output)
}

fn write_lines(entries: impl Iterator<Item = Entry>, output: &mut impl Write) -> io::Result<()> {
    for Entry { slug, level, summary, tags, .. } in entries {
        let tags = if tags.is_empty() { String::new() } else { format!(" [{}]", tags.join(", ")) };
        writeln!(output, "{slug:<42} {level:<9} {summary}{tags}")?;
    }
    Ok(())
}

/// Writes what the catalogue has as a JSON array.
///
/// # Errors
/// Those of writing.
pub fn write_catalogue(cases: &[&'static Case], output: &mut impl Write) -> io::Result<()> {
    write_json(cases.iter().map(|case| Entry::from(*case)), output)
}

/// As [`write_catalogue`], of cases of clients.
///
/// # Errors
/// Those of writing.
pub fn write_client_catalogue(cases: &[&'static ClientCase], output: &mut impl Write) -> io::Result<()> {
    write_json(cases.iter().map(|case| Entry::from(*case)), output)
}

fn write_json(entries: impl Iterator<Item = Entry>, output: &mut impl Write) -> io::Result<()> {
    let entries: Vec<Entry> = entries.collect();
    serde_json::to_writer(&mut *output, &entries)?;
    writeln!(output)
}

/// Writes all that the catalogue says of a case.
///
/// # Errors
/// Those of writing.
pub fn write_case(case: &Case, output: &mut impl Write) -> io::Result<()> {
    write_entry(&Entry::from(case), output)
}

/// As [`write_case`], of a case of clients; and the faults that it is served with.
///
/// # Errors
/// Those of writing.
pub fn write_client_case(case: &ClientCase, output: &mut impl Write) -> io::Result<()> {
    write_entry(&Entry::from(case), output)?;
    if let Test::Fault(test) = &case.test {
        writeln!(output, "faults:  {}", test.faults.join(" "))?;
    }
    Ok(())
}

fn write_entry(entry: &Entry, output: &mut impl Write) -> io::Result<()> {
    writeln!(output, "{}\n", entry.slug)?;
    let sentence = |text: &str| format!("{}.", text.trim_end_matches('.'));
    for text in [entry.summary, entry.why] {
        fold(&sentence(text), 0, 0).iter().try_for_each(|line| writeln!(output, "{line}"))?;
        writeln!(output)?;
    }
    writeln!(output, "level:   {}\nsource:  {}", entry.level, entry.source)?;
    if !entry.differs.is_empty() {
        writeln!(output, "differs: {}", entry.differs)?;
    }
    Ok(())
}
