//! What became of the cases of conformance: one record each, and every format that renders them.

mod client;
mod evidence;
mod html;
mod junit;
mod markdown;
mod matrix;
mod sarif;
mod suite;
mod tap;
mod text;

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use crate::conformance::runner::SANITY;
use crate::conformance::{Case, CaseResult, Context, Exchange, Outcome, Shown};

use super::model::{JsonSchema, SCHEMA};

pub use client::{EvidenceRecord, PhaseRecord};
pub use matrix::{Matrix, StoredReport, StoredReportError};
pub use suite::{About, Question, SuiteReport};
pub use text::{
    write_case, write_catalogue, write_client_case, write_client_catalogue, write_client_list, write_list,
};

/// One line of `ntpcap conform --format ndjson`.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum ConformRecord<'a> {
    /// What became of a case.
    Case(&'a CaseRecord),
    /// The last record.
    Summary(&'a ConformSummary),
}

/// What was run, and what became of it: the document of `ntpcap conform --format json`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ConformReport {
    /// Version of this schema.
    pub schema: u32,
    /// What was tested, as it is called in reports.
    pub label: String,
    /// The cases, in their order.
    pub cases: Vec<CaseRecord>,
    /// Counts.
    pub summary: ConformSummary,
}

/// The document of `ntpcap conform judge --format json` where captures show several servers, or none.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ConformReports<'a> {
    /// Version of this schema.
    pub schema: u32,
    /// One for each server.
    pub reports: &'a [ConformReport],
}

/// What a report is made of.
#[derive(Clone, Copy, Debug)]
pub struct Run<'r> {
    /// What became of the cases.
    pub results: &'r [CaseResult],
    /// All exchanges with the slugs of their cases, where cases look at those of others.
    pub exchanges: &'r [(&'static str, Exchange)],
    /// What cases were judged in.
    pub context: &'r Context,
    /// Why not all was asked.
    pub ended: Option<&'r str>,
}

/// How results are told.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// In which form.
    pub format: Format,
    /// Whether text tells more of what passed.
    pub verbose: bool,
    /// Whether warnings are failures, in forms that have failures.
    pub strict: bool,
}

/// Counts over all cases.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ConformSummary {
    /// Version of this schema.
    pub schema: u32,
    /// What was tested.
    pub label: String,
    /// Cases that were selected.
    pub cases: usize,
    /// How many had which outcome.
    pub outcomes: BTreeMap<String, usize>,
    /// Keys that the server honours.
    pub honoured_keys: Vec<u32>,
    /// Why not all was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
}

/// What became of a case.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct CaseRecord {
    /// The case.
    pub slug: String,
    /// How strongly it is asked for: `must`, `should`, `may` or `observed`.
    pub level: String,
    /// RFC and section, or practice.
    pub source: String,
    /// The requirement.
    pub summary: String,
    /// `pass`, `info`, `skip`, `warn`, `inconclusive`, `expected-fail`, `unexpected-pass` or `fail`.
    pub outcome: String,
    /// What would have been right, where it was not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub expected: String,
    /// What was seen, or why nothing can be said.
    pub actual: String,
    /// The request that shows it, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<String>,
    /// What came for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub received: Vec<String>,
    /// Request and replies octet by octet, on lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub octets: Vec<String>,
    /// The command that runs it alone.
    pub alone: String,
    /// Of a client: how it was served, and what it believed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<PhaseRecord>,
}

/// In which form results are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A tree of lines.
    Text,
    /// One document.
    Json,
    /// A record a case.
    Ndjson,
    /// XML as JUnit writes it.
    Junit,
    /// Test Anything Protocol, version 14.
    Tap,
    /// Tables.
    Markdown,
    /// Static analysis results, version 2.1.0.
    Sarif,
    /// A page of its own.
    Html,
}

impl Format {
    /// Every form.
    pub const ALL: [Format; 8] = [
        Format::Text,
        Format::Json,
        Format::Ndjson,
        Format::Junit,
        Format::Tap,
        Format::Markdown,
        Format::Sarif,
        Format::Html,
    ];

    /// The word for it on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Format::Text => "text",
            Format::Json => "json",
            Format::Ndjson => "ndjson",
            Format::Junit => "junit",
            Format::Tap => "tap",
            Format::Markdown => "markdown",
            Format::Sarif => "sarif",
            Format::Html => "html",
        }
    }
}

impl ConformReport {
    /// The report of a run. `alone` gives the command that runs cases of those slugs alone.
    pub fn new(label: &str, run: &Run<'_>, alone: &dyn Fn(&[&str]) -> String) -> ConformReport {
        let cases: Vec<CaseRecord> = run.results.iter().map(|result| record(result, run, alone)).collect();
        let honoured = run.context.facts.honoured.iter().map(|key_id| key_id.0).collect();
        ConformReport::of_records(label, cases, honoured, run.ended)
    }

    fn of_records(
        label: &str,
        cases: Vec<CaseRecord>,
        honoured_keys: Vec<u32>,
        ended: Option<&str>,
    ) -> ConformReport {
        let mut outcomes = BTreeMap::new();
        for case in &cases {
            *outcomes.entry(case.outcome.clone()).or_default() += 1;
        }
        let summary = ConformSummary {
            schema: SCHEMA,
            label: label.to_owned(),
            cases: cases.len(),
            outcomes,
            honoured_keys,
            ended: ended.map(str::to_owned),
        };
        ConformReport { schema: SCHEMA, label: label.to_owned(), cases, summary }
    }

