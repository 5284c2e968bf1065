//! What a server accepts, from the rows of a run.

use serde::Serialize;

use crate::analysis::behaviour::Answer;
use crate::analysis::survey::{Exposure, Outcome, Stimulus, Told};

use super::super::model::JsonSchema;

/// What a server accepts. What was not asked for, or is not known, is null or left out.
#[derive(Serialize, JsonSchema)]
pub struct PolicyRecord {
    /// Versions that it answers.
    pub versions_answered: Vec<u8>,
    /// Versions that it does not answer.
    pub versions_dropped: Vec<u8>,
    /// How it answers a right digest of more than 16 octets that was cut to 16.
    #[schemars(with = "Option<String>")]
    pub cut_digest: Option<&'static str>,
    /// How it answers what follows the header where that is no right MAC, by its octets.
    pub trailers: Vec<TrailerRecord>,
    /// How it answers an extension field without a MAC.
    #[schemars(with = "Option<String>")]
    pub field_alone: Option<&'static str>,
    /// How it answers an extension field and a right MAC.
    #[schemars(with = "Option<String>")]
    pub field_signed: Option<&'static str>,
    /// How it answers a peer that it does not know, without a MAC.
    #[schemars(with = "Option<String>")]
    pub symmetric_active: Option<&'static str>,
}

/// How a trailer is answered.
#[derive(Serialize, JsonSchema)]
pub struct TrailerRecord {
    /// Octets behind the header.
    pub octets: usize,
    /// The answer.
    #[schemars(with = "String")]
    pub answer: &'static str,
}

/// What control messages tell to anybody.
#[derive(Serialize, JsonSchema)]
pub struct ExposureRecord {
    /// Datagrams that came for one.
    pub datagrams: usize,
    /// Their octets.
    pub octets: usize,
    /// Octets that come for each that is sent.
    pub amplification: f64,
    /// The reason that an error reply gives.
    #[schemars(with = "Option<String>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'static str>,
    /// The variable `version`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

impl PolicyRecord {
    pub(super) fn new(outcome: &Outcome) -> PolicyRecord {
        let told = |wanted: fn(Stimulus) -> bool| {
            let row = outcome.rows.iter().find(|row| wanted(row.stimulus))?;
            row.told.answer().map(Answer::name)
        };
        let versions = |is_answered: bool| {
            let rows = outcome.rows.iter().filter_map(move |row| match (row.stimulus, row.told) {
                (Stimulus::Plain(version), told) if is_answered == (told != Told::Silence) => {
                    told.answer().map(|_| version.number())
                }
                _ => None,
            });
            let mut versions: Vec<u8> = rows.collect();
            versions.sort_unstable();
            versions
        };
        PolicyRecord {
            versions_answered: versions(true),
            versions_dropped: versions(false),
            cut_digest: told(|one| matches!(one, Stimulus::CutDigest(_))),
            trailers: trailers(outcome),
            field_alone: told(|one| one == Stimulus::FieldAlone),
            field_signed: told(|one| matches!(one, Stimulus::FieldSigned(_))),
            symmetric_active: told(|one| one == Stimulus::SymmetricActive),
        }
    }

    /// Sentences of what is known.
    pub(super) fn lines(&self) -> Vec<String> {
        let numbers = |versions: &[u8]| {
            let words: Vec<String> = versions.iter().map(u8::to_string).collect();
            words.join(", ")
        };
        let mut lines = Vec::new();
        match (self.versions_answered.as_slice(), self.versions_dropped.as_slice()) {
            ([] | [_], []) => {}
            ([], dropped) => lines.push(format!("versions: {} dropped", numbers(dropped))),
            (answered, []) => lines.push(format!("versions: {} answered", numbers(answered))),
            (answered, dropped) => {
                lines.push(format!("versions: {} answered, {} dropped", numbers(answered), numbers(dropped)));
            }
        }
        let trailers: Vec<String> = self
            .trailers
            .iter()
            .map(|trailer| format!("{} octets {}", trailer.octets, trailer.answer))
            .collect();
        let one = |name: &str, answer: Option<&str>| answer.map(|answer| format!("{name}: {answer}"));
        lines.extend(one("digest cut to 16 octets", self.cut_digest));
        lines.extend(
            (!trailers.is_empty()).then(|| format!("trailers without a right MAC: {}", trailers.join(", "))),
        );
        lines.extend(one("extension field without MAC", self.field_alone));
        lines.extend(one("extension field with right MAC", self.field_signed));
        lines.extend(one("symmetric active", self.symmetric_active));
        lines
    }
}

impl ExposureRecord {
    pub(super) fn new(exposure: &Exposure) -> ExposureRecord {
        ExposureRecord {
            datagrams: exposure.datagrams,
            octets: exposure.octets,
            amplification: exposure.amplification(),
            error: exposure.error,
            version: exposure.variable("version"),
        }
    }

    /// What is known, in a sentence.
    pub(super) fn line(&self) -> String {
        if self.datagrams == 0 {
            return "control: no answer".to_owned();
        }
        let version = self.version.as_ref().map_or(String::new(), |version| format!(", version {version}"));
        let error = self.error.map_or(String::new(), |error| format!(", refused: {error}"));
        let (octets, times) = (self.octets, self.amplification);
        format!(
            "control: answers anybody, {octets} octets in {}, {times:.1} times the request{error}{version}",
            datagrams(self.datagrams)
        )
    }
}

fn datagrams(count: usize) -> String {
    format!("{count} datagram{}", if count == 1 { "" } else { "s" })
}

/// What follows the header, where its answer is known, the shortest first.
fn trailers(outcome: &Outcome) -> Vec<TrailerRecord> {
    let rows = outcome.rows.iter().filter(|row| {
        matches!(row.stimulus, Stimulus::UnknownKey(_) | Stimulus::Trailer(_) | Stimulus::KeyIdZero)
    });
    let told =
        rows.filter_map(|row| Some(TrailerRecord { octets: row.trailer, answer: row.told.answer()?.name() }));
    let mut trailers: Vec<TrailerRecord> = told.collect();
    trailers.sort_by_key(|trailer| trailer.octets);
    trailers.dedup_by(|one, other| one.octets == other.octets && one.answer == other.answer);
    trailers
}
