//! Every case, by group.

mod address;
mod amplification;
mod auth;
mod extension;
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
    let messages = header::CASES.into_iter().chain([version::CASES, mode::CASES]);
    let services =
        [address::CASES, replay::CASES, interleaved::CASES, nts::CASES, ntpv5::CASES, privacy::CASES];
    let floods = [amplification::CASES].into_iter().chain(robustness::CASES);
    let whole_run = [auth::RUN, amplification::RUN, privacy::RUN, kiss::CASES];
    let authentication = auth::CASES.into_iter().chain(extension::CASES);
    messages.chain(authentication).chain(services).chain(floods).chain(whole_run).flatten()
}

/// The case of that slug.
pub fn find(slug: &str) -> Option<&'static Case> {
    all().find(|case| case.slug == slug)
}
