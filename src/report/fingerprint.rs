//! Fingerprints of keys, for comparing two hosts.

use std::io::{self, Write};

use serde::Serialize;

use super::model::JsonSchema;

/// The document of `ntpcap keys fingerprint --json`.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct FingerprintDocument {
    /// Version of this schema.
    pub schema: u32,
    /// The key file, as named.
    pub file: String,
    /// By whose rules it was read.
    pub format: &'static str,
    /// Why by those, where they were not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format_reason: Option<String>,
    /// The salt. Fingerprints under different salts cannot be compared.
    pub salt: String,
    /// What the program says of the whole file when it loads nothing of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// The same of ntp.org 4.2.8p15 and earlier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub older_refusal: Option<String>,
    /// Each key that lines define, in their order; of several with one ID the one that is used.
    pub keys: Vec<FingerprintRecord>,
}

/// One key.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FingerprintRecord {
    /// The key ID.
    pub key_id: u32,
    /// Number of its line, from 1.
    pub line: usize,
    /// Its algorithm, or the program's name for one that is not computed here.
    pub algorithm: String,
    /// Octets of the secret that the program computes with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub octets: Option<usize>,
    /// The fingerprint of these octets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// The fingerprint of the octets that ntp.org 4.2.8p15 and earlier use, where they are others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub older_fingerprint: Option<String>,
    /// False when some octets are a guess, or the algorithm is not computed here.
    pub certain: bool,
}

impl FingerprintDocument {
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
        writeln!(output, "{}, read as {}, salt {}", self.file, self.format, self.salt)?;
        if !self.keys.is_empty() {
            writeln!(output, "\n{:>10}  {:<12} {:>6}  fingerprint", "key", "type", "octets")?;
        }
        for key in &self.keys {
            key.write_text(output)?;
        }
        output.flush()
    }
}

impl FingerprintRecord {
    fn write_text(&self, output: &mut impl Write) -> io::Result<()> {
        let octets = self.octets.map_or_else(|| "-".to_owned(), |octets| octets.to_string());
        let fingerprint = match (&self.fingerprint, &self.older_fingerprint) {
            (Some(fingerprint), _) => fingerprint,
            (None, Some(_)) => "none in later versions",
            (None, None) => "none: the type is not computed here",
        };
        write!(output, "{:>10}  {:<12} {octets:>6}  {fingerprint}", self.key_id, self.algorithm)?;
        if self.fingerprint.is_some() && !self.certain {
            write!(output, "  (not certain: the program pads the secret)")?;
        }
        if let Some(older) = &self.older_fingerprint {
            write!(output, "\n{:>10}  {:<12} {:>6}  {older}", "", "4.2.8p15", "")?;
        }
        writeln!(output)
    }
}
