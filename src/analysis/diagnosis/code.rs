//! The kinds of mistakes that can be proved, their names, and the page that tells of each.

use std::fmt;

/// Why a MAC is wrong. The names are part of the output's contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Code {
    /// The sender takes hex digits for text.
    HexReadAsAscii,
    /// The sender takes text for hex digits.
    AsciiReadAsHex,
    /// The sender reads an odd number of hex digits otherwise.
    OddHexDigits,
    /// `HEX:`, `ASCII:` or `0x` is a prefix on one side and text on the other.
    PrefixDiffers,
    /// One side cuts the secret.
    KeyTruncated,
    /// The sender fills the secret up with zeros.
    KeyPadded,
    /// The sender fills the secret up with what other lines left in its memory.
    StalePadding,
    /// Text from a `#` on is part of the secret on one side.
    TextAfterHash,
    /// The words behind the secret are part of it for the sender.
    TextAfterSpace,
    /// A carriage return is part of the secret on one side.
    TrailingCarriageReturn,
    /// Another octet stands behind the secret for the sender.
    TrailingOctet,
    /// Quotation marks are part of the secret on one side.
    QuotesInSecret,
    /// Letters differ in case.
    CaseDiffers,
    /// A type-7 text is taken literally on one side.
    ObfuscatedSecret,
    /// The secret is base64 on one side.
    Base64Secret,
    /// The sender hashes the secret first.
    DigestAsSecret,
    /// The name of a type is taken for the secret.
    TypeAsSecret,
    /// The octets of the secret are in reverse.
    OctetsReversed,
    /// Letters outside ASCII are encoded otherwise.
    CharacterEncoding,
    /// Another program's reading of the same line.
    OtherKeyFormat,
    /// Another line of the file with the same key ID.
    SupersededKey,
    /// The key of that ID in another key file.
    OtherKeyFile,
    /// The key ID is written in the other byte order.
    KeyIdByteOrder,
    /// The key of another ID.
    OtherKeyId,
    /// Another algorithm.
    OtherAlgorithm,
    /// HMAC in place of a keyed hash.
    Hmac,
    /// The secret stands behind the message.
    SecretBehindMessage,
    /// The extension fields are not covered.
    CoversHeaderOnly,
    /// The key ID is covered.
    CoversKeyId,
    /// The padding of a control message is covered otherwise.
    ControlPadding,
    /// The digest is cut as no program accepts.
    DigestTruncated,
    /// The digest is sent whole where it must be cut.
    DigestNotTruncated,
    /// Twenty octets of digest are right, the rest is something else.
    DigestTailWrong,
    /// Octets follow the digest.
    DigestPadded,
}

impl Code {
    /// Every code, in the order of the enumeration.
    pub const ALL: [Code; 34] = [
        Code::HexReadAsAscii,
        Code::AsciiReadAsHex,
        Code::OddHexDigits,
        Code::PrefixDiffers,
        Code::KeyTruncated,
        Code::KeyPadded,
        Code::StalePadding,
        Code::TextAfterHash,
        Code::TextAfterSpace,
        Code::TrailingCarriageReturn,
        Code::TrailingOctet,
        Code::QuotesInSecret,
        Code::CaseDiffers,
        Code::ObfuscatedSecret,
        Code::Base64Secret,
        Code::DigestAsSecret,
        Code::TypeAsSecret,
        Code::OctetsReversed,
        Code::CharacterEncoding,
        Code::OtherKeyFormat,
        Code::SupersededKey,
        Code::OtherKeyFile,
        Code::KeyIdByteOrder,
        Code::OtherKeyId,
        Code::OtherAlgorithm,
        Code::Hmac,
        Code::SecretBehindMessage,
        Code::CoversHeaderOnly,
        Code::CoversKeyId,
        Code::ControlPadding,
        Code::DigestTruncated,
        Code::DigestNotTruncated,
        Code::DigestTailWrong,
        Code::DigestPadded,
    ];

