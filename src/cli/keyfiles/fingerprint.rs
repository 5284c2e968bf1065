//! `ntpcap keys fingerprint`: what two hosts can compare without showing their secrets.

use crate::auth::conversion::{self, Format};
use crate::auth::fingerprint::{Fingerprint, Salt};
use crate::auth::keyfile::{self, Consequence, EntryKey, KeyFile};
use crate::auth::{Key, KeyId, TrustedKeys};
use crate::report::fingerprint::{FingerprintDocument, FingerprintRecord};

use super::super::args::keymaking::FingerprintArguments;
use super::super::exit::{CliError, Exit};
use super::super::output::output;
use super::super::say;
use super::error::KeyFileError;
use super::source::Source;

/// `ntpcap keys fingerprint`.
///
/// # Errors
/// A file that cannot be read, and an operating system that gives no salt.
pub(super) fn fingerprint(arguments: &FingerprintArguments) -> Result<Exit, CliError> {
    let source = Source::read(&arguments.file, arguments.format)?;
    source.doubt().iter().for_each(|doubt| say(&format!("warning: {doubt}")));
    let salt = arguments.salt.clone().map_or_else(new_salt, Ok)?;
    let maker = Maker { salt: &salt, wanted: arguments.id.as_ref() };
    let (keys, refusal) = match source.format {
        Format::Daemon(dialect) => {
            let file = keyfile::read(&source.text, dialect);
            (maker.of_key_file(&file), refusal(&file))
        }
        device => (maker.of_device(&conversion::read(&source.text, device)), None),
    };
    let document = FingerprintDocument::new(
        source.label(),
        source.format.name(),
        source.why.clone(),
        salt.as_str(),
        refusal,
        keys,
    );
    if arguments.json {
        document.write(&mut output())?
    } else {
        document.write_text(&mut output())?
    }
    Ok(exit(&document, arguments))
}

fn exit(document: &FingerprintDocument, arguments: &FingerprintArguments) -> Exit {
    if let Some(refusal) = &document.refusal {
        say(&format!("warning: {}: {refusal}", document.file));
        Exit::Wrong
    } else if document.keys.is_empty() {
        say(&format!("note: {}: gives no key to show", document.file));
        Exit::Inconclusive
    } else {
        if arguments.salt.is_none() && !arguments.json {
            say(&format!("note: on the other host: ntpcap keys fingerprint FILE --salt {}", document.salt));
        }
        Exit::Fine
    }
}

fn new_salt() -> Result<Salt, KeyFileError> {
    let mut octets = [0; 8];
    getrandom::fill(&mut octets).map_err(KeyFileError::Randomness)?;
    Ok(Salt::of_random(octets))
}

fn refusal(file: &KeyFile) -> Option<String> {
    matches!(file.consequence, Consequence::FileRefused { .. }).then(|| file.consequence.to_string())
}

/// Makes the records of the keys that are wanted.
struct Maker<'m> {
    salt: &'m Salt,
    wanted: Option<&'m TrustedKeys>,
}

impl Maker<'_> {
    fn of_key_file(&self, file: &KeyFile) -> Vec<FingerprintRecord> {
        let in_use = file.entries.iter().filter(|entry| !entry.superseded && self.wants(entry.id()));
        let record = |entry: &keyfile::Entry| match &entry.key {
            EntryKey::Ready(key) => FingerprintRecord {
                certain: !entry.guessed,
                older_fingerprint: entry.older_version.as_ref().and_then(|older| self.of(older)),
                ..self.record(key, entry.line)
            },
            EntryKey::Unsupported { id, type_name } => FingerprintRecord {
                key_id: id.0,
                line: entry.line,
                algorithm: type_name.clone(),
                octets: None,
                fingerprint: None,
                older_fingerprint: None,
                certain: false,
            },
        };
        in_use.map(record).collect()
    }

    fn of_device(&self, keys: &conversion::Keys) -> Vec<FingerprintRecord> {
        for lost in &keys.lost {
            say(&format!("warning: line {}: {lost}", lost.line));
        }
        let wanted = keys.kept.iter().filter(|kept| self.wants(kept.key.id()));
        wanted.map(|kept| self.record(&kept.key, kept.line)).collect()
    }

    fn record(&self, key: &Key, line: usize) -> FingerprintRecord {
        FingerprintRecord {
            key_id: key.id().0,
            line,
            algorithm: key.algorithm().name().to_owned(),
            octets: Some(key.secret().length()),
            fingerprint: self.of(key),
            older_fingerprint: None,
            certain: true,
        }
    }

    fn of(&self, key: &Key) -> Option<String> {
        Fingerprint::new(key.secret(), self.salt).map(|fingerprint| fingerprint.to_string())
    }

    fn wants(&self, id: KeyId) -> bool {
        self.wanted.is_none_or(|wanted| wanted.contains(id))
    }
}
