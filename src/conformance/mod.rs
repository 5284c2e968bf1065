//! Conformance of a server: cases, each of which asks it something and judges what comes back.
//!
//! ```text
//!  Case::ask -> Stimulus -> (network) -> Exchange, Exchange, ... -> Case::judge -> Judgement
//!                 ^                          |
//!                 +---- asked again, with controls between, while it stays silent
//! ```
//!
//! [`Runner`] is a plan of `probe`: no socket, no clock. The same cases run against a function in no time and over UDP.
//! A case sees one [`Exchange`] for each stimulus; its silence is one that loss does not explain.

mod asking;
pub mod baseline;
pub mod captured;
pub mod case;
pub mod catalogue;
pub mod client;
mod clock;
pub mod context;
pub mod exchange;
pub mod expect;
pub mod outcome;
pub mod reading;
mod request;
pub mod runner;
mod sanity;
pub mod selection;

pub use baseline::{Baseline, BaselineError, Expected};
pub use captured::{Captured, JudgedServer, Sighted};
pub use case::{Case, Level};
pub use context::{Context, Facts};
pub use exchange::{Evidence, Exchange, Names, Received, Stimulus};
pub use outcome::{Judgement, Outcome, Shown};
pub use reading::{Reading, Told};
pub use request::Request;
pub use runner::{CaseResult, Pace, Runner, Settings};
pub use selection::{Listed, Selection, SelectionError};
