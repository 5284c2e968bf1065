//! One status for each message, with what it rests on.

use std::fmt;

use crate::auth::Algorithm;
use crate::auth::key::KeyId;
use crate::auth::keyring::{Candidate, Keyring};
use crate::auth::mac::{self, MacCheck, Proof};
use crate::auth::nt_hash;
use crate::net::{Datagram, Shortfall};
use crate::ntp::extension::{ExtensionField, NTS_AUTHENTICATOR};
use crate::ntp::header::HEADER_LENGTH;
use crate::ntp::message::{Malformed, Message};
use crate::ntp::trailer::{OddTrailer, Reading, Rule, Tail};

use super::analyzer::Judged;

/// Authentication status of a message. The names are part of the output's contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    /// A MAC is there and verifies with the key of its key ID.
    Valid,
    /// The key ID is known, the digest does not verify.
    Invalid,
    /// The key ID is not in the key file.
    UnknownKey,
    /// The key ID is known and not in the trusted set.
    UntrustedKey,
    /// Key ID 0 and no digest: a server's refusal.
    CryptoNak,
    /// No authentication material.
    None,
    /// Microsoft's authenticator.
    MsSntp,
    /// Protected by Autokey (RFC 5906).
    Autokey,
    /// Protected by NTS (RFC 8915).
    Nts,
    /// Not all that is needed is there, or known.
    Unverifiable,
    /// Not an NTP message, or a trailer that no rule allows.
    Malformed,
}

impl Status {
    /// Every status, in the order in which summaries list them.
    pub const ALL: [Status; 11] = [
        Status::Valid,
        Status::Invalid,
        Status::UnknownKey,
        Status::UntrustedKey,
        Status::CryptoNak,
        Status::None,
        Status::MsSntp,
        Status::Autokey,
        Status::Nts,
        Status::Unverifiable,
        Status::Malformed,
    ];

    /// The word used in every output and in filters.
    pub fn name(self) -> &'static str {
        match self {
            Status::Valid => "valid",
            Status::Invalid => "invalid",
            Status::UnknownKey => "unknown-key",
            Status::UntrustedKey => "untrusted-key",
            Status::CryptoNak => "crypto-nak",
            Status::None => "none",
            Status::MsSntp => "ms-sntp",
            Status::Autokey => "autokey",
            Status::Nts => "nts",
            Status::Unverifiable => "unverifiable",
            Status::Malformed => "malformed",
        }
    }

    /// The status of that name.
    pub fn from_name(name: &str) -> Option<Status> {
        Status::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// Why a message is `unverifiable` or `malformed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Octets of the datagram are missing.
    Shortfall {
        /// Why they are.
        cause: Shortfall,
        /// Octets that are there.
        present: usize,
        /// Octets that the UDP header announces.
        length: usize,
    },
    /// The layout of this version is not decoded, and no key proves a MAC.
    Version(u8),
    /// The key's algorithm is not one that can be computed here.
    Algorithm,
    /// The program pads the key's secret with what lay in its memory, so the key can only be guessed.
    GuessedKey,
    /// Not an NTP message.
    Message(Malformed),
    /// No rule allows what follows the header.
    Trailer(OddTrailer),
}

impl Reason {
    /// A stable identifier for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Reason::Shortfall { cause, .. } => cause.code(),
            Reason::Version(_) => "version-not-decoded",
            Reason::Algorithm => "algorithm-not-supported",
            Reason::GuessedKey => "key-guessed",
            Reason::Message(Malformed::Empty) => "empty",
            Reason::Message(Malformed::Truncated { .. }) => "short-message",
            Reason::Trailer(OddTrailer::Length(_)) => "trailer-length",
            Reason::Trailer(OddTrailer::Count { .. }) => "count-beyond-message",
            Reason::Trailer(OddTrailer::KeyIdAlone) => "key-id-alone",
            Reason::Trailer(OddTrailer::NoField { .. }) => "trailer-not-a-field",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Shortfall { cause, present, length } => {
                write!(formatter, "{present} of {length} octets are there: {}", shortfall_text(*cause))
            }
            Reason::Version(version) => {
                write!(formatter, "the layout of NTP version {version} is not decoded")
            }
            Reason::Algorithm => write!(formatter, "the algorithm of its key is not supported"),
            Reason::GuessedKey => {
                write!(formatter, "the program pads its key with what lay in its memory; zeros do not verify")
            }
            Reason::Message(malformed) => malformed.fmt(formatter),
            Reason::Trailer(odd) => odd.fmt(formatter),
        }
    }
}

