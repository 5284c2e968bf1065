//! Faults in the decision: who is believed, and what is answered at all.

use crate::auth::{Key, KeyId, Keyring};
use crate::ntp::header::{HEADER_LENGTH, Mode};
use crate::ntp::trailer::{KEY_ID_LENGTH, Tail, mac_readings};
use crate::server::decision::{Refusal, Silence};
use crate::server::policy::Treatment;
use crate::server::responder::{Asked, Planned, Sender, authenticate, read, reply_to};
use crate::server::trailer::Trailer;

use super::context::Context;
use super::keys::usual_length;
use super::spec::Fault;
use super::table::FaultKind;
use super::value::{Form, Reason};

/// The reply that a fault decides on in place of what a correct server does; `None` where it has nothing to decide.
pub(super) fn decide<'k>(
    fault: &Fault,
    context: &Context<'_, 'k>,
    correct: &Result<Planned<'k>, Silence>,
) -> Option<Planned<'k>> {
    match (fault.kind, correct) {
        (FaultKind::SignUnverified | FaultKind::RefusePlainly, _) => answer_refused(fault, context),
        (FaultKind::AnswerAnything, Err(silence)) => {
            let reason = reason_of(*silence, context.request.question.octets)?;
            let is_meant = fault.parameters.reason.is_none_or(|meant| meant == reason);
            is_meant.then(|| answer_anything(fault, context)).flatten()
        }
        _ => None,
    }
}

/// The reply to a request that is refused, as if its MAC had verified or as if it had none.
fn answer_refused<'k>(fault: &Fault, context: &Context<'_, 'k>) -> Option<Planned<'k>> {
    let Context { policy, signers, request, .. } = *context;
    let asked = read(policy, request.question).ok()?;
    let claim = match authenticate(policy, signers.keyring(), &asked) {
        Ok(Sender::Refused(_)) | Err(Silence::Refused(_)) => Claim::of(asked.trailer),
        Err(Silence::Trailer) if policy.verifies() => Claim::misplaced(&asked, signers.keyring())?,
        _ => return None,
    };
    let sender = match fault.kind {
        FaultKind::SignUnverified => {
            let key = signers.claimed(fault, claim.key_id)?;
            Sender::Has(key, length_towards(key, claim.digest_length))
        }
        _ => Sender::Unknown,
    };
    reply_to(policy, signers.keyring(), request.question, &asked, sender).ok()
}

/// What a request that is refused says of its MAC.
struct Claim {
    key_id: Option<KeyId>,
    digest_length: usize,
}

impl Claim {
    fn of(trailer: Trailer<'_>) -> Claim {
        match trailer {
            Trailer::Mac { key_id, digest, .. } => {
                Claim { key_id: Some(KeyId(key_id)), digest_length: digest.len() }
            }
            _ => Claim { key_id: None, digest_length: 0 },
        }
    }

    /// A MAC where the server looks for none or of a length that it does not know: octets that mean nothing to it
    /// begin with the ID of a key, or have it before one of the usual digests.
    fn misplaced(asked: &Asked<'_>, keys: &Keyring) -> Option<Claim> {
        let trailer = asked.octets.get(HEADER_LENGTH..)?;
        let (first, rest) = trailer.split_first_chunk::<KEY_ID_LENGTH>()?;
        let at_once = Claim { key_id: Some(KeyId(u32::from_be_bytes(*first))), digest_length: rest.len() };
        let behind = mac_readings(trailer).map(|reading| match reading.tail {
            Tail::Mac { key_id, digest } => {
                Claim { key_id: Some(KeyId(key_id)), digest_length: digest.len() }
            }
            Tail::Nothing | Tail::CryptoNak => Claim { key_id: None, digest_length: 0 },
        });
        let is_known = |claim: &Claim| claim.key_id.is_some_and(|key_id| !keys.lookup(key_id).is_empty());
        std::iter::once(at_once).chain(behind).find(is_known)
    }
}

/// The octets of a key's digest for a request with so many: whole where they are whole.
fn length_towards(key: &Key, asked: usize) -> usize {
    let whole = key.algorithm().digest_length();
    if asked >= whole { whole } else { usual_length(key) }
}

/// The reply in mode 4 to what asks for none. Clients that are not served get none either.
fn answer_anything<'k>(fault: &Fault, context: &Context<'_, 'k>) -> Option<Planned<'k>> {
    let Context { policy, signers, request, .. } = *context;
    let octets = request.question.octets;
    let claimed = octets.get(HEADER_LENGTH..).and_then(|rest| rest.first_chunk::<KEY_ID_LENGTH>());
    let claimed = claimed.map(|key_id| KeyId(u32::from_be_bytes(*key_id)));
    let sender = match fault.parameters.form.unwrap_or(Form::Plain) {
        Form::Plain => Sender::Unknown,
        Form::Signed => signers.claimed(fault, claimed).map(|key| Sender::Has(key, usual_length(key)))?,
        Form::Nak => Sender::Refused(Refusal::UnknownKey(claimed.unwrap_or(KeyId(0)))),
    };
    let header = context.asked()?;
    let asked = Asked { octets, header, mode: Mode::Server, trailer: Trailer::Nothing };
    let is_served = request.question.treatment == Treatment::Serve;
    let answered = || reply_to(policy, signers.keyring(), request.question, &asked, sender).ok();
    is_served.then(answered).flatten()
}

/// Why a datagram is not answered, as far as a fault can have it answered.
fn reason_of(silence: Silence, octets: &[u8]) -> Option<Reason> {
    let mode = octets.first().map(|first| Mode::from_bits(*first));
    match silence {
        Silence::TooShort(_) | Silence::Version(_) | Silence::Mode(_)
            if matches!(mode, Some(Mode::Control | Mode::Private)) =>
        {
            Some(Reason::Control)
        }
        Silence::TooShort(_) => Some(Reason::Short),
        Silence::Version(_) => Some(Reason::Version),
        Silence::Mode(_) => Some(Reason::Mode),
        Silence::Trailer => Some(Reason::Trailer),
        Silence::CryptoNak => Some(Reason::CryptoNak),
        _ => None,
    }
}
