//! The reference server: what a request is answered with, and why.
//!
//! [`responder`] decides and does nothing else: no socket, no time of day. The shell asks it. [`fault`] stands before it
//! where the server is to misbehave on command.
//!
//! ```text
//!  request octets, arrival, policy, keys -> plan -> Draft | Silence
//!                                                     |
//!                                           Draft::write(clock) -> reply octets
//! ```

pub mod clock;
pub mod control;
pub mod draft;
pub mod fault;
pub mod habit;
pub mod policy;
pub mod responder;
mod trailer;

#[cfg(test)]
mod tests;

pub use clock::{Clock, FixedClock};
pub use draft::{Draft, DraftTail};
pub use fault::{Fault, Faults};
pub use habit::Habit;
pub use policy::{Policy, System, Treatment};
pub use responder::{Answer, Decision, Question, Refusal, Silence, plan, respond};