fn shortfall_text(cause: Shortfall) -> &'static str {
    match cause {
        Shortfall::Snapped => "the capture cut the packet (snap length)",
        Shortfall::UdpLength => "the UDP length reaches beyond the IP packet",
        Shortfall::IpLength => "the IP length reaches beyond the frame",
    }
}

/// A message's status and what it rests on.
#[derive(Clone, Copy, Debug)]
pub struct Verdict<'a, 'k> {
    /// The status.
    pub status: Status,
    /// Why, for `unverifiable` and `malformed`.
    pub reason: Option<Reason>,
    /// How what follows the header was read; `None` where it could not be, or not all of it is there.
    pub reading: Option<(Reading<'a>, Rule)>,
    /// The key of the key ID, when a key file has it.
    pub candidate: Option<&'k Candidate>,
    /// Label of the key file that has it.
    pub key_file: Option<&'k str>,
    /// Whether the digest is right, where the status does not say it: untrusted keys.
    pub digest_matches: Option<bool>,
}

impl<'a> Verdict<'a, '_> {
    /// Key ID that the message carries.
    pub fn key_id(&self) -> Option<KeyId> {
        self.mac().map(|(key_id, _)| key_id)
    }

    /// The account that an MS-SNTP message is signed for, or to be: its relative identifier.
    pub fn account(&self) -> Option<u32> {
        let key_id = self.key_id().filter(|_| self.status == Status::MsSntp)?;
        Some(nt_hash::relative_id(key_id.0))
    }

    /// Octets of digest that the message carries.
    pub fn digest(&self) -> Option<&'a [u8]> {
        self.mac().map(|(_, digest)| digest)
    }

    /// Algorithm of the key, by the key file.
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.candidate.map(|candidate| candidate.key.algorithm())
    }

    fn mac(&self) -> Option<(KeyId, &'a [u8])> {
        match self.reading {
            Some((Reading { tail: Tail::Mac { key_id, digest }, .. }, _)) => Some((KeyId(key_id), digest)),
            Some((Reading { tail: Tail::CryptoNak, .. }, _)) => Some((KeyId(0), &[])),
            _ => None,
        }
    }

    fn bare(status: Status, reason: Option<Reason>) -> Verdict<'a, 'static> {
        Verdict { status, reason, reading: None, candidate: None, key_file: None, digest_matches: None }
    }
}

/// Judges a datagram. The message is given back where the octets have the header of one.
pub fn judge<'a, 'k>(datagram: &Datagram<'a>, keys: &'k Keyring) -> (Option<Message<'a>>, Verdict<'a, 'k>) {
    let parsed = Message::parse(datagram.octets);
    if let Some(cause) = datagram.shortfall {
        let (present, length) = (datagram.octets.len(), datagram.length);
        let reason = Reason::Shortfall { cause, present, length };
        return (parsed.ok(), Verdict::bare(Status::Unverifiable, Some(reason)));
    }
    match parsed {
        Err(malformed) => (None, Verdict::bare(Status::Malformed, Some(Reason::Message(malformed)))),
        Ok(message) => (Some(message), judge_message(&message, keys)),
    }
}

/// Judges a message that is all there.
pub fn judge_message<'a, 'k>(message: &Message<'a>, keys: &'k Keyring) -> Verdict<'a, 'k> {
    let check = mac::check(message, keys);
    let (status, reason) = match check.proof {
        // Proved by the account's hash, whether its request was seen or not.
        Proof::UnknownKey if signature_verifies(message, keys) == Some(true) => (Status::MsSntp, None),
        _ => status_of(message, &check),
    };
    let (candidate, digest_matches) = match check.proof {
        Proof::Valid(candidate) | Proof::Invalid(candidate) => (Some(candidate), None),
        Proof::Untrusted { candidate, digest_matches } => (Some(candidate), Some(digest_matches)),
        _ if status == Status::MsSntp => (None, signature_verifies(message, keys)),
        _ => (None, None),
    };
    let source = candidate.and_then(|candidate| keys.sources().get(candidate.source));
    let key_file = source.map(|source| source.label.as_str());
    let reading = check.reading.or_else(|| extended_ms_sntp(message).filter(|_| status == Status::MsSntp));
    Verdict { status, reason, reading, candidate, key_file, digest_matches }
}

