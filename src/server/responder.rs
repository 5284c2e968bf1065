//! From a request to a reply or to silence, with the reason.

use crate::auth::{Key, KeyId, Keyring};
use crate::ntp::header::{HEADER_LENGTH, Header, LeapIndicator, Mode};
use crate::ntp::trailer::KEY_ID_LENGTH;
use crate::ntp::{NtpTimestamp, ReferenceId};

use super::clock::Clock;
use super::decision::{Answer, AnswerKind, Decision, Refusal, Silence};
use super::draft::{Draft, DraftTail};
use super::habit::Macs;
use super::monotonic;
use super::policy::{Policy, Treatment};
use super::trailer::Trailer;

/// A request and what is known of it.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// Its octets.
    pub octets: &'a [u8],
    /// When it came, by the server's clock.
    pub arrival: NtpTimestamp,
    /// What is done with its sender.
    pub treatment: Treatment,
    /// When the reply left whose receive timestamp is this request's origin timestamp; what interleaved mode needs.
    pub earlier_transmit: Option<NtpTimestamp>,
}

/// Decides on a request and writes the reply to `reply`, which is empty otherwise.
pub fn respond(
    policy: &Policy,
    keys: &Keyring,
    question: &Question<'_>,
    clock: &dyn Clock,
    reply: &mut Vec<u8>,
) -> Decision {
    reply.clear();
    match plan(policy, keys, question) {
        Err(silence) => Decision::Silence(silence),
        Ok(planned) => {
            let left = planned.draft.write(clock, reply);
            Decision::Answer(planned.answer(left))
        }
    }
}

/// A reply that is decided on and not yet written.
#[derive(Clone, Debug)]
pub struct Planned<'k> {
    /// The reply.
    pub draft: Draft<'k>,
    /// Its kind.
    pub kind: AnswerKind,
    /// True when it tells when the reply before it left.
    pub interleaved: bool,
}

impl Planned<'_> {
    /// What the reply is, once it is known when it leaves.
    pub fn answer(&self, left: NtpTimestamp) -> Answer {
        Answer {
            kind: self.kind,
            mode: self.draft.header.mode,
            interleaved: self.interleaved,
            receive_timestamp: self.draft.header.receive_timestamp,
            left,
        }
    }
}

/// Decides on a request.
///
/// # Errors
/// Why it is not answered.
pub fn plan<'k>(policy: &Policy, keys: &'k Keyring, question: &Question<'_>) -> Result<Planned<'k>, Silence> {
    let asked = read(policy, question)?;
    let sender = authenticate(policy, keys, &asked)?;
    reply_to(policy, keys, question, &asked, sender)
}

/// A request as the server reads it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    /// Its octets, as far as they are looked at.
    pub(super) octets: &'a [u8],
    /// Its header.
    pub(super) header: Header,
    /// The mode of a reply to it.
    pub(super) mode: Mode,
    /// What follows the header.
    pub(super) trailer: Trailer<'a>,
}

/// Reads a request.
///
/// # Errors
/// Why it is not answered, whoever sent it.
pub(super) fn read<'a>(policy: &Policy, question: &Question<'a>) -> Result<Asked<'a>, Silence> {
    let habit = policy.habit;
    let octets = question.octets.get(..habit.longest).unwrap_or(question.octets);
    let header = Header::parse(octets).ok_or(Silence::TooShort(octets.len()))?;
    if !policy.answers_version(header.version) {
        return Err(Silence::Version(header.version.number()));
    }
    let mode = (habit.reply_mode)(header.version, header.mode).ok_or(Silence::Mode(header.mode))?;
    match question.treatment {
        Treatment::Ignore => return Err(Silence::Ignored),
        Treatment::Kiss(_) if !habit.kisses => return Err(Silence::Ignored),
        _ => {}
    }
    let trailer = (habit.read)(header.version, octets.get(HEADER_LENGTH..).unwrap_or_default());
    Ok(Asked { octets, header, mode, trailer })
}

/// The reply to a request, once it is known who sent it.
///
/// # Errors
/// Why there is none.
pub(super) fn reply_to<'k>(
    policy: &Policy,
    keys: &'k Keyring,
    question: &Question<'_>,
    asked: &Asked<'_>,
    sender: Sender<'k>,
) -> Result<Planned<'k>, Silence> {
    match question.treatment {
        Treatment::Kiss(code) => kiss(policy, keys, asked, sender, code),
        _ => Ok(answer(policy, question, asked, sender)),
    }
}

