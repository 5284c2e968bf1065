//! What a problem of a key file comes to: for the program that reads it, and on the wire.

use super::excerpt::Lines;
use super::{Flaw, Place};
use crate::auth::key::KeyId;
use crate::auth::keyfile::{Consequence, Dialect, KeyFile, Problem, ProblemKind, Severity};

/// Tells every problem of a reading.
pub(super) fn tell(reading: &KeyFile, lines: &Lines<'_>, flaws: &mut Vec<Flaw>) {
    let refused = matches!(reading.consequence, Consequence::FileRefused { .. });
    flaws.extend(reading.problems.iter().map(|problem| flaw(problem, lines, refused)));
}

fn flaw(problem: &Problem, lines: &Lines<'_>, refused: bool) -> Flaw {
    let spot = lines.spot_at(problem.line, problem.column);
    // What would become of other lines does not come to pass in a file that is refused.
    let effect = Some(Effect::of(problem)).filter(|effect| !refused || *effect == Effect::FileRefused);
    Flaw {
        place: Place::KeyLine(spot),
        program: Some(problem.dialect),
        key_id: problem.key_id,
        severity: severity(problem),
        code: problem.kind.code(),
        what: problem.to_string(),
        does: effect.and_then(|effect| effect.does(problem.dialect)),
        wire: effect.and_then(|effect| effect.wire(problem.dialect, problem.key_id)),
        mend: problem.hint(),
    }
}

/// Words that NTPsec passes over may be the rest of a secret with a space in it, or addresses that it does not heed.
fn severity(problem: &Problem) -> Severity {
    match (&problem.kind, problem.dialect) {
        (ProblemKind::WordsIgnored, Dialect::Ntpsec) => problem.severity.max(Severity::Warning),
        _ => problem.severity,
    }
}

/// What becomes of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    /// ntp.org loads nothing of the file.
    FileRefused,
    /// The line gives no key.
    LineLost,
    /// The key loads with octets that other programs, or its author, would not expect.
    OtherSecret,
    /// The key loads as one of MD5.
    OtherType,
    /// The key loads under an ID that is not spelled like that.
    OtherId,
    /// Another line's key is used.
    NotUsed,
    /// The digests do not fit the MACs of version 4.
    LongDigest,
    /// Nothing that matters to this program alone.
    None,
}

impl Effect {
    fn of(problem: &Problem) -> Effect {
        match &problem.kind {
            ProblemKind::ReadingStopped(_) | ProblemKind::ProblemsOmitted => Effect::None,
            ProblemKind::UnknownType { .. } => Effect::LineLost,
            _ if problem.severity == Severity::Error => match problem.dialect {
                Dialect::NtpOrg => Effect::FileRefused,
                Dialect::Ntpsec | Dialect::Chrony => Effect::LineLost,
            },
            ProblemKind::TypeReadAsMd5 { .. } => Effect::OtherType,
            ProblemKind::KeyIdSpelling => Effect::OtherId,
            ProblemKind::DuplicateKeyId { .. } => Effect::NotUsed,
            ProblemKind::DigestTooLong { .. } => Effect::LongDigest,
            ProblemKind::TypeIsSecret
            | ProblemKind::OddHexDigits { .. }
            | ProblemKind::SecretCut { .. }
            | ProblemKind::SecretPadded { .. }
            | ProblemKind::PrefixIsText
            | ProblemKind::CarriageReturn { .. }
            | ProblemKind::HashEndsSecret
            | ProblemKind::NulOctet => Effect::OtherSecret,
            ProblemKind::HexReadAsText { .. } if problem.severity == Severity::Warning => Effect::OtherSecret,
            _ => Effect::None,
        }
    }

    fn does(self, program: Dialect) -> Option<String> {
        let does = match (self, program) {
            (Effect::FileRefused, _) => {
                "ntpd refuses the whole file for it; none of its keys load, and a running ntpd keeps those it had"
            }
            (Effect::LineLost, Dialect::NtpOrg) => "ntpd logs it and loads the other lines",
            (Effect::LineLost, Dialect::Ntpsec) => {
                "ntpd logs it and loads the other lines; a running ntpd has dropped its old keys by then"
            }
            (Effect::LineLost, Dialect::Chrony) => "chronyd logs it and loads the other lines",
            (Effect::OtherSecret, _) => "the key loads, with another secret than the line seems to give",
            (Effect::OtherType, _) => "the key loads as an MD5 key",
            (Effect::OtherId, _) => "the key loads under that ID",
            (Effect::NotUsed, _) => "the key of this line is not used",
            (Effect::LongDigest | Effect::None, _) => return None,
        };
        Some(does.to_owned())
    }

    fn wire(self, program: Dialect, key_id: Option<KeyId>) -> Option<String> {
        let key = || key_id.map_or("its key ID".to_owned(), |id| format!("key ID {id}"));
        Some(match self {
            Effect::FileRefused => any_key_is_unknown(),
            Effect::LineLost => unknown_key(program, &key()),
            Effect::OtherSecret | Effect::OtherType => other_key(program, &key()),
            Effect::NotUsed => format!("MACs under {} are made with the key of that other line", key()),
            Effect::LongDigest if program == Dialect::NtpOrg => {
                "4.2.8p15 sends MACs of 24 octets; those of 4.2.8p18 are longer and verify nowhere, and it answers \
                 requests with this key with a crypto-NAK"
                    .to_owned()
            }
            Effect::LongDigest => "MACs have 24 octets; whole ones, which chrony sends in version 3, get no answer".to_owned(),
            Effect::OtherId | Effect::None => return None,
        })
    }
}

/// What is seen of a key that a program does not have.
pub(super) fn unknown_key(program: Dialect, key: &str) -> String {
    let server = match program {
        Dialect::NtpOrg => "are answered with a crypto-NAK",
        Dialect::Ntpsec | Dialect::Chrony => "get no answer",
    };
    format!("requests with {key} {server}; to a server that is to be asked with it nothing is sent")
}

fn any_key_is_unknown() -> String {
    unknown_key(Dialect::NtpOrg, "any key ID")
}

/// What is seen of a key that the other side has with other octets.
fn other_key(program: Dialect, key: &str) -> String {
    let server = match program {
        Dialect::NtpOrg => "are answered with a crypto-NAK",
        Dialect::Ntpsec | Dialect::Chrony => "get no answer",
    };
    format!(
        "MACs under {key} do not verify where the line is read otherwise: requests from there {server}, and replies \
         from here are ignored"
    )
}
