//! The command line.

pub mod conform;
pub mod keyfiles;
pub mod keymaking;
mod length;
pub mod probe;
pub mod serve;

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::analysis::{Finding, Policy, Status};
use crate::auth::keyfile::Dialect;

/// Verify the MACs of NTP packets in captures, and decode them
#[derive(Debug, Parser)]
#[command(name = "ntpcap", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Arguments {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 nothing wrong, 1 something wrong was found, 2 could not do the work,
3 could not conclude (no NTP, or nothing that carries a MAC), 130 interrupted.";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Verify every MAC against a key file
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(VerifyArguments),
    /// Show every field of every NTP message; needs no keys
    #[command(
        after_help = DECODE_EXAMPLES,
        mut_arg("verbose", |arg| arg.help("Octets in hexadecimal too")),
        mut_arg("filter", |arg| arg.long_help(DECODE_FILTER))
    )]
    Decode(DecodeArguments),
    /// Explain one message octet by octet, or a word of other outputs
    #[command(after_help = EXPLAIN_EXAMPLES, override_usage = EXPLAIN_USAGE)]
    Explain(ExplainArguments),
    /// Tell who uses which key: servers, keys and their clients
    #[command(after_help = CENSUS_EXAMPLES, mut_arg("verbose", |arg| arg.help("List the clients, and every remark on the key files")))]
    Census(CensusArguments),
    /// Write the captures as pcapng, with the verdict as a comment on each packet
    #[command(after_help = ANNOTATE_EXAMPLES)]
    Annotate(AnnotateArguments),
    /// Answer NTP requests: a server for tests, with the habits of known programs
    #[command(after_help = serve::EXAMPLES)]
    Serve(Box<serve::ServeArguments>),
    /// Ask servers what they do with keys: right, wrong, unknown ones and none
    #[command(after_help = probe::EXAMPLES, mut_arg("nt_hash", |arg| arg.hide(true)))]
    Probe(Box<probe::ProbeArguments>),
    /// Compare two runs of probe: what changed, before and after a rotation of keys
    #[command(after_help = probe::DIFF_EXAMPLES)]
    Diff(probe::DiffArguments),
    /// Test a server against the RFCs and what other servers do
    #[command(after_help = conform::EXAMPLES)]
    Conform(Box<conform::ConformArguments>),
    /// Key files themselves: what is wrong with them
    Keys(Box<keyfiles::KeysArguments>),
    /// Print the JSON Schema of --json and --ndjson
    Schema,
}

const VERIFY_EXAMPLES: &str = "\
Examples:
  ntpcap verify trace.pcap --keys ntp.keys
  ntpcap verify trace.pcap --conf ntp.conf --filter 'status==invalid && host==10.0.0.5'
  tcpdump -U -w - udp port 123 | ntpcap verify - --keys ntp.keys
  ntpcap verify --follow growing.pcap --keys ntp.keys --ndjson";

const DECODE_FILTER: &str = "\
Show and count only messages that this expression selects

Fields: dst, finding, frame, host, key, length, mode, port, refid, src, status (where no key \
decides it), stratum, version. Signs: == != < <= > >= && || ! and parentheses; and, or, not. \
Addresses may have a prefix length: host==10.0.0.0/24. Where words are expected, a wrong one is \
answered with the right ones.";

const DECODE_EXAMPLES: &str = "\
Examples:
  ntpcap decode trace.pcap
  ntpcap decode trace.pcap --filter 'mode==server && stratum<2' --ndjson";

const EXPLAIN_USAGE: &str = "\
ntpcap explain [OPTIONS] <CAPTURE> <FRAME>
       ntpcap explain <CODE>";

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  ntpcap explain trace.pcap 7 --keys ntp.keys
  ntpcap explain hex-read-as-ascii";

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArguments {
    /// A capture; or, alone, a diagnosis, finding, status or kind of server as other commands print it
    #[arg(value_name = "CAPTURE")]
    pub subject: PathBuf,
    /// Number of the frame, as Wireshark counts
    #[arg(value_name = "FRAME")]
    pub frame: Option<u64>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub keys: KeyArguments,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub ports: PortArguments,
}

const CENSUS_EXAMPLES: &str = "\
Examples:
  ntpcap census trace.pcap --keys ntp.keys
  ntpcap census captures/ --keys ntp.keys --filter key==10 -v";

