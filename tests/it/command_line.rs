//! The built program, run as a user would: output, errors and exit codes, each pinned by a snapshot.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::common::{ntpcap, records, root, run};

const CAPTURE: &str = "captures/sha1-valid-and-wrong-key.pcapng";
const KEYS: &str = "captures/sha1-valid-and-wrong-key.keys";

/// What a user sees, in one text.
pub(crate) fn seen(output: &Output) -> String {
    format!(
        "exit code {}\n--- standard output\n{}--- standard error\n{}",
        output.status.code().unwrap(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    )
}

/// Compares with a snapshot, with the temporary folder's name replaced.
pub(crate) fn assert_seen(name: &str, output: &Output, folder: Option<&Path>) {
    let mut text = seen(output);
    assert!(matches!(output.status.code(), Some(0..=3)), "{text}");
    if let Some(folder) = folder {
        text = text.replace(folder.to_str().unwrap(), "FOLDER");
    }
    insta::with_settings!({ prepend_module_to_snapshot => false, snapshot_path => "../snapshots" }, {
        insta::assert_snapshot!(name, text);
    });
}

fn verify(more: &str) -> Output {
    run(&format!("verify {CAPTURE} --keys {KEYS} --trusted 11-13 {more}"))
}

#[test]
fn help_fits_a_screen() {
    for (name, arguments) in [
        ("help", "--help"),
        ("help-verify", "verify -h"),
        ("help-decode", "decode -h"),
        ("help-explain", "explain -h"),
        ("help-census", "census -h"),
        ("help-annotate", "annotate -h"),
        ("help-serve", "serve -h"),
        ("help-probe", "probe -h"),
        ("help-diff", "diff -h"),
        ("help-conform", "conform -h"),
        ("help-conform-server", "conform server -h"),
        ("help-conform-client", "conform client -h"),
        ("help-conform-self", "conform self -h"),
        ("help-conform-judge", "conform judge -h"),
        ("help-keys", "keys -h"),
        ("help-keys-lint", "keys lint -h"),
    ] {
        let output = run(arguments);
        assert_seen(name, &output, None);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.lines().count() <= 50, "{name} has {} lines", text.lines().count());
        let long = run(&arguments.replace(" -h", " --help"));
        for line in String::from_utf8(long.stdout).unwrap().lines() {
            assert!(line.chars().count() <= 100, "{name}: {line}");
        }
    }
}

#[test]
fn the_table_tells_good_bad_and_refused_messages_apart() {
    let output = verify("");
    assert_seen("verify-table", &output, None);
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        assert!(line.chars().count() <= 80, "wider than 80 columns: {line}");
    }
}

#[test]
fn detail_names_key_reading_and_exchange() {
    assert_seen("verify-detail", &verify("-v"), None);
    assert_seen("verify-octets", &verify("-vv --filter key==14||frame==8"), None);
}

#[test]
fn colour_is_added_only_when_asked_for() {
    assert!(!seen(&verify("")).contains('\u{1b}'), "a pipe gets no colour");
    let coloured = verify("--color always");
    assert!(seen(&coloured).contains("\u{1b}[38;5;9minvalid"), "{}", seen(&coloured));
}

#[test]
fn records_stand_one_a_line_and_the_summary_last() {
    assert_seen("verify-ndjson", &verify("--ndjson"), None);
}

#[test]
fn the_document_holds_the_same_records_as_the_stream() {
    let document: serde_json::Value = serde_json::from_slice(&verify("--json").stdout).unwrap();
    let stream = records(&verify("--ndjson"));
    let of_type = |name: &str| -> Vec<serde_json::Value> {
        stream.iter().filter(|record| record["type"] == name).cloned().collect()
    };
    assert!(document["messages"] == serde_json::Value::from(of_type("message")), "messages differ");
    assert!(document["findings"] == serde_json::Value::from(of_type("finding")), "findings differ");
    assert!(document["summary"] == of_type("summary")[0], "summaries differ");
    let none: serde_json::Value = serde_json::from_slice(&verify("--json --filter frame==0").stdout).unwrap();
    assert_eq!(none["messages"].as_array().unwrap().len(), 0);
}

