//! Documents: of several servers, with warnings that count, and all that explains a failure.

use std::io::Write;
use std::process::Command;

use serde_json::Value;

use crate::common::{root, run};

/// Two servers with one address each.
const TWO: &str =
    "conform judge captures/ntpsec-server-silent-on-refusal.pcapng --keys captures/shared-ntpsec.keys";

/// Each is right by itself, and both have one address.
const SAME: [&str; 2] =
    ["captures/ntpd-rs-server-ignores-macs.pcap", "captures/ntpsec-server-silent-on-refusal.pcapng"];

const FORMATS: [&str; 8] = ["text", "json", "ndjson", "junit", "tap", "markdown", "sarif", "html"];

fn told(arguments: &str) -> String {
    String::from_utf8(run(arguments).stdout).unwrap()
}

fn json(arguments: &str) -> Value {
    serde_json::from_str(&told(&format!("{arguments} --format json"))).unwrap()
}

fn assert_is_junit(xml: &str) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(xml.as_bytes()).unwrap();
    let schema = root().join("tests/it/conform/junit.xsd");
    let mut xmllint = Command::new("xmllint");
    let checked = xmllint.args(["--noout", "--nonet", "--schema"]).arg(schema).arg(file.path()).output();
    let checked = checked.expect("xmllint, of Debian's package libxml2-utils");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[test]
fn several_servers_are_one_document() {
    let document = json(TWO);
    let reports = document["reports"].as_array().unwrap();
    assert_eq!((document["schema"].as_u64(), reports.len()), (Some(1), 2));
    let cases: usize = reports.iter().map(|report| report["cases"].as_array().unwrap().len()).sum();
    let labels: Vec<&str> = reports.iter().map(|report| report["label"].as_str().unwrap()).collect();
    for format in FORMATS {
        let told = told(&format!("{TWO} --format {format}"));
        let count = |word: &str| told.matches(word).count();
        match format {
            "junit" => {
                assert_is_junit(&told);
                assert_eq!((count("<?xml"), count("<testcase ")), (1, cases));
                assert!(told.contains(&format!("<testsuite name=\"{} header\"", labels[0])), "{told}");
            }
            "tap" => {
                assert_eq!(count("TAP version"), 1);
                assert!(
                    told.contains(&format!("\n1..{cases}\n"))
                        && told.contains(&format!("ok {cases} - {}", labels[1]))
                );
            }
            "sarif" => {
                let log: Value = serde_json::from_str(&told).unwrap();
                assert_eq!(log["runs"].as_array().unwrap().len(), 2);
            }
            "html" => assert_eq!((count("<!DOCTYPE"), count("<h2>"), count("data-outcome")), (1, 2, cases)),
            "markdown" => {
                assert_eq!((count("\n# "), told.starts_with("# Conformance of 2 servers\n")), (0, true))
            }
            "ndjson" => assert_eq!((count("\"type\":\"case\""), count("\"type\":\"summary\"")), (cases, 2)),
            _ => labels.iter().for_each(|label| assert!(told.contains(label), "{format}")),
        }
    }
}

#[test]
fn a_matrix_has_a_column_for_each_server_of_a_document() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("two.json").display().to_string();
    run(&format!("{TWO} --format json -o {path}"));
    let matrix = told(&format!("conform matrix {path}"));
    assert_eq!(matrix.lines().next().unwrap().matches('|').count(), 5, "{matrix}");
    let output = run(&format!("conform matrix {path} -o {path}.pdf"));
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("(.html)"));
}

/// What a stored report has may be anything.
#[test]
fn a_matrix_holds_whatever_stands_in_a_report() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let mut report = json("conform self --only header/length --label \u{1b}[31mred");
    report["cases"][0]["slug"] = "a|b<c>\nd".into();
    report["cases"][0]["outcome"] = "pass|".into();
    file.write_all(report.to_string().as_bytes()).unwrap();
    let matrix = told(&format!("conform matrix {}", file.path().display()));
    assert_eq!(matrix.lines().count(), 3, "{matrix}");
    assert!(matrix.contains(r"a\|b\<c\> d") && !matrix.contains('\u{1b}'), "{matrix}");
}

