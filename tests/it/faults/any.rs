//! Whatever is asked of whatever faults.

use std::net::SocketAddr;
use std::time::Duration;

use ntpcap::auth::Keyring;
use ntpcap::ntp::NtpTimestamp;
use ntpcap::server::fault::{Fault, Faults, Parameter, Request, Row, Unasked, list};
use ntpcap::server::{FixedClock, Habit, Policy, Question, Treatment};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::lab::{KEYS, keyring, md5, sha1};

/// Keys of every kind of length, one whose algorithm has a secret of one length alone.
const MORE_KEYS: &str = "4 AES128CMAC 000102030405060708090a0b0c0d0e0f10\n5 SHA512 fifth\n";

fn keys() -> Keyring {
    keyring(&[KEYS, MORE_KEYS].concat())
}

/// Any octets; or a request that has a chance to be answered, with a right MAC, a wrong one or none.
fn request() -> impl Strategy<Value = Vec<u8>> {
    let header = (select(vec![0x0b, 0x13, 0x1b, 0x23, 0x21, 0xe3, 0x2b]), vec(any::<u8>(), 47))
        .prop_map(|(first, rest)| [vec![first], rest].concat());
    let request = (header, 0..6, vec(any::<u8>(), 0..80)).prop_map(|(header, kind, tail)| {
        let mac = match kind {
            0 => [vec![0, 0, 0, 2], sha1(b"second", &header)].concat(),
            1 => [vec![0, 0, 0, 1], md5(b"first", &header)].concat(),
            2 => [vec![0, 0, 0, 2], vec![9; 20]].concat(),
            3 => tail,
            _ => Vec::new(),
        };
        [header, mac].concat()
    });
    prop_oneof![1 => vec(any::<u8>(), 0..300), 4 => request]
}

/// A value that the parameter takes.
fn value(parameter: Parameter) -> impl Strategy<Value = String> {
    let values: &[&str] = match parameter {
        Parameter::Algorithm => &["md5", "sha512", "aes128-cmac", "shake256"],
        Parameter::Code => &["DENY", "X"],
        Parameter::Delay => &["0", "1ms", "18446744073709551615s"],
        Parameter::Destination => &["224.0.1.1:123", "[::1]:0"],
        Parameter::Field => &["leap", "poll", "root-delay", "reference-id", "receive-time", "transmit-time"],
        Parameter::FieldType => &["0", "0xffff"],
        Parameter::Form => &["plain", "signed", "nak"],
        Parameter::From => &["same", "port", "address"],
        Parameter::Interval => &["100ms", "18446744073709551615s"],
        Parameter::KeyId => &["1", "5", "99"],
        Parameter::Mode => &["0", "7"],
        Parameter::Octets => &["0", "1", "33", "65000"],
        Parameter::Offset => &["-500ms", "+2147483647s"],
        Parameter::Reason => &["version", "mode", "short", "trailer", "crypto-nak", "control"],
        Parameter::Signed => &["yes", "no"],
        Parameter::Stratum => &["0", "255"],
        // The one that every field takes.
        Parameter::Value => &["0"],
        Parameter::Version => &["0", "7"],
    };
    select(values).prop_map(move |value| format!("{}={value}", parameter.name()))
}

fn fault(rows: Vec<&'static Row>) -> impl Strategy<Value = Fault> {
    select(rows).prop_flat_map(|row| {
        let own: Vec<_> =
            row.parameters.iter().map(|parameter| proptest::option::of(value(*parameter))).collect();
        let scope = select(vec![
            "",
            "every=2",
            "after=1",
            "count=1",
            "client=10.0.0.2",
            "key=2",
            "from=2s",
            "to=2s",
            "request-version=4",
            "request-field=yes",
            "request-octets=48-72",
            "request-port=123",
            "request-repeats=yes",
        ]);
        (own, scope).prop_map(|(own, scope)| {
            // It is for requests without a key.
            let scope = if row.name == "add-mac" && scope == "key=2" { "" } else { scope };
            let settings: Vec<String> = own.into_iter().flatten().chain([scope.to_owned()]).collect();
            Fault::parse(&format!("{}:{}", row.name, settings.join(","))).unwrap()
        })
    })
}

