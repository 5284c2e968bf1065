//! What is made of a run: a report, a baseline, an exit code.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;

use crate::conformance::client::{ClientResult, Setting};
use crate::conformance::{Baseline, CaseResult, Context, Outcome, Runner};
use crate::report::conform::{ConformReport, Format};

use super::super::args::conform::{ReportArguments, ReportFormat};
use super::super::destination::Destination;
use super::super::exit::{CliError, Exit};
use super::super::interrupt::Interrupt;
use super::super::output::output;
use super::baselines;
use super::judge::ALONE;

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
        let tested = [(label.to_owned(), runner.context(), runner.results())];
        self.write(tested, runner.ended(), alone)
    }

    /// Writes what a capture tells of servers, a report each.
    ///
    /// # Errors
    /// Those of writing.
    pub(super) fn finish_judged(
        self,
        judged: &[(SocketAddr, Context, Vec<CaseResult>)],
    ) -> Result<Exit, CliError> {
        let tested =
            judged.iter().map(|(server, context, results)| (server.to_string(), context, results.as_slice()));
        self.write(tested, None, ALONE)
    }

    /// Writes what became of a client's cases.
    ///
    /// # Errors
    /// Those of writing.
    pub(super) fn finish_client(
        mut self,
        mut results: Vec<ClientResult>,
        setting: &Setting,
        (label, ended, alone): (&str, Option<&str>, &str),
    ) -> Result<(Exit, ConformReport, Vec<ClientResult>), CliError> {
        let label = self.arguments.label.clone().unwrap_or_else(|| label.to_owned());
        if let Some(file) = &mut self.written {
            let judged = results.iter().map(|result| (result.case.slug, &result.judgement));
            file.write_all(Baseline::of_judged(&label, judged).to_toml().as_bytes())?;
        }
        if let Some(baseline) = &self.baseline {
            results.iter_mut().for_each(|result| baseline.hold(result.case.slug, &mut result.judgement));
        }
        let report = ConformReport::of_client(&label, &results, setting, ended, alone);
        self.tell(&report)?;
        let exit = exit(&report, self.arguments.strict);
        self.close()?;
        Ok((exit, report, results))
    }

    /// Puts the files into their places.
    fn close(self) -> Result<(), CliError> {
        for mut file in [self.report, self.written].into_iter().flatten() {
            file.flush()?;
            file.finish()?;
        }
        Ok(())
    }

    fn write<'r>(
        mut self,
        tested: impl IntoIterator<Item = (String, &'r Context, &'r [CaseResult])>,
        ended: Option<&str>,
        alone: &str,
    ) -> Result<Exit, CliError> {
        let mut exits = Vec::new();
        for (label, context, results) in tested {
            let label = self.arguments.label.clone().unwrap_or(label);
            let mut results = results.to_vec();
            if let Some(file) = &mut self.written {
                file.write_all(Baseline::of(&label, &results).to_toml().as_bytes())?;
            }
            if let Some(baseline) = &self.baseline {
                results.iter_mut().for_each(|result| baseline.apply(result));
            }
            let report = ConformReport::new(&label, &results, context, ended, alone);
            self.tell(&report)?;
            exits.push(exit(&report, self.arguments.strict));
        }
        self.close()?;
        let worst =
            [Exit::Wrong, Exit::Inconclusive, Exit::Fine].into_iter().find(|exit| exits.contains(exit));
        Ok(worst.unwrap_or(Exit::Inconclusive))
    }

    fn tell(&mut self, report: &ConformReport) -> Result<(), CliError> {
        let (format, verbose) = (format(self.arguments.format), self.arguments.verbose);
        match &mut self.report {
            Some(file) => report.write(format, verbose, file)?,
            None if self.arguments.quiet => {}
            None => report.write(format, verbose, &mut output())?,
        }
        Ok(())
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
