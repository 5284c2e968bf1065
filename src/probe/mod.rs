//! Asking over a network: octets out, octets in, and how long it took. Nothing here reads them.
//!
//! A [`Plan`] says what to send and is told what came back. It has neither socket nor clock, so that the same plan
//! runs over UDP and, in no time at all, against a function.

pub mod in_process;
pub mod plan;
pub mod udp;

pub use plan::{Observation, Plan, Reply, Sending, Step};
