//! The arguments of `conform`.

pub mod client;

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValue;
use clap::{Args, Subcommand, ValueEnum};

use crate::conformance::Level;
use crate::report::conform::Format;
use crate::server::fault::FaultError;
use crate::server::{Fault, Habit};

use super::KeyArguments;
use super::length::length;

pub(super) const EXAMPLES: &str = "\
Exit codes: 0 nothing wrong, 1 a case failed (or warned, with --strict), 2 could not do the work,
3 inconclusive.";

const SERVER_EXAMPLES: &str = "\
Examples:
  ntpcap conform server 10.0.0.5 --keys ntp.keys --trusted 11-13
  ntpcap conform server 10.0.0.5 --keys ntp.keys --only auth --format junit -o auth.xml
  ntpcap conform server 10.0.0.5 --keys chrony.keys --baseline chrony-4.3 --strict";

const SELF_EXAMPLES: &str = "\
Examples:
  ntpcap conform self --strict
  ntpcap conform self --fault bogus-origin
  ntpcap conform self --mutations";

const JUDGE_EXAMPLES: &str = "\
Examples:
  ntpcap conform judge trace.pcapng --keys ntp.keys
  ntpcap conform judge captures/ --keys ntp.keys --only auth --format json";

/// Arguments of `conform`.
#[derive(Debug, Args)]
pub struct ConformArguments {
    #[command(subcommand)]
    #[allow(missing_docs)]
    pub command: ConformCommand,
}

/// What is to be done about conformance.
#[derive(Debug, Subcommand)]
pub enum ConformCommand {
    /// Test a server
    #[command(after_help = SERVER_EXAMPLES, mut_arg("nt_hash", |arg| arg.hide(true)))]
    Server(Box<ServerRunArguments>),
    /// Test a client: serve it rightly and wrongly, and tell what it believes
    #[command(
        after_help = client::EXAMPLES,
        mut_arg("nt_hash", |arg| arg.hide(true)),
        mut_args(|arg| if client::is_rare(arg.get_id().as_str()) { arg.hide_short_help(true) } else { arg }),
    )]
    Client(Box<client::ClientRunArguments>),
    /// Test the reference server that is in this program, and so the tests themselves
    #[command(name = "self", after_help = SELF_EXAMPLES)]
    Own(Box<SelfRunArguments>),
    /// Tell which cases a capture proves or refutes, without sending anything
    #[command(after_help = JUDGE_EXAMPLES, mut_arg("nt_hash", |arg| arg.hide(true)))]
    Judge(Box<JudgeArguments>),
    /// List the cases
    List(ListArguments),
    /// Show what a case asks for, and why
    Show(ShowArguments),
    /// Put reports of several runs side by side
    Matrix(MatrixArguments),
}

/// Which cases are run.
#[derive(Debug, Args)]
#[command(next_help_heading = "Cases")]
pub struct SelectionArguments {
    /// Only this case, group, or what begins so before a `*`; repeatable
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Not this case, group, or what begins so before a `*`; repeatable
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub exclude: Vec<String>,
    /// Only cases of this level: must, should, may, observed; repeatable
    #[arg(long, value_name = "LEVEL", value_delimiter = ',', value_parser = level)]
    pub level: Vec<Level>,
    /// Only cases of this tag: rfc5905 and the like, practice, needs-key; repeatable
    #[arg(long, value_name = "TAG", value_delimiter = ',')]
    pub tag: Vec<String>,
}

/// How results are judged and told.
#[derive(Debug, Args)]
#[command(next_help_heading = "Result")]
pub struct ReportArguments {
    /// Count warnings as wrong
    #[arg(long)]
    pub strict: bool,
    /// Known deviations: a file, or a name such as chrony-4.3
    #[arg(long, value_name = "NAME")]
    pub baseline: Option<String>,
    /// Write what deviates here as a baseline
    #[arg(long, value_name = "FILE")]
    pub write_baseline: Option<PathBuf>,
    /// How results are told
    #[arg(id = "report", long = "format", value_name = "FORMAT", default_value = "text")]
    pub format: Format,
    /// Write results there
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// What is tested, as reports call it [default: the host]
    #[arg(long, value_name = "NAME")]
    pub label: Option<String>,
    /// Tell more of what passed
    #[arg(short, long)]
    pub verbose: bool,
    /// Nothing but errors and the exit code
    #[arg(short, long)]
    pub quiet: bool,
    /// Replace files that are there
    #[arg(long, hide_short_help = true)]
    pub force: bool,
}

