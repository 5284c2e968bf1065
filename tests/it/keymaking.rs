//! `keys gen`, `convert`, `fingerprint` and `diff`, run as a user would.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::command_line::{assert_seen, seen};
use crate::common::{ntpcap, records, root, run};

/// Runs `ntpcap keys` in a folder.
fn keys(folder: &Path, arguments: &str) -> Output {
    let words = arguments.split(' ').filter(|word| !word.is_empty());
    ntpcap().current_dir(folder).arg("keys").args(words).output().unwrap()
}

fn write(folder: &Path, name: &str, text: impl AsRef<[u8]>) {
    fs::write(folder.join(name), text).unwrap();
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap()
}

/// Runs, and expects success.
fn done(folder: &Path, arguments: &str) -> Output {
    let output = keys(folder, arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments}: {}", seen(&output));
    output
}

const NTP_KEYS: &str = "# made by hand\n1 MD5 a-secret-in-letters\n11 SHA1 0102030405060708090a0b0c0d0e0f1011121314\n\
    12 AES128CMAC 2b7e151628aed2a6abf7158809cf4f3c\n";
const SALT: &str = "--salt a-salt-for-tests";

/// Records of `--json`, one a line, for the test of the schema.
pub(crate) fn sample() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.keys", format!("{NTP_KEYS}2 MD4 abc\n3 MD5 0123456789abcdef01234\n"));
    write(folder.path(), "b.keys", "1 MD5 other\n4 MD5 a-secret-in-letters\n11 MD5\n");
    let mut lines = Vec::new();
    for arguments in ["fingerprint a.keys --json", "fingerprint b.keys --json", "diff a.keys b.keys --json"] {
        lines.extend(keys(folder.path(), arguments).stdout.into_iter().filter(|octet| *octet != b'\n'));
        lines.push(b'\n');
    }
    lines
}

#[test]
fn help_fits_a_screen() {
    for command in ["gen", "convert", "fingerprint", "diff"] {
        let output = run(&format!("keys {command} -h"));
        assert_seen(&format!("help-keys-{command}"), &output, None);
        let text = String::from_utf8(run(&format!("keys {command} --help")).stdout).unwrap();
        assert!(text.lines().count() <= 50, "{command}");
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{command}: {text}");
    }
}

#[test]
fn new_keys_are_random_and_readable_by_their_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let output = done(folder.path(), "gen --for ntp.org --type SHA1 --id 11-20 -o first.keys");
    assert_seen("keys-gen", &output, None);
    done(folder.path(), "gen --for ntp.org --type SHA1 --id 11-20 -o second.keys -q");
    let mode = fs::metadata(folder.path().join("first.keys")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    let mut secrets: Vec<String> = ["first.keys", "second.keys"]
        .iter()
        .flat_map(|name| read(folder.path(), name).lines().skip(1).map(str::to_owned).collect::<Vec<_>>())
        .map(|line| line.split(' ').nth(2).unwrap().to_owned())
        .collect();
    assert!(secrets.iter().all(|secret| secret.len() == 40), "twenty octets in hex");
    secrets.sort();
    secrets.dedup();
    assert_eq!(secrets.len(), 20, "no secret twice");
}

#[test]
fn a_file_with_secrets_is_never_made_through_a_link_or_over_another() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    write(path, "precious", "not to be lost\n");
    symlink("precious", path.join("link")).unwrap();
    symlink("nowhere", path.join("dangling")).unwrap();
    for name in ["precious", "link", "dangling"] {
        let output = keys(path, &format!("gen --for chrony -o {name}"));
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert!(seen(&output).contains("exists already"), "{}", seen(&output));
    }
    done(path, "gen --for chrony -o link --force");
    done(path, "gen --for chrony -o dangling --force");
    assert_eq!(read(path, "precious"), "not to be lost\n");
    assert!(!path.join("nowhere").exists());
    for name in ["link", "dangling"] {
        let metadata = fs::symlink_metadata(path.join(name)).unwrap();
        assert!(metadata.is_file(), "{name} is a file now");
        assert_eq!(metadata.permissions().mode() & 0o7777, 0o600);
    }
    let mut left: Vec<String> =
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    left.sort();
    assert_eq!(left, ["dangling", "link", "precious"], "no temporary file is left");
}