/// The lengths of what is sent in reply, for each of three times the same request; the third time a kiss is due.
fn lengths(habit: &'static Habit, faults: Vec<Fault>, seed: u64, request: &[u8]) -> Vec<usize> {
    let (keys, policy) = (keys(), Policy::new(habit));
    let mut faults = Faults::new(&keys, faults, seed);
    let mut lengths = Vec::new();
    let client: SocketAddr = "10.0.0.2:123".parse().unwrap();
    for second in 1..=3 {
        let arrival = NtpTimestamp(second << 32);
        let clock = FixedClock::new(arrival, 1);
        let elapsed = Duration::from_secs(second);
        let treatment = if second < 3 { Treatment::Serve } else { Treatment::Kiss(*b"RATE") };
        let earlier_transmit = Some(NtpTimestamp(7));
        let question = Question { octets: request, arrival, treatment, earlier_transmit };
        let outcome = faults.answer(&policy, &clock, &Request { question: &question, client, elapsed });
        lengths.extend(outcome.dispatches.iter().map(|dispatch| dispatch.octets.len()));
        let unasked = faults.unasked(elapsed, &policy, &clock);
        // A reply that was held back may have been cut.
        let is_cut = |name: &&str| ["cut-reply", "answer-anything"].contains(name);
        let is_whole = |it: &Unasked| it.octets.len() >= 48 || it.faults.iter().any(is_cut);
        assert!(unasked.iter().all(is_whole));
    }
    lengths
}

proptest! {
    #[test]
    fn nothing_is_too_odd_for_any_faults(
        habit in select(Habit::ALL.to_vec()),
        faults in vec(fault(list().iter().collect()), 0..5),
        seed in any::<u64>(),
        request in request(),
    ) {
        lengths(habit, faults, seed, &request);
    }

    #[test]
    fn only_faults_that_are_marked_so_make_an_answer_longer_than_its_request(
        habit in select(Habit::ALL.to_vec()),
        faults in vec(fault(list().iter().filter(|row| !row.longer).collect()), 0..5),
        seed in any::<u64>(),
        request in request(),
    ) {
        let lengths = lengths(habit, faults, seed, &request);
        prop_assert!(lengths.iter().all(|length| *length <= request.len()), "{lengths:?} to {}", request.len());
    }

    #[test]
    fn no_text_is_too_odd_for_a_fault(text in ".{0,60}", name in select(list().to_vec()), tail in "[a-z-]{0,8}=?.{0,12}") {
        let _ = Fault::parse(&text);
        let _ = Fault::parse(&format!("{}:{tail}", name.name));
    }
}

/// The mark is no more than it need be: each fault that has it can make an answer longer.
#[test]
fn faults_that_are_marked_so_can_make_an_answer_longer() {
    let specs = ["other-algorithm:key=1", "other-key-id:key=1,key-id=2", "unsolicited:key-id=2"];
    let plain = [vec![0x23], vec![7; 47]].concat();
    let second = [&plain[..], &[0, 0, 0, 2], &sha1(b"second", &plain)].concat();
    let first = [&plain[..], &[0, 0, 0, 1], &md5(b"first", &plain)].concat();
    for row in list().iter().filter(|row| row.longer) {
        let spec = specs.iter().find(|spec| spec.split(':').next() == Some(row.name)).unwrap_or(&row.name);
        let short = vec![0x23];
        let cut = [&plain[..], &[0, 0, 0, 2], &[9; 16]].concat();
        let longer = [&plain, &second, &first, &short, &cut].into_iter().any(|request| {
            let fault = Fault::parse(spec).unwrap();
            lengths(Habit::ALL[0], vec![fault], 1, request).iter().any(|length| *length > request.len())
        });
        assert!(longer, "{spec}");
    }
}
