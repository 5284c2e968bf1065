//! `ntpcap annotate`: what it writes, as tshark and our own reader see it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use ntpcap::capture::Reader;

use crate::command_line::{assert_seen, seen};
use crate::common::{captures, ntpcap, records, root, run};
use crate::made::made_captures;

const CAPTURE: &str = "captures/sha1-valid-and-wrong-key.pcapng";
const KEYS: &str = "captures/sha1-valid-and-wrong-key.keys";
const SHARED_KEYS: &str = "captures/shared-ntp.org.keys";

/// A packet: seconds, rounded to the past, and nanoseconds as tshark writes them, length on the wire, link type, octets in hexadecimal.
type Packet = (Option<String>, u32, u16, String);

/// The annotated capture, through standard output.
fn annotated(captures: &[&Path], keys: &str) -> Vec<u8> {
    let output =
        ntpcap().arg("annotate").args(captures).args(["--keys", keys, "-q", "-o", "-"]).output().unwrap();
    assert!(
        matches!(output.status.code(), Some(0 | 3)),
        "{captures:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// The packets that our own reader finds.
fn read(octets: Vec<u8>) -> Vec<Packet> {
    let mut reader = Reader::new(std::io::Cursor::new(octets)).unwrap();
    let mut packets = Vec::new();
    while let Some(frame) = reader.next_frame() {
        let time = frame.time.map(|time| format!("{}.{:09}", time.seconds, time.nanoseconds));
        let octets = frame.octets.iter().map(|octet| format!("{octet:02x}")).collect();
        packets.push((time, frame.original_length, frame.link_type.0, octets));
    }
    packets
}

/// Times, lengths and octets of all packets as tshark finds them in `octets`.
fn tshark_packets(octets: &[u8]) -> Vec<(String, String, String)> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), octets).unwrap();
    let output = tshark(file.path(), &["-T", "json", "-x", "-J", "frame"]);
    let packets: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let packets = packets.as_array().unwrap().iter().map(|packet| {
        let layers = &packet["_source"]["layers"];
        let frame = &layers["frame"];
        (text(&frame["frame.time_epoch"]), text(&frame["frame.len"]), text(&layers["frame_raw"][0]))
    });
    packets.collect()
}

fn tshark(path: &Path, arguments: &[&str]) -> Output {
    let output = Command::new("tshark").arg("-n").arg("-r").arg(path).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

#[test]
fn every_packet_is_kept_with_its_time_length_link_and_octets() {
    let mut total = 0;
    let recorded = [captures("captures"), captures("captures/diagnosis")].concat();
    for capture in recorded.iter().chain(&made_captures()) {
        let mut before = read(fs::read(capture).unwrap());
        // What has no time cannot be said to have none in a block that holds a comment.
        before.iter_mut().for_each(|(time, ..)| {
            time.get_or_insert_with(|| "0.000000000".to_owned());
        });
        let after = read(annotated(&[capture], SHARED_KEYS));
        assert!(before == after, "{} differs", capture.display());
        total += after.len();
    }
    assert!(total > 850, "only {total} packets compared");
}

#[test]
fn tshark_finds_the_packets_of_recorded_captures_unchanged() {
    let mut total = 0;
    for capture in captures("captures") {
        let before = tshark_packets(&fs::read(&capture).unwrap());
        let after = tshark_packets(&annotated(&[&capture], SHARED_KEYS));
        assert!(before == after, "{} differs", capture.display());
        total += after.len();
    }
    assert!(total > 480, "only {total} packets compared");
}

#[test]
fn tshark_reads_what_comes_of_odd_captures() {
    let mut octets = Vec::new();
    let mut expected = Vec::new();
    // Captures of the block format may be put one behind the other.
    for capture in made_captures() {
        let one = annotated(&[&capture], SHARED_KEYS);
        expected.extend(read(one.clone()));
        octets.extend(one);
    }
    let found = tshark_packets(&octets);
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(
            (Some(&found.0), &found.1, &found.2),
            (expected.0.as_ref(), &expected.1.to_string(), &expected.3)
        );
    }
}

