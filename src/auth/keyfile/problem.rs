//! What is wrong or surprising in a key file, in words that never show a secret.

use std::fmt;

use super::Dialect;
use super::type_name::TypeName;
use crate::auth::algorithm::Algorithm;
use crate::auth::key::KeyId;

/// One remark about one place of a key file. `Display` is the sentence without file and line:
/// `key 11: SHA1 secret has 39 hex digits, expected an even number`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Number of the line, from 1.
    pub line: usize,
    /// Number of the octet in that line where the word in question starts, from 1.
    pub column: usize,
    /// The key that the line is about, as far as its identifier could be read.
    pub key_id: Option<KeyId>,
    /// How much it matters.
    pub severity: Severity,
    /// The program whose reading is described.
    pub dialect: Dialect,
    /// What it is.
    pub kind: ProblemKind,
}

/// How much a problem of a key file, or a finding, matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing. Of a key file: read as written, but other programs read it otherwise.
    Info,
    /// Probably not meant. Of a key file: the key loads, but not as whoever wrote it thinks.
    Warning,
    /// Wrong. Of a key file: the line gives no key, or makes the program refuse the file.
    Error,
}

impl Severity {
    /// The name in outputs: `info`, `warning`, `error`.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// What a problem is. Lengths are in octets of the file unless they say otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProblemKind {
    /// The first word is not a number, or zero where that is not allowed.
    BadKeyId,
    /// The key ID is above the largest that the program takes.
    KeyIdTooLarge {
        /// That largest key ID.
        maximum: u32,
    },
    /// Key ID 0 loads, although 0 in a packet means a crypto-NAK.
    KeyIdZero,
    /// The first word is not the plain decimal spelling of the key ID it is read as.
    KeyIdSpelling,
    /// Nothing follows the key ID.
    MissingType,
    /// Nothing follows the type.
    MissingSecret,
    /// The program does not know the type.
    UnknownType {
        /// The word, when it cannot be a secret.
        name: Option<TypeName>,
        /// Its length.
        octets: usize,
    },
    /// The program knows the type; its MACs cannot be computed here.
    UnsupportedType {
        /// OpenSSL's name for it.
        name: &'static str,
    },
    /// The program takes any type that begins with M and is nothing else for MD5.
    TypeReadAsMd5 {
        /// The word, when it cannot be a secret.
        name: Option<TypeName>,
    },
    /// chrony takes a line of two words for an MD5 key.
    TypeAssumed,
    /// chrony takes the type word for the secret, because no other word follows.
    TypeIsSecret,
    /// Whether the program has this type depends on its crypto library.
    LibraryDependentType {
        /// The type.
        algorithm: Algorithm,
    },
    /// A secret that must be hex has another character.
    NotHex {
        /// Length of the digits expected.
        digits: usize,
        /// Octets before the first that is no hex digit.
        good: usize,
    },
    /// A hex secret has an odd number of digits.
    OddHexDigits {
        /// The type, where one is known.
        algorithm: Option<Algorithm>,
        /// Their number.
        digits: usize,
        /// What the program does with the last.
        last: OddDigit,
    },
    /// The secret is longer than the program takes.
    SecretTooLong {
        /// Octets of the decoded secret.
        octets: usize,
        /// The most that it takes.
        limit: usize,
    },
    /// The program cuts the secret.
    SecretCut {
        /// Octets of the decoded secret.
        octets: usize,
        /// Octets that it keeps.
        kept: usize,
    },
    /// The program lengthens the secret of a block cipher.
    SecretPadded {
        /// Octets of the decoded secret.
        octets: usize,
        /// Octets that the cipher takes.
        length: usize,
        /// What it puts behind the secret.
        padding: Padding,
    },
    /// The program takes no other length for this cipher.
    WrongSecretLength {
        /// The cipher.
        algorithm: Algorithm,
        /// Octets of the decoded secret.
        octets: usize,
        /// Octets that the cipher takes.
        expected: usize,
    },
    /// Nothing follows the `HEX:` or `ASCII:` prefix.
    EmptySecret,
    /// A prefix that chrony knows is part of the secret here.
    PrefixIsText,
    /// The secret looks like hex and is taken as text.
    HexReadAsText {
        /// Number of hex digits.
        digits: usize,
    },
    /// A carriage return is taken as part of the last word.
    CarriageReturn {
        /// True when there is nothing else on the line.
        alone: bool,
    },
    /// A byte order mark stands before the first word.
    ByteOrderMark,
    /// chrony takes lines of two or three words.
    WordCount {
        /// Words on the line.
        words: usize,
        /// True when the fourth begins a comment.
        comment: bool,
    },
    /// A `#` right behind the secret's last octet ends it.
    HashEndsSecret,
    /// The secret has a `#` in it, where ntp.org and NTPsec would end it.
    HashInSecret,
    /// Words after those that the program reads.
    WordsIgnored,
    /// An item of the address list is not an address.
    BadAddress,
    /// An item of the address list has more mask bits than its address.
    MaskTooLong,
    /// Another line defines the same key ID, and that is the one in use.
    DuplicateKeyId {
        /// Number of that line.
        used: usize,
    },
    /// The line does not fit the program's buffer; the rest is read as another line.
    LineTooLong {
        /// Octets that are read at once.
        limit: usize,
    },
    /// A NUL hides the rest of the line.
    NulOctet,
    /// Digests of this type are longer than the 20 octets that the program handles.
    DigestTooLong {
        /// The type.
        algorithm: Algorithm,
    },
    /// Not all of the text was read.
    ReadingStopped(Limit),
    /// There are more problems than are listed.
    ProblemsOmitted,
}

