//! `ntpcap explain`: one message, octet by octet.

use std::io::Write;
use std::path::Path;

use crate::analysis::{Judged, Policy, diagnosis};
use crate::auth::Keyrings;
use crate::capture::Frame;
use crate::report::{explain, page};

use super::args::ExplainArguments;
use super::exit::{CliError, Exit};
use super::output::output;
use super::pass::{Pass, Visitor};
use super::{inputs, keys, say};

/// `ntpcap explain`.
///
/// # Errors
/// Files that cannot be read, a frame that holds no message, a code that is none.
pub(super) fn explain(arguments: &ExplainArguments) -> Result<Exit, CliError> {
    match arguments.frame {
        Some(frame) => explain_frame(arguments, frame),
        None => explain_code(&arguments.subject),
    }
}

/// Prints the page of a word that outputs have.
fn explain_code(subject: &Path) -> Result<Exit, CliError> {
    let nothing = || CliError::NothingToExplain { subject: subject.to_owned() };
    let found = subject.to_str().and_then(diagnosis::page).ok_or_else(nothing)?;
    writeln!(output(), "{}", page::plain(found))?;
    Ok(Exit::Fine)
}

fn explain_frame(arguments: &ExplainArguments, frame: u64) -> Result<Exit, CliError> {
    let captures = [arguments.subject.clone()];
    arguments.keys.refuse_standard_input_beside(&captures)?;
    let keys = keys::load(&arguments.keys, false)?;
    keys.warnings.iter().for_each(|warning| say(&format!("warning: {warning}")));
    let inputs = inputs::open(&captures)?;
    let (policy, diagnose) = (Policy::default(), false);
    let pass = Pass { ports: &arguments.ports.port, filter: None, keys: &keys.rings, policy, diagnose };
    let mut explaining = Explaining { keys: &keys.rings, frame, frames: 0, told: false };
    let outcome = pass.run(inputs, &mut explaining)?;
    if !explaining.told && outcome.interrupted {
        return Err(CliError::Interrupted);
    }
    if !explaining.told {
        return Err(nothing_there(&arguments.subject, frame, explaining.frames));
    }
    Ok(if outcome.failed { Exit::Failed } else { Exit::Fine })
}

fn nothing_there(path: &Path, frame: u64, frames: u64) -> CliError {
    let reason = match frame {
        1.. if frame <= frames => format!("frame {frame} holds no NTP message"),
        _ => format!("has no frame {frame}, only 1 to {frames}"),
    };
    CliError::NoMessage { path: path.to_owned(), reason }
}

/// Explains the message of one frame. The others are read too: what came before may tell what it is.
struct Explaining<'k> {
    keys: &'k Keyrings,
    frame: u64,
    frames: u64,
    told: bool,
}

impl Visitor for Explaining<'_> {
    fn message<'a>(&mut self, judged: &Judged<'a, 'a>, _: Option<&'a str>) -> Result<(), CliError> {
        if judged.frame == self.frame {
            self.told = true;
            // Earlier messages may have failed so often that nothing more would be tried.
            let diagnosis = diagnosis::diagnose_alone(judged, self.keys);
            explain::write(&mut output(), &Judged { diagnosis, ..*judged })?;
        }
        Ok(())
    }

    fn frame(&mut self, _: usize, frame: &Frame<'_>) -> Result<(), CliError> {
        self.frames = self.frames.max(frame.number);
        Ok(())
    }
}
