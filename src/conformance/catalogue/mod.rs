//! Every case, by group.

mod auth;
mod extension;
mod header;
mod mode;
mod version;

use super::case::Case;

/// Every case, in the order in which they are run: those about the whole run stand last.
pub fn all() -> impl Iterator<Item = &'static Case> {
    let messages = header::CASES.into_iter().chain([version::CASES, mode::CASES]);
    let whole_run = [auth::RUN];
    messages.chain(auth::CASES).chain(extension::CASES).chain(whole_run).flatten()
}

/// The case of that slug.
pub fn find(slug: &str) -> Option<&'static Case> {
    all().find(|case| case.slug == slug)
}
