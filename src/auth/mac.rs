//! What the MAC of a message proves, given the keys.

use crate::ntp::message::Message;
use crate::ntp::trailer::{OddTrailer, Reading, Rule, Tail};

use super::algorithm::TRUNCATED_LENGTH;
use super::key::{Key, KeyId};
use super::keyring::{Candidate, Keyring, Uncomputable};

/// The outcome of checking one message.
#[derive(Clone, Copy, Debug)]
pub struct MacCheck<'a, 'k> {
    /// How what follows the header was read, and by which rule; `None` when no rule allows it.
    pub reading: Option<(Reading<'a>, Rule)>,
    /// What was proved.
    pub proof: Proof<'k>,
}

/// What a MAC proves.
#[derive(Clone, Copy, Debug)]
pub enum Proof<'k> {
    /// There is no MAC.
    NoMac,
    /// Key identifier zero and no digest.
    CryptoNak,
    /// The digest is right under this key.
    Valid(&'k Candidate),
    /// The key identifier is known, and the digest is not right under any key of that identifier. The first
    /// of them is named.
    Invalid(&'k Candidate),
    /// The key identifier is known but not trusted.
    Untrusted {
        /// The key: the one that verifies, or else the first of its identifier.
        candidate: &'k Candidate,
        /// True when the digest is right under it.
        digest_matches: bool,
    },
    /// No key has this identifier.
    UnknownKey,
    /// A program would know the key, but its algorithm is none that this crate computes.
    NotComputable(&'k Uncomputable),
    /// No rule allows what follows the header.
    Odd(OddTrailer),
}

/// Checks the MAC that ends `message` against `keys`.
///
/// Every place where the octets allow a MAC of a known key is tried first: a digest that verifies proves the
/// reading, since no other octets could be there by chance. Otherwise the rule of the version decides what is
/// read. Keys of the same identifier (two files, an old and a new key) are all tried.
pub fn check<'a, 'k>(message: &Message<'a>, keys: &'k Keyring) -> MacCheck<'a, 'k> {
    let proved =
        message.mac_readings().find_map(|reading| Some((reading, verifying(message, &reading, keys)?)));
    if let Some((reading, candidate)) = proved {
        return MacCheck { reading: Some((reading, Rule::Key)), proof: proof_of(candidate, true, keys) };
    }
    match message.by_rule() {
        Ok((reading, rule)) => {
            let by_rule = MacCheck { reading: Some((reading, rule)), proof: unproved(&reading, keys) };
            let is_doubtful = matches!(by_rule.proof, Proof::NoMac | Proof::UnknownKey);
            if is_doubtful { uncut(message, keys).unwrap_or(by_rule) } else { by_rule }
        }
        Err(odd) => by_key_id(message, keys).unwrap_or(MacCheck { reading: None, proof: Proof::Odd(odd) }),
    }
}

/// Adds the key identifier and the digest of all octets so far, cut to 20 octets as version 4 wants it
/// (RFC 7822 section 3).
pub fn append_mac(octets: &mut Vec<u8>, key: &Key) {
    let digest = key.digest(octets);
    octets.extend(key.id().0.to_be_bytes());
    octets.extend(digest.as_octets().iter().take(TRUNCATED_LENGTH));
}

/// The first key whose digest over what `reading` covers is the one that was sent.
fn verifying<'k>(message: &Message<'_>, reading: &Reading<'_>, keys: &'k Keyring) -> Option<&'k Candidate> {
    let Tail::Mac { key_id, digest } = reading.tail else { return None };
    let covered = message.covered(reading);
    let verifies = |candidate: &&Candidate| candidate.key.verifies(covered, digest);
    keys.lookup(KeyId(key_id)).iter().find(verifies)
}

/// What a reading proves whose digest verifies under no key.
fn unproved<'k>(reading: &Reading<'_>, keys: &'k Keyring) -> Proof<'k> {
    match reading.tail {
        Tail::Nothing => Proof::NoMac,
        Tail::CryptoNak => Proof::CryptoNak,
        Tail::Mac { key_id, .. } => {
            let key_id = KeyId(key_id);
            match (keys.lookup(key_id).first(), keys.uncomputable(key_id).first()) {
                (_, Some(uncomputable)) => Proof::NotComputable(uncomputable),
                (Some(candidate), None) => proof_of(candidate, false, keys),
                (None, None) => Proof::UnknownKey,
            }
        }
    }
}

fn proof_of<'k>(candidate: &'k Candidate, digest_matches: bool, keys: &Keyring) -> Proof<'k> {
    match (keys.is_trusted(candidate.key.id()), digest_matches) {
        (false, _) => Proof::Untrusted { candidate, digest_matches },
        (true, true) => Proof::Valid(candidate),
        (true, false) => Proof::Invalid(candidate),
    }
}

