//! Runs plans over UDP, each with a socket and a task of its own, in one thread.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, SystemTime};

use nix::sys::socket::{self, AddressFamily, SockFlag, SockType, SockaddrStorage, sockopt};
use tokio::io::ReadBuf;
use tokio::net::UdpSocket;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::plan::{Observation, Plan, Reply, Sending, Step};

/// How plans are run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The address that is sent from; the system chooses where there is none.
    pub source: Option<IpAddr>,
    /// The port that is sent from; any free one where there is none (RFC 9109).
    pub source_port: Option<u16>,
    /// The least time between two datagrams of all plans together.
    pub spacing: Duration,
    /// How many plans run at a time: each has sockets. The others wait for their turn.
    pub at_once: usize,
    /// Whether sockets are connected: refusals are told of then, and what comes from elsewhere is not seen.
    pub connected: bool,
}

/// A datagram that left or came.
#[derive(Clone, Copy, Debug)]
pub struct Passing<'a> {
    /// When, by the wall clock: time since 1970.
    pub time: Duration,
    /// True for what we sent.
    pub is_ours: bool,
    /// Who sent it.
    pub source: SocketAddr,
    /// Whom it was sent to.
    pub destination: SocketAddr,
    /// Its octets.
    pub octets: &'a [u8],
}

/// Takes note of datagrams.
pub type Observer = Box<dyn Fn(&Passing<'_>) + Send + Sync>;

/// How often the wish to end is looked for.
const GLANCE: Duration = Duration::from_millis(100);

/// Datagrams that are taken after a wait is over, because they had come before: a stream of them must not hold us up.
const MOST_LATE: usize = 64;

/// Octets of the longest datagram that there is: none is cut.
const LARGEST: usize = 65_535;

/// What all tasks share.
struct Shared {
    options: Options,
    observer: Option<Observer>,
    is_over: AtomicBool,
    /// When the next datagram may leave.
    next: Mutex<Instant>,
    /// Room for a datagram that comes. All tasks are of one thread, and none holds it while it waits.
    room: Mutex<Vec<u8>>,
}

/// Runs each plan against its target, all at once, and hands it to `done` at its end. `observer` sees what passes. When `stop` is true they end
/// where they are.
///
/// # Errors
/// When the system gives no means to wait. Whatever a socket meets with is told to its plan.
pub fn run<P: Plan + Send + 'static>(
    plans: impl IntoIterator<Item = (SocketAddr, P)>,
    options: Options,
    observer: Option<Observer>,
    stop: impl Fn() -> bool,
    mut done: impl FnMut(P),
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    runtime.block_on(async {
        let next = Mutex::new(Instant::now());
        let room = Mutex::new(vec![0; LARGEST]);
        let shared = Arc::new(Shared { options, observer, is_over: AtomicBool::new(false), next, room });
        let (mut plans, mut tasks) = (plans.into_iter(), JoinSet::new());
        loop {
            while tasks.len() < options.at_once.max(1)
                && let Some((target, plan)) = plans.next()
            {
                tasks.spawn(drive(plan, target, Arc::clone(&shared)));
            }
            if tasks.is_empty() {
                break;
            }
            if let Ok(Some(Ok(plan))) = timeout(GLANCE, tasks.join_next()).await {
                done(plan);
            }
            shared.is_over.fetch_or(stop(), Ordering::Relaxed);
        }
    });
    Ok(())
}

async fn drive<P: Plan>(mut plan: P, target: SocketAddr, shared: Arc<Shared>) -> P {
    Line::new(target, shared).run(&mut plan).await;
    plan
}

/// The way to one target: a socket for each port of ours that was used.
struct Line {
    sockets: Vec<UdpSocket>,
    target: SocketAddr,
    shared: Arc<Shared>,
    /// When the last datagram left, by both clocks.
    sent: Option<(Instant, Duration)>,
    deadline: Instant,
    wait: Duration,
    /// Datagrams that were taken since the wait was over.
    late: usize,
}

/// A datagram that came: to which port of ours, from whom, its octets.
type Came = (usize, SocketAddr, Vec<u8>);

impl Line {
    fn new(target: SocketAddr, shared: Arc<Shared>) -> Line {
        let (deadline, wait) = (Instant::now(), Duration::ZERO);
        Line { sockets: Vec::new(), target, shared, sent: None, deadline, wait, late: 0 }
    }

    async fn run(mut self, plan: &mut impl Plan) {
        let mut seen = None;
        while !self.shared.is_over.load(Ordering::Relaxed) {
            let failed = match plan.next(seen.take()) {
                Step::Done => return,
                Step::Listen => None,
                Step::Send(sending) => match self.send(&sending).await {
                    Ok(true) => {
                        plan.left();
                        None
                    }
                    // The end of all came first.
                    Ok(false) => return,
                    Err(error) => Some(observed(&error)),
                },
            };
            seen = match failed {
                Some(failed) => Some(failed),
                None => self.observe().await,
            };
            if seen.is_none() {
                return;
            }
        }
    }

