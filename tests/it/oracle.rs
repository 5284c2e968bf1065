//! The expected results themselves: what the oracle computes, with Python's hashlib and openssl.

use std::process::Command;

use crate::common::root;

#[test]
fn the_oracle_still_says_what_the_expectations_say() {
    let output = Command::new("python3")
        .args(["tests/oracle/oracle.py", "--check", "captures"])
        .current_dir(root())
        .output()
        .expect("python3 runs the oracle");
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}
