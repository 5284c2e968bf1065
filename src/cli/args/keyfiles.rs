//! The arguments of `keys`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::auth::keyfile::Dialect;

use super::PolicyChoice;
use super::keymaking::{self, ConvertArguments, FingerprintArguments, GenArguments, KeyDiffArguments};

const LINT_EXAMPLES: &str = "\
Examples:
  ntpcap keys lint /etc/ntp.keys --as ntp.org --user ntp
  ntpcap keys lint --conf /etc/chrony/chrony.conf --user _chrony
  ntpcap keys lint ntp.keys --as all --sarif > keys.sarif

Exit codes: 0 nothing to mend, 1 an error or a warning, 2 could not read a file.";

/// Arguments of `keys`.
#[derive(Debug, Args)]
pub struct KeysArguments {
    #[command(subcommand)]
    #[allow(missing_docs)]
    pub command: KeysCommand,
}

/// What is to be done about key files.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Tell what is wrong with a key file, its path and the configuration that names it
    #[command(after_help = LINT_EXAMPLES)]
    Lint(LintArguments),
    /// Make new keys from the operating system's randomness
    #[command(after_help = keymaking::GEN_EXAMPLES)]
    Gen(GenArguments),
    /// Write the same keys for another program, octet for octet
    #[command(after_help = keymaking::CONVERT_EXAMPLES)]
    Convert(ConvertArguments),
    /// Show salted fingerprints, to compare two hosts without their secrets
    #[command(after_help = keymaking::FINGERPRINT_EXAMPLES)]
    Fingerprint(FingerprintArguments),
    /// Tell what differs between two key files, never the secrets
    #[command(after_help = keymaking::DIFF_EXAMPLES)]
    Diff(KeyDiffArguments),
}

/// Arguments of `keys lint`.
#[derive(Debug, Args)]
pub struct LintArguments {
    /// The key file, `-` for standard input; otherwise the one that --conf names
    #[arg(value_name = "FILE", required_unless_present = "conf")]
    pub file: Option<PathBuf>,
    /// By whose rules: ntp.org, ntpsec, chrony or all [default: told by content]
    #[arg(long = "as", value_name = "PROGRAM", value_parser = readers)]
    pub readers: Option<Readers>,
    /// Account that the daemon runs as: can it read the file?
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// Compare with this ntp.conf or chrony.conf: which keys it uses, and what becomes of them
    #[arg(long, value_name = "FILE")]
    pub conf: Option<PathBuf>,
    /// Which algorithms are weak: MD5 (sha1), or SHA-1 besides (modern); see `verify --help`
    #[arg(long, value_name = "NAME", default_value = "sha1", hide_possible_values = true)]
    pub policy: PolicyChoice,
    /// One JSON document
    #[arg(long, conflicts_with = "sarif")]
    pub json: bool,
    /// SARIF 2.1.0, for code scanning
    #[arg(long)]
    pub sarif: bool,
    /// Remarks too, which are nothing to mend
    #[arg(short, long)]
    pub verbose: bool,
    /// Nothing but errors and the exit code
    #[arg(short, long, conflicts_with_all = ["json", "sarif", "verbose"])]
    pub quiet: bool,
}

/// The programs by whose rules a key file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// One of them.
    One(Dialect),
    /// All that are known.
    All,
}

fn readers(text: &str) -> Result<Readers, String> {
    match text {
        "all" => Ok(Readers::All),
        name => {
            name.parse().map(Readers::One).map_err(|_| "expected ntp.org, ntpsec, chrony or all".to_owned())
        }
    }
}
