//! The octets of an exchange, for people who want to see for themselves.

use crate::analysis::verdict::judge_message;
use crate::capture::CaptureTime;
use crate::conformance::exchange::Received;
use crate::conformance::{Context, Exchange};
use crate::ntp::message::Message;

use super::super::anatomy::Anatomy;
use super::super::model::Hexadecimal;

/// Datagrams and replies of one exchange that are shown.
const MOST: usize = 4;

/// What was sent and received in hexadecimal, and both octet by octet.
pub(super) fn of(exchange: &Exchange, context: &Context) -> (Option<String>, Vec<String>, Vec<String>) {
    let requests = exchange.stimulus.datagrams.iter().map(|(_, octets)| octets.as_slice());
    let sent = requests.clone().next().map(|octets| Hexadecimal(octets).to_string());
    let received = exchange.replies.iter().take(MOST).map(|one| Hexadecimal(&one.octets).to_string());
    let time = exchange.replies.first().map(time_of);
    let mut lines = Vec::new();
    for octets in requests.clone().take(MOST) {
        explain(&format!("sent, {} octets", octets.len()), octets, time, context, &mut lines);
    }
    let unshown = exchange.stimulus.datagrams.len().saturating_sub(MOST);
    if unshown > 0 {
        lines.push(format!("and {unshown} more"));
    }
    for reply in exchange.replies.iter().take(MOST) {
        let octets = &reply.octets;
        let heading = format!("received from {}, {} octets", reply.source, octets.len());
        explain(&heading, octets, Some(time_of(reply)), context, &mut lines);
    }
    if exchange.replies.is_empty() {
        lines.push(format!("received nothing, asked {} times", exchange.tries));
    }
    (sent, received.collect(), lines)
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