/// Arguments of `census`.
#[derive(Debug, Args)]
pub struct CensusArguments {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub read: ReadArguments,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub keys: KeyArguments,
}

const ANNOTATE_EXAMPLES: &str = "\
Examples:
  ntpcap annotate trace.pcap --keys ntp.keys -o annotated.pcapng
  ntpcap annotate trace.pcap --keys ntp.keys -o - | wireshark -k -i -

A comment reads \"ntpcap: status=invalid key=11 algorithm=sha1\". Display filters:
  frame.comment contains \"invalid\"
  frame.comment contains \"status=valid\"
All packets are kept, with comments, flags and interfaces; what no packet has is not
(names of hosts, decryption secrets, statistics). Comments of an earlier run are replaced.";

/// Arguments of `annotate`.
#[derive(Debug, Args)]
pub struct AnnotateArguments {
    /// Captures: pcap or pcapng, also compressed; a directory; `-` for standard input
    #[arg(required = true, value_name = "CAPTURE")]
    pub captures: Vec<PathBuf>,
    /// The pcapng file to write, `-` for standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Replace the file if there is one
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub ports: PortArguments,
    /// Comment only on messages that this expression selects; see `verify --help`
    #[arg(long, value_name = "EXPRESSION", help_heading = "Selection")]
    pub filter: Option<String>,
    /// Nothing but errors and the exit code
    #[arg(short, long)]
    pub quiet: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub keys: KeyArguments,
}

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArguments {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub read: ReadArguments,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub keys: KeyArguments,
    /// Go on when the capture grows, until it is replaced or this is interrupted
    #[arg(long, conflicts_with = "json", help_heading = "Selection")]
    pub follow: bool,
    /// Which algorithms are weak: MD5 and Tiger (sha1), RIPEMD-160 and Whirlpool too (fips), or SHA-1 besides (modern)
    #[arg(
        long,
        value_name = "NAME",
        default_value = "modern",
        hide_possible_values = true,
        help_heading = "Result"
    )]
    pub policy: PolicyChoice,
    /// What makes the exit code 1: statuses and findings, or `never`
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = DEFAULT_FAIL_ON, help_heading = "Result")]
    pub fail_on: Vec<FailOn>,
    /// Do not find out why MACs are wrong
    #[arg(long, help_heading = "Result")]
    pub no_diagnosis: bool,
}

const DEFAULT_FAIL_ON: &str = "invalid,unknown-key,untrusted-key,crypto-nak,malformed,auth-stripped,replay";

/// Arguments of `decode`.
#[derive(Debug, Args)]
pub struct DecodeArguments {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub read: ReadArguments,
}

/// What to read and how to show it.
#[derive(Debug, Args)]
pub struct ReadArguments {
    /// Captures: pcap or pcapng, also compressed; a directory; `-` for standard input
    #[arg(required = true, value_name = "CAPTURE")]
    pub captures: Vec<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub ports: PortArguments,
    /// Show and count only messages that this expression selects
    ///
    /// Fields: algorithm, diagnosis, dst, finding, frame, host, key, length, mode, port, refid, src, status,
    /// stratum, version. Signs: == != < <= > >= && || ! and parentheses; and, or, not. Addresses may have a prefix
    /// length: host==10.0.0.0/24. Where words are expected, a wrong one is answered with the right ones.
    #[arg(long, value_name = "EXPRESSION", help_heading = "Selection")]
    pub filter: Option<String>,
    /// One JSON document
    #[arg(long, conflicts_with = "ndjson", help_heading = "Result")]
    pub json: bool,
    /// One JSON record a line, the summary last
    #[arg(long, help_heading = "Result")]
    pub ndjson: bool,
    /// Key, evidence and findings of each message; twice: all fields and octets
    #[arg(short, long, action = ArgAction::Count, help_heading = "Result")]
    pub verbose: u8,
    /// Nothing but errors and the exit code
    #[arg(short, long, conflicts_with_all = ["verbose", "json", "ndjson"], help_heading = "Result")]
    pub quiet: bool,
    /// When to colour
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = "Result")]
    pub color: ColorChoice,
}

/// Where NTP is looked for.
#[derive(Debug, Args)]
pub struct PortArguments {
    /// UDP port of NTP; several with commas or by repeating it
    #[arg(
        long,
        value_name = "PORT",
        default_value = "123",
        value_delimiter = ',',
        help_heading = "Selection"
    )]
    pub port: Vec<u16>,
}