#[test]
fn a_baseline_is_of_one_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("known.toml");
    let output = run(&format!("{TWO} --write-baseline {}", path.display()));
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("a baseline is of one server, and the captures tell of 2"), "{said}");
    assert!(!path.exists());
}

#[test]
fn documents_of_nothing_are_documents() {
    let none = "conform judge captures/checksums-left-to-offload.pcap --only nts";
    let document = json(none);
    assert_eq!(document["reports"].as_array().unwrap().len(), 0);
    assert_is_junit(&told(&format!("{none} --format junit")));
    assert_eq!(told(&format!("{none} --format tap")), "TAP version 14\n1..0\n");
    let log: Value = serde_json::from_str(&told(&format!("{none} --format sarif"))).unwrap();
    assert_eq!(log["runs"].as_array().unwrap().len(), 0);
    assert!(told(&format!("{none} --format html")).contains("</html>"));
    assert_eq!(run(none).status.code(), Some(3));
}

#[test]
fn servers_of_different_captures_are_judged_apart() {
    let keys = "--keys captures/shared-ntpsec.keys";
    let both = json(&format!("conform judge {} {} {keys}", SAME[0], SAME[1]));
    let reports = both["reports"].as_array().unwrap();
    for capture in SAME {
        let of_capture =
            |report: &&Value| report["label"].as_str().unwrap().starts_with(&format!("{capture} "));
        assert!(reports.iter().any(|report| of_capture(&report)), "{capture}");
        for report in reports.iter().filter(of_capture) {
            for case in report["cases"].as_array().unwrap() {
                assert_ne!(case["outcome"], "fail", "{case}");
                assert!(case["actual"].as_str().unwrap().ends_with(&format!(" of {capture})")), "{case}");
            }
        }
    }
}

const WARNS: &str =
    "conform self --fault header-field:field=reference-time,value=-48h --fault wrong-mode:key=1";

#[test]
fn warnings_are_failures_in_every_format_where_it_is_strict() {
    let outcomes = json(WARNS)["summary"]["outcomes"].clone();
    let of = |name: &str| usize::try_from(outcomes[name].as_u64().unwrap_or(0)).unwrap();
    let (warn, fail, open) = (of("warn"), of("fail"), of("inconclusive"));
    assert!(warn > 0, "{outcomes}");
    for (option, wrong) in [("", fail), ("--strict", fail + warn)] {
        let of = |format: &str| told(&format!("{WARNS} {option} --format {format}"));
        assert_eq!(of("junit").matches("<failure ").count(), wrong, "{option}");
        assert_eq!(of("tap").matches("\nnot ok ").count(), wrong + open, "{option}");
        assert_eq!(of("sarif").matches("\"level\":\"error\"").count(), wrong, "{option}");
    }
}

#[test]
fn every_format_has_all_that_explains_a_failure() {
    let faulty = "conform self --fault wrong-mode";
    let report = json(faulty);
    let failed = report["cases"].as_array().unwrap().iter().find(|case| case["outcome"] == "fail").unwrap();
    for format in FORMATS {
        let told = told(&format!("{faulty} --format {format} --only {}", failed["slug"].as_str().unwrap()));
        // Lines may be folded, and signs escaped.
        let words: Vec<&str> = told.split_whitespace().collect();
        let told = words.join(" ").replace("&quot;", "\"").replace("&#x2f;", "/");
        for field in ["expected", "source", "alone"] {
            assert!(told.contains(failed[field].as_str().unwrap()), "{format} {field}: {told}");
        }
        let octets = failed["octets"][0].as_str().unwrap();
        assert!(told.contains(octets) && told.contains("origin"), "{format}: {told}");
    }
}