#[test]
fn what_cannot_be_made_is_an_error_that_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    write(path, "ntp.keys", NTP_KEYS);
    for (name, arguments) in [
        ("keys-gen-standard-output", "gen --for chrony -o -"),
        ("keys-gen-device", "gen --for chrony -o /dev/null --force"),
        ("keys-gen-no-such-directory", "gen --for chrony -o nowhere/x"),
        ("keys-gen-unknown-type", "gen --for chrony --type sha -o x"),
        ("keys-gen-long-digest", "gen --for ntp.org --type sha256 -o x"),
        ("keys-gen-bits", "gen --for ntp.org --type SHA1 --bits 80 -o x"),
        ("keys-gen-ids", "gen --for ntpsec --id 65530-65540 -o x"),
        ("keys-convert-over-input", "convert ntp.keys --as ntp.org --to chrony -o ntp.keys --force"),
        ("keys-convert-inexpressible", "convert ntp.keys --as ntp.org --to cisco-ios -o x"),
    ] {
        let output = keys(path, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments}");
        assert_seen(name, &output, Some(path));
    }
    assert!(!path.join("x").exists());
    assert_eq!(read(path, "ntp.keys"), NTP_KEYS);
}

#[test]
fn a_file_that_is_not_read_whole_or_for_certain_is_not_converted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    write(path, "bad.keys", "1 MD5 good\n2 MD5\n3 SHA1 abcdefghijklmnopqrstuvw # text\n");
    write(path, "unsure.keys", "1 SHA1 0102030405060708090a0b0c0d0e0f1011121314\n");
    write(
        path,
        "router",
        "ntp authentication-key 8 hmac-sha1 abc\nntp authentication-key 9 md5 094F471A1A0A 7\n",
    );
    for (name, arguments) in [
        ("keys-convert-bad-lines", "convert bad.keys --as ntp.org --to chrony -o x"),
        ("keys-convert-uncertain", "convert unsure.keys --to chrony -o x"),
        ("keys-convert-router", "convert router --to chrony -o x"),
    ] {
        let output = keys(path, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments}");
        assert_seen(name, &output, Some(path));
    }
    assert!(!path.join("x").exists());
}

#[test]
fn keys_come_back_unchanged_from_every_form() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    write(path, "ntp.keys", NTP_KEYS);
    done(path, "convert ntp.keys --as ntp.org --to chrony -o chrony.keys");
    done(path, "convert chrony.keys --to ntpsec -o ntpsec.keys");
    done(path, "convert ntpsec.keys --to ntp.org -o again.keys");
    for other in ["chrony.keys", "ntpsec.keys", "again.keys"] {
        let output = done(path, &format!("diff ntp.keys {other}"));
        assert!(seen(&output).contains("3 keys, the same in both"), "{}", seen(&output));
    }
    write(path, "text.keys", "9 MD5 cisco\n65000 MD5 p'ss*w:rd\n");
    for device in ["cisco-ios", "junos", "arista"] {
        done(path, &format!("convert text.keys --as ntp.org --to {device} -o {device}"));
        done(path, &format!("convert {device} --to ntp.org -o {device}.keys"));
        done(path, &format!("diff text.keys {device}.keys --as ntp.org"));
    }
    let cisco = read(path, "cisco-ios");
    assert!(cisco.contains("\nntp authentication-key 9 md5 094F471A1A0A 7\n"), "{cisco}");
}

/// The statuses of all messages of a capture.
fn statuses(capture: &str, key_file: &Path, format: &str) -> Vec<(u64, String)> {
    let arguments = ["verify", capture, "--ndjson", "--key-format", format, "--keys"];
    let output = ntpcap().args(arguments).arg(key_file).output().unwrap();
    let messages = records(&output).into_iter().filter(|record| record["type"] == "message");
    let status = |record: Value| (record["frame"].as_u64().unwrap(), record["auth"]["status"].to_string());
    messages.map(status).collect()
}

