//! `ntpcap keys fingerprint`: what two hosts can compare without showing their secrets.

use std::collections::HashMap;

use crate::auth::conversion::{self, Format};
use crate::auth::fingerprint::{Fingerprint, Salt};
use crate::auth::keyfile::{self, Consequence, Dialect, EntryKey, KeyFile};
use crate::auth::{Key, KeyId, TrustedKeys};
use crate::report::fingerprint::{FingerprintDocument, FingerprintRecord};
use crate::report::model::SCHEMA;

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
    let document = FingerprintDocument {
        schema: SCHEMA,
        file: source.label(),
        format: source.format.name(),
        format_reason: source.why.clone(),
        salt: salt.as_str().to_owned(),
        ..maker.of_file(&source)
    };
    if arguments.json {
        document.write(&mut output())?
    } else {
        document.write_text(&mut output())?
    }
    Ok(exit(&document, arguments))
}

fn exit(document: &FingerprintDocument, arguments: &FingerprintArguments) -> Exit {
    if let Some(refusal) = &document.refusal {
        let older = "; 4.2.8p15 and earlier load it";
        let is_older = document.format == Dialect::NtpOrg.name() && document.older_refusal.is_none();
        say(&format!("warning: {}: {refusal}{}", document.file, if is_older { older } else { "" }));
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

/// The lines that the program uses.
fn in_use(file: &KeyFile) -> impl Iterator<Item = &keyfile::Entry> {
    file.entries.iter().filter(|entry| !entry.superseded)
}

/// Makes the records of the keys that are wanted.
struct Maker<'m> {
    salt: &'m Salt,
    wanted: Option<&'m TrustedKeys>,
}

impl Maker<'_> {
    /// What the file's program makes of it; of ntp.org also what its older versions do.
    fn of_file(&self, source: &Source) -> FingerprintDocument {
        let Format::Daemon(dialect) = source.format else {
            let keys = self.of_device(&conversion::read(&source.text, source.format));
            return FingerprintDocument { keys, ..FingerprintDocument::default() };
        };
        let file = keyfile::read(&source.text, dialect);
        let mut keys = self.of_key_file(&file);
        let older = (dialect == Dialect::NtpOrg).then(|| keyfile::read_older(&source.text));
        if let Some(older) = &older {
            self.add_older(&mut keys, &file, older);
        }
        let older_refusal = older.as_ref().and_then(refusal);
        FingerprintDocument { refusal: refusal(&file), older_refusal, keys, ..FingerprintDocument::default() }
    }

    /// Adds the keys of older versions where they are others.
    fn add_older(&self, keys: &mut Vec<FingerprintRecord>, file: &KeyFile, older: &KeyFile) {
        let known: HashMap<KeyId, &Key> =
            in_use(file).filter_map(|entry| Some((entry.id(), entry.ready()?))).collect();
        let places: HashMap<u32, usize> = keys.iter().enumerate().map(|(at, key)| (key.key_id, at)).collect();
        for entry in in_use(older).filter(|entry| self.wants(entry.id())) {
            let Some(key) = entry.ready() else { continue };
            let same = known.get(&key.id()).is_some_and(|known| known.identity() == key.identity());
            let place = places.get(&key.id().0).and_then(|at| keys.get_mut(*at));
            match place {
                _ if same => {}
                Some(record) => record.older_fingerprint = self.of(key),
                None => {
                    let mut record = self.record(key, entry.line);
                    record.older_fingerprint = record.fingerprint.take();
                    keys.push(record);
                }
            }
        }
    }

    fn of_key_file(&self, file: &KeyFile) -> Vec<FingerprintRecord> {
        let record = |entry: &keyfile::Entry| match &entry.key {
            EntryKey::Ready(key) => {
                FingerprintRecord { certain: !entry.guessed, ..self.record(key, entry.line) }
            }
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
        in_use(file).filter(|entry| self.wants(entry.id())).map(record).collect()
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
