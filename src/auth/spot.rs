//! A place in a text file, for a mark below it.

/// Some octets of one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    /// Number of the line, from 1.
    pub line: usize,
    /// Number of the first octet in that line, from 1.
    pub column: usize,
    /// Number of octets; zero where something is missing.
    pub length: usize,
}
