//! Gathering entries and problems while a file is read, within bounds.

use std::collections::HashMap;
use std::ops::Range;

use super::line_buffer::Piece;
use super::problem::{Limit, Problem, ProblemKind, Severity};
use super::{Consequence, Dialect, Entry, EntryKey, KeyFile};
use crate::auth::algorithm::Algorithm;
use crate::auth::key::KeyId;

/// Octets, lines, keys and problems of one file that are looked at.
pub(super) const LARGEST_TEXT: usize = 4 << 20;
const MOST_LINES: usize = 100_000;
const MOST_KEYS: usize = 100_000;
const MOST_PROBLEMS: usize = 10_000;

/// A place in the file and the key it is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) line: usize,
    /// From 1.
    pub(super) column: usize,
    pub(super) key_id: Option<KeyId>,
}

impl Place {
    /// The place `at` octets into a piece.
    pub(super) fn at(piece: &Piece<'_>, at: usize, key_id: Option<KeyId>) -> Place {
        Place { line: piece.line, column: piece.offset + at + 1, key_id }
    }
}

/// What has been gathered.
pub(super) struct Collector {
    dialect: Dialect,
    entries: Vec<Entry>,
    /// Where each entry's key ID stands, for remarks about duplicates.
    places: Vec<Place>,
    problems: Vec<Problem>,
    lost_lines: usize,
    /// Errors that make ntp.org refuse the file.
    counted: usize,
    /// True once ntp.org would have stopped reading; what follows is still told, no longer counted.
    gave_up: bool,
}

impl Collector {
    pub(super) fn new(dialect: Dialect) -> Collector {
        let (entries, places, problems) = (Vec::new(), Vec::new(), Vec::new());
        Collector { dialect, entries, places, problems, lost_lines: 0, counted: 0, gave_up: false }
    }

    /// True when the piece may be read; otherwise says why not.
    pub(super) fn admits(&mut self, piece: &Piece<'_>) -> bool {
        let limit = if piece.line > MOST_LINES {
            Limit::Lines
        } else if self.entries.len() >= MOST_KEYS {
            Limit::Keys
        } else {
            return true;
        };
        self.report(Place::at(piece, 0, None), Severity::Error, ProblemKind::ReadingStopped(limit));
        false
    }

    /// The part of `text` that is read.
    pub(super) fn bounded<'a>(&mut self, text: &'a [u8]) -> &'a [u8] {
        let Some(bounded) = text.get(..LARGEST_TEXT).filter(|bounded| bounded.len() < text.len()) else {
            return text;
        };
        let line = bounded.split(|octet| *octet == b'\n').count();
        let place = Place { line, column: 1, key_id: None };
        self.report(place, Severity::Error, ProblemKind::ReadingStopped(Limit::Octets));
        bounded
    }

    /// Remarks on the piece as a whole.
    pub(super) fn look_over(&mut self, piece: &Piece<'_>) {
        // ntp.org looks at its count before each line only.
        self.gave_up = self.counted > MOST_ERRORS;
        if piece.continues && piece.offset == 0 {
            let kind = ProblemKind::LineTooLong { limit: piece.octets.len() };
            self.report(Place::at(piece, piece.octets.len(), None), Severity::Warning, kind);
        }
        if piece.has_nul() {
            let at = piece.octets.iter().position(|octet| *octet == 0).unwrap_or_default();
            self.report(Place::at(piece, at, None), Severity::Warning, ProblemKind::NulOctet);
        }
    }

    pub(super) fn report(&mut self, place: Place, severity: Severity, kind: ProblemKind) {
        let Place { line, column, key_id } = place;
        let kind = match self.problems.len() {
            ..MOST_PROBLEMS => kind,
            // At most two of these; they must not be lost among the many.
            _ if matches!(kind, ProblemKind::ReadingStopped(_)) => kind,
            MOST_PROBLEMS => ProblemKind::ProblemsOmitted,
            _ => return,
        };
        self.problems.push(Problem { line, column, key_id, severity, dialect: self.dialect, kind });
    }

    /// An error that costs the line its key, and in ntp.org the whole file.
    pub(super) fn count(&mut self, place: Place, kind: ProblemKind) {
        self.lost_lines += 1;
        if !self.gave_up {
            self.counted += 1;
        }
        self.report(place, Severity::Error, kind);
    }

    pub(super) fn add(&mut self, place: Place, entry: Entry) {
        if let EntryKey::Ready(key) = &entry.key {
            self.remark_on_digest(place, key.algorithm());
        }
        self.places.push(place);
        self.entries.push(entry);
    }

    fn remark_on_digest(&mut self, place: Place, algorithm: Algorithm) {
        if self.dialect == Dialect::Ntpsec && algorithm == Algorithm::Whirlpool {
            self.report(place, Severity::Warning, ProblemKind::LibraryDependentType { algorithm });
        }
        if algorithm.digest_length() > 20 && self.dialect != Dialect::Chrony {
            self.report(place, Severity::Info, ProblemKind::DigestTooLong { algorithm });
        }
    }

    /// Notes a line that was meant to give a key and gave none.
    pub(super) fn lose_line(&mut self) {
        self.lost_lines += 1;
    }

    /// Marks the duplicates that lose.
    ///
    /// `wins` is told all key IDs in ascending order and where in them the duplicates of one start and end, and
    /// chooses by position in file order: 0 for the first of them.
    pub(super) fn finish(mut self, wins: impl Fn(usize, Range<usize>) -> usize) -> KeyFile {
        let mut by_id: HashMap<KeyId, Vec<usize>> = HashMap::new();
        for (index, entry) in self.entries.iter().enumerate() {
            by_id.entry(entry.id()).or_default().push(index);
        }
        let keys = by_id.len();
        let mut ids: Vec<KeyId> = self.entries.iter().map(Entry::id).collect();
        ids.sort_unstable();
        let mut losers: Vec<(usize, usize)> = Vec::new();
        for (id, same) in by_id.iter().filter(|(_, same)| same.len() > 1) {
            let below = ids.partition_point(|other| other < id);
            let chosen = wins(ids.len(), below..below + same.len());
            let Some(winner) = same.get(chosen).copied() else { continue };
            losers.extend(same.iter().filter(|index| **index != winner).map(|loser| (*loser, winner)));
        }
        losers.sort_unstable();
        for (loser, winner) in losers {
            let used = self.entries.get(winner).map(|entry| entry.line).unwrap_or_default();
            if let Some(entry) = self.entries.get_mut(loser) {
                entry.superseded = true;
            }
            if let Some(place) = self.places.get(loser).copied() {
                self.report(place, Severity::Warning, ProblemKind::DuplicateKeyId { used });
            }
        }
        self.problems.sort_by_key(|problem| (problem.line, problem.column));
        let consequence = self.consequence(keys);
        KeyFile { dialect: self.dialect, entries: self.entries, problems: self.problems, consequence }
    }

    fn consequence(&self, keys: usize) -> Consequence {
        let dialect = self.dialect;
        if dialect == Dialect::NtpOrg && self.counted > 0 {
            let gave_up = self.counted > MOST_ERRORS;
            return Consequence::FileRefused { dialect, errors: self.counted, gave_up };
        }
        match self.lost_lines {
            0 => Consequence::AllKeysLoad { dialect, keys },
            lines => Consequence::LinesSkipped { dialect, lines, keys },
        }
    }
}

/// ntp.org stops reading once it has counted more errors than this.
const MOST_ERRORS: usize = 15;
