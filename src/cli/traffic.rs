//! The capture of what a command sends and what comes back.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::capture::CaptureTime;
use crate::probe::udp::{Observer, Passing};

use super::destination::is_same_file;
use super::exit::CliError;
use super::interrupt::Interrupt;
use super::packets::Packets;

/// A capture that is being written, if one is wanted.
pub(super) struct Capture(Option<Arc<Mutex<Writing>>>);

struct Writing {
    path: PathBuf,
    packets: Packets,
    /// The first thing that went wrong.
    failed: Option<io::Error>,
}

impl Capture {
    /// Makes the file that was asked for, if one was. `inputs` are the files that are read, `command` is what writes it;
    /// `is_alone` is true when nothing else goes to standard output.
    ///
    /// # Errors
    /// When it cannot be made, or is one that is read.
    pub(super) fn create(
        path: Option<&Path>,
        force: bool,
        is_alone: bool,
        (command, inputs): (&str, &[PathBuf]),
        interrupt: &Interrupt,
    ) -> Result<Capture, CliError> {
        let Some(path) = path else { return Ok(Capture(None)) };
        if inputs.iter().any(|input| is_same_file(path, input)) {
            return Err(CliError::OverwritesInput { path: path.to_owned() });
        }
        if path == Path::new("-") && !is_alone {
            return Err(CliError::CaptureBesideText);
        }
        let packets = Packets::create(path, force, command, interrupt)?;
        Ok(Capture(Some(Arc::new(Mutex::new(Writing { path: path.to_owned(), packets, failed: None })))))
    }

    /// What writes down each datagram.
    pub(super) fn observer(&self) -> Option<Observer> {
        let writing = Arc::clone(self.0.as_ref()?);
        Some(Box::new(move |passing| lock(&writing).take(passing)))
    }

    /// True when something could not be written: what is asked from then on is not kept.
    pub(super) fn has_failed(&self) -> bool {
        self.0.as_ref().is_some_and(|writing| lock(writing).failed.is_some())
    }

    /// Writes out what is held back.
    ///
    /// # Errors
    /// The first thing that went wrong in writing.
    pub(super) fn finish(self) -> Result<(), CliError> {
        let Some(writing) = self.0 else { return Ok(()) };
        let mut writing = lock(&writing);
        let flushed = writing.packets.flush();
        match writing.failed.take().or(flushed.err()) {
            Some(error) => Err(CliError::Unwritten { path: writing.path.clone(), error }),
            None => Ok(()),
        }
    }
}

impl Writing {
    fn take(&mut self, passing: &Passing<'_>) {
        let time = CaptureTime {
            seconds: i64::try_from(passing.time.as_secs()).unwrap_or(i64::MAX),
            nanoseconds: passing.time.subsec_nanos(),
        };
        let ends = (passing.source, passing.destination);
        if let Err(error) = self.packets.write(time, ends, passing.octets, None) {
            self.failed.get_or_insert(error);
        }
    }
}

fn lock(writing: &Mutex<Writing>) -> MutexGuard<'_, Writing> {
    writing.lock().unwrap_or_else(PoisonError::into_inner)
}
