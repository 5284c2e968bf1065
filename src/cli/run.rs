//! The way of a run: captures to frames to datagrams to judged messages to a sink.

use std::io::{self, BufWriter, IsTerminal, Write};

use crate::analysis::filter::Filter;
use crate::analysis::{Analyzer, Event, Policy, Status, Summary};
use crate::auth::Keyrings;
use crate::capture::{Ending, Merge, Reader};
use crate::net::{Decoded, Decoder};
use crate::report::json::{Document, Ndjson};
use crate::report::model::{CaptureRecord, DefectRecord, KeyFileRecord, ServerRecord, SummaryRecord, View};
use crate::report::table::{self, MessageTable, Style};
use crate::report::text::DecodedText;
use crate::report::{Silent, Sink};

use super::args::{ColorChoice, DecodeArguments, FailOn, ReadArguments, VerifyArguments};
use super::exit::{CliError, Exit};
use super::inputs::{self, Inputs};
use super::keys;

/// `ntpcap verify`.
///
/// # Errors
/// Whatever keeps it from reading all of its inputs or writing its results.
pub(super) fn verify(arguments: &VerifyArguments) -> Result<Exit, CliError> {
    let read = &arguments.read;
    if read.captures.iter().any(|path| inputs::is_standard_input(path))
        && arguments.keys.files.iter().any(|file| inputs::is_standard_input(&file.path))
    {
        return Err(CliError::StandardInputTwice);
    }
    let filter = parse_filter(read)?;
    let keys = keys::load(&arguments.keys, read.verbose > 0)?;
    warn(read, &keys.warnings);
    let inputs = inputs::open(&read.captures)?;
    let mut sink = verify_sink(read, &inputs.labels);
    let records = keys.files.iter().map(keys::LoadedFile::record).collect();
    let outcome = pass(
        read,
        inputs,
        filter.as_ref(),
        &keys.rings,
        records,
        View::Verify,
        arguments.policy.into(),
        sink.as_mut(),
    )?;
    Ok(verify_exit(read, &outcome, &arguments.fail_on))
}

/// `ntpcap decode`.
///
/// # Errors
/// Whatever keeps it from reading all of its inputs or writing its results.
pub(super) fn decode(arguments: &DecodeArguments) -> Result<Exit, CliError> {
    let read = &arguments.read;
    let filter = parse_filter(read)?;
    let inputs = inputs::open(&read.captures)?;
    let mut sink = decode_sink(read, &inputs.labels);
    let keys = Keyrings::new();
    let outcome = pass(
        read,
        inputs,
        filter.as_ref(),
        &keys,
        Vec::new(),
        View::Decode,
        Policy::default(),
        sink.as_mut(),
    )?;
    Ok(if outcome.failed {
        Exit::Failed
    } else if outcome.summary.messages == 0 {
        note(read, &no_ntp(read, &outcome.summary));
        Exit::Inconclusive
    } else {
        Exit::Fine
    })
}

/// What a pass over the captures left behind.
struct Outcome {
    summary: Summary,
    failed: bool,
}

fn pass(
    read: &ReadArguments,
    inputs: Inputs,
    filter: Option<&Filter>,
    keys: &Keyrings,
    key_files: Vec<KeyFileRecord<'_>>,
    view: View,
    policy: Policy,
    sink: &mut dyn Sink,
) -> Result<Outcome, CliError> {
    let Inputs { labels, readers, warnings, incomplete } = inputs;
    warn(read, &warnings);
    let name_files = labels.len() > 1;
    let mut captures = Merge::new(readers);
    // One for each capture: fragments of one are no use to another.
    let mut decoders: Vec<Decoder> = labels.iter().map(|_| Decoder::new(&read.port)).collect();
    let mut analyzer = Analyzer::new(keys, policy);
    let mut summary = Summary::default();
    while let Some((capture, frame)) = captures.next_frame() {
        summary.count_frame(frame.time);
        let Some(decoder) = decoders.get_mut(capture) else { continue };
        let datagram = match decoder.decode(&frame) {
            Decoded::Datagram(datagram) => datagram,
            Decoded::Undecoded(reason) => {
                summary.count_undecoded(reason);
                continue;
            }
        };
        let judged = analyzer.judge(capture, frame.number, frame.time, datagram);
        summary.messages += 1;
        if filter.is_none_or(|filter| filter.matches(&judged)) {
            summary.count_selected(&judged);
            sink.message(&judged, labels.get(capture).map(String::as_str).filter(|_| name_files))?;
        }
        pass_on(analyzer.take_events(), view, &mut summary, sink)?;
    }
    analyzer.finish();
    pass_on(analyzer.take_events(), view, &mut summary, sink)?;
    summary.fragments_incomplete = decoders.iter_mut().map(|decoder| decoder.finish().incomplete).sum();
    let records = labels.iter().zip(captures.readers()).map(|(label, reader)| capture_record(label, reader));
    let servers = analyzer.conversations().servers.sorted();
    let servers = servers.iter().filter(|_| view == View::Verify);
    let servers = servers.map(|(address, server)| ServerRecord::new(*address, &server.profile)).collect();
    sink.finish(&SummaryRecord::new(&summary, view, servers, records.collect(), key_files))?;
    let endings = labels.iter().zip(captures.readers());
    let odd: Vec<String> = endings.filter_map(|(label, reader)| ending_warning(label, reader)).collect();
    warn(read, &odd);
    let failed = captures.readers().iter().any(|reader| matches!(reader.ending(), Ending::Failed(_)));
    Ok(Outcome { summary, failed: failed || incomplete })
}

