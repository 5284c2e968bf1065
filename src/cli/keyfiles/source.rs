//! Reading one key file for a command on key files.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::auth::conversion::Format;
use crate::auth::keyfile::{self, Dialect};

use super::super::exit::{CliError, label};
use super::super::keys::{choose, read_file};
use super::error::KeyFileError;

/// A key file and by whose rules it is read.
pub(super) struct Source {
    /// Its path as given.
    pub(super) path: PathBuf,
    /// Its content.
    pub(super) text: Zeroizing<Vec<u8>>,
    /// Whose file it is.
    pub(super) format: Format,
    /// Why that one, where it was not asked for.
    pub(super) why: Option<String>,
    /// False when it may be another's.
    pub(super) certain: bool,
}

impl Source {
    /// Reads a file; without `format` its content, then its path, tells whose it is.
    pub(super) fn read(path: &Path, format: Option<Format>) -> Result<Source, CliError> {
        let text = Zeroizing::new(read_file(path)?);
        let (format, why, certain) = match format {
            Some(format) => (format, None, true),
            None => told(&text, path),
        };
        Ok(Source { path: path.to_owned(), text, format, why, certain })
    }

    /// The same for what can only be a key file.
    pub(super) fn read_key_file(path: &Path, dialect: Option<Dialect>) -> Result<Source, CliError> {
        let text = Zeroizing::new(read_file(path)?);
        let (format, why, certain) = match dialect {
            Some(dialect) => (Format::Daemon(dialect), None, true),
            None => told_of_key_file(&text, path),
        };
        Ok(Source { path: path.to_owned(), text, format, why, certain })
    }

    /// What to call it.
    pub(super) fn label(&self) -> String {
        label(&self.path)
    }

    /// A warning when it may be another's file.
    pub(super) fn doubt(&self) -> Option<String> {
        let why = self.why.as_deref().filter(|_| !self.certain)?;
        Some(format!(
            "{}: read as {}, which is not certain ({why}); --as settles it",
            self.label(),
            self.format
        ))
    }

    /// The same as an error, for whoever must be certain.
    pub(super) fn insist(&self) -> Result<(), KeyFileError> {
        match &self.why {
            Some(why) if !self.certain => Err(KeyFileError::Uncertain {
                path: self.path.clone(),
                format: self.format.to_string(),
                why: why.clone(),
            }),
            _ => Ok(()),
        }
    }
}

fn told(text: &[u8], path: &Path) -> (Format, Option<String>, bool) {
    if let Some(device) = Format::of_device(text) {
        return (device, Some("it has the lines of a device's configuration".to_owned()), true);
    }
    told_of_key_file(text, path)
}

fn told_of_key_file(text: &[u8], path: &Path) -> (Format, Option<String>, bool) {
    let choice = choose(keyfile::detect(text), None, path);
    (Format::Daemon(choice.dialect), choice.why, choice.certain)
}
