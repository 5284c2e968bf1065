//! ntpcap

pub mod capture;
pub mod net;
