//! What networks and clocks do to a right server accuses nobody, and proves nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ntpcap::auth::{KeyId, Keyring, TrustedKeys};
use ntpcap::conformance::{Context, Outcome, Pace, Runner, Selection, Settings, catalogue};
use ntpcap::probe::in_process::{Arrival, What, run};
use ntpcap::server::{Clients, Faults, Habit, InProcess, Policy};

use super::{NOW, TARGET, keys, told};

/// Half of the way there and back.
const WAY: Duration = Duration::from_millis(1);

fn target() -> SocketAddr {
    TARGET.parse().unwrap()
}

fn selection(only: &str) -> Selection {
    Selection { only: only.split(',').map(str::to_owned).collect(), ..Selection::default() }
}

fn context(given: &[u32]) -> Context {
    let mut given: Vec<KeyId> = given.iter().copied().map(KeyId).collect();
    if given.is_empty() {
        given = keys().candidates().map(|candidate| candidate.key.id()).collect();
    }
    Context::new(Arc::new(keys()), given, 11).of(target())
}

/// A server as it should be; `change` makes its policy another.
fn server(change: impl FnOnce(&mut Policy)) -> InProcess<'static> {
    let mut policy = Policy::new(Habit::of_name("ntpcap").unwrap());
    change(&mut policy);
    let clients = Clients::new(Vec::new(), None, true);
    let keys: &'static Keyring = Box::leak(Box::new(keys()));
    InProcess::new(policy, clients, Faults::new(keys, Vec::new(), 3))
}

/// What a server makes of a request at that time.
fn replies(server: &mut InProcess, octets: &[u8], port: usize, now: Duration) -> Vec<Vec<u8>> {
    let port = 40_000 + u16::try_from(port).unwrap();
    let client: SocketAddr = format!("192.0.2.2:{port}").parse().unwrap();
    server.answer(octets, client, now).into_iter().map(|sent| sent.octets).collect()
}

/// Runs cases against a function of the request, our port, the number of the request and the time.
fn asked(
    only: &str,
    context: Context,
    mut answer: impl FnMut(&[u8], usize, usize, Duration) -> Vec<Vec<u8>>,
) -> Runner {
    let cases = if only.is_empty() { Selection::default() } else { selection(only) };
    let pace = Pace { wait: Duration::from_secs(1), interval: Duration::from_millis(20), tries: 3 };
    let mut runner = Runner::new(Settings { cases: cases.cases().unwrap(), pace }, context);
    let mut number = 0;
    run(&mut runner, NOW, |sending, now| {
        number += 1;
        let arrival =
            |octets| Arrival { after: 2 * WAY, port: sending.port, what: What::Datagram(target(), octets) };
        answer(&sending.octets, sending.port, number, now + WAY).into_iter().map(arrival).collect()
    });
    runner
}

fn outcome(runner: &Runner, slug: &str) -> Outcome {
    let result = runner.results().iter().find(|result| result.case.slug == slug);
    result.map(|result| result.judgement.outcome).unwrap_or_else(|| panic!("{slug} was not run"))
}

fn count(runner: &Runner, outcome: Outcome) -> usize {
    runner.results().iter().filter(|result| result.judgement.outcome == outcome).count()
}

#[track_caller]
fn accuses_nobody(runner: &Runner) {
    assert_eq!(count(runner, Outcome::Fail), 0, "{}", told(runner.results()));
}

/// A list of numbers that is no pattern.
fn chance(number: usize) -> u64 {
    let mut value = (number as u64).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    value ^= value >> 31;
    value = value.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (value ^ (value >> 29)) % 100
}

#[test]
fn an_outage_while_keys_are_tried_is_no_refusal_of_them() {
    let mut right = server(|_| {});
    let lossy = |lost: std::ops::Range<usize>| {
        move |octets: &[u8], port, number, now, right: &mut InProcess| match lost.contains(&number) {
            true => Vec::new(),
            false => replies(right, octets, port, now),
        }
    };
    let short = lossy(2..9);
    let runner = asked("auth", context(&[1]), |octets, port, number, now| {
        short(octets, port, number, now, &mut right)
    });
    assert_eq!(runner.context().facts.honoured, [KeyId(1)]);
    // Nothing under the key comes back before the first case.
    let mut right = server(|_| {});
    let runner = asked("auth/wrong-digest", context(&[1]), |octets, port, number, now| {
        match number > 1 && number < 14 {
            true => Vec::new(),
            false => replies(&mut right, octets, port, now),
        }
    });
    assert_eq!(runner.context().facts.open, [KeyId(1)]);
    assert_eq!(outcome(&runner, "auth/wrong-digest"), Outcome::Inconclusive);
}