/// What a program does with the last of an odd number of hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OddDigit {
    /// It becomes the high half of one more octet (ntp.org).
    HighHalf,
    /// It is dropped (NTPsec).
    Dropped,
    /// The line is refused (chrony).
    Refused,
}

/// What a program puts behind a short secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// Zeros (ntp.org).
    Zeros,
    /// What earlier lines, or the rest of this one, left in NTPsec's buffer.
    Leftovers,
    /// What was in NTPsec's memory before; taken as zeros here.
    Unknown,
}

/// Why reading stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// More than 4 MiB of text.
    Octets,
    /// More than 100,000 lines.
    Lines,
    /// More than 100,000 keys.
    Keys,
}

impl ProblemKind {
    /// The stable name of the kind, in kebab case.
    pub fn code(&self) -> &'static str {
        match self {
            ProblemKind::BadKeyId => "bad-key-id",
            ProblemKind::KeyIdTooLarge { .. } => "key-id-too-large",
            ProblemKind::KeyIdZero => "key-id-zero",
            ProblemKind::KeyIdSpelling => "key-id-spelling",
            ProblemKind::MissingType => "missing-type",
            ProblemKind::MissingSecret => "missing-secret",
            ProblemKind::UnknownType { .. } => "unknown-type",
            ProblemKind::UnsupportedType { .. } => "unsupported-type",
            ProblemKind::TypeReadAsMd5 { .. } => "type-read-as-md5",
            ProblemKind::TypeAssumed => "type-assumed",
            ProblemKind::TypeIsSecret => "type-is-secret",
            ProblemKind::LibraryDependentType { .. } => "library-dependent-type",
            ProblemKind::NotHex { .. } => "not-hex",
            ProblemKind::OddHexDigits { .. } => "odd-hex-digits",
            ProblemKind::SecretTooLong { .. } => "secret-too-long",
            ProblemKind::SecretCut { .. } => "secret-cut",
            ProblemKind::SecretPadded { .. } => "secret-padded",
            ProblemKind::WrongSecretLength { .. } => "wrong-secret-length",
            ProblemKind::EmptySecret => "empty-secret",
            ProblemKind::PrefixIsText => "prefix-is-text",
            ProblemKind::HexReadAsText { .. } => "hex-read-as-text",
            ProblemKind::CarriageReturn { .. } => "carriage-return",
            ProblemKind::ByteOrderMark => "byte-order-mark",
            ProblemKind::WordCount { .. } => "word-count",
            ProblemKind::HashEndsSecret => "hash-ends-secret",
            ProblemKind::HashInSecret => "hash-in-secret",
            ProblemKind::WordsIgnored => "words-ignored",
            ProblemKind::BadAddress => "bad-address",
            ProblemKind::MaskTooLong => "mask-too-long",
            ProblemKind::DuplicateKeyId { .. } => "duplicate-key-id",
            ProblemKind::LineTooLong { .. } => "line-too-long",
            ProblemKind::NulOctet => "nul-octet",
            ProblemKind::DigestTooLong { .. } => "digest-too-long",
            ProblemKind::ReadingStopped(_) => "reading-stopped",
            ProblemKind::ProblemsOmitted => "problems-omitted",
        }
    }
}
