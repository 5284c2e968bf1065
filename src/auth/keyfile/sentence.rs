//! The sentences of problems, and what to do about them.

use std::fmt;

use super::problem::{Limit, OddDigit, Padding, Problem, ProblemKind};
use super::type_name::TypeName;
use super::{Dialect, plural};
use crate::auth::algorithm::Algorithm;

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(id) = self.key_id {
            write!(formatter, "key {id}: ")?;
        }
        let program = self.dialect.title();
        match &self.kind {
            kind @ (ProblemKind::BadKeyId
            | ProblemKind::KeyIdTooLarge { .. }
            | ProblemKind::KeyIdZero
            | ProblemKind::KeyIdSpelling) => write_key_id(formatter, kind, program),
            kind @ (ProblemKind::MissingType
            | ProblemKind::MissingSecret
            | ProblemKind::UnknownType { .. }
            | ProblemKind::UnsupportedType { .. }
            | ProblemKind::TypeReadAsMd5 { .. }
            | ProblemKind::TypeAssumed
            | ProblemKind::TypeIsSecret
            | ProblemKind::LibraryDependentType { .. }
            | ProblemKind::DigestTooLong { .. }) => write_type(formatter, kind, self.dialect),
            kind @ (ProblemKind::NotHex { .. }
            | ProblemKind::OddHexDigits { .. }
            | ProblemKind::SecretTooLong { .. }
            | ProblemKind::SecretCut { .. }
            | ProblemKind::SecretPadded { .. }
            | ProblemKind::WrongSecretLength { .. }
            | ProblemKind::EmptySecret) => write_secret(formatter, kind, self.dialect),
            kind => write_text(formatter, kind, program),
        }
    }
}

fn write_key_id(formatter: &mut fmt::Formatter<'_>, kind: &ProblemKind, program: &str) -> fmt::Result {
    match kind {
        ProblemKind::KeyIdTooLarge { maximum } => {
            write!(formatter, "key ID is above {maximum}, the largest that {program} takes")
        }
        ProblemKind::KeyIdZero => {
            write!(formatter, "{program} loads it, but key ID 0 in a packet is a crypto-NAK and names no key")
        }
        ProblemKind::KeyIdSpelling => {
            write!(formatter, "the first word is not a plain number; {program} reads this key ID from it")
        }
        _ => write!(formatter, "the first word is not a key ID that {program} takes"),
    }
}

fn write_type(formatter: &mut fmt::Formatter<'_>, kind: &ProblemKind, dialect: Dialect) -> fmt::Result {
    let program = dialect.title();
    match kind {
        ProblemKind::MissingType => write!(formatter, "no type and no secret follow the key ID"),
        ProblemKind::MissingSecret => write!(formatter, "no secret follows the type"),
        ProblemKind::UnknownType { name: Some(name), .. } if name.is_old_des() => {
            write!(formatter, "type {name} is a DES key of ntpd before 4.2, which {program} does not take")
        }
        ProblemKind::UnknownType { name: Some(name), .. } => {
            write!(formatter, "{program} does not know the type {name}")
        }
        ProblemKind::UnknownType { name: None, octets } => {
            write!(formatter, "{program} does not know the type, a word of {octets} octet{}", plural(*octets))
        }
        ProblemKind::UnsupportedType { name } => {
            write!(formatter, "{program} takes type {name}; its MACs cannot be computed here")
        }
        ProblemKind::TypeReadAsMd5 { name } => {
            let name = name.as_ref().map(TypeName::to_string);
            let word = name.as_deref().unwrap_or("the type word");
            write!(formatter, "{word} begins with M and names nothing else; {program} takes it for MD5")
        }
        ProblemKind::TypeAssumed => write!(formatter, "no type is given; {program} takes MD5"),
        ProblemKind::TypeIsSecret => {
            write!(
                formatter,
                "a type follows the key ID and nothing else; {program} takes that word for an MD5 secret"
            )
        }
        ProblemKind::LibraryDependentType { algorithm } => {
            write!(formatter, "few builds of {program} know {}", Upper(*algorithm))
        }
        ProblemKind::DigestTooLong { algorithm } => write_digest(formatter, *algorithm, dialect),
        _ => Ok(()),
    }
}

fn write_digest(formatter: &mut fmt::Formatter<'_>, algorithm: Algorithm, dialect: Dialect) -> fmt::Result {
    let length = algorithm.digest_length();
    let name = Upper(algorithm);
    match dialect {
        Dialect::NtpOrg => write!(
            formatter,
            "{name} digests have {length} octets; ntp.org 4.2.8p15 uses the first 20, 4.2.8p18 verifies nothing and sends broken MACs"
        ),
        _ => write!(formatter, "{name} digests have {length} octets; {} sends the first 20", dialect.title()),
    }
}

