//! `ntpcap annotate`: the captures as one pcapng, with the verdict on each packet.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::analysis::filter::Filter;
use crate::analysis::finding::Severity;
use crate::analysis::{Event, Judged, Policy};
use crate::capture::{Frame, Writer};
use crate::report::comment::{self, Comment, Numbering};
use crate::report::model::View;
use crate::report::summary::{self, Told, count};

use super::args::AnnotateArguments;
use super::destination::Destination;
use super::exit::{CliError, Exit};
use super::pass::{Outcome, Pass, Visitor};
use super::run::no_ntp;
use super::{inputs, keys, say};

/// `ntpcap annotate`.
///
/// # Errors
/// Whatever keeps it from reading all of its inputs or writing its output.
pub(super) fn annotate(arguments: &AnnotateArguments) -> Result<Exit, CliError> {
    arguments.keys.refuse_standard_input_beside(&arguments.captures)?;
    let filter = arguments.filter.as_deref().map(super::run::filter_of).transpose()?;
    let keys = keys::load(&arguments.keys, false)?;
    let inputs = inputs::open(&arguments.captures)?;
    let told = |lines: &[String]| {
        lines.iter().filter(|_| !arguments.quiet).for_each(|line| say(&format!("warning: {line}")));
    };
    told(&keys.warnings);
    told(&inputs.warnings);
    let read = files_read(arguments);
    let destination = Destination::open(&arguments.output, arguments.force, read, &inputs.interrupt)?;
    let output = BufWriter::with_capacity(1 << 16, destination);
    let mut annotating = Annotating::new(output, &inputs.labels)?;
    let filter: Option<&Filter> = filter.as_ref();
    let (policy, diagnose) = (Policy::default(), true);
    let pass = Pass { ports: &arguments.ports.port, filter, keys: &keys.rings, policy, diagnose };
    let outcome = pass.run(inputs, &mut annotating)?;
    if outcome.is_partial() {
        return Err(CliError::Interrupted);
    }
    let Annotating { writer, annotated, untimed, told: findings, .. } = annotating;
    writer.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?.finish()?;
    told(&outcome.warnings());
    if untimed > 0 {
        told(&[format!("{} without a time in the capture; comments say so", count(untimed, "packet"))]);
    }
    if !arguments.quiet {
        let key_files = keys.files.iter().map(keys::LoadedFile::record).collect();
        summary::write(&mut io::stderr().lock(), &outcome.record(View::Verify, key_files), &findings)?;
    }
    Ok(annotate_exit(arguments, &outcome, annotated))
}

fn annotate_exit(arguments: &AnnotateArguments, outcome: &Outcome<'_>, annotated: u64) -> Exit {
    if outcome.interrupted {
        return Exit::Interrupted;
    }
    match (outcome.failed, annotated) {
        (true, _) => Exit::Failed,
        (false, 1..) => Exit::Fine,
        (false, 0) => {
            if !arguments.quiet {
                let reason = nothing_annotated(arguments, &outcome.summary);
                say(&format!("note: no packet has a comment: {reason}"));
            }
            Exit::Inconclusive
        }
    }
}

fn nothing_annotated(arguments: &AnnotateArguments, summary: &crate::analysis::Summary) -> String {
    match summary.messages {
        0 => no_ntp(&arguments.ports.port, summary),
        messages => format!("the filter selects none of {}", count(messages, "NTP message")),
    }
}

/// Every file that the command line names to be read.
fn files_read(arguments: &AnnotateArguments) -> impl Iterator<Item = &Path> {
    let keys = arguments.keys.files.iter().map(|file| file.path.as_path());
    let others = arguments.keys.conf.iter().chain(&arguments.keys.nt_hash).map(std::path::PathBuf::as_path);
    arguments.captures.iter().map(std::path::PathBuf::as_path).chain(keys).chain(others)
}

/// Writes every frame, with a comment on those that hold a message the filter lets through.
struct Annotating<W: Write> {
    writer: Writer<W>,
    /// Whether there are several captures.
    several: bool,
    /// On the frame that is written next.
    comment: Option<Comment>,
    annotated: u64,
    untimed: u64,
    told: Told,
}

impl<W: Write> Annotating<W> {
    fn new(output: W, labels: &[String]) -> Result<Self, CliError> {
        let several = labels.len() > 1;
        let names = labels.iter().enumerate().map(|(index, label)| name(index, label, several));
        let writer = Writer::new(output, concat!("ntpcap ", env!("CARGO_PKG_VERSION")), names.collect())?;
        Ok(Annotating { writer, several, comment: None, annotated: 0, untimed: 0, told: Told::default() })
    }
}

/// A capture's name without its folders, which are nobody's business who gets the file.
fn name(index: usize, label: &str, several: bool) -> String {
    let name = label.rsplit('/').next().unwrap_or(label);
    if several { format!("{}: {name}", index + 1) } else { name.to_owned() }
}

impl<W: Write> Visitor for Annotating<W> {
    fn message<'a>(&mut self, judged: &Judged<'a, 'a>, _: Option<&'a str>) -> Result<(), CliError> {
        let numbering = match self.writer.frames() + 1 == judged.frame {
            _ if self.several => Numbering::Joined,
            true => Numbering::Kept,
            false => Numbering::Moved,
        };
        self.comment = Some(Comment::new(judged, numbering));
        self.annotated += 1;
        Ok(())
    }

    fn event(&mut self, event: &Event) -> Result<(), CliError> {
        if let Some(comment) = &mut self.comment {
            comment.add(event.finding, &event.frames);
        }
        self.told.keep(event, Severity::Warning, self.several);
        Ok(())
    }

    fn frame(&mut self, capture: usize, frame: &Frame<'_>) -> Result<(), CliError> {
        let mut text = self.comment.take().map(|comment| comment.to_string());
        if frame.time.is_none() {
            self.untimed += 1;
            text = Some(format!("{} time=none", text.as_deref().unwrap_or(comment::START)));
        }
        Ok(self.writer.write(capture, frame, text.as_deref(), Comment::is_earlier)?)
    }
}
