//! Which cases are run.

use std::collections::BTreeSet;

use super::case::{Case, Level, tags_of};
use super::catalogue;
use super::client::ClientCase;

/// What can be selected by name and level.
pub trait Listed {
    /// What it is called.
    fn slug(&self) -> &str;

    /// How strongly it is asked for.
    fn level(&self) -> Level;

    /// Words by which it can be selected.
    fn tags(&self) -> Vec<String>;
}

impl Listed for Case {
    fn tags(&self) -> Vec<String> {
        Case::tags(self)
    }

    fn slug(&self) -> &str {
        self.slug
    }

    fn level(&self) -> Level {
        self.level
    }
}

impl Listed for ClientCase {
    fn tags(&self) -> Vec<String> {
        tags_of(self.source)
    }

    fn slug(&self) -> &str {
        self.slug
    }

    fn level(&self) -> Level {
        self.level
    }
}

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
    /// The cases of a server, in the order of the catalogue.
    ///
    /// # Errors
    /// Names that fit no case, and a selection of none.
    pub fn cases(&self) -> Result<Vec<&'static Case>, SelectionError> {
        self.of(catalogue::all())
    }

    /// Those of the cases that are selected, in their order.
    ///
    /// # Errors
    /// Names that fit no case, and a selection of none.
    pub fn of<T: Listed>(
        &self,
        all: impl Iterator<Item = &'static T>,
    ) -> Result<Vec<&'static T>, SelectionError> {
        let all: Vec<&'static T> = all.collect();
        for name in self.only.iter().chain(&self.exclude) {
            if !all.iter().any(|case| fits(name, case.slug())) {
                return Err(SelectionError::Unknown(name.clone()));
            }
        }
        let known = || all.iter().flat_map(|case| case.tags()).collect::<BTreeSet<String>>();
        if let Some(tag) = self.tags.iter().find(|tag| !known().contains(*tag)) {
            return Err(SelectionError::Tag { tag: tag.clone(), known: known().into_iter().collect() });
        }
        let is_wanted = |case: &&T| {
            (self.only.is_empty() || self.only.iter().any(|name| fits(name, case.slug())))
                && (self.levels.is_empty() || self.levels.contains(&case.level()))
                && (self.tags.is_empty() || case.tags().iter().any(|tag| self.tags.contains(tag)))
                && !self.exclude.iter().any(|name| fits(name, case.slug()))
        };
        let cases: Vec<&'static T> = all.into_iter().filter(is_wanted).collect();
        if cases.is_empty() { Err(SelectionError::Nothing) } else { Ok(cases) }
    }
}

fn fits(name: &str, slug: &str) -> bool {
    match name.strip_suffix('*') {
        Some(beginning) => slug.starts_with(beginning),
        None => slug == name || slug.split('/').next() == Some(name),
    }
}