#[test]
fn decoding_shows_every_field_without_keys() {
    assert_seen("decode-text", &run(&format!("decode {CAPTURE} --filter frame<=2 -v")), None);
    assert_seen("decode-ndjson", &run(&format!("decode {CAPTURE} --filter frame<=2 --ndjson")), None);
    let control = "captures/ntporg-control-right-and-wrong-key.pcapng";
    assert_seen("decode-control", &run(&format!("decode {control}")), None);
    assert_seen("decode-nts", &run("decode captures/chrony-nts.pcapng --filter frame<=2"), None);
}

#[test]
fn a_message_is_explained_octet_by_octet() {
    let explain = |rest: &str| run(&format!("explain {rest}"));
    assert_seen("explain-invalid", &explain(&format!("{CAPTURE} 7 --keys {KEYS}")), None);
    let control = "captures/ntporg-control-right-and-wrong-key.pcapng";
    assert_seen(
        "explain-control",
        &explain(&format!("{control} 3 --keys captures/shared-ntp.org.keys")),
        None,
    );
    let nts = "captures/chrony-nts.pcapng";
    assert_seen("explain-nts", &explain(&format!("{nts} 1 --keys {KEYS}")), None);
    assert_seen("explain-no-such-frame", &explain(&format!("{CAPTURE} 99 --keys {KEYS}")), None);
    assert_seen("explain-code", &explain("hex-read-as-ascii"), None);
    assert_seen("explain-no-such-code", &explain("no-such-code"), None);
}

#[test]
fn the_exit_code_follows_what_is_to_fail() {
    let code = |more: &str| verify(more).status.code().unwrap();
    assert_eq!(code("-q"), 1);
    assert_eq!(code("-q --fail-on never"), 0);
    assert_eq!(code("-q --fail-on bad-udp-checksum"), 0);
    assert_eq!(code("-q --fail-on invalid,none"), 1);
    assert_eq!(code("-q --filter status==valid"), 0);
    assert_eq!(code("-q --filter status==none"), 3, "nothing carries a MAC");
    assert_seen("quiet", &verify("-q"), None);
    assert_seen("fail-on-unknown", &verify("--fail-on wrongness"), None);
    assert_seen("fail-on-nothing", &verify("--fail-on invalid,"), None);
}

#[test]
fn no_ntp_is_inconclusive_and_says_so() {
    assert_seen("no-ntp", &run(&format!("verify {CAPTURE} --keys {KEYS} --port 124")), None);
    assert_seen("no-ntp-decode", &run(&format!("decode {CAPTURE} --port 124,125")), None);
    assert_seen("no-mac", &run(&format!("verify {CAPTURE} --keys {KEYS} --filter status==none")), None);
}

#[test]
fn a_filter_that_could_select_nothing_is_refused() {
    let decode = |filter: &str| run(&format!("decode {CAPTURE} --filter {filter}"));
    assert_seen("filter-without-keys", &decode("status==valid"), None);
    for filter in ["algorithm==sha1", "diagnosis!=other-key-id", "key==11&&!(finding==weak-algorithm)"] {
        assert_eq!(decode(filter).status.code(), Some(2), "{filter}");
    }
    for filter in ["status==none", "status==crypto-nak", "key==11"] {
        assert_eq!(decode(filter).status.code(), Some(0), "{filter}");
    }
    let undiagnosed = verify("--no-diagnosis --filter status==invalid&&diagnosis==other-key-id");
    assert_seen("filter-without-diagnosis", &undiagnosed, None);
    assert_eq!(verify("-q --no-diagnosis --filter status==invalid").status.code(), Some(1));
}

#[test]
fn a_filter_selects_and_its_errors_show_where() {
    let output = verify("--ndjson --filter status!=valid&&src==10.99.0.2&&key>=12");
    let frames: Vec<u64> = records(&output).iter().filter_map(|record| record["frame"].as_u64()).collect();
    assert_eq!(frames, [9, 11]);
    assert_seen("filter-error", &verify("--filter status==invalid&&key==eleven"), None);
    assert_seen("filter-syntax", &verify("--filter (status==invalid"), None);
    let long = format!("--filter {}key==eleven{}", "key==11||".repeat(50), "||key==11".repeat(50));
    assert_seen("filter-long", &verify(&long), None);
    assert_seen("trusted-error", &run(&format!("verify {CAPTURE} --keys {KEYS} --trusted 11-x")), None);
}

