//! Reports of several runs side by side.

use std::io::{self, Write};

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::super::model::SCHEMA;
use super::markdown::cell;
use super::{CaseRecord, ConformReport, html};

/// A report that was written as JSON.
#[derive(Clone, Debug)]
pub struct StoredReport(ConformReport);

/// Why text is no report.
#[derive(Debug, thiserror::Error)]
pub enum StoredReportError {
    /// It is not JSON, or has other fields.
    #[error("not a report of ntpcap conform --format json: {0}")]
    Json(#[from] serde_json::Error),
    /// It has another shape than this program knows.
    #[error("written with schema {0}, and this program reads schema {SCHEMA}")]
    Schema(u32),
}

impl StoredReport {
    /// Reads a document: the report of one server, or of each of several.
    ///
    /// # Errors
    /// What is not one.
    pub fn parse(text: &str) -> Result<Vec<StoredReport>, StoredReportError> {
        let has_several = serde_json::from_str::<Shape>(text)?.reports.is_some();
        let reports = match has_several {
            true => serde_json::from_str::<Several>(text)?.reports,
            false => vec![serde_json::from_str(text)?],
        };
        match reports.iter().find(|report| report.schema != SCHEMA) {
            Some(other) => Err(StoredReportError::Schema(other.schema)),
            None => Ok(reports.into_iter().map(StoredReport).collect()),
        }
    }
}

/// What tells which of the two documents it is.
#[derive(Deserialize)]
struct Shape {
    #[serde(default)]
    reports: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Several {
    reports: Vec<ConformReport>,
}

/// Cases and implementations.
#[derive(Debug, Serialize)]
pub struct Matrix {
    labels: Vec<String>,
    rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    slug: String,
    level: String,
    summary: String,
    differs: bool,
    cells: Vec<Cell>,
}

#[derive(Debug, Serialize)]
struct Cell {
    outcome: String,
    told: String,
}

impl Matrix {
    /// Puts reports side by side: a row for each case of any, in the order in which they stand.
    pub fn new(reports: &[StoredReport]) -> Matrix {
        let mut known: Vec<&CaseRecord> = Vec::new();
        for case in reports.iter().flat_map(|report| &report.0.cases) {
            if known.iter().all(|one| one.slug != case.slug) {
                known.push(case);
            }
        }
        let rows = known.into_iter().map(|case| row(case, reports)).collect();
        Matrix { labels: reports.iter().map(|report| report.0.label.clone()).collect(), rows }
    }

    /// Writes it as a page.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write_html(&self, output: &mut impl Write) -> io::Result<()> {
        html::write_matrix(self, output)
    }

    /// Writes it as a table in Markdown.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write_markdown(&self, output: &mut impl Write) -> io::Result<()> {
        let labels: Vec<String> = self.labels.iter().map(|label| cell(label)).collect();
        writeln!(output, "| case | level | {} |", labels.join(" | "))?;
        writeln!(output, "|---|---|{}", "---|".repeat(labels.len()))?;
        for row in &self.rows {
            let outcomes: Vec<String> = row.cells.iter().map(|one| cell(&one.outcome)).collect();
            let (slug, level) = (cell(&row.slug), cell(&row.level));
            writeln!(output, "| {slug} | {level} | {} |", outcomes.join(" | "))?;
        }
        Ok(())
    }
}

fn row(case: &CaseRecord, reports: &[StoredReport]) -> Row {
    let cell = |report: &StoredReport| {
        let found = report.0.cases.iter().find(|one| one.slug == case.slug);
        found.map_or(Cell { outcome: "-".to_owned(), told: String::new() }, |one| Cell {
            outcome: one.outcome.clone(),
            told: one.told(),
        })
    };
    let cells: Vec<Cell> = reports.iter().map(cell).collect();
    let first = cells.first().map(|cell| cell.outcome.clone());
    Row {
        slug: case.slug.clone(),
        level: case.level.clone(),
        summary: case.summary.clone(),
        differs: cells.iter().any(|cell| Some(&cell.outcome) != first.as_ref()),
        cells,
    }
}
