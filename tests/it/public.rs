//! Captures that others published, where they are at hand: they are not copied into the project.
//!
//! `NTPCAP_PUBLIC` names the folder that holds `captures-public` and `containers-public`; otherwise `shared` beside
//! the project is looked at.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::common::{ntpcap, root};
use crate::tshark::{self, Accepted, accepted, fits};

#[test]
fn public_captures_hold_as_many_messages_as_their_index_says() {
    let Some(folder) = public("captures-public") else { return };
    let files = read_folder(&folder, "packets_total", "ntp_packets");
    assert!(files.len() > 20, "only {} captures", files.len());
    judge(&files, CAPTURES);
}

#[test]
fn public_containers_hold_as_many_packets_as_tshark_counts() {
    let Some(folder) = public("containers-public") else { return };
    let files = read_folder(&folder, "tshark_packets", "none has NTP that is counted");
    assert!(files.len() > 150, "only {} containers", files.len());
    judge(&files, CONTAINERS);
}

#[test]
fn public_captures_are_decoded_as_tshark_decodes_them() {
    let Some(folder) = public("captures-public") else { return };
    let mut differences = Vec::new();
    let mut messages = 0;
    for (file, _) in index(&folder) {
        messages += tshark::compare(&folder.join(file), &mut differences);
    }
    assert!(messages > 500, "only {messages} messages compared");
    tshark::judge(&differences, TSHARK);
}

/// A count that differs from that of an index, and why that is right.
struct Odd {
    /// Name of the capture. `*` stands for anything.
    file: &'static str,
    /// What is counted: `packets` or `messages`; `exit` for the exit code.
    what: &'static str,
    /// What the index says.
    index: i64,
    /// What we say.
    ours: i64,
    /// Who is right, and why.
    why: &'static str,
}

const CAPTURES: &[Odd] = &[
    odd(
        "OISF_suricata-verify__denial6-6.ntp-only.pcap",
        "packets",
        39_838,
        2,
        "the index counts the file before it was cut",
    ),
    odd(
        "OISF_suricata-verify__denial6-6.ntp-only.pcap",
        "messages",
        2,
        1,
        "the index counts a message quoted in an ICMPv6 error, which is no traffic",
    ),
    odd(
        "zeek_zeek__fragmented-1.pcap",
        "messages",
        2,
        0,
        "the index counts first fragments; they overlap and have impossible lengths (an attack on reassembly)",
    ),
];

const CONTAINERS: &[Odd] = &[
    odd("*hadrielk_pcapng-test-generator__test017.pcapng", "packets", 4, 0, CUSTOM),
    odd("*hadrielk_pcapng-test-generator__test018.pcapng", "packets", 8, 4, CUSTOM),
    odd("*hadrielk_pcapng-test-generator__test102.pcapng", "packets", 8, 5, CUSTOM),
    odd("*hadrielk_pcapng-test-generator__test202.pcapng", "packets", 11, 8, CUSTOM),
    odd(
        "*google_gopacket__test901.pcapng",
        "packets",
        1,
        3,
        "tshark stops at a section of version 2, which reads like any other",
    ),
    odd("the-tcpdump-group_tcpdump__*", "packets", 0, 1, LINK_TYPE),
    odd("the-tcpdump-group_libpcap__brcm-tag.pcap", "packets", 0, 15, LINK_TYPE),
    odd("the-tcpdump-group_libpcap__brcm-tag-stp.pcap", "packets", 0, 4, LINK_TYPE),
    odd("the-tcpdump-group_libpcap__dsa.pcap", "packets", 0, 8, LINK_TYPE),
    odd(
        "the-tcpdump-group_libpcap__pcap-invalid-version-1.pcap",
        "packets",
        0,
        1,
        "tshark refuses major version 1, which was made for a test and reads like version 2",
    ),
    odd(
        "rshk_python-pcapng__test006.ntar",
        "packets",
        1,
        0,
        "tshark rounds the block length 167 up; the specification wants a multiple of 4, and libpcap refuses it too",
    ),
    odd("seladb_PcapPlusPlus__solaris.snoop", "exit", 0, 2, SNOOP),
    odd("seladb_PcapPlusPlus__solaris.snoop", "packets", 250, -1, SNOOP),
    odd("seladb_PcapPlusPlus__solaris.snoop", "messages", 0, -1, SNOOP),
];

const CUSTOM: &str = "tshark lists custom blocks and journal entries among the packets";
const LINK_TYPE: &str = "tshark refuses a file of a link type that it does not know; we count its packets";
const SNOOP: &str = "snoop is another format, and it is said so";

