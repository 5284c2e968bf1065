//! What was found, as the report tells it.

use std::path::Path;

use crate::auth::keyfile::{Consequence, EntryKey, KeyFile};
use crate::auth::lint::path::{Component, Kind};
use crate::auth::lint::prediction::Prediction;
use crate::auth::lint::{Flaw, Lines, Place, masked, masked_configuration};
use crate::report::lint::{AssociationRecord, ComponentRecord, KeyRecord, LintProblem, ReadingRecord};

use super::super::super::exit::{label, visible};

/// The texts that places are in, and what to call them.
pub(super) struct Texts<'t> {
    /// The key file.
    pub(super) keys: &'t Path,
    /// Its text.
    pub(super) lines: Lines<'t>,
    /// The configuration and its text.
    pub(super) configuration: Option<(&'t Path, Lines<'t>)>,
}

impl Texts<'_> {
    /// A flaw as a record.
    pub(super) fn problem(&self, flaw: &Flaw) -> LintProblem {
        let (file, spot, excerpt) = match &flaw.place {
            Place::Path(path) => (label(path), None, None),
            Place::KeyFile => (label(self.keys), None, None),
            Place::KeyLine(spot) => (label(self.keys), Some(spot), Some(masked(self.lines.line(spot.line)))),
            Place::Configuration => (self.configuration_label(), None, None),
            Place::ConfigurationLine(spot) => {
                (self.configuration_label(), Some(spot), self.configuration_line(spot.line))
            }
        };
        LintProblem {
            code: flaw.code,
            severity: flaw.severity.name(),
            file,
            line: spot.map(|spot| spot.line),
            column: spot.map(|spot| spot.column),
            length: spot.map(|spot| spot.length),
            excerpt,
            program: flaw.program.map(|program| program.name()),
            key_id: flaw.key_id.map(|id| id.0),
            message: visible_text(&flaw.what),
            consequence: flaw.does.as_deref().map(visible_text),
            wire: flaw.wire.as_deref().map(visible_text),
            mend: flaw.mend.as_deref().map(visible_text),
        }
    }

    fn configuration_label(&self) -> String {
        self.configuration.as_ref().map(|(path, _)| label(path)).unwrap_or_default()
    }

    fn configuration_line(&self, number: usize) -> Option<String> {
        let (_, lines) = self.configuration.as_ref()?;
        Some(masked_configuration(lines.line(number)))
    }
}

fn visible_text(text: &str) -> String {
    text.chars().map(visible).collect()
}

/// What a program makes of the file.
pub(super) fn reading(file: &KeyFile, reason: Option<String>) -> ReadingRecord {
    ReadingRecord {
        program: file.dialect.name(),
        reason,
        consequence: file.consequence.to_string(),
        loads: !file.entries.is_empty() && !matches!(file.consequence, Consequence::FileRefused { .. }),
        keys: file.entries.iter().map(key).collect(),
    }
}

fn key(entry: &crate::auth::keyfile::Entry) -> KeyRecord {
    let (algorithm, secret_octets) = match &entry.key {
        EntryKey::Ready(key) => (key.algorithm().name().to_owned(), Some(key.secret().length())),
        EntryKey::Unsupported { type_name, .. } => (type_name.to_ascii_lowercase(), None),
    };
    KeyRecord { line: entry.line, key_id: entry.id().0, algorithm, secret_octets, used: !entry.superseded }
}

/// A component of the path.
pub(super) fn component(component: &Component) -> ComponentRecord {
    let target = match &component.kind {
        Kind::Link { target } => Some(label(target)),
        _ => None,
    };
    ComponentRecord {
        path: label(&component.path),
        kind: component.kind.name(),
        target,
        owner: component.user.name.clone(),
        group: component.group.name.clone(),
        mode: format!("{:04o}", component.mode),
    }
}

/// What a host will be sent.
pub(super) fn association(prediction: &Prediction<'_>) -> AssociationRecord {
    let association = prediction.association;
    AssociationRecord {
        line: association.spot.line,
        directive: association.directive.clone(),
        address: visible_text(&association.address),
        program: prediction.program.name(),
        key_id: prediction.key_id().map(|id| id.0),
        sent: prediction.code(),
        wire: prediction.wire(),
    }
}
