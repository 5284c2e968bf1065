//! What can be wrong with the description of a fault.

use std::fmt::Write as _;

use crate::auth::KeyId;
use crate::auth::key::WrongSecretLength;

use super::scope::SCOPE_NAMES;
use super::table::{Row, list};
use super::value::HeaderField;

/// Why a fault cannot be had.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FaultError {
    /// No fault has that name.
    #[error("{}", unknown_fault(.0))]
    UnknownFault(String),
    /// The fault has no such parameter.
    #[error("{}: there is no \"{parameter}\" to set; there is {}", row.name, parameters(row))]
    UnknownParameter {
        /// The fault.
        row: &'static Row,
        /// What was to be set.
        parameter: String,
    },
    /// A parameter stands without a value.
    #[error("{fault}: \"{setting}\" has no value; write key=value")]
    NoValue {
        /// The fault.
        fault: &'static str,
        /// What was written.
        setting: String,
    },
    /// A parameter is set twice.
    #[error("{fault}: {parameter} is set twice")]
    Twice {
        /// The fault.
        fault: &'static str,
        /// What was set.
        parameter: String,
    },
    /// The value is not of the parameter's kind.
    #[error("{fault}: {parameter} is \"{value}\", expected {expected}")]
    BadValue {
        /// The fault.
        fault: &'static str,
        /// What was to be set.
        parameter: String,
        /// What was written.
        value: String,
        /// What its value is.
        expected: &'static str,
    },
    /// The field of the header has no such value.
    #[error("{fault}: the value of {} is {}", field.name(), field.expects())]
    NotInField {
        /// The fault.
        fault: &'static str,
        /// The field.
        field: HeaderField,
    },
    /// It ends before it begins.
    #[error("{fault}: to is at or before from, so that it never applies")]
    EndsBeforeBegin {
        /// The fault.
        fault: &'static str,
    },
    /// Another key is to be that of the request.
    #[error("{fault}: key-id names another key than that of the request, and key is {key_id} too")]
    SameKey {
        /// The fault.
        fault: &'static str,
        /// The key.
        key_id: KeyId,
    },
    /// A fault in replies to requests without a MAC is limited to those under a key.
    #[error(
        "{fault}: key limits it to requests under that key, and it is for those without a MAC; \
             key-id names the key to sign with"
    )]
    NoRequestUnderKey {
        /// The fault.
        fault: &'static str,
    },
    /// Another fault leaves it no reply to be in.
    #[error("{fault}: never applies, since {by} keeps it out of the same replies")]
    KeptOut {
        /// The fault.
        fault: &'static str,
        /// The other.
        by: &'static str,
    },
    /// No key has that ID.
    #[error("{fault}: no key {key_id}; {}", known_keys(known))]
    UnknownKey {
        /// The fault.
        fault: &'static str,
        /// The ID.
        key_id: KeyId,
        /// Those that there are.
        known: Vec<KeyId>,
    },
    /// The fault needs a key.
    #[error("{fault}: needs {needed}; {}", known_keys(known))]
    TooFewKeys {
        /// The fault.
        fault: &'static str,
        /// What is needed.
        needed: &'static str,
        /// Those that there are.
        known: Vec<KeyId>,
    },
    /// The secret of a key is not for that algorithm.
    #[error("{fault}: key {key_id}: {wrong}")]
    SecretLength {
        /// The fault.
        fault: &'static str,
        /// The key.
        key_id: KeyId,
        /// What is wrong with its length.
        wrong: WrongSecretLength,
    },
}

impl FaultError {
    /// What to do about it, where the text does not say.
    pub fn hint(&self) -> Option<String> {
        match self {
            FaultError::UnknownKey { known, .. } | FaultError::TooFewKeys { known, .. }
                if known.is_empty() =>
            {
                Some("give the key file with --keys FILE".to_owned())
            }
            FaultError::UnknownKey { .. } => {
                Some("name one of them, or add that key to the key file".to_owned())
            }
            FaultError::TooFewKeys { .. } => Some("add such a key to the key file".to_owned()),
            FaultError::SecretLength { wrong, .. } => Some(format!(
                "name a digest that takes a secret of any length, such as algorithm=sha256, or add a key with a \
                 secret of {} octets",
                wrong.expected
            )),
            FaultError::KeptOut { by, .. } => {
                Some(format!("leave one of them out, or limit {by}, such as {by}:count=1 or {by}:every=2"))
            }
            _ => None,
        }
    }
}

fn unknown_fault(name: &str) -> String {
    let names: Vec<&str> = list().iter().map(|row| row.name).collect();
    format!("no fault is called \"{name}\"; there are {}", names.join(", "))
}

fn parameters(row: &Row) -> String {
    let own = row.parameters.iter().map(|parameter| parameter.name());
    own.chain(SCOPE_NAMES).collect::<Vec<&str>>().join(", ")
}

/// The IDs, of many the first ones.
fn known_keys(known: &[KeyId]) -> String {
    const SHOWN: usize = 12;
    if known.is_empty() {
        return "there are no keys".to_owned();
    }
    let mut text = "there are keys".to_owned();
    for (index, key_id) in known.iter().take(SHOWN).enumerate() {
        let comma = if index == 0 { "" } else { "," };
        // Writing to a text cannot fail.
        let _ = write!(text, "{comma} {key_id}");
    }
    if let Some(more) = known.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        let _ = write!(text, " and {more} more");
    }
    text
}