#[test]
fn a_display_filter_finds_the_messages_of_a_status_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("all.pcapng");
    fs::write(&path, annotated(&[Path::new("captures"), Path::new("captures/made")], SHARED_KEYS)).unwrap();
    let verified = records(&run(&format!("verify captures captures/made --keys {SHARED_KEYS} --ndjson")));
    let files: Vec<PathBuf> = captures("captures").into_iter().chain(made_captures()).collect();
    let number = |file: &str| {
        let path = root().join(file);
        files.iter().position(|other| *other == path).unwrap() + 1
    };
    let comments = |filter: &str| -> BTreeSet<String> {
        let output = tshark(&path, &["-Y", filter, "-T", "fields", "-e", "frame.comment"]);
        let text = String::from_utf8(output.stdout).unwrap();
        let packet = |line: &str| line.split("packet=").nth(1).unwrap().split(' ').next().unwrap().to_owned();
        text.lines().map(packet).collect()
    };
    let expected = |status: &str| -> BTreeSet<String> {
        let of_status = verified.iter().filter(|record| record["auth"]["status"] == status);
        of_status
            .map(|record| format!("{}:{}", number(record["file"].as_str().unwrap()), record["frame"]))
            .collect()
    };
    for status in [
        "valid",
        "invalid",
        "unknown-key",
        "crypto-nak",
        "none",
        "ms-sntp",
        "nts",
        "unverifiable",
        "malformed",
    ] {
        let found = comments(&format!("frame.comment contains \"status={status}\""));
        assert!(!found.is_empty(), "no {status}");
        assert_eq!(found, expected(status), "{status}");
    }
    assert_eq!(comments("frame.comment contains \"invalid\""), expected("invalid"));
    assert_eq!(
        comments("ntp && frame.comment").len(),
        comments("frame.comment contains \"ntpcap: status=\" && ntp").len()
    );
}

#[test]
fn the_comment_tells_key_digest_findings_and_the_request() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.pcapng");
    let mut command = ntpcap();
    command.args(["annotate", CAPTURE, "--keys", KEYS, "--trusted", "11-13", "-o"]).arg(&path);
    assert_seen("annotate", &command.output().unwrap(), Some(folder.path()));
    let comments = tshark(&path, &["-T", "fields", "-e", "frame.number", "-e", "frame.comment"]);
    assert_seen("annotate-comments", &without_errors(comments), None);
    let filtered = ntpcap()
        .args(["annotate", CAPTURE, "--keys", KEYS, "--filter", "status==valid", "-q", "--force", "-o"])
        .arg(&path)
        .output()
        .unwrap();
    assert_eq!(
        (filtered.status.code(), seen(&filtered).lines().count()),
        (Some(0), 3),
        "{}",
        seen(&filtered)
    );
    let counts =
        |filter: &str| tshark(&path, &["-Y", filter]).stdout.iter().filter(|octet| **octet == b'\n').count();
    assert_eq!((counts("frame"), counts("frame.comment")), (14, 7));
}

/// tshark complains on standard error about being run by root.
fn without_errors(mut output: Output) -> Output {
    output.stderr.clear();
    output
}

#[test]
fn several_captures_are_joined_in_order_of_time_and_told_apart() {
    let other = "captures/ntporg-client-wrong-key.pcapng";
    let octets = annotated(&[Path::new(other), Path::new(CAPTURE)], KEYS);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("joined.pcapng");
    fs::write(&path, octets).unwrap();
    let fields = ["frame.time_epoch", "frame.interface_description", "frame.comment"];
    let mut arguments = vec!["-T", "fields"];
    fields.iter().for_each(|field| arguments.extend(["-e", field]));
    let text = String::from_utf8(tshark(&path, &arguments).stdout).unwrap();
    let times: Vec<&str> = text.lines().map(|line| line.split('\t').next().unwrap()).collect();
    assert!(times.len() == 20 && times.is_sorted(), "{text}");
    assert!(text.contains("\t1: ntporg-client-wrong-key.pcapng\tntpcap: status="), "{text}");
    assert!(text.contains("\t2: sha1-valid-and-wrong-key.pcapng\tntpcap: status=valid key=11 algorithm=sha1 packet=2:2 answers=2:1"), "{text}");
}

#[test]
fn a_packet_without_time_says_so() {
    let path = "captures/made/pcapng-every-packet-block.pcapng";
    let output = run(&format!("annotate {path} --keys {KEYS} -o /dev/null"));
    assert!(
        seen(&output).contains("warning: 2 packets without a time in the capture; comments say so"),
        "{}",
        seen(&output)
    );
    let octets = annotated(&[Path::new(path)], KEYS);
    let text = String::from_utf8_lossy(&octets);
    assert_eq!(text.matches("time=none").count(), 2);
}

#[test]
fn nothing_to_comment_on_is_inconclusive_and_keeps_all_packets() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.pcapng");
    let output = ntpcap()
        .args(["annotate", CAPTURE, "--keys", KEYS, "--port", "124", "-o"])
        .arg(&path)
        .output()
        .unwrap();
    assert_seen("annotate-no-ntp", &output, Some(folder.path()));
    assert_eq!(read(fs::read(&path).unwrap()), read(fs::read(root().join(CAPTURE)).unwrap()));
}

