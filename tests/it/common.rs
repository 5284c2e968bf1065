//! What several tests need: running the program, finding captures.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};

/// The project's folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The program, run in the project's folder with an environment of its own.
pub(crate) fn ntpcap() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ntpcap"));
    command.current_dir(root()).env_remove("NTPCAP_KEYS").env_remove("NO_COLOR").stdin(Stdio::null());
    command
}

/// Runs the program with arguments that are separated by spaces.
pub(crate) fn run(arguments: &str) -> Output {
    ntpcap().args(arguments.split(' ').filter(|word| !word.is_empty())).output().unwrap()
}

/// Starts a command that runs on, and hands over what it writes line by line.
pub(crate) fn start(command: &mut Command) -> (Child, Receiver<String>) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in output.lines() {
            // A test that has failed listens no more.
            let _ = sender.send(line.unwrap());
        }
    });
    (child, lines)
}

/// The records that the program writes with `--ndjson`.
pub(crate) fn records(output: &Output) -> Vec<serde_json::Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Every capture of a folder: the files that an index beside them says what to expect of.
pub(crate) fn captures(folder: &str) -> Vec<PathBuf> {
    let mut captures: Vec<PathBuf> = std::fs::read_dir(root().join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            !name.ends_with(".json") && !name.ends_with(".md") && !name.ends_with(".keys")
        })
        .collect();
    captures.sort();
    assert!(!captures.is_empty(), "no captures in {folder}");
    captures
}
