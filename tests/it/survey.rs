//! Runs against the reference server: every habit, every fault of a MAC, and a network that loses and reorders.

mod limits;
mod replies;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ntpcap::analysis::behaviour::{Answer, Asked, Class};
use ntpcap::analysis::survey::{
    Certainty, Extent, Outcome, Pacing, Seen, Settings, Stimulus, Stop, Survey, Told,
};
use ntpcap::auth::keyfile::{self, Dialect};
use ntpcap::auth::{KeyId, Keyring, Keyrings, TrustedKeys};
use ntpcap::ntp::NtpTimestamp;
use ntpcap::ntp::timestamp::UnixTime;
use ntpcap::probe::in_process::{Arrival, What, run};
use ntpcap::probe::{Observation, Plan, Sending, Step};
use ntpcap::server::fault::{Dispatch, Group, Request};
use ntpcap::server::{Fault, Faults, FixedClock, Habit, Policy, Question, System, Treatment};

const OURS: &str = "1 MD5 first-secret\n2 SHA1 second-secret\n11 SHA1 another-secret\n12 SHA1 not-trusted\n13 SHA1 unknown-there\n";
/// Key 11 has another secret there, and key 13 is missing.
const THEIRS: &str = "1 MD5 first-secret\n2 SHA1 second-secret\n11 SHA1 rolled-secret\n12 SHA1 not-trusted\n";
const NOW: Duration = Duration::from_secs(1_795_581_943);
const TICK: Duration = Duration::from_millis(1);

fn keyring(text: &str) -> Keyring {
    let mut keys = Keyring::new();
    keys.add("test.keys", keyfile::read(text.as_bytes(), Dialect::NtpOrg));
    keys
}

fn target() -> SocketAddr {
    "192.0.2.1:123".parse().unwrap()
}

fn settings(keys: &[u32], full: bool) -> Settings {
    Settings {
        target: target(),
        keys: keys.iter().copied().map(KeyId).collect(),
        extent: Extent { full, control: false },
        tries: 6,
        wait: Duration::from_secs(1),
        pacing: Pacing::Polite,
        seed: 7,
    }
}

fn survey(settings: Settings) -> Survey {
    let mut keys = Keyrings::new();
    keys.default_keyring_mut().add("ours", keyfile::read(OURS.as_bytes(), Dialect::NtpOrg));
    Survey::new(settings, Arc::new(keys))
}

fn ntp_time(now: Duration) -> NtpTimestamp {
    let seconds = i64::try_from(now.as_secs()).unwrap();
    UnixTime { seconds, nanoseconds: now.subsec_nanos() }.to_ntp()
}

/// A server, and the network before it.
struct Server<'k> {
    policy: Policy,
    treatment: fn(u32) -> Treatment,
    faults: Faults<'k>,
    asked: u32,
}

