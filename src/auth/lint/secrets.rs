//! Secrets that are easily guessed, hidden, quoted, or used twice.

use std::collections::BTreeMap;

use super::excerpt::{Lines, prefix_length};
use super::strength::{Weakness, weakness};
use super::{Flaw, Place, plural};
use crate::auth::key::KeyId;
use crate::auth::keyfile::{Entry, KeyFile, Severity};
use crate::auth::type7;

/// Tells of each line once, by the first program that makes a key of it.
pub(super) fn tell(readings: &[KeyFile], lines: &Lines<'_>, flaws: &mut Vec<Flaw>) {
    let mut by_line: BTreeMap<usize, &Entry> = BTreeMap::new();
    for entry in readings.iter().flat_map(|reading| &reading.entries) {
        if entry.ready().is_some() {
            by_line.entry(entry.line).or_insert(entry);
        }
    }
    for entry in by_line.values() {
        tell_entry(entry, lines, flaws);
    }
    tell_reused(by_line.values().copied(), lines, flaws);
}

fn tell_entry(entry: &Entry, lines: &Lines<'_>, flaws: &mut Vec<Flaw>) {
    let Some(key) = entry.ready() else { return };
    let word = entry.spelling.word.as_octets();
    let bare = word.get(prefix_length(word)..).unwrap_or_default();
    let octets = key.secret().as_octets();
    // A key that a cipher's length has filled up with zeros is as weak as what was written.
    let is_text = !bare.is_empty() && (octets == bare || octets == word || octets.starts_with(bare));
    let judged = if is_text { bare } else { octets };
    let flaw = |severity, code, what: String| {
        let place = Place::KeyLine(lines.secret_spot(entry.line));
        Flaw::new(place, severity, code, format!("key {}: {what}", entry.id())).about(entry.id())
    };
    let weakness = weakness(judged, is_text);
    let is_plain = matches!(weakness, Some(Weakness::Published(_) | Weakness::Pattern));
    if !is_plain && type7::decode(bare).is_some_and(|hidden| hidden.len() >= SHORTEST_HIDDEN) {
        flaws.push(tell_obfuscation(&flaw));
    } else if let Some(weakness) = weakness {
        flaws.push(tell_weakness(weakness, &flaw));
    }
    if is_quoted(bare) || opens_quotes(bare, entry.spelling.rest_of_line.as_octets()) {
        let told = flaw(Severity::Warning, "quoted-secret", "the quotes are part of the secret".to_owned())
            .does("no program takes quotes away from a secret")
            .mend("leave the quotes out, on both sides");
        flaws.push(told);
    }
    if !word.is_ascii() {
        let what =
            "the secret has letters outside ASCII, whose octets depend on how the file was saved".to_owned();
        flaws.push(flaw(Severity::Info, "non-ascii-secret", what).mend("write the octets as hex"));
    }
    if !is_text && looks_like_base64(bare) || is_text && looks_like_base64(octets) {
        let what = "the secret looks like base64 and is taken as text".to_owned();
        flaws.push(
            flaw(Severity::Info, "base64-secret", what).mend("write the octets as hex if they are meant"),
        );
    }
}

/// Fewest characters behind a type-7 text: shorter ones are often anything else.
const SHORTEST_HIDDEN: usize = 4;

fn tell_obfuscation(flaw: &dyn Fn(Severity, &'static str, String) -> Flaw) -> Flaw {
    let what = "the secret looks like a Cisco type-7 text, which hides another".to_owned();
    flaw(Severity::Warning, "obfuscated-secret", what)
        .does("the text itself is the secret here; the router computes with what it hides")
        .wire("no MAC between the two verifies")
        .mend("ntpcap keys convert reveals what it hides, into a file")
}

fn tell_weakness(weakness: Weakness, flaw: &dyn Fn(Severity, &'static str, String) -> Flaw) -> Flaw {
    let (code, what) = match weakness {
        Weakness::Published(source) => ("published-secret", format!("the secret stands in {source}")),
        Weakness::Words => {
            ("guessable-secret", "the secret is made of words that are tried first".to_owned())
        }
        Weakness::Pattern => ("guessable-secret", "the secret follows a simple rule".to_owned()),
        Weakness::Short(bits) => (
            "short-secret",
            format!("the secret has {bits} bit{} at most", plural(usize::try_from(bits).unwrap_or(0))),
        ),
    };
    flaw(Severity::Warning, code, what)
        .wire("nothing; but whoever has captured one packet with this key finds the secret by trying")
        .mend("draw a new one: ntpcap keys gen")
}

fn is_quoted(word: &[u8]) -> bool {
    match word {
        [first, .., last] => first == last && matches!(first, b'"' | b'\''),
        _ => false,
    }
}

/// True when quotes begin at the secret and end in a later word: the secret ends at the first space.
fn opens_quotes(word: &[u8], rest_of_line: &[u8]) -> bool {
    let behind = rest_of_line.get(word.len()..).unwrap_or_default();
    word.first().is_some_and(|quote| matches!(quote, b'"' | b'\'') && behind.contains(quote))
}

/// Only what is padded: unpadded base64 is letters and digits as any other text.
fn looks_like_base64(word: &[u8]) -> bool {
    let letters = |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'/');
    let bare = word.strip_suffix(b"==").or_else(|| word.strip_suffix(b"="));
    bare.is_some_and(|bare| bare.len() >= 8 && word.len().is_multiple_of(4) && bare.iter().all(letters))
}

/// Keys of different IDs with the same secret.
fn tell_reused<'e>(entries: impl Iterator<Item = &'e Entry>, lines: &Lines<'_>, flaws: &mut Vec<Flaw>) {
    let mut first: BTreeMap<&[u8], (KeyId, usize)> = BTreeMap::new();
    for entry in entries {
        let Some(key) = entry.ready() else { continue };
        let (id, line) = *first.entry(key.secret().as_octets()).or_insert((entry.id(), entry.line));
        if id != entry.id() {
            let place = Place::KeyLine(lines.secret_spot(entry.line));
            let what = format!("key {}: line {line} gives key {id} the same secret", entry.id());
            let told = Flaw::new(place, Severity::Warning, "secret-reused", what)
                .about(entry.id())
                .wire("who learns one of the keys has both")
                .mend("draw a secret for each: ntpcap keys gen");
            flaws.push(told);
        }
    }
}
