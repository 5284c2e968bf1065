//! Which cases are run.

use std::collections::BTreeSet;

use super::case::{Case, Level};
use super::catalogue;

/// What is selected: cases of one of the names, of one of the levels and of one of the tags, where there are any of
/// either, but for those that are excluded. A name is a slug, a group, or the beginning of a slug before a `*`.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Names.
    pub only: Vec<String>,
    /// Names that are not wanted.
    pub exclude: Vec<String>,
    /// Levels.
    pub levels: Vec<Level>,
    /// Tags.
    pub tags: Vec<String>,
}

/// Why nothing can be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// A name that no case has.
    #[error("{0}: no case and no group of that name")]
    Unknown(String),
    /// A tag that no case has.
    #[error("{tag}: no case has that tag; tags: {}", known.join(", "))]
    Tag {
        /// What was given.
        tag: String,
        /// Those that cases have.
        known: Vec<String>,
    },
    /// Nothing is left.
    #[error("no case is selected")]
    Nothing,
}

impl Selection {
    /// The cases, in the order of the catalogue.
    ///
    /// # Errors
    /// Names that fit no case, and a selection of none.
    pub fn cases(&self) -> Result<Vec<&'static Case>, SelectionError> {
        let all = || catalogue::all();
        for name in self.only.iter().chain(&self.exclude) {
            if !all().any(|case| fits(name, case)) {
                return Err(SelectionError::Unknown(name.clone()));
            }
        }
        let known = || all().flat_map(Case::tags).collect::<BTreeSet<String>>();
        if let Some(tag) = self.tags.iter().find(|tag| !known().contains(*tag)) {
            return Err(SelectionError::Tag { tag: tag.clone(), known: known().into_iter().collect() });
        }
        let is_wanted = |case: &&Case| {
            (self.only.is_empty() || self.only.iter().any(|name| fits(name, case)))
                && (self.levels.is_empty() || self.levels.contains(&case.level))
                && (self.tags.is_empty() || case.tags().iter().any(|tag| self.tags.contains(tag)))
                && !self.exclude.iter().any(|name| fits(name, case))
        };
        let cases: Vec<&'static Case> = all().filter(is_wanted).collect();
        if cases.is_empty() { Err(SelectionError::Nothing) } else { Ok(cases) }
    }
}

fn fits(name: &str, case: &Case) -> bool {
    match name.strip_suffix('*') {
        Some(beginning) => case.slug.starts_with(beginning),
        None => case.slug == name || case.group() == name,
    }
}
