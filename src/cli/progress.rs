//! A line on the terminal that says how far a long run has come.

use std::time::Duration;

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How far a run has come. Nothing is drawn where it is not shown.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    sent: ProgressBar,
}

/// How often the line is drawn at least.
const TICK: Duration = Duration::from_millis(250);

impl Progress {
    /// The progress of so many targets, of which none is done. `longest` is told as what it may take.
    pub(super) fn new(targets: usize, longest: Duration, is_shown: bool) -> Progress {
        let target = if is_shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(targets as u64), target);
        let template = match targets {
            1 => "{spinner} {msg} requests sent, {elapsed} of at most {prefix}",
            _ => {
                "{spinner} {bar:30} {pos} of {len} targets, {msg} requests sent, {elapsed} of at most {prefix}"
            }
        };
        bar.set_prefix(HumanDuration(longest).to_string());
        bar.set_message("0");
        bar.set_style(
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        if is_shown {
            bar.enable_steady_tick(TICK);
        }
        Progress { bar, sent: ProgressBar::hidden() }
    }

    /// A request was sent.
    pub(super) fn sent(&self) {
        self.sent.inc(1);
        self.bar.set_message(self.sent.position().to_string());
    }

    /// A target is done.
    pub(super) fn done(&self) {
        self.bar.inc(1);
    }

    /// Does something that may write to the terminal: the line is out of its way.
    pub(super) fn aside<R>(&self, work: impl FnOnce() -> R) -> R {
        self.bar.suspend(work)
    }

    /// Takes the line away.
    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
