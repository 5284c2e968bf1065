//! `ntpcap conform judge`: which cases a capture proves or refutes.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::analysis::{Judged, Policy};
use crate::auth::Keyrings;
use crate::conformance::{Captured, JudgedServer, Sighted};

use super::super::args::conform::JudgeArguments;
use super::super::exit::{CliError, Exit};
use super::super::interrupt::Interrupt;
use super::super::pass::{Pass, Visitor};
use super::super::run::no_ntp;
use super::super::{inputs, keys, say};
use super::alone::Alone;
use super::results::{Results, Tested};

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
    let (rings, read) = loaded.map_or_else(Default::default, |loaded| (loaded.rings, loaded.read));
    let inputs = inputs::open(&arguments.captures)?;
    let used: Vec<PathBuf> = arguments.captures.iter().chain(&read).cloned().collect();
    let results = Results::open(&arguments.report, &used, None, &Interrupt::catch()?)?;
    let labels = if inputs.labels.len() > 1 { inputs.labels.clone() } else { Vec::new() };
    // The pass finds the messages; which key they have is judged for each server again.
    let (policy, none) = (Policy::default(), Keyrings::new());
    let pass = Pass { ports: &arguments.port, filter: None, keys: &none, policy, diagnose: false };
    let mut collecting = Collecting(Captured::new(Arc::new(rings.into_default()), labels));
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
    let tested: Vec<Tested<'_>> = judged.iter().map(tested).collect();
    let exit = results.write(&tested, &alone(arguments, &read))?;
    Ok(match exit {
        _ if outcome.interrupted => Exit::Interrupted,
        _ if outcome.failed => Exit::Failed,
        exit => exit,
    })
}

/// A server by its address, and by the capture that shows it where there are several.
fn tested(judged: &JudgedServer) -> Tested<'_> {
    let JudgedServer { file, server, context, results } = judged;
    let label = file.as_ref().map_or_else(|| server.to_string(), |file| format!("{file} {server}"));
    Tested { label, context, results, run: &[], ended: None }
}

fn alone(arguments: &JudgeArguments, read: &[PathBuf]) -> Alone {
    let mut alone = Alone::new("judge");
    arguments.captures.iter().for_each(|capture| alone.file(capture));
    alone.keys(&arguments.keys, read);
    let ports = arguments.port.iter().filter(|_| arguments.port != [123]);
    ports.for_each(|port| alone.option("--port", &port.to_string()));
    alone.judging(&arguments.report);
    alone
}

struct Collecting(Captured);

impl Visitor for Collecting {
    fn message<'a>(&mut self, judged: &Judged<'a, 'a>, _: Option<&'a str>) -> Result<(), CliError> {
        let datagram = &judged.datagram;
        if datagram.shortfall.is_none() {
            let since_1970 = |time: crate::capture::CaptureTime| {
                Duration::new(u64::try_from(time.seconds).unwrap_or(0), time.nanoseconds)
            };
            self.0.take(&Sighted {
                capture: judged.capture,
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
