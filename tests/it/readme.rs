//! The README tells the truth: its commands give the outputs that stand below them.

use std::fs;

use crate::common::{root, run};

#[test]
fn every_command_with_an_output_below_it_gives_that_output() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let mut compared = 0;
    for (before, after) in readme.match_indices("```text\n").map(|(at, _)| readme.split_at(at)) {
        let command =
            before.trim_end().strip_suffix("```").and_then(|before| before.trim_end().lines().last());
        let command = command.expect("a command stands above each output");
        let arguments = command.strip_prefix("cargo run --release -- ").or(command.strip_prefix("ntpcap "));
        let output = run(arguments.unwrap_or_else(|| panic!("not a command of ntpcap: {command}")));
        let block = after.strip_prefix("```text\n").unwrap().split("```").next().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), block, "output of: {command}");
        compared += 1;
    }
    assert!(compared >= 2);
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
