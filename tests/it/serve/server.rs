//! A server that runs while a test does, and a client for it.

use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::process::Child;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use ntpcap::auth::keyfile::{self, Dialect};
use ntpcap::auth::{KeyId, Keyring};
use serde_json::Value;

use crate::common::{self, ntpcap, root};

pub(crate) const KEYS: &str = "captures/shared-ntp.org.keys";

/// After this long without what must come, the server is taken to hang.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// How long a reply is waited for that must not come.
const SILENCE: Duration = Duration::from_millis(150);

/// The program, started with `serve --json`, and what it writes.
pub(crate) struct Server {
    child: Child,
    lines: Receiver<String>,
    /// Where it listens, in the order of the arguments.
    pub(crate) addresses: Vec<SocketAddr>,
}

/// How a server ended.
pub(super) struct End {
    pub(super) code: Option<i32>,
    pub(super) summary: Value,
    pub(super) said: String,
}

impl Server {
    /// A server on any free port of 127.0.0.1.
    pub(crate) fn start(arguments: &[&str]) -> Server {
        Server::listening(&["127.0.0.1:0"], arguments)
    }

    /// A server on these addresses.
    pub(crate) fn listening(addresses: &[&str], arguments: &[&str]) -> Server {
        let mut command = ntpcap();
        command.args(["serve", "--json"]).args(arguments);
        addresses.iter().for_each(|address| {
            command.args(["--listen", address]);
        });
        let (child, lines) = common::start(&mut command);
        let mut server = Server { child, lines, addresses: Vec::new() };
        for _ in addresses {
            let line = server.record();
            assert_eq!(line["type"], "listening");
            let address: IpAddr = line["address"].as_str().unwrap().parse().unwrap();
            let port = u16::try_from(line["port"].as_u64().unwrap()).unwrap();
            server.addresses.push((address, port).into());
        }
        server
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line of its output.
    pub(crate) fn line(&mut self) -> String {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(_) => {
                let _ = self.child.kill();
                let mut said = String::new();
                let _ = self.child.stderr.take().unwrap().read_to_string(&mut said);
                panic!("no line came: {said}");
            }
        }
    }

    /// The next line of its output, as a record.
    pub(super) fn record(&mut self) -> Value {
        serde_json::from_str(&self.line()).unwrap()
    }

    /// Ends it.
    pub(super) fn stop(self, signal: Signal) -> End {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
        self.wait()
    }

    /// Waits until it ends.
    pub(super) fn wait(mut self) -> End {
        let mut last = None;
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            last = Some(line);
        }
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        let summary = serde_json::from_str(&last.unwrap_or_else(|| panic!("no summary: {said}"))).unwrap();
        End { code: self.child.wait().unwrap().code(), summary, said }
    }

    /// Waits until it ends by itself without a summary, and gives its code and what it said.
    pub(super) fn fail(mut self) -> (Option<i32>, String) {
        assert!(self.lines.recv_timeout(PATIENCE).is_err());
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap().code(), said)
    }

    /// A client of its first address.
    pub(crate) fn client(&self) -> Client {
        Client::of(self.addresses[0])
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client with a port of its own.
pub(crate) struct Client {
    socket: UdpSocket,
    server: SocketAddr,
}

impl Client {
    pub(super) fn of(server: SocketAddr) -> Client {
        let any: IpAddr = match server.is_ipv4() {
            true => Ipv4Addr::UNSPECIFIED.into(),
            false => std::net::Ipv6Addr::UNSPECIFIED.into(),
        };
        Client { socket: UdpSocket::bind((any, 0)).unwrap(), server }
    }

    /// A client of that address.
    pub(super) fn from(address: IpAddr, server: SocketAddr) -> Client {
        Client { socket: UdpSocket::bind((address, 0)).unwrap(), server }
    }

    pub(super) fn port(&self) -> u16 {
        self.socket.local_addr().unwrap().port()
    }

    pub(super) fn send(&self, request: &[u8]) {
        self.socket.send_to(request, self.server).unwrap();
    }

    /// The reply, which must come, from the address that was asked.
    pub(crate) fn ask(&self, request: &[u8]) -> Vec<u8> {
        self.send(request);
        let (reply, sender) = self.receive(PATIENCE).expect("a reply");
        assert_eq!(sender, self.server);
        reply
    }

    /// No reply must come.
    pub(super) fn ask_in_vain(&self, request: &[u8]) {
        self.send(request);
        assert_eq!(self.receive(SILENCE), None);
    }

    fn receive(&self, patience: Duration) -> Option<(Vec<u8>, SocketAddr)> {
        let mut octets = [0; 2048];
        self.socket.set_read_timeout(Some(patience)).unwrap();
        let (length, sender) = self.socket.recv_from(&mut octets).ok()?;
        Some((octets[..length].to_vec(), sender))
    }
}

/// A request of version 4 with that transmit timestamp, and nothing else.
pub(crate) fn request(transmit: u64) -> Vec<u8> {
    let mut octets = vec![0; 48];
    octets[0] = 0x23;
    octets[40..].copy_from_slice(&transmit.to_be_bytes());
    octets
}

/// The request with a MAC under a key of [`KEYS`].
pub(crate) fn signed(mut octets: Vec<u8>, key_id: u32) -> Vec<u8> {
    let digest = digest(key_id, &octets);
    octets.extend(key_id.to_be_bytes());
    octets.extend(digest);
    octets
}

/// The digest as it is sent in version 4: 20 octets at most.
pub(super) fn digest(key_id: u32, covered: &[u8]) -> Vec<u8> {
    let mut keys = Keyring::new();
    keys.add("test", keyfile::read(&std::fs::read(root().join(KEYS)).unwrap(), Dialect::NtpOrg));
    let digest = keys.lookup(KeyId(key_id))[0].key.digest(covered);
    digest.as_octets().iter().copied().take(20).collect()
}

/// One of the timestamps of a reply: 16 reference, 24 origin, 32 receive, 40 transmit.
pub(super) fn timestamp(octets: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(octets[at..at + 8].try_into().unwrap())
}