#[test]
fn trusted_keys_may_be_spelled_as_ntp_conf_does() {
    let spelled =
        ntpcap().args(["verify", CAPTURE, "--keys", KEYS, "--trusted", "(11 ... 13)"]).output().unwrap();
    assert_eq!(spelled.stdout, verify("").stdout);
}

#[test]
fn a_configuration_gives_keys_and_trust() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(root().join(KEYS), folder.path().join("ntp.keys")).unwrap();
    let conf = folder.path().join("ntp.conf");
    fs::write(&conf, "keys ntp.keys # beside it\ntrustedkey (11 ... 13)\n").unwrap();
    let output = ntpcap().args(["verify", CAPTURE, "--ndjson", "--conf"]).arg(&conf).output().unwrap();
    let statuses = |output: &Output| records(output).last().unwrap()["statuses"].clone();
    assert_eq!(statuses(&output), statuses(&verify("--ndjson")));
    fs::write(&conf, "keys ntp.keys\nrestrict default\n").unwrap();
    let output =
        ntpcap().args(["verify", CAPTURE, "--filter", "frame==1", "--conf"]).arg(&conf).output().unwrap();
    assert_seen("conf-without-trustedkey", &output, Some(folder.path()));
    fs::write(&conf, "server 10.0.0.5\n").unwrap();
    let output = ntpcap().args(["verify", CAPTURE, "--conf"]).arg(&conf).output().unwrap();
    assert_seen("conf-without-keys", &output, Some(folder.path()));
}

#[test]
fn keys_may_come_from_the_environment_or_be_given_for_one_server() {
    let output = ntpcap().args(["verify", CAPTURE, "-q"]).env("NTPCAP_KEYS", KEYS).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let for_server = run(&format!("verify {CAPTURE} --keys 10.99.0.1={KEYS} --trusted 11-13 --ndjson"));
    let for_other = run(&format!("verify {CAPTURE} --keys 10.99.0.77={KEYS} --ndjson"));
    assert_eq!(records(&for_server).last().unwrap()["statuses"]["valid"], 6);
    assert_eq!(records(&for_other).last().unwrap()["statuses"].get("valid"), None);
}

#[test]
fn two_key_files_may_define_one_key_id() {
    let folder = tempfile::tempdir().unwrap();
    let old = folder.path().join("old.keys");
    fs::write(&old, "11 SHA1 0000000000000000000000000000000000000000\n").unwrap();
    let output = ntpcap()
        .args(["verify", CAPTURE, "--ndjson", "--filter", "frame==1", "--keys"])
        .arg(&old)
        .args(["--keys", KEYS])
        .output()
        .unwrap();
    let auth = &records(&output)[0]["auth"];
    assert_eq!((auth["status"].as_str(), auth["key"]["file"].as_str()), (Some("valid"), Some(KEYS)));
}

#[test]
fn standard_input_is_read_as_capture_and_as_key_file() {
    let from = |path: &str| Stdio::from(fs::File::open(root().join(path)).unwrap());
    let statuses = |output: &Output| records(output).last().unwrap()["statuses"].clone();
    let capture = ntpcap()
        .args(["verify", "-", "--ndjson", "--trusted", "11-13", "--keys", KEYS])
        .stdin(from(CAPTURE))
        .output()
        .unwrap();
    let keys = ntpcap()
        .args(["verify", CAPTURE, "--ndjson", "--trusted", "11-13", "--keys", "-"])
        .stdin(from(KEYS))
        .output()
        .unwrap();
    assert_eq!(statuses(&capture), statuses(&verify("--ndjson")));
    assert_eq!(statuses(&keys), statuses(&verify("--ndjson")));
    assert_seen(
        "standard-input-twice",
        &ntpcap().args(["verify", "-", "--keys", "-"]).output().unwrap(),
        None,
    );
}