/// The verdict on a reply to an MS-SNTP request that names the same account: signed for it, unless a key of ours
/// proves otherwise.
pub(super) fn signed_for_account<'a, 'k>(judged: &Judged<'a, 'k>, keys: &Keyring) -> Verdict<'a, 'k> {
    let verdict = judged.verdict;
    if !matches!(verdict.status, Status::UnknownKey | Status::Malformed) {
        return verdict;
    }
    let extended = judged.message.as_ref().and_then(extended_ms_sntp);
    let digest_matches = judged.message.as_ref().and_then(|message| signature_verifies(message, keys));
    Verdict {
        status: Status::MsSntp,
        reason: None,
        reading: verdict.reading.or(extended),
        digest_matches,
        ..verdict
    }
}

fn status_of(message: &Message<'_>, check: &MacCheck<'_, '_>) -> (Status, Option<Reason>) {
    let reading = check.reading.map(|(reading, _)| reading);
    let status = match check.proof {
        Proof::Valid(_) => Status::Valid,
        Proof::Untrusted { digest_matches: true, .. } => Status::UntrustedKey,
        _ if reading.is_some_and(|reading| is_nts(&reading)) => Status::Nts,
        _ if is_foreign_layout(message, &check.proof) => {
            return (Status::Unverifiable, Some(Reason::Version(message.version().number())));
        }
        Proof::NoMac => Status::None,
        Proof::CryptoNak => Status::CryptoNak,
        Proof::Invalid(candidate) if candidate.guessed => {
            return (Status::Unverifiable, Some(Reason::GuessedKey));
        }
        Proof::Invalid(_) => Status::Invalid,
        Proof::Untrusted { .. } => Status::UntrustedKey,
        Proof::NotComputable(_) => return (Status::Unverifiable, Some(Reason::Algorithm)),
        Proof::UnknownKey | Proof::Odd(_) if is_ms_sntp_request(message) => Status::MsSntp,
        Proof::UnknownKey if reading.is_some_and(|reading| is_zero_trailer(&reading)) => Status::None,
        Proof::UnknownKey if reading.is_some_and(|reading| is_autokey(&reading)) => Status::Autokey,
        Proof::UnknownKey => Status::UnknownKey,
        Proof::Odd(odd) => return (Status::Malformed, Some(Reason::Trailer(odd))),
    };
    (status, None)
}

/// Versions 0 and 5 to 7: another layout. What a bare header of version 4 and a crypto-NAK look like is
/// unmistakable all the same.
fn is_foreign_layout(message: &Message<'_>, proof: &Proof<'_>) -> bool {
    let Message::Time(time) = message else { return false };
    let unmistakable = matches!(proof, Proof::NoMac | Proof::CryptoNak) && time.trailer().len() <= 4;
    !time.header.version.is_decoded() && !unmistakable
}

/// NTS has its authenticator field and no MAC.
fn is_nts(reading: &Reading<'_>) -> bool {
    reading.tail == Tail::Nothing
        && reading.extension_fields().any(|field| field.field_type == NTS_AUTHENTICATOR)
}

/// Autokey has a MAC under a key ID that no symmetric key can have, behind fields of its own types.
fn is_autokey(reading: &Reading<'_>) -> bool {
    let Tail::Mac { key_id, .. } = reading.tail else { return false };
    let mut fields = reading.extension_fields().peekable();
    key_id > LARGEST_SYMMETRIC_KEY_ID && fields.peek().is_some() && fields.all(|field| field.is_autokey())
}

/// Key IDs above this are Autokey's in ntp.org's and NTPsec's ntpd; chrony uses them freely.
const LARGEST_SYMMETRIC_KEY_ID: u32 = 65_535;

/// busybox answers a MAC with as many zero octets: no key ID, no digest, nothing proved or refused.
pub fn is_zero_trailer(reading: &Reading<'_>) -> bool {
    matches!(reading.tail, Tail::Mac { key_id: 0, digest } if digest.iter().all(|octet| *octet == 0))
}

