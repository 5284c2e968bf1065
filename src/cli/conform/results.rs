//! What is made of a run: a report, a baseline, an exit code.

use std::io::Write;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use crate::conformance::client::{ClientResult, Setting};
use crate::conformance::{Baseline, CaseResult, Context, Exchange, Outcome, Runner};
use crate::report::conform::{self, ConformReport, Run, Style};

use super::super::args::conform::ReportArguments;
use super::super::destination::{Destination, is_same_output};
use super::super::exit::{CliError, Exit};
use super::super::interrupt::Interrupt;
use super::super::output::output;
use super::super::say;
use super::alone::Alone;
use super::baselines;

/// Where results go, opened before the run.
pub(super) struct Results<'a> {
    arguments: &'a ReportArguments,
    baseline: Option<Baseline>,
    report: Option<Destination>,
    written: Option<Destination>,
}

/// Results of one server, and what to call it.
pub(super) struct Tested<'r> {
    /// What was tested, where nothing else is said.
    pub(super) label: String,
    /// What its cases were judged in.
    pub(super) context: &'r Context,
    /// The cases.
    pub(super) results: &'r [CaseResult],
    /// All exchanges, where cases look at those of others.
    pub(super) run: &'r [(&'static str, Exchange)],
    /// Why not all was asked.
    pub(super) ended: Option<&'r str>,
}

impl<'a> Results<'a> {
    /// Reads the baseline and opens the files, none of which may be one of `inputs`, which are read, or `capture`, which
    /// is written too.
    ///
    /// # Errors
    /// Those of reading and opening.
    pub(super) fn open(
        arguments: &'a ReportArguments,
        inputs: &[PathBuf],
        capture: Option<&Path>,
        interrupt: &Interrupt,
    ) -> Result<Results<'a>, CliError> {
        let inputs: Vec<&Path> =
            inputs.iter().map(PathBuf::as_path).chain(baseline_file(arguments)).collect();
        refuse_same_outputs(arguments, capture)?;
        let open = |path: &Path| Destination::open(path, arguments.force, inputs.iter().copied(), interrupt);
        Ok(Results {
            arguments,
            baseline: arguments.baseline.as_deref().map(baselines::baseline).transpose()?,
            report: arguments.output.as_deref().map(open).transpose()?,
            written: arguments.write_baseline.as_deref().map(open).transpose()?,
        })
    }

    /// Writes what became of a run. `label` is what was tested where nothing else is said.
    ///
    /// # Errors
    /// Those of writing.
    pub(super) fn finish(self, runner: &Runner, label: &str, alone: &Alone) -> Result<Exit, CliError> {
        let tested = Tested {
            label: label.to_owned(),
            context: runner.context(),
            results: runner.results(),
            run: runner.exchanges(),
            ended: runner.ended(),
        };
        self.write(&[tested], alone)
    }

    /// Writes what became of each of those servers, all in one document.
    ///
    /// # Errors
    /// Those of writing, and that a baseline is wanted where there is not just one server.
    pub(super) fn write(mut self, tested: &[Tested<'_>], alone: &Alone) -> Result<Exit, CliError> {
        self.write_baseline(tested)?;
        let reports: Vec<ConformReport> =
            tested.iter().map(|one| self.report(one, alone, tested.len() == 1)).collect();
        self.tell(&reports)?;
        let exits: Vec<Exit> = reports.iter().map(|report| exit(report, self.arguments.strict)).collect();
        self.close()?;
        let worst =
            [Exit::Wrong, Exit::Inconclusive, Exit::Fine].into_iter().find(|exit| exits.contains(exit));
        Ok(worst.unwrap_or(Exit::Inconclusive))
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
        self.tell(std::slice::from_ref(&report))?;
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

    /// What reports call it. A name that the user gives to several is followed by that of each.
    fn label(&self, tested: &Tested<'_>, is_one: bool) -> String {
        match &self.arguments.label {
            Some(label) if is_one => label.clone(),
            Some(label) => format!("{label} {}", tested.label),
            None => tested.label.clone(),
        }
    }

    fn write_baseline(&mut self, tested: &[Tested<'_>]) -> Result<(), CliError> {
        if self.written.is_none() {
            return Ok(());
        }
        let [one] = tested else { return Err(CliError::BaselineOfSeveral { servers: tested.len() }) };
        let baseline = Baseline::of(&self.label(one, true), one.results).to_toml();
        self.written.iter_mut().try_for_each(|file| file.write_all(baseline.as_bytes()))?;
        Ok(())
    }

    fn report(&self, tested: &Tested<'_>, alone: &Alone, is_one: bool) -> ConformReport {
        let mut results = tested.results.to_vec();
        if let Some(baseline) = &self.baseline {
            results.iter_mut().for_each(|result| baseline.apply(result));
            self.tell_untried(baseline, &tested.label, &results);
        }
        let run =
            Run { results: &results, exchanges: tested.run, context: tested.context, ended: tested.ended };
        ConformReport::new(&self.label(tested, is_one), &run, &|slugs| alone.of(slugs))
    }

    /// Says which entries of the baseline say nothing about this run.
    fn tell_untried(&self, baseline: &Baseline, label: &str, results: &[CaseResult]) {
        let untried = baseline.untried(results);
        if !untried.is_empty() && !self.arguments.quiet {
            let (name, cases) = (&baseline.name, untried.join(", "));
            say(&format!("note: {label}: not asked, so not held to baseline {name}: {cases}"));
        }
    }

    fn tell(&mut self, reports: &[ConformReport]) -> Result<(), CliError> {
        let ReportArguments { format, verbose, strict, .. } = *self.arguments;
        let style = Style { format, verbose, strict };
        match &mut self.report {
            Some(file) => conform::write(reports, style, file)?,
            None if self.arguments.quiet => {}
            None => conform::write(reports, style, &mut output())?,
        }
        Ok(())
    }
}

/// The file of the baseline, where it is one.
fn baseline_file(arguments: &ReportArguments) -> Option<&Path> {
    arguments.baseline.as_deref().filter(|name| !baselines::is_known(name)).map(Path::new)
}

/// Each output is a file of its own. A device takes what is not kept anyway.
fn refuse_same_outputs(arguments: &ReportArguments, capture: Option<&Path>) -> Result<(), CliError> {
    let outputs = [
        ("the results", arguments.output.as_deref()),
        ("the baseline", arguments.write_baseline.as_deref()),
        ("the capture", capture),
    ];
    let outputs = outputs.iter().filter_map(|(name, path)| Some((name, (*path)?)));
    for (number, (name, path)) in outputs.clone().enumerate() {
        let same = outputs.clone().skip(number + 1).find(|(_, other)| is_same_output(path, other));
        if let Some((other, _)) = same.filter(|_| !is_device(path)) {
            return Err(CliError::SameOutput { path: path.to_owned(), both: format!("{name} and {other}") });
        }
    }
    Ok(())
}

fn is_device(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.file_type().is_char_device())
}

/// Wrong counts before open: what is wrong is known.
fn exit(report: &ConformReport, strict: bool) -> Exit {
    let has = |wanted: &dyn Fn(Outcome) -> bool| {
        Outcome::ALL.into_iter().any(|outcome| wanted(outcome) && report.count(outcome) > 0)
    };
    if has(&|outcome| outcome.is_wrong(strict)) {
        Exit::Wrong
    } else if has(&|outcome| outcome == Outcome::Inconclusive) || report.summary.ended.is_some() {
        Exit::Inconclusive
    } else {
        Exit::Fine
    }
}