#[test]
fn a_server_that_serves_nobody_but_sends_kisses_honours_nothing() {
    let runner = asked("", context(&[]), |octets, _, _, _| {
        let Some(request) = octets.get(..48).filter(|octets| octets[0] & 7 == 3) else { return Vec::new() };
        let mut kiss = vec![0; 48];
        kiss[0] = 0xc0 | (request[0] & 0x38) | 4;
        kiss[12..16].copy_from_slice(b"DENY");
        kiss[24..32].copy_from_slice(&request[40..48]);
        vec![kiss]
    });
    accuses_nobody(&runner);
    assert!(runner.context().facts.honoured.is_empty());
    let passed = runner.results().iter().filter(|result| result.judgement.outcome == Outcome::Pass);
    let others: Vec<&str> =
        passed.map(|result| result.case.slug).filter(|slug| !slug.starts_with("kiss/")).collect();
    assert!(others.is_empty(), "{others:?}");
}

#[test]
fn our_own_octets_are_no_reply() {
    let runner = asked("", context(&[]), |octets, _, _, _| vec![octets.to_vec()]);
    assert_eq!(count(&runner, Outcome::Inconclusive), catalogue::all().count());
    assert!(runner.ended().unwrap().contains("comes back"));
}

#[test]
fn what_a_flood_leaves_behind_is_bounded_and_counted() {
    let mut right = server(|_| {});
    let runner = asked("header,amplification", context(&[]), |octets, port, _, now| {
        let flood = |reply: Vec<u8>| {
            (0..400_u16).map(move |number| {
                let mut octets = reply.clone();
                octets.resize(4_094, 7);
                octets.extend(number.to_be_bytes());
                octets
            })
        };
        replies(&mut right, octets, port, now).into_iter().flat_map(flood).collect()
    });
    let kept: Vec<usize> = runner
        .exchanges()
        .iter()
        .map(|(_, exchange)| exchange.replies.iter().map(|reply| reply.octets.len()).sum())
        .collect();
    assert!(kept.iter().all(|octets| *octets <= 64 * 1024 + 4_096), "{kept:?}");
    assert!(kept.iter().sum::<usize>() <= 17 * 1024 * 1024);
    assert!(runner.exchanges().iter().any(|(_, exchange)| exchange.left_out.octets > 1_000_000));
    assert_eq!(outcome(&runner, "amplification/datagrams"), Outcome::Fail);
}

#[test]
fn one_step_of_the_clock_is_no_fault() {
    for step in [-60_i64, -1, 1, 60] {
        for only in ["header", "interleaved", "replay"] {
            for begin in 9..40 {
                let mut right = server(|_| {});
                let runner = asked(only, context(&[]), |octets, port, number, now| {
                    let after = Duration::from_secs(if number >= begin { step.max(0) as u64 } else { 0 });
                    let before = Duration::from_secs(if number >= begin { (-step).max(0) as u64 } else { 0 });
                    replies(&mut right, octets, port, now + after - before)
                });
                accuses_nobody(&runner);
            }
        }
    }
}

#[test]
fn a_coarse_clock_that_says_so_is_no_fault() {
    for (tick, precision) in [(1_000, 0_i8), (100, -3), (16, -6), (16, -20)] {
        let mut right = server(|policy| policy.interleaved = false);
        let runner = asked("header,interleaved,replay", context(&[2]), |octets, port, _, now| {
            let now = now.as_millis() / tick * tick;
            let now = Duration::from_millis(u64::try_from(now).unwrap());
            let mut all = replies(&mut right, octets, port, now);
            all.iter_mut().for_each(|reply| reply[3] = precision.to_be_bytes()[0]);
            all.iter_mut().for_each(|reply| reply.copy_within(32..40, 40));
            all.retain(|reply| reply.len() == 48);
            all
        });
        accuses_nobody(&runner);
    }
}

#[test]
fn machines_behind_one_address_are_no_fault() {
    for apart in [5, 60, 2_000] {
        let mut machines = [server(|_| {}), server(|_| {}), server(|_| {})];
        let runner = asked("header,interleaved,replay", context(&[]), |octets, port, number, now| {
            let which = number % 3;
            let now = now + Duration::from_millis(apart) * u32::try_from(which).unwrap();
            replies(&mut machines[which], octets, port, now)
        });
        accuses_nobody(&runner);
    }
}

#[test]
fn a_clock_that_stands_still_is_one() {
    let mut right = server(|_| {});
    let runner = asked("header", context(&[]), |octets, port, _, now| {
        let mut all = replies(&mut right, octets, port, now);
        all.iter_mut().for_each(|reply| reply[32..48].copy_from_slice(&[0xed; 16]));
        all
    });
    assert_eq!(outcome(&runner, "header/transmit-advances"), Outcome::Fail, "{}", told(runner.results()));
}

