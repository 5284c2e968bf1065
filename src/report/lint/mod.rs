//! What is wrong with a key file: one record each, as JSON, SARIF and text.

mod sarif;
mod text;

use std::io::{self, Write};

use serde::Serialize;

use super::model::JsonSchema;

/// The document of `ntpcap keys lint --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LintReport {
    /// Version of this schema.
    pub schema: u32,
    /// The key file as named.
    pub file: String,
    /// The configuration, where one was compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configuration: Option<String>,
    /// What each program makes of the file; empty when it could not be read.
    pub programs: Vec<ReadingRecord>,
    /// The components of its path, links included, in the order in which they are met.
    pub path: Vec<ComponentRecord>,
    /// What is wrong or worth knowing, by place.
    pub problems: Vec<LintProblem>,
    /// What each host that the configuration names will be sent.
    pub associations: Vec<AssociationRecord>,
    /// Counts.
    pub summary: LintSummary,
}

/// What a program makes of a key file.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ReadingRecord {
    /// The program: `ntp.org`, `ntpsec`, `chrony`.
    pub program: &'static str,
    /// Why the file is read as its; absent where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What it comes to for the running program.
    pub consequence: String,
    /// True when any of the keys load.
    pub loads: bool,
    /// The keys that its lines give.
    pub keys: Vec<KeyRecord>,
}

/// A key of a file, without its secret.
#[derive(Debug, Serialize, JsonSchema)]
pub struct KeyRecord {
    /// Number of its line, from 1.
    pub line: usize,
    /// Its key ID.
    pub key_id: u32,
    /// Its algorithm.
    pub algorithm: String,
    /// Octets of the secret as the program uses it; absent for algorithms that are not computed here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_octets: Option<usize>,
    /// False where another line with the same key ID is used.
    pub used: bool,
}

/// A directory, link or file on the way to the key file.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ComponentRecord {
    /// Its path, without links before it.
    pub path: String,
    /// `directory`, `link`, `file`, `other`.
    pub kind: &'static str,
    /// Where a link points, as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Its owner.
    pub owner: String,
    /// Its group.
    pub group: String,
    /// Its mode in octal digits.
    pub mode: String,
}

/// Something to mend, or worth knowing.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LintProblem {
    /// Its stable name.
    pub code: &'static str,
    /// `info`, `warning`, `error`.
    pub severity: &'static str,
    /// The file, directory or configuration that it is in.
    pub file: String,
    /// Number of the line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Number of the first octet in the line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// Number of octets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<usize>,
    /// The line, a character for each octet, with asterisks for secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<String>,
    /// The program that it is about; absent for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<&'static str>,
    /// The key that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<u32>,
    /// What it is.
    pub message: String,
    /// What the program does about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consequence: Option<String>,
    /// What is seen on the wire.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wire: Option<String>,
    /// What to change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

/// What a host that a configuration names will be sent.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AssociationRecord {
    /// Number of the line, from 1.
    pub line: usize,
    /// `server`, `peer`, `pool`, `broadcast`, `manycastclient`.
    pub directive: String,
    /// The host as written.
    pub address: String,
    /// The program that is configured.
    pub program: &'static str,
    /// The key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<u32>,
    /// `authenticated`, `plain`, `nts`, `nothing`.
    pub sent: &'static str,
    /// What the wire will show.
    pub wire: String,
}

/// Counts of problems.
#[derive(Clone, Copy, Debug, Default, Serialize, JsonSchema)]
pub struct LintSummary {
    /// Those of severity `error`.
    pub errors: usize,
    /// Those of severity `warning`.
    pub warnings: usize,
    /// Those of severity `info`.
    pub remarks: usize,
}

impl LintSummary {
    /// Counts problems.
    pub fn of(problems: &[LintProblem]) -> LintSummary {
        let count = |severity| problems.iter().filter(|problem| problem.severity == severity).count();
        LintSummary { errors: count("error"), warnings: count("warning"), remarks: count("info") }
    }

    /// True when there is something to mend.
    pub fn is_wrong(self) -> bool {
        self.errors + self.warnings > 0
    }
}

impl LintReport {
    /// Writes it as one JSON document.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write_json(&self, output: &mut impl Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *output, self)?;
        writeln!(output)
    }

    /// Writes it as SARIF 2.1.0.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write_sarif(&self, output: &mut impl Write) -> io::Result<()> {
        sarif::write(self, output)
    }

    /// Writes it as text; remarks and the path with `verbose` alone.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write_text(&self, verbose: bool, output: &mut impl Write) -> io::Result<()> {
        text::write(self, verbose, output)
    }
}
