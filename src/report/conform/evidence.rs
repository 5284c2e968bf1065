//! The octets of an exchange, for people who want to see for themselves.

use crate::analysis::verdict::judge_message;
use crate::capture::CaptureTime;
use crate::conformance::{Context, Exchange, Names, Received};
use crate::ntp::message::Message;

use super::super::anatomy::Anatomy;
use super::super::model::Hexadecimal;

/// Datagrams and replies of one exchange that are shown.
const MOST: usize = 4;

/// What was sent and received in hexadecimal, and both octet by octet. Where one reply of several shows what is to be
/// shown, that reply and the datagram that it answers.
pub(super) fn of(
    exchange: &Exchange,
    reply: Option<usize>,
    context: &Context,
) -> (Option<String>, Vec<String>, Vec<String>) {
    let Part { sent, received, unshown } = part(exchange, reply);
    let first = sent.first().map(|octets| Hexadecimal(octets).to_string());
    let came = received.iter().map(|one| Hexadecimal(&one.octets).to_string()).collect();
    let time = received.first().map(|reply| time_of(reply));
    let mut lines = Vec::new();
    for octets in sent {
        explain(&format!("sent, {} octets", octets.len()), octets, time, context, &mut lines);
    }
    if unshown > 0 {
        lines.push(format!("and {unshown} more"));
    }
    for reply in &received {
        let octets = &reply.octets;
        let heading = format!("received from {}, {} octets", reply.source, octets.len());
        explain(&heading, octets, Some(time_of(reply)), context, &mut lines);
    }
    match exchange.replies.len().saturating_sub(received.len()) {
        _ if exchange.replies.is_empty() => {
            lines.push(format!("received nothing, asked {} times", exchange.tries));
        }
        0 => {}
        more => lines.push(format!("and {more} more")),
    }
    (first, came, lines)
}

/// The part of an exchange that is shown.
struct Part<'e> {
    sent: Vec<&'e [u8]>,
    received: Vec<&'e Received>,
    /// Datagrams that were sent too.
    unshown: usize,
}

fn part(exchange: &Exchange, reply: Option<usize>) -> Part<'_> {
    let datagrams = exchange.stimulus.datagrams.iter().map(|(_, octets)| octets.as_slice());
    let count = datagrams.len();
    let shown = reply.and_then(|number| exchange.replies.get(number));
    let answered = shown.and_then(|reply| match reply.names {
        Names::This(number) => datagrams.clone().nth(number),
        _ => None,
    });
    let sent: Vec<&[u8]> = match answered {
        Some(octets) => vec![octets],
        None => datagrams.take(MOST).collect(),
    };
    let received = match shown {
        Some(reply) => vec![reply],
        None => exchange.replies.iter().take(MOST).collect(),
    };
    Part { unshown: count.saturating_sub(sent.len()), sent, received }
}

fn time_of(reply: &Received) -> CaptureTime {
    let seconds = i64::try_from(reply.time.as_secs()).unwrap_or(i64::MAX);
    CaptureTime { seconds, nanoseconds: reply.time.subsec_nanos() }
}

/// Adds a message octet by octet, as its MAC has it be read.
pub(super) fn explain(
    heading: &str,
    octets: &[u8],
    time: Option<CaptureTime>,
    context: &Context,
    lines: &mut Vec<String>,
) {
    lines.push(heading.to_owned());
    let message = Message::parse(octets).ok();
    let verdict = message.as_ref().map(|message| judge_message(message, context.keyring()));
    let reading = verdict.and_then(|verdict| verdict.reading).map(|(reading, _)| reading);
    let mut text = Vec::new();
    // Writing to memory does not fail.
    let _ = Anatomy { octets, message, reading, time }.write(&mut text);
    lines.extend(String::from_utf8_lossy(&text).lines().map(str::to_owned));
}