impl<'k> Server<'k> {
    fn new(habit: &str, keys: &'k Keyring, faults: &[&str]) -> Server<'k> {
        let faults: Vec<Fault> = faults.iter().map(|text| Fault::parse(text).unwrap()).collect();
        let policy = Policy::new(Habit::of_name(habit).unwrap());
        let treatment = |_| Treatment::Serve;
        Server { policy, treatment, faults: Faults::new(keys, faults, 3), asked: 0 }
    }

    fn respond(&mut self, request: &Sending, now: Duration) -> Vec<Dispatch> {
        let arrival = ntp_time(now + TICK);
        self.asked += 1;
        let treatment = (self.treatment)(self.asked);
        let question = Question { octets: &request.octets, arrival, treatment, earlier_transmit: None };
        let clock = FixedClock::new(arrival, 1_000);
        let client = "192.0.2.2:40000".parse().unwrap();
        let request = Request { question: &question, client, elapsed: now - NOW };
        self.faults.answer(&self.policy, &clock, &request).dispatches
    }

    fn ask(&mut self, settings: Settings) -> Outcome {
        let mut survey = survey(settings);
        run(&mut survey, NOW, |request, now| {
            self.respond(request, now).into_iter().map(|sent| arrival(sent, Duration::ZERO)).collect()
        });
        survey.outcome()
    }
}

fn arrival(sent: Dispatch, jitter: Duration) -> Arrival {
    Arrival { after: 2 * TICK + sent.after + jitter, port: 0, what: What::Datagram(target(), sent.octets) }
}

fn their_keys() -> Keyring {
    let mut keys = keyring(THEIRS);
    keys.trust_only(TrustedKeys::parse("1-11").unwrap());
    keys
}

/// What each habit does with a key that is right, of another secret, not trusted and unknown; its class and its name.
const HABITS: [(&str, [&str; 4], Class, &str); 7] = [
    ("ntpcap", ["authenticated", "crypto-nak", "crypto-nak", "crypto-nak"], Class::NakOnBadMac, "ntpcap"),
    ("ntp.org", ["authenticated", "crypto-nak", "crypto-nak", "crypto-nak"], Class::NakOnBadMac, "ntp.org"),
    (
        "ntpsec",
        ["authenticated", "drops-request", "drops-request", "drops-request"],
        Class::SilentOnBadMac,
        "ntpsec",
    ),
    (
        "chrony",
        ["authenticated", "drops-request", "authenticated", "drops-request"],
        Class::SilentOnBadMac,
        "chrony",
    ),
    (
        "ntpd-rs",
        ["drops-request", "drops-request", "drops-request", "drops-request"],
        Class::PlainReplyToMac,
        "ntpd-rs",
    ),
    (
        "openntpd",
        ["auth-stripped", "auth-stripped", "auth-stripped", "auth-stripped"],
        Class::PlainReplyToMac,
        "openntpd",
    ),
    ("busybox", ["zero-trailer"; 4], Class::ZeroTrailerToMac, "busybox"),
];

#[test]
fn every_habit_gets_its_verdicts_class_and_name() {
    let keys = their_keys();
    for full in [false, true] {
        for (habit, verdicts, class, name) in HABITS {
            for (key_id, verdict) in [2, 11, 12, 13].into_iter().zip(verdicts) {
                let outcome = Server::new(habit, &keys, &[]).ask(settings(&[key_id], full));
                let told = format!("{habit} key {key_id} full {full}: {outcome:#?}");
                assert_eq!(outcome.keys[0].verdict.name(), verdict, "{told}");
                assert_eq!(outcome.class, Some(class), "{told}");
                assert_eq!(outcome.guess.name, name, "{told}");
                assert_eq!(outcome.requires_authentication, Some(false), "{told}");
            }
        }
    }
}

/// Each fault of a MAC, and what is said of a right key.
const MAC_FAULTS: [(&str, &str); 16] = [
    ("mac-over-header-only", "reply-bad-mac"),
    ("other-algorithm", "reply-bad-mac"),
    ("wrong-key", "reply-bad-mac"),
    ("other-key-id", "reply-other-key"),
    ("key-id-zero", "reply-other-key"),
    ("add-mac", "authenticated"),
    ("strip-mac", "auth-stripped"),
    ("zero-mac", "zero-trailer"),
    ("nak", "crypto-nak"),
    ("nak-wrong-origin", "reply-wrong-origin"),
    ("flip-bit", "reply-bad-mac"),
    ("truncate-mac", "reply-bad-mac"),
    ("pad-mac", "reply-bad-mac"),
    ("bogus-origin", "reply-wrong-origin"),
    ("zero-origin", "reply-wrong-origin"),
    ("drop", "no-response"),
];

#[test]
fn every_fault_of_a_mac_gets_its_verdict() {
    let keys = their_keys();
    for (fault, verdict) in MAC_FAULTS {
        for key_id in [1, 2] {
            let outcome = Server::new("ntpcap", &keys, &[fault]).ask(settings(&[key_id], false));
            assert_eq!(outcome.keys[0].verdict.name(), verdict, "{fault} key {key_id}: {outcome:#?}");
        }
    }
    let tested = ntpcap::server::fault::list().iter().filter(|row| row.group == Group::Mac).count();
    assert_eq!(tested, MAC_FAULTS.len() - 3, "a fault of a MAC has no verdict here");
}

#[test]
fn other_faults_get_their_verdicts() {
    let keys = their_keys();
    for (fault, verdict) in [
        ("wrong-mode", "reply-wrong-mode"),
        ("wrong-version", "reply-wrong-version"),
        ("unsynchronised", "unsynchronised"),
        ("stratum-16", "unsynchronised"),
        ("kod", "kiss RATE"),
        ("duplicate", "authenticated"),
        ("reorder", "authenticated"),
        ("late:delay=500ms", "authenticated"),
        ("wrong-time", "authenticated"),
        ("oversize", "authenticated"),
    ] {
        let outcome = Server::new("ntpcap", &keys, &[fault]).ask(settings(&[2], false));
        assert_eq!(outcome.verdict.to_string(), verdict, "{fault}: {outcome:#?}");
    }
}

/// ntp.org's ntpd with `limited kod` signs `RATE` before it verifies the request.
#[test]
fn a_signed_kiss_does_not_prove_that_a_key_was_accepted() {
    let keys = their_keys();
    let mut trapped = 0;
    for seed in 0..40 {
        let mut server = Server::new("ntp.org", &keys, &[]);
        server.treatment = |asked| if asked > 1 { Treatment::Kiss(*b"RATE") } else { Treatment::Serve };
        let outcome = server.ask(Settings { seed, ..settings(&[2], false) });
        assert_eq!(outcome.verdict.to_string(), "kiss RATE");
        assert_eq!(outcome.stopped, Some(Stop::Kiss(*b"RATE")));
        assert_eq!(server.asked, 2, "it goes on after a kiss");
        let valid = outcome.rows.iter().find(|row| row.stimulus == Stimulus::Valid(KeyId(2))).unwrap();
        let Told::Answer(Seen { kiss: Some(_), is_signed: true, .. }) = valid.told else { continue };
        trapped += 1;
        assert_eq!(outcome.keys[0].verdict.to_string(), "kiss RATE");
        assert_eq!((outcome.kiss_signed, outcome.keys[0].kiss_signed), (Some(true), Some(true)));
    }
    assert!(trapped > 2, "the trap was not set");
}

#[test]
fn keys_that_were_not_asked_for_before_a_kiss_are_not_judged() {
    let keys = their_keys();
    let mut told = BTreeSet::new();
    for seed in 0..60 {
        let mut server = Server::new("ntpsec", &keys, &[]);
        server.treatment = |asked| if asked > 2 { Treatment::Kiss(*b"DENY") } else { Treatment::Serve };
        let outcome = server.ask(Settings { seed, ..settings(&[1, 2], false) });
        for key in &outcome.keys {
            told.insert(key.verdict.name());
            let (server, client) = key.checks.unwrap_or_default();
            assert!(!client.contains("--tries") && !server.contains("nothing"), "{key:#?}");
        }
    }
    assert_eq!(Vec::from_iter(told), ["authenticated", "inconclusive", "kiss"]);
}

/// ntp.org's ntpd takes fields without a MAC for a MAC that is wrong.
#[test]
fn a_nak_to_a_plain_request_with_a_field_is_no_authentication_failure() {
    let keys = their_keys();
    let outcome = Server::new("ntp.org", &keys, &[]).ask(settings(&[2], false));
    let field = outcome.rows.iter().find(|row| row.stimulus == Stimulus::FieldAlone).unwrap();
    assert_eq!(field.told.answer(), Some(Answer::CryptoNak), "the trap was not set");
    assert_eq!(outcome.verdict.to_string(), "authenticated");
    assert_eq!(outcome.profile.of(Asked::NoMac, Answer::CryptoNak), 0);
    let plain = Server::new("ntp.org", &keys, &[]).ask(settings(&[], false));
    assert_eq!(plain.verdict.to_string(), "answers");
}

/// Leap 3, stratum 0 and `INIT`: ntpd of both families in its first minutes.
#[test]
fn a_server_that_has_no_time_yet_sends_no_kiss() {
    let keys = their_keys();
    for (key_id, verdict) in [(2, "unsynchronised"), (11, "crypto-nak")] {
        let mut server = Server::new("ntp.org", &keys, &[]);
        server.policy.system = System::unsynchronised();
        let outcome = server.ask(settings(&[key_id], false));
        assert_eq!(outcome.verdict.to_string(), verdict);
        assert_eq!((outcome.class, outcome.stopped), (Some(Class::NakOnBadMac), None));
        assert_eq!(outcome.times.offset, None);
    }
}

#[test]
fn a_server_that_answers_those_alone_who_authenticate_is_told() {
    let keys = their_keys();
    for (habit, class) in [("ntpsec", Class::RequiresAuthentication), ("ntp.org", Class::NakOnBadMac)] {
        let mut server = Server::new(habit, &keys, &[]);
        server.policy.requires_authentication = true;
        let outcome = server.ask(settings(&[2], false));
        assert_eq!(outcome.requires_authentication, Some(true), "{outcome:#?}");
        assert_eq!(outcome.verdict.to_string(), "authenticated");
        assert_eq!(outcome.class, Some(class));
    }
}

/// What died, or lost its patience, refused nothing.
#[test]
fn the_silence_of_a_server_that_died_is_no_refusal() {
    let keys = their_keys();
    for last in 1..12 {
        let mut survey = survey(settings(&[2], true));
        let mut server = Server::new("ntp.org", &keys, &[]);
        run(&mut survey, NOW, |request, now| {
            let sendings = server.respond(request, now);
            let alive = server.asked <= last;
            sendings.into_iter().filter(|_| alive).map(|one| arrival(one, Duration::ZERO)).collect()
        });
        let outcome = survey.outcome();
        assert!(outcome.rows.iter().all(|row| row.told != Told::Silence), "{last}: {outcome:#?}");
    }
}

#[test]
fn refusals_and_failures_of_our_own_are_told_apart_from_silence() {
    for (what, verdict, stopped) in [
        (vec![Arrival { after: TICK, port: 0, what: What::Refusal }], "refused", Some(Stop::Refused)),
        (Vec::new(), "no-response", None),
    ] {
        let mut survey = survey(settings(&[2], false));
        run(&mut survey, NOW, |_, _| what.clone());
        let outcome = survey.outcome();
        assert_eq!((outcome.verdict.to_string().as_str(), outcome.stopped), (verdict, stopped));
    }
    let mut survey = survey(settings(&[2], false));
    let mut seen = None;
    while survey.next(seen.take()) != Step::Done {
        seen = Some(Observation::Failed("network unreachable".to_owned()));
    }
    assert_eq!(survey.outcome().verdict.to_string(), "inconclusive");
}

#[test]
fn replies_from_elsewhere_are_no_answers() {
    let keys = their_keys();
    let mut survey = survey(settings(&[2], false));
    let mut server = Server::new("ntpcap", &keys, &[]);
    let elsewhere = "192.0.2.9:123".parse().unwrap();
    run(&mut survey, NOW, |request, now| {
        let replies = server.respond(request, now).into_iter();
        replies
            .map(|one| Arrival { after: TICK, port: 0, what: What::Datagram(elsewhere, one.octets) })
            .collect()
    });
    assert_eq!(survey.outcome().verdict.to_string(), "reply-wrong-source");
}

/// The server's clock is one tick ahead, as a request takes two and a reply nothing, and both together two.
#[test]
fn offset_and_delay_are_those_of_the_four_timestamps() {
    let keys = their_keys();
    let times = Server::new("chrony", &keys, &[]).ask(settings(&[2], false)).times;
    assert!(times.offset.unwrap().abs() < 0.000_01, "{times:?}");
    assert!((times.delay.unwrap() - 0.002).abs() < 0.000_01, "{times:?}");
}

#[test]
fn a_run_sends_no_more_and_takes_no_longer_than_it_says() {
    let keys = their_keys();
    for habit in ["ntp.org", "ntpsec", "chrony", "ntpd-rs"] {
        for full in [false, true] {
            let mut survey = survey(settings(&[2], full));
            let mut server = Server::new(habit, &keys, &[]);
            let (most, longest) = (survey.most_requests(), survey.longest());
            let end = run(&mut survey, NOW, |request, now| {
                let replies = server.respond(request, now).into_iter();
                replies.map(|one| arrival(one, Duration::ZERO)).collect()
            });
            assert!(u64::from(server.asked) <= most && end - NOW <= longest);
            let expected = if full { 115 } else { 34 };
            assert!(server.asked <= expected, "{habit} full {full}: {} requests", server.asked);
        }
    }
}

/// One reply in five is lost, and others come up to 200 ms later, as netem has it on one interface.
#[test]
fn with_loss_and_jitter_the_class_is_right_or_not_given() {
    let keys = their_keys();
    let (mut given, mut runs) = (0, 0);
    for (habit, verdicts, class, name) in HABITS {
        for seed in 0..200 {
            let mut random = Random(seed * 7919 + habit.len() as u64);
            let mut server = Server::new(habit, &keys, &[]);
            let mut survey = survey(Settings { seed, tries: 12, ..settings(&[2, 11], false) });
            run(&mut survey, NOW, |request, now| {
                let mut arrivals = Vec::new();
                for sending in server.respond(request, now) {
                    let (is_lost, jitter) = (random.below(5) == 0, Duration::from_millis(random.below(200)));
                    arrivals.extend((!is_lost).then(|| arrival(sending, jitter)));
                }
                arrivals
            });
            let outcome = survey.outcome();
            let told = format!("{habit} seed {seed}: {outcome:#?}");
            assert!(outcome.class.is_none_or(|told| is_true(told, class)), "{told}");
            let is_sure = outcome.guess.certainty == Certainty::High;
            assert!(!is_sure || outcome.guess.name == name, "{told}");
            for (key, verdict) in outcome.keys.iter().zip(verdicts) {
                assert!([verdict, "inconclusive"].contains(&key.verdict.name()), "{told}");
            }
            given += u32::from(outcome.class == Some(class));
            runs += 1;
        }
    }
    assert!(given * 4 > runs * 3, "{given} of {runs} runs gave the class");
}

/// A class that says less than the right one is true all the same.
fn is_true(told: Class, right: Class) -> bool {
    let signs = matches!(right, Class::NakOnBadMac | Class::SilentOnBadMac);
    told == right || (signs && told == Class::Authenticates)
}

/// The generator `splitmix64`.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// Seconds where everything is answered, a minute or two where the server is silent to what it refuses.
#[test]
fn a_default_run_takes_no_longer_than_it_needs() {
    let keys = their_keys();
    for (habit, key_id, most) in [
        ("ntp.org", 2, 15),
        ("ntp.org", 12, 15),
        ("openntpd", 2, 15),
        ("chrony", 2, 80),
        ("chrony", 11, 100),
        ("ntpsec", 2, 100),
        ("ntpsec", 12, 130),
    ] {
        let mut survey = survey(settings(&[key_id], false));
        let mut server = Server::new(habit, &keys, &[]);
        let end = run(&mut survey, NOW, |request, now| {
            server.respond(request, now).into_iter().map(|one| arrival(one, Duration::ZERO)).collect()
        });
        let (seconds, outcome) = ((end - NOW).as_secs(), survey.outcome());
        assert!(seconds <= most, "{habit} key {key_id}: {seconds} s");
        assert!(outcome.class.is_some(), "{habit} key {key_id}: {outcome:#?}");
    }
}
