//! Writes records by a thread of its own, so that whoever reads them slowly, or not at all, does not hold up the
//! service.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::super::exit::CliError;

/// Most records that wait to be written, and most octets of them.
const MOST_RECORDS: usize = 1 << 14;
const MOST_OCTETS: u64 = 64 << 20;

/// Most records that are written before they are handed over to be seen.
const BATCH: usize = 1 << 10;

/// At the end, an output that takes nothing for this long takes no more.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where records go.
pub(super) trait Sink: Send + 'static {
    /// What is written.
    type Record: Send + 'static;

    /// How much room a record takes while it waits.
    fn octets(record: &Self::Record) -> usize;

    /// Writes a record.
    fn put(&mut self, record: Self::Record) -> io::Result<()>;

    /// Hands over what was written.
    fn flush(&mut self) -> io::Result<()>;
}

/// A queue of records, and the thread that writes them.
pub(super) struct Scribe<S: Sink> {
    path: PathBuf,
    queue: SyncSender<S::Record>,
    /// Disconnected when the thread has ended.
    ended: Mutex<Receiver<()>>,
    state: Arc<State>,
}

/// What both sides of a queue know.
#[derive(Default)]
struct State {
    records: AtomicU64,
    octets: AtomicU64,
    lost: AtomicU64,
    has_failed: AtomicBool,
    failure: Mutex<Option<io::Error>>,
}

impl<S: Sink> Scribe<S> {
    /// Starts to write to what was opened as `path`.
    pub(super) fn start(path: PathBuf, sink: S) -> Scribe<S> {
        let (queue, records) = sync_channel(MOST_RECORDS);
        let (end, ended) = channel();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            if let Err(error) = write_all(sink, &records, &shared) {
                *shared.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                shared.has_failed.store(true, Ordering::Release);
            }
            drop(end);
        });
        Scribe { path, queue, ended: Mutex::new(ended), state }
    }

    /// Queues a record. One that finds no room is counted and lost.
    ///
    /// # Errors
    /// When an earlier one could not be written; [`Scribe::finish`] says why.
    pub(super) fn write(&self, record: S::Record) -> io::Result<()> {
        self.check()?;
        let state = &self.state;
        let octets = S::octets(&record) as u64;
        state.records.fetch_add(1, Ordering::Relaxed);
        let is_too_much = state.octets.fetch_add(octets, Ordering::Relaxed) + octets > MOST_OCTETS;
        let is_lost = is_too_much
            || match self.queue.try_send(record) {
                Ok(()) => false,
                Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => true,
            };
        if is_lost {
            state.forget(octets);
            state.records.fetch_sub(1, Ordering::Relaxed);
            state.lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Says whether all could be written until now.
    ///
    /// # Errors
    /// When something could not.
    pub(super) fn check(&self) -> io::Result<()> {
        match self.state.has_failed.load(Ordering::Acquire) {
            true => Err(io::ErrorKind::BrokenPipe.into()),
            false => Ok(()),
        }
    }

    /// Waits until all is written, as long as anything is, and gives the number of records that were lost, with what
    /// kept the rest from being written.
    pub(super) fn finish(self) -> (u64, Option<CliError>) {
        let Scribe { path, queue, ended, state } = self;
        drop(queue);
        let ended = ended.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut before = state.records.load(Ordering::Relaxed);
        while ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            let records = state.records.load(Ordering::Relaxed);
            if records == before {
                let lost = state.lost.load(Ordering::Relaxed) + records;
                return (lost, Some(CliError::RecordsStalled { path, records }));
            }
            before = records;
        }
        let lost = state.lost.load(Ordering::Relaxed) + state.records.load(Ordering::Relaxed);
        let failure = state.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        (lost, failure.map(|error| CliError::Records { path, error }))
    }
}

impl State {
    fn forget(&self, octets: u64) {
        self.octets.fetch_sub(octets, Ordering::Relaxed);
    }
}

/// Writes what comes until nothing can come any more. Hands it over whenever nothing waits.
fn write_all<S: Sink>(mut sink: S, records: &Receiver<S::Record>, state: &State) -> io::Result<()> {
    sink.flush()?;
    while let Ok(first) = records.recv() {
        let mut written = 0;
        for record in std::iter::once(first).chain(records.try_iter()).take(BATCH) {
            state.forget(S::octets(&record) as u64);
            sink.put(record)?;
            written += 1;
        }
        sink.flush()?;
        state.records.fetch_sub(written, Ordering::Relaxed);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Takes a record whenever the test lets it.
    struct Slow(Receiver<()>, Arc<Mutex<Vec<u8>>>);

    impl Sink for Slow {
        type Record = u8;

        fn octets(_: &u8) -> usize {
            1
        }

        fn put(&mut self, record: u8) -> io::Result<()> {
            self.0.recv().map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
            self.1.lock().unwrap().push(record);
            Ok(())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_finds_no_room_is_counted_and_the_rest_is_written() {
        const TOO_MANY: usize = MOST_RECORDS + 11;
        let (letting, let_go) = channel();
        let written = Arc::default();
        let scribe = Scribe::start(Path::new("log").to_owned(), Slow(let_go, Arc::clone(&written)));
        (0..TOO_MANY).for_each(|_| scribe.write(7).unwrap());
        (0..TOO_MANY).for_each(|_| letting.send(()).unwrap());
        let (lost, failure) = scribe.finish();
        assert!(failure.is_none());
        // The thread may have taken a record from the queue, and no more while it waits.
        assert!(lost == 10 || lost == 11, "{lost}");
        assert_eq!(written.lock().unwrap().len(), TOO_MANY - usize::try_from(lost).unwrap());
    }

    #[test]
    fn an_output_that_takes_nothing_is_given_up() {
        let (_letting, let_go) = channel();
        let scribe = Scribe::start(Path::new("log").to_owned(), Slow(let_go, Arc::default()));
        for _ in 0..MOST_RECORDS + 11 {
            scribe.write(7).unwrap();
        }
        let (lost, failure) = scribe.finish();
        assert_eq!(lost, MOST_RECORDS as u64 + 11);
        assert!(matches!(failure, Some(CliError::RecordsStalled { .. })));
    }

    #[test]
    fn a_reader_that_left_is_told_of() {
        let (letting, let_go) = channel();
        drop(letting);
        let scribe = Scribe::start(Path::new("log").to_owned(), Slow(let_go, Arc::default()));
        scribe.write(7).unwrap();
        while scribe.check().is_ok() {
            std::thread::yield_now();
        }
        assert!(scribe.write(8).is_err());
        let (lost, failure) = scribe.finish();
        assert_eq!(lost, 1);
        assert!(matches!(failure, Some(CliError::Records { .. })));
    }
}
