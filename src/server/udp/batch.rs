//! Several datagrams by one system call.

use std::io::{IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use nix::cmsg_space;
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmmsg,
};

use super::socket::{Socket, address_of};
use crate::ntp::timestamp::UnixTime;
use crate::server::clock::system_time;

/// Most datagrams of one call.
pub(super) const BATCH: usize = 32;

/// Octets from one datagram's place to the next: room for the largest, and a cache line, so that the beginnings of
/// all of them do not compete for the same lines.
const PLACE: usize = (1 << 16) + 64;

/// What is known of a datagram that came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrived {
    /// Index of its octets.
    place: usize,
    length: usize,
    pub(super) client: SocketAddr,
    /// Where its reply leaves from, where the socket has several addresses.
    pub(super) local: Option<Local>,
    /// Where it was sent to, likewise.
    pub(super) destination: Option<IpAddr>,
    /// By the kernel where it says so.
    pub(super) time: UnixTime,
}

/// An address of this host that a request was sent to and its reply leaves from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Local {
    pub(super) address: IpAddr,
    /// The interface, where the address means nothing without it.
    interface: u32,
}

impl Local {
    /// An address that means something everywhere.
    pub(super) fn new(address: IpAddr) -> Local {
        Local { address, interface: 0 }
    }
}

/// Receives from one socket.
#[derive(Debug)]
pub(super) struct Receiver {
    headers: MultiHeaders<SockaddrStorage>,
    octets: Vec<u8>,
    arrived: Vec<Arrived>,
}

impl Receiver {
    pub(super) fn new() -> Receiver {
        Receiver { headers: headers(), octets: vec![0; BATCH * PLACE], arrived: Vec::with_capacity(BATCH) }
    }

