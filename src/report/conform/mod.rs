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

use crate::conformance::{Case, CaseResult, Context, Outcome};

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
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
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

impl ConformReport {
    /// The report of results. `alone` is the command that runs one case, but for its slug.
    pub fn new(
        label: &str,
        results: &[CaseResult],
        context: &Context,
        ended: Option<&str>,
        alone: &str,
    ) -> ConformReport {
        let cases: Vec<CaseRecord> = results.iter().map(|result| record(result, context, alone)).collect();
        let honoured = context.facts.honoured.iter().map(|key_id| key_id.0).collect();
        ConformReport::of_records(label, cases, honoured, ended)
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

    /// Writes it in that form. With `verbose`, text tells more of what passed.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write(&self, format: Format, verbose: bool, output: &mut impl Write) -> io::Result<()> {
        match format {
            Format::Text => text::write(self, verbose, output),
            Format::Json => {
                serde_json::to_writer(&mut *output, self)?;
                writeln!(output)
            }
            Format::Ndjson => self.write_ndjson(output),
            Format::Junit => junit::write(self, output),
            Format::Tap => tap::write(self, output),
            Format::Markdown => markdown::write(self, output),
            Format::Sarif => sarif::write(self, output),
            Format::Html => html::write(self, output),
        }
    }

    fn write_ndjson(&self, output: &mut impl Write) -> io::Result<()> {
        let summary = ConformRecord::Summary(&self.summary);
        let records = self.cases.iter().map(ConformRecord::Case).chain([summary]);
        for record in records {
            serde_json::to_writer(&mut *output, &record)?;
            writeln!(output)?;
        }
        Ok(())
    }

    /// How many cases had that outcome.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.summary.outcomes.get(outcome.name()).copied().unwrap_or_default()
    }
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

    /// Expected and seen, where something was expected.
    fn told(&self) -> String {
        match self.expected.is_empty() {
            true => self.actual.clone(),
            false => format!("expected {}, got {}", self.expected, self.actual),
        }
    }
}

fn record(result: &CaseResult, context: &Context, alone: &str) -> CaseRecord {
    let Case { slug, level, source, summary, .. } = result.case;
    let judgement = &result.judgement;
    let is_shown = !matches!(judgement.outcome, Outcome::Pass | Outcome::Info | Outcome::Skip);
    let exchange = judgement.exchange.filter(|_| is_shown).and_then(|number| result.exchanges.get(number));
    let evidence = exchange.map(|exchange| evidence::of(exchange, context));
    let (sent, received, octets) = evidence.unwrap_or_default();
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
        alone: format!("{alone} --only {slug}"),
        phases: Vec::new(),
    }
}
