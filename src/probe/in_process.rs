//! Runs a plan against a function. Its time is made up: a run of minutes takes as long as it takes to compute.

use std::net::SocketAddr;
use std::time::Duration;

use super::plan::{Observation, Plan, Reply, Sending, Step};

/// What the function makes of a datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// How long after the datagram was sent it reaches the plan.
    pub after: Duration,
    /// Which of our ports it reaches.
    pub port: usize,
    /// What does.
    pub what: What,
}

/// What reaches a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A datagram from that address.
    Datagram(SocketAddr, Vec<u8>),
    /// An ICMP refusal.
    Refusal,
}

/// Runs `plan` to its end. `answer` is handed each datagram that is sent and the time since 1970, which begins at `now`,
/// and gives what comes of it. Gives the time at the end.
pub fn run(
    plan: &mut dyn Plan,
    now: Duration,
    mut answer: impl FnMut(&Sending, Duration) -> Vec<Arrival>,
) -> Duration {
    let mut network = Network { now, sent: None, deadline: now, wait: Duration::ZERO, under_way: Vec::new() };
    let mut seen = None;
    loop {
        match plan.next(seen.take()) {
            Step::Done => return network.now,
            Step::Listen => {}
            Step::Send(sending) => {
                network.send(&sending, &mut answer);
                plan.left();
            }
        }
        seen = Some(network.observe());
    }
}

struct Network {
    now: Duration,
    sent: Option<Duration>,
    deadline: Duration,
    wait: Duration,
    under_way: Vec<(Duration, usize, What)>,
}

impl Network {
    fn send(&mut self, sending: &Sending, answer: &mut impl FnMut(&Sending, Duration) -> Vec<Arrival>) {
        let earliest = self.sent.map_or(self.now, |sent| sent.saturating_add(sending.pause));
        self.now = self.now.max(earliest);
        self.sent = Some(self.now);
        self.wait = sending.wait;
        self.deadline = self.now.saturating_add(sending.wait);
        let arrivals = answer(sending, self.now).into_iter();
        let at = |arrival: &Arrival| self.now.saturating_add(arrival.after);
        self.under_way.extend(arrivals.map(|arrival| (at(&arrival), arrival.port, arrival.what)));
        // What comes at the same time comes in the order in which it was sent.
        self.under_way.sort_by_key(|(at, ..)| *at);
    }

    fn observe(&mut self) -> Observation {
        let next = self.under_way.first().map(|(at, ..)| *at).filter(|at| *at <= self.deadline);
        let Some(at) = next else {
            self.now = self.now.max(self.deadline);
            return Observation::Silence(self.wait);
        };
        // What came while nobody listened is read when somebody does.
        self.now = self.now.max(at);
        let (_, port, what) = self.under_way.remove(0);
        match what {
            What::Refusal => Observation::Refused,
            What::Datagram(source, octets) => {
                let sent = self.sent.unwrap_or(self.now);
                Observation::Reply(Reply {
                    source,
                    port,
                    octets,
                    sent,
                    elapsed: self.now.saturating_sub(sent),
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Sends `1`, `2` and `3`, listens on after each reply, and writes down what it sees.
    #[derive(Default)]
    struct Counting {
        sent: u8,
        seen: Vec<String>,
    }

    impl Plan for Counting {
        fn next(&mut self, seen: Option<Observation>) -> Step {
            let has_reply = matches!(seen, Some(Observation::Reply(_)));
            self.seen.extend(seen.map(|seen| match seen {
                Observation::Reply(reply) => format!("{:?} after {:?}", reply.octets, reply.elapsed),
                other => format!("{other:?}"),
            }));
            match self.sent {
                _ if has_reply => Step::Listen,
                3 => Step::Done,
                _ => {
                    self.sent += 1;
                    Step::Send(Sending { octets: vec![self.sent], wait: SECOND, pause: 2 * SECOND, port: 0 })
                }
            }
        }
    }

    #[test]
    fn replies_come_in_their_order_and_late_ones_with_the_next_sending() {
        let mut plan = Counting::default();
        let server = "192.0.2.1:123".parse().unwrap();
        let ended = run(&mut plan, SECOND, |Sending { octets, .. }, _| {
            let late = Duration::from_millis(if *octets == [1] { 2_500 } else { 10 });
            let reply = Arrival { after: late, port: 0, what: What::Datagram(server, octets.clone()) };
            if *octets == [3] { vec![Arrival { what: What::Refusal, ..reply }] } else { vec![reply] }
        });
        let expected = ["Silence(1s)", "[2] after 10ms", "[1] after 500ms", "Silence(1s)", "Refused"];
        assert_eq!(plan.seen, expected);
        assert_eq!(ended, SECOND + 4 * SECOND + Duration::from_millis(10));
    }
}