/// Arguments of `conform server`.
#[derive(Debug, Args)]
pub struct ServerRunArguments {
    /// Server: name, address, HOST:PORT or `[ADDRESS]:PORT`
    #[arg(value_name = "HOST")]
    pub host: String,
    /// Ask with this key; repeatable [default: the first trusted key of each algorithm]
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub key: Vec<u32>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub keys: KeyArguments,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub selection: SelectionArguments,
    /// Least time between requests
    #[arg(long, value_name = "TIME", value_parser = up_to_an_hour, default_value = "20ms", help_heading = "Asking")]
    pub interval: Duration,
    /// How long to wait for a reply
    #[arg(long, value_name = "TIME", value_parser = up_to_an_hour, default_value = "500ms", help_heading = "Asking")]
    pub timeout: Duration,
    /// How often to ask what stays silent, at most
    #[arg(long, value_name = "N", default_value = "3", value_parser = clap::value_parser!(u32).range(1..=100), help_heading = "Asking")]
    pub tries: u32,
    /// Address to send from
    #[arg(long, value_name = "ADDRESS", help_heading = "Asking")]
    pub source: Option<IpAddr>,
    /// Capture what is sent and what comes as pcapng
    #[arg(long, value_name = "FILE", help_heading = "Result")]
    pub pcap: Option<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub report: ReportArguments,
}

/// A fault, and how it was given.
#[derive(Clone, Debug)]
pub struct GivenFault {
    /// As the user wrote it.
    pub text: String,
    /// The fault.
    pub fault: Fault,
}

impl GivenFault {
    fn parse(text: &str) -> Result<GivenFault, FaultError> {
        Ok(GivenFault { text: text.to_owned(), fault: Fault::parse(text)? })
    }
}

/// Arguments of `conform self`.
#[derive(Debug, Args)]
pub struct SelfRunArguments {
    /// Have the server do something wrong, as `serve --fault`; repeatable
    #[arg(long, value_name = "FAULT", value_parser = GivenFault::parse)]
    pub fault: Vec<GivenFault>,
    /// Give the server the habits of this program
    #[arg(long, value_name = "PROGRAM", default_value = "ntpcap", value_parser = super::serve::habit)]
    pub like: &'static Habit,
    /// Over UDP on this host instead of in process
    #[arg(long)]
    pub udp: bool,
    /// Run all cases once for each fault, and say which turn red by it
    #[arg(long, conflicts_with_all = ["fault", "udp", "strict", "baseline", "write_baseline", "report", "output",
        "label", "verbose", "quiet", "force"])]
    pub mutations: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub selection: SelectionArguments,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub report: ReportArguments,
}

/// Arguments of `conform judge`.
#[derive(Debug, Args)]
pub struct JudgeArguments {
    /// Captures: files, directories, `-` for standard input
    #[arg(value_name = "CAPTURE", required = true)]
    pub captures: Vec<PathBuf>,
    /// UDP port of NTP; repeatable
    #[arg(long, value_name = "PORT", default_value = "123")]
    pub port: Vec<u16>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub keys: KeyArguments,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub selection: SelectionArguments,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub report: ReportArguments,
}

/// Arguments of `conform list`.
#[derive(Debug, Args)]
pub struct ListArguments {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub selection: SelectionArguments,
    /// The cases of clients instead of those of servers
    #[arg(long)]
    pub client: bool,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `conform show`.
#[derive(Debug, Args)]
pub struct ShowArguments {
    /// The case: `auth/wrong-digest`
    #[arg(value_name = "CASE")]
    pub slug: String,
}

/// Arguments of `conform matrix`.
#[derive(Debug, Args)]
pub struct MatrixArguments {
    /// Reports, written with --format json
    #[arg(value_name = "REPORT", required = true)]
    pub reports: Vec<PathBuf>,
    /// Write a page (.html) or a table (.md) there; a table to standard output otherwise
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Replace the file if there is one
    #[arg(long, hide_short_help = true, requires = "output")]
    pub force: bool,
}

impl ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Format] {
        &Format::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()))
    }
}

/// Longer, and the run would not end while anybody waits for it.
fn up_to_an_hour(text: &str) -> Result<Duration, String> {
    let length = length(text)?;
    let is_short = length <= Duration::from_secs(3_600);
    if is_short { Ok(length) } else { Err("expected at most 1h".to_owned()) }
}

fn level(text: &str) -> Result<Level, String> {
    let found = Level::ALL.into_iter().find(|level| level.name() == text);
    found.ok_or_else(|| "expected must, should, may or observed".to_owned())
}
