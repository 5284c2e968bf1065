//! Finding and reading key files.

use std::fs::File;
use std::io::{self, Read};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::auth::conf::{self, Configuration, RemarkKind};
use crate::auth::keyfile::{self, Detection, Dialect, KeyFile, Severity};
use crate::auth::{Keyrings, NtHashes, TrustedKeys};
use crate::report::model::{KeyFileRecord, KeyProblemRecord};

use super::args::{KeyArguments, KeysArgument};
use super::exit::{CliError, label};
use super::inputs::{is_standard_input, unreadable};

/// Where ntpd, NTPsec and chrony keep their keys.
///
/// Their paths tell the program too, where a file's content leaves it open.
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
    /// Every file that was read, whoever named it: nothing may be written over one.
    pub(super) read: Vec<PathBuf>,
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
    let mut loaded =
        LoadedKeys { rings: Keyrings::new(), files: Vec::new(), warnings: Vec::new(), read: Vec::new() };
    let configuration = arguments.conf.as_deref().map(|path| loaded.read_conf(path)).transpose()?;
    let owner = configuration.as_ref().and_then(|configuration| configuration.dialect);
    for file in key_files(arguments, configuration.as_ref())? {
        loaded.add(&file, arguments.format, owner, verbose)?;
    }
    if let Some(path) = &arguments.nt_hash {
        loaded.add_nt_hashes(path)?;
    }
    if let Some(trusted) = loaded.trusted(arguments, configuration)? {
        loaded.rings.trust_only(&trusted);
    }
    Ok(loaded)
}

/// Reads the key files that a server is given by the command line or by `NTPCAP_KEYS`. None are looked for in the
/// usual places: whoever tries a server out does not expect it to use the keys of another.
///
/// # Errors
/// As [`load`], and keys that are not for a server.
pub(super) fn load_for_server(arguments: &KeyArguments) -> Result<Option<LoadedKeys>, CliError> {
    if arguments.files.iter().any(|file| file.address.is_some()) {
        return Err(CliError::KeysOfOneServer);
    }
    let is_given = !arguments.files.is_empty() || arguments.conf.is_some() || are_in_environment();
    is_given.then(|| load(arguments, false)).transpose()
}

/// True when `NTPCAP_KEYS` names a key file.
pub(super) fn are_in_environment() -> bool {
    std::env::var_os("NTPCAP_KEYS").is_some_and(|path| !path.is_empty())
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
    /// Standard input can be one file, whichever.
    pub(super) fn refuse_standard_input_beside(&self, captures: &[PathBuf]) -> Result<(), CliError> {
        let keys = self.files.iter().map(|file| &file.path);
        let all = captures.iter().chain(keys).chain(&self.conf).chain(&self.nt_hash);
        let readers = all.filter(|path| is_standard_input(path)).count();
        if readers > 1 { Err(CliError::StandardInputTwice) } else { Ok(()) }
    }
}

impl LoadedKeys {
    fn read_file(&mut self, path: &Path) -> Result<Vec<u8>, CliError> {
        self.read.push(path.to_owned());
        read_file(path)
    }

    /// What to call the files.
    pub(super) fn labels(&self) -> Vec<&str> {
        self.files.iter().map(|file| file.label.as_str()).collect()
    }

    fn read_conf(&mut self, path: &Path) -> Result<Configuration, CliError> {
        let text = self.read_file(path)?;
        let configuration = conf::read(&text);
        for remark in &configuration.remarks {
            self.warnings.push(format!("{}:{}: {remark}", label(path), remark.line));
        }
        Ok(configuration)
    }

    /// The trusted keys that were given, or those of the configuration. ntpd without a list trusts no key.
    fn trusted(
        &mut self,
        arguments: &KeyArguments,
        configuration: Option<Configuration>,
    ) -> Result<Option<TrustedKeys>, CliError> {
        if let Some(text) = &arguments.trusted {
            let parsed = TrustedKeys::parse(text);
            return parsed.map(Some).map_err(|error| CliError::Trusted { text: text.clone(), error });
        }
        let (Some(configuration), Some(path)) = (configuration, &arguments.conf) else { return Ok(None) };
        if configuration.trusted.is_some() || configuration.dialect == Some(Dialect::Chrony) {
            return Ok(configuration.trusted);
        }
        let is_partial =
            configuration.remarks.iter().any(|remark| matches!(remark.kind, RemarkKind::NotFollowed { .. }));
        let (trusted, meaning) = if is_partial {
            (None, "other files may have one, so all keys are taken for trusted")
        } else {
            (Some(TrustedKeys::of(Vec::new())), "ntpd trusts no key then")
        };
        self.warnings.push(format!("{}: has no trustedkey line: {meaning}", label(path)));
        Ok(trusted)
    }