#[test]
fn several_captures_are_merged_by_time_and_named() {
    let other = "captures/ntporg-client-wrong-key.pcapng";
    let output = run(&format!("verify {other} {CAPTURE} --keys {KEYS} --ndjson"));
    let records = records(&output);
    let times: Vec<&str> = records.iter().filter_map(|record| record["time"].as_str()).collect();
    assert!(times.is_sorted(), "{times:?}");
    let files: std::collections::BTreeSet<&str> =
        records.iter().filter_map(|record| record["file"].as_str()).collect();
    assert_eq!(files.len(), 2);
    assert_seen(
        "several-captures",
        &run(&format!("verify {other} {CAPTURE} --keys {KEYS} --filter frame<=2")),
        None,
    );
}

#[test]
fn a_directory_is_read_file_by_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(root().join(CAPTURE), folder.path().join("a.pcapng")).unwrap();
    fs::write(folder.path().join("notes.txt"), "these are notes\n").unwrap();
    let read = || {
        let mut command = ntpcap();
        command.arg("verify").arg(folder.path()).args(["--keys", KEYS, "--filter", "frame==1"]);
        command.output().unwrap()
    };
    assert_seen("directory", &read(), Some(folder.path()));
    fs::write(folder.path().join("b.pcap"), "").unwrap();
    assert_eq!(read().status.code(), Some(0), "an empty file is a capture that was just begun");
    fs::write(folder.path().join("b.pcap"), b"\x1f\x8b\x08 and no gzip").unwrap();
    assert_eq!(read().status.code(), Some(2), "a capture of the directory could not be read");
    fs::remove_file(folder.path().join("a.pcapng")).unwrap();
    fs::remove_file(folder.path().join("b.pcap")).unwrap();
    assert_seen("directory-without-captures", &read(), Some(folder.path()));
}

#[test]
fn what_is_no_capture_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, octets: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, octets).unwrap();
        ntpcap().arg("verify").arg(path).args(["--keys", KEYS]).output().unwrap()
    };
    assert_seen("capture-empty", &file("empty.pcap", b""), Some(folder.path()));
    assert_seen("capture-text", &file("notes.txt", b"these are notes\n"), Some(folder.path()));
    assert_seen("capture-snoop", &file("sun.snoop", b"snoop\0\0\0\0\0\0\x02\0\0\0\x04"), Some(folder.path()));
    assert_seen("capture-missing", &run("verify no-such.pcap --keys captures/shared-chrony.keys"), None);
}

#[test]
fn a_capture_cut_short_gives_all_whole_packets_and_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read(root().join("captures/ntporg-client-aes128.pcap")).unwrap();
    let path = folder.path().join("cut.pcap");
    fs::write(&path, &whole[..whole.len() - 30]).unwrap();
    let output =
        ntpcap().arg("verify").arg(&path).args(["--keys", "captures/shared-ntp.org.keys"]).output().unwrap();
    assert_seen("capture-cut-short", &output, Some(folder.path()));
}

#[test]
fn a_key_file_with_a_bad_line_keeps_its_other_keys() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ntp.keys");
    let mut text = fs::read_to_string(root().join(KEYS)).unwrap();
    text.push_str("21 SHA1 0102030405060708090a0b0c0d0e0f101112131x  # not hex\n");
    fs::write(&path, text).unwrap();
    let output =
        ntpcap().args(["verify", CAPTURE, "--filter", "frame==1", "--keys"]).arg(&path).output().unwrap();
    assert_seen("keys-bad-line", &output, Some(folder.path()));
}

#[test]
fn no_key_file_at_all_is_an_error_that_says_where_one_was_looked_for() {
    let output = run(&format!("verify {CAPTURE}"));
    let usual = ["/etc/ntp.keys", "/etc/ntp/keys", "/etc/ntpsec/ntp.keys", "/etc/chrony/chrony.keys"];
    match usual.iter().find(|place| Path::new(place).symlink_metadata().is_ok()) {
        None => assert_seen("keys-none", &output, None),
        Some(place) => assert!(seen(&output).contains(place), "the output names {place}: {}", seen(&output)),
    }
}

