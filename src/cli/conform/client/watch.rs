//! Takes note of what a client asks and of what it is sent: for the judgement, and for the files that were asked for.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::capture::CaptureTime;
use crate::conformance::client::{Reply, Request};
use crate::ntp::timestamp::UnixTime;
use crate::report::serve::{self, ServeRecord};
use crate::server::Decision;
use crate::server::udp::{Exchange, Observer, Sent};

use super::super::super::packets::{Output, Packets};
use super::super::super::serve::recorder::{comment, record};

/// Most requests and replies of a phase that are kept.
const MOST: usize = 10_000;

/// What is seen of a client.
pub(super) struct Watch(Mutex<Seen>);

struct Seen {
    requests: Vec<Request>,
    replies: Vec<Reply>,
    packets: Option<Packets>,
    frames: u64,
    decisions: Option<Output>,
    /// What each packet is a part of, for its comment.
    step: String,
}

impl Watch {
    /// Writes packets to a capture and decisions to a log, where there are any.
    pub(super) fn new(packets: Option<Packets>, decisions: Option<Output>) -> Watch {
        let seen = Seen {
            requests: Vec::new(),
            replies: Vec::new(),
            packets,
            frames: 0,
            decisions,
            step: String::new(),
        };
        Watch(Mutex::new(seen))
    }

    /// Begins anew; `step` is what is said of each packet from now on.
    pub(super) fn begin(&self, step: &str) {
        let mut seen = self.lock();
        seen.requests.clear();
        seen.replies.clear();
        step.clone_into(&mut seen.step);
    }

    /// Requests so far.
    pub(super) fn requests(&self) -> usize {
        self.lock().requests.len()
    }

    /// What was seen since the begin.
    pub(super) fn seen(&self) -> (Vec<Request>, Vec<Reply>) {
        let seen = self.lock();
        (seen.requests.clone(), seen.replies.clone())
    }

    /// Writes out what is held back.
    ///
    /// # Errors
    /// Those of writing.
    pub(super) fn flush(&self) -> io::Result<()> {
        let mut seen = self.lock();
        seen.packets.as_mut().map_or(Ok(()), Packets::flush)?;
        seen.decisions.as_mut().map_or(Ok(()), Write::flush)
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    /// Writes a packet, and gives its frame.
    fn capture(
        &mut self,
        time: UnixTime,
        ends: (SocketAddr, SocketAddr),
        octets: &[u8],
        decision: Option<&Decision>,
        faults: &[&str],
    ) -> io::Result<Option<u64>> {
        let comment = format!("{} {}", comment(decision, false, faults), self.step);
        let Some(packets) = &mut self.packets else { return Ok(None) };
        let time = CaptureTime { seconds: time.seconds, nanoseconds: time.nanoseconds };
        packets.write(time, ends, octets, Some(&comment))?;
        self.frames += 1;
        Ok(Some(self.frames))
    }

    fn reply(
        &mut self,
        time: UnixTime,
        (source, destination): (SocketAddr, SocketAddr),
        octets: &[u8],
        decision: Option<&Decision>,
        faults: &[&'static str],
    ) -> io::Result<()> {
        let frame = self.capture(time, (source, destination), octets, decision, faults)?;
        let (time, octets, faults) = (since_1970(time), octets.to_vec(), faults.to_vec());
        if self.replies.len() < MOST {
            self.replies.push(Reply { time, source, destination, octets, faults, frame });
        }
        Ok(())
    }
}

impl Observer for Watch {
    fn exchange(&self, exchange: &Exchange<'_>) -> io::Result<()> {
        let mut seen = self.lock();
        if let Some(decisions) = &mut seen.decisions {
            let reason = exchange.decision.reason();
            serve::write(decisions, &ServeRecord::Request(record(exchange, &reason)))?;
        }
        let Exchange { arrival, client, server, source, request, decision, .. } = *exchange;
        let frame = seen.capture(arrival, (client, server), request, None, &[])?;
        if seen.requests.len() < MOST {
            let (time, octets) = (since_1970(arrival), request.to_vec());
            seen.requests.push(Request { time, client, server, octets, frame });
        }
        match exchange.departure {
            Some(departure) if !exchange.reply.is_empty() => {
                seen.reply(departure, (source, client), exchange.reply, Some(decision), &[])
            }
            _ => Ok(()),
        }
    }

    fn sent(&self, sent: &Sent<'_>) -> io::Result<()> {
        let ends = (sent.source, sent.destination);
        self.lock().reply(sent.departure, ends, sent.octets, sent.decision, sent.faults)
    }

    fn idle(&self) -> io::Result<()> {
        Ok(())
    }
}

fn since_1970(time: UnixTime) -> Duration {
    Duration::new(u64::try_from(time.seconds).unwrap_or(0), time.nanoseconds)
}
