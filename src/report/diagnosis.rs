//! The part of the serialised shape that says why MACs are wrong.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::analysis::Diagnosis;
use crate::analysis::diagnosis::{Explanation, Pattern};

use super::model::{JsonSchema, KeyPlace};

/// A proved explanation of a wrong MAC.
#[derive(Serialize, JsonSchema)]
pub struct DiagnosisRecord<'a> {
    /// What is otherwise than the key file says.
    #[schemars(with = "String")]
    pub code: &'static str,
    /// What else is: the MAC is right only with all of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub also: Vec<&'static str>,
    /// The evidence as a sentence.
    pub detail: String,
    /// The key whose line is to be looked at.
    pub key: DiagnosedKey<'a>,
    /// The algorithm under which the digest is right.
    #[schemars(with = "String")]
    pub algorithm: &'static str,
    /// Octets of digest that agree.
    pub matching_octets: usize,
    /// What to change, for the code and for what else is: joined by `; then `.
    #[schemars(with = "String")]
    pub advice: Advice,
    /// True when an earlier record of the same message explains it as well.
    #[serde(skip)]
    is_rival: bool,
}

/// What to change, for each code of an explanation. Serialised and displayed as one sentence.
pub struct Advice(pub Vec<&'static str>);

impl fmt::Display for Advice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join("; then "))
    }
}

impl Serialize for Advice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A key, and where it is defined.
#[derive(Serialize, JsonSchema)]
pub struct DiagnosedKey<'a> {
    /// Its place.
    #[serde(flatten)]
    pub place: KeyPlace<'a>,
    /// Its ID there.
    pub key_id: u32,
}

/// What was tried in vain.
#[derive(Serialize, JsonSchema)]
pub struct TriedRecord {
    /// Digests that were computed.
    pub digests: u32,
    /// The kinds of mistakes that they stand for.
    #[schemars(with = "Vec<String>")]
    pub codes: Vec<&'static str>,
    /// Why not everything was tried: `not-tried-again`, `message-limit` or `run-limit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub limit: Option<&'static str>,
    /// The same as a sentence.
    pub detail: String,
}

/// What wrong MACs have in common.
#[derive(Serialize, JsonSchema)]
pub struct PatternRecord<'a> {
    /// Its code.
    #[schemars(with = "String")]
    pub code: &'static str,
    /// The same as a sentence.
    pub detail: String,
    /// Key ID of the messages.
    pub key_id: u32,
    /// The server that they are sent to or come from, where it is not all servers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Their sender, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Messages whose MAC is wrong.
    pub messages: u64,
    /// Frames of evidence.
    pub frames: Vec<PatternFrame<'a>>,
}

/// A frame of evidence.
#[derive(Serialize, JsonSchema)]
pub struct PatternFrame<'a> {
    /// Index of the capture among several.
    #[serde(skip)]
    pub capture: usize,
    /// The capture file, when several are read together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<&'a str>,
    /// Number of the frame.
    pub frame: u64,
}

impl<'a> DiagnosisRecord<'a> {
    /// The records of all explanations.
    pub fn all(diagnosis: &Diagnosis<'a>) -> Vec<Self> {
        let explanations = diagnosis.explanations().enumerate();
        explanations.map(|(index, explanation)| Self::new(explanation, index > 0)).collect()
    }

    fn new(explanation: &Explanation<'a>, is_rival: bool) -> Self {
        let mut codes = explanation.codes().map(|code| code.name());
        let candidate = explanation.candidate;
        DiagnosisRecord {
            code: codes.next().unwrap_or_default(),
            also: codes.collect(),
            detail: explanation.to_string(),
            key: DiagnosedKey {
                place: KeyPlace {
                    file: explanation.file,
                    line: candidate.line,
                    older_version: candidate.older_version,
                },
                key_id: candidate.key.id().0,
            },
            algorithm: explanation.algorithm.name(),
            matching_octets: explanation.matching_octets,
            advice: Advice(explanation.advice().collect()),
            is_rival,
        }
    }

    /// The codes in one word for narrow columns: `other-algorithm`, or with what else is needed in further lines.
    /// Behind another explanation they begin with `or`.
    pub fn codes(&self) -> String {
        let or = if self.is_rival { "or " } else { "" };
        let codes: Vec<_> = std::iter::once(self.code).chain(self.also.iter().copied()).collect();
        format!("{or}{}", codes.join("\nand "))
    }
}

impl TriedRecord {
    /// The record, where nothing was proved.
    pub fn new(diagnosis: &Diagnosis<'_>) -> Option<Self> {
        let tried = &diagnosis.tried;
        (!diagnosis.is_proved()).then(|| TriedRecord {
            digests: tried.digests,
            codes: tried.codes.iter().map(|code| code.name()).collect(),
            limit: tried.limit.map(|limit| limit.code()),
            detail: tried.to_string(),
        })
    }
}

impl<'a> PatternRecord<'a> {
    /// The record of a pattern. `files` are the captures' labels where several are read together.
    pub fn new(pattern: &Pattern, files: Option<&'a [String]>) -> Self {
        let file = |capture: usize| files.and_then(|files| files.get(capture)).map(String::as_str);
        let frames = pattern.frames.iter();
        PatternRecord {
            code: pattern.code.name(),
            detail: pattern.to_string(),
            key_id: pattern.key_id.0,
            server: pattern.server.map(|server| server.to_string()),
            host: pattern.host.map(|host| host.to_string()),
            messages: pattern.messages,
            frames: frames
                .map(|(capture, frame)| PatternFrame {
                    capture: *capture,
                    file: file(*capture),
                    frame: *frame,
                })
                .collect(),
        }
    }
}
