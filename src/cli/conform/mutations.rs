//! `ntpcap conform self --mutations`: which cases turn red by which fault.

use std::io::Write;

use crate::conformance::{CaseResult, Outcome};
use crate::server::fault::{Fault, list};

use super::super::args::conform::SelfRunArguments;
use super::super::exit::{CliError, Exit};
use super::super::output::output;
use super::own::{own_keys, run_in_process};

/// Faults beside the bare names of all: with parameters, or limited to some requests.
static FURTHER: &[&str] = &[];

/// `ntpcap conform self --mutations`: a line for each fault, with the cases that fail or warn by it and by nothing else.
///
/// # Errors
/// Those of writing, and a selection of no case.
pub(super) fn mutations(arguments: &SelfRunArguments) -> Result<Exit, CliError> {
    let cases = super::selection(&arguments.selection).cases()?;
    let keys = own_keys();
    let specs = list().iter().map(|row| row.name).chain(FURTHER.iter().copied());
    let mut output = output();
    let mut reddened: Vec<&str> = Vec::new();
    for spec in specs {
        // Broadcasts and the like need more than a name, and are seen by no client that asks.
        let Ok(fault) = Fault::parse(spec) else { continue };
        let runner = run_in_process(cases.clone(), arguments.like, &[fault], &keys);
        let red = runner.results().iter().filter(|result| is_red(result));
        let red: Vec<(&str, Outcome)> =
            red.map(|result| (result.case.slug, result.judgement.outcome)).collect();
        writeln!(output, "{spec}")?;
        for (slug, outcome) in &red {
            writeln!(output, "  {outcome:<5} {slug}")?;
        }
        reddened.extend(red.iter().map(|(slug, _)| slug));
    }
    let unmoved: Vec<&str> =
        cases.iter().map(|case| case.slug).filter(|slug| !reddened.contains(slug)).collect();
    writeln!(output, "by none")?;
    unmoved.iter().try_for_each(|slug| writeln!(output, "  {slug}"))?;
    Ok(if unmoved.is_empty() { Exit::Fine } else { Exit::Wrong })
}

fn is_red(result: &CaseResult) -> bool {
    result.judgement.outcome.is_wrong(true)
}
