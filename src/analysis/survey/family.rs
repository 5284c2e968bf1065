//! Which program answers like this. What each does is measured; see `captures/habits`.

use crate::analysis::behaviour::Answer::{
    self, AuthenticatedReply as Signed, CryptoNak as Nak, PlainReply as Plain, Silence, ZeroTrailer as Zeros,
};
use crate::auth::KeyId;
use crate::ntp::header::Mode;

use super::outcome::{Row, Told};
use super::stimulus::{CONTROL, Stimulus};

/// Which program a server may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guess {
    /// Its name; `unknown` when none or several do as was seen.
    pub name: &'static str,
    /// How sure that is.
    pub certainty: Certainty,
    /// All programs known that do as was seen.
    pub candidates: Vec<&'static str>,
    /// What decided, a phrase for each.
    pub evidence: Vec<String>,
}

/// How sure a guess is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// Nothing is guessed.
    None,
    /// Some other program differs in one thing alone, or the server's own word decided.
    Medium,
    /// Every other program differs in two things or more.
    High,
}

impl Certainty {
    /// The word used in every output.
    pub fn name(self) -> &'static str {
        match self {
            Certainty::None => "none",
            Certainty::Medium => "medium",
            Certainty::High => "high",
        }
    }
}

/// A program: what it may answer to a stimulus with so many octets behind its header. Nothing where that is not known.
struct Family {
    name: &'static str,
    answers: fn(Stimulus, usize) -> &'static [Answer],
}

static FAMILIES: [Family; 7] = [
    Family { name: "ntp.org", answers: ntp_org },
    Family { name: "ntpsec", answers: ntpsec },
    Family { name: "chrony", answers: chrony },
    Family { name: "ntpd-rs", answers: ntpd_rs },
    Family { name: "openntpd", answers: openntpd },
    Family { name: "busybox", answers: busybox },
    Family { name: "ntpcap", answers: ntpcap },
];

/// The program that answers as was seen. What it calls itself decides among those that do.
pub(super) fn guess(rows: &[Row], claimed: Option<(&'static str, String)>) -> Guess {
    let plain_is_dropped = rows.iter().any(|row| row.stimulus == CONTROL && row.told == Told::Silence);
    let differences =
        |family: &Family| rows.iter().filter(|row| differs(family, row, plain_is_dropped)).count();
    let counted: Vec<(&Family, usize)> =
        FAMILIES.iter().map(|family| (family, differences(family))).collect();
    let candidates: Vec<&'static str> =
        counted.iter().filter(|(_, count)| *count == 0).map(|(family, _)| family.name).collect();
    let closest_other = counted.iter().map(|(_, count)| *count).filter(|count| *count > 0).min();
    let has_flaws = rows.iter().any(|row| matches!(row.told, Told::Flawed(_)));
    let (name, certainty) = match (candidates.as_slice(), closest_other) {
        _ if has_flaws => ("unknown", Certainty::None),
        ([name], Some(1)) => (*name, Certainty::Medium),
        ([name], Some(_)) => (*name, Certainty::High),
        // Anybody can call himself so.
        (among, _) if claimed.as_ref().is_some_and(|(name, _)| among.contains(name)) => {
            (claimed.as_ref().map_or("unknown", |(name, _)| *name), Certainty::Medium)
        }
        _ => ("unknown", Certainty::None),
    };
    let decides = |row: &&Row| FAMILIES.iter().any(|family| differs(family, row, plain_is_dropped));
    let mut evidence: Vec<String> = rows.iter().filter(decides).map(phrase).collect();
    evidence.extend(claimed.map(|(_, words)| format!("it calls itself {words}")));
    // Where nothing decided, every program is as likely as any.
    let candidates = if evidence.is_empty() { Vec::new() } else { candidates };
    Guess { name, certainty, candidates, evidence }
}

/// True when the program does not answer like that.
fn differs(family: &Family, row: &Row, plain_is_dropped: bool) -> bool {
    // Whether control messages are answered is a matter of configuration.
    if row.stimulus == Stimulus::ReadVariables {
        return false;
    }
    let Some(answer) = row.told.answer() else { return false };
    let expected = (family.answers)(row.stimulus, row.trailer);
    // A server that answers nobody without a MAC may be silent wherever it would answer plainly.
    let is_dropped = plain_is_dropped && answer == Silence && expected.contains(&Plain);
    let is_peer_answer = matches!(row.told, Told::Answer(seen) if row.stimulus == Stimulus::SymmetricActive
        && (seen.mode == Mode::Server) != (family.name == "ntpd-rs"));
    !expected.is_empty() && (!expected.contains(&answer) && !is_dropped || is_peer_answer)
}

fn phrase(row: &Row) -> String {
    let key = row.stimulus.key_id().map_or(String::new(), |KeyId(key_id)| format!(" (key {key_id})"));
    format!("{}{key}: {}", row.stimulus.name(), row.told.name())
}

fn ntp_org(stimulus: Stimulus, _: usize) -> &'static [Answer] {
    match stimulus {
        CONTROL => &[Plain, Silence],
        Stimulus::Plain(_) | Stimulus::SymmetricActive | Stimulus::ReservedMode => &[Plain],
        Stimulus::Valid(_) | Stimulus::FieldSigned(_) | Stimulus::ValidInVersion2(_) => &[Signed, Nak],
        Stimulus::FieldAlone => &[Nak, Silence],
        Stimulus::Trailer(octets) if octets > 24 => &[Silence],
        _ => &[Nak],
    }
}

