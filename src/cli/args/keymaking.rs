//! The arguments of `keys gen`, `convert`, `fingerprint` and `diff`.

use std::path::PathBuf;

use clap::Args;

use crate::auth::TrustedKeys;
use crate::auth::conversion::Format;
use crate::auth::fingerprint::Salt;
use crate::auth::keyfile::Dialect;

pub(super) const GEN_EXAMPLES: &str = "\
Examples:
  ntpcap keys gen --for chrony --id 11-20 -o chrony.keys
  ntpcap keys gen --for ntp.org --type SHA1 --id 11 -o ntp.keys

Types of ntp.org: MD5 SHA1 SHAKE128 RIPEMD160 AES128CMAC
Types of ntpsec: those, SHA224 to SHA512, SHA3-224 to SHA3-512, AES-192 AES-256 and others
Types of chrony: MD5 SHA1 SHA256 SHA384 SHA512, SHA3-224 to SHA3-512, AES128 AES256

Secrets go into the file and nowhere else. It is readable by its owner alone; a link of that
name is never followed.";

/// Arguments of `keys gen`.
#[derive(Debug, Args)]
pub struct GenArguments {
    /// The program that is to read the keys: ntp.org, ntpsec or chrony
    #[arg(long = "for", value_name = "PROGRAM")]
    pub dialect: Dialect,
    /// Key IDs, such as 11-20 or 1,11-13
    #[arg(long, value_name = "IDS", default_value = "1", value_parser = ids)]
    pub id: TrustedKeys,
    /// Type of the keys, as the program or ntpcap names it [default: AES-CMAC with 128 bits]
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<String>,
    /// Length of each secret, 128 to 256 [default: that of the digest, or of the cipher's key]
    #[arg(long, value_name = "N")]
    pub bits: Option<u32>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub made: MadeArguments,
}

/// The file that is made.
#[derive(Debug, Args)]
pub struct MadeArguments {
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Replace the file, or the link, if there is one
    #[arg(long)]
    pub force: bool,
    /// Nothing but errors and the exit code
    #[arg(short, long)]
    pub quiet: bool,
}

pub(super) const CONVERT_EXAMPLES: &str = "\
Examples:
  ntpcap keys convert /etc/ntp.keys --to chrony -o chrony.keys
  ntpcap keys convert running-config --to ntp.org -o ntp.keys
  ntpcap keys convert ntp.keys --as ntp.org --to junos -o ntp.set

The octets that the program computes with are kept. A key that the other program cannot have is
an error that says why, and then nothing is written.";

/// Arguments of `keys convert`.
#[derive(Debug, Args)]
pub struct ConvertArguments {
    /// Key file, or configuration of a router or switch; `-` for standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// What is to read the keys: ntp.org, ntpsec, chrony, cisco-ios, junos or arista
    #[arg(long, value_name = "FORMAT")]
    pub to: Format,
    /// By whose rules to read the file, from the same list [default: told by content]
    #[arg(long = "as", value_name = "FORMAT")]
    pub from: Option<Format>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub made: MadeArguments,
}

pub(super) const FINGERPRINT_EXAMPLES: &str = "\
Examples:
  ntpcap keys fingerprint /etc/ntp.keys
  ntpcap keys fingerprint /etc/chrony/chrony.keys --salt 5d1c0f6e9a7b3244

Two fingerprints under one salt are the same where two secrets are, whatever their key IDs and
types. Each costs 16 MiB and some time to compute, and so does each guess at a weak secret.

Exit codes: 0 done, 1 the program refuses the file, 2 could not read it, 3 it gives no key.";

/// Arguments of `keys fingerprint`.
#[derive(Debug, Args)]
pub struct FingerprintArguments {
    /// Key file, or configuration of a router or switch; `-` for standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// By whose rules: ntp.org, ntpsec, chrony, cisco-ios, junos or arista [default: told by content]
    #[arg(long = "as", value_name = "FORMAT")]
    pub format: Option<Format>,
    /// The salt of another run, 8 characters or more [default: a new one, which is shown]
    #[arg(long, value_name = "TEXT", value_parser = salt)]
    pub salt: Option<Salt>,
    /// Only these keys, such as 11-20
    #[arg(long, value_name = "IDS", value_parser = ids)]
    pub id: Option<TrustedKeys>,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

pub(super) const DIFF_EXAMPLES: &str = "\
Examples:
  ntpcap keys diff old.keys new.keys
  ntpcap keys diff ntp.keys chrony.keys --as ntp.org,chrony

Exit codes: 0 the same keys, 1 other ones, 2 could not read a file.";

/// Arguments of `keys diff`.
#[derive(Debug, Args)]
pub struct KeyDiffArguments {
    /// Key file, `-` for standard input
    #[arg(value_name = "A")]
    pub first: PathBuf,
    /// The other key file
    #[arg(value_name = "B")]
    pub second: PathBuf,
    /// By whose rules: ntp.org, ntpsec or chrony; two with a comma for A and B [default: told by content]
    #[arg(long = "as", value_name = "PROGRAM", value_delimiter = ',')]
    pub formats: Vec<Dialect>,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
    /// Nothing but errors and the exit code
    #[arg(short, long, conflicts_with = "json")]
    pub quiet: bool,
}

fn ids(text: &str) -> Result<TrustedKeys, String> {
    TrustedKeys::parse(text).map_err(|error| error.to_string())
}

fn salt(text: &str) -> Result<Salt, String> {
    Salt::new(text).map_err(|error| error.to_string())
}
