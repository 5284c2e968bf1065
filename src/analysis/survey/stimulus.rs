//! What a server is asked, to learn how it answers.

use crate::analysis::behaviour::Asked;
use crate::auth::mac::append_mac;
use crate::auth::{Algorithm, Key, KeyId, Keyring, Secret};
use crate::ntp::control::{self, ControlMessage};
use crate::ntp::header::{Header, Mode, Version};
use crate::ntp::{MessageBuilder, NtpTimestamp};

use super::draw::Draw;

/// One kind of request. None of them can change a server: no private messages, no control message that writes, and no
/// peer's message that a server would believe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stimulus {
    /// A header alone, of that version. In version 4 it is the control beside all others.
    Plain(Version),
    /// A right MAC.
    Valid(KeyId),
    /// A MAC under that key ID, computed with another secret.
    WrongSecret(KeyId),
    /// A MAC under that key ID, computed with its secret and another algorithm.
    OtherAlgorithm(KeyId),
    /// A right digest of more than 16 octets, of which 16 are sent.
    CutDigest(KeyId),
    /// A MAC of so many octets of digest, under a key ID that no key file of ours has.
    UnknownKey(usize),
    /// Key ID zero before 16 octets of digest.
    KeyIdZero,
    /// So many octets behind the header that are neither a MAC nor a field.
    Trailer(usize),
    /// An extension field of 28 octets without a MAC.
    FieldAlone,
    /// An extension field of 28 octets under a right MAC.
    FieldSigned(KeyId),
    /// A peer's message without a MAC.
    SymmetricActive,
    /// Version 1 as it asked before there were modes.
    ReservedMode,
    /// A right MAC in version 2.
    ValidInVersion2(KeyId),
    /// A control message (mode 6) without a MAC that asks for the variables of the system.
    ReadVariables,
}

/// How much is asked beside the keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Everything, not only what tells how keys are treated.
    pub full: bool,
    /// What control messages tell.
    pub control: bool,
}

/// A request that is ready to be sent, and what its reply must have.
#[derive(Clone, Debug)]
pub(super) struct Question {
    /// Its octets.
    pub(super) octets: Vec<u8>,
    /// What a reply must have of it.
    pub(super) token: Token,
    /// Its version.
    pub(super) version: Version,
    /// Its mode.
    pub(super) mode: Mode,
}

/// What ties a reply to its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// The transmit timestamp: the origin timestamp of a reply.
    Origin(NtpTimestamp),
    /// The sequence number of a control message.
    Sequence(u16),
}

/// The control.
pub(super) const CONTROL: Stimulus = Stimulus::Plain(Version::FOUR);

/// The type of the extension fields that are sent: a checksum complement (RFC 7821), which servers skip.
const FIELD_TYPE: u16 = 0x2005;
const FIELD_LENGTH: usize = 28;

impl Stimulus {
    /// The requests of a run, in the order in which they are sent first: the control and the keys that are asked
    /// for, then what tells servers apart, and what the extent adds.
    pub fn selection(keys: &[KeyId], extent: Extent) -> Vec<Stimulus> {
        let each = |make: fn(KeyId) -> Stimulus| keys.iter().copied().map(make);
        let first = keys.first().copied();
        let mut all = vec![CONTROL];
        all.extend(each(Stimulus::Valid));
        all.extend(first.map(Stimulus::WrongSecret));
        all.extend([Stimulus::UnknownKey(16), Stimulus::FieldAlone]);
        if extent.full {
            all.extend(each(Stimulus::WrongSecret).skip(1));
            all.push(Stimulus::UnknownKey(20));
            all.extend(first.map(Stimulus::OtherAlgorithm));
            all.extend(first.map(Stimulus::CutDigest));
            all.extend([Stimulus::KeyIdZero, Stimulus::Trailer(12), Stimulus::Trailer(72)]);
            all.extend([1, 2, 3, 5].map(|version| Stimulus::Plain(Version::from_bits(version))));
            all.extend([Stimulus::SymmetricActive, Stimulus::ReservedMode]);
            all.extend(first.map(Stimulus::FieldSigned));
            all.extend(first.map(Stimulus::ValidInVersion2));
        }
        all.extend(extent.control.then_some(Stimulus::ReadVariables));
        all
    }

    /// What it asks for, in the words of captures.
    pub fn asked(self) -> Asked {
        match self {
            CONTROL => Asked::NoMac,
            Stimulus::Valid(_) => Asked::Valid,
            Stimulus::WrongSecret(_) | Stimulus::OtherAlgorithm(_) => Asked::WrongSecret,
            Stimulus::UnknownKey(_) => Asked::UnknownKey,
            _ => Asked::Other,
        }
    }

    /// The key that it is about.
    pub fn key_id(self) -> Option<KeyId> {
        match self {
            Stimulus::Valid(key_id)
            | Stimulus::WrongSecret(key_id)
            | Stimulus::OtherAlgorithm(key_id)
            | Stimulus::CutDigest(key_id)
            | Stimulus::FieldSigned(key_id)
            | Stimulus::ValidInVersion2(key_id) => Some(key_id),
            _ => None,
        }
    }

    /// The key whose right MAC on a reply is the best that can come.
    pub(super) fn proof(self) -> Option<KeyId> {
        match self {
            Stimulus::Valid(key_id) | Stimulus::FieldSigned(key_id) | Stimulus::ValidInVersion2(key_id) => {
                Some(key_id)
            }
            _ => None,
        }
    }