fn ntpsec(stimulus: Stimulus, _: usize) -> &'static [Answer] {
    match stimulus {
        CONTROL => &[Plain, Silence],
        Stimulus::Plain(version) if version.number() == 5 => &[Silence],
        Stimulus::Plain(_) | Stimulus::ReservedMode => &[Plain],
        Stimulus::Valid(_) => &[Signed, Silence],
        _ => &[Silence],
    }
}

fn chrony(stimulus: Stimulus, _: usize) -> &'static [Answer] {
    match stimulus {
        Stimulus::Plain(version) if version.number() == 5 => &[Silence],
        Stimulus::Plain(_) | Stimulus::FieldAlone => &[Plain],
        Stimulus::SymmetricActive | Stimulus::ReservedMode => &[Plain],
        Stimulus::Valid(_) | Stimulus::FieldSigned(_) | Stimulus::ValidInVersion2(_) => &[Signed, Silence],
        _ => &[Silence],
    }
}

/// MACs are not looked at: 4 to 20 octets are passed over, more are no message.
fn ntpd_rs(stimulus: Stimulus, trailer: usize) -> &'static [Answer] {
    match stimulus {
        Stimulus::Plain(version) if !matches!(version.number(), 3 | 4) => &[Silence],
        Stimulus::Plain(_) | Stimulus::SymmetricActive | Stimulus::FieldAlone => &[Plain],
        Stimulus::FieldSigned(_) if trailer.saturating_sub(28) <= 20 => &[Plain],
        Stimulus::ReservedMode | Stimulus::ValidInVersion2(_) | Stimulus::FieldSigned(_) => &[Silence],
        _ if trailer <= 20 => &[Plain],
        _ => &[Silence],
    }
}

/// A header, or that and 20 octets or more: of a longer one its buffer has room for the beginning.
fn openntpd(stimulus: Stimulus, trailer: usize) -> &'static [Answer] {
    match stimulus {
        Stimulus::ReservedMode => &[Silence],
        _ if trailer == 0 || trailer >= 20 => &[Plain],
        _ => &[Silence],
    }
}

/// A header, or that and 20 or 24 octets: of a longer one its buffer has room for the beginning.
fn busybox(stimulus: Stimulus, trailer: usize) -> &'static [Answer] {
    match stimulus {
        Stimulus::ReservedMode => &[Silence],
        _ if trailer == 0 => &[Plain],
        _ if trailer == 20 || trailer >= 24 => &[Zeros],
        _ => &[Silence],
    }
}

/// Our own server, which does what the RFCs say.
fn ntpcap(stimulus: Stimulus, _: usize) -> &'static [Answer] {
    match stimulus {
        CONTROL => &[Plain, Silence],
        Stimulus::Plain(version) if version.number() == 5 => &[Silence],
        Stimulus::Plain(_) | Stimulus::FieldAlone => &[Plain],
        Stimulus::SymmetricActive | Stimulus::ReservedMode => &[Plain],
        Stimulus::Valid(_) | Stimulus::FieldSigned(_) | Stimulus::ValidInVersion2(_) => &[Signed, Nak],
        Stimulus::Trailer(_) => &[Silence],
        _ => &[Nak],
    }
}
