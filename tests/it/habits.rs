//! The habits of the reference server against what the real servers answered: every request of a recording is put to
//! the responder, and its reply compared with the recorded one.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;

use ntpcap::auth::keyfile::{self, Dialect};
use ntpcap::auth::{Keyring, TrustedKeys};
use ntpcap::capture::Reader;
use ntpcap::net::{Decoded, Decoder};
use ntpcap::ntp::NtpTimestamp;
use ntpcap::server::{Decision, FixedClock, Habit, Policy, Question, System, Treatment, respond};

use crate::common::root;
use crate::public::elsewhere;

/// A recording of a real server.
struct Recording {
    habit: &'static str,
    capture: &'static str,
    keys: &'static str,
    dialect: Dialect,
    trusted: Option<&'static str>,
}

const TRUSTED: Option<&str> = Some("1-11,13-17");

const RECORDINGS: [Recording; 6] = [
    Recording {
        habit: "ntp.org",
        capture: "habits/ntporg.pcap",
        keys: "shared-ntp.org.keys",
        dialect: Dialect::NtpOrg,
        trusted: TRUSTED,
    },
    Recording {
        habit: "ntpsec",
        capture: "habits/ntpsec.pcap",
        keys: "shared-ntpsec.keys",
        dialect: Dialect::Ntpsec,
        trusted: TRUSTED,
    },
    Recording {
        habit: "chrony",
        capture: "habits/chrony.pcap",
        keys: "shared-chrony.keys",
        dialect: Dialect::Chrony,
        trusted: None,
    },
    Recording {
        habit: "chrony",
        capture: "chrony461-server-silent-on-refusal.pcap",
        keys: "shared-chrony.keys",
        dialect: Dialect::Chrony,
        trusted: None,
    },
    Recording {
        habit: "ntpd-rs",
        capture: "habits/ntpd-rs.pcap",
        keys: "shared-ntp.org.keys",
        dialect: Dialect::NtpOrg,
        trusted: None,
    },
    Recording {
        habit: "openntpd",
        capture: "habits/openntpd.pcap",
        keys: "shared-ntp.org.keys",
        dialect: Dialect::NtpOrg,
        trusted: None,
    },
];

#[test]
fn each_habit_answers_as_the_recorded_server_did() {
    let mut differences = Vec::new();
    for recording in &RECORDINGS {
        let folder = root().join("captures");
        compare(recording, &folder.join(recording.capture), &folder.join(recording.keys), &mut differences);
    }
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
}

/// More recordings, of every stimulus that the table of habits was made from. They are not part of the project.
#[test]
fn each_habit_answers_as_recordings_elsewhere_show_where_they_are_at_hand() {
    let Some(folder) = elsewhere("captures-real") else { return };
    let mut differences = Vec::new();
    for (habit, capture, keys, dialect, trusted) in [
        ("ntp.org", "server-ntporg-4.2.8p18.pcap", "ntporg.keys", Dialect::NtpOrg, Some("1-10,12-17,65535")),
        ("ntpsec", "server-ntpsec-1.2.2.pcap", "ntpsec.keys", Dialect::Ntpsec, Some("1-10,12-17,65535")),
        ("chrony", "server-chrony-4.3.pcap", "chrony.keys", Dialect::Chrony, None),
        ("busybox", "server-busybox-1.37git.pcap", "bb.keys", Dialect::NtpOrg, None),
        ("openntpd", "server-openntpd-6.2p3.pcap", "ntporg.keys", Dialect::NtpOrg, None),
    ] {
        let recording = Recording { habit, capture, keys, dialect, trusted };
        compare(&recording, &folder.join(capture), &folder.join(keys), &mut differences);
    }
    // 4.2.8p18 verifies no digest that is cut, which 4.2.8p15 does.
    let is_known = |line: &String| {
        line.contains("p18.pcap:") && line.contains("(72 octets") && line.ends_with("key Some(0) of zeros")
    };
    differences.retain(|line| !is_known(line));
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
}

