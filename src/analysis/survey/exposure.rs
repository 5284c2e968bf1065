//! What a server tells to anybody who asks by control messages (mode 6, RFC 9327).

use std::collections::BTreeMap;

use crate::ntp::control::{ControlMessage, HEADER_LENGTH};

/// The replies to one request for the variables of the system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exposure {
    /// Datagrams that came.
    pub datagrams: usize,
    /// Their octets, all together.
    pub octets: usize,
    /// The reason that an error reply gives.
    pub error: Option<&'static str>,
    /// The pieces of the data, by offset.
    pieces: BTreeMap<u16, Vec<u8>>,
}

/// Pieces that are kept: more than the 32 of the longest answer that ntpd gives.
const MOST_PIECES: usize = 64;

/// Octets of a value that are told.
const LONGEST_VALUE: usize = 120;

/// How programs begin the variable `version`, and their names. The first that fits counts.
const PROGRAMS: [(&str, &str); 3] = [("ntpd ntpsec", "ntpsec"), ("ntpd 4.", "ntp.org"), ("ntpcap", "ntpcap")];

impl Exposure {
    /// Takes in a reply of so many octets.
    pub(super) fn take(&mut self, message: &ControlMessage<'_>, octets: usize) {
        self.datagrams += 1;
        self.octets += octets;
        self.error = self.error.or(message.error_name());
        if self.pieces.len() < MOST_PIECES && !message.error {
            self.pieces.insert(message.offset, message.data().to_vec());
        }
    }

    /// Octets that come for each that was sent.
    #[expect(clippy::cast_precision_loss, reason = "datagrams are far smaller than 2^52")]
    pub fn amplification(&self) -> f64 {
        self.octets as f64 / HEADER_LENGTH as f64
    }

    /// The value of a variable, in printable characters.
    pub fn variable(&self, name: &str) -> Option<String> {
        let (data, is_whole) = self.data();
        let text = String::from_utf8_lossy(&data);
        // What stands last before a hole may be cut.
        let end = if is_whole { text.len() } else { text.rfind(',').unwrap_or(0) };
        let value = assignments(text.get(..end)?).find(|(found, _)| *found == name)?.1;
        Some(printable(value).chars().take(LONGEST_VALUE).collect())
    }

    /// The data from its beginning to the first hole, and whether there is none.
    fn data(&self) -> (Vec<u8>, bool) {
        let mut data: Vec<u8> = Vec::new();
        for (offset, piece) in &self.pieces {
            // Pieces may overlap where a datagram came twice.
            let Some(known) = data.len().checked_sub(usize::from(*offset)) else { return (data, false) };
            data.extend(piece.get(known..).unwrap_or_default());
        }
        (data, true)
    }

    /// The program that the server says it is, and its words.
    pub(super) fn program(&self) -> Option<(&'static str, String)> {
        let words = self.variable("version")?;
        let (_, name) = PROGRAMS.iter().find(|(begin, _)| words.starts_with(begin))?;
        Some((name, words))
    }
}

/// The characters of a text that do nothing to a terminal: neither controls nor those that turn the direction of writing.
pub fn printable(text: &str) -> String {
    let is_harmless = |character: &char| {
        let turns = matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{61c}');
        !character.is_control() && !turns
    };
    text.chars().filter(is_harmless).collect()
}

/// The pairs of `name=value, name="value, with commas"`.
fn assignments(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut is_quoted = false;
    let pieces = text.split(move |character| {
        is_quoted ^= character == '"';
        character == ',' && !is_quoted
    });
    pieces
        .filter_map(|piece| piece.split_once('='))
        .map(|(name, value)| (name.trim(), value.trim().trim_matches('"')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ntp::message::Message;

    fn reply(offset: u16, more: bool, data: &str) -> Vec<u8> {
        let count = u16::try_from(data.len()).unwrap();
        let mut octets = vec![0x16, if more { 0xa2 } else { 0x82 }, 0, 7, 6, 0x15, 0, 0];
        octets.extend(offset.to_be_bytes());
        octets.extend(count.to_be_bytes());
        octets.extend(data.as_bytes());
        octets
    }

    fn exposure(replies: &[Vec<u8>]) -> Exposure {
        let mut exposure = Exposure::default();
        for octets in replies {
            let Ok(Message::Control(message)) = Message::parse(octets) else { panic!("{octets:?}") };
            exposure.take(&message, octets.len());
        }
        exposure
    }

    /// The beginning of what ntp.org's ntpd 4.2.8p15 and NTPsec's 1.2.2 say.
    #[test]
    fn variables_are_read_over_pieces_in_any_order() {
        let (first, rest) = ("version=\"ntpd 4.2.8p15@1.37", "28-o (1), a\",\r\nleap=0, stratum=3");
        let offset = u16::try_from(first.len()).unwrap();
        let told = exposure(&[reply(offset, false, rest), reply(0, true, first)]);
        assert_eq!(told.variable("version").unwrap(), "ntpd 4.2.8p15@1.3728-o (1), a");
        assert_eq!((told.variable("stratum").unwrap().as_str(), told.variable("a")), ("3", None));
        assert_eq!(told.program().unwrap().0, "ntp.org");
        assert_eq!((told.datagrams, told.octets), (2, 24 + first.len() + rest.len()));
        let ntpsec = exposure(&[reply(0, false, "version=\"ntpd ntpsec-1.2.2\"")]);
        assert_eq!(ntpsec.program().unwrap().0, "ntpsec");
    }

    #[test]
    fn pieces_that_do_not_belong_together_make_no_value() {
        let told = exposure(&[
            reply(0, true, "processor=\"x86\", ver"),
            reply(2_000, false, "sion=\"ntpd ntpsec-9\", leap=0"),
        ]);
        assert_eq!((told.variable("processor").as_deref(), told.variable("version")), (Some("x86"), None));
        assert_eq!(told.program(), None);
        let told = exposure(&[reply(468, false, "sion=\"ntpd ntpsec-1\"")]);
        assert_eq!(told.variable("version"), None);
        let cut = exposure(&[reply(0, true, "a=1, version=\"ntpd 4.2\""), reply(99, false, "8p15\"")]);
        assert_eq!((cut.variable("a").as_deref(), cut.variable("version")), (Some("1"), None));
    }

    #[test]
    fn nothing_turns_the_direction_of_writing() {
        let evil = exposure(&[reply(0, false, "version=\"ntpd \u{202e}4.2\u{2066}\"")]);
        assert_eq!(evil.variable("version").unwrap(), "ntpd 4.2");
    }

    #[test]
    fn what_a_server_sends_is_bounded_and_printable() {
        let evil = reply(0, false, &format!("version=\"\u{1b}[31m{}\"", "x".repeat(1_000)));
        let mut told = exposure(&vec![evil; 10]);
        assert_eq!(told.variable("version").unwrap().len(), LONGEST_VALUE);
        assert!(told.variable("version").unwrap().starts_with("[31mx"));
        for offset in 0..1_000 {
            let octets = reply(offset, true, "x");
            let Ok(Message::Control(message)) = Message::parse(&octets) else { panic!("{offset}") };
            told.take(&message, octets.len());
        }
        assert_eq!(told.pieces.len(), MOST_PIECES);
    }
}
