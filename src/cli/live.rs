//! Inputs that are still being written: pipes, and files that grow. They are waited for here, so that a reader sees
//! nothing but a source that takes its time.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::exit::{CliError, label};
use super::inputs::{is_standard_input, unreadable};
use super::interrupt::Interrupt;
use super::say;

/// What is done before a wait: writing out what is there to be seen.
#[derive(Clone)]
pub(super) struct OnIdle(Arc<Mutex<dyn Write + Send>>);

impl OnIdle {
    /// Flushes `output`.
    pub(super) fn flushing(output: impl Write + Send + 'static) -> OnIdle {
        OnIdle(Arc::new(Mutex::new(output)))
    }

    /// Does nothing.
    pub(super) fn nothing() -> OnIdle {
        OnIdle::flushing(io::sink())
    }

    /// False when the output takes no more. Why it does not is told when it is written to next.
    fn call(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).flush().is_ok()
    }
}

/// Opens `path` to be read, without a wait for the writer of a named pipe: that would last through a signal.
pub(super) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)
}

/// Opens a device or pipe to be written. A named pipe that has no reader yet is waited for.
///
/// # Errors
/// Those of opening, and an interruption of the wait.
pub(super) fn open_to_write(path: &Path, interrupt: &Interrupt) -> Result<File, CliError> {
    let failed = |error| unreadable(path, error);
    let is_pipe = fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo());
    loop {
        match OpenOptions::new().write(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path) {
            Ok(file) => {
                // From here on a slow reader is to be waited for.
                fcntl(&file, FcntlArg::F_SETFL(OFlag::empty())).map_err(|error| failed(error.into()))?;
                return Ok(file);
            }
            Err(error) if is_pipe && error.raw_os_error() == Some(Errno::ENXIO as i32) => {
                if interrupt.is_set() {
                    return Err(CliError::Interrupted);
                }
                std::thread::sleep(WAIT);
            }
            Err(error) => return Err(failed(error)),
        }
    }
}

/// Standard input, a named pipe or another thing that is no file.
pub(super) struct Pipe {
    file: File,
    interrupt: Interrupt,
    on_idle: OnIdle,
    /// When to stop after an interruption.
    deadline: Option<Instant>,
}

impl Pipe {
    /// Reads `file` until it ends. When interrupted, reads on for a moment: the program that writes into the pipe often
    /// gets the same signal, and then has its last packets to hand over.
    pub(super) fn new(file: File, interrupt: Interrupt, on_idle: OnIdle) -> Pipe {
        Pipe { file, interrupt, on_idle, deadline: None }
    }

    /// True when reading would not wait.
    fn is_ready(&self, wait: PollTimeout) -> io::Result<bool> {
        let mut polled = [PollFd::new(self.file.as_fd(), PollFlags::POLLIN)];
        match poll(&mut polled, wait) {
            Ok(count) => Ok(count > 0),
            Err(nix::Error::EINTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn is_over(&mut self) -> bool {
        self.interrupt.is_set()
            && Instant::now() >= *self.deadline.get_or_insert_with(|| Instant::now() + AFTER_INTERRUPTION)
    }
}

impl Read for Pipe {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if !self.is_ready(PollTimeout::ZERO)? && !self.on_idle.call() {
            return Ok(0);
        }
        while !self.is_over() {
            if !self.is_ready(PollTimeout::from(WAIT_MILLISECONDS))? {
                continue;
            }
            match self.file.read(room) {
                // Another reader of the pipe was faster.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
        }
        Ok(0)
    }
}

/// A file that another program appends to.
pub(super) struct GrowingFile {
    file: File,
    path: PathBuf,
    quiet: bool,
    interrupt: Interrupt,
    on_idle: OnIdle,
    position: u64,
}

impl GrowingFile {
    /// Reads `file`, which is what `path` named when it was opened, and waits at its end for more.
    pub(super) fn new(
        file: File,
        path: &Path,
        quiet: bool,
        interrupt: Interrupt,
        on_idle: OnIdle,
    ) -> GrowingFile {
        GrowingFile { file, path: path.to_owned(), quiet, interrupt, on_idle, position: 0 }
    }

    fn read_on(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(room)?;
        self.position += count as u64;
        Ok(count)
    }

    /// Why nothing more will come, if that is so.
    fn why_over(&self) -> io::Result<Option<&'static str>> {
        let opened = self.file.metadata()?;
        if opened.len() < self.position {
            return Ok(Some("was cut shorter"));
        }
        if is_standard_input(&self.path) {
            return Ok(None);
        }
        Ok(match fs::metadata(&self.path) {
            Ok(named) if (named.dev(), named.ino()) == (opened.dev(), opened.ino()) => None,
            Ok(_) => Some("was replaced by another file"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Some("was removed or renamed"),
            Err(_) => None,
        })
    }
}

impl Read for GrowingFile {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.read_on(room)?;
            if count > 0 {
                return Ok(count);
            }
            if !self.on_idle.call() || self.interrupt.is_set() {
                return Ok(0);
            }
            if let Some(reason) = self.why_over()? {
                // What was written between the two looks.
                let count = self.read_on(room)?;
                if count == 0 && !self.quiet {
                    say(&format!("note: {} {reason}, so it is followed no longer", label(&self.path)));
                }
                return Ok(count);
            }
            std::thread::sleep(WAIT);
        }
    }
}

/// How long it takes at most until a signal or new octets are noticed.
const WAIT: Duration = Duration::from_millis(100);
const WAIT_MILLISECONDS: u8 = 100;

/// How long a pipe is read after an interruption, if it does not end before.
const AFTER_INTERRUPTION: Duration = Duration::from_millis(500);
