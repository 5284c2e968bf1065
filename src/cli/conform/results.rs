//! What is made of a run: a report, a baseline, an exit code.

use std::io::Write;
use std::path::Path;

use crate::conformance::{Baseline, Outcome, Runner};
use crate::report::conform::{ConformReport, Format};

use super::super::args::conform::{ReportArguments, ReportFormat};
use super::super::destination::Destination;
use super::super::exit::{CliError, Exit};
use super::super::interrupt::Interrupt;
use super::super::output::output;
use super::baselines;

/// Where results go, opened before the run.
pub(super) struct Results<'a> {
    arguments: &'a ReportArguments,
    baseline: Option<Baseline>,
    report: Option<Destination>,
    written: Option<Destination>,
}

impl<'a> Results<'a> {
    /// Reads the baseline and opens the files.
    ///
    /// # Errors
    /// Those of reading and opening.
    pub(super) fn open(
        arguments: &'a ReportArguments,
        interrupt: &Interrupt,
    ) -> Result<Results<'a>, CliError> {
        let open = |path: &Path| Destination::open(path, arguments.force, std::iter::empty(), interrupt);
        Ok(Results {
            arguments,
            baseline: arguments.baseline.as_deref().map(baselines::baseline).transpose()?,
            report: arguments.output.as_deref().map(open).transpose()?,
            written: arguments.write_baseline.as_deref().map(open).transpose()?,
        })
    }

    /// Writes what became of a run. `label` is what was tested where nothing else is said, `alone` the command that runs
    /// one case.
    ///
    /// # Errors
    /// Those of writing.
    pub(super) fn finish(self, runner: &Runner, label: &str, alone: &str) -> Result<Exit, CliError> {
        let arguments = self.arguments;
        let label = arguments.label.as_deref().unwrap_or(label);
        let mut results = runner.results().to_vec();
        if let Some(mut file) = self.written {
            file.write_all(Baseline::of(label, &results).to_toml().as_bytes())?;
            file.flush()?;
            file.finish()?;
        }
        if let Some(baseline) = &self.baseline {
            results.iter_mut().for_each(|result| baseline.apply(result));
        }
        let report = ConformReport::new(label, &results, runner.context(), runner.ended(), alone);
        let format = format(arguments.format);
        match self.report {
            Some(mut file) => {
                report.write(format, arguments.verbose, &mut file)?;
                file.flush()?;
                file.finish()?;
            }
            None if arguments.quiet => {}
            None => report.write(format, arguments.verbose, &mut output())?,
        }
        Ok(exit(&report, arguments.strict))
    }
}

/// Wrong counts before open: what is wrong is known.
fn exit(report: &ConformReport, strict: bool) -> Exit {
    let has = |wanted: &dyn Fn(Outcome) -> bool| {
        Outcome::ALL.into_iter().any(|outcome| wanted(outcome) && report.count(outcome) > 0)
    };
    if has(&|outcome| outcome.is_wrong(strict)) {
        Exit::Wrong
    } else if has(&|outcome| outcome == Outcome::Inconclusive) {
        Exit::Inconclusive
    } else {
        Exit::Fine
    }
}

fn format(format: ReportFormat) -> Format {
    match format {
        ReportFormat::Text => Format::Text,
        ReportFormat::Json => Format::Json,
        ReportFormat::Ndjson => Format::Ndjson,
        ReportFormat::Junit => Format::Junit,
        ReportFormat::Tap => Format::Tap,
        ReportFormat::Markdown => Format::Markdown,
        ReportFormat::Sarif => Format::Sarif,
        ReportFormat::Html => Format::Html,
    }
}