fn compare(recording: &Recording, capture: &Path, keys: &Path, differences: &mut Vec<String>) {
    let mut keyring = Keyring::new();
    keyring.add("keys", keyfile::read(&std::fs::read(keys).unwrap()[..], recording.dialect));
    if let Some(trusted) = recording.trusted {
        keyring.trust_only(TrustedKeys::parse(trusted).unwrap());
    }
    let exchanges = exchanges(capture);
    assert!(exchanges.len() > 10, "{}: only {} requests", capture.display(), exchanges.len());
    for Recorded { frame, request, reply: recorded, .. } in exchanges {
        let reply = ask(recording.habit, &keyring, &request);
        let (ours, theirs) = (shape(reply.as_deref()), shape(recorded.as_deref()));
        // Two servers that answer each other's replies would never end.
        let is_left_out = recording.habit == "ntpd-rs" && request.first().is_some_and(|first| first & 7 == 4);
        if ours != theirs && !is_left_out {
            let capture = capture.file_name().unwrap().display();
            differences.push(format!(
                "{} {capture}:{frame} ({} octets, first {:#04x}): {ours}, recorded {theirs}",
                recording.habit,
                request.len(),
                request.first().copied().unwrap_or_default(),
            ));
        }
    }
}

fn ask(habit: &str, keys: &Keyring, request: &[u8]) -> Option<Vec<u8>> {
    let policy = Policy { system: System::default(), ..Policy::new(Habit::of_name(habit).unwrap()) };
    let arrival = NtpTimestamp(0xee00_0000_0000_0000);
    let question = Question { octets: request, arrival, treatment: Treatment::Serve, earlier_transmit: None };
    let mut reply = Vec::new();
    match respond(&policy, keys, &question, &FixedClock::new(arrival, 1_000), &mut reply) {
        Decision::Answer(_) => Some(reply),
        Decision::Silence(_) => None,
    }
}

/// What is compared of a reply: length, version and mode, key ID and whether what is behind it is zero.
fn shape(reply: Option<&[u8]>) -> String {
    let Some(reply) = reply else { return "silence".to_owned() };
    let flags = reply[0];
    let tail = reply.get(48..).unwrap_or_default();
    let key_id = tail.first_chunk().map(|octets| u32::from_be_bytes(*octets));
    let zeros = if !tail.is_empty() && tail.iter().all(|octet| *octet == 0) { " of zeros" } else { "" };
    let (length, version, mode, poll) = (reply.len(), flags >> 3 & 7, flags & 7, reply[2].cast_signed());
    format!("{length} octets, version {version}, mode {mode}, poll {poll}, key {key_id:?}{zeros}")
}

/// A recorded request, and its reply if there was one.
struct Recorded {
    frame: u64,
    client: SocketAddr,
    request: Vec<u8>,
    reply: Option<Vec<u8>>,
}

/// The requests to port 123 in the order of the capture, each with its reply: the next datagram the other way.
fn exchanges(capture: &Path) -> Vec<Recorded> {
    let mut reader = Reader::new(File::open(capture).unwrap()).unwrap();
    let mut decoder = Decoder::new(&[123]);
    let mut exchanges: Vec<Recorded> = Vec::new();
    while let Some(frame) = reader.next_frame() {
        let Decoded::Datagram(datagram) = decoder.decode(&frame) else { continue };
        let octets = datagram.octets.to_vec();
        let mode = octets.first().map(|first| first & 7);
        let is_asked = |open: &&mut Recorded| open.client == datagram.destination && open.reply.is_none();
        let is_reply = datagram.source.port() == 123 && mode != Some(3);
        if !is_reply && datagram.destination.port() != 123 {
            continue;
        }
        match exchanges.last_mut().filter(is_asked).filter(|_| is_reply) {
            Some(open) => open.reply = Some(octets),
            // Control and private messages are answered, or not, by another part of a server.
            None if mode.is_some_and(|mode| mode >= 6) => {}
            None => exchanges.push(Recorded {
                frame: frame.number,
                client: datagram.source,
                request: octets,
                reply: None,
            }),
        }
    }
    exchanges
}
