//! Integration tests, in one target: each further one would link the whole tree again.

mod architecture;
mod captures;
mod command_line;
mod common;
mod oracle;
mod schema;
