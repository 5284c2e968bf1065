//! Captures that are still being written: each message is told of when it comes, and an interruption is no loss.
//!
//! Nothing here sleeps to be in step with the program: lines are waited for, with a deadline only for when it hangs.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::command_line::assert_seen;
use crate::common::{self, ntpcap, root, run};

const CAPTURE: &str = "captures/ntporg-client-aes128.pcap";
const KEYS: &str = "captures/shared-ntp.org.keys";

/// After this long without a line, the program is taken to hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program while it runs, with its output line by line.
struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    fn start(command: &mut Command) -> Running {
        let (child, lines) = common::start(command);
        Running { child, lines }
    }

    /// The next line, which comes while the program runs on.
    fn line(&mut self) -> String {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(_) => {
                let _ = self.child.kill();
                panic!("no line came");
            }
        }
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }

    /// Waits until the program has opened `path`; it then catches signals already.
    fn wait_until_open(&self, path: &Path) {
        let (path, start) = (path.canonicalize().unwrap(), Instant::now());
        let is_open = || {
            let mut links = fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap();
            links.any(|entry| fs::read_link(entry.unwrap().path()).is_ok_and(|target| target == path))
        };
        while !is_open() {
            assert!(start.elapsed() < PATIENCE, "{} is not opened", path.display());
            std::thread::yield_now();
        }
    }

    /// Waits for the end: how it ended, the lines that were left, and what was said on standard error.
    fn end(mut self) -> (ExitStatus, Vec<String>, String) {
        let mut rest = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => rest.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    let _ = self.child.kill();
                    panic!("the program does not end");
                }
            }
        }
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap(), rest, said)
    }
}

/// The file header of a classic capture, and its records.
fn pieces(capture: &str) -> (Vec<u8>, Vec<Vec<u8>>) {
    let octets = fs::read(root().join(capture)).unwrap();
    let (header, mut rest) = octets.split_at(24);
    let mut records = Vec::new();
    while !rest.is_empty() {
        let length = 16 + u32::from_le_bytes(rest[8..12].try_into().unwrap()) as usize;
        records.push(rest[..length].to_vec());
        rest = &rest[length..];
    }
    assert_eq!(records.len(), 6, "{capture}");
    (header.to_vec(), records)
}

fn frame_of(line: &str) -> u64 {
    let record: serde_json::Value = serde_json::from_str(line).unwrap();
    record["frame"].as_u64().unwrap_or_else(|| panic!("no message: {line}"))
}

fn verify(path: &Path, more: &[&str]) -> Command {
    let mut command = ntpcap();
    command.arg("verify").arg(path).args(["--keys", KEYS]).args(more);
    command
}

#[test]
fn a_growing_file_is_told_of_record_by_record_and_a_cut_one_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("growing.pcap");
    let (header, records) = pieces(CAPTURE);
    let mut file = File::create(&path).unwrap();
    let mut running = Running::start(&mut verify(&path, &["--follow", "--ndjson"]));
    file.write_all(&header[..10]).unwrap();
    file.write_all(&header[10..]).unwrap();
    file.write_all(&records[0]).unwrap();
    for (index, next) in records.iter().skip(1).enumerate() {
        assert_eq!(frame_of(&running.line()), index as u64 + 1);
        next.chunks(50).for_each(|part| file.write_all(part).unwrap());
    }
    assert_eq!(frame_of(&running.line()), 6);
    running.signal(Signal::SIGINT);
    let (status, rest, said) = running.end();
    assert_eq!(status.code(), Some(130), "{said}");
    let summary: serde_json::Value = serde_json::from_str(rest.last().unwrap()).unwrap();
    assert_eq!((summary["type"].as_str(), summary["messages"].as_u64()), (Some("summary"), Some(6)));
    assert_eq!((summary["truncated"].as_bool(), said.as_str()), (Some(false), ""));
}

#[test]
fn rows_of_a_table_come_one_by_one_under_settled_widths() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("growing.pcap");
    let (header, records) = pieces(CAPTURE);
    let mut file = File::create(&path).unwrap();
    file.write_all(&header).unwrap();
    let mut running = Running::start(&mut verify(&path, &["--follow"]));
    let mut seen = Vec::new();
    for (index, record) in records.iter().enumerate() {
        file.write_all(record).unwrap();
        // The headings come before the first, and what is folded behind each.
        let number = format!("{} ", index + 1);
        while !seen.last().is_some_and(|line: &String| line.trim_start().starts_with(&number)) {
            seen.push(running.line());
        }
    }
    running.signal(Signal::SIGTERM);
    let (status, rest, said) = running.end();
    seen.extend(rest);
    assert!(seen.iter().all(|line| line.chars().count() <= 80), "{seen:#?}");
    let text =
        format!("exit code {}\n{}\n--- standard error\n{said}", status.code().unwrap(), seen.join("\n"));
    insta::with_settings!({ prepend_module_to_snapshot => false, snapshot_path => "../snapshots" }, {
        insta::assert_snapshot!("follow-table", text.replace(folder.path().to_str().unwrap(), "FOLDER"));
    });
}

