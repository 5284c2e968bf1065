//! Capture octets to frames: pcap and pcapng, plain or compressed, read as a stream.
//!
//! A [`Reader`] takes anything that can be read and hands out one borrowed [`Frame`] at a time; several are joined by
//! capture time in a [`Merge`]. A [`Writer`] writes frames as pcapng, with comments. Nothing here opens a path. What a file holds is told by its content, never by a name.
//!
//! Captures are read leniently. What is odd but readable is counted ([`Defect`]), and a file that stops early gives
//! every whole frame before it says where it stopped ([`Ending`]).

mod buffer;
mod compression;
mod defects;
mod detect;
mod ending;
mod error;
mod frame;
mod merge;
mod options;
mod pcap;
mod pcapng;
mod reader;
mod time;
mod write;

pub use compression::Compression;
pub use defects::{Defect, DefectKind};
pub use detect::{Container, ForeignFormat};
pub use ending::{Damage, Ending};
pub use error::{CaptureError, FirstOctets};
pub use frame::{CaptureTime, Frame, LinkType};
pub use merge::Merge;
pub use options::{Options, Origin};
pub use reader::Reader;
pub use write::Writer;
