//! `ntpcap conform self --mutations`: which cases are moved by which fault.

use std::io::Write;

use crate::auth::Keyring;
use crate::conformance::{Case, CaseResult, Outcome};
use crate::server::fault::{Fault, list};

use super::super::args::conform::SelfRunArguments;
use super::super::exit::{CliError, Exit};
use super::super::output::output;
use super::own::{own_keys, run_in_process};

/// Faults beside the bare names of all: with parameters, for some requests alone, or several at once.
#[rustfmt::skip]
static FURTHER: &[&str] = &[
    "add-mac:request-field=yes",
    "answer-anything:reason=control",
    "answer-anything:reason=control,octets=440",
    "answer-anything:reason=crypto-nak,form=nak",
    "answer-anything:reason=mode",
    "answer-anything:reason=mode + wrong-mode:mode=1",
    "answer-anything:reason=mode + wrong-mode:mode=2",
    "answer-anything:reason=mode + wrong-mode:mode=3",
    "answer-anything:reason=mode,form=signed",
    "answer-anything:reason=short",
    "answer-anything:reason=trailer",
    "answer-anything:reason=trailer + oversize",
    "answer-anything:reason=trailer,form=signed",
    "answer-anything:reason=version",
    "answer-anything:reason=version + wrong-version:version=4",
    "answer-anything:reason=version,form=signed",
    "answer-anything:reason=version,request-version=5 + wrong-version",
    "bogus-origin:after=10",
    "drop:every=2",
    "drop:key=1,after=1",
    "drop:request-port=40002",
    "drop:request-port=40042",
    "drop:request-version=3",
    "duplicate:delay=100ms",
    "field-unknown:type=0xf0f0,octets=64",
    "flip-bit:every=2",
    "flip-bit:request-field=yes",
    "flip-bit:request-repeats=yes",
    "flip-bit:request-version=1",
    "flip-bit:request-version=2",
    "flip-bit:request-version=3",
    "hang:request-octets=76-76",
    "hang:request-octets=80-80",
    "hang:request-version=7",
    "header-field:field=leap,value=3",
    "header-field:field=poll,value=100",
    "header-field:field=poll,value=7",
    "header-field:field=precision,value=-8 + frozen-clock",
    "header-field:field=precision,value=100",
    "header-field:field=receive-time,value=+1s",
    "header-field:field=receive-time,value=-10s",
    "header-field:field=receive-time,value=0",
    "header-field:field=reference-id,value=0",
    "header-field:field=reference-id,value=134744072 + header-field:field=stratum,value=2",
    "header-field:field=reference-time,value=+1h",
    "header-field:field=reference-time,value=-48h",
    "header-field:field=reference-time,value=0",
    "header-field:field=reference-time,value=NTP5NTP5",
    "header-field:field=root-delay,value=1000",
    "header-field:field=root-dispersion,value=1000",
    "header-field:field=stratum,value=1",
    "header-field:field=stratum,value=1 + header-field:field=reference-id,value=0",
    "header-field:field=stratum,value=17",
    "header-field:field=transmit-time,value=+10s",
    "header-field:field=transmit-time,value=+1h",
    "header-field:field=transmit-time,value=0",
    "interleave-always:after=10",
    "kod:code=NTSN,request-field=yes",
    "kod:every=7 + bogus-origin:every=7",
    "kod:every=7 + header-field:every=7,field=leap,value=0",
    "kod:every=7 + header-field:every=7,field=receive-time,value=+1s",
    "kod:every=7 + wrong-mode:every=7",
    "kod:every=7,code=DENY",
    "kod:key=7 + flip-bit:key=7",
    "kod:request-octets=68 + sign-unverified",
    "late:delay=1500ms",
    "mac-over-header-only:request-field=yes",
    "nak:octets=20,after=8",
    "nak:octets=40",
    "other-source:source=address",
    "other-source:source=port",
    "oversize:octets=600",
    "replay:every=2",
    "replay:every=2,request-port=40005-40006",
    "replay:request-port=40021-40022",
    "replay:request-port=40032",
    "stratum-0:every=2",
    "strip-mac:after=10",
    "strip-mac:key=1",
    "strip-mac:key=2",
    "strip-mac:request-field=yes",
    "strip-mac:request-version=3",
    "unsynchronised:stratum=17",
    "wrong-key:key=1",
    "wrong-mode:key=1",
    "wrong-mode:mode=4",
    "wrong-mode:mode=5",
    "wrong-mode:mode=6",
    "wrong-version:key=1",
    "wrong-version:version=5,after=10",
];

/// Between faults that come together.
const TOGETHER: &str = " + ";

/// `ntpcap conform self --mutations`: each fault, and below it the cases that fail, warn or tell something by it and do
/// not without it.
///
/// # Errors
/// Those of writing, and a selection of no case.
pub(super) fn mutations(arguments: &SelfRunArguments) -> Result<Exit, CliError> {
    let cases = super::selection(&arguments.selection).cases()?;
    let keys = own_keys();
    let right = outcomes(arguments, &cases, &[], &keys);
    let mut output = output();
    let mut is_moved = vec![false; cases.len()];
    for spec in list().iter().map(|row| row.name).chain(FURTHER.iter().copied()) {
        // What needs more than its name is among the further ones.
        let Some(faults) = parse(spec, &keys) else { continue };
        writeln!(output, "{spec}")?;
        let wrong = outcomes(arguments, &cases, &faults, &keys);
        for (((case, before), after), is_moved) in cases.iter().zip(&right).zip(&wrong).zip(&mut is_moved) {
            if before != after && tells(*after) {
                writeln!(output, "  {:<5} {}", after.name(), case.slug)?;
                *is_moved = true;
            }
        }
    }
    let unmoved: Vec<&str> =
        cases.iter().zip(&is_moved).filter(|(_, is_moved)| !**is_moved).map(|(case, _)| case.slug).collect();
    if unmoved.is_empty() {
        return Ok(Exit::Fine);
    }
    writeln!(output, "by none")?;
    unmoved.iter().try_for_each(|slug| writeln!(output, "        {slug}"))?;
    Ok(Exit::Wrong)
}

/// The faults of a line; `None` where they lack something that they need.
fn parse(spec: &str, keys: &Keyring) -> Option<Vec<Fault>> {
    let faults: Vec<Fault> = spec.split(TOGETHER).map(|one| Fault::parse(one).ok()).collect::<Option<_>>()?;
    faults.iter().all(|fault| fault.check(keys).is_ok()).then_some(faults)
}

fn outcomes(
    arguments: &SelfRunArguments,
    cases: &[&'static Case],
    faults: &[Fault],
    keys: &Keyring,
) -> Vec<Outcome> {
    let runner = run_in_process(cases.to_vec(), arguments.like, faults, keys);
    runner.results().iter().map(|result: &CaseResult| result.judgement.outcome).collect()
}

fn tells(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Fail | Outcome::Warn | Outcome::Info)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_further_line_is_of_faults_that_there_are() {
        let keys = own_keys();
        for spec in FURTHER {
            assert!(parse(spec, &keys).is_some(), "{spec}");
        }
    }
}
