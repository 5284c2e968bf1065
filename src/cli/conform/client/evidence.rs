//! A folder of evidence: the capture, the server's decisions, the report, and sums of all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::auth::{Algorithm, Key, KeyId, Secret};
use crate::conformance::client::suite::NDCPP;
use crate::conformance::client::{ClientResult, Setting};
use crate::report::conform::{self, About, ConformReport, Format, Question, Style, SuiteReport};

use super::super::super::exit::CliError;
use super::super::super::inputs::unreadable;
use super::super::super::interrupt::Interrupt;
use super::super::super::packets::{Output, Packets, open};
use super::super::super::say;

const CAPTURE: &str = "capture.pcapng";
const DECISIONS: &str = "decisions.ndjson";
const SUMS: &str = "SHA256SUMS";

/// What a person is asked, since no packet shows it.
const QUESTIONS: [&str; 3] = [
    "Which versions of NTP does the Security Target claim?",
    "Do the guidance documents tell how three servers or more are configured?",
    "Is the time that was observed that of the device's own clock?",
];

/// A folder that is being filled.
pub(super) struct Folder(PathBuf);

/// How the cases are told in the folder.
const JSON: Style = Style { format: Format::Json, verbose: false, strict: false };

impl Folder {
    /// Makes the folder, which must not be there.
    ///
    /// # Errors
    /// When it is there, or cannot be made.
    pub(super) fn create(path: &Path) -> Result<Folder, CliError> {
        match fs::create_dir(path) {
            Ok(()) => Ok(Folder(path.to_owned())),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(CliError::Exists { path: path.to_owned() })
            }
            Err(error) => Err(unreadable(path, error)),
        }
    }

    /// The capture in it.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) fn capture(&self, interrupt: &Interrupt) -> Result<Packets, CliError> {
        Packets::create(&self.0.join(CAPTURE), false, "ntpcap conform client --suite ndcpp", interrupt)
    }

    /// The log of the server's decisions in it.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) fn decisions(&self, interrupt: &Interrupt) -> Result<Output, CliError> {
        open(&self.0.join(DECISIONS), OpenOptions::new().write(true).create_new(true), interrupt)
    }

    /// Writes the reports, and then the sums of all files.
    ///
    /// # Errors
    /// Those of writing.
    pub(super) fn finish(
        self,
        report: &ConformReport,
        results: &[ClientResult],
        about: About,
        asks: bool,
    ) -> Result<(), CliError> {
        let suite = SuiteReport::new(&report.label, NDCPP, results, about, questions(asks)?);
        self.write("report.json", |output| suite.write_json(output))?;
        self.write("report.md", |output| suite.write_markdown(output))?;
        self.write("report.html", |output| suite.write_html(output))?;
        self.write("cases.json", |output| conform::write(std::slice::from_ref(report), JSON, output))?;
        self.write_sums()?;
        Ok(())
    }

    fn write(
        &self,
        name: &str,
        write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut output = BufWriter::new(File::create_new(self.0.join(name))?);
        write(&mut output)?;
        output.flush()
    }

    /// As `sha256sum` writes and checks them.
    fn write_sums(&self) -> io::Result<()> {
        let mut names: Vec<_> = fs::read_dir(&self.0)?.flatten().map(|entry| entry.file_name()).collect();
        names.sort();
        let mut lines = String::new();
        for name in names {
            let octets = fs::read(self.0.join(&name))?;
            lines.push_str(&format!("{}  {}\n", sha256(&octets)?, name.to_string_lossy()));
        }
        self.write(SUMS, |output| output.write_all(lines.as_bytes()))
    }
}

/// A digest under a key without octets is the sum of what it covers.
fn sha256(octets: &[u8]) -> io::Result<String> {
    let key = Key::new(KeyId(1), Algorithm::Sha256, Secret::new(Vec::new()));
    let key = key.map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    Ok(key.digest(octets).as_octets().iter().map(|octet| format!("{octet:02x}")).collect())
}

fn questions(asks: bool) -> io::Result<Vec<Question>> {
    let ask = |question: &&str| {
        let mut answer = String::new();
        if asks {
            say(question);
            io::stdin().read_line(&mut answer)?;
        }
        let answer = asks.then(|| answer.trim().to_owned());
        Ok(Question { question: (*question).to_owned(), answer })
    };
    QUESTIONS.iter().map(ask).collect()
}

/// The key of a run, as it is told of: never its secret.
pub(super) fn key_of(setting: &Setting) -> Option<String> {
    let key_id = setting.key?;
    let key = &setting.keys.lookup(key_id).first()?.key;
    Some(format!("{key_id}, {}", key.algorithm().name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_that_of_sha256sum() {
        // FIPS 180-4, the example of one block.
        assert_eq!(
            sha256(b"abc").unwrap(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
