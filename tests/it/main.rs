//! Integration tests, in one target: each further one would link the whole tree again.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test that meets something unexpected should stop there"
)]

mod annotate;
mod architecture;
mod captures;
mod census;
mod command_line;
mod common;
mod conform;
mod damage;
mod diagnosis;
mod faults;
mod findings;
mod follow;
mod habits;
mod interop;
mod keymaking;
mod lint;
mod made;
mod oracle;
mod probe;
mod public;
mod readme;
mod schema;
mod serve;
mod survey;
mod tshark;
mod vectors;
