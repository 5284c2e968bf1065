//! The arguments of `probe`.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::KeyArguments;
use super::length::length;

pub(super) const EXAMPLES: &str = "\
Examples:
  ntpcap probe 10.0.0.5 --key 11 --keys ntp.keys
  ntpcap probe ntp1.example.org ntp2.example.org:1123 '[fd99::1]:123' --all-keys
  ntpcap probe 10.0.0.5 --key 11 --format nagios

Exit codes: 0 every key asked for is authenticated, 1 something is wrong, 2 could not do the
work, 3 no answer or inconclusive; with --format nagios those of plug-ins.";

pub(super) const DIFF_EXAMPLES: &str = "\
Examples:
  ntpcap probe --targets hosts.txt --key 11,12 --json > before.json
  ntpcap probe --targets hosts.txt --key 11,12 --json > after.json
  ntpcap diff before.json after.json

Exit codes: 0 nothing changed, 1 something did, 2 could not do the work.";

/// Arguments of `diff`.
#[derive(Debug, Args)]
pub struct DiffArguments {
    /// Output of `probe --json` or `--ndjson`
    pub before: PathBuf,
    /// The same, of a later run
    pub after: PathBuf,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
    /// Nothing but errors and the exit code
    #[arg(short, long, conflicts_with = "json")]
    pub quiet: bool,
}

/// Arguments of `probe`.
#[derive(Debug, Args)]
pub struct ProbeArguments {
    /// Servers: names, addresses, HOST:PORT, `[ADDRESS]:PORT`; every address of a name is asked
    #[arg(value_name = "TARGET", required_unless_present = "targets")]
    pub target: Vec<String>,
    /// File with a target on each line, `-` is standard input; `#` begins a comment
    #[arg(long, value_name = "FILE")]
    pub targets: Option<PathBuf>,
    /// Ask whether the server honours this key; repeatable
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub key: Vec<u32>,
    /// Ask for every key of the key files, or every trusted one
    #[arg(long, conflicts_with = "key")]
    pub all_keys: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub keys: KeyArguments,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub asking: AskingArguments,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub result: ProbeResultArguments,
}

/// What is asked, and how patiently.
#[derive(Debug, Args)]
#[command(next_help_heading = "Asking")]
pub struct AskingArguments {
    /// Ask everything: versions, trailers, fields, peers
    #[arg(long)]
    pub full: bool,
    /// Read the system's variables too, by a control message (mode 6)
    #[arg(long)]
    pub control: bool,
    /// Time between requests, --timeout at least [default: 2s, later 8s]
    #[arg(long, value_name = "TIME", value_parser = length)]
    pub interval: Option<Duration>,
    /// How long to wait for a reply
    #[arg(long, value_name = "TIME", value_parser = length, default_value = "1s")]
    pub timeout: Duration,
    /// How often to ask what stays silent, at most
    #[arg(long, value_name = "N", default_value = "6", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub tries: u32,
    /// Requests a second at most, to all targets together
    #[arg(long, value_name = "N", default_value = "1000")]
    pub rate: NonZeroU32,
    /// IPv4 alone
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub ipv4: bool,
    /// IPv6 alone
    #[arg(short = '6', long)]
    pub ipv6: bool,
    /// Address to send from
    #[arg(long, value_name = "ADDRESS")]
    pub source: Option<IpAddr>,
    /// Port to send from [default: any free one, as RFC 9109 asks for]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub source_port: Option<u16>,
    /// Say what would be asked and how long it takes at most, and ask nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// How results are shown.
#[derive(Debug, Args)]
#[command(next_help_heading = "Result")]
pub struct ProbeResultArguments {
    /// One JSON document
    #[arg(long, conflicts_with_all = ["ndjson", "style"])]
    pub json: bool,
    /// One JSON record a target as it is done, the summary last
    #[arg(long, conflicts_with = "style")]
    pub ndjson: bool,
    /// For monitoring
    #[arg(long = "format", value_name = "NAME")]
    pub style: Option<ProbeFormat>,
    /// Capture what is sent and what comes as pcapng
    #[arg(long, value_name = "FILE")]
    pub pcap: Option<PathBuf>,
    /// Replace the pcapng file if there is one
    #[arg(long, hide_short_help = true, requires = "pcap")]
    pub force: bool,
    /// Nothing but errors and the exit code
    #[arg(short, long, conflicts_with_all = ["json", "ndjson", "style"])]
    pub quiet: bool,
}

/// A format of other programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProbeFormat {
    /// A plug-in's line, with its exit codes.
    Nagios,
    /// Metrics for the text file collector.
    Prometheus,
}
