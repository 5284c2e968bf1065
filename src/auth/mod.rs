//! Keys, key files, and what a MAC proves.

pub mod algorithm;
pub mod key;

pub use algorithm::Algorithm;
pub use key::{Key, KeyId, Secret};
