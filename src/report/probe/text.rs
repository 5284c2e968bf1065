//! Targets as text: all that is known of one, or a line for each of many.

use std::io::{self, Write};

use super::TargetRecord;

impl TargetRecord {
    /// Writes all that is known, in a few lines.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write_text(&self, output: &mut impl Write) -> io::Result<()> {
        writeln!(output, "{}: {}", self.label(), self.verdict)?;
        for key in &self.keys {
            let algorithm = key.algorithm.unwrap_or("?");
            let (answered, sent) = (key.answered, key.sent);
            writeln!(
                output,
                "  key {} ({algorithm}): {}, {answered} of {sent} answered",
                key.key_id, key.verdict
            )?;
            for (side, check) in [("server", key.check_server), ("client", key.check_client)] {
                if let Some(check) = check {
                    writeln!(output, "    check on the {side}: {check}")?;
                }
            }
        }
        let behaviour = &self.behaviour;
        let known = |answer: Option<&'static str>| answer.unwrap_or("not known");
        writeln!(output, "  class: {}", known(behaviour.class))?;
        writeln!(output, "  authentication: {}", known(self.authentication))?;
        for line in self.policy.lines() {
            writeln!(output, "  {line}")?;
        }
        if let Some(control) = &self.control {
            writeln!(output, "  {}", control.line())?;
        }
        let implementation = &self.implementation;
        write!(output, "  implementation: {}", implementation.name)?;
        match (implementation.certainty, implementation.candidates.as_slice()) {
            ("none", []) if implementation.evidence.is_empty() => writeln!(output)?,
            ("none", []) => writeln!(output, ", none that is known answers like this")?,
            ("none", candidates) => writeln!(output, ", may be {}", candidates.join(" or "))?,
            (certainty, _) => writeln!(output, ", certainty {certainty}")?,
        }
        if let (Some(offset), Some(delay)) = (self.offset_s, self.delay_s) {
            writeln!(output, "  offset: {offset:+.6} s, delay {delay:.6} s")?;
        }
        writeln!(output, "  requests:")?;
        for request in &self.requests {
            let key = request.key_id.map_or(String::new(), |key_id| format!(" (key {key_id})"));
            let name = format!("{}{key}", request.request);
            writeln!(output, "    {name:<28} {:<20} sent {}", request.answer, request.sent)?;
        }
        if let Some(stopped) = &self.stopped {
            writeln!(output, "  stopped: {stopped}")?;
        }
        Ok(())
    }

    /// Writes the columns of [`TargetRecord::write_line`].
    ///
    /// # Errors
    /// Those of writing.
    pub fn write_heading(output: &mut impl Write, width: usize) -> io::Result<()> {
        writeln!(output, "{:<width$}  {:<20} {:<22} implementation", "target", "verdict", "class")
    }

    /// Writes a line, with so much room for the target.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write_line(&self, output: &mut impl Write, width: usize) -> io::Result<()> {
        let class = self.behaviour.class.unwrap_or("-");
        let name = self.implementation.name;
        writeln!(output, "{:<width$}  {:<20} {class:<22} {name}", self.label(), self.verdict)
    }
}