#[test]
fn loss_is_no_silence() {
    for seed in 0..25 {
        let mut right = server(|_| {});
        let runner = asked("address", context(&[1]), |octets, port, number, now| {
            match chance(seed * 1_000 + number) < 36 {
                true => Vec::new(),
                false => replies(&mut right, octets, port, now),
            }
        });
        accuses_nobody(&runner);
    }
}

#[test]
fn what_the_network_doubles_is_not_the_servers() {
    for seed in 0..5 {
        let mut right = server(|_| {});
        let runner = asked("", context(&[]), |octets, port, number, now| {
            let mut all = replies(&mut right, octets, port, now);
            if chance(seed * 1_000 + number) < 15 {
                all.extend(replies(&mut right, octets, port, now + Duration::from_micros(50)));
            }
            if chance(seed * 1_000 + number + 500) < 15 {
                all.extend(all.clone());
            }
            all
        });
        accuses_nobody(&runner);
    }
}

#[test]
fn a_server_that_is_gone_is_asked_no_more_and_one_case_is_blamed() {
    let mut right = server(|_| {});
    let mut number_of_requests = 0;
    let runner = asked("", context(&[]), |octets, port, number, now| {
        number_of_requests = number;
        match number > 150 {
            true => Vec::new(),
            false => replies(&mut right, octets, port, now),
        }
    });
    accuses_nobody(&runner);
    assert!(number_of_requests < 200, "{number_of_requests}");
    assert!(runner.ended().unwrap().starts_with("the server has not answered since "));
    assert!(count(&runner, Outcome::Warn) <= 1, "{}", told(runner.results()));
}

#[test]
fn a_failed_last_request_is_told_and_leaves_silences_open() {
    let mut right = server(|_| {});
    let runner = asked("mode/2,header/length", context(&[1]), |octets, port, number, now| match number {
        1..=11 => replies(&mut right, octets, port, now),
        _ => Vec::new(),
    });
    assert_eq!(runner.ended(), Some("the server did not answer at the end"), "{}", told(runner.results()));
    assert_eq!(outcome(&runner, "mode/2"), Outcome::Inconclusive);
}

#[test]
fn nothing_answered_is_nothing_passed() {
    let mut right = server(|_| {});
    let floods = "amplification,nts/placeholder-does-not-amplify,interleaved,replay";
    let runner = asked(floods, context(&[1]), |octets, port, number, now| {
        // The sanity requests, and then one in two dozen.
        match number <= 2 || number % 24 == 0 {
            true => replies(&mut right, octets, port, now),
            false => Vec::new(),
        }
    });
    accuses_nobody(&runner);
    assert_eq!(count(&runner, Outcome::Pass), 0, "{}", told(runner.results()));
}

#[test]
fn a_server_that_requires_authentication_leaves_nothing_open() {
    let mut right = server(|policy| policy.requires_authentication = true);
    let runner = asked("", context(&[]), |octets, port, _, now| replies(&mut right, octets, port, now));
    accuses_nobody(&runner);
    assert_eq!(count(&runner, Outcome::Inconclusive), 0, "{}", told(runner.results()));
    assert_eq!(runner.ended(), None);
}

#[test]
fn keys_that_are_not_trusted_are_judged_all_the_same() {
    let mut ring = keys();
    ring.trust_only(TrustedKeys::parse("1").unwrap());
    let context = Context::new(Arc::new(ring), vec![KeyId(2)], 11).of(target());
    let mut right = server(|_| {});
    let runner = asked("auth", context, |octets, port, _, now| replies(&mut right, octets, port, now));
    accuses_nobody(&runner);
    assert_eq!(outcome(&runner, "auth/support"), Outcome::Pass);
}

#[test]
fn a_signed_kiss_to_a_wrong_mac_is_told_by_its_own_cases() {
    let mut right = server(|_| {});
    let ring = keys();
    let key = &ring.lookup(KeyId(1))[0].key;
    let runner = asked("auth,kiss", context(&[1]), |octets, port, number, now| {
        let mut all = replies(&mut right, octets, port, now);
        if number > 10 && number % 3 == 0 && octets.len() >= 48 {
            let mut kiss = vec![0; 48];
            kiss[0] = 0xc0 | (octets[0] & 0x38) | 4;
            kiss[12..16].copy_from_slice(b"RATE");
            kiss[24..32].copy_from_slice(&octets[40..48]);
            ntpcap::auth::mac::append_mac(&mut kiss, key);
            all = vec![kiss];
        }
        all
    });
    let failed: Vec<&str> = runner
        .results()
        .iter()
        .filter(|result| result.judgement.outcome == Outcome::Fail)
        .map(|result| result.case.slug)
        .collect();
    assert_eq!(failed, ["auth/nothing-signed-for-the-unverified", "kiss/not-signed-for-the-unverified"]);
}
