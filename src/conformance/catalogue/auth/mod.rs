//! MACs of requests and replies.

mod algorithms;
mod hmac;
mod keys;
mod lengths;
mod nak;
mod refusal;
mod run;
mod valid;
mod versions;
mod wrong;

use crate::analysis::behaviour::Answer;
use crate::auth::algorithm::TRUNCATED_LENGTH;
use crate::auth::{Algorithm, Key, Secret};
use crate::conformance::case::Case;
use crate::conformance::exchange::Stimulus;
use crate::conformance::expect::limited;
use crate::conformance::reading::Told;
use crate::conformance::{Context, Exchange, Judgement};
use crate::ntp::header::HEADER_LENGTH;

pub(super) static CASES: [&[Case]; 8] = [
    valid::CASES,
    algorithms::CASES,
    versions::CASES,
    wrong::CASES,
    keys::CASES,
    lengths::CASES,
    refusal::CASES,
    nak::CASES,
];

/// Cases about the whole run.
pub(super) static RUN: &[Case] = run::CASES;

/// One request.
fn once(seen: &[Exchange], make: impl FnOnce() -> Option<Vec<u8>>) -> Option<Stimulus> {
    if seen.is_empty() { make().map(Stimulus::one) } else { None }
}

/// One request for each of several values, one after the other.
fn for_each<T: Copy>(
    seen: &[Exchange],
    values: &[T],
    make: impl FnOnce(T) -> Option<Vec<u8>>,
) -> Option<Stimulus> {
    make(*values.get(seen.len())?).map(Stimulus::one)
}

/// The digest as it stands in version 4: its first 20 octets.
fn cut(mut digest: Vec<u8>) -> Vec<u8> {
    digest.truncate(TRUNCATED_LENGTH);
    digest
}

/// Octets that a digest of that algorithm has in version 4.
fn cut_length(algorithm: Algorithm) -> usize {
    algorithm.digest_length().min(TRUNCATED_LENGTH)
}

/// A key of the same ID and algorithm with a random secret.
fn with_other_secret(context: &Context, key: &Key) -> Option<Key> {
    let secret = context.octets(key.secret().length().max(8));
    Key::new(key.id(), key.algorithm(), Secret::new(secret)).ok()
}

/// A key of the same ID and secret with another algorithm.
fn with_other_algorithm(key: &Key, algorithm: Algorithm) -> Option<Key> {
    Key::new(key.id(), algorithm, key.secret().clone()).ok()
}

/// A request whose MAC is made with a random secret, under the first honoured key's ID; without such a key under an ID
/// that nobody has.
fn unverifiable(context: &Context) -> Vec<u8> {
    let request = context.request();
    match context.honoured_key().and_then(|key| with_other_secret(context, key)) {
        Some(stranger) => request.signed(&stranger),
        None => request.mac(context.unknown_key_id(), &context.octets(16)).octets(),
    }
}

/// The first honoured key whose whole digest, in version 4 behind its key ID, can be no extension field.
fn long_key(context: &Context) -> Option<&Key> {
    context.honoured().find(|key| {
        let length = key.id().0 & 0xffff;
        key.algorithm().digest_length() > TRUNCATED_LENGTH
            && (length % 4 != 0 || !(16..=68).contains(&length))
    })
}

/// What is to be said of a reply without a MAC where its MAC is asked about: of a server that authenticates nothing,
/// `auth/support` tells.
fn without_mac(context: &Context, told: &Told<'_>) -> Judgement {
    match told {
        Told::Reply(reading) if reading.answer == Answer::Kiss => limited(reading),
        told if context.authenticates() => Judgement::inconclusive(told.describe()),
        _ => context.none_honoured(),
    }
}

/// True for a reply that carries no MAC, whatever it says.
fn is_unsigned(told: &Told<'_>) -> bool {
    match told {
        Told::Reply(reading) => matches!(
            reading.answer,
            Answer::PlainReply | Answer::CryptoNak | Answer::Kiss | Answer::ZeroTrailer
        ),
        Told::Silence | Told::Lost => true,
    }
}

/// The key ID behind the header of a request without extension fields.
fn asked_key_id(request: &[u8]) -> Option<u32> {
    request.get(HEADER_LENGTH..)?.first_chunk().map(|octets| u32::from_be_bytes(*octets))
}