fn write_secret(formatter: &mut fmt::Formatter<'_>, kind: &ProblemKind, dialect: Dialect) -> fmt::Result {
    let program = dialect.title();
    match *kind {
        ProblemKind::NotHex { digits, good } => write!(
            formatter,
            "secret of {digits} character{} must be hex for {program}, but character {} is not a hex digit",
            plural(digits),
            good + 1
        ),
        ProblemKind::OddHexDigits { algorithm, digits, last } => {
            if let Some(algorithm) = algorithm {
                write!(formatter, "{} ", Upper(algorithm))?;
            }
            write!(formatter, "secret has {digits} hex digit{}, expected an even number", plural(digits))?;
            match last {
                OddDigit::HighHalf => write!(
                    formatter,
                    "; {program} makes the last one the high half of an octet, 4.2.8p15 drops it"
                ),
                OddDigit::Dropped => write!(formatter, "; {program} drops the last one"),
                OddDigit::Refused => Ok(()),
            }
        }
        ProblemKind::SecretTooLong { octets, limit } => {
            write!(formatter, "secret has {octets} octets, {program} takes at most {limit}")
        }
        ProblemKind::SecretCut { octets, kept } => {
            write!(formatter, "secret has {octets} octets, {program} uses the first {kept}")
        }
        ProblemKind::SecretPadded { octets, length, padding } => {
            write!(
                formatter,
                "secret has {octets} octet{} and the cipher takes {length}; {program} fills up with ",
                plural(octets)
            )?;
            formatter.write_str(match padding {
                Padding::Zeros => "zeros",
                Padding::Leftovers => "what other text of this file left in its buffer",
                Padding::Unknown => "what was in its memory, which is taken as zeros here",
            })
        }
        ProblemKind::WrongSecretLength { algorithm, octets, expected } => {
            write!(
                formatter,
                "{} secret has {octets} octet{}, {program} takes exactly {expected}",
                Upper(algorithm),
                plural(octets)
            )
        }
        _ => write!(formatter, "no secret follows the prefix"),
    }
}

fn write_text(formatter: &mut fmt::Formatter<'_>, kind: &ProblemKind, program: &str) -> fmt::Result {
    match *kind {
        ProblemKind::PrefixIsText => {
            write!(formatter, "{program} takes the secret's prefix as part of its text")
        }
        ProblemKind::HexReadAsText { digits } => {
            write!(
                formatter,
                "secret looks like {digits} hex digit{}; {program} takes it as text",
                plural(digits)
            )
        }
        ProblemKind::CarriageReturn { alone: true } => {
            write!(formatter, "the line holds a carriage return; {program} takes it for a word")
        }
        ProblemKind::CarriageReturn { alone: false } => {
            write!(
                formatter,
                "the line ends in a carriage return; {program} takes it as part of the last word"
            )
        }
        ProblemKind::ByteOrderMark => {
            write!(
                formatter,
                "a byte order mark starts the file; {program} takes it as part of the first word"
            )
        }
        ProblemKind::WordCount { words, comment } => {
            write!(formatter, "line has {words} word{}, {program} takes two or three", plural(words))?;
            if comment { write!(formatter, " and no comment behind them") } else { Ok(()) }
        }
        ProblemKind::HashEndsSecret => {
            write!(formatter, "a # ends the secret; {program} takes the rest as a comment")
        }
        ProblemKind::HashInSecret => {
            write!(
                formatter,
                "{program} takes the # as part of the secret; ntp.org and NTPsec end the secret there"
            )
        }
        ProblemKind::WordsIgnored => write!(formatter, "{program} ignores the words from here on"),
        ProblemKind::BadAddress => {
            write!(formatter, "an item of the address list is not an address or network")
        }
        ProblemKind::MaskTooLong => {
            write!(formatter, "an address has more mask bits than it is long; {program} takes them all")
        }
        ProblemKind::DuplicateKeyId { used } => {
            write!(formatter, "line {used} defines the same key ID, and {program} uses that one")
        }
        ProblemKind::LineTooLong { limit } => {
            write!(formatter, "line has more than {limit} octets; {program} reads the rest as another line")
        }
        ProblemKind::NulOctet => write!(formatter, "a NUL hides the rest of the line from {program}"),
        ProblemKind::ReadingStopped(Limit::Octets) => write!(formatter, "text after 4 MiB is not read"),
        ProblemKind::ReadingStopped(Limit::Lines) => write!(formatter, "lines after 100000 are not read"),
        ProblemKind::ReadingStopped(Limit::Keys) => write!(formatter, "keys after 100000 are not read"),
        ProblemKind::ProblemsOmitted => write!(formatter, "there are more problems than are listed here"),
        _ => Ok(()),
    }
}

/// An algorithm's name as key files spell it.
struct Upper(Algorithm);

impl fmt::Display for Upper {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.name().to_ascii_uppercase())
    }
}
