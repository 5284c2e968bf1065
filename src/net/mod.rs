//! x
mod datagram;
pub use datagram::Datagram;
