//! The socket loop: requests come in batches, replies leave in batches, one thread a core.
//!
//! ```text
//!  poll -> recvmmsg -> clients, respond -> clients   -> sendmmsg -> Observer
//!          octets,     Decision, reply     when they    replies     log, capture
//!          arrival                         leave
//! ```
//!
//! Every thread has its own sockets on the same addresses (SO_REUSEPORT), so that threads share nothing but what is
//! known of clients.

mod batch;
mod misbehaviour;
mod socket;
mod worker;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::auth::Keyring;
use crate::ntp::timestamp::UnixTime;

use super::clients::Clients;
use super::clock::SystemClock;
use super::counts::Counts;
use super::decision::Decision;
use super::fault::Faults;
use super::policy::Policy;
use socket::Socket;
use worker::Worker;

/// What a server answers with.
#[derive(Clone, Copy)]
pub struct Service<'s> {
    /// How it behaves.
    pub policy: &'s Policy,
    /// Its keys.
    pub keys: &'s Keyring,
    /// What it knows of its clients.
    pub clients: &'s Clients,
    /// Its time.
    pub clock: &'s SystemClock,
    /// Who is told of each request.
    pub observer: &'s dyn Observer,
    /// True when it is to stop; asked several times a second by every thread.
    pub stop: &'s (dyn Fn() -> bool + Sync),
}

/// Is told of what a server does, by all of its threads.
pub trait Observer: Sync {
    /// Takes a request and its reply, which has left.
    ///
    /// # Errors
    /// Those of writing them down; they end the server.
    fn exchange(&self, exchange: &Exchange<'_>) -> io::Result<()>;

    /// Takes a datagram that faults have the server send, when it has left.
    ///
    /// # Errors
    /// As above.
    fn sent(&self, sent: &Sent<'_>) -> io::Result<()>;

    /// There is nothing to do for the moment.
    ///
    /// # Errors
    /// As above.
    fn idle(&self) -> io::Result<()>;
}

/// A request and what was done with it. Times are those of the system's clock, whatever the server's clock shows.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// When the request came.
    pub arrival: UnixTime,
    /// Who sent it.
    pub client: SocketAddr,
    /// Where it was sent to.
    pub server: SocketAddr,
    /// Its octets.
    pub request: &'a [u8],
    /// What was decided.
    pub decision: &'a Decision,
    /// The octets of the reply, or of the first of several; empty where there is none.
    pub reply: &'a [u8],
    /// How many replies there are: more than one is the work of faults.
    pub replies: usize,
    /// When the reply was about to be handed to the kernel. `None` where faults decide on that: [`Observer::sent`] tells then.
    pub departure: Option<UnixTime>,
    /// The faults in what is sent.
    pub faults: &'a [&'static str],
}

/// A datagram that faults have had the server send.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    /// When it was handed to the kernel, by the system's clock.
    pub departure: UnixTime,
    /// The address and port that it left from.
    pub source: SocketAddr,
    /// Where it was sent.
    pub destination: SocketAddr,
    /// Its octets.
    pub octets: &'a [u8],
    /// What is wrong with it.
    pub faults: &'a [&'static str],
}

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("{address}: {error}")]
pub struct ListenError {
    /// The address.
    pub address: SocketAddr,
    /// Why not.
    pub error: io::Error,
}

/// Sockets that were opened and wait for their threads.
#[derive(Debug)]
pub struct Server {
    /// For each thread a socket for each address.
    threads: Vec<Vec<Socket>>,
}

impl Server {
    /// Listens on all of `addresses` with so many threads, one at least. Port 0 stands for any free port.
    ///
    /// # Errors
    /// The first address that cannot be listened on.
    pub fn listen(addresses: &[SocketAddr], threads: usize) -> Result<Server, ListenError> {
        let mut sockets: Vec<Vec<Socket>> = (0..threads.max(1)).map(|_| Vec::new()).collect();
        for address in addresses {
            let failed = |error| ListenError { address: *address, error };
            let mut bound = None;
            for thread in &mut sockets {
                let socket = match bound {
                    None => Socket::first(*address),
                    Some(address) => Socket::further(address),
                };
                let socket = socket.map_err(failed)?;
                bound = Some(socket.address());
                thread.push(socket);
            }
        }
        Ok(Server { threads: sockets })
    }

    /// The addresses, with the ports that were got for port 0.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.threads.first().map(|sockets| sockets.iter().map(Socket::address).collect()).unwrap_or_default()
    }

    /// How many threads answer.
    pub fn threads(&self) -> usize {
        self.threads.len()
    }

    /// Answers until `service.stop` says so, and gives the counts. `faults` are those of the first thread: they count
    /// and remember, so a server with faults is to have one thread.
    ///
    /// # Errors
    /// When the sockets fail, or `service.observer`; all threads end then.
    pub fn run<'s>(self, service: Service<'s>, faults: Faults<'s>) -> io::Result<Counts> {
        let begin = Instant::now();
        let failed = AtomicBool::new(false);
        let answer = |sockets, faults| {
            let stop = || failed.load(Ordering::Relaxed) || (service.stop)();
            let result = Worker::new(service, faults, sockets, begin).run(&stop);
            failed.fetch_or(result.is_err(), Ordering::Relaxed);
            result
        };
        std::thread::scope(|scope| {
            let answer = &answer;
            let correct = std::iter::repeat_with(|| Faults::new(service.keys, Vec::new(), 0));
            let threads = self.threads.into_iter().zip(std::iter::once(faults).chain(correct));
            let start = |(sockets, faults)| scope.spawn(move || answer(sockets, faults));
            let running: Vec<_> = threads.map(start).collect();
            let mut counts = Counts::default();
            let mut first_error = None;
            for thread in running {
                match thread.join() {
                    Ok(Ok(more)) => counts.merge(&more),
                    Ok(Err(error)) => first_error = first_error.or(Some(error)),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            first_error.map_or(Ok(counts), Err)
        })
    }
}
