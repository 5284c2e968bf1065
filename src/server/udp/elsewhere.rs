//! Where replies come from that do not come from where the request went: the work of faults.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use nix::ifaddrs::getifaddrs;

use super::ListenError;
use super::socket::{Socket, address_of};

/// Where else a socket's replies may come from.
#[derive(Debug, Default)]
pub(super) struct Elsewhere {
    /// Another port of its address; opened when it is first needed, as any port will do.
    port: Option<Socket>,
    /// Its port of another address.
    address: Option<Other>,
}

#[derive(Debug)]
enum Other {
    /// Another socket of the server's, by its index.
    Listening(usize),
    /// One that was opened for this.
    Opened(Socket),
}

impl Elsewhere {
    /// Opens for each socket one on another address. The port may be one for which rights are needed.
    ///
    /// # Errors
    /// The first address that there is and that cannot be had.
    pub(super) fn open(sockets: &[Socket]) -> Result<Vec<Elsewhere>, ListenError> {
        let addresses: Vec<SocketAddr> = sockets.iter().map(Socket::address).collect();
        let other = |own: &SocketAddr| {
            // A socket on all addresses has the others already.
            let other = other_address(own.ip(), &addresses).filter(|_| !own.ip().is_unspecified())?;
            let other = SocketAddr::new(other, own.port());
            if let Some(index) = addresses.iter().position(|address| *address == other) {
                return Some(Ok(Other::Listening(index)));
            }
            let opened = Socket::first(other, false);
            Some(opened.map(Other::Opened).map_err(|error| ListenError { address: other, error }))
        };
        let elsewhere = |own| Ok(Elsewhere { port: None, address: other(own).transpose()? });
        addresses.iter().map(elsewhere).collect()
    }

    /// The socket on another port of `own`'s address.
    pub(super) fn port(&mut self, own: &Socket) -> Option<&Socket> {
        if self.port.is_none() {
            self.port = Socket::first(SocketAddr::new(own.address().ip(), 0), false).ok();
        }
        self.port.as_ref()
    }

    /// The socket on another address; `socket` gives the server's own by their index.
    pub(super) fn address<'a>(
        &'a self,
        socket: impl FnOnce(usize) -> Option<&'a Socket>,
    ) -> Option<&'a Socket> {
        match self.address.as_ref()? {
            Other::Listening(index) => socket(*index),
            Other::Opened(opened) => Some(opened),
        }
    }
}

/// An address of this host that is not `asked`: another one that is listened on, of an interface, or of loopback.
pub(super) fn other_address(asked: IpAddr, listened: &[SocketAddr]) -> Option<IpAddr> {
    let listened = listened.iter().map(SocketAddr::ip);
    let interfaces = getifaddrs().into_iter().flatten();
    let interfaces = interfaces.filter_map(|interface| Some(address_of(&interface.address?)?.ip()));
    let loopback = [1, 2].map(|last| IpAddr::from(Ipv4Addr::new(127, 0, 0, last)));
    listened.chain(interfaces).chain(loopback).find(|other| {
        let is_local = |address: IpAddr| matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
        *other != asked
            && other.is_ipv4() == asked.is_ipv4()
            && other.is_loopback() == asked.is_loopback()
            && !other.is_unspecified()
            && !is_local(*other)
    })
}