    fn add(
        &mut self,
        argument: &KeysArgument,
        format: Option<Dialect>,
        owner: Option<Dialect>,
        verbose: bool,
    ) -> Result<(), CliError> {
        let text = zeroize::Zeroizing::new(self.read_file(&argument.path)?);
        let name = label(&argument.path);
        let choice = match format {
            Some(dialect) => Choice { dialect, why: None, certain: true },
            None => choose(keyfile::detect(&text), owner, &argument.path),
        };
        let mut file = keyfile::read(&text, choice.dialect);
        self.warn(&name, &file, &choice, verbose);
        self.files.push(LoadedFile {
            label: name.clone(),
            address: argument.address,
            dialect: choice.dialect,
            why: choice.why,
            keys: file.entries.iter().filter(|entry| !entry.superseded).count(),
            consequence: file.consequence.to_string(),
            problems: file.problems.drain(..).take(MOST_PROBLEMS).collect(),
        });
        let ring = match argument.address {
            Some(address) => self.rings.of_address_mut(address),
            None => self.rings.default_keyring_mut(),
        };
        let source = ring.add(name, file);
        for other in Dialect::ALL.into_iter().filter(|other| *other != choice.dialect) {
            ring.add_other_reading(source, keyfile::read(&text, other));
        }
        Ok(())
    }

    fn add_nt_hashes(&mut self, path: &Path) -> Result<(), CliError> {
        let text = zeroize::Zeroizing::new(self.read_file(path)?);
        let (hashes, bad) = NtHashes::read(&text);
        let name = label(path);
        for line in bad.iter().take(MOST_PROBLEMS) {
            self.warnings.push(format!("{name}:{}: {line}", line.line));
        }
        self.rings.give_nt_hashes(hashes);
        Ok(())
    }

    fn warn(&mut self, name: &str, file: &KeyFile, choice: &Choice, verbose: bool) {
        if let Some(why) = choice.why.as_ref().filter(|_| !choice.certain) {
            let dialect = choice.dialect;
            self.warnings.push(format!(
                "{name}: read as {dialect}, which is not certain ({why}); --key-format settles it"
            ));
        }
        if file.entries.is_empty() {
            self.warnings.push(format!("{name}: gives no key"));
        }
        let least = if verbose { Severity::Info } else { Severity::Warning };
        let shown = file.problems.iter().filter(|problem| problem.severity >= least);
        let total = shown.clone().count();
        for problem in shown.take(MOST_PROBLEMS) {
            self.warnings.push(format!("{name}:{}:{}: {problem}", problem.line, problem.column));
        }
        if total > MOST_PROBLEMS {
            self.warnings.push(format!("{name}: more problems: {}", total - MOST_PROBLEMS));
        }
        if file.problems.iter().any(|problem| problem.severity == Severity::Error) {
            self.warnings.push(format!("{name}: {}", file.consequence));
        }
    }
}

/// By whose rules a key file is read.
pub(super) struct Choice {
    /// The program.
    pub(super) dialect: Dialect,
    /// Why, where it was not asked for.
    pub(super) why: Option<String>,
    /// False where another program may be meant.
    pub(super) certain: bool,
}

/// What the content leaves open is settled by the program whose configuration names the file, and by the path.
pub(super) fn choose(detection: Detection, owner: Option<Dialect>, path: &Path) -> Choice {
    let place = path.to_string_lossy();
    let by_path = if place.contains("chrony") {
        Some(Dialect::Chrony)
    } else {
        place.contains("ntpsec").then_some(Dialect::Ntpsec)
    };
    let is_chrony = |dialect: Dialect| dialect == Dialect::Chrony;
    let is_foreign = owner.is_some_and(|owner| is_chrony(owner) != is_chrony(detection.dialect));
    match (owner, by_path) {
        (Some(dialect), _) if is_foreign || !detection.certain => {
            Choice { dialect, why: Some("its configuration names the file".to_owned()), certain: true }
        }
        (None, Some(dialect)) if !detection.certain => {
            Choice { dialect, why: Some("its path says so".to_owned()), certain: true }
        }
        _ => {
            let Detection { dialect, why, certain } = detection;
            Choice { dialect, why: Some(why.to_string()), certain }
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

/// The octets of a key file, for a client that is to have the same.
///
/// # Errors
/// A file that cannot be read.
pub(super) fn octets(path: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>, CliError> {
    read_file(path).map(zeroize::Zeroizing::new)
}

/// The text of a key file or configuration, `-` for standard input.
///
/// # Errors
/// A file that cannot be read.
pub(super) fn read_file(path: &Path) -> Result<Vec<u8>, CliError> {
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