    /// How many cases had that outcome.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.summary.outcomes.get(outcome.name()).copied().unwrap_or_default()
    }
}

/// Writes reports as one document; lines follow each other.
///
/// # Errors
/// Those of writing.
pub fn write(reports: &[ConformReport], style: Style, output: &mut impl Write) -> io::Result<()> {
    match style.format {
        Format::Text => text::write(reports, style.verbose, output),
        Format::Json => write_json(reports, output),
        Format::Ndjson => reports.iter().try_for_each(|report| write_ndjson(report, output)),
        Format::Junit => junit::write(reports, style.strict, output),
        Format::Tap => tap::write(reports, style.strict, output),
        Format::Markdown => markdown::write(reports, output),
        Format::Sarif => sarif::write(reports, style.strict, output),
        Format::Html => html::write(reports, output),
    }
}

fn write_json(reports: &[ConformReport], output: &mut impl Write) -> io::Result<()> {
    match reports {
        [one] => serde_json::to_writer(&mut *output, one)?,
        _ => serde_json::to_writer(&mut *output, &ConformReports { schema: SCHEMA, reports })?,
    }
    writeln!(output)
}

fn write_ndjson(report: &ConformReport, output: &mut impl Write) -> io::Result<()> {
    let summary = ConformRecord::Summary(&report.summary);
    for record in report.cases.iter().map(ConformRecord::Case).chain([summary]) {
        serde_json::to_writer(&mut *output, &record)?;
        writeln!(output)?;
    }
    Ok(())
}

impl ConformSummary {
    /// The counts in words, the outcomes in their order.
    fn counts(&self) -> String {
        let of = |outcome: &Outcome| Some(format!("{} {outcome}", self.outcomes.get(outcome.name())?));
        Outcome::ALL.iter().filter_map(of).collect::<Vec<_>>().join(", ")
    }
}

impl CaseRecord {
    /// The outcome.
    fn outcome(&self) -> Outcome {
        Outcome::from_name(&self.outcome).unwrap_or(Outcome::Inconclusive)
    }

    /// The group and the rest of the slug.
    fn names(&self) -> (&str, &str) {
        self.slug.split_once('/').unwrap_or(("", &self.slug))
    }

    /// True for what is to be explained: all but what is right or was not asked.
    fn is_explained(&self) -> bool {
        !matches!(self.outcome(), Outcome::Pass | Outcome::Info | Outcome::Skip)
    }

    /// All that explains it, on lines.
    fn explanation(&self) -> Vec<String> {
        let named = [
            ("asked", &self.summary),
            ("expected", &self.expected),
            ("got", &self.actual),
            ("level", &self.level),
            ("source", &self.source),
        ];
        let named = named.into_iter().filter(|(_, value)| !value.is_empty());
        let lines = named.map(|(name, value)| format!("{name}: {value}"));
        let alone = format!("alone: {}", self.alone);
        lines.chain(self.octets.iter().cloned()).chain([alone]).collect()
    }

    /// Expected and seen, where something was expected.
    fn told(&self) -> String {
        match self.expected.is_empty() {
            true => self.actual.clone(),
            false => format!("expected {}, got {}", self.expected, self.actual),
        }
    }
}

fn record(result: &CaseResult, run: &Run<'_>, alone: &dyn Fn(&[&str]) -> String) -> CaseRecord {
    let Case { slug, level, source, summary, .. } = result.case;
    let judgement = &result.judgement;
    let is_shown = !matches!(judgement.outcome, Outcome::Pass | Outcome::Info | Outcome::Skip);
    let shown = judgement.exchange.filter(|_| is_shown).and_then(|shown| run.shown(shown, result));
    let evidence = shown.map(|(_, exchange)| evidence::of(exchange, judgement.reply, run.context));
    let (sent, received, octets) = evidence.unwrap_or_default();
    // The exchange of another case is there only when that is asked too.
    let other = shown.map(|(case, _)| case).filter(|case| case != slug && *case != SANITY);
    let slugs: Vec<&str> = other.into_iter().chain([*slug]).collect();
    CaseRecord {
        slug: (*slug).to_owned(),
        level: level.name().to_owned(),
        source: (*source).to_owned(),
        summary: (*summary).to_owned(),
        outcome: judgement.outcome.name().to_owned(),
        expected: judgement.expected.clone(),
        actual: judgement.actual.clone(),
        sent,
        received,
        octets,
        alone: alone(&slugs),
        phases: Vec::new(),
    }
}

impl<'r> Run<'r> {
    /// An exchange that shows something, and the slug of its case.
    fn shown(&self, shown: Shown, result: &'r CaseResult) -> Option<(&'static str, &'r Exchange)> {
        match shown {
            Shown::Own(number) => Some((result.case.slug, result.exchanges.get(number)?)),
            Shown::Run(number) => self.exchanges.get(number).map(|(slug, exchange)| (*slug, exchange)),
        }
    }
}
