//! What messages mean: a status for each, the request a reply answers, and counts.

pub mod analyzer;
pub mod filter;
pub mod finding;
pub mod pairing;
pub mod summary;
pub mod verdict;

pub use analyzer::{Analyzer, Judged};
pub use finding::Finding;
pub use summary::Summary;
pub use verdict::{Status, Verdict};
