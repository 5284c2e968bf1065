//! One UDP socket, opened as the server needs it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrStorage, bind, getsockname, setsockopt, socket, sockopt,
};

/// Octets of requests that may wait: some thousands of them.
const RECEIVE_BUFFER: usize = 4 << 20;

/// A socket that is bound.
#[derive(Debug)]
pub(super) struct Socket {
    descriptor: OwnedFd,
    address: SocketAddr,
}

impl Socket {
    /// The first socket on an address, which `shares` it with further ones.
    ///
    /// It does so only once it has it. Were it willing to share before, a second server of the same user would not be
    /// refused but take half of the requests; so would it of an address that is shared without need.
    pub(super) fn first(address: SocketAddr, shares: bool) -> io::Result<Socket> {
        let descriptor = open(address)?;
        bind(descriptor.as_raw_fd(), &SockaddrStorage::from(address))?;
        if shares {
            setsockopt(&descriptor, sockopt::ReusePort, &true)?;
        }
        Socket::new(descriptor)
    }

    /// One more socket on an address that another of this server's is bound to.
    pub(super) fn further(address: SocketAddr) -> io::Result<Socket> {
        let descriptor = open(address)?;
        setsockopt(&descriptor, sockopt::ReusePort, &true)?;
        bind(descriptor.as_raw_fd(), &SockaddrStorage::from(address))?;
        Socket::new(descriptor)
    }

    fn new(descriptor: OwnedFd) -> io::Result<Socket> {
        let bound: SockaddrStorage = getsockname(descriptor.as_raw_fd())?;
        let address = address_of(&bound).ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok(Socket { descriptor, address })
    }

    /// Lets it send broadcasts, which only faults do.
    pub(super) fn allow_broadcasts(&self) -> io::Result<()> {
        Ok(setsockopt(&self.descriptor, sockopt::Broadcast, &true)?)
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// True when it listens on all addresses, so that each request must say which one it was sent to.
    pub(super) fn is_wildcard(&self) -> bool {
        self.address.ip().is_unspecified()
    }

    pub(super) fn number(&self) -> RawFd {
        self.descriptor.as_raw_fd()
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// A socket with all options set that are not about sharing.
fn open(address: SocketAddr) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let descriptor = socket(family, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    if address.is_ipv6() {
        setsockopt(&descriptor, sockopt::Ipv6V6Only, &true)?;
    }
    if address.ip().is_unspecified() {
        match address {
            SocketAddr::V4(_) => setsockopt(&descriptor, sockopt::Ipv4PacketInfo, &true)?,
            SocketAddr::V6(_) => setsockopt(&descriptor, sockopt::Ipv6RecvPacketInfo, &true)?,
        }
    }
    // A kernel without either makes the server less exact and less patient, no more.
    let _ = setsockopt(&descriptor, sockopt::ReceiveTimestampns, &true);
    let _ = setsockopt(&descriptor, sockopt::RcvBuf, &RECEIVE_BUFFER);
    Ok(descriptor)
}

/// An address as the standard library has it; `None` for one that is not of the internet.
pub(super) fn address_of(storage: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = storage.as_sockaddr_in().map(|address| SocketAddrV4::from(*address).into());
    v4.or_else(|| storage.as_sockaddr_in6().map(|address| SocketAddrV6::from(*address).into()))
}

/// The address that the system chooses for what leaves for `destination` from a socket on all addresses.
pub(super) fn source_towards(destination: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = match destination {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.set_broadcast(true).ok()?;
    // This sends nothing.
    socket.connect(destination).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

#[cfg(test)]
mod tests {
    use nix::sys::socket::getsockopt;

    use super::*;

    #[test]
    fn it_shares_its_address_and_sends_broadcasts_only_where_that_is_wanted() {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let [alone, sharing] = [false, true].map(|shares| Socket::first(any, shares).unwrap());
        let shares = |socket: &Socket| getsockopt(&socket.descriptor, sockopt::ReusePort).unwrap();
        let broadcasts = |socket: &Socket| getsockopt(&socket.descriptor, sockopt::Broadcast).unwrap();
        assert_eq!((shares(&alone), shares(&sharing)), (false, true));
        assert!(Socket::further(alone.address()).is_err() && Socket::further(sharing.address()).is_ok());
        assert!(!broadcasts(&alone));
        alone.allow_broadcasts().unwrap();
        assert!(broadcasts(&alone));
    }
}