    /// Receives what is there and does not wait. False when nothing is.
    pub(super) fn receive(&mut self, socket: &Socket) -> nix::Result<bool> {
        self.arrived.clear();
        let mut places = self.octets.chunks_exact_mut(PLACE);
        let mut slices: [[IoSliceMut<'_>; 1]; BATCH] =
            std::array::from_fn(|_| [IoSliceMut::new(places.next().unwrap_or_default())]);
        let flags = MsgFlags::MSG_DONTWAIT;
        let results = match recvmmsg(socket.number(), &mut self.headers, slices.iter_mut(), flags, None) {
            Ok(results) => results,
            Err(Errno::EAGAIN | Errno::EINTR) => return Ok(false),
            Err(error) => return Err(error),
        };
        let mut is_whole = true;
        for (place, message) in results.enumerate() {
            let mut time = None;
            let mut ends = None;
            for control in message.cmsgs().into_iter().flatten() {
                match control {
                    ControlMessageOwned::ScmTimestampns(at) => time = Some(unix_time(at)),
                    ControlMessageOwned::Ipv4PacketInfo(info) => ends = Some(ends_v4(info)),
                    ControlMessageOwned::Ipv6PacketInfo(info) => ends = Some(ends_v6(info)),
                    _ => {}
                }
            }
            is_whole &= time.is_some() && ends.is_some() == socket.is_wildcard();
            // Whoever has no address of the internet cannot be answered.
            let Some(client) = message.address.as_ref().and_then(address_of) else { continue };
            let time = time.unwrap_or_else(system_time);
            let (destination, local) = ends.unzip();
            self.arrived.push(Arrived { place, length: message.bytes, client, local, destination, time });
        }
        if !is_whole {
            // The kernel leaves in each header how much room it used, which is then all that the next call has.
            self.headers = headers();
        }
        Ok(true)
    }

    /// The datagrams that came, with their octets.
    pub(super) fn arrived(&self) -> impl Iterator<Item = (&Arrived, &[u8])> {
        let octets = |arrived: &Arrived| {
            let begin = arrived.place * PLACE;
            self.octets.get(begin..begin + arrived.length).unwrap_or_default()
        };
        self.arrived.iter().map(move |arrived| (arrived, octets(arrived)))
    }
}

fn headers() -> MultiHeaders<SockaddrStorage> {
    // Room for either kind of address; one of them comes, if any.
    MultiHeaders::preallocate(BATCH, Some(cmsg_space!(libc::timespec, libc::in6_pktinfo)))
}

/// Sends by one socket.
#[derive(Debug)]
pub(super) struct Sender {
    plain: MultiHeaders<SockaddrStorage>,
    from_v4: MultiHeaders<SockaddrStorage>,
    from_v6: MultiHeaders<SockaddrStorage>,
}

/// A datagram to send.
#[derive(Clone, Copy, Debug)]
pub(super) struct Departing {
    /// Index of its octets.
    pub(super) reply: usize,
    pub(super) destination: SocketAddr,
    pub(super) local: Option<Local>,
}

impl Sender {
    pub(super) fn new() -> Sender {
        Sender {
            plain: MultiHeaders::preallocate(BATCH, None),
            // Exactly as much as is filled: the kernel reads all of it.
            from_v4: MultiHeaders::preallocate(BATCH, Some(cmsg_space!(libc::in_pktinfo))),
            from_v6: MultiHeaders::preallocate(BATCH, Some(cmsg_space!(libc::in6_pktinfo))),
        }
    }

    /// Sends all of `departing`, and adds to `unsent` the indices of the octets that the system did not take.
    pub(super) fn send(
        &mut self,
        socket: &Socket,
        departing: &[Departing],
        replies: &[Vec<u8>],
        unsent: &mut Vec<usize>,
    ) {
        // The control data of a call is the same for all of its datagrams.
        for same in departing.chunk_by(|one, other| one.local == other.local) {
            for batch in same.chunks(BATCH) {
                self.send_batch(socket, batch, replies, unsent);
            }
        }
    }

    fn send_batch(
        &mut self,
        socket: &Socket,
        mut batch: &[Departing],
        replies: &[Vec<u8>],
        unsent: &mut Vec<usize>,
    ) {
        while let Some((first, rest)) = batch.split_first() {
            match self.send_some(socket, first.local, batch, replies) {
                Ok(sent) if sent > 0 => batch = batch.get(sent..).unwrap_or_default(),
                Err(Errno::EINTR) => {}
                // The call ends before a datagram that does not leave, and says why when it is the first.
                _ => {
                    unsent.push(first.reply);
                    batch = rest;
                }
            }
        }
    }

    fn send_some(
        &mut self,
        socket: &Socket,
        local: Option<Local>,
        batch: &[Departing],
        replies: &[Vec<u8>],
    ) -> nix::Result<usize> {
        let octets = |index: usize| batch.get(index).and_then(|one| replies.get(one.reply));
        let slices: [[IoSlice<'_>; 1]; BATCH] =
            std::array::from_fn(|index| [IoSlice::new(octets(index).map_or(&[], Vec::as_slice))]);
        let addresses: [Option<SockaddrStorage>; BATCH] =
            std::array::from_fn(|index| batch.get(index).map(|one| one.destination.into()));
        let addresses = addresses.get(..batch.len()).unwrap_or_default();
        let flags = MsgFlags::empty();
        let socket = socket.number();
        let (info_v4, info_v6);
        let (headers, control) = match local.map(|local| (local.address, local.interface)) {
            None => (&mut self.plain, None),
            Some((IpAddr::V4(address), interface)) => {
                info_v4 = packet_info_v4(address, interface);
                (&mut self.from_v4, Some(ControlMessage::Ipv4PacketInfo(&info_v4)))
            }
            Some((IpAddr::V6(address), interface)) => {
                info_v6 = packet_info_v6(address, interface);
                (&mut self.from_v6, Some(ControlMessage::Ipv6PacketInfo(&info_v6)))
            }
        };
        Ok(sendmmsg(socket, headers, slices.iter(), addresses, control.as_slice(), flags)?.count())
    }
}

fn unix_time(time: nix::sys::time::TimeSpec) -> UnixTime {
    UnixTime { seconds: time.tv_sec(), nanoseconds: u32::try_from(time.tv_nsec()).unwrap_or(0) }
}

fn packet_info_v4(address: Ipv4Addr, interface: u32) -> libc::in_pktinfo {
    libc::in_pktinfo {
        ipi_ifindex: interface.cast_signed(),
        ipi_spec_dst: libc::in_addr { s_addr: u32::from_ne_bytes(address.octets()) },
        ipi_addr: libc::in_addr { s_addr: 0 },
    }
}

fn packet_info_v6(address: Ipv6Addr, interface: u32) -> libc::in6_pktinfo {
    let address = libc::in6_addr { s6_addr: address.octets() };
    libc::in6_pktinfo { ipi6_addr: address, ipi6_ifindex: interface }
}

/// Where a datagram was sent to, and what its reply leaves from.
fn ends_v4(info: libc::in_pktinfo) -> (IpAddr, Local) {
    let address = |address: libc::in_addr| IpAddr::from(Ipv4Addr::from(address.s_addr.to_ne_bytes()));
    // For a broadcast the latter is the address of the interface.
    (address(info.ipi_addr), Local::new(address(info.ipi_spec_dst)))
}

fn ends_v6(info: libc::in6_pktinfo) -> (IpAddr, Local) {
    let destination = Ipv6Addr::from(info.ipi6_addr.s6_addr);
    let needs_interface = destination.is_unicast_link_local() || destination.is_multicast();
    let interface = if needs_interface { info.ipi6_ifindex } else { 0 };
    // Nothing can leave from a group's address; the kernel then chooses one of the interface.
    let address = if destination.is_multicast() { Ipv6Addr::UNSPECIFIED } else { destination };
    (destination.into(), Local { address: address.into(), interface })
}
