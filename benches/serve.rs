//! What a request costs `ntpcap serve`, and what it costs chronyd in the same run, in microseconds of processor time.
//!
//! ```text
//! cargo bench --bench serve -- [--chronyd PROGRAM] [--requests N]
//! ```
//!
//! Both serve on loopback with the same keys and get the same requests, never more than a window of them at once. What
//! is counted is the time that the server's own threads ran, which leaves out this program and the other one. Their
//! turns alternate, and the best of three counts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_possible_truncation,
    reason = "a benchmark that meets something unexpected should stop there, and tells its figures"
)]

use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, process};

use ntpcap::auth::keyfile::{self, Dialect};
use ntpcap::auth::mac::append_mac;
use ntpcap::auth::{KeyId, Keyring};

const KEYS: &str = "1 MD5 HEX:6d6435206b6579\n2 SHA1 HEX:0102030405060708090a0b0c0d0e0f1011121314\n\
                    3 AES128 HEX:000102030405060708090a0b0c0d0e0f\n";

/// What is asked for: a name, and the key.
const KINDS: [(&str, Option<u32>); 4] =
    [("plain", None), ("MD5", Some(1)), ("SHA-1", Some(2)), ("AES-128", Some(3))];

/// Requests on their way at once.
const WINDOW: usize = 32;

/// Rounds, of which the best counts.
const ROUNDS: usize = 3;

fn main() {
    let mut requests = 200_000;
    let mut chronyd = None;
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--requests" => {
                requests = arguments.next().and_then(|number| number.parse().ok()).unwrap_or(requests)
            }
            "--chronyd" => chronyd = arguments.next().map(PathBuf::from),
            // cargo adds this.
            "--bench" => {}
            other => {
                eprintln!("unknown argument {other}; known are --chronyd PROGRAM and --requests N");
                process::exit(2);
            }
        }
    }
    let folder = tempfile::tempdir().expect("a folder for files");
    let key_file = folder.path().join("bench.keys");
    fs::write(&key_file, KEYS).expect("the key file");
    let mut servers = vec![Server::ntpcap(&key_file)];
    servers.extend(chronyd.map(|program| Server::chronyd(&program, folder.path(), &key_file)));
    println!(
        "{requests} requests of each kind, {WINDOW} at once; processor microseconds a request, requests a second"
    );
    for (name, key) in KINDS {
        let request = request(key);
        let mut best: Vec<Option<(f64, f64)>> = vec![None; servers.len()];
        for _ in 0..ROUNDS {
            for (server, best) in servers.iter().zip(&mut best) {
                let round = server.load(&request, requests);
                *best = Some(best.map_or(round, |best| if round.0 < best.0 { round } else { best }));
            }
        }
        for (server, (cost, rate)) in servers.iter().zip(best.into_iter().flatten()) {
            println!("{name:8} {:8} {cost:7.3} us {rate:9.0}/s", server.name);
        }
    }
}

/// A client's request of version 4, signed or not.
fn request(key: Option<u32>) -> Vec<u8> {
    let mut octets = vec![0x23, 0, 6, 0xe9];
    octets.resize(40, 0);
    octets.extend([0xa5; 8]);
    if let Some(key) = key {
        let mut keys = Keyring::new();
        keys.add("bench.keys", keyfile::read(KEYS.as_bytes(), Dialect::Chrony));
        append_mac(&mut octets, &keys.lookup(KeyId(key))[0].key);
    }
    octets
}

/// A running server.
struct Server {
    name: &'static str,
    port: u16,
    process: Child,
}

impl Server {
    fn ntpcap(keys: &Path) -> Server {
        let mut process = Command::new(env!("CARGO_BIN_EXE_ntpcap"))
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--json",
                "--threads",
                "1",
                "--key-format",
                "chrony",
                "--keys",
            ])
            .arg(keys)
            .stdout(Stdio::piped())
            .spawn()
            .expect("ntpcap serve");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        let listening: serde_json::Value = serde_json::from_str(&line).expect("what it listens to");
        let port = listening["port"].as_u64().and_then(|port| u16::try_from(port).ok()).expect("a port");
        Server { name: "ntpcap", port, process }.ready()
    }

    fn chronyd(program: &Path, folder: &Path, keys: &Path) -> Server {
        let port = UdpSocket::bind("127.0.0.1:0")
            .and_then(|socket| socket.local_addr())
            .expect("a free port")
            .port();
        let path = folder.display();
        let conf = folder.join("chrony.conf");
        let text = format!(
            "port {port}\nbindaddress 127.0.0.1\nlocal stratum 5\nallow all\nbindcmdaddress /\ncmdport 0\n\
             keyfile {}\npidfile {path}/chronyd.pid\ndriftfile {path}/drift\n",
            keys.display()
        );
        fs::write(&conf, text).expect("its configuration");
        let process = Command::new(program)
            .args(["-x", "-d", "-U", "-u", "root", "-f"])
            .arg(&conf)
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("chronyd");
        Server { name: "chronyd", port, process }.ready()
    }

    /// Waits until the server answers.
    fn ready(self) -> Server {
        let socket = self.connect();
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline {
            let _ = socket.send(&request(None));
            if socket.recv(&mut [0; 256]).is_ok() {
                return self;
            }
        }
        panic!("{} does not answer", self.name);
    }

    fn connect(&self) -> UdpSocket {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.connect(("127.0.0.1", self.port)).expect("a connected socket");
        socket.set_read_timeout(Some(Duration::from_millis(200))).expect("a limit");
        socket
    }

    /// Sends so many requests and gives microseconds of processor time for one, and requests a second.
    fn load(&self, request: &[u8], requests: usize) -> (f64, f64) {
        let socket = self.connect();
        let mut reply = [0; 256];
        let (before, begin) = (self.nanoseconds(), Instant::now());
        let mut answered = 0;
        while answered < requests {
            let window = WINDOW.min(requests - answered);
            for _ in 0..window {
                socket.send(request).expect("a request");
            }
            for _ in 0..window {
                match socket.recv(&mut reply) {
                    Ok(length) => assert_eq!(length, request.len(), "{} answers otherwise", self.name),
                    Err(error) => panic!("{}: {error} after {answered} answers", self.name),
                }
            }
            answered += window;
        }
        let (used, seconds) = (self.nanoseconds() - before, begin.elapsed().as_secs_f64());
        let requests = requests as f64;
        (used as f64 / 1_000.0 / requests, requests / seconds)
    }

    /// Nanoseconds that all threads of the server have run.
    fn nanoseconds(&self) -> u64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.process.id())).expect("its threads");
        let ran = |task: fs::DirEntry| {
            let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse::<u64>().ok()
        };
        tasks.flatten().filter_map(ran).sum()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
