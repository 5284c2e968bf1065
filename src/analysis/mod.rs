//! What messages mean: a status for each, why a MAC is wrong, the request a reply answers, and counts.

pub mod analyzer;
pub mod behaviour;
pub mod census;
pub mod conversation;
pub mod diagnosis;
pub mod exchange;
pub mod filter;
pub mod finding;
pub mod keys_in_use;
pub mod pairing;
pub mod policy;
pub mod server;
pub mod summary;
pub mod survey;
pub mod verdict;

pub use analyzer::{Analyzer, Judged, Sighting};
pub use diagnosis::Diagnosis;
pub use finding::{Event, Finding};
pub use policy::Policy;
pub use summary::Summary;
pub use verdict::{Status, Verdict};
