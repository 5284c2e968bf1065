//! ntpcap reads NTP messages from captures and verifies their MACs.
//!
//! ```text
//!  capture file                                     key file text
//!       |                                                 |
//!  capture::Frame -> net::Datagram -> ntp::Message -> auth::MacCheck
//!  (octets, time)    (addresses,      (fields,        (what the MAC
//!                     UDP payload)     trailer)        proves)
//!                                                         |
//!                                  analysis: verdict, exchange, counts
//!                                                         |
//!                                  report: record -> table, text, JSON
//! ```
//!
//! Data flows one way: nothing on the right is known on the left. `ntp`, `auth` and `analysis` compute and do
//! nothing else; `capture` and `report` read and write what they are handed; `cli` opens files, joins the rooms
//! and chooses the exit code.

pub mod analysis;
pub mod auth;
pub mod capture;
pub mod cli;
pub mod conformance;
pub mod net;
pub mod ntp;
pub mod probe;
pub mod report;
pub mod server;
