//! ntpcap
pub mod auth;
pub mod ntp;
