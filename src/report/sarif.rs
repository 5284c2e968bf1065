//! The parts of SARIF 2.1.0 that reports are made of.

use std::borrow::Cow;
use std::io::{self, Write};

use serde::Serialize;

/// A log.
#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: Vec<Run<'a>>,
}

/// Rules and what was found by them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Run<'a> {
    tool: Tool<'a>,
    results: Vec<Finding<'a>>,
    column_kind: &'static str,
}

impl<'a> Run<'a> {
    /// A run of this program.
    pub(super) fn new(rules: Vec<Rule<'a>>, results: Vec<Finding<'a>>) -> Run<'a> {
        let driver = Driver { name: "ntpcap", version: env!("CARGO_PKG_VERSION"), rules };
        Run { tool: Tool { driver }, results, column_kind: "unicodeCodePoints" }
    }
}

#[derive(Serialize)]
struct Tool<'a> {
    driver: Driver<'a>,
}

#[derive(Serialize)]
struct Driver<'a> {
    name: &'static str,
    version: &'static str,
    rules: Vec<Rule<'a>>,
}

/// What results are about.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rule<'a> {
    /// Its stable name.
    pub(super) id: &'a str,
    /// What it is.
    pub(super) short_description: Text<'a>,
    /// The same at length.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) full_description: Option<Text<'a>>,
}

/// One result.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Finding<'a> {
    /// The rule, by name and by its place in the list.
    pub(super) rule_id: &'a str,
    pub(super) rule_index: usize,
    pub(super) kind: &'static str,
    pub(super) level: &'static str,
    pub(super) message: Text<'a>,
    pub(super) locations: [Location<'a>; 1],
    /// What there is no other place for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) properties: Option<serde_json::Value>,
}

/// A text.
#[derive(Serialize)]
pub(super) struct Text<'a> {
    text: Cow<'a, str>,
}

impl<'a> Text<'a> {
    /// A text that is there already, or is made.
    pub(super) fn new(text: impl Into<Cow<'a, str>>) -> Text<'a> {
        Text { text: text.into() }
    }
}

/// Where a result is: something with a name, or a file.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Location<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    logical_locations: Option<[Logical<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    physical_location: Option<Physical>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Logical<'a> {
    fully_qualified_name: &'a str,
    kind: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Artifact,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
}

#[derive(Serialize)]
struct Artifact {
    uri: String,
}

/// A part of a line. Columns count octets of a text in which each is a character.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Region {
    /// From 1.
    pub(super) start_line: usize,
    /// From 1.
    pub(super) start_column: usize,
    /// Behind the last.
    pub(super) end_column: usize,
}

impl<'a> Location<'a> {
    /// Something with a name.
    pub(super) fn named(name: &'a str) -> Location<'a> {
        let logical = Logical { fully_qualified_name: name, kind: "resource" };
        Location { logical_locations: Some([logical]), physical_location: None }
    }

    /// A file, or a part of it.
    pub(super) fn in_file(path: &str, region: Option<Region>) -> Location<'a> {
        let artifact_location = Artifact { uri: uri(path) };
        let physical = Physical { artifact_location, region };
        Location { logical_locations: None, physical_location: Some(physical) }
    }
}

/// A path as a URI reference: what is reserved or no ASCII is escaped; absolute paths get the scheme of files.
fn uri(path: &str) -> String {
    let mut uri = if path.starts_with('/') { "file://".to_owned() } else { String::new() };
    for octet in path.bytes() {
        match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(octet))
            }
            _ => uri.push_str(&format!("%{octet:02X}")),
        }
    }
    uri
}

/// Writes a log of one run.
pub(super) fn write(
    rules: Vec<Rule<'_>>,
    results: Vec<Finding<'_>>,
    output: &mut impl Write,
) -> io::Result<()> {
    write_runs(vec![Run::new(rules, results)], output)
}

/// Writes a log of runs.
pub(super) fn write_runs(runs: Vec<Run<'_>>, output: &mut impl Write) -> io::Result<()> {
    let log = Log { schema: "https://json.schemastore.org/sarif-2.1.0.json", version: "2.1.0", runs };
    serde_json::to_writer(&mut *output, &log)?;
    writeln!(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_references() {
        assert_eq!(uri("/etc/ntp keys#1"), "file:///etc/ntp%20keys%231");
        assert_eq!(uri("keys/\u{e9}.keys"), "keys/%C3%A9.keys");
        assert_eq!(uri("-"), "-");
    }
}
