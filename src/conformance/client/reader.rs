//! Reads what programs write about the time that they believe.

use super::phase::Belief;

/// Whose words are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// `chronyd -Q`, which tells how wrong the clock is.
    Chronyd,
    /// `chronyc tracking` or `chronyc sources`.
    Chronyc,
    /// `ntpq -p`, or `ntpq -c rv`.
    Ntpq,
    /// `ntpdate -q`.
    Ntpdate,
    /// `sntp` of ntp.org, and `ntpdig` of NTPsec.
    Sntp,
    /// Any program: a number is the offset in seconds, an exit code other than 0 says that there is none.
    Number,
    /// Any program: exit code 0 says that the server is believed.
    ExitCode,
    /// None: a daemon whose output says nothing of this.
    Nothing,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself, with that code.
    Code(i32),
    /// By a signal that nobody sent it here.
    Signal(i32),
    /// It was ended.
    Stopped,
}

impl Reader {
    /// Every reader, with its name.
    pub const ALL: [(&'static str, Reader); 8] = [
        ("chronyd", Reader::Chronyd),
        ("chronyc", Reader::Chronyc),
        ("ntpq", Reader::Ntpq),
        ("ntpdate", Reader::Ntpdate),
        ("sntp", Reader::Sntp),
        ("number", Reader::Number),
        ("exit-code", Reader::ExitCode),
        ("nothing", Reader::Nothing),
    ];

    /// The reader of that name.
    pub fn of_name(name: &str) -> Option<Reader> {
        Reader::ALL.iter().find(|(known, _)| *known == name).map(|(_, reader)| *reader)
    }

    /// The reader for a program of that name.
    pub fn of_program(program: &str) -> Reader {
        let name = program.rsplit('/').next().unwrap_or(program);
        match name {
            "ntpdig" => Reader::Sntp,
            _ => Reader::of_name(name).unwrap_or(Reader::Number),
        }
    }

    /// What was written, and how it ended, as a belief; and the line that tells.
    pub fn read(self, output: &str, end: End) -> (Belief, String) {
        if let Some(died) = death(output, end) {
            return (Belief::Died, died);
        }
        match self {
            Reader::Chronyd => chronyd(output, end),
            Reader::Chronyc => chronyc(output),
            Reader::Ntpq => ntpq(output),
            Reader::Ntpdate => ntpdate(output, end),
            Reader::Sntp => sntp(output, end),
            Reader::Number => number(output, end),
            Reader::ExitCode => exit_code(end),
            Reader::Nothing => untold(),
        }
    }
}

fn untold() -> (Belief, String) {
    (Belief::Untold, String::new())
}

/// Why a program ended as none should.
fn death(output: &str, end: End) -> Option<String> {
    let marks = ["Traceback (most recent call last)", "panicked at", "AddressSanitizer", "stack smashing"];
    match end {
        End::Signal(number) => Some(format!("ended by signal {number}")),
        End::Code(code) if code != 0 => {
            let mark = marks.iter().find(|mark| output.contains(**mark))?;
            let last = output.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
            Some(format!("{mark} ... {}", shown(last)))
        }
        _ => None,
    }
}

/// A line as evidence: without what moves a terminal, and not too long.
fn shown(line: &str) -> String {
    line.trim().chars().filter(|character| !character.is_control()).take(160).collect()
}

/// A line from its first telling words on: the time before them is another one in each run.
fn shown_from(line: &str, mark: &str) -> String {
    shown(line.find(mark).and_then(|place| line.get(place..)).unwrap_or(line))
}

fn first_number(text: &str) -> Option<f64> {
    text.split_whitespace().next()?.trim_end_matches([',', ';']).parse().ok()
}

fn behind<'t>(line: &'t str, mark: &str) -> Option<&'t str> {
    line.split_once(mark).map(|(_, rest)| rest)
}

/// `System clock wrong by 0.000012 seconds (ignored)`. At the end of its time (`-t`) it has none, and says nothing.
fn chronyd(output: &str, end: End) -> (Belief, String) {
    for line in output.lines() {
        if let Some(wrong) = behind(line, "System clock wrong by").and_then(first_number) {
            return (Belief::Synchronised(Some(wrong)), shown_from(line, "System clock"));
        }
        if line.contains("No suitable source") || line.contains("Timeout reached") {
            let told = line.split_once("Z ").map_or(line, |(_, told)| told);
            return (Belief::Unsynchronised, shown(told));
        }
    }
    if output.contains("Fatal error") { untold() } else { without(output, "chronyd exiting", end) }
}

