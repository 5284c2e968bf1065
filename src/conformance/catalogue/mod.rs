//! Every case, by group.

mod address;
mod amplification;
mod auth;
mod header;
mod interleaved;
mod kiss;
mod mode;
mod ntpv5;
mod nts;
mod privacy;
mod replay;
mod robustness;
mod version;

use super::case::Case;

/// Every case, in the order in which they are run: those about the whole run stand last, and behind them alone what may
/// get us limited.
pub fn all() -> impl Iterator<Item = &'static Case> {
    let messages = header::CASES.into_iter().chain([version::CASES, mode::CASES, auth::CASES]);
    let service = [address::CASES, replay::CASES, interleaved::CASES];
    let others = [nts::CASES, ntpv5::CASES, privacy::CASES, amplification::CASES];
    let floods = robustness::CASES.into_iter();
    let whole_run = [amplification::RUN, privacy::RUN, kiss::CASES];
    messages.chain(service).chain(others).chain(floods).chain(whole_run).flatten()
}

/// The case of that slug.
pub fn find(slug: &str) -> Option<&'static Case> {
    all().find(|case| case.slug == slug)
}
