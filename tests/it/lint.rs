//! `ntpcap keys lint`, run as a user would.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Output;

use serde_json::Value;
use tempfile::TempDir;

use crate::command_line::assert_seen;
use crate::common::{ntpcap, root, run};

/// A folder that everybody may pass through, as /etc.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn lint(folder: &TempDir, arguments: &str) -> Output {
    let replaced = arguments.replace("FOLDER", folder.path().to_str().unwrap());
    ntpcap()
        .args(["keys", "lint"])
        .args(replaced.split(' ').filter(|word| !word.is_empty()))
        .output()
        .unwrap()
}

fn json(folder: &TempDir, arguments: &str) -> Value {
    serde_json::from_slice(&lint(folder, &format!("{arguments} --json")).stdout).unwrap()
}

/// Codes and lines of the problems that are no remarks.
fn found(report: &Value) -> Vec<(String, u64)> {
    let problems = report["problems"].as_array().unwrap().iter();
    let serious = problems.filter(|problem| problem["severity"] != "info");
    serious
        .map(|problem| (problem["code"].as_str().unwrap().to_owned(), problem["line"].as_u64().unwrap_or(0)))
        .collect()
}

const BAD: &str = "\
20 SHA1 abc#def
21 SHA1 5c3a0d9e41b7f2688a1e90c4d7735fb2e61d0a48f
99999 AES HEX:00112233
22 SHA zfQ8wk2pXd7vYs1LmN3c\r
23 SHA1 5c3a0d9e41b7f2688a1e90c4d7735fb2e61d0a48 # trailing
";

#[test]
fn problems_are_shown_where_they_are_and_secrets_are_not() {
    let folder = folder();
    write(&folder.path().join("bad.keys"), BAD, 0o600);
    for program in ["ntp.org", "ntpsec", "chrony"] {
        let output = lint(&folder, &format!("FOLDER/bad.keys --as {program} -v"));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        for secret in ["abc", "def", "5c3a", "0011", "zfQ8"] {
            assert!(!text.replace(folder.path().to_str().unwrap(), "").contains(secret), "{secret}: {text}");
        }
        let within = text.lines().filter(|line| !line.contains(folder.path().to_str().unwrap()));
        within.for_each(|line| assert!(line.chars().count() <= 80, "wider than 80 columns: {line}"));
        let problems: String = text
            .split("\n\n")
            .filter(|part| !is_of_the_path(part))
            .fold(String::new(), |all, part| all + part + "\n\n");
        insta::with_settings!({ prepend_module_to_snapshot => false, snapshot_path => "../snapshots" }, {
            insta::assert_snapshot!(format!("lint-{program}"), unfolded(&problems, &folder));
        });
    }
}

/// Owners, groups and the directories above the folder are those of the machine.
fn is_of_the_path(part: &str) -> bool {
    part.contains("[apparmor-") || part.contains(" directory ")
}

/// The text with the folder's name replaced, and heads on one line: where they fold depends on that name.
fn unfolded(text: &str, folder: &TempDir) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in text.replace(folder.path().to_str().unwrap(), "FOLDER").lines() {
        let continues = line.starts_with("  ") && !line.starts_with("   ");
        match lines.last_mut() {
            Some(last) if continues && last.starts_with("FOLDER") && !last.ends_with(']') => {
                *last = format!("{last} {}", line.trim_start());
            }
            _ => lines.push(line.to_owned()),
        }
    }
    lines.join("\n")
}

/// What the reader of an article on NTP's keys asked: `Permission denied`, though `ls` shows `lrwxrwxrwx`.
#[test]
fn a_link_to_a_file_that_only_root_reads_is_explained() {
    let folder = folder();
    let file = folder.path().join("ntpkey_MD5key_pi.3733911112");
    let keys = "11 AES128CMAC 5c3a0d9e41b7f2688a1e90c4d7735fb2\n";
    write(&file, keys, 0o600);
    symlink("ntpkey_MD5key_pi.3733911112", folder.path().join("ntp.keys")).unwrap();
    let output = lint(&folder, "FOLDER/ntp.keys --as ntp.org --user nobody");
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let block = readme.split("$ ntpcap keys lint /etc/ntp.keys --as ntp.org --user ntp\n").nth(1).unwrap();
    let block = block.split("```").next().unwrap();
    let owner = fs::metadata(&file).unwrap();
    assert_eq!(owner.mode() & 0o777, 0o600);
    let (user, group) = names(&file);
    let seen = text
        .replace(folder.path().to_str().unwrap(), "/etc")
        .replace(&format!("owner {user}"), "owner root")
        .replace(&format!("group {group}"), "group root")
        .replace("chgrp nogroup", "chgrp ntp")
        .replace("nobody", "ntp");
    // How many remarks there are depends on the machine's AppArmor.
    let before_counts = |text: &str| words(text.split("\nfound ").next().unwrap());
    assert_eq!(before_counts(&without_owner(&seen)), before_counts(block), "what the README shows");
}

