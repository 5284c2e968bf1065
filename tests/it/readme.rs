//! The README tells the truth: its first command gives the output that stands below it.

use std::fs;

use crate::common::{root, run};

#[test]
fn the_first_command_gives_the_output_of_the_readme() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let command = readme
        .lines()
        .find_map(|line| line.strip_prefix("cargo run --release -- "))
        .expect("a first command");
    let block = readme.split("```text\n").nth(1).expect("its output").split("```").next().unwrap();
    let output = run(command);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), block, "output of: ntpcap {command}");
}

#[test]
fn the_test_command_is_what_runs_everywhere() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let script = fs::read_to_string(root().join(".ci/run")).unwrap();
    let commands: Vec<&str> =
        script.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
    assert_eq!(commands.last(), Some(&"exec tests/run"));
    assert!(readme.lines().any(|line| line == "tests/run"), "the README names the test command");
}