    /// Sends when it is time; false when the end of all comes first.
    async fn send(&mut self, sending: &Sending) -> io::Result<bool> {
        if let Some((sent, _)) = self.sent {
            self.sleep_until(sent + sending.pause).await;
        }
        let turn = self.shared.turn();
        self.sleep_until(turn).await;
        if self.shared.is_over.load(Ordering::Relaxed) {
            return Ok(false);
        }
        while self.sockets.len() <= sending.port {
            self.sockets.push(open(self.target, self.shared.options)?);
        }
        let Some(socket) = self.sockets.get(sending.port) else { return Ok(false) };
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let now = Instant::now();
        self.sent = Some((now, since_1970));
        (self.wait, self.deadline, self.late) = (sending.wait, now + sending.wait, 0);
        match self.shared.options.connected {
            true => socket.send(&sending.octets).await?,
            false => socket.send_to(&sending.octets, self.target).await?,
        };
        self.note(since_1970, (sending.port, self.target, true), &sending.octets);
        Ok(true)
    }

    /// Tells the observer of a datagram between a port of ours and the other end, ours or theirs.
    fn note(&self, time: Duration, (port, other, is_ours): (usize, SocketAddr, bool), octets: &[u8]) {
        let us = self.sockets.get(port).and_then(|socket| socket.local_addr().ok());
        if let (Some(observer), Some(us)) = (&self.shared.observer, us) {
            let (source, destination) = if is_ours { (us, other) } else { (other, us) };
            observer(&Passing { time, is_ours, source, destination, octets });
        }
    }

    /// Waits until then, or until the end of all.
    async fn sleep_until(&self, end: Instant) {
        while Instant::now() < end && !self.shared.is_over.load(Ordering::Relaxed) {
            sleep_until(end.min(Instant::now() + GLANCE)).await;
        }
    }

    /// What comes next; `None` when all is to end.
    async fn observe(&mut self) -> Option<Observation> {
        loop {
            if self.shared.is_over.load(Ordering::Relaxed) {
                return None;
            }
            let glance = self.deadline.min(Instant::now() + GLANCE);
            match timeout_at(glance, self.receive()).await {
                Ok(Ok((port, source, octets))) => {
                    self.late += usize::from(Instant::now() > self.deadline);
                    if self.late > MOST_LATE {
                        return Some(Observation::Silence(self.wait));
                    }
                    let (sent, since_1970) = self.sent?;
                    let elapsed = sent.elapsed();
                    self.note(since_1970 + elapsed, (port, source, false), &octets);
                    return Some(Observation::Reply(Reply {
                        source,
                        port,
                        octets,
                        sent: since_1970,
                        elapsed,
                    }));
                }
                Ok(Err(error)) => return Some(observed(&error)),
                Err(_) if Instant::now() >= self.deadline => return Some(Observation::Silence(self.wait)),
                Err(_) => {}
            }
        }
    }

    /// The first datagram that comes to any port of ours.
    async fn receive(&self) -> io::Result<Came> {
        poll_fn(|context| {
            let mut buffer = self.shared.room.lock().unwrap_or_else(PoisonError::into_inner);
            for (port, socket) in self.sockets.iter().enumerate() {
                let mut room = ReadBuf::new(&mut buffer);
                if let Poll::Ready(came) = socket.poll_recv_from(context, &mut room) {
                    return Poll::Ready(came.map(|source| (port, source, room.filled().to_vec())));
                }
            }
            Poll::Pending
        })
        .await
    }
}

/// A socket of that one target. When it is connected, the system tells it of refusals, and passes nothing on that others
/// send. So many may have the same port.
fn open(target: SocketAddr, options: Options) -> io::Result<UdpSocket> {
    let any = match target {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let family = if target.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket::socket(family, SockType::Datagram, flags, None)?;
    if options.source_port.is_some() {
        socket::setsockopt(&socket, sockopt::ReuseAddr, &true)?;
    }
    let source = SocketAddr::new(options.source.unwrap_or(any), options.source_port.unwrap_or(0));
    socket::bind(socket.as_raw_fd(), &SockaddrStorage::from(source))?;
    let socket = std::net::UdpSocket::from(socket);
    if options.connected {
        socket.connect(target)?;
    }
    UdpSocket::from_std(socket)
}

impl Shared {
    /// When the one who asks may send.
    fn turn(&self) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = Instant::now().max(*next);
        *next = turn + self.options.spacing;
        turn
    }
}

fn observed(error: &io::Error) -> Observation {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Observation::Refused,
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            Observation::Unreachable(error.to_string())
        }
        _ => Observation::Failed(error.to_string()),
    }
}
