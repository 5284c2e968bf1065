//! The real daemons, recorded anew in network namespaces and verified.
//!
//! `tests/peers` unpacks and runs them; the recorder itself checks that each still behaves as it is known to, and
//! writes the oracle's expectations beside the captures.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::captures::assert_as_expected;
use crate::common::root;

/// Unpacks the real programs where they are not yet, and says where they are.
fn peers() -> PathBuf {
    let peers = root().join("target/peers");
    let fetched =
        Command::new(root().join("tests/peers/fetch")).arg(&peers).current_dir(root()).output().unwrap();
    eprint!("{}", String::from_utf8_lossy(&fetched.stdout));
    assert!(fetched.status.success(), "{}", String::from_utf8_lossy(&fetched.stderr));
    peers
}

/// Runs a script of `tests/peers` that checks ntpcap beside the real programs.
fn assert_fine(script: &str, arguments: &[&str]) {
    let checked = Command::new("python3")
        .arg(root().join("tests/peers").join(script))
        .args(["--program", env!("CARGO_BIN_EXE_ntpcap"), "--peers"])
        .arg(peers())
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap();
    let said =
        String::from_utf8_lossy(&checked.stdout).into_owned() + &String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "{said}");
    said.lines().filter(|line| line.starts_with("peer not available")).for_each(|line| eprintln!("{line}"));
    assert!(said.lines().any(|line| line.starts_with("fine: ")), "nothing was checked: {said}");
}

/// Real clients take their time from `ntpcap serve`, and real servers answer the whole table of requests as it does
/// under their names.
#[test]
fn real_clients_and_servers_agree_with_the_reference_server() {
    assert_fine("serve.py", &[]);
}

/// What is foretold of a line in a key file is what the real daemons make of it, and they take the files that are
/// converted and made for them.
#[test]
fn real_daemons_read_key_files_as_foretold() {
    assert_fine("keys.py", &[]);
}

/// What `docs/comparison.md` says of the query tools and of `ntpcap probe` is still so.
#[test]
fn query_tools_say_of_misbehaving_servers_what_the_comparison_tells() {
    assert_fine("compare.py", &["--check"]);
}

/// What `ntpcap keys lint` predicts from a key file and a configuration is what real clients send, and what it says of
/// closed files is what real daemons read.
#[test]
fn daemons_do_with_keys_what_lint_predicts() {
    assert_fine("lint.py", &[]);
}

#[test]
fn real_servers_do_in_every_case_what_their_baselines_have() {
    assert_fine("conform.py", &[]);
}

#[test]
fn real_clients_do_in_every_case_what_their_baselines_have() {
    assert_fine("clients_conform.py", &[]);
}

#[test]
fn daemons_recorded_today_give_what_is_expected_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let recorded = Command::new("python3")
        .arg(root().join("tests/peers/record.py"))
        .arg("--out")
        .arg(folder.path())
        .arg("--peers")
        .arg(peers())
        .current_dir(root())
        .output()
        .unwrap();
    let said =
        String::from_utf8_lossy(&recorded.stdout).into_owned() + &String::from_utf8_lossy(&recorded.stderr);
    assert!(recorded.status.success(), "{said}");
    let mut captures = 0;
    for entry in fs::read_dir(folder.path()).unwrap() {
        let expectation = entry.unwrap().path();
        let Some(name) = expectation.to_str().unwrap().strip_suffix(".expect.json").map(str::to_owned) else {
            continue;
        };
        let capture = ["pcap", "pcapng"].map(|extension| format!("{name}.{extension}"));
        let capture =
            capture.iter().find(|path| fs::exists(path).unwrap()).expect("a capture beside its expectation");
        let expected: Value = serde_json::from_str(&fs::read_to_string(&expectation).unwrap()).unwrap();
        assert_as_expected(capture.as_ref(), &expected, folder.path());
        captures += 1;
    }
    for line in said.lines().filter(|line| line.starts_with("peer not available")) {
        eprintln!("{line}");
    }
    assert!(captures > 0, "nothing was recorded: {said}");
}
