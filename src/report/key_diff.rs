//! What differs between two key files.

use std::io::{self, Write};

use serde::Serialize;

use super::model::{JsonSchema, SCHEMA};
use super::summary::count;

/// The document of `ntpcap keys diff --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct KeyDiffDocument {
    /// Version of this schema.
    pub schema: u32,
    /// The first file.
    pub a: ComparedFile,
    /// The second file.
    pub b: ComparedFile,
    /// Key IDs that were compared.
    pub keys: usize,
    /// Those whose keys differ, ascending.
    pub differences: Vec<KeyDiffRecord>,
}

/// One of the files.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ComparedFile {
    /// Its name as given.
    pub file: String,
    /// By whose rules it was read.
    pub format: &'static str,
    /// What the program says of the whole file when it loads nothing of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
}

/// A key ID whose keys differ.
#[derive(Debug, Serialize, JsonSchema)]
pub struct KeyDiffRecord {
    /// The key ID.
    pub key_id: u32,
    /// What differs: `missing`, `other-secret`, `other-type`, `other-type-and-secret` or `other-addresses`.
    pub code: &'static str,
    /// Number of its line in the first file, unless it is missing there.
    pub line_a: Option<usize>,
    /// Number of its line in the second file, unless it is missing there.
    pub line_b: Option<usize>,
    /// Of a missing key: the key IDs under which the file that lacks it has its secret.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub same_secret_as: Vec<u32>,
    /// The difference in a sentence.
    pub detail: String,
}

impl KeyDiffDocument {
    /// Joins the parts.
    pub fn new(
        a: ComparedFile,
        b: ComparedFile,
        keys: usize,
        differences: Vec<KeyDiffRecord>,
    ) -> KeyDiffDocument {
        KeyDiffDocument { schema: SCHEMA, a, b, keys, differences }
    }

    /// Writes it as JSON.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write(&self, output: &mut impl Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *output, self)?;
        writeln!(output)?;
        output.flush()
    }

    /// Writes it as text.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write_text(&self, output: &mut impl Write) -> io::Result<()> {
        writeln!(output, "A: {}, read as {}", self.a.file, self.a.format)?;
        writeln!(output, "B: {}, read as {}\n", self.b.file, self.b.format)?;
        for difference in &self.differences {
            let lines = [("A", difference.line_a), ("B", difference.line_b)];
            let lines = lines.iter().filter_map(|(name, line)| Some(format!("{name} line {}", (*line)?)));
            writeln!(output, "{} ({})", difference.detail, lines.collect::<Vec<_>>().join(", "))?;
        }
        for file in [&self.a, &self.b] {
            if let Some(refusal) = &file.refusal {
                writeln!(output, "{}: {refusal}", file.file)?;
            }
        }
        let (keys, differing) = (number(self.keys), number(self.differences.len()));
        match differing {
            0 => writeln!(output, "{}, the same in both", count(keys, "key"))?,
            _ => writeln!(output, "\n{}, {differing} of them not the same in both", count(keys, "key"))?,
        }
        output.flush()
    }
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