/// Where tests do not run as root, the file is not root's, which is told of too.
fn without_owner(text: &str) -> String {
    text.split("\n\n")
        .filter(|part| !part.contains("[foreign-owner]") && !part.contains("[apparmor-"))
        .collect::<Vec<_>>()
        .join("\n\n")
}

fn names(path: &Path) -> (String, String) {
    let shown = std::process::Command::new("stat").args(["-c", "%U %G"]).arg(path).output().unwrap();
    let text = String::from_utf8(shown.stdout).unwrap();
    let (user, group) = text.trim().split_once(' ').unwrap();
    (user.to_owned(), group.to_owned())
}

#[test]
fn exit_codes_tell_nothing_to_mend_from_problems_and_failure() {
    let folder = folder();
    write(&folder.path().join("good.keys"), "11 AES128CMAC 5c3a0d9e41b7f2688a1e90c4d7735fb2\n", 0o600);
    write(&folder.path().join("bad.keys"), BAD, 0o600);
    let code = |arguments: &str| lint(&folder, arguments).status.code();
    assert_eq!(code("FOLDER/good.keys --as ntp.org"), Some(0));
    assert_eq!(code("FOLDER/good.keys --as all"), Some(1), "chrony has no such type");
    assert_eq!(code("FOLDER/bad.keys -q"), Some(1));
    assert_eq!(code("FOLDER/missing.keys"), Some(2));
    assert_eq!(code("FOLDER/good.keys --user no-such-user"), Some(2));
    assert_eq!(code("FOLDER/good.keys --as openntpd"), Some(2));
    assert_eq!(code("--as all"), Some(2));
    assert!(lint(&folder, "FOLDER/bad.keys -q").stdout.is_empty());
    write(&folder.path().join("open.keys"), "11 AES128CMAC 5c3a0d9e41b7f2688a1e90c4d7735fb2\n", 0o644);
    assert_eq!(code("FOLDER/open.keys --as ntp.org"), Some(1));
}

#[test]
fn what_keeps_it_from_reading_is_told_with_the_path() {
    let folder = folder();
    symlink("nowhere", folder.path().join("dangling.keys")).unwrap();
    let output = lint(&folder, "FOLDER/dangling.keys --as ntp.org");
    assert_eq!(output.status.code(), Some(2));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(out.contains("[dangling-link]"), "{out}");
    assert!(err.contains("no such file"), "{err}");
}

const CONF: &str = "\
keys FOLDER/ntp.keys
trustedkey 11 (13 ... 14) 20
controlkey 12
server 192.0.2.1 key 11 iburst
server 192.0.2.2 key 12
server 192.0.2.3 key 15
server 192.0.2.4
server 127.127.1.0
";

fn with_configuration() -> TempDir {
    let folder = folder();
    let keys = "11 AES128CMAC 5c3a0d9e41b7f2688a1e90c4d7735fb2\n12 AES128CMAC 0b7c41d9e35f28a6f19e84c2d77350ab\n\
        13 AES128CMAC e61d0a485c3a0d9e41b7f2688a1e90c4\n";
    write(&folder.path().join("ntp.keys"), keys, 0o600);
    let conf = CONF.replace("FOLDER", folder.path().to_str().unwrap());
    write(&folder.path().join("ntp.conf"), &conf, 0o644);
    folder
}

#[test]
fn a_configuration_is_compared_and_its_effect_predicted() {
    let folder = with_configuration();
    let report = json(&folder, "--conf FOLDER/ntp.conf");
    let expected =
        [("trusted-not-defined", 2), ("key-not-trusted", 3), ("key-not-trusted", 5), ("key-not-defined", 6)];
    assert_eq!(found(&report), expected.map(|(code, line)| (code.to_owned(), line)));
    let associations = report["associations"].as_array().unwrap();
    let sent: Vec<_> = associations
        .iter()
        .map(|one| (one["line"].as_u64().unwrap(), one["sent"].as_str().unwrap()))
        .collect();
    assert_eq!(sent, [(4, "authenticated"), (5, "nothing"), (6, "nothing"), (7, "plain")]);
    let output = lint(&folder, "--conf FOLDER/ntp.conf --as ntpsec");
    insta::with_settings!({ prepend_module_to_snapshot => false, snapshot_path => "../snapshots" }, {
        insta::assert_snapshot!("lint-conf", unfolded(&String::from_utf8_lossy(&output.stdout), &folder));
    });
    write(&folder.path().join("other.keys"), "11 AES 5c3a0d9e41b7f2688a1e90c4d7735fb2\n", 0o600);
    let other = json(&folder, "FOLDER/other.keys --conf FOLDER/ntp.conf --as ntpsec");
    assert!(found(&other).contains(&("other-key-file".to_owned(), 1)), "{other}");
}

