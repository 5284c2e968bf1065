//! The user's wish to end: SIGINT and SIGTERM.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use super::exit::Exit;

/// Whether a signal has come.
#[derive(Clone, Debug)]
pub(super) struct Interrupt {
    flag: Arc<AtomicBool>,
    terminate: Arc<AtomicBool>,
}

/// How the user wishes to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// SIGINT, as from the keyboard.
    Interrupt,
    /// SIGTERM, as from who manages services.
    Terminate,
}

impl Interrupt {
    /// Takes note of signals from now on. The first one sets the flag, a second one ends the program at once.
    ///
    /// # Errors
    /// When the system does not let signals be caught.
    pub(super) fn catch() -> io::Result<Interrupt> {
        let [flag, terminate] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
        for signal in [SIGINT, SIGTERM] {
            // In this order: the first signal must find the flag not yet set.
            flag::register_conditional_shutdown(signal, Exit::Interrupted.code().into(), Arc::clone(&flag))?;
            if signal == SIGTERM {
                flag::register(signal, Arc::clone(&terminate))?;
            }
            flag::register(signal, Arc::clone(&flag))?;
        }
        Ok(Interrupt { flag, terminate })
    }

    /// Takes SIGHUP, too, for a wish to end: that of a server whose terminal closes. Under `nohup` it is ignored, and
    /// stays so.
    ///
    /// # Errors
    /// As [`Interrupt::catch`].
    pub(super) fn or_hangup(self) -> io::Result<Interrupt> {
        if is_hangup_ignored() {
            return Ok(self);
        }
        for flag in [&self.terminate, &self.flag] {
            flag::register(SIGHUP, Arc::clone(flag))?;
        }
        Ok(self)
    }

    /// True once a signal has come.
    pub(super) fn is_set(&self) -> bool {
        self.flag.load(Ordering::Relaxed)
    }

    /// The signal that has come.
    pub(super) fn signal(&self) -> Option<Signal> {
        let is_termination = self.terminate.load(Ordering::Relaxed);
        self.is_set().then_some(if is_termination { Signal::Terminate } else { Signal::Interrupt })
    }
}

/// True when whoever started the program has it ignore SIGHUP, the lowest bit of the mask that Linux shows.
fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 != 0)
}
