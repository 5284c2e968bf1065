//! Keys, key files, and what a MAC proves.

pub mod algorithm;
pub mod comparison;
pub mod conf;
pub mod conversion;
pub mod fingerprint;
pub mod generation;
pub mod hex;
pub mod key;
pub mod keyfile;
pub mod keyring;
pub mod lint;
pub mod mac;
pub mod nt_hash;
pub mod spot;
pub mod trusted;
pub mod type7;

pub use algorithm::Algorithm;
pub use key::{Key, KeyId, Secret};
pub use keyring::{Candidate, Keyring, Keyrings};
pub use nt_hash::NtHashes;
pub use spot::Spot;
pub use trusted::TrustedKeys;
