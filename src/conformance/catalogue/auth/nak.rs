//! What a crypto-NAK looks like, where a server sends any.

use super::unverifiable;
use crate::analysis::behaviour::Answer;
use crate::conformance::case::{Case, Level};
use crate::conformance::exchange::Stimulus;
use crate::conformance::expect::{each, lacks_nothing, limited, lost, served};
use crate::conformance::reading::Told;
use crate::conformance::{Context, Evidence, Exchange, Judgement, Reading};
use crate::ntp::header::Header;

pub(in super::super) static CASES: &[Case] = &[
    Case {
        slug: "auth/nak-form",
        source: "RFC 5905 section 9.2: four octets of zeros",
        level: Level::Must,
        summary: "a crypto-NAK is a header and four zero octets, with nothing behind them",
        why: "Clients know it by its length; what is longer they read as a MAC, and complain about that.",
        differs: "",
        lacks: lacks_nothing,
        ask: |context, seen| ask_refused(context, seen, 2),
        judge: |context, evidence| each_nak(context, evidence, form),
    },
    Case {
        slug: "auth/nak-origin",
        source: "RFC 5905 section 9.2 and appendix A.5.1",
        level: Level::Must,
        summary: "a crypto-NAK echoes the refused request's transmit timestamp",
        why: "Without it anybody could refuse in the server's name, which has been used to break associations.",
        differs: "",
        lacks: lacks_nothing,
        ask: |context, seen| ask_refused(context, seen, 3),
        judge: |context, evidence| each_nak(context, evidence, origin),
    },
    Case {
        slug: "auth/nak-header",
        source: "RFC 5905 section 9.2",
        level: Level::Should,
        summary: "a crypto-NAK has the header of any other reply",
        why: "The text knows no other header for it, and clients must be able to tell which request is refused, and by \
              whom.",
        differs: "",
        lacks: lacks_nothing,
        ask: |context, seen| match seen.len() {
            0 | 2 => Some(Stimulus::one(served(context, &context.request()))),
            1 => Some(Stimulus::one(unverifiable(context))),
            _ => None,
        },
        judge: nak_header,
    },
];

fn ask_refused(context: &Context, seen: &[Exchange], count: usize) -> Option<Stimulus> {
    (seen.len() < count).then(|| Stimulus::one(unverifiable(context)))
}

/// Judges each crypto-NAK, and whatever begins like one. Nothing is said of other answers.
fn each_nak(context: &Context, evidence: &Evidence<'_>, judge: fn(&Reading<'_>) -> Judgement) -> Judgement {
    each(evidence.own, |exchange| {
        nak(context, exchange).map_or_else(|other| other, |reading| judge(&reading))
    })
}

fn nak<'e>(context: &Context, exchange: &'e Exchange) -> Result<Reading<'e>, Judgement> {
    match context.told(exchange) {
        Told::Silence => Err(Judgement::skip("the server refuses in silence")),
        Told::Lost => Err(lost()),
        Told::Reply(reading) if reading.answer == Answer::Kiss => Err(limited(&reading)),
        Told::Reply(reading) if is_nak(context, &reading) => Ok(reading),
        Told::Reply(reading) => Err(Judgement::skip(format!("no crypto-NAK: {}", reading.describe()))),
    }
}

/// A server that verifies nothing may put zeros behind every reply, which is no refusal.
fn is_nak(context: &Context, reading: &Reading<'_>) -> bool {
    reading.answer == Answer::CryptoNak
        || (context.authenticates() && reading.behind().starts_with(&[0; 4]) && !reading.is_signed())
}

fn form(reading: &Reading<'_>) -> Judgement {
    const EXPECTED: &str = "four zero octets behind the header";
    let behind = reading.behind();
    if behind == [0; 4] {
        Judgement::pass(reading.describe())
    } else if reading.answer == Answer::CryptoNak {
        Judgement::warn(EXPECTED, format!("extension fields before them: {}", reading.describe()))
    } else {
        Judgement::fail(EXPECTED, format!("{} octets under key ID zero", behind.len()))
    }
}

fn origin(reading: &Reading<'_>) -> Judgement {
    let (Some(header), Some(asked)) = (reading.header(), reading.asked()) else {
        return Judgement::inconclusive(reading.describe());
    };
    let (seen, due) = (header.origin_timestamp.0, asked.transmit_timestamp.0);
    if seen == due {
        Judgement::pass(format!("origin {seen:016x}"))
    } else {
        Judgement::fail(format!("origin {due:016x}"), format!("origin {seen:016x}"))
    }
}

fn nak_header(context: &Context, evidence: &Evidence<'_>) -> Judgement {
    let [before, refused, after] = evidence.own else { return Judgement::inconclusive("not all was asked") };
    let reading = match nak(context, refused) {
        Ok(reading) => reading,
        Err(other) => return other,
    };
    let (Some(header), Some(asked)) = (reading.header(), reading.asked()) else {
        return Judgement::inconclusive(reading.describe());
    };
    let neighbours = [before, after].map(|exchange| match context.told(exchange) {
        Told::Reply(reading) if reading.undue().is_none() => reading.header().copied(),
        _ => None,
    });
    let [Some(before), Some(after)] = neighbours else {
        return Judgement::inconclusive("no ordinary replies to compare with");
    };
    let due = format!("version {}, mode {}", asked.version.number(), before.mode.name());
    if header.version != asked.version || header.mode != before.mode {
        return Judgement::fail(due, reading.describe()).shown_by(1);
    }
    let odd: Vec<&str> =
        FIELDS.iter().filter(|(_, is_odd)| is_odd(header, &before, &after)).map(|field| field.0).collect();
    if odd.is_empty() {
        Judgement::pass(reading.describe())
    } else {
        let expected = "the header of the replies before and after";
        Judgement::warn(expected, format!("another {}: {}", odd.join(", "), reading.describe())).shown_by(1)
    }
}

/// True where a crypto-NAK's header, the first, has a field that goes with neither of the others.
type IsOdd = fn(&Header, &Header, &Header) -> bool;

const FIELDS: [(&str, IsOdd); 5] = [
    ("leap indicator", |nak, before, after| {
        ![before.leap_indicator, after.leap_indicator].contains(&nak.leap_indicator)
    }),
    ("stratum", |nak, before, after| ![before.stratum, after.stratum].contains(&nak.stratum)),
    ("precision", |nak, before, after| ![before.precision, after.precision].contains(&nak.precision)),
    ("reference ID", |nak, before, after| {
        ![before.reference_id, after.reference_id].contains(&nak.reference_id)
    }),
    ("order of receive and transmit timestamp", |nak, _, _| {
        nak.receive_timestamp.is_zero()
            || nak.transmit_timestamp.is_zero()
            || nak.transmit_timestamp.since(nak.receive_timestamp) < 0
    }),
];
