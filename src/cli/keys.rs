//! Finding and reading key files.

use std::fs::File;
use std::io::{self, Read};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::auth::conf::{self, Configuration};
use crate::auth::keyfile::{self, Dialect, KeyFile, Severity};
use crate::auth::{Keyrings, NtHashes, TrustedKeys};
use crate::report::model::{KeyFileRecord, KeyProblemRecord};

use super::args::{KeyArguments, KeysArgument};
use super::exit::{CliError, label};
use super::inputs::{is_standard_input, unreadable};

/// Where ntpd, NTPsec and chrony keep their keys.
const USUAL_PLACES: [&str; 6] = [
    "/etc/ntp.keys",
    "/etc/ntp/keys",
    "/etc/ntpsec/ntp.keys",
    "/etc/chrony/chrony.keys",
    "/etc/chrony.keys",
    "/usr/local/etc/ntp.keys",
];

/// Most octets that are read of a key file; the reader of the text stops before.
const LARGEST_FILE: u64 = 8 << 20;

/// Most problems of one key file that are shown or recorded.
const MOST_PROBLEMS: usize = 100;

/// The keys of a run and what is to be said about their files.
pub(super) struct LoadedKeys {
    /// The keys.
    pub(super) rings: Keyrings,
    /// The files, for the summary.
    pub(super) files: Vec<LoadedFile>,
    /// Lines for standard error.
    pub(super) warnings: Vec<String>,
}

/// One key file.
pub(super) struct LoadedFile {
    label: String,
    address: Option<IpAddr>,
    dialect: Dialect,
    why: Option<String>,
    keys: usize,
    consequence: String,
    problems: Vec<keyfile::Problem>,
}

/// Reads all key files that the command line asks for.
///
/// # Errors
/// A file that cannot be read, or no key file at all.
pub(super) fn load(arguments: &KeyArguments, verbose: bool) -> Result<LoadedKeys, CliError> {
    let mut loaded = LoadedKeys { rings: Keyrings::new(), files: Vec::new(), warnings: Vec::new() };
    let configuration = arguments.conf.as_deref().map(|path| loaded.read_conf(path)).transpose()?;
    let hint = configuration.as_ref().and_then(|configuration| configuration.dialect);
    for file in key_files(arguments, configuration.as_ref())? {
        loaded.add(&file, arguments.format.or(hint), verbose)?;
    }
    if let Some(path) = &arguments.nt_hash {
        loaded.add_nt_hashes(path)?;
    }
    if let Some(trusted) = trusted(arguments, configuration)? {
        loaded.rings.trust_only(&trusted);
    }
    Ok(loaded)
}

fn trusted(
    arguments: &KeyArguments,
    configuration: Option<Configuration>,
) -> Result<Option<TrustedKeys>, CliError> {
    match &arguments.trusted {
        Some(text) => {
            let parsed = TrustedKeys::parse(text);
            parsed.map(Some).map_err(|error| CliError::Trusted { text: text.clone(), error })
        }
        None => Ok(configuration.and_then(|configuration| configuration.trusted)),
    }
}

/// Which files to read: those given, else that of the environment, of the configuration, or of a usual place.
fn key_files(
    arguments: &KeyArguments,
    configuration: Option<&Configuration>,
) -> Result<Vec<KeysArgument>, CliError> {
    if !arguments.files.is_empty() {
        return Ok(arguments.files.clone());
    }
    let one = |path: PathBuf| Ok(vec![KeysArgument { address: None, path }]);
    if let (Some(configuration), Some(conf)) = (configuration, &arguments.conf) {
        let Some(keys) = &configuration.keys else {
            return Err(CliError::NoKeysInConf { path: conf.clone() });
        };
        return one(conf.parent().unwrap_or(Path::new("")).join(keys));
    }
    if let Some(path) = std::env::var_os("NTPCAP_KEYS").filter(|path| !path.is_empty()) {
        return one(path.into());
    }
    let exists = |path: &&&str| Path::new(path).symlink_metadata().is_ok();
    match USUAL_PLACES.iter().find(exists) {
        Some(path) => one(path.into()),
        None => Err(CliError::NoKeyFile { tried: USUAL_PLACES.iter().map(PathBuf::from).collect() }),
    }
}