#[test]
fn a_key_file_that_cannot_be_read_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let missing =
        ntpcap().args(["verify", CAPTURE, "--keys"]).arg(folder.path().join("none.keys")).output().unwrap();
    assert_seen("keys-missing", &missing, Some(folder.path()));
    let directory = ntpcap().args(["verify", CAPTURE, "--keys"]).arg(folder.path()).output().unwrap();
    assert_seen("keys-directory", &directory, Some(folder.path()));
    symlink("gone.keys", folder.path().join("dangling.keys")).unwrap();
    let dangling = ntpcap()
        .args(["verify", CAPTURE, "--keys"])
        .arg(folder.path().join("dangling.keys"))
        .output()
        .unwrap();
    assert_seen("keys-dangling-link", &dangling, Some(folder.path()));
}

/// As the article's reader met it: ntp-keygen's link, and a file that only root may read.
#[test]
fn a_key_file_of_another_owner_is_named_with_owner_mode_and_link_target() {
    assert!(nix::unistd::Uid::effective().is_root(), "this test gives a file to root and reads it as nobody");
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = folder.path().join("ntpcap");
    // Copied by another process: a file that this one has open for writing cannot be run by its children.
    assert!(Command::new("cp").arg(env!("CARGO_BIN_EXE_ntpcap")).arg(&program).status().unwrap().success());
    fs::copy(root().join(CAPTURE), folder.path().join("trace.pcapng")).unwrap();
    let keys = folder.path().join("ntpkey_MD5key_host.1");
    fs::copy(root().join(KEYS), &keys).unwrap();
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o640)).unwrap();
    symlink("ntpkey_MD5key_host.1", folder.path().join("ntp.keys")).unwrap();
    let private = folder.path().join("private");
    fs::create_dir(&private).unwrap();
    fs::copy(root().join(KEYS), private.join("ntp.keys")).unwrap();
    fs::set_permissions(&private, fs::Permissions::from_mode(0o700)).unwrap();
    let as_nobody = |keys: &str| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program);
        command.args(["verify", "trace.pcapng", "--keys", keys]).current_dir(folder.path()).output().unwrap()
    };
    assert_seen("keys-permission-denied", &as_nobody("ntp.keys"), Some(folder.path()));
    assert_seen("keys-directory-closed", &as_nobody("private/ntp.keys"), Some(folder.path()));
}

#[test]
fn a_closed_pipe_ends_quietly_and_a_full_disk_does_not() {
    let mut child = ntpcap()
        .args(["verify", CAPTURE, "--keys", KEYS, "--ndjson"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = ntpcap().args(["verify", CAPTURE, "--keys", KEYS]).stdout(full).output().unwrap();
    assert_seen("full-disk", &output, None);
}

/// ntp.org's words in the configuration do not make its types of an NTPsec key file.
#[test]
fn the_content_of_a_key_file_outweighs_the_configuration_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("ntp.keys"), "1 AES 0123456789abcdef\n").unwrap();
    let conf = folder.path().join("ntp.conf");
    fs::write(&conf, "keys ntp.keys\ntrustedkey 1\nrestrict default kod\ntos maxclock 11\n").unwrap();
    let output = ntpcap().args(["verify", CAPTURE, "--ndjson", "--conf"]).arg(&conf).output().unwrap();
    assert_eq!(records(&output).last().unwrap()["keys"][0]["format"], "ntpsec");
}

#[test]
fn a_path_of_chrony_settles_what_the_content_leaves_open() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("chrony")).unwrap();
    let format = |place: &str| {
        let path = folder.path().join(place);
        fs::write(&path, "10 SHA1 0102030405060708090a0b0c0d0e0f1011121314\n").unwrap();
        let output = ntpcap().args(["verify", CAPTURE, "--ndjson", "--keys"]).arg(&path).output().unwrap();
        records(&output).last().unwrap()["keys"][0]["format"].clone()
    };
    assert_eq!(format("chrony/own.keys"), "chrony");
    assert_eq!(format("own.keys"), "ntp.org");
}

