//! The commands that show messages: `verify` and `decode`.

use crate::analysis::filter::{Basis, Filter};
use crate::analysis::{Event, Judged, Policy, Status, Summary};
use crate::auth::Keyrings;
use crate::report::Sink;
use crate::report::model::View;
use crate::report::summary::count;

use super::args::{DecodeArguments, FailOn, ReadArguments, VerifyArguments};
use super::exit::{CliError, Exit};
use super::inputs::Waiting;
use super::live::OnIdle;
use super::output::{decode_sink, note, output, verify_sink, warn};
use super::pass::{Outcome, Pass, Visitor};
use super::{inputs, keys};

/// `ntpcap verify`.
///
/// # Errors
/// Whatever keeps it from reading all of its inputs or writing its results.
pub(super) fn verify(arguments: &VerifyArguments) -> Result<Exit, CliError> {
    let read = &arguments.read;
    arguments.keys.refuse_standard_input_beside(&read.captures)?;
    let filter = parse_filter(read)?;
    if arguments.no_diagnosis && basis(filter.as_ref()) == Basis::Diagnosis {
        return Err(CliError::FilterWithoutDiagnosis);
    }
    let keys = keys::load(&arguments.keys, read.verbose > 0)?;
    warn(read, &keys.warnings);
    let output = output();
    let on_idle = OnIdle::flushing(output.clone());
    let waiting = Waiting { follow: arguments.follow, quiet: read.quiet, on_idle };
    let inputs = inputs::open_waiting(&read.captures, waiting)?;
    warn(read, &inputs.warnings);
    let mut sink = verify_sink(read, &inputs, output);
    let policy = arguments.policy.into();
    let diagnose = !arguments.no_diagnosis;
    let pass = Pass { ports: &read.ports.port, filter: filter.as_ref(), keys: &keys.rings, policy, diagnose };
    let outcome = pass.run(inputs, &mut Verifying(sink.as_mut()))?;
    let key_files = keys.files.iter().map(keys::LoadedFile::record).collect();
    sink.finish(&outcome.record(View::Verify, key_files))?;
    warn(read, &outcome.warnings());
    Ok(verify_exit(read, &outcome, &arguments.fail_on))
}

/// `ntpcap decode`.
///
/// # Errors
/// Whatever keeps it from reading all of its inputs or writing its results.
pub(super) fn decode(arguments: &DecodeArguments) -> Result<Exit, CliError> {
    let read = &arguments.read;
    let filter = parse_filter(read)?;
    if basis(filter.as_ref()) > Basis::Octets {
        return Err(CliError::FilterWithoutKeys);
    }
    let output = output();
    let waiting = Waiting { follow: false, quiet: read.quiet, on_idle: OnIdle::flushing(output.clone()) };
    let inputs = inputs::open_waiting(&read.captures, waiting)?;
    warn(read, &inputs.warnings);
    let mut sink = decode_sink(read, &inputs, output);
    let keys = Keyrings::new();
    let (policy, diagnose) = (Policy::default(), false);
    let pass = Pass { ports: &read.ports.port, filter: filter.as_ref(), keys: &keys, policy, diagnose };
    let outcome = pass.run(inputs, &mut Decoding(sink.as_mut()))?;
    sink.finish(&outcome.record(View::Decode, Vec::new()))?;
    warn(read, &outcome.warnings());
    Ok(if outcome.interrupted {
        Exit::Interrupted
    } else if outcome.failed {
        Exit::Failed
    } else if outcome.summary.messages == 0 {
        note(read, &no_ntp(&read.ports.port, &outcome.summary));
        Exit::Inconclusive
    } else {
        Exit::Fine
    })
}

struct Verifying<'s>(&'s mut dyn Sink);

impl Visitor for Verifying<'_> {
    fn message<'a>(&mut self, judged: &Judged<'a, 'a>, file: Option<&'a str>) -> Result<(), CliError> {
        Ok(self.0.message(judged, file)?)
    }

    fn event(&mut self, event: &Event) -> Result<(), CliError> {
        Ok(self.0.event(event)?)
    }
}

/// Tells of no events: without keys nobody can tell what a request asked for.
struct Decoding<'s>(&'s mut dyn Sink);

impl Visitor for Decoding<'_> {
    fn message<'a>(&mut self, judged: &Judged<'a, 'a>, file: Option<&'a str>) -> Result<(), CliError> {
        Ok(self.0.message(judged, file)?)
    }
}

fn verify_exit(read: &ReadArguments, outcome: &Outcome<'_>, fail_on: &[FailOn]) -> Exit {
    let summary = &outcome.summary;
    let is_wrong = |fail_on: &FailOn| match fail_on {
        FailOn::Never => false,
        FailOn::Status(status) => summary.count_of(*status) > 0,
        FailOn::Finding(finding) => summary.findings.contains_key(finding),
    };
    let proved =
        [Status::Valid, Status::Invalid, Status::UntrustedKey].map(|status| summary.count_of(status));
    if outcome.interrupted {
        Exit::Interrupted
    } else if outcome.failed {
        Exit::Failed
    } else if fail_on.iter().any(is_wrong) {
        Exit::Wrong
    } else if proved.iter().sum::<u64>() > 0 {
        Exit::Fine
    } else {
        note(
            read,
            &if summary.messages == 0 { no_ntp(&read.ports.port, summary) } else { nothing_proved(summary) },
        );
        Exit::Inconclusive
    }
}

/// The note on captures without NTP.
pub(super) fn no_ntp(ports: &[u16], summary: &Summary) -> String {
    let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
    format!(
        "no NTP message among {} (looked at UDP port {}; --port names others)",
        count(summary.frames, "packet"),
        ports.join(" and ")
    )
}

fn nothing_proved(summary: &Summary) -> String {
    match (summary.selected, summary.count_of(Status::UnknownKey)) {
        (0, _) => format!("the filter selects none of {}", count(summary.messages, "NTP message")),
        (selected, 0) => {
            format!("none of {} carries a MAC that could be verified", count(selected, "NTP message"))
        }
        (_, unknown) => format!("the key files lack the keys of {}", count(unknown, "message")),
    }
}

/// The filter that was given, understood.
pub(super) fn parse_filter(read: &ReadArguments) -> Result<Option<Filter>, CliError> {
    read.filter.as_deref().map(filter_of).transpose()
}

/// What a filter rests on, if there is one.
pub(super) fn basis(filter: Option<&Filter>) -> Basis {
    filter.map_or(Basis::Octets, Filter::basis)
}

/// A filter expression, understood.
pub(super) fn filter_of(text: &str) -> Result<Filter, CliError> {
    Filter::parse(text).map_err(|error| CliError::Filter { text: text.to_owned(), error })
}
