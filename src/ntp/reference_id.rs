//! Reference identifiers and kiss codes (RFC 5905 sections 7.3 and 7.4).

use std::fmt;

/// The 32-bit reference identifier of a header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ReferenceId(pub [u8; 4]);

/// What a reference identifier means at the stratum it came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Stratum 0: a kiss code, such as `RATE`, `DENY`, or `INIT` of a server that has no time yet.
    KissCode,
    /// Stratum 1: the name of a reference clock, such as `GPS` or `DCFa`.
    Clock,
    /// Stratum 2 and above: the IPv4 address of the server's own source, or four octets of a digest of its
    /// IPv6 address.
    Source,
}

impl ReferenceId {
    /// What the identifier means with this stratum.
    pub fn meaning(self, stratum: u8) -> Meaning {
        match stratum {
            0 => Meaning::KissCode,
            1 => Meaning::Clock,
            _ => Meaning::Source,
        }
    }

    /// The text of a kiss code or clock name: printable ASCII, ended by zero octets. `None` for anything else.
    pub fn text(&self) -> Option<&str> {
        let length = self.0.iter().rposition(|octet| *octet != 0).map_or(0, |last| last + 1);
        let text = self.0.get(..length)?;
        let printable = !text.is_empty() && text.iter().all(|octet| (0x20..0x7f).contains(octet));
        std::str::from_utf8(text).ok().filter(|_| printable)
    }

    /// The kiss code, when `stratum` says that there is one (RFC 5905 section 7.4).
    pub fn kiss_code(&self, stratum: u8) -> Option<&str> {
        self.text().filter(|_| stratum == 0)
    }

    /// The identifier as people write it at this stratum: text, dotted octets, or `0x...`.
    pub fn display(self, stratum: u8) -> String {
        let text = (self.meaning(stratum) != Meaning::Source).then(|| self.text()).flatten();
        match text {
            Some(text) => text.to_owned(),
            None if self.meaning(stratum) == Meaning::Source => self.to_string(),
            None => format!("0x{:08x}", u32::from_be_bytes(self.0)),
        }
    }
}

impl fmt::Display for ReferenceId {
    /// Dotted octets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        std::net::Ipv4Addr::from(self.0).fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_ends_at_trailing_zero_octets() {
        assert_eq!(ReferenceId(*b"GPS\0").display(1), "GPS");
    }

    #[test]
    fn unprintable_text_is_shown_as_a_number() {
        assert_eq!(ReferenceId([0x1b, b'[', b'2', b'J']).display(0), "0x1b5b324a");
        assert_eq!(ReferenceId([0; 4]).display(0), "0x00000000");
    }

    #[test]
    fn higher_strata_show_an_address_even_when_it_reads_as_text() {
        assert_eq!(ReferenceId(*b"INIT").display(2), "73.78.73.84");
    }

    #[test]
    fn only_stratum_zero_carries_a_kiss_code() {
        assert_eq!(ReferenceId(*b"RATE").kiss_code(0), Some("RATE"));
        assert_eq!(ReferenceId(*b"RATE").kiss_code(1), None);
    }
}
