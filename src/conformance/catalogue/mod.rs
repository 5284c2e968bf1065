//! Every case, by group.

mod auth;
mod header;
mod mode;
mod version;

use super::case::Case;

/// Every case, in the order in which they are run.
pub fn all() -> impl Iterator<Item = &'static Case> {
    header::CASES.into_iter().chain([version::CASES, mode::CASES, auth::CASES]).flatten()
}

/// The case of that slug.
pub fn find(slug: &str) -> Option<&'static Case> {
    all().find(|case| case.slug == slug)
}