const TSHARK: &[Accepted] = &[
    accepted("*", "transmit_time", "one era later", "nearest the capture", "neither: a random number"),
    accepted(
        "*",
        "origin_time",
        "one era later",
        "nearest the capture",
        "neither: the same number, sent back",
    ),
    accepted(
        "the-tcpdump-group_tcpdump__ntp.pcap",
        "receive_time",
        "one era later",
        "nearest the capture",
        "neither: a request, which has nothing to say here and holds a random number",
    ),
    accepted(
        "zeek_zeek__fragmented-1.pcap",
        "message",
        "mode 0",
        "nothing",
        "we are: fragments that overlap and whose lengths are impossible",
    ),
    accepted(
        "zeek_zeek__ntp-no-extensions-mac.pcap",
        "*",
        "*",
        "",
        "we are: version 2 has no MAC of 25 octets, tshark takes them for one",
    ),
];

const fn odd(file: &'static str, what: &'static str, index: i64, ours: i64, why: &'static str) -> Odd {
    Odd { file, what, index, ours, why }
}

/// What a run over one file told, and what the index says of it.
struct Told {
    file: String,
    exit: Option<i32>,
    packets: (i64, i64),
    messages: (i64, i64),
    stderr: String,
}

/// Runs over every file of a folder.
fn read_folder(folder: &Path, packets: &str, messages: &str) -> Vec<Told> {
    let mut files = Vec::new();
    for (file, entry) in index(folder) {
        let (exit, stdout, stderr) = decode(&folder.join(&file));
        assert!(!stderr.contains("panicked"), "{file}: {stderr}");
        assert!(matches!(exit, Some(0..=3)), "{file}: exit code {exit:?}: {stderr}");
        let summary: Value =
            stdout.lines().last().map_or(Value::Null, |line| serde_json::from_str(line).unwrap());
        let ours = |name: &str| summary[name].as_i64().unwrap_or(-1);
        let theirs = |name: &str| entry[name].as_i64();
        let packets = (theirs(packets).unwrap(), ours("frames"));
        let messages = (theirs(messages).unwrap_or(0), ours("messages"));
        files.push(Told { file, exit, packets, messages, stderr });
    }
    files
}

/// Fails with the counts that no entry explains, or with the entries that explain none.
fn judge(files: &[Told], odd: &[Odd]) {
    let mut wrong = Vec::new();
    let mut applied = vec![false; odd.len()];
    for told in files {
        let exit = i64::from(told.exit.unwrap());
        let is_good = exit == 0 || exit == 3;
        let exits = (if is_good { exit } else { 0 }, exit);
        for (what, (index, ours)) in [("exit", exits), ("packets", told.packets), ("messages", told.messages)]
        {
            let is_entry = |entry: &Odd| {
                fits(entry.file, &told.file)
                    && entry.what == what
                    && (entry.index, entry.ours) == (index, ours)
            };
            let entry = odd.iter().position(is_entry);
            if let Some(entry) = entry {
                applied[entry] = true;
            } else if index != ours {
                wrong.push(format!("{}: {what} {ours}, expected {index}: {}", told.file, told.stderr.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let idle = odd.iter().zip(applied).filter(|(_, applied)| !applied);
    let idle: Vec<String> = idle.map(|(odd, _)| format!("{}: {}: {}", odd.file, odd.what, odd.why)).collect();
    assert!(idle.is_empty(), "no longer so:\n{}", idle.join("\n"));
}

/// Exit code, output and errors of `ntpcap decode --ndjson`, which has half a minute.
fn decode(capture: &Path) -> (Option<i32>, String, String) {
    let mut command = ntpcap();
    command.args(["decode", "--ndjson"]).arg(capture).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let errors = thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).unwrap();
        text
    });
    let (done, result) = mpsc::channel();
    thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).unwrap();
        // The receiver has gone when this took too long.
        let _ = done.send(text);
    });
    let Ok(text) = result.recv_timeout(Duration::from_secs(30)) else {
        child.kill().unwrap();
        panic!("{} takes longer than 30 s", capture.display());
    };
    (child.wait().unwrap().code(), text, errors.join().unwrap())
}

/// The files of a folder that its index describes and that are there.
fn index(folder: &Path) -> BTreeMap<String, Value> {
    let entries: Vec<Value> = serde_json::from_slice(&fs::read(folder.join("index.json")).unwrap()).unwrap();
    let named = entries.into_iter().map(|entry| (entry["file"].as_str().unwrap().to_owned(), entry));
    named.filter(|(file, _)| folder.join(file).is_file()).collect()
}

/// A folder of public captures, if it is here.
fn public(name: &str) -> Option<PathBuf> {
    elsewhere(name).filter(|folder| folder.join("index.json").is_file())
}

/// A folder of captures beside the project, where it is at hand.
pub(crate) fn elsewhere(name: &str) -> Option<PathBuf> {
    let base = std::env::var_os("NTPCAP_PUBLIC").map_or_else(|| root().join("../shared"), PathBuf::from);
    let folder = base.join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("captures are not here: {name}");
    None
}
