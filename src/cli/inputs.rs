//! Opening captures: files, directories, standard input.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::capture::{CaptureError, Reader};

use super::access::Access;
use super::exit::{CliError, label};
use super::interrupt::Interrupt;
use super::live::{self, GrowingFile, OnIdle, Pipe};

/// The captures of a run, opened.
pub(super) struct Inputs {
    /// What to call each in outputs.
    pub(super) labels: Vec<String>,
    /// Their readers, in the same order.
    pub(super) readers: Vec<Reader>,
    /// Things to say about files of a directory that are not read.
    pub(super) warnings: Vec<String>,
    /// True when a file of a directory could not be read though it should be.
    pub(super) incomplete: bool,
    /// Whether the user wants it to end.
    pub(super) interrupt: Interrupt,
    /// True when an input is still being written. It ends by itself when the user interrupts.
    pub(super) live: bool,
    waiting: Waiting,
}

/// What to do while an input that is still being written has nothing more.
pub(super) struct Waiting {
    /// Whether to wait for more at the end of a file.
    pub(super) follow: bool,
    /// Whether to say why a file is followed no longer.
    pub(super) quiet: bool,
    /// Called before each wait.
    pub(super) on_idle: OnIdle,
}

/// Opens what the command line names.
///
/// # Errors
/// The first file that is named itself and cannot be read as a capture, or a directory that has none.
pub(super) fn open(paths: &[PathBuf]) -> Result<Inputs, CliError> {
    open_waiting(paths, Waiting { follow: false, quiet: true, on_idle: OnIdle::nothing() })
}

/// The same; `waiting` says what to do while there is nothing more.
///
/// # Errors
/// Those of [`open`].
pub(super) fn open_waiting(paths: &[PathBuf], waiting: Waiting) -> Result<Inputs, CliError> {
    let mut inputs = Inputs {
        labels: Vec::new(),
        readers: Vec::new(),
        warnings: Vec::new(),
        incomplete: false,
        interrupt: Interrupt::catch()?,
        live: false,
        waiting,
    };
    if paths.iter().filter(|path| is_standard_input(path)).count() > 1 {
        return Err(CliError::StandardInputTwice);
    }
    if inputs.waiting.follow && (paths.len() != 1 || paths.iter().any(|path| path.is_dir())) {
        return Err(CliError::FollowsSeveral);
    }
    allow_many_files();
    for path in paths {
        if is_standard_input(path) {
            let standard = io::stdin().as_fd().try_clone_to_owned();
            inputs.add_file(path, standard.map_err(|error| unreadable(path, error))?.into())?;
        } else if path.is_dir() {
            inputs.add_directory(path)?;
        } else {
            let file = live::open(path).map_err(|error| unreadable(path, error))?;
            inputs.add_file(path, file)?;
        }
    }
    Ok(inputs)
}

/// Captures are merged by time, so all are open at once: raises the soft limit on open files as far as it goes, and
/// gives it.
pub(super) fn allow_many_files() -> u64 {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return u64::MAX };
    if soft < hard && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok() {
        return hard;
    }
    // Where it stays as it is, opening the file that is too many says so.
    soft
}

/// True for `-`.
pub(super) fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// The error of a file that cannot be opened or read.
pub(super) fn unreadable(path: &Path, error: io::Error) -> CliError {
    CliError::File { path: path.to_owned(), access: Box::new(Access::explain(path, error)) }
}

impl Inputs {
    /// Adds a file that is named itself; one that is still being written is waited for.
    fn add_file(&mut self, path: &Path, file: File) -> Result<(), CliError> {
        let kind = file.metadata().map_err(|error| unreadable(path, error))?.file_type();
        if kind.is_file() && !self.waiting.follow {
            return self.add(path, Reader::new(file));
        }
        self.live = true;
        let (interrupt, on_idle) = (self.interrupt.clone(), self.waiting.on_idle.clone());
        let reader = if kind.is_file() {
            Reader::new(GrowingFile::new(file, path, self.waiting.quiet, interrupt, on_idle))
        } else {
            Reader::new(Pipe::new(file, interrupt, on_idle))
        };
        match reader {
            // Nothing came so far; whoever follows is told just that.
            Err(_) if self.interrupt.is_set() && self.waiting.follow => Ok(()),
            Err(_) if self.interrupt.is_set() => Err(CliError::Interrupted),
            reader => self.add(path, reader),
        }
    }

    fn add(&mut self, path: &Path, reader: Result<Reader, CaptureError>) -> Result<(), CliError> {
        let reader = reader.map_err(|error| CliError::Capture { path: path.to_owned(), error })?;
        self.labels.push(label(path));
        self.readers.push(reader);
        Ok(())
    }

    fn add_directory(&mut self, directory: &Path) -> Result<(), CliError> {
        let files = files_of(directory).map_err(|error| unreadable(directory, error))?;
        let before = self.readers.len();
        for path in &files {
            self.add_member(path);
        }
        if self.readers.len() == before {
            return Err(CliError::NoCaptures { path: directory.to_owned(), files: files.len() });
        }
        Ok(())
    }

    /// Adds a file of a directory, or says why not: whoever names a directory does not vouch for each file.
    fn add_member(&mut self, path: &Path) {
        let error = match File::open(path) {
            Err(error) => unreadable(path, error),
            Ok(file) => match self.add(path, Reader::new(file)) {
                Ok(()) => return,
                Err(error) => error,
            },
        };
        // A capture that was just begun is empty too.
        let is_other_file = matches!(
            error,
            CliError::Capture {
                error: CaptureError::NotACapture(_) | CaptureError::ForeignFormat(_) | CaptureError::Empty,
                ..
            }
        );
        if !is_other_file {
            self.incomplete = true;
        }
        self.warnings.push(format!("{error}; not read"));
    }
}

/// Regular files of a directory, and links to them, by name.
fn files_of(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