#[test]
fn captures_verify_with_converted_files_as_with_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let mut valid = 0;
    for (from, shared) in [("ntp.org", "1 2 9 11"), ("ntpsec", "1 2 9 11"), ("chrony", "1 2 9 11")] {
        let first = format!("{from}-first.keys");
        let text = fs::read_to_string(root().join(format!("captures/shared-{from}.keys"))).unwrap();
        let is_shared = |line: &&str| shared.split(' ').any(|id| line.split(' ').next() == Some(id));
        write(
            path,
            &first,
            text.lines().filter(is_shared).map(|line| format!("{line}\n")).collect::<String>(),
        );
        for to in ["ntp.org", "ntpsec", "chrony"] {
            let second = format!("{from}-{to}.keys");
            done(path, &format!("convert {first} --as {from} --to {to} -o {second}"));
            for capture in ["ntpdate-client-md5-and-sha1.pcap", "chrony-extension-field-with-mac.pcap"] {
                let capture = format!("captures/{capture}");
                let before = statuses(&capture, &path.join(&first), from);
                assert_eq!(before, statuses(&capture, &path.join(&second), to), "{capture} {from} {to}");
                valid += before.iter().filter(|(_, status)| status == "\"valid\"").count();
            }
        }
    }
    assert!(valid > 50, "only {valid} messages are valid: nothing is proved");
}

#[test]
fn fingerprints_under_one_salt_are_those_of_the_octets() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    write(path, "ntp.keys", NTP_KEYS);
    let output = done(path, &format!("fingerprint ntp.keys {SALT}"));
    assert_seen("keys-fingerprint", &output, Some(path));
    done(path, "convert ntp.keys --as ntp.org --to chrony -o chrony.keys");
    let shown = |name: &str| -> Vec<String> {
        let document: Value =
            serde_json::from_slice(&done(path, &format!("fingerprint {name} {SALT} --json")).stdout).unwrap();
        document["keys"].as_array().unwrap().iter().map(|key| key["fingerprint"].to_string()).collect()
    };
    assert_eq!(shown("ntp.keys"), shown("chrony.keys"));
    let twice = ["", ""].map(|_| seen(&done(path, "fingerprint ntp.keys")));
    assert_ne!(twice[0], twice[1], "a salt of its own each time");
    assert!(twice[0].contains("on the other host: ntpcap keys fingerprint FILE --salt "), "{}", twice[0]);
}

#[test]
fn fingerprints_say_what_is_not_certain_and_what_does_not_load() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    write(path, "odd.keys", "1 MD5 0123456789abcdef01234\n2 MD4 abc\n");
    assert_seen(
        "keys-fingerprint-versions",
        &keys(path, &format!("fingerprint odd.keys --as ntp.org {SALT}")),
        None,
    );
    write(path, "short.keys", "1 AES128CMAC short\n");
    assert_seen(
        "keys-fingerprint-padded",
        &keys(path, &format!("fingerprint short.keys --as ntpsec {SALT}")),
        None,
    );
    write(path, "long.keys", format!("1 SHA1 {}\n", "ab".repeat(65)));
    let output = keys(path, &format!("fingerprint long.keys --as ntp.org {SALT}"));
    assert_eq!(output.status.code(), Some(1));
    assert_seen("keys-fingerprint-refused", &output, None);
    write(path, "empty.keys", "# nothing\n");
    assert_eq!(keys(path, "fingerprint empty.keys --as chrony").status.code(), Some(3));
    assert_eq!(keys(path, "fingerprint odd.keys --salt short").status.code(), Some(2));
}

