//! A network between a probe and a server that loses one datagram in five and holds the others up to 200 ms.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Relays that run until they are dropped.
pub(super) struct Relays {
    /// Where each listens, in the order of the servers.
    pub(super) addresses: Vec<SocketAddr>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<(u32, u32)>>,
}

/// One relay: the socket that the probe asks, the one that asks the server, and who asked last.
struct Relay {
    near: UdpSocket,
    far: UdpSocket,
    client: Option<SocketAddr>,
    random: u64,
}

/// A datagram on its way: when it arrives, by which relay, towards the probe or not, its octets.
type UnderWay = Reverse<(Instant, usize, bool, Vec<u8>)>;

const MOST_DELAY: u64 = 200;

impl Relays {
    /// A relay before each of the servers; the seed of each is its place.
    pub(super) fn start(servers: &[SocketAddr]) -> Relays {
        let relay = |(seed, server): (usize, &SocketAddr)| {
            let bind = || UdpSocket::bind("127.0.0.1:0").unwrap();
            let (near, far) = (bind(), bind());
            far.connect(server).unwrap();
            near.set_nonblocking(true).unwrap();
            far.set_nonblocking(true).unwrap();
            Relay { near, far, client: None, random: 1 + seed as u64 }
        };
        let relays: Vec<Relay> = servers.iter().enumerate().map(relay).collect();
        let addresses = relays.iter().map(|relay| relay.near.local_addr().unwrap()).collect();
        let is_over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&is_over);
        let thread = Some(thread::spawn(move || run(relays, &ends)));
        Relays { addresses, is_over, thread }
    }

    /// Ends them, and tells how many replies came and how many of them were lost.
    pub(super) fn end(mut self) -> (u32, u32) {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Relays {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

impl Relay {
    /// The generator `splitmix64`.
    fn below(&mut self, end: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    fn receive(&mut self, is_reply: bool) -> Option<Vec<u8>> {
        let mut buffer = [0; 2_048];
        let length = if is_reply {
            self.far.recv(&mut buffer).ok()?
        } else {
            let (length, client) = self.near.recv_from(&mut buffer).ok()?;
            self.client = Some(client);
            length
        };
        Some(buffer[..length].to_vec())
    }

    fn deliver(&self, is_reply: bool, octets: &[u8]) {
        let _ = match self.client.filter(|_| is_reply) {
            Some(client) => self.near.send_to(octets, client),
            None => self.far.send(octets),
        };
    }
}

fn run(mut relays: Vec<Relay>, is_over: &AtomicBool) -> (u32, u32) {
    let (mut came, mut lost) = (0, 0);
    let mut under_way: BinaryHeap<UnderWay> = BinaryHeap::new();
    while !is_over.load(Ordering::Relaxed) {
        wait(&relays);
        for (index, relay) in relays.iter_mut().enumerate() {
            for is_reply in [false, true] {
                while let Some(octets) = relay.receive(is_reply) {
                    came += u32::from(is_reply);
                    // Requests are delayed, replies are lost or not: netem on one of two interfaces.
                    if is_reply && relay.below(5) == 0 {
                        lost += 1;
                        continue;
                    }
                    let delay = if is_reply {
                        Duration::from_millis(relay.below(MOST_DELAY))
                    } else {
                        Duration::ZERO
                    };
                    under_way.push(Reverse((Instant::now() + delay, index, is_reply, octets)));
                }
            }
        }
        while under_way.peek().is_some_and(|Reverse((due, ..))| *due <= Instant::now()) {
            let Some(Reverse((_, index, is_reply, octets))) = under_way.pop() else { break };
            relays[index].deliver(is_reply, &octets);
        }
    }
    (came, lost)
}

/// Waits until something comes, a few milliseconds at most.
fn wait(relays: &[Relay]) {
    let sockets = relays.iter().flat_map(|relay| [&relay.near, &relay.far]);
    let mut waiting: Vec<PollFd> =
        sockets.map(|socket| PollFd::new(socket.as_fd(), PollFlags::POLLIN)).collect();
    poll(&mut waiting, PollTimeout::from(3_u8)).unwrap();
}
