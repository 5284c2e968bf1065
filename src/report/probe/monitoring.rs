//! Lines for monitoring: the plug-ins of Nagios, and the text files of Prometheus.

use std::io::{self, Write};

use super::TargetRecord;
use crate::analysis::behaviour::Answer;

/// A state, in the order of the plug-ins' exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NagiosState {
    /// 0.
    Ok,
    /// 1: the key is right, the server has no time or asks for patience.
    Warning,
    /// 2.
    Critical,
    /// 3.
    Unknown,
}

impl NagiosState {
    /// The worst state of all targets, and of what is to be said beside them: it is not known.
    pub fn of_all(targets: &[TargetRecord], beside: &[String]) -> NagiosState {
        let states = targets.iter().map(NagiosState::of).chain(beside.iter().map(|_| NagiosState::Unknown));
        states.reduce(NagiosState::or_worse).unwrap_or(NagiosState::Unknown)
    }

    /// The state of a target: the worst of its keys, in whatever order they were asked for.
    pub fn of(record: &TargetRecord) -> NagiosState {
        let keys = record.keys.iter().map(|key| NagiosState::of_verdict(&key.verdict));
        keys.fold(NagiosState::of_verdict(&record.verdict), NagiosState::or_worse)
    }

    fn of_verdict(verdict: &str) -> NagiosState {
        match verdict {
            "authenticated" | "answers" => NagiosState::Ok,
            "unsynchronised" => NagiosState::Warning,
            verdict if verdict.starts_with("kiss") => NagiosState::Warning,
            "inconclusive" => NagiosState::Unknown,
            _ => NagiosState::Critical,
        }
    }

    /// Worse states are later: what is not known comes before what is wrong.
    fn weight(self) -> u8 {
        match self {
            NagiosState::Ok => 0,
            NagiosState::Unknown => 1,
            NagiosState::Warning => 2,
            NagiosState::Critical => 3,
        }
    }

    /// The worse of two.
    #[must_use]
    pub fn or_worse(self, other: NagiosState) -> NagiosState {
        if other.weight() > self.weight() { other } else { self }
    }

    /// The plug-in's exit code.
    pub fn code(self) -> u8 {
        match self {
            NagiosState::Ok => 0,
            NagiosState::Warning => 1,
            NagiosState::Critical => 2,
            NagiosState::Unknown => 3,
        }
    }

    /// The word that the line begins with.
    pub fn name(self) -> &'static str {
        match self {
            NagiosState::Ok => "OK",
            NagiosState::Warning => "WARNING",
            NagiosState::Critical => "CRITICAL",
            NagiosState::Unknown => "UNKNOWN",
        }
    }

    /// Writes the plug-in's line: all targets, what is to be said beside them, and offset and delay of each behind the
    /// bar.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write(
        self,
        targets: &[TargetRecord],
        beside: &[String],
        output: &mut impl Write,
    ) -> io::Result<()> {
        let told: Vec<String> = beside.iter().cloned().chain(targets.iter().map(told)).collect();
        write!(output, "NTP {} - {}", self.name(), told.join("; "))?;
        let times = targets.iter().filter_map(|target| Some((target, target.offset_s?, target.delay_s?)));
        let label = |target: &TargetRecord, name: &str| match targets.len() {
            1 => name.to_owned(),
            _ => format!("'{} {name}'", target.target),
        };
        let data: Vec<String> = times
            .map(|(target, offset, delay)| {
                let (offset_name, delay_name) = (label(target, "offset"), label(target, "delay"));
                format!("{offset_name}={offset:.9}s;;;; {delay_name}={delay:.9}s;;;0;")
            })
            .collect();
        if !data.is_empty() {
            write!(output, " | {}", data.join(" "))?;
        }
        writeln!(output)
    }
}

fn told(target: &TargetRecord) -> String {
    let mut words: Vec<String> =
        target.keys.iter().map(|key| format!("key {} {}", key.key_id, key.verdict)).collect();
    if target.keys.iter().all(|key| key.verdict != target.verdict) {
        words.insert(0, target.verdict.clone());
    }
    format!("{} {}", target.label(), words.join(", "))
}

/// Writes the metrics of all targets in Prometheus' text format, and how many targets had no address.
///
/// # Errors
/// Those of writing.
pub fn prometheus(targets: &[TargetRecord], unresolved: usize, output: &mut impl Write) -> io::Result<()> {
    heading(output, "ntpcap_probe_unresolved_targets", "Targets that have no address.")?;
    writeln!(output, "ntpcap_probe_unresolved_targets {unresolved}")?;
    heading(output, "ntpcap_probe_up", "1 when the target answers anything.")?;
    for target in targets {
        writeln!(output, "ntpcap_probe_up{{{}}} {}", labels(target), u8::from(answers(target)))?;
    }
    heading(output, "ntpcap_probe_verdict", "1 for the verdict on the target.")?;
    for target in targets {
        writeln!(output, "ntpcap_probe_verdict{{{},verdict=\"{}\"}} 1", labels(target), target.verdict)?;
    }
    heading(output, "ntpcap_probe_key_authenticated", "1 when a right MAC is answered by a right MAC.")?;
    for (target, key) in each_key(targets) {
        let value = u8::from(key.verdict == "authenticated");
        let (labels, key_id) = (labels(target), key.key_id);
        writeln!(output, "ntpcap_probe_key_authenticated{{{labels},key_id=\"{key_id}\"}} {value}")?;
    }
    heading(output, "ntpcap_probe_key_verdict", "1 for the verdict on the key.")?;
    for (target, key) in each_key(targets) {
        let (labels, key_id, verdict) = (labels(target), key.key_id, &key.verdict);
        writeln!(output, "ntpcap_probe_key_verdict{{{labels},key_id=\"{key_id}\",verdict=\"{verdict}\"}} 1")?;
    }
    for (name, help, value) in [
        (
            "ntpcap_probe_offset_seconds",
            "Server's clock minus ours.",
            (|target| target.offset_s) as fn(&TargetRecord) -> Option<f64>,
        ),
        ("ntpcap_probe_delay_seconds", "Both ways together.", |target| target.delay_s),
    ] {
        heading(output, name, help)?;
        for (target, value) in targets.iter().filter_map(|target| Some((target, value(target)?))) {
            writeln!(output, "{name}{{{}}} {value:.9}", labels(target))?;
        }
    }
    Ok(())
}

fn each_key(targets: &[TargetRecord]) -> impl Iterator<Item = (&TargetRecord, &super::KeyRecord)> {
    targets.iter().flat_map(|target| target.keys.iter().map(move |key| (target, key)))
}

/// What tells a target from others. Its name is there where it was given, so that it stays the same when addresses change.
fn labels(target: &TargetRecord) -> String {
    let name = target.name.as_ref().map(|name| {
        let escaped = name.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        format!(",name=\"{escaped}\"")
    });
    format!("target=\"{}\"{}", target.target, name.unwrap_or_default())
}

/// True when any request was answered.
fn answers(target: &TargetRecord) -> bool {
    let is_answer = |word: &str| {
        let mut words = Answer::ALL.into_iter().filter(|answer| *answer != Answer::Silence).map(Answer::name);
        word == "answered" || words.any(|answer| answer == word)
    };
    target.requests.iter().any(|request| is_answer(request.answer))
}

fn heading(output: &mut impl Write, name: &str, help: &str) -> io::Result<()> {
    writeln!(output, "# HELP {name} {help}\n# TYPE {name} gauge")
}
