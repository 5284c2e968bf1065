//! Why a command on key files cannot do its work.

use std::path::PathBuf;

use crate::auth::generation::PlanError;
use crate::auth::keyfile::Dialect;

use super::super::exit::label;

/// What keeps a command on key files from its work.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum KeyFileError {
    /// Secrets are to go to standard output.
    #[error("-o -: secrets are written to files only")]
    ToStandardOutput,
    /// Something other than a file or link has the name of the file to make.
    #[error("{}: is no regular file", label(path))]
    NoRegularFile {
        /// The name.
        path: PathBuf,
    },
    /// Nobody can say by whose rules a file is meant.
    #[error("{}: may be {format}'s, which is not certain ({why})", label(path))]
    Uncertain {
        /// The file.
        path: PathBuf,
        /// The likeliest program.
        format: String,
        /// What speaks for it.
        why: String,
    },
    /// Keys cannot be carried over.
    #[error("{}: cannot be converted to {to}\n{}", label(path), faults.join("\n"))]
    Unconvertible {
        /// The file.
        path: PathBuf,
        /// The format that it was to be written in.
        to: &'static str,
        /// A line for each key.
        faults: Vec<String>,
        /// What to do about it.
        hint: Option<String>,
    },
    /// A file has no keys.
    #[error("{}: gives {format} no key", label(path))]
    NoKeys {
        /// The file.
        path: PathBuf,
        /// Whose rules were followed.
        format: &'static str,
    },
    /// A type that the program does not have, or that ntpcap does not know.
    #[error("--type {}: no type of {}", label(word.as_ref()), dialect.title())]
    Type {
        /// What was given.
        word: String,
        /// The program.
        dialect: Dialect,
        /// Its types.
        known: Vec<&'static str>,
    },
    /// No such keys are made.
    #[error("{}: {}", option_of(.0), .0)]
    Plan(#[from] PlanError),
    /// The operating system gives no randomness.
    #[error("the operating system gives no randomness: {0}")]
    Randomness(getrandom::Error),
    /// More than two programs are named for two files.
    #[error("--as: one program, or one each for A and B")]
    Programs,
}

/// The option that a plan fails for.
fn option_of(error: &PlanError) -> &'static str {
    match error {
        PlanError::Algorithm { .. } => "--type",
        PlanError::CipherBits { .. } | PlanError::Bits => "--bits",
        PlanError::KeyId { .. } | PlanError::Count { .. } => "--id",
    }
}

impl KeyFileError {
    /// What to do about it, where there is something to do.
    pub(in crate::cli) fn hint(&self) -> Option<String> {
        match self {
            KeyFileError::ToStandardOutput => {
                Some("name a file; it will be readable by you alone".to_owned())
            }
            KeyFileError::NoRegularFile { .. } => Some("name another file".to_owned()),
            KeyFileError::Uncertain { .. } => Some("--as says by whose rules to read it".to_owned()),
            KeyFileError::Unconvertible { hint, .. } => hint.clone(),
            KeyFileError::NoKeys { .. } => Some("--as says by whose rules to read it".to_owned()),
            KeyFileError::Type { known, .. } => Some(format!("there are: {}", known.join(" "))),
            KeyFileError::Plan(PlanError::Algorithm { .. }) => {
                Some("ntpcap keys gen --help lists the types".to_owned())
            }
            _ => None,
        }
    }
}
