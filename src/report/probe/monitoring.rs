//! Lines for monitoring: the plug-ins of Nagios, and the text files of Prometheus.

use std::io::{self, Write};

use super::{Conclusion, TargetRecord};

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
    /// The state of a target.
    pub fn of(record: &TargetRecord, conclusion: Conclusion) -> NagiosState {
        match (conclusion, record.verdict.as_str()) {
            (Conclusion::Fine, _) => NagiosState::Ok,
            (_, "unsynchronised") => NagiosState::Warning,
            (_, verdict) if verdict.starts_with("kiss") => NagiosState::Warning,
            (_, "inconclusive") => NagiosState::Unknown,
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

    /// Writes the plug-in's line: all targets, and offset and delay of each behind the bar.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write(self, targets: &[TargetRecord], output: &mut impl Write) -> io::Result<()> {
        let told: Vec<String> = targets.iter().map(told).collect();
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
    let keys: Vec<String> =
        target.keys.iter().map(|key| format!("key {} {}", key.key_id, key.verdict)).collect();
    match keys.is_empty() {
        true => format!("{} {}", target.label(), target.verdict),
        false => format!("{} {}", target.label(), keys.join(", ")),
    }
}

/// Writes the metrics of all targets in Prometheus' text format.
///
/// # Errors
/// Those of writing.
pub fn prometheus(targets: &[TargetRecord], output: &mut impl Write) -> io::Result<()> {
    heading(output, "ntpcap_probe_key_authenticated", "1 when a right MAC is answered by a right MAC.")?;
    for target in targets {
        for key in &target.keys {
            let value = u8::from(key.verdict == "authenticated");
            writeln!(
                output,
                "ntpcap_probe_key_authenticated{{target=\"{}\",key_id=\"{}\",verdict=\"{}\"}} {value}",
                target.target, key.key_id, key.verdict
            )?;
        }
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
            writeln!(output, "{name}{{target=\"{}\"}} {value:.9}", target.target)?;
        }
    }
    Ok(())
}

fn heading(output: &mut impl Write, name: &str, help: &str) -> io::Result<()> {
    writeln!(output, "# HELP {name} {help}\n# TYPE {name} gauge")
}
