//! The arguments of `conform client`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::conformance::client::Reader;

use super::super::KeyArguments;
use super::super::length::length;
use super::{ReportArguments, SelectionArguments};

pub(super) const EXAMPLES: &str = "\
Examples:
  ntpcap conform client --keys ntp.keys --key 11 --client chrony
  ntpcap conform client --keys ntp.keys --client chrony --baseline clients/chrony-4.3 --strict
  ntpcap conform client --keys ntp.keys --listen 10.0.0.1:123 --ask-client 10.0.0.9:123 --ask-human";

/// What the short help leaves out.
pub(super) fn is_rare(argument: &str) -> bool {
    let rare = [
        "trusted",
        "conf",
        "exclude",
        "level",
        "requests",
        "wait",
        "write_baseline",
        "label",
        "verbose",
        "no_key",
    ];
    rare.contains(&argument)
}

/// Arguments of `conform client`.
#[derive(Debug, Args)]
pub struct ClientRunArguments {
    /// Address and port to serve it on; repeatable
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    pub listen: Vec<SocketAddr>,
    /// The key that the client asks with [default: the first trusted one]
    #[arg(long, value_name = "ID")]
    pub key: Option<u32>,
    /// The client asks without a key
    #[arg(long, conflicts_with = "key")]
    pub no_key: bool,
    /// A folder of evidence for an evaluation: all that it asks for, and sums of all files
    #[arg(long, value_name = "NAME", requires = "evidence", hide_short_help = true)]
    pub suite: Option<Suite>,
    /// Where the evidence of a suite goes: a folder that is not there yet
    #[arg(long, value_name = "FOLDER", requires = "suite", conflicts_with = "pcap", hide_short_help = true)]
    pub evidence: Option<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub keys: KeyArguments,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub starting: StartingArguments,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub believing: BelievingArguments,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub serving: ServingArguments,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub selection: SelectionArguments,
    /// Capture what comes and what is sent as pcapng
    #[arg(long, value_name = "FILE", help_heading = "Result")]
    pub pcap: Option<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub report: ReportArguments,
}

/// How the client is started.
#[derive(Debug, Args)]
#[command(next_help_heading = "Starting the client")]
pub struct StartingArguments {
    /// Start this program, anew in each phase
    #[arg(long, value_name = "PROGRAM")]
    pub client: Option<Program>,
    /// Start it so; {conf}, {keys}, {address}, {port} and {key} are filled in
    #[arg(long, value_name = "COMMAND")]
    pub exec: Option<String>,
    /// Text for the file {conf}, where the same is filled in
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub conf_template: Option<PathBuf>,
    /// Key file for the client [default: the one of --keys]
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub client_keys: Option<PathBuf>,
    /// How its output is read: chronyd, ntpdate, sntp, number, exit-code, nothing
    #[arg(long, value_name = "READER", value_parser = reader, hide_short_help = true)]
    pub output_as: Option<Reader>,
}

/// How it is known what the client believes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Knowing what it believes")]
pub struct BelievingArguments {
    /// Ask the client's own NTP service there
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub ask_client: Option<SocketAddr>,
    /// Run this command and read it: chronyc, ntpq, a number
    #[arg(long, value_name = "COMMAND")]
    pub observe: Option<String>,
    /// How the output of that command is read [default: by its name]
    #[arg(long, value_name = "READER", value_parser = reader, requires = "observe", hide_short_help = true)]
    pub observe_as: Option<Reader>,
    /// Ask the person at the terminal, and record the answer
    #[arg(long)]
    pub ask_human: bool,
}

/// How it is served.
#[derive(Debug, Args)]
#[command(next_help_heading = "Serving")]
pub struct ServingArguments {
    /// How far a wrong time is off
    #[arg(long, value_name = "TIME", value_parser = length, default_value = "100s")]
    pub offset: Duration,
    /// Longest time for a phase
    #[arg(long, value_name = "TIME", value_parser = length, default_value = "30s")]
    pub wait: Duration,
    /// Requests after which a phase is over, for a client that goes on
    #[arg(long, value_name = "N", default_value = "4", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub requests: u32,
    /// Broadcast to this address and port
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub broadcast: Option<SocketAddr>,
    /// Multicast to this group and port
    #[arg(long, value_name = "GROUP:PORT")]
    pub multicast: Option<SocketAddr>,
}

/// A client that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "they are names of programs")]
pub enum Program {
    Chrony,
    #[value(name = "ntp.org")]
    NtpOrg,
    Ntpsec,
    Ntpdate,
    Sntp,
    Ntpdig,
}

impl Program {
    /// The name that it is asked for by.
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// What a folder of evidence is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Suite {
    /// FCS_NTP_EXT.1 of the collaborative Protection Profile for Network Devices
    Ndcpp,
}

fn reader(text: &str) -> Result<Reader, String> {
    let known: Vec<&str> = Reader::ALL.iter().map(|(name, _)| *name).collect();
    Reader::of_name(text).ok_or_else(|| format!("expected one of {}", known.join(", ")))
}