#[test]
fn a_file_that_is_replaced_removed_or_cut_is_followed_no_longer() {
    let (header, records) = pieces(CAPTURE);
    for (way, said) in [
        ("replace", "was replaced by another file"),
        ("remove", "was removed or renamed"),
        ("cut", "was cut shorter"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("growing.pcap");
        fs::write(&path, [header.clone(), records[0].clone()].concat()).unwrap();
        let mut running = Running::start(&mut verify(&path, &["--follow", "--ndjson"]));
        assert_eq!(frame_of(&running.line()), 1);
        match way {
            "replace" => {
                fs::write(folder.path().join("new"), &header).unwrap();
                fs::rename(folder.path().join("new"), &path).unwrap();
            }
            "remove" => fs::remove_file(&path).unwrap(),
            _ => File::options().write(true).open(&path).unwrap().set_len(0).unwrap(),
        }
        let (status, rest, note) = running.end();
        assert_eq!(status.code(), Some(0), "{way}: {note}");
        assert!(note.contains(&format!("note: {} {said}", path.display())), "{way}: {note}");
        assert!(rest.last().unwrap().contains("\"type\":\"summary\""), "{rest:?}");
    }
}

/// Starts the program on a pipe to which `header` was written.
fn on_pipe(arguments: &[&str], header: &[u8]) -> (Running, ChildStdin) {
    let mut running = Running::start(ntpcap().args(arguments).stdin(Stdio::piped()));
    let mut input = running.child.stdin.take().unwrap();
    input.write_all(header).unwrap();
    (running, input)
}

#[test]
fn messages_from_a_pipe_are_told_of_when_they_come() {
    let (header, records) = pieces(CAPTURE);
    for command in ["verify", "decode"] {
        let keys: &[&str] = if command == "verify" { &["--keys", KEYS] } else { &[] };
        let (mut running, mut input) = on_pipe(&[&[command, "-", "--ndjson"], keys].concat(), &header);
        for (index, record) in records.iter().enumerate() {
            input.write_all(record).unwrap();
            assert_eq!(frame_of(&running.line()), index as u64 + 1);
        }
        drop(input);
        let (status, rest, said) = running.end();
        assert_eq!(status.code(), Some(0), "{command}: {said}");
        assert!(rest.last().unwrap().contains("\"type\":\"summary\""), "{rest:?}");
    }
}

#[test]
fn what_is_still_in_the_pipe_at_the_interruption_is_told_of() {
    let (header, records) = pieces(CAPTURE);
    let (mut running, mut input) = on_pipe(&["verify", "-", "--ndjson", "--keys", KEYS], &header);
    input.write_all(&records[0]).unwrap();
    assert_eq!(frame_of(&running.line()), 1);
    running.signal(Signal::SIGINT);
    // As tcpdump does on the same signal: hand over what it holds, and end.
    input.write_all(&records[1]).unwrap();
    drop(input);
    let (status, rest, said) = running.end();
    assert_eq!((status.code(), frame_of(&rest[0])), (Some(130), 2), "{said}");
    assert!(rest.last().unwrap().contains("\"messages\":2"), "{rest:?}");
}

#[test]
fn an_interruption_ends_a_pipe_that_stays_open() {
    let (header, records) = pieces(CAPTURE);
    let (mut running, mut input) = on_pipe(&["verify", "-", "--ndjson", "--keys", KEYS], &header);
    input.write_all(&records[0]).unwrap();
    assert_eq!(frame_of(&running.line()), 1);
    running.signal(Signal::SIGINT);
    let (status, rest, said) = running.end();
    assert_eq!(status.code(), Some(130), "{said}");
    assert!(rest.last().unwrap().contains("\"messages\":1"), "{rest:?}");
    input.write_all(&records[1]).unwrap_err();
}

/// Waits until the program has made the file that it writes into.
fn wait_for_output(folder: &Path) {
    let start = Instant::now();
    while fs::read_dir(folder).unwrap().next().is_none() {
        assert!(start.elapsed() < PATIENCE, "no file was made");
        std::thread::yield_now();
    }
}

#[test]
fn a_pipe_may_be_annotated_until_an_interruption() {
    let (header, records) = pieces(CAPTURE);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.pcapng");
    let arguments = ["annotate", "-", "-q", "--keys", KEYS, "-o", path.to_str().unwrap()];
    let (running, mut input) = on_pipe(&arguments, &[header, records[0].clone()].concat());
    wait_for_output(folder.path());
    running.signal(Signal::SIGINT);
    records.iter().skip(1).for_each(|record| input.write_all(record).unwrap());
    drop(input);
    let (status, _, said) = running.end();
    assert_eq!((status.code(), said.as_str()), (Some(130), ""));
    let packets = ntpcap().arg("verify").arg(&path).args(["-q", "--keys", KEYS]).output().unwrap();
    assert_eq!(packets.status.code(), Some(0));
    let census = ntpcap().arg("census").arg(&path).args(["--ndjson", "--keys", KEYS]).output().unwrap();
    assert!(String::from_utf8(census.stdout).unwrap().contains("\"frames\":6"));
}

#[test]
fn an_interruption_in_the_middle_of_a_file_leaves_no_annotated_one() {
    let (header, records) = pieces(CAPTURE);
    let folder = tempfile::tempdir().unwrap();
    let mut long = tempfile::NamedTempFile::new().unwrap();
    long.write_all(&header).unwrap();
    let records = records.concat().repeat(100);
    (0..300).for_each(|_| long.write_all(&records).unwrap());
    let mut command = ntpcap();
    command
        .arg("annotate")
        .arg(long.path())
        .args(["--keys", KEYS, "-o"])
        .arg(folder.path().join("out.pcapng"));
    let running = Running::start(&mut command);
    wait_for_output(folder.path());
    running.signal(Signal::SIGINT);
    let (status, ..) = running.end();
    assert_eq!((status.code(), fs::read_dir(folder.path()).unwrap().count()), (Some(130), 0));
}

#[test]
fn an_interruption_before_the_first_octet_ends_quietly() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let running = Running::start(&mut verify(&pipe, &[]));
    // Opening waits until the program has opened its end; it then catches signals already.
    let writer = File::options().write(true).open(&pipe).unwrap();
    running.signal(Signal::SIGTERM);
    let (status, rest, said) = running.end();
    assert_eq!((status.code(), rest.len(), said.as_str()), (Some(130), 0, ""));
    drop(writer);
}

