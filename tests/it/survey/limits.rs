//! Servers that limit their clients in silence, or answer late: what they drop is no refusal.

use std::time::Duration;

use ntpcap::analysis::behaviour::Class;
use ntpcap::analysis::survey::{Certainty, Outcome, Pacing, Settings, Stop, Survey, Told};
use ntpcap::auth::Keyring;
use ntpcap::probe::in_process::{Arrival, run};

use super::{NOW, Server, arrival, settings, survey, their_keys};

/// A limit of a server that says nothing: whether it takes the request that comes then.
trait Limit {
    fn takes(&mut self, now: Duration) -> bool;
}

/// So many at once, and one more in each while: chrony's `ratelimit`.
struct Bucket {
    burst: f64,
    refill: f64,
    tokens: f64,
    last: Duration,
}

impl Limit for Bucket {
    fn takes(&mut self, now: Duration) -> bool {
        self.tokens = (self.tokens + (now - self.last).as_secs_f64() / self.refill).min(self.burst);
        self.last = now;
        let takes = self.tokens >= 1.0;
        self.tokens -= if takes { 1.0 } else { 0.0 };
        takes
    }
}

/// Nothing sooner than so long after what was taken last: `restrict limited` without `kod`.
struct LeastGap(Duration, Duration);

impl Limit for LeastGap {
    fn takes(&mut self, now: Duration) -> bool {
        let takes = now >= self.1 + self.0;
        self.1 = if takes { now } else { self.1 };
        takes
    }
}

/// One of so many.
struct EveryOther(u32, u32);

impl Limit for EveryOther {
    fn takes(&mut self, _: Duration) -> bool {
        self.1 += 1;
        self.1 % self.0 == 1
    }
}

const GAP: Duration = Duration::from_millis(50);

fn asking(keys: &[u32], full: bool, seed: u64) -> Settings {
    let pacing = Pacing::Every(GAP);
    let (wait, tries) = (Duration::from_millis(40), if seed.is_multiple_of(3) { 20 } else { 6 });
    Settings { wait, pacing, tries, seed, ..settings(keys, full) }
}

fn ask(survey: &mut Survey, habit: &str, keys: &Keyring, limit: &mut dyn Limit) -> Outcome {
    let mut server = Server::new(habit, keys, &[]);
    run(survey, NOW, |request, now| {
        let replies = server.respond(request, now);
        let takes = limit.takes(now);
        let taken = replies.into_iter().filter(|_| takes);
        taken.map(|one| Arrival { after: Duration::from_millis(1), ..arrival(one, Duration::ZERO) }).collect()
    });
    survey.outcome()
}

/// What the server would say without a limit, or that it is not known; of a class less is true as well.
fn is_true(told: &Outcome, right: &Outcome) -> bool {
    let row = |(one, other): (&ntpcap::analysis::survey::Row, &ntpcap::analysis::survey::Row)| {
        one.told == Told::Unknown || one.told.name() == other.told.name()
    };
    let verdicts = told.keys.iter().zip(&right.keys).all(|(one, other)| {
        [other.verdict.name(), "inconclusive", "no-response"].contains(&one.verdict.name())
    });
    let class = told.class.is_none()
        || told.class == right.class
        || matches!(told.class, Some(Class::Authenticates | Class::NoResponse));
    let names = told.guess.certainty != Certainty::High || told.guess.name == right.guess.name;
    verdicts && class && names && told.rows.iter().zip(&right.rows).all(row)
}

/// Every kind of limit over many orders. Refusals that are told are refusals.
#[test]
fn what_a_silent_limit_drops_is_never_told_as_a_refusal() {
    let keys = their_keys();
    let bucket = |burst: f64, gaps: f64| -> Box<dyn Limit> {
        Box::new(Bucket { burst, refill: GAP.as_secs_f64() * gaps, tokens: burst, last: NOW })
    };
    let limits: Vec<Box<dyn Fn() -> Box<dyn Limit>>> =
        [1.0, 4.0, 8.0, 12.0]
            .into_iter()
            .flat_map(|burst| {
                [1.05, 1.1, 1.25, 1.5, 1.8, 1.9, 2.0, 2.1, 2.5, 3.0]
                    .map(|gaps| -> Box<dyn Fn() -> Box<dyn Limit>> { Box::new(move || bucket(burst, gaps)) })
            })
            .chain([2, 3, 4].map(|of| -> Box<dyn Fn() -> Box<dyn Limit>> {
                Box::new(move || Box::new(EveryOther(of, 0)))
            }))
            .chain([60, 99, 120].map(|least| -> Box<dyn Fn() -> Box<dyn Limit>> {
                Box::new(move || Box::new(LeastGap(Duration::from_millis(least), Duration::ZERO)))
            }))
            .collect();
    struct Never;
    impl Limit for Never {
        fn takes(&mut self, _: Duration) -> bool {
            true
        }
    }
    let mut told = 0;
    for (habit, asked, full) in [
        ("ntp.org", vec![1, 2], false),
        ("ntp.org", vec![2], true),
        ("ntpsec", vec![2, 11], false),
        ("chrony", vec![2], true),
    ] {
        let right = ask(&mut survey(asking(&asked, full, 1)), habit, &keys, &mut Never);
        for (place, limit) in limits.iter().enumerate() {
            for seed in 0..if full { 12 } else { 40 } {
                let mut limit = limit();
                let outcome = ask(&mut survey(asking(&asked, full, seed)), habit, &keys, limit.as_mut());
                assert!(is_true(&outcome, &right), "{habit} limit {place} seed {seed}: {outcome:#?}");
                told += u32::from(outcome.class == right.class);
            }
        }
    }
    assert!(told > 100, "the class was given {told} times: the limits tell nothing");
}

