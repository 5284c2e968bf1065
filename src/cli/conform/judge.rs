//! `ntpcap conform judge`: which cases a capture proves or refutes.

use std::sync::Arc;
use std::time::Duration;

use crate::analysis::{Judged, Policy};
use crate::auth::Keyrings;
use crate::conformance::{Captured, Sighted};

use super::super::args::conform::JudgeArguments;
use super::super::exit::{CliError, Exit};
use super::super::interrupt::Interrupt;
use super::super::pass::{Pass, Visitor};
use super::super::run::no_ntp;
use super::super::{inputs, keys, say};
use super::results::Results;

/// `ntpcap conform judge`: a report for each server that was asked what a case asks.
///
/// # Errors
/// Whatever keeps it from reading all of its inputs or writing its results.
pub(super) fn judge(arguments: &JudgeArguments) -> Result<Exit, CliError> {
    arguments.keys.refuse_standard_input_beside(&arguments.captures)?;
    let cases = super::selection(&arguments.selection).cases()?;
    let loaded = keys::load_for_server(&arguments.keys)?;
    let warnings = loaded.iter().flat_map(|loaded| &loaded.warnings);
    warnings.for_each(|warning| say(&format!("warning: {warning}")));
    let rings = loaded.map_or_else(Keyrings::new, |loaded| loaded.rings);
    let inputs = inputs::open(&arguments.captures)?;
    let results = Results::open(&arguments.report, &Interrupt::catch()?)?;
    // The pass finds the messages; which key they have is judged for each server again.
    let (policy, none) = (Policy::default(), Keyrings::new());
    let pass = Pass { ports: &arguments.port, filter: None, keys: &none, policy, diagnose: false };
    let mut collecting = Collecting(Captured::new(Arc::new(rings.into_default())));
    let outcome = pass.run(inputs, &mut collecting)?;
    outcome.warnings().iter().for_each(|warning| say(&format!("warning: {warning}")));
    let Collecting(captured) = collecting;
    if captured.left_out > 0 {
        say(&format!("warning: {} requests were not looked at: there are too many", captured.left_out));
    }
    let judged = captured.results(&cases);
    if judged.is_empty() {
        let nothing = "no exchange is one that a case asks for".to_owned();
        let reason =
            if outcome.summary.messages == 0 { no_ntp(&arguments.port, &outcome.summary) } else { nothing };
        say(&format!("note: {reason}"));
    }
    let exit = results.finish_judged(&judged)?;
    Ok(match exit {
        _ if outcome.interrupted => Exit::Interrupted,
        _ if outcome.failed => Exit::Failed,
        exit => exit,
    })
}

/// The command is the same for all cases of a capture.
pub(super) const ALONE: &str = "ntpcap conform judge CAPTURE";

struct Collecting(Captured);

impl Visitor for Collecting {
    fn message<'a>(&mut self, judged: &Judged<'a, 'a>, _: Option<&'a str>) -> Result<(), CliError> {
        let datagram = &judged.datagram;
        if datagram.shortfall.is_none() {
            let since_1970 = |time: crate::capture::CaptureTime| {
                Duration::new(u64::try_from(time.seconds).unwrap_or(0), time.nanoseconds)
            };
            self.0.take(&Sighted {
                frame: judged.frame,
                time: judged.time.map(since_1970).unwrap_or_default(),
                source: datagram.source,
                destination: datagram.destination,
                octets: datagram.octets,
            });
        }
        Ok(())
    }
}
