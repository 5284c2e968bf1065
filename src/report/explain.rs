//! One message octet by octet: what each is, which were hashed, the digest that was expected and the one that is
//! there.

use std::io::{self, Write};

use crate::analysis::Judged;
use crate::analysis::diagnosis::{Code, Codes};

use super::anatomy::Anatomy;
use super::model::Hexadecimal;
use super::time::Rfc3339;
use super::{page, text};

/// Writes the explanation of a message, but for its diagnosis.
///
/// # Errors
/// Those of writing.
pub fn write(output: &mut impl Write, judged: &Judged<'_, '_>) -> io::Result<()> {
    let datagram = &judged.datagram;
    write!(output, "frame {}", judged.frame)?;
    if let Some(time) = judged.time {
        write!(output, ", {}", Rfc3339::of_capture(time))?;
    }
    writeln!(output)?;
    writeln!(output, "{} > {}, {} octets", datagram.source, datagram.destination, datagram.length)?;
    writeln!(output, "\noffset  octets")?;
    let anatomy = Anatomy {
        octets: datagram.octets,
        message: judged.message,
        reading: judged.verdict.reading.map(|(reading, _)| reading),
        time: judged.time,
    };
    anatomy.write(output)?;
    if let Some(covered) = anatomy.covered() {
        writeln!(output, "\n| marks the {covered} octets that the MAC covers")?;
    }
    writeln!(output)?;
    write_digests(output, judged)?;
    write_hypotheses(output, judged)
}

/// Writes the verdict, folded like the columns of its fields.
fn write_verdict(output: &mut impl Write, judged: &Judged<'_, '_>) -> io::Result<()> {
    let mut lines = Vec::new();
    text::verdict(&mut lines, judged)?;
    for line in String::from_utf8_lossy(&lines).lines() {
        let (name, value) = line.split_at_checked(FIELD_WIDTH).unwrap_or((line, ""));
        write_folded(output, name, value)?;
    }
    Ok(())
}

/// Columns of a field's name, with what stands around it.
const FIELD_WIDTH: usize = 19;

fn write_folded(output: &mut impl Write, name: &str, value: &str) -> io::Result<()> {
    for (index, line) in page::fold(value, FIELD_WIDTH, FIELD_WIDTH).iter().enumerate() {
        let value = line.get(FIELD_WIDTH..).unwrap_or_default();
        let name = if index == 0 { name } else { "" };
        writeln!(output, "{}", format!("{name:<FIELD_WIDTH$}{value}").trim_end())?;
    }
    Ok(())
}

/// Writes what was tried in order to explain a wrong MAC, and what of it matched.
fn write_hypotheses(output: &mut impl Write, judged: &Judged<'_, '_>) -> io::Result<()> {
    let Some(diagnosis) = judged.diagnosis.filter(|found| found.tried.digests > 0) else { return Ok(()) };
    let list = |codes: Codes| codes.iter().map(Code::name).collect::<Vec<_>>().join(", ");
    let matched = if diagnosis.is_proved() { list(diagnosis.codes()) } else { "nothing".to_owned() };
    writeln!(output)?;
    write_folded(output, "  tried", &list(diagnosis.tried.codes))?;
    write_folded(output, "  matched", &matched)
}

fn write_digests(output: &mut impl Write, judged: &Judged<'_, '_>) -> io::Result<()> {
    write_verdict(output, judged)?;
    let verdict = &judged.verdict;
    let (Some(candidate), Some(digest), Some(message), Some((reading, _))) =
        (verdict.candidate, verdict.digest(), judged.message, verdict.reading)
    else {
        return Ok(());
    };
    let computed = candidate.key.digest(message.covered(&reading));
    let whole = computed.as_octets();
    let cut = whole.get(..digest.len()).unwrap_or(whole);
    let rest = if cut.len() < whole.len() { "(the first octets of the digest)" } else { "" };
    write_folded(output, "  digest expected", &format!("{} {rest}", in_rows(cut)))?;
    write_folded(output, "  digest seen", &in_rows(digest))
}

/// Long digests are words of so many octets, which can be folded.
const OCTETS_OF_WORD: usize = 32;

fn in_rows(octets: &[u8]) -> String {
    let words = octets.chunks(OCTETS_OF_WORD).map(|octets| Hexadecimal(octets).to_string());
    words.collect::<Vec<_>>().join(" ")
}
