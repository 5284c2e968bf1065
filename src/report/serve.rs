//! What a server tells: where it listens, each request, and the counts at its end.

use std::io::{self, Write};

use serde::Serialize;

use super::model::{Counts, JsonSchema, SCHEMA};
use super::time::Rfc3339;

/// One line of what `ntpcap serve` writes with `--json` or to its log.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum ServeRecord<'a> {
    /// An address that is listened on.
    Listening(ListeningRecord),
    /// A request and what was done with it.
    Request(RequestRecord<'a>),
    /// A fault that can be asked for (`--list-faults`).
    Fault(FaultRecord),
    /// The last record: counts over all.
    Summary(ServedRecord),
}

/// A fault that can be asked for.
#[derive(Serialize, JsonSchema)]
pub struct FaultRecord {
    /// Its name.
    #[schemars(with = "String")]
    pub name: &'static str,
    /// `header`, `field`, `mac`, `delivery` or `unasked`.
    #[schemars(with = "String")]
    pub group: &'static str,
    /// What it does, in a sentence.
    #[schemars(with = "String")]
    pub does: &'static str,
    /// What a correct client must do.
    #[schemars(with = "String")]
    pub client_must: &'static str,
    /// What can be set about it.
    #[schemars(with = "Vec<String>")]
    pub parameters: Vec<&'static str>,
}

impl FaultRecord {
    /// Writes the fault as lines of text.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write_text(&self, output: &mut impl Write) -> io::Result<()> {
        writeln!(output, "{} ({})", self.name, self.group)?;
        writeln!(output, "  {}", self.does)?;
        writeln!(output, "  a client must {}", self.client_must)?;
        if !self.parameters.is_empty() {
            writeln!(output, "  can be set: {}", self.parameters.join(", "))?;
        }
        Ok(())
    }
}

/// An address that is listened on.
#[derive(Serialize, JsonSchema)]
pub struct ListeningRecord {
    /// The IP address.
    pub address: String,
    /// The UDP port.
    pub port: u16,
}

/// A request and what was done with it.
#[derive(Serialize, JsonSchema)]
pub struct RequestRecord<'a> {
    /// When it came, by the system's clock.
    #[schemars(with = "String")]
    pub time: Rfc3339,
    /// Address and port that it came from.
    pub client: String,
    /// Address and port that it was sent to.
    pub server: String,
    /// Its length.
    pub octets: usize,
    /// Its version; null where it is too short for a header.
    pub version: Option<u8>,
    /// Its mode; null where it is too short for a header.
    #[schemars(with = "Option<String>")]
    pub mode: Option<&'static str>,
    /// `plain-reply`, `authenticated-reply`, `crypto-nak`, `zero-trailer`, `kiss`, `control-reply` or `silence`.
    #[schemars(with = "String")]
    pub decision: &'static str,
    /// Why, as a word that stays the same: of a silence and of a crypto-NAK the reason, of a kiss its code.
    pub cause: Option<&'a str>,
    /// Why, as a sentence.
    pub reason: &'a str,
    /// The key of the reply's MAC, or the key ID that was refused.
    pub key_id: Option<u32>,
    /// True when the reply tells when the one before it left.
    pub interleaved: bool,
    /// Length of the reply, or of the first of several; null where there is none.
    pub reply_octets: Option<usize>,
    /// Number of replies. More than one is the work of faults.
    pub replies: usize,
    /// True when the system did not take the reply, so that there is none.
    pub unsent: bool,
    /// The faults in what is sent.
    #[schemars(with = "Vec<String>")]
    pub faults: &'a [&'static str],
}

/// Counts over all requests.
#[derive(Serialize, JsonSchema)]
pub struct ServedRecord {
    /// Version of this schema.
    pub schema: u32,
    /// Requests that came.
    pub requests: u64,
    /// Replies by kind.
    #[schemars(with = "std::collections::BTreeMap<String, u64>")]
    pub answers: Counts,
    /// Requests without a reply, by the reason.
    #[schemars(with = "std::collections::BTreeMap<String, u64>")]
    pub silences: Counts,
    /// Replies that tell when the one before them left.
    pub interleaved: u64,
    /// Replies that the system did not take, and those that still waited to be sent at the end.
    pub unsent: u64,
    /// Records of log and capture that found no room, since whoever reads them is too slow.
    pub unrecorded: u64,
}

/// Writes a record as one line.
///
/// # Errors
/// Those of writing.
pub fn write(output: &mut impl Write, record: &ServeRecord<'_>) -> io::Result<()> {
    let mut line = serde_json::to_vec(record)?;
    line.push(b'\n');
    output.write_all(&line)
}

impl ServedRecord {
    /// Of counts by name.
    pub fn new(
        requests: u64,
        answers: Counts,
        silences: Counts,
        interleaved: u64,
        unsent: u64,
    ) -> ServedRecord {
        ServedRecord { schema: SCHEMA, requests, answers, silences, interleaved, unsent, unrecorded: 0 }
    }

    /// Writes the counts as lines of text.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write_text(&self, output: &mut impl Write) -> io::Result<()> {
        writeln!(output, "requests    {}", self.requests)?;
        for (name, counts) in [("answers", &self.answers), ("silences", &self.silences)] {
            let counts: Vec<String> =
                counts.0.iter().map(|(name, count)| format!("{name} {count}")).collect();
            if !counts.is_empty() {
                writeln!(output, "{name:<11} {}", counts.join(", "))?;
            }
        }
        let Self { interleaved, unsent, unrecorded, .. } = *self;
        for (name, count) in [("interleaved", interleaved), ("unsent", unsent), ("unrecorded", unrecorded)] {
            if count > 0 {
                writeln!(output, "{name:<11} {count}")?;
            }
        }
        Ok(())
    }
}
