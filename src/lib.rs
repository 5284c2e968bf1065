//! ntpcap
pub mod auth;
