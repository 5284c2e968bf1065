//! The `ntpcap` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    ntpcap::cli::main()
}