/// For octets that the rule reads as fields: a MAC whose digest is longer than RFC 7822 allows, right behind the
/// header. A small key ID looks like a field of type zero then, a type that nobody uses, with the key ID for its
/// length.
fn uncut<'a, 'k>(message: &Message<'a>, keys: &'k Keyring) -> Option<MacCheck<'a, 'k>> {
    message.mac_readings().find_map(|reading| {
        let Tail::Mac { key_id, digest } = reading.tail else { return None };
        if !reading.fields.is_empty() || key_id > u32::from(u16::MAX) || digest.len() <= TRUNCATED_LENGTH {
            return None;
        }
        let is_whole = |candidate: &&Candidate| candidate.key.algorithm().digest_length() == digest.len();
        let candidate = keys.lookup(KeyId(key_id)).iter().find(is_whole)?;
        Some(MacCheck { reading: Some((reading, Rule::KeyId)), proof: proof_of(candidate, false, keys) })
    })
}

/// For octets that no rule allows: the reading whose key identifier is known and whose digest has a length of
/// that key's algorithm. NTPsec's ntpdig sends such MACs in version 4, and so does ntp.org's ntpd.
fn by_key_id<'a, 'k>(message: &Message<'a>, keys: &'k Keyring) -> Option<MacCheck<'a, 'k>> {
    message.mac_readings().find_map(|reading| {
        let Tail::Mac { key_id, digest } = reading.tail else { return None };
        let fits = |candidate: &&Candidate| candidate.key.algorithm().allows_length(digest.len());
        let candidate = keys.lookup(KeyId(key_id)).iter().find(fits)?;
        Some(MacCheck { reading: Some((reading, Rule::KeyId)), proof: proof_of(candidate, false, keys) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::keyfile::{self, Dialect};
    use crate::auth::trusted::TrustedKeys;
    use crate::ntp::MessageBuilder;
    use crate::ntp::header::Header;

    const KEYS: &str = "1 MD5 first\n2 SHA1 second\n6 SHA256 sixth\n11 MD5 old\n";

    fn keyring(files: &[&str]) -> Keyring {
        let mut keyring = Keyring::new();
        for text in files {
            keyring.add("test.keys", keyfile::read(text.as_bytes(), Dialect::NtpOrg));
        }
        keyring
    }

    fn request(first: u8) -> MessageBuilder {
        let mut octets = [0x5a; 48];
        octets[0] = first;
        MessageBuilder::new(&Header::parse(&octets).unwrap())
    }

    /// A digest made elsewhere than in the code under test: with the sha1 and md5 crates by hand.
    fn sha1(secret: &[u8], covered: &[u8]) -> Vec<u8> {
        use sha1::Digest as _;
        sha1::Sha1::digest([secret, covered].concat()).to_vec()
    }

    fn sha256(secret: &[u8], covered: &[u8]) -> Vec<u8> {
        use sha2::Digest as _;
        sha2::Sha256::digest([secret, covered].concat()).to_vec()
    }

    fn proof(octets: &[u8], keys: &Keyring) -> (String, Option<Rule>) {
        let message = Message::parse(octets).unwrap();
        let check = check(&message, keys);
        let name = match check.proof {
            Proof::Valid(candidate) => format!("valid line {}", candidate.line),
            Proof::Invalid(candidate) => format!("invalid line {}", candidate.line),
            Proof::Untrusted { digest_matches, .. } => format!("untrusted {digest_matches}"),
            other => format!("{other:?}").split(['(', ' ']).next().unwrap().to_owned(),
        };
        (name, check.reading.map(|(_, rule)| rule))
    }

    #[test]
    fn a_right_digest_is_valid_and_proves_its_reading() {
        let message = request(0x23);
        let digest = sha1(b"second", message.octets());
        let octets = message.mac(2, &digest).build();
        assert_eq!(proof(&octets, &keyring(&[KEYS])), ("valid line 2".to_owned(), Some(Rule::Key)));
    }

    #[test]
    fn fields_are_covered_and_a_digest_over_the_header_alone_is_invalid() {
        let with_field = request(0x23).extension_field(0x2005, &[0; 24]);
        let right = sha1(b"second", with_field.octets());
        let header_alone = sha1(b"second", request(0x23).octets());
        let keys = keyring(&[KEYS]);
        assert_eq!(proof(&with_field.clone().mac(2, &right).build(), &keys).0, "valid line 2");
        assert_eq!(proof(&with_field.mac(2, &header_alone).build(), &keys).0, "invalid line 2");
    }

    #[test]
    fn the_key_id_is_not_covered_but_names_the_key() {
        let digest = sha1(b"second", request(0x23).octets());
        let keys = keyring(&[KEYS]);
        assert_eq!(proof(&request(0x23).mac(1, &digest).build(), &keys).0, "invalid line 1");
        assert_eq!(proof(&request(0x23).mac(99, &digest).build(), &keys).0, "UnknownKey");
    }

    /// NTPsec's ntpdig sends 36 octets in version 4, which RFC 7822 has no reading for; chrony sends them in 3.
    #[test]
    fn a_whole_sha256_digest_is_found_in_version_three_and_four() {
        let keys = keyring(&[KEYS]);
        for (first, rule) in [(0x23, Rule::KeyId), (0x1b, Rule::Version)] {
            let digest = sha256(b"sixth", request(first).octets());
            let right = request(first).mac(6, &digest).build();
            assert_eq!(proof(&right, &keys), ("valid line 3".to_owned(), Some(Rule::Key)));
            let wrong = request(first).mac(6, &[0x77; 32]).build();
            assert_eq!(proof(&wrong, &keys), ("invalid line 3".to_owned(), Some(rule)));
        }
    }

    /// Key ID 36 and 32 octets of digest look like an extension field of type 0 and length 36.
    #[test]
    fn a_small_key_id_before_a_whole_digest_is_not_taken_for_a_field() {
        let files = "16 SHA256 a\n36 SHA256 b\n28 SHA384 c\n52 SHA384 d\n44 SHA512 e\n68 SHA512 f\n";
        let keys = keyring(&[files]);
        for (line, (key_id, length)) in
            [(16, 32), (36, 32), (28, 48), (52, 48), (44, 64), (68, 64)].iter().enumerate()
        {
            let octets = request(0x23).mac(*key_id, &vec![0x77; *length]).build();
            let expected = (format!("invalid line {}", line + 1), Some(Rule::KeyId));
            assert_eq!(proof(&octets, &keys), expected, "key {key_id}");
        }
    }

    #[test]
    fn a_digest_cut_to_other_than_twenty_octets_is_never_valid() {
        let digest = sha256(b"sixth", request(0x1b).octets());
        let keys = keyring(&[KEYS]);
        assert_eq!(proof(&request(0x1b).mac(6, &digest[..20]).build(), &keys).0, "valid line 3");
        for length in [8, 16, 28] {
            let octets = request(0x1b).mac(6, &digest[..length]).build();
            assert_eq!(proof(&octets, &keys).0, "invalid line 3", "{length}");
        }
    }

    #[test]
    fn untrusted_keys_are_computed_with_and_never_valid() {
        let mut keys = keyring(&[KEYS]);
        keys.trust_only(TrustedKeys::parse("11-13").unwrap());
        let digest = sha1(b"second", request(0x23).octets());
        assert_eq!(proof(&request(0x23).mac(2, &digest).build(), &keys).0, "untrusted true");
        assert_eq!(proof(&request(0x23).mac(2, &[0; 20]).build(), &keys).0, "untrusted false");
    }

    #[test]
    fn every_file_that_defines_the_key_id_is_tried() {
        let keys = keyring(&[KEYS, "# new\n\n11 SHA1 rolled\n"]);
        let digest = sha1(b"rolled", request(0x23).octets());
        assert_eq!(proof(&request(0x23).mac(11, &digest).build(), &keys).0, "valid line 3");
    }

    #[test]
    fn a_key_whose_type_is_not_computed_is_not_called_wrong() {
        let keys = keyring(&["5 SM3 something\n"]);
        assert_eq!(proof(&request(0x23).mac(5, &[1; 20]).build(), &keys).0, "NotComputable");
    }

    #[test]
    fn an_appended_mac_verifies_and_is_cut_to_twenty_octets() {
        let keys = keyring(&[KEYS]);
        for id in [1, 2, 6] {
            let mut octets = request(0x23).build();
            let key = &keys.lookup(KeyId(id))[0].key;
            append_mac(&mut octets, key);
            assert_eq!(octets.len(), 48 + 4 + key.algorithm().digest_length().min(20));
            assert!(proof(&octets, &keys).0.starts_with("valid"), "key {id}");
        }
    }
}