/// A named pipe that nobody writes into, which the program has opened.
fn without_writer(folder: &Path, arguments: &[&str]) -> Running {
    let pipe = folder.join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let running = Running::start(&mut verify(&pipe, arguments));
    running.wait_until_open(&pipe);
    running
}

#[test]
fn the_first_signal_ends_the_wait_for_a_writer() {
    for (arguments, last) in [(&["--ndjson"][..], None), (&["--ndjson", "--follow"], Some("\"frames\":0"))] {
        let folder = tempfile::tempdir().unwrap();
        let running = without_writer(folder.path(), arguments);
        running.signal(Signal::SIGINT);
        let (status, rest, said) = running.end();
        assert_eq!((status.code(), said.as_str(), rest.len()), (Some(130), "", usize::from(last.is_some())));
        assert!(rest.iter().all(|line| line.contains(last.unwrap())), "{rest:?}");
    }
}

#[test]
fn the_first_signal_ends_the_wait_for_a_reader() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let mut command = ntpcap();
    command.args(["annotate", CAPTURE, "-q", "--keys", KEYS, "-o"]).arg(&pipe);
    let running = Running::start(&mut command);
    running.wait_until_open(&root().join(CAPTURE));
    running.signal(Signal::SIGINT);
    let (status, _, said) = running.end();
    assert_eq!((status.code(), said.as_str()), (Some(130), ""));
    let running = Running::start(&mut command);
    let written = fs::read(&pipe).unwrap();
    let (status, ..) = running.end();
    assert_eq!(status.code(), Some(0));
    assert!(written.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]), "{} octets", written.len());
}

/// The frame that is to be explained may not have come.
#[test]
fn an_explanation_that_is_waited_for_ends_with_the_first_signal() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let mut command = ntpcap();
    command.arg("explain").arg(&pipe).args(["9", "--keys", KEYS]);
    let running = Running::start(&mut command);
    // Opening waits until the program has opened its end; it then catches signals already.
    let mut writer = File::options().write(true).open(&pipe).unwrap();
    writer.write_all(&pieces(CAPTURE).0).unwrap();
    running.signal(Signal::SIGINT);
    let (status, rest, said) = running.end();
    assert_eq!((status.code(), rest.len(), said.as_str()), (Some(130), 0, ""));
    drop(writer);
}

#[test]
fn a_writer_that_comes_later_is_read_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = without_writer(folder.path(), &["--follow", "--ndjson"]);
    let (header, records) = pieces(CAPTURE);
    let mut writer = File::options().write(true).open(folder.path().join("pipe")).unwrap();
    writer.write_all(&header).unwrap();
    for (index, record) in records.iter().enumerate() {
        writer.write_all(record).unwrap();
        assert_eq!(frame_of(&running.line()), index as u64 + 1);
    }
    drop(writer);
    let (status, rest, said) = running.end();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(rest.last().unwrap().contains("\"messages\":6"), "{rest:?}");
}

#[test]
fn a_file_that_stays_empty_has_a_summary_at_the_interruption() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let running = Running::start(&mut verify(file.path(), &["--follow"]));
    running.wait_until_open(file.path());
    running.signal(Signal::SIGINT);
    let (status, rest, said) = running.end();
    assert_eq!((status.code(), said.as_str()), (Some(130), ""));
    assert_eq!(rest.first().map(String::as_str), Some("total     0 packets, 0 NTP messages"), "{rest:?}");
}

#[test]
fn one_capture_is_followed_at_a_time() {
    let two = run(&format!("verify --follow {CAPTURE} {CAPTURE} --keys {KEYS}"));
    assert_seen("follow-several", &two, None);
    assert_eq!(run(&format!("verify --follow captures --keys {KEYS}")).status.code(), Some(2));
    assert_eq!(run(&format!("verify --follow {CAPTURE} --json --keys {KEYS}")).status.code(), Some(2));
}
