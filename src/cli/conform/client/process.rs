//! The client as a process: started in a group of its own, read, and ended with all that it has started.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::conformance::client::reader::End;

/// Most of an output that is read.
const MOST_OUTPUT: u64 = 64 << 10;

/// How long a process has to end when it is asked to.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often it is looked whether a process has ended.
const STEP: Duration = Duration::from_millis(20);

/// A program that was started, and everything that it starts.
pub(super) struct Process {
    child: Child,
    group: Pid,
    output: PathBuf,
    end: Option<End>,
}

impl Process {
    /// Starts a command, its words as they are. What it writes goes to the file.
    ///
    /// # Errors
    /// When there is no such program.
    pub(super) fn start(words: &[String], output: &Path) -> io::Result<Process> {
        let Some((program, arguments)) = words.split_first() else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let written = File::create(output)?;
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(written.try_clone()?)
            .stderr(written)
            .process_group(0)
            .spawn()?;
        let group = Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?);
        Ok(Process { child, group, output: output.to_owned(), end: None })
    }

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> Option<End> {
        if self.end.is_none() {
            self.end = self.child.try_wait().ok().flatten().map(end);
        }
        self.end
    }

    /// Waits for its end, so long at most and until `stop` says so.
    pub(super) fn wait(&mut self, longest: Duration, stop: impl Fn() -> bool) -> Option<End> {
        let begin = Instant::now();
        while self.ended().is_none() && begin.elapsed() < longest && !stop() {
            thread::sleep(STEP);
        }
        self.end
    }

    /// Ends it and all of its group, and says how it had ended by itself, if it had.
    pub(super) fn stop(&mut self) -> End {
        let end = self.ended().unwrap_or(End::Stopped);
        for signal in [Signal::SIGTERM, Signal::SIGKILL] {
            // There may be none left of the group.
            if killpg(self.group, signal).is_err() && self.ended().is_some() {
                break;
            }
            if signal == Signal::SIGTERM && self.end.is_none() {
                self.wait(PATIENCE, || false);
            }
        }
        let _ = self.child.wait();
        end
    }

    /// What it has written so far.
    pub(super) fn output(&self) -> String {
        let mut octets = Vec::new();
        let read = File::open(&self.output).and_then(|file| file.take(MOST_OUTPUT).read_to_end(&mut octets));
        read.map(|_| String::from_utf8_lossy(&octets).into_owned()).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

fn end(status: ExitStatus) -> End {
    match (status.code(), status.signal()) {
        (Some(code), _) => End::Code(code),
        (None, signal) => End::Signal(signal.unwrap_or(0)),
    }
}

/// The words of a command, split at spaces; what stands between quotes is one.
pub(super) fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for character in command.chars() {
        match (quote, character) {
            (Some(end), _) if character == end => quote = None,
            (None, '"' | '\'') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, _) if character.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

/// Writes a file that only its owner reads.
///
/// # Errors
/// Those of writing.
pub(super) fn write_private(path: &Path, octets: &[u8]) -> io::Result<()> {
    // One that is there may be readable by others.
    let _ = fs::remove_file(path);
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_split_as_a_shell_would_but_for_everything_else() {
        assert_eq!(words("a  'b c' d\"e f\"g ''"), ["a", "b c", "de fg", ""]);
        assert_eq!(words("  "), Vec::<String>::new());
    }

    #[test]
    fn a_process_is_ended_with_what_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("output");
        let command = words("sh -c 'sleep 60 & echo $!; wait'");
        let mut process = Process::start(&command, &output).unwrap();
        let begin = Instant::now();
        while process.output().is_empty() && begin.elapsed() < Duration::from_secs(5) {
            thread::sleep(STEP);
        }
        let sleeping = process.output();
        assert_eq!(process.stop(), End::Stopped);
        let state = || fs::read_to_string(format!("/proc/{}/stat", sleeping.trim())).unwrap_or_default();
        let is_gone = || state().is_empty() || state().contains(") Z ");
        while !is_gone() && begin.elapsed() < Duration::from_secs(10) {
            thread::sleep(STEP);
        }
        assert!(is_gone(), "{}", state());
    }
}
