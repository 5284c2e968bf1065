//! The shell around the library: arguments, files, exit codes.

mod access;
mod annotate;
pub mod args;
mod census;
mod confinement;
mod conform;
mod destination;
mod diff;
mod exit;
mod explain;
mod hosts;
mod inputs;
mod interrupt;
mod keyfiles;
mod keys;
mod live;
mod output;
mod packets;
mod pass;
mod probe;
mod progress;
mod run;
mod serve;
mod traffic;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Command};
use exit::{CliError, Exit};

/// Runs the program and gives its exit code.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            if error.use_stderr()
                && probe::is_plugin(std::env::args_os().map(|one| one.to_string_lossy().into_owned()))
            {
                return probe::refuse_as_plugin().into();
            }
            return if error.use_stderr() { Exit::Failed } else { Exit::Fine }.into();
        }
    };
    match dispatch(&arguments.command) {
        Ok(exit) => exit.into(),
        Err(error) if error.is_closed_pipe() => Exit::Fine.into(),
        Err(CliError::Interrupted) => Exit::Interrupted.into(),
        Err(error) => {
            say(&format!("error: {error}"));
            if let Some(hint) = error.hint() {
                say(&format!("\nhint: {hint}"));
            }
            Exit::Failed.into()
        }
    }
}

fn dispatch(command: &Command) -> Result<Exit, CliError> {
    match command {
        Command::Verify(arguments) => run::verify(arguments),
        Command::Decode(arguments) => run::decode(arguments),
        Command::Explain(arguments) => explain::explain(arguments),
        Command::Census(arguments) => census::census(arguments),
        Command::Annotate(arguments) => annotate::annotate(arguments),
        Command::Serve(arguments) => serve::serve(arguments),
        Command::Probe(arguments) => probe::probe(arguments),
        Command::Diff(arguments) => diff::diff(arguments),
        Command::Conform(arguments) => conform::conform(&arguments.command),
        Command::Keys(arguments) => keyfiles::keys(&arguments.command),
        Command::Schema => {
            let mut output = io::stdout().lock();
            serde_json::to_writer_pretty(&mut output, &crate::report::model::schema())
                .map_err(io::Error::from)?;
            writeln!(output)?;
            Ok(Exit::Fine)
        }
    }
}

/// Writes a line to standard error. When that fails there is nobody left to tell.
fn say(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
