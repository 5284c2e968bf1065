//! The reference server: what a request is answered with, and why.
//!
//! [`responder`] decides and does nothing else: no socket, no time of day. [`udp`] and [`clock`] are the shell around
//! it. [`fault`] stands before it where the server is to misbehave on command.
//!
//! ```text
//!  request octets, arrival, policy, keys -> plan -> Draft | Silence
//!                                                     |
//!                                           Draft::write(clock) -> reply octets
//! ```

pub mod clients;
pub mod clock;
pub mod control;
pub mod counts;
pub mod decision;
pub mod draft;
pub mod fault;
pub mod habit;
pub mod in_process;
pub mod memory;
mod monotonic;
pub mod policy;
pub mod rate;
pub mod responder;
mod trailer;
pub mod udp;

#[cfg(test)]
mod tests;

pub use clients::Clients;
pub use clock::{Clock, FixedClock, SystemClock};
pub use counts::Counts;
pub use decision::{Answer, AnswerKind, Decision, Refusal, Silence};
pub use draft::{Draft, DraftTail};
pub use fault::{Fault, Faults};
pub use habit::Habit;
pub use in_process::InProcess;
pub use policy::{Policy, System, Treatment};
pub use responder::{Planned, Question, plan, respond};