#[test]
fn nothing_that_is_needed_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let annotate = |output: &Path, more: &[&str]| {
        let mut command = ntpcap();
        command
            .arg("annotate")
            .arg(file("trace.pcapng"))
            .args(more)
            .arg("-o")
            .arg(output)
            .arg("--keys")
            .arg(file("ntp.keys"));
        command.output().unwrap()
    };
    fs::copy(root().join(CAPTURE), file("trace.pcapng")).unwrap();
    fs::copy(root().join(KEYS), file("ntp.keys")).unwrap();
    fs::write(file("notes"), "notes").unwrap();
    symlink("trace.pcapng", file("link")).unwrap();
    assert_seen("annotate-exists", &annotate(&file("notes"), &[]), Some(folder.path()));
    assert_seen("annotate-over-input", &annotate(&file("trace.pcapng"), &["--force"]), Some(folder.path()));
    for needed in ["link", "ntp.keys"] {
        assert_eq!(annotate(&file(needed), &["--force"]).status.code(), Some(2), "{needed}");
    }
    let mut of_folder = ntpcap();
    of_folder
        .arg("annotate")
        .arg(folder.path())
        .arg("--force")
        .arg("-o")
        .arg(file("notes"))
        .args(["--keys", KEYS]);
    assert_eq!(of_folder.output().unwrap().status.code(), Some(2), "a file of a directory that is read");
    let names: BTreeSet<String> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names, ["link", "notes", "ntp.keys", "trace.pcapng"].map(str::to_owned).into());
    assert_eq!(fs::read(file("notes")).unwrap(), b"notes");
    assert_eq!(fs::read(file("trace.pcapng")).unwrap(), fs::read(root().join(CAPTURE)).unwrap());
    assert_eq!(fs::read(file("ntp.keys")).unwrap(), fs::read(root().join(KEYS)).unwrap());
    assert_eq!(annotate(&file("notes"), &["--force", "-q"]).status.code(), Some(0));
    assert_eq!(read(fs::read(file("notes")).unwrap()).len(), 14);
    assert_eq!(annotate(&file("new"), &["-q"]).status.code(), Some(0));
    assert_ne!(
        fs::metadata(file("new")).unwrap().permissions().mode() & 0o044,
        0,
        "readable as other new files"
    );
}

#[test]
fn a_place_that_takes_no_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    fs::write(file("notes"), "notes").unwrap();
    let annotate = |output: &str, more: &[&str]| {
        let mut command = ntpcap();
        command.args(["annotate", CAPTURE, "--keys", KEYS]).args(more).arg("-o").arg(file(output));
        command.output().unwrap()
    };
    assert_seen("annotate-into-directory", &annotate("", &[]), Some(folder.path()));
    assert_eq!(seen(&annotate("", &["--force"])), seen(&annotate("", &[])), "--force changes nothing");
    let new = seen(&annotate("new/", &[]));
    assert!(new.contains("new/: names a directory"), "{new}");
    assert_seen("annotate-no-such-directory", &annotate("no-such/folder/out", &[]), Some(folder.path()));
    let under_file = seen(&annotate("notes/out", &[]));
    assert!(under_file.contains("/notes: no file can be made in it: not a directory"), "{under_file}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is made");
}

#[test]
fn a_failing_output_leaves_no_file() {
    let full = run(&format!("annotate {CAPTURE} --keys {KEYS} -q -o /dev/full"));
    assert_seen("annotate-full-disk", &full, None);
    let mut closed = ntpcap()
        .args(["annotate", CAPTURE, "--keys", KEYS, "-q", "-o", "-"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(closed.stdout.take());
    let output = closed.wait_with_output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let device = ntpcap()
        .args(["annotate", CAPTURE, "--keys", KEYS, "-q", "-o", "-"])
        .stdout(File::options().write(true).open("/dev/full").unwrap())
        .output()
        .unwrap();
    assert_eq!(device.status.code(), Some(2));
}

/// A block of a section of big byte order.
fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 12).unwrap().to_be_bytes();
    [&kind.to_be_bytes(), &length[..], body, &length].concat()
}

fn option(code: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap().to_be_bytes();
    let padding = vec![0; value.len().next_multiple_of(4) - value.len()];
    [&code.to_be_bytes(), &length[..], value, &padding].concat()
}

