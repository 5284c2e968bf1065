//! Every case, by group.

mod auth;
mod extension;
mod header;

use super::case::Case;

/// Every case, in the order in which they are run. Those that look at the whole run stand last.
pub fn all() -> impl Iterator<Item = &'static Case> {
    [
        header::CASES,
        auth::valid::CASES,
        auth::algorithms::CASES,
        auth::versions::CASES,
        auth::wrong::CASES,
        auth::keys::CASES,
        auth::lengths::CASES,
        auth::refusal::CASES,
        auth::nak::CASES,
        extension::skipped::CASES,
        extension::malformed::CASES,
        auth::run::CASES,
    ]
    .into_iter()
    .flatten()
}

/// The case of that slug.
pub fn find(slug: &str) -> Option<&'static Case> {
    all().find(|case| case.slug == slug)
}