    /// The identifier used in every output and in filters.
    pub fn name(self) -> &'static str {
        match self {
            Code::HexReadAsAscii => "hex-read-as-ascii",
            Code::AsciiReadAsHex => "ascii-read-as-hex",
            Code::OddHexDigits => "odd-hex-digits",
            Code::PrefixDiffers => "prefix-differs",
            Code::KeyTruncated => "key-truncated",
            Code::KeyPadded => "key-padded",
            Code::StalePadding => "stale-padding",
            Code::TextAfterHash => "text-after-hash",
            Code::TextAfterSpace => "text-after-space",
            Code::TrailingCarriageReturn => "trailing-carriage-return",
            Code::TrailingOctet => "trailing-octet",
            Code::QuotesInSecret => "quotes-in-secret",
            Code::CaseDiffers => "case-differs",
            Code::ObfuscatedSecret => "obfuscated-secret",
            Code::Base64Secret => "base64-secret",
            Code::DigestAsSecret => "digest-as-secret",
            Code::TypeAsSecret => "type-as-secret",
            Code::OctetsReversed => "octets-reversed",
            Code::CharacterEncoding => "character-encoding",
            Code::OtherKeyFormat => "other-key-format",
            Code::SupersededKey => "superseded-key",
            Code::OtherKeyFile => "other-key-file",
            Code::KeyIdByteOrder => "key-id-byte-order",
            Code::OtherKeyId => "other-key-id",
            Code::OtherAlgorithm => "other-algorithm",
            Code::Hmac => "hmac",
            Code::SecretBehindMessage => "secret-behind-message",
            Code::CoversHeaderOnly => "covers-header-only",
            Code::CoversKeyId => "covers-key-id",
            Code::ControlPadding => "control-padding",
            Code::DigestTruncated => "digest-truncated",
            Code::DigestNotTruncated => "digest-not-truncated",
            Code::DigestTailWrong => "digest-tail-wrong",
            Code::DigestPadded => "digest-padded",
        }
    }

    /// The code of that name.
    pub fn from_name(name: &str) -> Option<Code> {
        Code::ALL.into_iter().find(|code| code.name() == name)
    }

    /// What to change, in one sentence.
    pub fn advice(self) -> &'static str {
        let page = page(self.name()).unwrap_or_default();
        page.lines().find_map(|line| line.strip_prefix(ADVICE)).unwrap_or_default()
    }
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// All pages, the one place where a code's text stands: of diagnoses and patterns, of what is said of captures, and of
/// the verdicts of a probe.
const PAGES: [&str; 3] = [
    include_str!("../../../docs/diagnosis.md"),
    include_str!("../../../docs/findings.md"),
    include_str!("../../../docs/probe.md"),
];

/// What begins the line that says what to change.
const ADVICE: &str = "Change: ";

/// What begins the heading of a page.
const HEADING: &str = "\n### `";

/// The page about a code, in Markdown, heading included: what it means, what causes it, how to check and mend it.
/// Codes of diagnoses and patterns have one, statuses, findings, the words for kinds of servers, and verdicts of a probe.
/// `None` for others.
pub fn page(code: &str) -> Option<&'static str> {
    PAGES.iter().find_map(|pages| {
        let at = pages.find(&format!("{HEADING}{code}`\n"))? + 1;
        let page = pages.get(at..)?;
        let ends = ["\n### ", "\n## "].map(|end| page.find(end).unwrap_or(page.len()));
        page.get(..ends.into_iter().min()?).map(str::trim_end)
    })
}

/// A set of codes without allocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Codes(u64);

impl Codes {
    /// Adds a code.
    pub fn insert(&mut self, code: Code) {
        self.0 |= 1 << (code as u32);
    }

    /// True when it was added.
    pub fn contains(self, code: Code) -> bool {
        self.0 & (1 << (code as u32)) != 0
    }

    /// The codes in the order of [`Code::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Code> {
        Code::ALL.into_iter().filter(move |code| self.contains(*code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_again_and_sets_keep_their_codes() {
        let mut codes = Codes::default();
        for code in Code::ALL {
            assert_eq!(Code::from_name(code.name()), Some(code));
            assert!(!codes.contains(code));
            codes.insert(code);
        }
        assert!(codes.iter().eq(Code::ALL));
    }

    #[test]
    fn every_code_has_a_page_with_advice() {
        for code in Code::ALL {
            let page = page(code.name()).unwrap_or_else(|| panic!("no page for {code}"));
            assert!(page.starts_with(&format!("### `{code}`\n\n")), "{page}");
            assert!(!code.advice().is_empty() && code.advice().len() < 200, "{code}: {}", code.advice());
            assert!(!code.advice().ends_with('.'), "{code}");
            for part in ["\nCause: ", "\nChange: "] {
                assert!(page.contains(part), "{code} has no {part:?}");
            }
        }
        assert_eq!(super::page("no-such-code"), None);
    }

    #[test]
    fn every_status_finding_and_kind_of_server_has_a_page() {
        use crate::analysis::behaviour::Class;
        use crate::analysis::{Finding, Status};
        let statuses = Status::ALL.map(Status::name).into_iter();
        let words = statuses.chain(Finding::ALL.map(Finding::code)).chain(Class::ALL.map(Class::name));
        for word in words {
            let page = page(word).unwrap_or_else(|| panic!("no page for {word}"));
            assert!(page.starts_with(&format!("### `{word}`\n\n")), "{page}");
            assert!(page.contains("\nCause: ") && page.contains("\nCheck: "), "{word}");
        }
    }

    #[test]
    fn no_word_has_two_pages() {
        let headings = PAGES.iter().flat_map(|pages| pages.lines()).filter(|line| line.starts_with("### "));
        let mut seen = std::collections::HashSet::new();
        for heading in headings {
            assert!(seen.insert(heading), "{heading} twice");
        }
    }

    #[test]
    fn every_page_is_of_a_code() {
        let [of_diagnoses, ..] = PAGES;
        let names = of_diagnoses.lines().filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`'));
        for name in names {
            let known = Code::from_name(name).is_some()
                || super::super::pattern::PatternCode::from_name(name).is_some();
            assert!(known, "docs/diagnosis.md tells of {name}");
        }
    }
}
