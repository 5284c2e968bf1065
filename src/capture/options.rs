//! What a capture says besides its frames: of the interface that they come from, and of each packet.

use super::pcapng::{Fields, Order};

/// The options of a block, in order; those behind a damaged one are not seen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    octets: &'a [u8],
    order: Order,
}

/// An interface as its capture describes it.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Sections of the capture before that of the interface.
    pub(super) section: u64,
    /// Number of the interface in its section, from 0.
    pub(super) index: u32,
    /// Octets that are kept of each frame; 0 for all.
    pub(super) snap_length: u32,
    options: Box<[u8]>,
    order: Order,
}

impl Origin {
    /// What tells the interface from others of its capture: sections before its own, and its number in that.
    pub fn interface(&self) -> (u64, u32) {
        (self.section, self.index)
    }
}

impl<'a> Options<'a> {
    pub(super) fn new(octets: &'a [u8], order: Order) -> Self {
        Self { octets, order }
    }

    /// The options that `kinds` names and that are what it says, as a section of little byte order has them. What is
    /// no UTF-8 in a text is replaced.
    pub(super) fn carried(self, kinds: &[(u16, Kind)]) -> impl Iterator<Item = (u16, Vec<u8>)> {
        self.filter_map(move |(code, value)| {
            let (_, kind) = kinds.iter().find(|(known, _)| *known == code)?;
            let carried = match *kind {
                Kind::Text => text(value),
                Kind::FilterText if value.first() == Some(&0) => text(value),
                Kind::Number(length) if value.len() == length && self.order == Order::Big => {
                    value.iter().rev().copied().collect()
                }
                Kind::Number(length) | Kind::Octets(length) if value.len() == length => value.to_vec(),
                _ => return None,
            };
            Some((code, carried))
        })
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let mut fields = Fields { octets: self.octets, order: self.order };
        let option = fields.next_option().filter(|(code, _)| *code != END_OF_OPTIONS);
        self.octets = if option.is_some() { fields.octets } else { &[] };
        option
    }
}

impl Origin {
    /// An interface with the options in `octets`, of which the first 4,096 octets are kept.
    pub(super) fn new(section: u64, index: u32, snap_length: u32, octets: &[u8], order: Order) -> Self {
        let kept = octets.get(..MOST_KEPT).unwrap_or(octets);
        Self { section, index, snap_length, options: kept.into(), order }
    }

    /// The only interface of a classic capture; `check_sequence` is the length of what ends each frame, in octets.
    pub(super) fn of_classic(snap_length: u32, check_sequence: Option<u8>) -> Self {
        let options = check_sequence.map(|length| [13, 0, 1, 0, length, 0, 0, 0]);
        Self::new(0, 0, snap_length, options.as_ref().map_or(&[], |option| option), Order::Little)
    }

    /// Its options.
    pub fn options(&self) -> Options<'_> {
        Options::new(&self.options, self.order)
    }
}

/// A text as UTF-8, cut where an option holds no more.
fn text(value: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(value);
    let end = text.floor_char_boundary(LONGEST_OPTION);
    text.get(..end).unwrap_or_default().as_bytes().to_vec()
}

/// Longest value of an option, before it is padded.
pub(super) const LONGEST_OPTION: usize = 65_532;

/// What the value of an option is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text of any length.
    Text,
    /// A number of so many octets, in the byte order of the section.
    Number(usize),
    /// So many octets.
    Octets(usize),
    /// A capture filter that is text: zero, and the text.
    FilterText,
}

const END_OF_OPTIONS: u16 = 0;
/// Most octets of options that are kept of one interface.
const MOST_KEPT: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [(u16, Kind); 3] = [(1, Kind::Text), (2, Kind::Number(4)), (11, Kind::FilterText)];

    fn carried(octets: &[u8], order: Order) -> Vec<(u16, Vec<u8>)> {
        Options::new(octets, order).carried(&KINDS).collect()
    }

    #[test]
    fn numbers_get_little_byte_order_and_texts_utf_8() {
        let big = [0, 2, 0, 4, 0, 0, 0, 5, 0, 1, 0, 2, b'a', 0xff, 0, 0, 0, 11, 0, 2, 0, b'x', 0, 0];
        let expected = [(2, vec![5, 0, 0, 0]), (1, "a\u{fffd}".into()), (11, vec![0, b'x'])];
        assert_eq!(carried(&big, Order::Big), expected);
        assert_eq!(carried(&[2, 0, 4, 0, 5, 0, 0, 0], Order::Little), expected[..1]);
    }

    #[test]
    fn what_is_unknown_or_of_a_wrong_length_is_left_away() {
        let other = [0, 9, 0, 1, 6, 0, 0, 0, 0, 2, 0, 2, 1, 2, 0, 0, 0, 11, 0, 1, 1, 0, 0, 0];
        assert_eq!(carried(&other, Order::Big), []);
        let behind_the_end = [0, 0, 0, 0, 0, 1, 0, 0];
        assert_eq!(carried(&behind_the_end, Order::Big), []);
        let beyond_the_block = [0, 1, 0, 1, b'x', 0, 0, 0, 0, 1, 0, 9, 1];
        assert_eq!(carried(&beyond_the_block, Order::Big), [(1, b"x".to_vec())]);
    }

    #[test]
    fn a_text_that_grows_is_cut_to_what_an_option_holds() {
        let long = [&[0, 1, 0xff, 0xff][..], &[0xff; 65_535], &[0]].concat();
        let carried = carried(&long, Order::Big);
        assert_eq!(carried[0].1.len(), LONGEST_OPTION);
        assert!(std::str::from_utf8(&carried[0].1).is_ok());
    }
}
