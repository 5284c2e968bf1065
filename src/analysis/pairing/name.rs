//! What a reply names its request by.

use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What a reply names its request by. Addresses and ports lie apart, which makes it half as large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name {
    client: IpAddr,
    server: IpAddr,
    client_port: u16,
    server_port: u16,
    /// A timestamp, or the sequence number of a control or private message.
    number: u64,
    kind: NameKind,
}

/// Which field of the request is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameKind {
    /// The transmit timestamp (RFC 5905 section 8).
    Transmit,
    /// The receive timestamp (RFC 9769).
    Receive,
    /// The client cookie of version 5, where older versions have the origin timestamp.
    Cookie,
    /// The sequence number of a control message (RFC 9327).
    Control,
    /// The request code of a private message.
    Private,
}

impl Name {
    /// A name in the conversation of a client with a server. Who asks a group is answered by any server.
    pub fn new(client: SocketAddr, server: SocketAddr, number: u64, kind: NameKind) -> Name {
        let (client_port, server_port) = (client.port(), server.port());
        let name = Name { client: client.ip(), server: server.ip(), client_port, server_port, number, kind };
        if is_group(server.ip()) { name.of_any_server() } else { name }
    }

    /// The same with any server: what a request to a group goes by.
    pub fn of_any_server(self) -> Name {
        let server = match self.server {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        Name { server, ..self }
    }

    /// The same number in another field.
    pub(super) fn of_kind(self, kind: NameKind) -> Name {
        Name { kind, ..self }
    }

    /// Which field of the request it names.
    pub fn kind(&self) -> NameKind {
        self.kind
    }

    pub(super) fn is_zero_timestamp(&self) -> bool {
        self.number == 0 && matches!(self.kind, NameKind::Transmit | NameKind::Receive | NameKind::Cookie)
    }

    /// The same conversation, whatever the message.
    pub(super) fn conversation(&self) -> Name {
        Name { number: 0, kind: NameKind::Control, ..*self }
    }
}

impl Hash for Name {
    /// In few large pieces: the derived way hands the hasher a dozen small ones, each at the price of a large one.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let number = |address| match address {
            IpAddr::V4(address) => u128::from(address.to_bits()),
            IpAddr::V6(address) => address.to_bits(),
        };
        state.write_u128(number(self.client));
        state.write_u128(number(self.server));
        state.write_u64(self.number);
        state.write_u32(u32::from(self.client_port) << 16 | u32::from(self.server_port));
    }
}

/// True for addresses that several hosts listen to.
pub fn is_group(address: IpAddr) -> bool {
    address.is_multicast() || address == IpAddr::V4(Ipv4Addr::BROADCAST)
}
