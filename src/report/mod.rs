//! Results as JSON, as a table and as text. Decides nothing: every format renders the records of [`model`].

mod anatomy;
pub mod census;
pub mod comment;
pub mod conform;
pub mod diagnosis;
pub mod explain;
pub mod fingerprint;
pub mod json;
pub mod key_diff;
pub mod lint;
pub mod model;
pub mod page;
pub mod probe;
mod sarif;
pub mod serve;
pub mod summary;
pub mod table;
pub mod text;
pub mod time;

use std::io;

use crate::analysis::{Event, Judged};
use model::SummaryRecord;

/// Takes results as they come, in order.
pub trait Sink {
    /// Takes one message. `file` names its capture where several are read together.
    ///
    /// # Errors
    /// Those of writing.
    fn message<'a>(&mut self, judged: &Judged<'a, 'a>, file: Option<&'a str>) -> io::Result<()>;

    /// Takes what several messages together show, when it is known.
    ///
    /// # Errors
    /// Those of writing.
    fn event(&mut self, event: &Event) -> io::Result<()>;

    /// Takes the counts after the last message.
    ///
    /// # Errors
    /// Those of writing.
    fn finish(&mut self, summary: &SummaryRecord<'_>) -> io::Result<()>;
}

/// Leaves nothing but the exit code.
pub struct Silent;

impl Sink for Silent {
    fn message<'a>(&mut self, _: &Judged<'a, 'a>, _: Option<&'a str>) -> io::Result<()> {
        Ok(())
    }

    fn event(&mut self, _: &Event) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self, _: &SummaryRecord<'_>) -> io::Result<()> {
        Ok(())
    }
}