/// What a request's MAC says of its sender.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sender<'k> {
    /// Nothing.
    Unknown,
    /// It has that key, and sends so many octets of digest.
    Has(&'k Key, usize),
    /// It says that it has a key, and it is not believed.
    Refused(Refusal),
    /// It sent so many octets that are not looked at, and zeros come back for them.
    NotVerified(usize),
}

/// Finds out who sent a request.
///
/// # Errors
/// Why it is not answered, since it is not known or not believed who did.
pub(super) fn authenticate<'k>(
    policy: &Policy,
    keys: &'k Keyring,
    asked: &Asked<'_>,
) -> Result<Sender<'k>, Silence> {
    let Asked { octets, header: request, .. } = *asked;
    let habit = policy.habit;
    let sender = match (habit.macs, asked.trailer) {
        (_, Trailer::Odd) => return Err(Silence::Trailer),
        (Macs::Ignore, _) => Sender::Unknown,
        (_, Trailer::CryptoNak) => return Err(Silence::CryptoNak),
        (_, Trailer::Nothing) => Sender::Unknown,
        (_, Trailer::Fields) if habit.takes_fields_alone => Sender::Unknown,
        (_, Trailer::Fields) => Sender::Refused(Refusal::FieldsWithoutMac),
        (Macs::Zeros, Trailer::Mac { fields, digest, .. }) => {
            Sender::NotVerified(fields + KEY_ID_LENGTH + digest.len())
        }
        (Macs::Verify(allows), Trailer::Mac { fields, key_id, digest }) => {
            let covered = octets.get(..HEADER_LENGTH + fields).unwrap_or_default();
            let allows = |key: &Key| allows(key.algorithm(), request.version, digest.len());
            verify(policy, keys, KeyId(key_id), covered, digest, allows)
        }
    };
    match sender {
        Sender::Unknown if policy.requires_authentication => Err(Silence::NoMac),
        Sender::Refused(Refusal::FieldsWithoutMac) if policy.requires_authentication => Err(Silence::NoMac),
        Sender::Refused(refusal) if !habit.naks => Err(Silence::Refused(refusal)),
        Sender::Has(..) if habit.mobilises_peers && request.mode == Mode::SymmetricActive => {
            Err(Silence::Peer)
        }
        sender => Ok(sender),
    }
}

fn verify<'k>(
    policy: &Policy,
    keys: &'k Keyring,
    key_id: KeyId,
    covered: &[u8],
    digest: &[u8],
    allows: impl Fn(&Key) -> bool,
) -> Sender<'k> {
    let candidates = keys.lookup(key_id);
    if candidates.is_empty() {
        return Sender::Refused(Refusal::UnknownKey(key_id));
    }
    if policy.habit.heeds_trust && !keys.is_trusted(key_id) {
        return Sender::Refused(Refusal::UntrustedKey(key_id));
    }
    let verifies = |key: &&Key| allows(key) && key.verifies(covered, digest);
    match candidates.iter().map(|candidate| &candidate.key).find(verifies) {
        Some(key) => Sender::Has(key, digest.len()),
        None => Sender::Refused(Refusal::WrongDigest(key_id)),
    }
}

/// The reply to a request that is served.
fn answer<'k>(
    policy: &Policy,
    question: &Question<'_>,
    asked: &Asked<'_>,
    sender: Sender<'k>,
) -> Planned<'k> {
    let (tail, kind) = match sender {
        Sender::Unknown => (DraftTail::Nothing, AnswerKind::Plain),
        Sender::Has(key, length) => (mac(key, length), AnswerKind::Authenticated(key.id())),
        Sender::Refused(refusal) => (DraftTail::CryptoNak, AnswerKind::CryptoNak(refusal)),
        Sender::NotVerified(octets) => (DraftTail::Zeros(octets), AnswerKind::ZeroTrailer),
    };
    let mut draft = Draft { tail, ..Draft::new(header(policy, question, asked)) };
    // Whoever is not believed is told nothing of what went before.
    let may_interleave = !matches!(sender, Sender::Refused(_)) && may_interleave(policy, asked);
    let earlier = question.earlier_transmit.filter(|_| may_interleave);
    if let Some(earlier) = earlier {
        draft.header.origin_timestamp = asked.header.receive_timestamp;
        draft.header.transmit_timestamp = earlier;
        draft.has_transmit = true;
    }
    if policy.habit.has_monotonic_field && kind != AnswerKind::ZeroTrailer {
        monotonic::answer(fields_of(asked), &draft.header, &mut draft.fields);
    }
    Planned { draft, kind, interleaved: earlier.is_some() }
}

