//! `ntpcap conform` as a user runs it.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Output};

use ntpcap::conformance::catalogue;
use serde_json::Value;

use crate::common::{root, run};
use crate::serve::server::{KEYS, Server};

/// A fault by which some cases fail and some stay open.
const FAULTY: &str = "conform self --fault flip-bit:every=2 --fault header-field:field=poll,value=7 --fault bogus-origin:request-field=yes";

fn text(octets: &[u8]) -> String {
    String::from_utf8(octets.to_vec()).unwrap()
}

fn in_format(format: &str) -> Output {
    run(&format!("{FAULTY} --format {format}"))
}

/// How many cases had which outcome, by the summary of the JSON document.
fn outcomes() -> BTreeMap<String, usize> {
    let report: Value = serde_json::from_slice(&in_format("json").stdout).unwrap();
    serde_json::from_value(report["summary"]["outcomes"].clone()).unwrap()
}

#[test]
fn counts_and_exit_code_are_the_same_in_every_format() {
    let outcomes = outcomes();
    let count = |names: &[&str]| names.iter().filter_map(|name| outcomes.get(*name)).sum::<usize>();
    let all = count(&["pass", "info", "skip", "warn", "inconclusive", "fail"]);
    assert_eq!(all, catalogue::all().count());
    assert!(count(&["fail"]) > 0 && count(&["inconclusive"]) > 0, "{outcomes:?}");
    for format in ["text", "json", "ndjson", "junit", "tap", "markdown", "sarif", "html"] {
        let output = in_format(format);
        let told = text(&output.stdout);
        let occurrences = |word: &str| told.matches(word).count();
        assert_eq!(output.status.code(), Some(1), "{format}");
        match format {
            "text" => assert_eq!(occurrences("\n  fail  "), count(&["fail"])),
            "json" | "ndjson" => assert_eq!(occurrences("\"outcome\":\"fail\""), count(&["fail"])),
            "junit" => {
                assert_eq!(occurrences("<testcase "), all);
                assert_eq!(occurrences("<failure "), count(&["fail"]));
                assert_eq!(occurrences("<error "), count(&["inconclusive"]));
                assert_eq!(occurrences("<skipped "), count(&["skip"]));
                let suites = format!("tests=\"{all}\" skipped=\"{}\"", count(&["skip"]));
                assert!(told.contains(&suites), "{told}");
            }
            "tap" => {
                assert!(told.starts_with(&format!("TAP version 14\n1..{all}\n")));
                assert_eq!(occurrences("\nnot ok "), count(&["fail", "inconclusive"]));
                assert_eq!(occurrences(" # SKIP "), count(&["skip"]));
            }
            "markdown" => assert_eq!(occurrences("\n| fail |"), count(&["fail"])),
            "sarif" => {
                let log: Value = serde_json::from_str(&told).unwrap();
                let run = &log["runs"][0];
                let results = run["results"].as_array().unwrap();
                let of = |name: &str, value: &str| results.iter().filter(|one| one[name] == value).count();
                assert_eq!((results.len(), of("level", "error")), (all, count(&["fail"])));
                assert_eq!(
                    (of("kind", "pass"), of("kind", "open")),
                    (count(&["pass"]), count(&["inconclusive"]))
                );
                for result in results {
                    let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
                    assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
                }
            }
            _ => assert_eq!(occurrences("data-outcome=\"fail\""), count(&["fail"])),
        }
    }
}

/// By the validator of libxml2.
#[test]
fn the_xml_is_what_readers_of_junit_expect() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&in_format("junit").stdout).unwrap();
    let checked = Command::new("xmllint")
        .args(["--noout", "--nonet", "--schema"])
        .arg(root().join("tests/it/conform/junit.xsd"))
        .arg(file.path())
        .output()
        .expect("xmllint, of Debian's package libxml2-utils");
    assert!(checked.status.success(), "{}", text(&checked.stderr));
}

/// Names of servers come from outside.
#[test]
fn what_is_tested_may_be_called_anything() {
    let evil = r#"--label=<script>alert("x")</script>|`*]]>&"#;
    for format in ["html", "junit", "markdown", "sarif", "tap", "text"] {
        let arguments = ["conform", "self", "--only", "header/length", "--format", format, evil];
        let told = text(&crate::common::ntpcap().args(arguments).output().unwrap().stdout);
        let has_markup = told.contains("<script>alert");
        assert!(!has_markup || matches!(format, "text" | "sarif"), "{format}: {told}");
    }
}

#[test]
fn cases_are_listed_and_shown() {
    let listed = text(&run("conform list").stdout);
    assert_eq!(listed.lines().count(), catalogue::all().count());
    let entries: Value = serde_json::from_slice(&run("conform list --only header --json").stdout).unwrap();
    assert!(
        entries
            .as_array()
            .unwrap()
            .iter()
            .all(|entry| entry["slug"].as_str().unwrap().starts_with("header/"))
    );
    let shown = text(&run("conform show auth/wrong-digest").stdout);
    assert!(
        shown.starts_with("auth/wrong-digest\n\n") && shown.contains("\nsource:  RFC 5905 section 9.2"),
        "{shown}"
    );
    for (arguments, said) in [
        ("conform show auth/none", "auth/none: no case of that name"),
        ("conform list --only nothing", "nothing: no case and no group of that name"),
        ("conform list --only header --exclude header", "no case is selected"),
        ("conform self --baseline nothing", "nothing: no such file, and no baseline of that name"),
    ] {
        let output = run(arguments);
        assert!(text(&output.stderr).contains(said), "{arguments}: {}", text(&output.stderr));
        assert_eq!(output.status.code(), Some(2), "{arguments}");
    }
}