#[test]
fn chronys_configuration_is_read_as_chrony_reads_it() {
    let folder = folder();
    write(
        &folder.path().join("chrony.keys"),
        "1 SHA256 HEX:5c3a0d9e41b7f2688a1e90c4d7735fb2e61d0a48\n",
        0o600,
    );
    write(
        &folder.path().join("chrony.conf"),
        "server a key 1\nserver b key 2\nkeyfile chrony.keys\nmakestep 1 3\n",
        0o644,
    );
    let report = json(&folder, "--conf FOLDER/chrony.conf");
    assert_eq!(found(&report), [("key-not-defined".to_owned(), 2)]);
    assert!(report["associations"][0]["wire"].as_str().unwrap().contains("version 3 requests"), "{report}");
    assert_eq!(report["programs"][0]["program"], "chrony");
}

#[test]
fn json_has_the_keys_of_each_program_without_secrets() {
    let folder = folder();
    write(&folder.path().join("k"), "1 MD5 zfQ8wk2pXd7vYs1LmN3c\n1 MD5 HEX:00\n", 0o600);
    let report = json(&folder, "FOLDER/k --as all");
    let programs = report["programs"].as_array().unwrap();
    let keys: Vec<_> = programs.iter().map(|program| program["keys"].as_array().unwrap().len()).collect();
    assert_eq!(keys, [2, 2, 2]);
    assert_eq!(programs[2]["keys"][1]["secret_octets"], 1);
    assert!(!report.to_string().contains("zfQ8"));
    assert_eq!(report["path"].as_array().unwrap().last().unwrap()["mode"], "0600");
}

#[test]
fn sarif_points_at_lines_and_columns() {
    let folder = folder();
    write(&folder.path().join("k"), BAD, 0o600);
    let log: Value = serde_json::from_slice(&lint(&folder, "FOLDER/k --as chrony --sarif").stdout).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let results = run["results"].as_array().unwrap();
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(["note", "warning", "error"].contains(&result["level"].as_str().unwrap()));
    }
    let comment = results.iter().find(|result| result["ruleId"] == "word-count").unwrap();
    let region = &comment["locations"][0]["physicalLocation"]["region"];
    assert_eq!((region["startLine"].as_u64(), region["startColumn"].as_u64()), (Some(5), Some(50)));
    assert!(!log.to_string().contains("5c3a"));
}

#[test]
fn standard_input_is_a_file_without_a_path() {
    use std::io::Write;
    use std::process::Stdio;
    let mut child = ntpcap()
        .args(["keys", "lint", "-", "--as", "ntp.org"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"11 SHA1\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8(output.stdout)
            .unwrap()
            .starts_with("-:1:4: error: key 11: no secret follows the type")
    );
}

/// A line of what `--json` writes, for the validator of the schema.
pub(crate) fn sample() -> Vec<u8> {
    let folder = with_configuration();
    let mut lines = Vec::new();
    for arguments in ["--conf FOLDER/ntp.conf", "FOLDER/ntp.keys --as all --user nobody"] {
        lines.extend(serde_json::to_vec(&json(&folder, arguments)).unwrap());
        lines.push(b'\n');
    }
    lines
}

#[test]
fn every_code_has_its_words_in_the_documentation() {
    let page = fs::read_to_string(root().join("docs/keys.md")).unwrap();
    let mut missing = Vec::new();
    for text in source("src/auth/lint")
        .into_iter()
        .chain(source("src/auth/keyfile"))
        .chain(source("src/cli/keyfiles/lint"))
    {
        for word in text.split('"').skip(1).step_by(2).filter(|word| is_code(word)) {
            if !page.contains(&format!("`{word}`")) {
                missing.push(word.to_owned());
            }
        }
    }
    missing.sort();
    missing.dedup();
    assert!(missing.is_empty(), "not in docs/keys.md: {missing:?}");
}

fn is_code(word: &str) -> bool {
    let parts: Vec<&str> = word.split('-').collect();
    parts.len() > 1
        && parts.iter().all(|part| part.len() > 1 && part.bytes().all(|octet| octet.is_ascii_lowercase()))
}

fn source(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let production = |text: String| text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned();
    entries
        .filter(|path| {
            path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs")
        })
        .map(|path| production(fs::read_to_string(path).unwrap()))
        .collect()
}

#[test]
fn help_names_the_programs() {
    assert_seen("keys-lint-no-such-program", &run("keys lint x --as busybox"), None);
}