fn mac(key: &Key, digest_length: usize) -> DraftTail<'_> {
    DraftTail::Mac { key_id: key.id(), key, digest_length, covers_header_only: false }
}

/// The header of a reply (RFC 5905 section 9.2, the procedure of `fast_xmit`).
fn header(policy: &Policy, question: &Question<'_>, asked: &Asked<'_>) -> Header {
    let Asked { header: request, mode, .. } = *asked;
    let system = policy.system;
    Header {
        leap_indicator: system.leap_indicator,
        version: request.version,
        mode,
        stratum: system.stratum,
        poll: (policy.habit.poll)(request.poll),
        precision: system.precision,
        root_delay: system.root_delay,
        root_dispersion: system.root_dispersion,
        reference_id: system.reference_id,
        reference_timestamp: system.reference_timestamp(question.arrival),
        origin_timestamp: request.transmit_timestamp,
        receive_timestamp: question.arrival,
        transmit_timestamp: NtpTimestamp::ZERO,
    }
}

/// True for a request that can mean interleaved mode: a client's, with receive and transmit timestamps that differ
/// (RFC 9769 section 2).
fn may_interleave(policy: &Policy, asked: &Asked<'_>) -> bool {
    let Asked { header: request, mode, .. } = *asked;
    let is_wanted = policy.interleaved && policy.habit.interleaves && mode == Mode::Server;
    is_wanted
        && request.receive_timestamp != request.transmit_timestamp
        && !request.origin_timestamp.is_zero()
}

/// A kiss code, in ntp.org's form: leap 3, stratum 0, the request's transmit timestamp in all three places, and all else
/// as the request has it.
fn kiss<'k>(
    policy: &Policy,
    keys: &'k Keyring,
    asked: &Asked<'_>,
    sender: Sender<'k>,
    code: [u8; 4],
) -> Result<Planned<'k>, Silence> {
    let Asked { header: request, mode, .. } = *asked;
    let unverified = || match asked.trailer {
        Trailer::Mac { key_id, digest, .. } => {
            keys.lookup(KeyId(key_id)).first().map(|candidate| (&candidate.key, digest.len()))
        }
        _ => None,
    };
    let signer = match sender {
        Sender::Has(key, length) => Some((key, length)),
        Sender::Refused(_) if policy.habit.signs_kiss_unverified => unverified(),
        // Whoever is not believed is told nothing.
        Sender::Refused(refusal) => return Err(Silence::Refused(refusal)),
        Sender::Unknown | Sender::NotVerified(_) => None,
    };
    let now = request.transmit_timestamp;
    let header = Header {
        leap_indicator: LeapIndicator::Unknown,
        stratum: 0,
        reference_id: ReferenceId(code),
        origin_timestamp: now,
        receive_timestamp: now,
        transmit_timestamp: now,
        mode,
        poll: (policy.habit.poll)(request.poll),
        ..request
    };
    let tail = signer
        .map_or(DraftTail::Nothing, |(key, length)| mac(key, length.min(key.algorithm().digest_length())));
    let kind = AnswerKind::Kiss { code, signed: signer.map(|(key, _)| key.id()) };
    Ok(Planned { draft: Draft { tail, has_transmit: true, ..Draft::new(header) }, kind, interleaved: false })
}

/// The extension fields of a request.
fn fields_of<'a>(asked: &Asked<'a>) -> &'a [u8] {
    let end = match asked.trailer {
        Trailer::Fields => asked.octets.len(),
        Trailer::Mac { fields, .. } => HEADER_LENGTH + fields,
        Trailer::Nothing | Trailer::CryptoNak | Trailer::Odd => HEADER_LENGTH,
    };
    asked.octets.get(HEADER_LENGTH..end).unwrap_or_default()
}
