//! Targets as text: all that is known of one, or a line for each of many.

use std::io::{self, Write};

use super::{KeyRecord, TargetRecord};

/// Columns that a line may have, where words can be broken off it.
const WIDTH: usize = 80;

impl TargetRecord {
    /// Writes all that is known, in a few lines.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write_text(&self, output: &mut impl Write) -> io::Result<()> {
        writeln!(output, "{}: {}", self.label(), verdict(&self.verdict, self.kiss_signed))?;
        write_checks(output, 2, self.check_server, self.check_client)?;
        for key in &self.keys {
            self.write_key(output, key)?;
        }
        if let Some(clock) = &self.clock {
            let state = if clock.synchronised { "" } else { ": it has no time" };
            let (stratum, leap, source) = (clock.stratum, clock.leap, &clock.reference_id);
            writeln!(output, "  clock: stratum {stratum}, leap {leap}, reference {source}{state}")?;
        }
        let behaviour = &self.behaviour;
        let known = |answer: Option<&'static str>| answer.unwrap_or("not known");
        writeln!(output, "  class: {}", known(behaviour.class))?;
        writeln!(output, "  authentication: {}", known(self.authentication))?;
        for line in self.policy.lines() {
            write_wrapped(output, 2, &line)?;
        }
        if let Some(control) = &self.control {
            write_wrapped(output, 2, &control.line())?;
        }
        let implementation = &self.implementation;
        write!(output, "  implementation: {}", implementation.name)?;
        match (implementation.certainty, implementation.candidates.as_slice()) {
            ("none", []) if implementation.evidence.is_empty() => writeln!(output)?,
            ("none", []) => writeln!(output, ", none that is known answers like this")?,
            ("none", candidates) => writeln!(output, ", may be {}", candidates.join(" or "))?,
            (certainty, _) => writeln!(output, ", certainty {certainty}")?,
        }
        if !implementation.evidence.is_empty() {
            write_wrapped(output, 4, &format!("by: {}", implementation.evidence.join(", ")))?;
        }
        if let (Some(offset), Some(delay)) = (self.offset_s, self.delay_s) {
            writeln!(output, "  offset: {offset:+.6} s, delay {delay:.6} s")?;
        }
        if self.late_replies > 0 {
            let count = self.late_replies;
            write_wrapped(output, 2, &format!("late: replies to {count} requests came after --timeout"))?;
        }
        writeln!(output, "  requests:")?;
        for request in &self.requests {
            let key = request.key_id.map_or(String::new(), |key_id| format!(" (key {key_id})"));
            let name = format!("{}{key}", request.request);
            writeln!(output, "    {name:<28} {:<20} sent {}", request.answer, request.sent)?;
            if !request.also.is_empty() {
                writeln!(output, "      also answered: {}", request.also.join(", "))?;
            }
        }
        if let Some(stopped) = &self.stopped {
            write_wrapped(output, 2, &format!("stopped: {stopped}"))?;
        }
        Ok(())
    }

    fn write_key(&self, output: &mut impl Write, key: &KeyRecord) -> io::Result<()> {
        let algorithm = key.algorithm.unwrap_or("?");
        let (answered, sent) = (key.answered, key.sent);
        let verdict = verdict(&key.verdict, key.kiss_signed);
        writeln!(output, "  key {} ({algorithm}): {verdict}, {answered} of {sent} answered", key.key_id)?;
        write_checks(output, 4, key.check_server, key.check_client)
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
        let verdict = verdict(&self.verdict, self.kiss_signed);
        writeln!(output, "{:<width$}  {verdict:<20} {class:<22} {name}", self.label())
    }
}

/// A verdict, and whether the kiss that it tells of was signed.
fn verdict(word: &str, kiss_signed: Option<bool>) -> String {
    format!("{word}{}", if kiss_signed == Some(true) { " (signed)" } else { "" })
}

fn write_checks(
    output: &mut impl Write,
    indent: usize,
    server: Option<&str>,
    client: Option<&str>,
) -> io::Result<()> {
    for (side, check) in [("server", server), ("client", client)] {
        if let Some(check) = check {
            write_wrapped(output, indent, &format!("check on the {side}: {check}"))?;
        }
    }
    Ok(())
}

/// Writes words, on lines below where they are too many for one.
fn write_wrapped(output: &mut impl Write, indent: usize, text: &str) -> io::Result<()> {
    let mut line = " ".repeat(indent);
    let mut is_empty = true;
    for word in text.split(' ') {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            writeln!(output, "{line}")?;
            line = " ".repeat(indent + 4);
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    writeln!(output, "{line}")
}