/// The requests of [MS-SNTP] 2.2.1 and 2.2.3: an account's identifier where the key ID stands, and zeros for
/// the server to replace by its signature.
fn is_ms_sntp_request(message: &Message<'_>) -> bool {
    let Message::Time(time) = message else { return false };
    // An extension field of zeros looks the same, but for its length.
    let is_field =
        ExtensionField::take(&mut time.trailer()).is_some_and(|field| field.length() == time.trailer().len());
    let is_unsigned = |key_id: u32, digest: &[u8]| key_id != 0 && digest.iter().all(|octet| *octet == 0);
    let short = time.trailer().split_first_chunk::<4>().filter(|(_, rest)| rest.len() == 16);
    let extended = extended_ms_sntp(message).map(|(reading, _)| reading.tail);
    match (short, extended) {
        _ if is_field => false,
        (Some((account, digest)), _) => is_unsigned(u32::from_be_bytes(*account), digest),
        (None, Some(Tail::Mac { key_id, digest })) => is_unsigned(key_id, digest),
        _ => false,
    }
}

/// Whether the signature of [MS-SNTP] 2.2.2 is right. `None` for requests, which have none yet, for accounts
/// without a hash, and for the extended authenticator, whose digest is made otherwise.
fn signature_verifies(message: &Message<'_>, keys: &Keyring) -> Option<bool> {
    let Message::Time(time) = message else { return None };
    let (account, digest) = time.trailer().split_first_chunk::<4>()?;
    let header = message.octets().get(..HEADER_LENGTH)?;
    if keys.nt_hashes().is_empty() || digest.len() != 16 || digest.iter().all(|octet| *octet == 0) {
        return None;
    }
    keys.nt_hashes().verifies(u32::from_be_bytes(*account), header, digest)
}