/// The gap between requests tells the server nothing of what it answered.
#[test]
fn the_gap_is_the_same_after_an_answer_and_after_silence() {
    let keys = their_keys();
    for wait in [10, 80] {
        let wait = Duration::from_millis(wait);
        let mut survey = survey(Settings { wait, pacing: Pacing::Every(GAP), ..settings(&[2], false) });
        let mut server = Server::new("ntpsec", &keys, &[]);
        let mut times = Vec::new();
        run(&mut survey, NOW, |request, now| {
            times.push(now);
            server.respond(request, now).into_iter().map(|one| arrival(one, Duration::ZERO)).collect()
        });
        assert!(
            times.len() > 10 && times.windows(2).all(|two| two[1] - two[0] == GAP.max(wait)),
            "{times:?}"
        );
    }
}

/// Replies that come after the wait for them count for what they answer, and end the run as others do.
#[test]
fn late_replies_are_answers_and_the_run_ends() {
    let keys = their_keys();
    for (habit, delay) in [("ntpcap", 1_500), ("ntpsec", 1_500), ("ntp.org", 9_000), ("ntpsec", 2_500)] {
        for tries in [2, 6, 40] {
            let mut survey = survey(Settings { tries, ..settings(&[2], false) });
            let most = survey.most_requests();
            let mut server = Server::new(habit, &keys, &[&format!("late:delay={delay}ms")]);
            run(&mut survey, NOW, |request, now| {
                let replies = server.respond(request, now).into_iter();
                replies.map(|one| arrival(one, Duration::ZERO)).collect()
            });
            let outcome = survey.outcome();
            assert!(
                u64::from(server.asked) <= most && server.asked < 60,
                "{habit}: {} of {most}",
                server.asked
            );
            assert!(outcome.late > 3, "{outcome:#?}");
            assert!(
                ["authenticated", "inconclusive"].contains(&outcome.keys[0].verdict.name()),
                "{outcome:#?}"
            );
            assert!(
                outcome.rows.iter().all(|row| row.told.name() != "silence" || habit == "ntpsec"),
                "{outcome:#?}"
            );
        }
    }
}

/// A server that answers whatever is asked as late as it likes, for ever.
#[test]
fn no_run_sends_more_than_it_says() {
    let keys = their_keys();
    for tries in [1, 3, 6, 20] {
        for every in 1..6 {
            for late in [0, 1_100, 3_000, 12_000] {
                let mut survey = survey(Settings { tries, ..settings(&[2, 11], every == 1) });
                let most = survey.most_requests();
                let mut server = Server::new("ntpsec", &keys, &[]);
                run(&mut survey, NOW, |request, now| {
                    let replies = server.respond(request, now);
                    let is_answered = server.asked.is_multiple_of(every);
                    let late = Duration::from_millis(late);
                    replies.into_iter().filter(|_| is_answered).map(|one| arrival(one, late)).collect()
                });
                assert!(u64::from(server.asked) <= most, "{} of {most}", server.asked);
            }
        }
    }
}

#[test]
fn who_asks_before_the_end_is_told_that_it_was_interrupted() {
    use ntpcap::probe::Plan;
    let mut survey = survey(settings(&[2], false));
    survey.next(None);
    assert_eq!(survey.outcome().stopped, Some(Stop::Interrupted));
    assert!(survey.outcome().rows.iter().all(|row| row.sent == 0), "it waits for its turn");
    survey.left();
    assert_eq!(survey.outcome().rows.iter().map(|row| row.sent).sum::<usize>(), 1);
}