    /// The word used in every output.
    pub fn name(self) -> String {
        let name = match self {
            CONTROL => "no-mac",
            Stimulus::Plain(version) => return format!("version-{}", version.number()),
            Stimulus::UnknownKey(octets) => return format!("unknown-key-{octets}"),
            Stimulus::Trailer(octets) => return format!("trailer-{octets}"),
            Stimulus::Valid(_) => "valid",
            Stimulus::WrongSecret(_) => "wrong-secret",
            Stimulus::OtherAlgorithm(_) => "other-algorithm",
            Stimulus::CutDigest(_) => "cut-digest",
            Stimulus::KeyIdZero => "key-id-zero",
            Stimulus::FieldAlone => "field-alone",
            Stimulus::FieldSigned(_) => "field-signed",
            Stimulus::SymmetricActive => "symmetric-active",
            Stimulus::ReservedMode => "version-1-mode-0",
            Stimulus::ValidInVersion2(_) => "valid-version-2",
            Stimulus::ReadVariables => "read-variables",
        };
        name.to_owned()
    }

    fn version(self) -> Version {
        match self {
            Stimulus::Plain(version) => version,
            Stimulus::ReservedMode => Version::from_bits(1),
            Stimulus::ValidInVersion2(_) | Stimulus::ReadVariables => Version::from_bits(2),
            _ => Version::FOUR,
        }
    }

    fn mode(self) -> Mode {
        match self {
            Stimulus::SymmetricActive => Mode::SymmetricActive,
            Stimulus::ReservedMode => Mode::Reserved,
            Stimulus::ReadVariables => Mode::Control,
            _ => Mode::Client,
        }
    }

    /// The request with a new transmit timestamp. `None` when the key for it is not to be had, or would not make
    /// what is asked: a digest of 16 octets cannot be cut to 16.
    pub(super) fn question(self, keys: &Keyring, draw: &mut Draw) -> Option<Question> {
        let (version, mode) = (self.version(), self.mode());
        if self == Stimulus::ReadVariables {
            let (octets, sequence) = read_variables(version, draw);
            return Some(Question { octets, token: Token::Sequence(sequence), version, mode });
        }
        let transmit = NtpTimestamp(draw.value());
        let mut builder = MessageBuilder::new(&Header::request(version, mode, transmit));
        if matches!(self, Stimulus::FieldAlone | Stimulus::FieldSigned(_)) {
            builder = builder.extension_field(FIELD_TYPE, &[0; FIELD_LENGTH - 4]);
        }
        let octets = self.signed(builder, keys, draw)?;
        Some(Question { octets, token: Token::Origin(transmit), version, mode })
    }

    fn signed(self, builder: MessageBuilder, keys: &Keyring, draw: &mut Draw) -> Option<Vec<u8>> {
        let key = match self.key_id() {
            Some(key_id) => Some(&keys.lookup(key_id).first()?.key),
            None => None,
        };
        let digest = |octets: usize, draw: &mut Draw| draw.octets(octets);
        Some(match (self, key) {
            (Stimulus::Plain(_) | Stimulus::FieldAlone, _)
            | (Stimulus::SymmetricActive | Stimulus::ReservedMode, _) => builder.build(),
            (Stimulus::ReadVariables, _) => return None,
            (Stimulus::UnknownKey(octets), _) => {
                builder.mac(unknown_key_id(keys, draw), &digest(octets, draw)).build()
            }
            (Stimulus::KeyIdZero, _) => builder.mac(0, &digest(16, draw)).build(),
            // An odd length is none of a field.
            (Stimulus::Trailer(octets), _) => {
                builder.mac(unknown_key_id(keys, draw) | 1, &digest(octets.checked_sub(4)?, draw)).build()
            }
            (Stimulus::WrongSecret(_), Some(key)) => with_mac(builder, &of_other_secret(key, draw)?),
            (Stimulus::OtherAlgorithm(_), Some(key)) => with_mac(builder, &of_other_algorithm(key)?),
            (Stimulus::CutDigest(key_id), Some(key)) => {
                let whole = key.digest(builder.octets());
                let cut = whole.as_octets().get(..16).filter(|_| whole.as_octets().len() > 16)?.to_vec();
                builder.mac(key_id.0, &cut).build()
            }
            (_, Some(key)) => with_mac(builder, key),
            (_, None) => return None,
        })
    }
}

/// A control message that reads, and its sequence number.
fn read_variables(version: Version, draw: &mut Draw) -> (Vec<u8>, u16) {
    let sequence = draw.short();
    let mut octets = Vec::with_capacity(control::HEADER_LENGTH);
    ControlMessage::request(version, control::READ_VARIABLES, sequence).write_header(&mut octets);
    (octets, sequence)
}

fn with_mac(builder: MessageBuilder, key: &Key) -> Vec<u8> {
    let mut octets = builder.build();
    append_mac(&mut octets, key);
    octets
}

fn of_other_secret(key: &Key, draw: &mut Draw) -> Option<Key> {
    let secret = Secret::new(draw.octets(key.secret().length().max(1)));
    Key::new(key.id(), key.algorithm(), secret).ok()
}

fn of_other_algorithm(key: &Key) -> Option<Key> {
    let other = if key.algorithm() == Algorithm::Sha1 { Algorithm::Md5 } else { Algorithm::Sha1 };
    Key::new(key.id(), other, key.secret().clone()).ok()
}

/// A key ID that our key files do not have: a large one, since small ones are what people use. Every program
/// takes it for one of a key.
fn unknown_key_id(keys: &Keyring, draw: &mut Draw) -> u32 {
    const LARGE: u64 = 40_000;
    const COUNT: u64 = 25_000;
    let begin = draw.value() % COUNT;
    let all = (0..COUNT).filter_map(|step| u32::try_from(LARGE + (begin + step) % COUNT).ok());
    all.into_iter().find(|id| !keys.knows(KeyId(*id)) && !keys.knows(KeyId(*id | 1))).unwrap_or(u32::MAX)
}