#[test]
fn a_selection_tells_of_its_own_messages_alone() {
    let capture = "captures/openntpd-server-ignores-macs.pcap";
    let select = |filter: &str| {
        let keys = "captures/shared-ntp.org.keys";
        records(&run(&format!("verify {capture} --keys {keys} --ndjson --filter {filter}")))
    };
    let none = select("host==192.0.2.1");
    assert_eq!(none.len(), 1, "no message and no finding");
    assert_eq!(none[0]["findings"], serde_json::json!({}));
    assert!(none[0].get("servers").is_none());
    let some = select("frame==9||frame==10");
    let told: Vec<&str> = some.iter().filter_map(|record| record["code"].as_str()).collect();
    assert_eq!(told, ["auth-stripped"]);
}

#[test]
fn no_secret_is_ever_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("odd.keys");
    let mut file = fs::File::create(&path).unwrap();
    let secret = "Tq7secretTq7";
    writeln!(file, "1 MD5 {secret}\n2 NOTYPE {secret}\n{secret} MD5 3\n4 SHA1 {secret}{secret}\n5 AES {secret}\n6 {secret}").unwrap();
    for format in ["ntp.org", "ntpsec", "chrony"] {
        for mode in ["--ndjson", "-v", "--json"] {
            let output = ntpcap()
                .args(["verify", CAPTURE, mode, "--key-format", format, "--keys"])
                .arg(&path)
                .output()
                .unwrap();
            assert!(!seen(&output).contains("Tq7"), "{format} {mode}: {}", seen(&output));
        }
    }
    // In the place of a capture, alone and in a directory.
    for place in [path.as_path(), folder.path()] {
        let output = ntpcap().arg("verify").arg(place).args(["--keys", KEYS]).output().unwrap();
        assert!(!seen(&output).contains("MD5") && !seen(&output).contains("Tq7"), "{}", seen(&output));
    }
}

/// Texts that have a plural behind a one.
fn ones_of_many(text: &str) -> Vec<&str> {
    let nouns =
        ["octets", "packets", "messages", "frames", "keys", "digits", "characters", "servers", "problems"];
    let is_wrong = |line: &&str| {
        let words: Vec<&str> = line.split(|sign: char| !sign.is_alphanumeric() && sign != '.').collect();
        words.windows(2).any(|pair| pair[0] == "1" && nouns.contains(&pair[1]))
            || words.windows(3).any(|three| three[0] == "1" && three[1] == "NTP" && three[2] == "messages")
    };
    text.lines().filter(is_wrong).collect()
}

#[test]
fn one_is_no_plural() {
    for entry in fs::read_dir(root().join("tests/snapshots")).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(ones_of_many(&fs::read_to_string(&path).unwrap()), [""; 0], "{}", path.display());
    }
    let folder = tempfile::tempdir().unwrap();
    let (capture, keys) = (folder.path().join("one.pcap"), folder.path().join("one.keys"));
    // One datagram of one octet, in IPv4 without a link header.
    let header = [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 101, 0, 0, 0];
    let record = [1, 0, 0, 0, 0, 0, 0, 0, 29, 0, 0, 0, 29, 0, 0, 0];
    let ip = [0x45, 0, 0, 29, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    let udp = [0, 123, 0, 123, 0, 9, 0, 0, 0x23];
    fs::write(&capture, [&header[..], &record, &ip, &udp].concat()).unwrap();
    fs::write(&keys, "1 AES128CMAC a\n").unwrap();
    let ways = [
        vec!["verify", "--fail-on", "never"],
        vec!["verify", "-vv", "--key-format", "ntpsec"],
        vec!["verify", "--filter", "key==7"],
        vec!["verify", "--port", "124", "--key-format", "chrony"],
        vec!["census", "-v"],
        vec!["census", "--filter", "key==7"],
        vec!["annotate", "-o", "/dev/null", "--filter", "key==7"],
        vec!["decode", "-v"],
    ];
    for way in ways {
        let keys: &[&str] = if way[0] == "decode" { &[] } else { &["--keys", keys.to_str().unwrap()] };
        let output = ntpcap().args(&way).arg(&capture).args(keys).output().unwrap();
        let text = seen(&output);
        assert_eq!(ones_of_many(&text), [""; 0], "{way:?}: {text}");
        assert!(
            text.contains("1 octet") || text.contains("1 NTP message") || text.contains("1 packet"),
            "{text}"
        );
    }
}
