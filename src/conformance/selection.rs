//! Which cases are run.

use super::case::{Case, Level};
use super::catalogue;
use super::client::ClientCase;

/// What can be selected by name and level.
pub trait Listed {
    /// What it is called.
    fn slug(&self) -> &str;

    /// How strongly it is asked for.
    fn level(&self) -> Level;
}

impl Listed for Case {
    fn slug(&self) -> &str {
        self.slug
    }

    fn level(&self) -> Level {
        self.level
    }
}

impl Listed for ClientCase {
    fn slug(&self) -> &str {
        self.slug
    }

    fn level(&self) -> Level {
        self.level
    }
}

/// What is selected: cases of one of the names, and of one of the levels, where there are any of either, but for those
/// that are excluded. A name is a slug, a group, or the beginning of a slug before a `*`.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Names.
    pub only: Vec<String>,
    /// Names that are not wanted.
    pub exclude: Vec<String>,
    /// Levels.
    pub levels: Vec<Level>,
}

/// Why nothing can be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// A name that no case has.
    #[error("{0}: no case and no group of that name")]
    Unknown(String),
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
        let is_wanted = |case: &&T| {
            (self.only.is_empty() || self.only.iter().any(|name| fits(name, case.slug())))
                && (self.levels.is_empty() || self.levels.contains(&case.level()))
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
