//! Every line that the program writes fits the schema that it publishes, by an independent validator.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::common::{captures, root, run};

/// Reads the schema and then lines, and names each that does not fit.
const VALIDATOR: &str = r#"
import json, sys
import jsonschema
schema = json.load(open(sys.argv[1]))
validator = jsonschema.Draft202012Validator(schema)
lines = bad = 0
for line in sys.stdin:
    lines += 1
    for error in validator.iter_errors(json.loads(line)):
        bad += 1
        print("line", lines, error.message[:400], file=sys.stderr)
print(lines)
sys.exit(1 if bad or not lines else 0)
"#;

#[test]
fn records_and_documents_fit_the_published_schema() {
    let schema = tempfile::NamedTempFile::new().unwrap();
    schema.as_file().write_all(&run("schema").stdout).unwrap();
    let mut lines = Vec::new();
    for capture in captures("captures") {
        let capture = capture.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        for arguments in
            ["--ndjson --keys captures/shared-chrony.keys", "--json --keys captures/shared-ntp.org.keys"]
        {
            lines.extend(one_line(run(&format!("verify {capture} {arguments}")).stdout, arguments));
        }
        for arguments in ["--ndjson ", "--json "] {
            let census = format!("census {capture} {arguments} --keys captures/shared-chrony.keys");
            lines.extend(one_line(run(&census).stdout, arguments));
        }
        lines.extend(run(&format!("decode {capture} --ndjson")).stdout);
    }
    lines.extend(crate::probe::sample());
    lines.extend(crate::conform::command::sample());
    lines.extend(crate::keymaking::sample());
    lines.extend(crate::lint::sample());
    lines.extend(crate::serve::records::sample());
    let mut validator = Command::new(python_with_jsonschema())
        .args(["-c", VALIDATOR])
        .arg(schema.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = validator.stdin.take().unwrap();
    let writer = std::thread::spawn(move || input.write_all(&lines));
    let output = validator.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    writer.join().unwrap().unwrap();
}

/// The document of `--json` stands on several lines; the validator takes one.
fn one_line(octets: Vec<u8>, arguments: &str) -> Vec<u8> {
    if !arguments.starts_with("--json ") {
        return octets;
    }
    let mut octets: Vec<u8> = octets.into_iter().filter(|octet| *octet != b'\n').collect();
    octets.push(b'\n');
    octets
}

/// Debian's own Python has the validator as a package; another one may be first in the path.
fn python_with_jsonschema() -> &'static str {
    let has_it = |python: &&str| {
        let import = Command::new(python).args(["-c", "import jsonschema"]).stderr(Stdio::null()).status();
        import.is_ok_and(|status| status.success())
    };
    ["/usr/bin/python3", "python3"]
        .into_iter()
        .find(has_it)
        .expect("a Python with jsonschema; Debian's package is python3-jsonschema")
}