impl KeyArguments {
    /// Standard input is a capture or a key file, not both.
    pub(super) fn refuse_standard_input_beside(&self, captures: &[PathBuf]) -> Result<(), CliError> {
        let is_capture = captures.iter().any(|path| is_standard_input(path));
        let is_keys = self.files.iter().any(|file| is_standard_input(&file.path));
        if is_capture && is_keys { Err(CliError::StandardInputTwice) } else { Ok(()) }
    }
}

impl LoadedKeys {
    fn read_conf(&mut self, path: &Path) -> Result<Configuration, CliError> {
        let text = read_file(path)?;
        let configuration = conf::read(&text);
        for remark in &configuration.remarks {
            self.warnings.push(format!("{}:{}: {remark}", label(path), remark.line));
        }
        Ok(configuration)
    }

    fn add(
        &mut self,
        argument: &KeysArgument,
        format: Option<Dialect>,
        verbose: bool,
    ) -> Result<(), CliError> {
        let text = zeroize::Zeroizing::new(read_file(&argument.path)?);
        let detection = keyfile::detect(&text);
        let dialect = format.unwrap_or(detection.dialect);
        let mut file = keyfile::read(&text, dialect);
        let name = label(&argument.path);
        self.warn(&name, &file, verbose);
        let why = format.is_none().then(|| detection.why.to_string());
        if format.is_none() && !detection.certain {
            self.warnings.push(format!(
                "{name}: read as {dialect}, which is not certain ({}); --key-format settles it",
                detection.why
            ));
        }
        self.files.push(LoadedFile {
            label: name.clone(),
            address: argument.address,
            dialect,
            why,
            keys: file.entries.iter().filter(|entry| !entry.superseded).count(),
            consequence: file.consequence.to_string(),
            problems: file.problems.drain(..).take(MOST_PROBLEMS).collect(),
        });
        let ring = match argument.address {
            Some(address) => self.rings.of_address_mut(address),
            None => self.rings.default_keyring_mut(),
        };
        let source = ring.add(name, file);
        for other in Dialect::ALL.into_iter().filter(|other| *other != dialect) {
            ring.add_other_reading(source, keyfile::read(&text, other));
        }
        Ok(())
    }

    fn add_nt_hashes(&mut self, path: &Path) -> Result<(), CliError> {
        let text = zeroize::Zeroizing::new(read_file(path)?);
        let (hashes, bad) = NtHashes::read(&text);
        let name = label(path);
        for line in bad.iter().take(MOST_PROBLEMS) {
            self.warnings.push(format!("{name}:{}: {line}", line.line));
        }
        self.rings.give_nt_hashes(hashes);
        Ok(())
    }

    fn warn(&mut self, name: &str, file: &KeyFile, verbose: bool) {
        let least = if verbose { Severity::Info } else { Severity::Warning };
        let shown = file.problems.iter().filter(|problem| problem.severity >= least);
        let total = shown.clone().count();
        for problem in shown.take(MOST_PROBLEMS) {
            self.warnings.push(format!("{name}:{}:{}: {problem}", problem.line, problem.column));
        }
        if total > MOST_PROBLEMS {
            self.warnings.push(format!("{name}: {} more problems", total - MOST_PROBLEMS));
        }
        if file.problems.iter().any(|problem| problem.severity == Severity::Error) {
            self.warnings.push(format!("{name}: {}", file.consequence));
        }
    }
}

impl LoadedFile {
    /// The file as the summary tells of it.
    pub(super) fn record(&self) -> KeyFileRecord<'_> {
        let problem = |problem: &keyfile::Problem| KeyProblemRecord {
            line: problem.line,
            column: problem.column,
            severity: problem.severity.name(),
            code: problem.kind.code(),
            detail: problem.to_string(),
        };
        KeyFileRecord {
            file: &self.label,
            address: self.address.map(|address| address.to_string()),
            format: self.dialect.name(),
            format_reason: self.why.clone(),
            keys: self.keys,
            consequence: self.consequence.clone(),
            problems: self.problems.iter().map(problem).collect(),
        }
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, CliError> {
    let mut text = Vec::new();
    let read = |source: &mut dyn Read, text: &mut Vec<u8>| source.take(LARGEST_FILE).read_to_end(text);
    let result = if is_standard_input(path) {
        read(&mut io::stdin().lock(), &mut text)
    } else {
        File::open(path).and_then(|mut file| read(&mut file, &mut text))
    };
    result.map_err(|error| unreadable(path, error))?;
    Ok(text)
}