/// The extended authenticator of [MS-SNTP] 2.2.3 and 2.2.4: account, four octets of flags, 64 of digest.
fn extended_ms_sntp<'a>(message: &Message<'a>) -> Option<(Reading<'a>, Rule)> {
    let Message::Time(time) = message else { return None };
    let (account, rest) = time.trailer().split_first_chunk::<4>()?;
    let (_flags, digest) = rest.split_first_chunk::<4>().filter(|(_, digest)| digest.len() == 64)?;
    let tail = Tail::Mac { key_id: u32::from_be_bytes(*account), digest };
    Some((Reading { fields: &[], tail }, Rule::MsSntp))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::keyfile::{self, Dialect};
    use crate::ntp::MessageBuilder;
    use crate::ntp::header::Header;

    fn message(first: u8) -> MessageBuilder {
        let mut octets = [0x5a; 48];
        octets[0] = first;
        MessageBuilder::new(&Header::parse(&octets).unwrap())
    }

    fn status(octets: &[u8]) -> (Status, Option<&'static str>) {
        let mut keyring = Keyring::new();
        keyring.add("test.keys", keyfile::read(b"1 MD5 first\n", Dialect::NtpOrg));
        let message = Message::parse(octets).unwrap();
        let verdict = judge_message(&message, &keyring);
        (verdict.status, verdict.reason.map(|reason| reason.code()))
    }

    #[test]
    fn names_are_found_again() {
        for status in Status::ALL {
            assert_eq!(Status::from_name(status.name()), Some(status));
        }
        assert_eq!(Status::from_name("wrong"), None);
    }

    #[test]
    fn a_bare_header_has_no_authentication_whatever_its_version() {
        for version in 0..8 {
            assert_eq!(status(&message((version << 3) | 3).build()), (Status::None, None));
            assert_eq!(status(&message((version << 3) | 4).crypto_nak().build()), (Status::CryptoNak, None));
        }
    }

    #[test]
    fn other_versions_are_proved_or_not_judged() {
        let mut signed = message(0x2b).build();
        let key =
            crate::auth::Key::new(KeyId(1), Algorithm::Md5, crate::auth::Secret::new(b"first".to_vec()));
        mac::append_mac(&mut signed, &key.unwrap());
        assert_eq!(status(&signed), (Status::Valid, None));
        let unsigned = message(0x2b).mac(1, &[7; 16]).build();
        assert_eq!(status(&unsigned), (Status::Unverifiable, Some("version-not-decoded")));
        assert_eq!(status(&message(0x23).mac(1, &[7; 16]).build()), (Status::Invalid, None));
    }

    /// NTPsec writes the zeros elsewhere, and no earlier line says what stands in the buffer.
    #[test]
    fn a_key_that_is_only_guessed_accuses_nobody() {
        let mut keyring = Keyring::new();
        keyring.add("test.keys", keyfile::read(b"1 AES short\n", Dialect::Ntpsec));
        let octets = message(0x23).mac(1, &[7; 16]).build();
        let verdict = judge_message(&Message::parse(&octets).unwrap(), &keyring);
        assert_eq!((verdict.status, verdict.reason), (Status::Unverifiable, Some(Reason::GuessedKey)));
    }

    #[test]
    fn zeros_in_place_of_a_mac_are_no_authentication() {
        for length in [16, 20] {
            assert_eq!(status(&message(0x24).mac(0, &vec![0; length]).build()), (Status::None, None));
        }
        assert_eq!(status(&message(0x24).mac(0, &[1; 16]).build()).0, Status::UnknownKey);
    }

    #[test]
    fn requests_of_domain_members_are_recognised_in_both_forms() {
        let account = 0xe903_0000; // 1001, little-endian
        assert_eq!(status(&message(0x1b).mac(account, &[0; 16]).build()).0, Status::MsSntp);
        assert_eq!(status(&message(0x1b).mac(account, &[0; 68]).build()).0, Status::MsSntp);
        assert_eq!(status(&message(0x1b).mac(account, &[1; 16]).build()).0, Status::UnknownKey);
    }

    /// The digest is that of MD5 over hash and header, made here with the crate itself.
    #[test]
    fn replies_signed_for_an_account_are_proved_by_its_hash() {
        use md5::Digest as _;
        let account = 0x4f04_0000; // 1103
        let hash = [0x5a; 16];
        let digest = md5::Md5::digest([&hash[..], message(0x1c).octets()].concat());
        let mut rings = crate::auth::Keyrings::new();
        let (hashes, _) = crate::auth::NtHashes::read(format!("1103={}", "5a".repeat(16)).as_bytes());
        rings.give_nt_hashes(hashes);
        let judge = |octets: &[u8]| {
            let parsed = Message::parse(octets).unwrap();
            let verdict = judge_message(&parsed, rings.default_keyring());
            (verdict.status, verdict.digest_matches, verdict.account())
        };
        let right = message(0x1c).mac(account, &digest).build();
        assert_eq!(judge(&right), (Status::MsSntp, Some(true), Some(1103)));
        let wrong = message(0x1c).mac(account, &[1; 16]).build();
        assert_eq!(judge(&wrong), (Status::UnknownKey, None, None), "nothing shows that it is one");
    }

    #[test]
    fn an_extension_field_of_zeros_is_no_domain_member() {
        let octets = message(0x23).extension_field(0x2005, &[0; 16]).build();
        assert_eq!(octets.len(), 48 + 20);
        assert_eq!(status(&octets).0, Status::UnknownKey, "RFC 7822 reads 20 octets as a MAC");
    }

    #[test]
    fn nts_is_told_by_its_authenticator_field() {
        let fields = message(0x23).extension_field(0x0104, &[9; 32]).extension_field(0x0204, &[9; 100]);
        assert_eq!(status(&fields.clone().build()).0, Status::None, "nothing authenticates it");
        assert_eq!(status(&fields.extension_field(0x0404, &[9; 36]).build()).0, Status::Nts);
    }

    #[test]
    fn autokey_is_told_by_its_fields_and_its_key_id() {
        let octets =
            |field, key_id| message(0x23).extension_field(field, &[3; 24]).mac(key_id, &[9; 16]).build();
        assert_eq!(status(&octets(0x0201, 0x1234_5678)).0, Status::Autokey);
        assert_eq!(status(&octets(0x8102, 0x1234_5678)).0, Status::Autokey);
        assert_eq!(status(&octets(0x2005, 0x1234_5678)).0, Status::UnknownKey);
        assert_eq!(status(&octets(0x0201, 1)).0, Status::Invalid);
    }

    #[test]
    fn trailers_that_no_rule_allows_are_malformed_with_a_reason() {
        let trailer = |octets: &[u8]| {
            let mut message = message(0x23).build();
            message.extend(octets);
            status(&message)
        };
        assert_eq!(trailer(&[9; 22]), (Status::Malformed, Some("trailer-length")));
        assert_eq!(trailer(&[9; 40]), (Status::Malformed, Some("trailer-not-a-field")));
        assert_eq!(trailer(&[0, 0, 0, 1]), (Status::Malformed, Some("key-id-alone")));
    }
}