/// The frames of the capture that most tests use, each with a check sequence, in a section that says much of them.
fn commented() -> Vec<u8> {
    let interface = [
        &[0, 1, 0, 0, 0, 4, 0, 0][..],
        &option(2, b"eth7"),
        &option(3, b"uplink"),
        &option(8, &1_000_000_000_u64.to_be_bytes()),
        &option(11, b"\0udp port 123"),
        &option(13, &[4]),
        &option(9, &[3]),
        &option(14, &1_700_000_000_i64.to_be_bytes()),
        &option(0, &[]),
    ];
    let mut octets = block(0x0a0d_0d0a, &[&[0x1a, 0x2b, 0x3c, 0x4d, 0, 1, 0, 0][..], &[255; 8]].concat());
    octets.extend(block(1, &interface.concat()));
    let mut reader = Reader::new(File::open(root().join(CAPTURE)).unwrap()).unwrap();
    while let Some(frame) = reader.next_frame() {
        assert_eq!(frame.link_type.0, 1);
        let number = u32::try_from(frame.number).unwrap();
        let frame = [frame.octets, &[0xfc, 0x5e, 0, frame.octets[13]]].concat();
        let length = u32::try_from(frame.len()).unwrap().to_be_bytes();
        let mut body =
            [&[0, 0, 0, 0, 0, 0, 0, 0], &(number * 1000).to_be_bytes()[..], &length, &length].concat();
        body.extend(&frame);
        body.resize(body.len().next_multiple_of(4), 0);
        body.extend(option(1, format!("seen by {number}").as_bytes()));
        body.extend(option(1, b"ntpcap: status=invalid of yesterday"));
        body.extend(option(1, b"and again"));
        body.extend(option(2, &(number % 2 + 1).to_be_bytes()));
        body.extend(option(4, &u64::from(number).to_be_bytes()));
        body.extend(option(2988, &[0; 8]));
        body.extend(option(0, &[]));
        octets.extend(block(6, &body));
    }
    octets
}

const TOLD: [&str; 9] = [
    "frame.time_epoch",
    "frame.interface_name",
    "frame.interface_description",
    "frame.packet_flags",
    "frame.packet_flags_direction",
    "frame.drop_count",
    "eth.fcs",
    "ntp.keyid",
    "frame.comment",
];

/// What tshark tells of each packet, tab by tab.
fn told(path: &Path) -> Vec<Vec<String>> {
    let mut arguments = vec!["-T", "fields", "-E", "aggregator=|"];
    TOLD.iter().for_each(|field| arguments.extend(["-e", field]));
    let text = String::from_utf8(tshark(path, &arguments).stdout).unwrap();
    text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

#[test]
fn what_a_capture_says_of_interfaces_and_packets_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (before, after) = (folder.path().join("before.pcapng"), folder.path().join("after.pcapng"));
    fs::write(&before, commented()).unwrap();
    fs::write(&after, annotated(&[&before], KEYS)).unwrap();
    let (before, after) = (told(&before), told(&after));
    assert_eq!((before.len(), after.len()), (14, 14));
    assert_eq!(after[2][..6], ["1700000003.000000000", "eth7", "uplink", "0x00000002", "0x00000002", "3"]);
    assert!(after[2][6].starts_with("0xfc5e00"), "{:?}", after[2]);
    for (index, (before, after)) in before.iter().zip(&after).enumerate() {
        assert_eq!(before[..8], after[..8]);
        let comments: Vec<&str> = after[8].split('|').collect();
        assert_eq!(comments[..2], [format!("seen by {}", index + 1).as_str(), "and again"]);
        assert!(comments.len() == 3 && comments[2].starts_with("ntpcap: status="), "{comments:?}");
        assert!(!comments[2].contains("yesterday"), "what was said with other keys is said anew");
    }
    let joined = folder.path().join("joined.pcapng");
    let twice = [folder.path().join("before.pcapng"), folder.path().join("before.pcapng")];
    fs::write(&joined, annotated(&[&twice[0], &twice[1]], KEYS)).unwrap();
    assert_eq!(told(&joined)[1][2], "2: before.pcapng: uplink");
}

#[test]
fn sections_that_describe_an_interface_alike_share_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sections.pcapng");
    fs::write(&path, commented().repeat(3)).unwrap();
    let octets = annotated(&[&path], KEYS);
    assert_eq!(String::from_utf8_lossy(&octets).matches("uplink").count(), 1);
    assert_eq!(read(octets).len(), 3 * 14);
}

#[test]
fn the_check_sequence_that_a_classic_capture_announces_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let (before, after) = (folder.path().join("before.pcap"), folder.path().join("after.pcapng"));
    let frame = [&[2; 12][..], &[8, 0], &[0; 50], &[1, 2, 3, 4]].concat();
    let length = [u8::try_from(frame.len()).unwrap(), 0, 0, 0];
    // Two units of 16 bits, and the mark that this is told.
    let header = [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0x24];
    fs::write(&before, [&header[..], &[1, 0, 0, 0, 0, 0, 0, 0], &length, &length, &frame].concat()).unwrap();
    fs::write(&after, annotated(&[&before], KEYS)).unwrap();
    assert_eq!(told(&after)[0][6], "0x01020304");
}
