//! What the requests of a client say of the replies that it had before.
//!
//! ntp.org's ntpd puts the transmit timestamp of the last reply that it took into the next request's origin timestamp,
//! and says of itself that it is not synchronised while it is not. Clients that tell nothing of themselves (NTPsec,
//! chrony, busybox) tell nothing here either.

use crate::ntp::header::{Header, LeapIndicator, Mode};

use super::phase::{Belief, Evidence, Phase, PhaseKind, Reply, Request, Source};

/// Requests that say nothing of any reply, before that is told of.
const ENOUGH: usize = 2;

/// What the requests of a phase tell.
pub fn evidence(phase: &Phase) -> Evidence {
    let (belief, detail) = read(phase).unwrap_or((Belief::Untold, String::new()));
    Evidence { source: Source::Requests, belief, detail }
}

fn read(phase: &Phase) -> Option<(Belief, String)> {
    let first = phase.replies.first()?;
    let later: Vec<(&Request, Header)> =
        phase.requests.iter().filter_map(|request| after(request, first)).collect();
    let took = later.iter().find_map(|(request, header)| took(request, header, phase));
    if let Some((request, reply)) = took {
        let detail = format!(
            "the request{} has the transmit timestamp of the reply{} for its origin timestamp",
            place(request.frame),
            place(reply.frame)
        );
        // What it took with the fault tells the other time.
        let is_faulty = phase.kind == PhaseKind::Faulty && !reply.faults.is_empty();
        return Some((Belief::Synchronised(is_faulty.then_some(phase.shift)), detail));
    }
    if phase.replies.iter().any(|reply| is_ambiguous(reply, phase)) {
        return None;
    }
    nothing_taken(&later)
}

/// What requests say that name none of the replies of a phase.
fn nothing_taken(later: &[(&Request, Header)]) -> Option<(Belief, String)> {
    let first = later.first().map(|(_, header)| header.origin_timestamp)?;
    let is_same = |(_, header): &(&Request, Header)| header.origin_timestamp == first;
    if later.len() >= ENOUGH && !first.is_zero() && later.iter().all(is_same) {
        let detail = format!("{} requests name one and the same reply of before", later.len());
        return Some((Belief::Unsynchronised, detail));
    }
    let is_open = |(_, header): &&(&Request, Header)| {
        header.leap_indicator == LeapIndicator::Unknown && header.origin_timestamp.is_zero()
    };
    let open = later.iter().filter(is_open).count();
    let is_all = open == later.len() && open >= ENOUGH;
    is_all.then(|| {
        (
            Belief::Unsynchronised,
            format!("{open} requests name no reply and say that the client is not synchronised"),
        )
    })
}

fn place(frame: Option<u64>) -> String {
    frame.map(|frame| format!(" in frame {frame}")).unwrap_or_default()
}

/// A request with its header, when it came after a reply.
fn after<'r>(request: &'r Request, first: &Reply) -> Option<(&'r Request, Header)> {
    let header = Header::parse(&request.octets).filter(|header| header.mode == Mode::Client)?;
    (request.time > first.time).then_some((request, header))
}

/// The reply that a request names as the last one that was taken.
fn took<'p>(request: &'p Request, header: &Header, phase: &'p Phase) -> Option<(&'p Request, &'p Reply)> {
    let is_it = |reply: &&Reply| {
        reply.time < request.time
            && !is_ambiguous(reply, phase)
            && Header::parse(&reply.octets).is_some_and(|told| {
                !told.transmit_timestamp.is_zero() && told.transmit_timestamp == header.origin_timestamp
            })
    };
    phase.replies.iter().find(is_it).map(|reply| (request, reply))
}

/// True for a reply that ntpd names though it does not believe it: its MAC is right and its origin is not, or it is a
/// kiss.
fn is_ambiguous(reply: &Reply, phase: &Phase) -> bool {
    let Some(header) = Header::parse(&reply.octets) else { return false };
    let asked = |request: &Request| {
        Header::parse(&request.octets)
            .is_some_and(|asked| asked.transmit_timestamp == header.origin_timestamp)
    };
    header.mode == Mode::Server && (header.stratum == 0 || !phase.requests.iter().any(asked))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::time::Duration;

    use super::*;
    use crate::ntp::NtpTimestamp;

    fn message(first: u8, origin: u64, transmit: u64) -> Vec<u8> {
        let mut octets = vec![first, if first & 7 == 4 { 5 } else { 0 }];
        octets.resize(24, 0);
        octets.extend(NtpTimestamp(origin).to_octets());
        octets.extend([0; 8]);
        octets.extend(NtpTimestamp(transmit).to_octets());
        octets
    }

    fn phase(requests: &[(u64, Vec<u8>)], replies: &[(u64, Vec<u8>)]) -> Phase {
        let here: SocketAddr = "127.0.0.1:123".parse().unwrap();
        let request = |(at, octets): &(u64, Vec<u8>)| Request {
            time: Duration::from_secs(*at),
            client: here,
            server: here,
            octets: octets.clone(),
            frame: None,
        };
        let reply = |(at, octets): &(u64, Vec<u8>)| Reply {
            time: Duration::from_secs(*at),
            source: here,
            destination: here,
            octets: octets.clone(),
            faults: Vec::new(),
            frame: None,
        };
        Phase {
            kind: PhaseKind::Correct,
            faults: Vec::new(),
            shift: 0.0,
            requests: requests.iter().map(request).collect(),
            replies: replies.iter().map(reply).collect(),
            evidence: Vec::new(),
        }
    }

    #[test]
    fn a_request_that_names_a_reply_took_it() {
        let phase =
            phase(&[(1, message(0xe3, 0, 11)), (3, message(0xe3, 22, 33))], &[(2, message(0x24, 11, 22))]);
        assert_eq!(evidence(&phase).belief, Belief::Synchronised(None));
    }

    #[test]
    fn requests_that_say_they_have_no_time_took_none() {
        let asked = [(1, message(0xe3, 0, 11)), (3, message(0xe3, 0, 33)), (5, message(0xe3, 0, 55))];
        assert_eq!(evidence(&phase(&asked, &[(2, message(0x24, 11, 22))])).belief, Belief::Unsynchronised);
        // A reply to another request is named, and not believed.
        assert_eq!(evidence(&phase(&asked, &[(2, message(0x24, 99, 22))])).belief, Belief::Untold);
    }

    #[test]
    fn requests_that_go_on_naming_an_earlier_reply_took_none_of_these() {
        let asked = [(1, message(0x23, 5, 11)), (3, message(0x23, 5, 33)), (5, message(0x23, 5, 55))];
        let replies = [(2, message(0x24, 11, 22)), (4, message(0x24, 33, 44))];
        assert_eq!(evidence(&phase(&asked, &replies)).belief, Belief::Unsynchronised);
        // One that was taken in a phase with a fault has the time of that phase.
        let asked = [(1, message(0x23, 5, 11)), (3, message(0x23, 22, 33))];
        let mut faulty = phase(&asked, &replies);
        (faulty.kind, faulty.shift) = (PhaseKind::Faulty, 100.0);
        faulty.replies.iter_mut().for_each(|reply| reply.faults.push("strip-mac"));
        assert_eq!(evidence(&faulty).belief, Belief::Synchronised(Some(100.0)));
    }

    #[test]
    fn requests_that_say_nothing_tell_nothing() {
        let asked = [(1, message(0x23, 0, 11)), (3, message(0x23, 0, 33)), (5, message(0x23, 0, 55))];
        assert_eq!(evidence(&phase(&asked, &[(2, message(0x24, 11, 22))])).belief, Belief::Untold);
    }
}