#[test]
fn a_comparison_tells_each_difference_and_the_exit_code_whether_there_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    write(path, "a.keys", format!("{NTP_KEYS}13 MD5 moved\n14 MD5 gone\n"));
    write(
        path,
        "b.keys",
        "1 MD5 other\n11 MD5 HEX:0102030405060708090A0B0C0D0E0F1011121314\n\
        12 AES128 HEX:2B7E151628AED2A6ABF7158809CF4F3C\n15 SHA1 moved\n",
    );
    let output = keys(path, "diff a.keys b.keys");
    assert_eq!(output.status.code(), Some(1));
    assert_seen("keys-diff", &output, None);
    assert_seen("keys-diff-json", &keys(path, "diff a.keys b.keys --json"), None);
    assert!(keys(path, "diff a.keys b.keys -q").stdout.is_empty());
    assert_eq!(keys(path, "diff a.keys a.keys --as ntp.org").status.code(), Some(0));
    assert_eq!(keys(path, "diff a.keys a.keys --as ntp.org,chrony").status.code(), Some(1));
    write(path, "refused.keys", "1 MD5 a\n2 MD5\n");
    write(path, "loads.keys", "1 MD5 a\n");
    let output = keys(path, "diff refused.keys loads.keys --as ntp.org");
    assert_eq!(output.status.code(), Some(1), "one of them gives the daemon no key");
    assert_seen("keys-diff-refused", &output, None);
    assert_eq!(keys(path, "diff a.keys b.keys --as ntp.org,chrony,ntpsec").status.code(), Some(2));
    assert_eq!(keys(path, "diff a.keys nowhere").status.code(), Some(2));
}

/// Secrets that are looked for as text, and in hex of either case.
const MARKED: &str = "1 MD5 ZQXJKVWPY\n2 SHA1 ZQXJKVWPYZQXJKVWPYZQXJKVWPY\n3 ZQXJKVWPY\n4 FOO ZQXJKVWPY\n\
    5 MD5 5a51584a4b5657505900000000\n6 MD5 HEX:5a51584a4b56575059\n7 AES ZQXJKVWPY\nZQXJKVWPY\n8 MD5 ZQXJKVWPY 10.0.0.1\n\
    9 ZQXJKVWPY abc\n10 MD5 \"ZQXJKVWPY\" # ZQXJKVWPY\n70000 MD5 ZQXJKVWPY\n1 MD5 ZQXJKVWPY2\n";

#[test]
fn no_output_ever_shows_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    write(path, "marked.keys", MARKED);
    write(path, "other.keys", "1 MD5 ZQXJKVWPYother\n2 MD5 5a51584a4b56575059\n");
    let device = "ntp authentication-key 1 md5 ZQXJKVWPY 7\nntp authentication-key 2 ZQXJKVWPY abc\n\
        ntp authentication-key ZQXJKVWPY\nset system ntp authentication-key 3 type md5 value \"$9$ZQXJKVWPY\"\n";
    write(path, "device", device);
    let mut looked_at = 0;
    for (index, line) in MARKED.lines().chain(device.lines()).enumerate() {
        write(path, &format!("line{index}"), line);
        for from in ["ntp.org", "ntpsec", "chrony", "cisco-ios", "junos", "arista"] {
            for file in ["marked.keys", "device", &format!("line{index}")] {
                for to in if index == 0 { &["ntp.org", "chrony", "junos"][..] } else { &["ntpsec"] } {
                    assert_hidden(&keys(
                        path,
                        &format!("convert {file} --as {from} --to {to} -o out --force"),
                    ));
                }
                assert_hidden(&keys(path, &format!("fingerprint {file} --as {from} --json")));
                looked_at += 1;
                if index > 0 {
                    break;
                }
            }
        }
    }
    for dialect in ["ntp.org", "ntpsec", "chrony"] {
        for more in ["", "--json"] {
            assert_hidden(&keys(path, &format!("diff marked.keys other.keys --as {dialect} {more}")));
        }
    }
    assert!(looked_at > 100);
}

fn assert_hidden(output: &Output) {
    let text = seen(output).to_lowercase();
    assert!(!text.contains("zqx") && !text.contains("5a51584a"), "{text}");
}
