//! What an evaluation was shown: each requirement with its steps, what was expected and observed, and where it is seen.

use std::io::{self, Write};

use serde::Serialize;

use crate::conformance::client::suite::{Requirement, Step};
use crate::conformance::client::{ClientResult, Phase, PhaseKind, Test};

use super::super::model::SCHEMA;
use super::html;
use super::markdown::cell;

/// Frames that are named for one step, at most.
const MOST_FRAMES: usize = 12;

/// The document of a suite.
#[derive(Clone, Debug, Serialize)]
pub struct SuiteReport {
    /// Version of this schema.
    pub schema: u32,
    /// `ndcpp`.
    pub suite: &'static str,
    /// What was tested.
    pub label: String,
    /// What it was tested with.
    pub about: About,
    /// The requirements, in their order.
    pub requirements: Vec<RequirementRecord>,
    /// What the program cannot see, and was answered.
    pub questions: Vec<Question>,
}

/// What was tested with.
#[derive(Clone, Debug, Serialize)]
pub struct About {
    /// The program.
    pub program: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// The command that started the client; none for a device that was running.
    pub client_command: Option<String>,
    /// Where the servers were.
    pub servers: Vec<String>,
    /// The key that the client had to use, and its algorithm.
    pub key: Option<String>,
    /// How far a wrong time was off, in seconds.
    pub offset_s: u64,
    /// When it began.
    pub begun: String,
}

/// A question that a person was asked.
#[derive(Clone, Debug, Serialize)]
pub struct Question {
    /// The question.
    pub question: String,
    /// The answer as it was given; none where it was not asked.
    pub answer: Option<String>,
}

/// A requirement.
#[derive(Clone, Debug, Serialize)]
pub struct RequirementRecord {
    /// What it is called in the profile.
    pub name: &'static str,
    /// What it is about.
    pub title: &'static str,
    /// The steps.
    pub steps: Vec<StepRecord>,
}

/// A step.
#[derive(Clone, Debug, Serialize)]
pub struct StepRecord {
    /// What was done.
    pub does: &'static str,
    /// What must come of it.
    pub expected: &'static str,
    /// The case that did it.
    pub case: &'static str,
    /// Its outcome.
    pub outcome: &'static str,
    /// What was seen.
    pub observed: String,
    /// Frames of the capture that show it: requests.
    pub request_frames: Vec<u64>,
    /// Frames of the capture that show it: what was sent.
    pub reply_frames: Vec<u64>,
}

impl SuiteReport {
    /// The document, of results.
    pub fn new(
        label: &str,
        requirements: &'static [Requirement],
        results: &[ClientResult],
        about: About,
        questions: Vec<Question>,
    ) -> SuiteReport {
        let requirements = requirements.iter().map(|requirement| RequirementRecord {
            name: requirement.name,
            title: requirement.title,
            steps: requirement.steps.iter().filter_map(|step| record(step, results)).collect(),
        });
        let label = label.to_owned();
        SuiteReport {
            schema: SCHEMA,
            suite: "ndcpp",
            label,
            about,
            requirements: requirements.collect(),
            questions,
        }
    }

    /// Writes it as JSON.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write_json(&self, output: &mut impl Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *output, self)?;
        writeln!(output)
    }

    /// Writes it as a page.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write_html(&self, output: &mut impl Write) -> io::Result<()> {
        html::write_suite(self, output)
    }

    /// Writes it as Markdown.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write_markdown(&self, output: &mut impl Write) -> io::Result<()> {
        writeln!(output, "# FCS_NTP_EXT.1: {}\n", cell(&self.label))?;
        self.about.write_markdown(output)?;
        for requirement in &self.requirements {
            writeln!(output, "\n## {}: {}\n", requirement.name, requirement.title)?;
            writeln!(
                output,
                "| step | expected | observed | outcome | requests, replies (frames) |\n|---|---|---|---|---|"
            )?;
            for step in &requirement.steps {
                let frames = format!("{}; {}", numbers(&step.request_frames), numbers(&step.reply_frames));
                let (does, observed) = (cell(step.does), cell(&step.observed));
                writeln!(
                    output,
                    "| {does} | {} | {observed} | {} | {frames} |",
                    step.expected, step.outcome
                )?;
            }
        }
        writeln!(output, "\n## What was asked\n")?;
        for Question { question, answer } in &self.questions {
            let answer =
                answer.as_ref().map_or("not asked".to_owned(), |answer| format!("\"{}\"", cell(answer)));
            writeln!(output, "- {question} {answer}")?;
        }
        Ok(())
    }
}

impl About {
    fn write_markdown(&self, output: &mut impl Write) -> io::Result<()> {
        let arguments = self.arguments.join(" ");
        writeln!(output, "- tested with: {} {}", self.program, self.version)?;
        writeln!(output, "- arguments: {}", cell(&arguments))?;
        writeln!(
            output,
            "- client: {}",
            cell(self.client_command.as_deref().unwrap_or("a device that was running"))
        )?;
        writeln!(output, "- servers: {}", self.servers.join(", "))?;
        writeln!(output, "- key: {}", self.key.as_deref().unwrap_or("none"))?;
        writeln!(output, "- a wrong time is off by {} s", self.offset_s)?;
        writeln!(output, "- begun: {}", self.begun)
    }
}

fn record(step: &Step, results: &[ClientResult]) -> Option<StepRecord> {
    let result = results.iter().find(|result| result.case.slug == step.case)?;
    let shown_by = if let Test::Fault(test) = &result.case.test { test.shown_by } else { &[] };
    let is_shown = |phase: &&Phase| shown_by.is_empty() || phase.kind == PhaseKind::Faulty;
    let phases = || result.phases.iter().filter(is_shown);
    let requests = phases().flat_map(|phase| &phase.requests).filter_map(|request| request.frame);
    let replies = phases().flat_map(|phase| phase.with_faults(shown_by)).filter_map(|reply| reply.frame);
    Some(StepRecord {
        does: step.does,
        expected: step.expected,
        case: step.case,
        outcome: result.judgement.outcome.name(),
        observed: result.judgement.actual.clone(),
        request_frames: requests.take(MOST_FRAMES).collect(),
        reply_frames: replies.take(MOST_FRAMES).collect(),
    })
}

fn numbers(frames: &[u64]) -> String {
    let frames: Vec<String> = frames.iter().map(u64::to_string).collect();
    if frames.is_empty() { "-".to_owned() } else { frames.join(" ") }
}