/// Faults that no client which asks can see, or which leave nothing to be judged.
const UNSEEN: [&str; 6] = ["unsynchronised", "drop", "reorder", "hang", "broadcast", "multicast"];

/// Each fault moves exactly the cases that stand below it, each case is moved by one, and each fault that can be seen
/// moves some.
#[test]
fn every_case_can_fail_and_every_fault_makes_its_own_cases_fail() {
    let output = run("conform self --mutations");
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "moved by nothing: {}", told.split("by none").last().unwrap());
    let lines: Vec<&str> = told.lines().collect();
    let is_fault = |line: &str| !line.starts_with(' ');
    let unseen = lines
        .iter()
        .enumerate()
        .filter(|(number, line)| is_fault(line) && lines.get(number + 1).is_none_or(|next| is_fault(next)));
    assert_eq!(unseen.map(|(_, line)| *line).collect::<Vec<_>>(), UNSEEN);
    insta::with_settings!({ snapshot_path => root().join("tests/snapshots"), prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("conform-mutations", told);
    });
}

#[test]
fn the_reference_server_passes_over_udp_too() {
    let output = run("conform self --udp --strict");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
}

#[test]
fn a_server_is_asked_captured_and_held_to_its_baseline() {
    let server =
        Server::start(&["--keys", KEYS, "--like", "chrony", "--fault", "wrong-mode:every=2,after=40"]);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let ask = |more: &str| {
        let host = server.addresses[0];
        let asking = "--interval 1ms --timeout 60ms --only header,version --format json";
        run(&format!("conform server {host} --keys {KEYS} {asking} {more}"))
    };
    let (baseline, capture) = (path("known.toml"), path("run.pcapng"));
    let first = ask(&format!("--write-baseline {baseline} --pcap {capture} -o {}", path("first.json")));
    assert_eq!(first.status.code(), Some(1), "{}", text(&first.stderr));
    let port = server.addresses[0].port();
    let judged = run(&format!("conform judge {capture} --port {port} --keys {KEYS} --format json"));
    assert_eq!(judged.status.code(), Some(1), "{}", text(&judged.stdout));
    assert!(text(&judged.stdout).contains("header/mode-server"), "{}", text(&judged.stdout));
    let held = run(&format!("conform matrix {} {}", path("first.json"), path("first.json")));
    assert!(text(&held.stdout).contains("| case | level |"), "{}", text(&held.stdout));
    let page = run(&format!("conform matrix {} -o {}", path("first.json"), path("matrix.html")));
    assert_eq!(page.status.code(), Some(0));
    let html = std::fs::read_to_string(path("matrix.html")).unwrap();
    assert!(html.contains("<th scope=\"row\"") && html.contains("mode-server"), "{html}");
}

#[test]
fn a_server_that_is_not_there_leaves_all_open() {
    let nobody = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let output = run(&format!("conform server {} --timeout 30ms", nobody.local_addr().unwrap()));
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stdout).contains("ended early: the server answers nothing"));
}

/// Records and a document of every kind.
pub(crate) fn sample() -> Vec<u8> {
    let mut lines = in_format("ndjson").stdout;
    lines.extend(in_format("json").stdout);
    let several = "captures/ntpsec-server-silent-on-refusal.pcapng --keys captures/shared-ntpsec.keys";
    lines.extend(run(&format!("conform judge {several} --format json")).stdout);
    lines
}

/// Recorded from real servers: one alone does what no text and no other server does, and nobody else is accused.
#[test]
fn captures_of_real_servers_prove_one_failure_and_no_other() {
    let mut accused = Vec::new();
    let mut judged = 0;
    for entry in std::fs::read_dir(root().join("captures")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| !extension.to_str().unwrap().starts_with("pcap")) {
            continue;
        }
        let own = path.with_extension("keys");
        let keys = if own.exists() { own.display().to_string() } else { KEYS.to_owned() };
        let output = run(&format!("conform judge {} --keys {keys} --format ndjson", path.display()));
        for line in text(&output.stdout).lines() {
            let record: Value = serde_json::from_str(line).unwrap();
            judged += usize::from(record["type"] == "case");
            if record["outcome"] == "fail" {
                let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
                accused.push((name, record["slug"].as_str().unwrap().to_owned()));
            }
        }
    }
    let signed_kiss = "ntporg-kiss-rate-signed-without-verifying".to_owned();
    assert_eq!(accused, [(signed_kiss, "kiss/not-signed-for-the-unverified".to_owned())]);
    assert!(judged > 200, "{judged}");
}
