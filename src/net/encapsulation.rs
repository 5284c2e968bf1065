//! What a datagram was wrapped in.

use std::fmt;

/// The wrappings between the outermost link header and a datagram, as a set: neither order nor number is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Encapsulation(u16);

impl Encapsulation {
    /// IEEE 802.1Q or 802.1ad tags.
    pub const VLAN: Self = Self(1);
    /// IEEE 802.1BR or Cisco VN-Tag.
    pub const VN_TAG: Self = Self(1 << 1);
    /// IEEE 802.1AE, integrity without encryption.
    pub const MACSEC: Self = Self(1 << 2);
    /// IEEE 802.1ah backbone header.
    pub const BACKBONE: Self = Self(1 << 3);
    /// MPLS labels.
    pub const MPLS: Self = Self(1 << 4);
    /// PPP over Ethernet.
    pub const PPPOE: Self = Self(1 << 5);
    /// GRE, version 0 or 1.
    pub const GRE: Self = Self(1 << 6);
    /// ERSPAN in GRE.
    pub const ERSPAN: Self = Self(1 << 7);
    /// VXLAN.
    pub const VXLAN: Self = Self(1 << 8);
    /// Geneve.
    pub const GENEVE: Self = Self(1 << 9);
    /// IPv4 or IPv6 directly in IPv4 or IPv6.
    pub const IP_IN_IP: Self = Self(1 << 10);
    /// IP authentication header.
    pub const AUTHENTICATION_HEADER: Self = Self(1 << 11);

    const NAMES: [(Self, &'static str); 12] = [
        (Self::VLAN, "vlan"),
        (Self::VN_TAG, "vn-tag"),
        (Self::MACSEC, "macsec"),
        (Self::BACKBONE, "802.1ah"),
        (Self::MPLS, "mpls"),
        (Self::PPPOE, "pppoe"),
        (Self::GRE, "gre"),
        (Self::ERSPAN, "erspan"),
        (Self::VXLAN, "vxlan"),
        (Self::GENEVE, "geneve"),
        (Self::IP_IN_IP, "ip-in-ip"),
        (Self::AUTHENTICATION_HEADER, "ah"),
    ];

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all of `other` are among these.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The names of those present, in kebab case.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().filter(move |(wrapping, _)| self.contains(*wrapping)).map(|(_, name)| name)
    }

    pub(super) fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl fmt::Display for Encapsulation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, name) in self.names().enumerate() {
            write!(formatter, "{}{name}", if position == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_was_added() {
        let mut set = Encapsulation::default();
        assert!(set.is_empty());
        set.add(Encapsulation::GRE);
        set.add(Encapsulation::VLAN);
        assert_eq!(set.to_string(), "vlan gre");
        assert!(set.contains(Encapsulation::GRE) && !set.contains(Encapsulation::VXLAN));
    }
}