/// The line of the selected source begins with `^*`; tracking has the offset in a line of its own.
fn chronyc(output: &str) -> (Belief, String) {
    let tracking = output.lines().find(|line| line.starts_with("Leap status"));
    let selected = output.lines().find(|line| line.starts_with("^*") || line.starts_with("=*"));
    match (selected, tracking) {
        (Some(line), _) => {
            let offset =
                line.split('[').next().and_then(|part| part.split_whitespace().last()).and_then(with_unit);
            (Belief::Synchronised(offset), shown(line))
        }
        (None, Some(line)) if line.contains("Not synchronised") => (Belief::Unsynchronised, shown(line)),
        (None, Some(line)) => {
            let last = output.lines().find_map(|line| behind(line, "Last offset"));
            let offset = last.map(|rest| rest.trim_start_matches([' ', ':'])).and_then(first_number);
            (Belief::Synchronised(offset), shown(line))
        }
        (None, None) if output.lines().any(|line| line.starts_with('^')) => {
            (Belief::Unsynchronised, "no source is selected".to_owned())
        }
        (None, None) => untold(),
    }
}

/// A number with one of chronyc's units: `+12us`, `-100s`.
fn with_unit(text: &str) -> Option<f64> {
    let units =
        [("ns", 1e-9), ("us", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0), ("d", 86_400.0)];
    let (number, factor) =
        units.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)))?;
    number.parse::<f64>().ok().map(|number| number * factor)
}

/// Columns of `ntpq -p`: remote, refid, st, t, when, poll, reach, delay, offset, jitter.
const NTPQ_COLUMNS: usize = 10;

/// `*10.0.0.1 .. offset jitter` in milliseconds, or `leap_none, ..., offset=0.012`.
fn ntpq(output: &str) -> (Belief, String) {
    let is_selected =
        |line: &&str| line.starts_with(['*', 'o']) && line.split_whitespace().count() >= NTPQ_COLUMNS;
    if let Some(line) = output.lines().find(is_selected) {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let offset = columns.len().checked_sub(2).and_then(|place| columns.get(place)?.parse::<f64>().ok());
        return (Belief::Synchronised(offset.map(|offset| offset / 1000.0)), shown(line));
    }
    if output.contains("leap_alarm") || output.contains("leap=3") {
        return (Belief::Unsynchronised, "leap_alarm".to_owned());
    }
    if let Some(offset) = output.split([',', '\n', ' ']).find_map(|part| part.trim().strip_prefix("offset="))
    {
        let offset = first_number(offset);
        return (
            Belief::Synchronised(offset.map(|offset| offset / 1000.0)),
            format!("offset={}", offset.unwrap_or(0.0)),
        );
    }
    if output.contains("refid") && output.contains("jitter") {
        return (Belief::Unsynchronised, "no peer is selected".to_owned());
    }
    untold()
}

/// `adjust time server 10.0.0.1 offset -0.000012 sec`.
fn ntpdate(output: &str, end: End) -> (Belief, String) {
    let told = |line: &&str| line.contains("time server") && line.contains(" offset ");
    match output.lines().find(told) {
        Some(line) => {
            let kind =
                if line.contains("step time server") { "step time server" } else { "adjust time server" };
            (Belief::Synchronised(behind(line, " offset ").and_then(first_number)), shown_from(line, kind))
        }
        None => without(output, "no server suitable", end),
    }
}

/// `2026-11-25 04:26:56.1 (+0000) +0.000012 +/- 0.000100 10.0.0.1 s5 no-leap`.
fn sntp(output: &str, end: End) -> (Belief, String) {
    let offset = |line: &str| line.split_once(" +/- ")?.0.split_whitespace().last()?.parse::<f64>().ok();
    match output.lines().find_map(|line| Some((line, offset(line)?))) {
        Some((line, offset)) => {
            let told = line.split_once(") ").map_or(line, |(_, told)| told);
            (Belief::Synchronised(Some(offset)), shown(told))
        }
        None => without(output, "", end),
    }
}

/// A program that ended without telling a time has none; one that was ended had not come to an end.
fn without(output: &str, mark: &str, end: End) -> (Belief, String) {
    let last = output.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
    match end {
        End::Code(code) if output.contains(mark) => (
            Belief::Unsynchronised,
            if last.is_empty() { format!("exit code {code}") } else { shown_from(last, mark) },
        ),
        _ => untold(),
    }
}

