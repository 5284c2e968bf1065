//! Conformance of a client: it is served rightly, then with a fault and another time, then rightly again.
//!
//! ```text
//!  ClientCase -> faults by their names -> (the shell serves them, asks what the client believes)
//!                                              |
//!                    Phase, Phase, Phase  <----+      requests, replies, evidence
//!                            |
//!                     judge -> Judgement
//! ```
//!
//! Nothing here serves: a fault is the text that `ntpcap serve --fault` takes, and the shell joins the two. What the
//! client believes is told by [`Evidence`], each with where it comes from; without any, nothing is said of it.

pub mod case;
pub mod catalogue;
pub mod judge;
pub mod passive;
pub mod phase;
pub mod reader;
pub mod suite;
mod wire;

pub use case::{ClientCase, FaultTest, Lacking, Means, Proof, Shift, Test, WireJudge};
pub use judge::{ClientResult, Setting, judge};
pub use phase::{Belief, Evidence, Phase, PhaseKind, Reply, Request, Source};
pub use reader::Reader;
