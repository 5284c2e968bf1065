//! Whatever octets come to the server: no panic, no answer to what a server sends, none that is longer.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use ntpcap::auth::Keyring;
use ntpcap::auth::keyfile::{self, Dialect};
use ntpcap::ntp::NtpTimestamp;
use ntpcap::server::{Decision, FixedClock, Habit, Policy, Question, Treatment, respond};

static KEYS: LazyLock<Keyring> = LazyLock::new(|| {
    let text = "1 MD5 first\n2 SHA1 second\n3 SHA256 third\n4 AES-128 0123456789abcdef\n";
    let mut keys = Keyring::new();
    keys.add("fuzz.keys", keyfile::read(text.as_bytes(), Dialect::Ntpsec));
    keys
});

// The first octet chooses habit and treatment, the rest is the request.
fuzz_target!(|input: &[u8]| {
    let Some((choice, octets)) = input.split_first() else { return };
    let choice = usize::from(*choice);
    let habit = Habit::ALL[choice % Habit::ALL.len()];
    let treatment = if choice & 0x80 == 0 { Treatment::Serve } else { Treatment::Kiss(*b"RATE") };
    let earlier_transmit = (choice & 0x40 != 0).then_some(NtpTimestamp(7));
    let policy = Policy { answers_version_5: choice & 0x20 != 0, ..Policy::new(habit) };
    let arrival = NtpTimestamp(0xee00_0000_0000_0000);
    let question = Question { octets, arrival, treatment, earlier_transmit };
    let mut reply = Vec::new();
    let decision = respond(&policy, &KEYS, &question, &FixedClock::new(arrival, 1), &mut reply);
    assert!(reply.len() <= octets.len(), "{} octets for {}", reply.len(), octets.len());
    assert_eq!(reply.is_empty(), matches!(decision, Decision::Silence(_)));
    // What a server sends is never answered: two would answer each other for ever.
    assert!(reply.is_empty() || octets[0] & 7 != 4);
});