fn number(output: &str, end: End) -> (Belief, String) {
    let found = output.split(|character: char| character.is_whitespace() || character == ',');
    let found =
        found.filter(|word| !word.is_empty()).find_map(|word| Some((word, word.parse::<f64>().ok()?)));
    match (end, found) {
        (End::Code(0), Some((word, offset))) if offset.is_finite() => {
            (Belief::Synchronised(Some(offset)), shown(word))
        }
        (End::Code(_), _) => exit_code(end),
        _ => untold(),
    }
}

fn exit_code(end: End) -> (Belief, String) {
    match end {
        End::Code(0) => (Belief::Synchronised(None), "exit code 0".to_owned()),
        End::Code(code) => (Belief::Unsynchronised, format!("exit code {code}")),
        End::Signal(_) | End::Stopped => untold(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(reader: Reader, output: &str, code: i32) -> Belief {
        reader.read(output, End::Code(code)).0
    }

    #[test]
    fn each_program_is_read_by_its_own_words() {
        for (reader, output, code, belief) in [
            (
                Reader::Chronyd,
                "2026 System clock wrong by -0.000012 seconds (ignored)\n",
                0,
                Some(-0.000_012),
            ),
            (
                Reader::Ntpdate,
                "server 10.0.0.1, stratum 5, offset +0.1, delay 0.02\n25 Nov ntpdate[1]: step time server 10.0.0.1 offset +100.0 sec\n",
                0,
                Some(100.0),
            ),
            (
                Reader::Sntp,
                "2026-11-25 04:26:56.1 (+0000) +99.5 +/- 0.000100 10.0.0.1 s5 no-leap\n",
                0,
                Some(99.5),
            ),
            (
                Reader::Chronyc,
                "MS Name\n^* 10.0.0.1   5   6    17     2    +12us[ +23us] +/-  100us\n",
                0,
                Some(12e-6),
            ),
            (
                Reader::Chronyc,
                "Last offset     : +0.000002 seconds\nLeap status     : Normal\n",
                0,
                Some(2e-6),
            ),
            (
                Reader::Ntpq,
                "     remote  refid\n*10.0.0.1 LOCAL(0) 5 u 1 64 1 0.1 12.5 0.1\n",
                0,
                Some(0.0125),
            ),
            (
                Reader::Ntpq,
                "associd=0 status=0615 leap_none, sync_ntp,\noffset=-7.5, frequency=0\n",
                0,
                Some(-0.0075),
            ),
            (Reader::Number, "offset 1.5\n", 0, Some(1.5)),
        ] {
            let told = read(reader, output, code).offset().unwrap();
            assert!((told - belief.unwrap()).abs() < 1e-9, "{output}: {told}");
        }
    }

    #[test]
    fn what_has_no_time_is_told_from_what_says_nothing() {
        for (reader, output, code) in [
            (Reader::Chronyd, "No suitable source for synchronisation\n", 1),
            (Reader::Chronyd, "chronyd version 4.3 starting\nchronyd exiting\n", 1),
            (Reader::Ntpdate, "25 Nov ntpdate[1]: no server suitable for synchronization found\n", 1),
            (Reader::Sntp, "ntpdig: no eligible servers\n", 1),
            (Reader::Chronyc, "^? 10.0.0.1 0 6 0 - +0ns[ +0ns] +/- 0ns\n", 0),
            (Reader::Chronyc, "Last offset : 0\nLeap status     : Not synchronised\n", 0),
            (Reader::Ntpq, "remote refid st t when poll reach delay offset jitter\n 10.0.0.1 .INIT. 16\n", 0),
            (Reader::Ntpq, "associd=0 status=c016 leap_alarm, sync_unspec\n", 0),
            (Reader::Number, "error 5", 1),
        ] {
            assert_eq!(read(reader, output, code), Belief::Unsynchronised, "{output}");
        }
        for (reader, output) in
            [(Reader::Chronyd, ""), (Reader::Chronyc, "506 Cannot talk"), (Reader::Ntpq, "")]
        {
            assert_eq!(read(reader, output, 1), Belief::Untold, "{output}");
        }
        assert_eq!(Reader::Sntp.read("", End::Stopped).0, Belief::Untold);
    }

    #[test]
    fn a_program_that_dies_is_told_from_one_that_gives_up() {
        assert_eq!(read(Reader::Sntp, "Traceback (most recent call last)\nValueError: x\n", 1), Belief::Died);
        assert_eq!(Reader::Number.read("", End::Signal(11)).0, Belief::Died);
        assert_eq!(read(Reader::Sntp, "x\n", 1), Belief::Unsynchronised);
    }
}