/// Where the keys come from.
#[derive(Debug, Args)]
pub struct KeyArguments {
    /// Key file, `-` for standard input; or ADDRESS=FILE for one server; repeatable
    ///
    /// Without it: the file that --conf names, then that of NTPCAP_KEYS, then the usual places of ntpd, NTPsec
    /// and chrony. A file for one server is tried first, the others after it.
    #[arg(long = "keys", value_name = "FILE", help_heading = "Keys",
        value_parser = OsStringValueParser::new().try_map(KeysArgument::parse))]
    pub files: Vec<KeysArgument>,
    /// By whose rules to read key files: ntp.org, ntpsec or chrony; told by content otherwise
    #[arg(long = "key-format", value_name = "PROGRAM", help_heading = "Keys")]
    pub format: Option<Dialect>,
    /// Trusted key IDs, such as 11-13,20 or '(11 ... 13) 20'; all keys otherwise
    #[arg(long, value_name = "IDS", help_heading = "Keys")]
    pub trusted: Option<String>,
    /// Password hashes of Windows accounts, lines RID=HASH: verifies a domain controller's replies
    #[arg(long, value_name = "FILE", help_heading = "Keys")]
    pub nt_hash: Option<PathBuf>,
    /// Take key file and trusted keys from this ntp.conf or chrony.conf
    #[arg(long, value_name = "FILE", help_heading = "Keys")]
    pub conf: Option<PathBuf>,
}

/// `FILE` or `ADDRESS=FILE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeysArgument {
    /// The server that the file is for; all where there is none.
    pub address: Option<IpAddr>,
    /// The key file.
    pub path: PathBuf,
}

impl KeysArgument {
    /// Reads the argument. Whatever is no address before an equals sign belongs to the path.
    fn parse(text: OsString) -> Result<KeysArgument, String> {
        let split = text.to_str().and_then(|text| text.split_once('='));
        let split = split.and_then(|(address, path)| Some((address_of(address)?, path)));
        let (address, path) = match split {
            Some((address, path)) => (Some(address), PathBuf::from(path)),
            None => (None, PathBuf::from(&text)),
        };
        if path.as_os_str().is_empty() {
            return Err("expected FILE or ADDRESS=FILE".to_owned());
        }
        Ok(KeysArgument { address, path })
    }
}

/// An IP address, also in brackets.
fn address_of(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok()
}

/// What counts as wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailOn {
    /// Nothing does.
    Never,
    /// Messages of this status.
    Status(Status),
    /// Messages with this finding.
    Finding(Finding),
}

impl FromStr for FailOn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = || {
            let statuses = Status::ALL.map(Status::name).join(", ");
            let findings = Finding::ALL.map(Finding::code).join(", ");
            format!("expected never, a status ({statuses}) or a finding ({findings})")
        };
        match text {
            "" => Err("nothing is named; with never, nothing that is found makes the exit code 1".to_owned()),
            "never" => Ok(FailOn::Never),
            _ => {
                let status = Status::from_name(text).map(FailOn::Status);
                status.or_else(|| Finding::from_code(text).map(FailOn::Finding)).ok_or_else(known)
            }
        }
    }
}

/// Which algorithms count as weak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PolicyChoice {
    /// What FIPS 140 does not approve.
    Fips,
    /// What is weaker than SHA-1.
    Sha1,
    /// SHA-1 too.
    Modern,
}

impl From<PolicyChoice> for Policy {
    fn from(choice: PolicyChoice) -> Policy {
        match choice {
            PolicyChoice::Fips => Policy::Fips,
            PolicyChoice::Sha1 => Policy::Sha1,
            PolicyChoice::Modern => Policy::Modern,
        }
    }
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }

    #[test]
    fn an_address_before_the_equals_sign_names_a_server() {
        let parse = |text: &str| KeysArgument::parse(text.into()).unwrap();
        let argument = parse("10.0.0.5=ntp.keys");
        assert_eq!(argument.address, Some("10.0.0.5".parse().unwrap()));
        let argument = parse("fd99::1=a=b.keys");
        assert_eq!(argument.path, PathBuf::from("a=b.keys"));
        assert_eq!(parse("[fd99::1]=x").address, Some("fd99::1".parse().unwrap()));
        assert!(KeysArgument::parse("10.0.0.5=".into()).is_err());
        let argument = parse("odd=name.keys");
        assert_eq!((argument.address, argument.path), (None, PathBuf::from("odd=name.keys")));
    }
}