/// Without keys nobody can tell what a request asked for, so decoding tells of no events.
fn pass_on(
    events: Vec<Event>,
    view: View,
    summary: &mut Summary,
    sink: &mut dyn Sink,
) -> Result<(), CliError> {
    for event in events.iter().filter(|_| view == View::Verify) {
        summary.count_event(event);
        sink.event(event)?;
    }
    Ok(())
}

fn verify_exit(read: &ReadArguments, outcome: &Outcome, fail_on: &[FailOn]) -> Exit {
    let summary = &outcome.summary;
    let is_wrong = |fail_on: &FailOn| match fail_on {
        FailOn::Never => false,
        FailOn::Status(status) => summary.count_of(*status) > 0,
        FailOn::Finding(finding) => summary.findings.contains_key(finding),
    };
    let proved =
        [Status::Valid, Status::Invalid, Status::UntrustedKey].map(|status| summary.count_of(status));
    if outcome.failed {
        Exit::Failed
    } else if fail_on.iter().any(is_wrong) {
        Exit::Wrong
    } else if proved.iter().sum::<u64>() > 0 {
        Exit::Fine
    } else {
        note(read, &if summary.messages == 0 { no_ntp(read, summary) } else { nothing_proved(summary) });
        Exit::Inconclusive
    }
}

fn no_ntp(read: &ReadArguments, summary: &Summary) -> String {
    let ports: Vec<String> = read.port.iter().map(u16::to_string).collect();
    format!(
        "no NTP message among {} packets (looked at UDP port {}; --port names others)",
        summary.frames,
        ports.join(" and ")
    )
}

fn nothing_proved(summary: &Summary) -> String {
    match (summary.selected, summary.count_of(Status::UnknownKey)) {
        (0, _) => format!("the filter selects none of {} NTP messages", summary.messages),
        (selected, 0) => format!("none of {selected} NTP messages carries a MAC that could be verified"),
        (_, unknown) => format!("the key files have none of the keys of {unknown} messages"),
    }
}

fn parse_filter(read: &ReadArguments) -> Result<Option<Filter>, CliError> {
    let parse =
        |text: &String| Filter::parse(text).map_err(|error| CliError::Filter { text: text.clone(), error });
    read.filter.as_ref().map(parse).transpose()
}

fn capture_record<'a>(label: &'a str, reader: &Reader) -> CaptureRecord<'a> {
    CaptureRecord {
        file: label,
        container: reader.container().to_string(),
        compression: reader.compressions().iter().map(ToString::to_string).collect(),
        frames: reader.frames_read(),
        ending: reader.ending().to_string(),
        defects: reader
            .defects()
            .iter()
            .map(|defect| DefectRecord {
                code: defect.kind.code(),
                count: defect.count,
                first_offset: defect.first_offset,
            })
            .collect(),
    }
}

fn ending_warning(label: &str, reader: &Reader) -> Option<String> {
    (!reader.ending().is_complete()).then(|| {
        format!("{label}: {}; the {} packets before it are read", reader.ending(), reader.frames_read())
    })
}

fn verify_sink(read: &ReadArguments, labels: &[String]) -> Box<dyn Sink> {
    if read.quiet {
        return Box::new(Silent);
    }
    let is_terminal = io::stdout().is_terminal();
    let style = Style {
        width: if is_terminal { table::terminal_width() } else { table::DEFAULT_WIDTH },
        colour: match read.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            }
        },
        detail: read.verbose > 0,
    };
    json_sink(read, View::Verify, labels).unwrap_or_else(|| match read.verbose {
        0 | 1 => Box::new(MessageTable::new(output(), style, labels.to_vec())),
        _ => Box::new(DecodedText::new(output(), View::Verify, true, labels.len() > 1)),
    })
}

fn decode_sink(read: &ReadArguments, labels: &[String]) -> Box<dyn Sink> {
    if read.quiet {
        return Box::new(Silent);
    }
    json_sink(read, View::Decode, labels).unwrap_or_else(|| {
        Box::new(DecodedText::new(output(), View::Decode, read.verbose > 1, labels.len() > 1))
    })
}

fn json_sink(read: &ReadArguments, view: View, labels: &[String]) -> Option<Box<dyn Sink>> {
    if read.json {
        Some(Box::new(Document::new(output(), view, labels.to_vec())))
    } else if read.ndjson {
        Some(Box::new(Ndjson::new(output(), view, labels.to_vec())))
    } else {
        None
    }
}

fn output() -> impl Write {
    BufWriter::with_capacity(1 << 16, io::stdout())
}

fn warn(read: &ReadArguments, warnings: &[String]) {
    if !read.quiet {
        warnings.iter().for_each(|warning| super::say(&format!("warning: {warning}")));
    }
}

fn note(read: &ReadArguments, text: &str) {
    if !read.quiet {
        super::say(&format!("note: {text}"));
    }
}
