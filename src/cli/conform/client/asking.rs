//! What the client believes, by every source that there is.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, SystemTime};

use crate::conformance::client::{Belief, Evidence, Reader, Source};
use crate::ntp::header::{Header, LeapIndicator, Mode, Version};
use crate::ntp::timestamp::UnixTime;
use crate::ntp::{MessageBuilder, NtpTimestamp};

use super::super::super::args::conform::client::BelievingArguments;
use super::super::super::say;
use super::process::Process;
use super::starter::Filling;

/// How long a client or a command has to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long each of a few requests to the client waits.
const WAIT: Duration = Duration::from_millis(700);

/// What is told by whatever was given for it, but for requests and output.
pub(super) fn evidence(arguments: &BelievingArguments, filling: &Filling, step: &str) -> Vec<Evidence> {
    let asked = arguments.ask_client.map(ask);
    let command = arguments.observe.as_deref().map(|command| observe(command, arguments.observe_as, filling));
    let human = arguments.ask_human.then(|| ask_human(step));
    [asked, command, human].into_iter().flatten().collect()
}

fn untold(source: Source, detail: String) -> Evidence {
    Evidence { source, belief: Belief::Untold, detail }
}

/// Asks the client for the time, as any other client would.
fn ask(client: SocketAddr) -> Evidence {
    match exchange(client) {
        Ok((header, offset)) => {
            let belief = match header.leap_indicator == LeapIndicator::Unknown || header.stratum == 0 {
                true => Belief::Unsynchronised,
                false => Belief::Synchronised(Some(offset)),
            };
            let (leap, stratum) = (header.leap_indicator.name(), header.stratum);
            let reference = IpAddr::from(header.reference_id.0);
            let detail =
                format!("leap {leap}, stratum {stratum}, reference ID {reference}, {offset:+.3} s from here");
            Evidence { source: Source::AskedClient, belief, detail }
        }
        Err(error) => untold(Source::AskedClient, error.to_string()),
    }
}

/// What the client says, and how far its clock is ahead of ours in seconds.
fn exchange(client: SocketAddr) -> io::Result<(Header, f64)> {
    let any: IpAddr = if client.is_ipv4() { [0, 0, 0, 0].into() } else { [0u16; 8].into() };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(client)?;
    socket.set_read_timeout(Some(WAIT))?;
    let mut failed = io::ErrorKind::TimedOut.into();
    for _ in 0..3 {
        let sent = now();
        socket.send(&request(sent))?;
        let mut octets = [0; 1024];
        match socket.recv(&mut octets) {
            Ok(length) => {
                let header = octets.get(..length).and_then(Header::parse);
                let header =
                    header.filter(|header| header.origin_timestamp == sent && header.mode == Mode::Server);
                if let Some(header) = header {
                    return Ok((header, seconds(header.transmit_timestamp.since(now()))));
                }
            }
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

fn request(transmit: NtpTimestamp) -> Vec<u8> {
    let zero = Header::parse(&[0; 48]);
    let header = zero.map(|zero| Header {
        version: Version::FOUR,
        mode: Mode::Client,
        transmit_timestamp: transmit,
        ..zero
    });
    header.map(|header| MessageBuilder::new(&header).build()).unwrap_or_default()
}

fn now() -> NtpTimestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    UnixTime { seconds, nanoseconds: since.subsec_nanos() }.to_ntp()
}

/// Units of 2^-32 s as seconds; a double has room enough for what is told of them.
fn seconds(units: i64) -> f64 {
    let milliseconds = units / ((1 << 32) / 1000);
    i32::try_from(milliseconds).map_or(f64::MAX, |milliseconds| f64::from(milliseconds) / 1000.0)
}

/// Runs the command and reads it.
fn observe(command: &str, reader: Option<Reader>, filling: &Filling) -> Evidence {
    let words = filling.command(command);
    let output = filling.folder().join("observe.output");
    let mut process = match Process::start(&words, &output) {
        Ok(process) => process,
        Err(error) => return untold(Source::Command, error.to_string()),
    };
    process.wait(PATIENCE, || false);
    let end = process.stop();
    let by_name = || Reader::of_program(words.first().map_or("", String::as_str));
    let output = process.output();
    let (belief, detail) = reader.unwrap_or_else(by_name).read(&output, end);
    // What is not understood is shown, so that the command can be mended.
    let first = || {
        output.lines().next().unwrap_or_default().chars().filter(|it| !it.is_control()).take(160).collect()
    };
    let detail = if detail.is_empty() { first() } else { detail };
    Evidence { source: Source::Command, belief, detail }
}

/// Asks whoever sits at the terminal, and keeps the answer as it was given.
fn ask_human(step: &str) -> Evidence {
    say(&format!(
        "\n{step}: does the client have a time from this server now?\n\
         Answer with the seconds that it is off (0 when it is right), `yes`, `no`, or nothing when it cannot be told."
    ));
    let mut line = String::new();
    match io::stdin().read_line(&mut line) {
        Ok(_) => Evidence {
            source: Source::Human,
            belief: answered(&line),
            detail: format!("\"{}\"", line.trim()),
        },
        Err(error) => untold(Source::Human, error.to_string()),
    }
}

fn answered(line: &str) -> Belief {
    match line.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Belief::Synchronised(None),
        "n" | "no" | "none" => Belief::Unsynchronised,
        other => match other.trim_end_matches('s').trim().parse::<f64>() {
            Ok(offset) if offset.is_finite() => Belief::Synchronised(Some(offset)),
            _ => Belief::Untold,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_as_it_is_meant_or_not_at_all() {
        for (line, belief) in [
            ("yes\n", Belief::Synchronised(None)),
            (" No ", Belief::Unsynchronised),
            ("100 s", Belief::Synchronised(Some(100.0))),
            ("-0.5", Belief::Synchronised(Some(-0.5))),
            ("", Belief::Untold),
            ("perhaps", Belief::Untold),
        ] {
            assert_eq!(answered(line), belief, "{line}");
        }
    }

    #[test]
    fn a_request_is_a_plain_one_of_version_4() {
        let octets = request(NtpTimestamp(5));
        assert_eq!((octets.len(), octets.first()), (48, Some(&0x23)));
        assert_eq!(octets.last(), Some(&5));
    }
}
