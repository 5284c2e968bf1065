//! Kiss codes, wherever in the run they came: no case asks for them but one, the last that asks at all.

use std::time::Duration;

use crate::analysis::verdict::{Status, judge_message};
use crate::auth::KeyId;
use crate::conformance::case::{Case, Level};
use crate::conformance::exchange::{Stimulus, Until};
use crate::conformance::expect::{lacks_nothing, limited, of_run};
use crate::conformance::outcome::Judgement;
use crate::conformance::{Context, Evidence, Exchange, Names, Reading};
use crate::ntp::Message;
use crate::ntp::header::{Header, LeapIndicator};

pub(super) static CASES: &[Case] = &[
    Case {
        slug: "kiss/burst",
        source: "RFC 5905 section 7.4; practice of all",
        level: Level::May,
        summary: "40 requests within two seconds draw replies, RATE or silence",
        why: "Servers differ in this, and each way is right; it shows what else is said of kisses.",
        differs: "",
        lacks: lacks_nothing,
        ask: |context, seen| {
            let request = || match context.honoured_key() {
                Some(key) => context.request().signed(key),
                None => context.request().octets(),
            };
            let datagrams = (0..40).map(|_| (0, request())).collect();
            let spacing = Duration::from_millis(50);
            seen.is_empty().then_some(Stimulus { datagrams, spacing, until: Until::Over(Duration::ZERO) })
        },
        judge: burst,
    },
    Case {
        slug: "kiss/form",
        source: "RFC 5905 sections 7.3 and 7.4",
        level: Level::Must,
        summary: "a kiss has the version and mode of a reply to its request",
        why: "A client that cannot take it for a reply does not slow down.",
        differs: "",
        lacks: lacks_nothing,
        ask: |_, _| None,
        judge: |context, evidence| of_kisses(context, evidence, |_, reading| Some(form(reading))),
    },
    Case {
        slug: "kiss/leap",
        source: "RFC 5905 figure 9; practice of ntp.org and NTPsec",
        level: Level::Should,
        summary: "a kiss has leap indicator 3",
        why: "A client that knows no kisses must at least not set its clock by one.",
        differs: "",
        lacks: lacks_nothing,
        ask: |_, _| None,
        judge: |context, evidence| of_kisses(context, evidence, |_, reading| Some(leap(reading))),
    },
    Case {
        slug: "kiss/origin",
        source: "RFC 5905 sections 7.4 and 8",
        level: Level::Must,
        summary: "a kiss has the request's transmit timestamp as origin",
        why: "Else a stranger who sees nothing could silence a client.",
        differs: "",
        lacks: lacks_nothing,
        ask: |_, _| None,
        judge: |context, evidence| of_kisses(context, evidence, |_, reading| Some(origin(reading))),
    },
    Case {
        slug: "kiss/times-useless",
        source: "RFC 5905 section 7.4; practice of ntp.org and NTPsec",
        level: Level::Observed,
        summary: "a kiss's receive and transmit timestamps tell no time, or go together",
        why: "ntp.org's own client wants origin, receive and transmit timestamps to be equal; others do not look.",
        differs: "",
        lacks: lacks_nothing,
        ask: |_, _| None,
        judge: |context, evidence| of_kisses(context, evidence, |_, reading| Some(times(reading))),
    },
    Case {
        slug: "kiss/signed-when-verified",
        source: "RFC 5905 sections 7.4 and 9.2; practice of ntp.org and NTPsec",
        level: Level::Should,
        summary: "a kiss for a right MAC is signed under its key",
        why: "A client that wants MACs must not heed an unsigned order to go away.",
        differs: "",
        lacks: lacks_nothing,
        ask: |_, _| None,
        judge: |context, evidence| of_kisses(context, evidence, signed_when_verified),
    },
    Case {
        slug: "kiss/not-signed-for-the-unverified",
        source: "RFC 5905 section 9.2; practice of NTPsec",
        level: Level::Must,
        summary: "a kiss for a wrong MAC is not signed",
        why: "A right MAC on what a stranger drew can be sent on to the client whose transmit timestamp was copied.",
        differs: "ntp.org signs before it verifies",
        lacks: lacks_nothing,
        ask: |_, _| None,
        judge: |context, evidence| of_kisses(context, evidence, unsigned_when_wrong),
    },
];

/// Codes that ask something of the client: those of figure 13 but for what tells of the server's clock, and NTSN.
const CODES: [&str; 13] =
    ["ACST", "AUTH", "AUTO", "BCST", "CRYP", "DENY", "DROP", "MCST", "NKEY", "NTSN", "RATE", "RMOT", "RSTR"];

fn code<'r>(reading: &'r Reading<'_>) -> Option<&'r str> {
    let header = reading.header()?;
    header.reference_id.kiss_code(header.stratum).filter(|code| CODES.contains(code))
}

/// Judges every kiss of the run.
fn of_kisses(
    context: &Context,
    evidence: &Evidence<'_>,
    judge: fn(&Context, &Reading<'_>) -> Option<Judgement>,
) -> Judgement {
    let kisses = |exchange| context.readings(exchange).filter(|reading| code(reading).is_some());
    let judged = |exchange| {
        kisses(exchange).filter_map(move |reading: Reading<'_>| {
            Some(judge(context, &reading)?.shown_by_reply(exchange, reading.reply))
        })
    };
    let run = evidence.run.iter().enumerate().flat_map(|(number, (slug, exchange))| {
        judged(exchange).map(move |judged| of_run(number, slug, judged))
    });
    let own = evidence
        .own
        .iter()
        .enumerate()
        .flat_map(|(number, exchange)| judged(exchange).map(move |judged| judged.shown_by(number)));
    let all: Vec<Judgement> = run.chain(own).collect();
    match all.is_empty() {
        true => Judgement::skip("no such kiss came"),
        false => Judgement::worst(all),
    }
}

fn burst(context: &Context, evidence: &Evidence<'_>) -> Judgement {
    let Some(exchange) = evidence.own.first() else { return Judgement::inconclusive("not asked") };
    let count =
        |wanted: Option<&str>| context.readings(exchange).filter(|reading| code(reading) == wanted).count();
    let is_wrong = |reading: &Reading<'_>| code(reading).is_some_and(|code| code != "RATE");
    let served = count(None);
    let told =
        format!("{served} of {} served, {} RATE", exchange.stimulus.datagrams.len(), count(Some("RATE")));
    match context.readings(exchange).find(is_wrong) {
        // Who is denied everything is not denied for the burst.
        Some(reading) if served == 0 => limited(&reading),
        Some(reading) => Judgement::warn("replies, RATE or silence", reading.describe()),
        None if all_served(exchange, served) => Judgement::pass(told),
        None => Judgement::info(told),
    }
}

fn all_served(exchange: &Exchange, served: usize) -> bool {
    let named = exchange.replies.iter().filter(|reply| matches!(reply.names, Names::This(_))).count();
    served >= exchange.stimulus.datagrams.len() && named >= served
}

fn form(reading: &Reading<'_>) -> Judgement {
    match reading.undue() {
        Some(field @ ("version" | "mode")) => {
            Judgement::fail(format!("the {field} that is due"), reading.describe())
        }
        _ => Judgement::pass(reading.describe()),
    }
}

fn leap(reading: &Reading<'_>) -> Judgement {
    match reading.header().map(|header| header.leap_indicator) {
        Some(LeapIndicator::Unknown) => Judgement::pass(reading.describe()),
        _ => Judgement::warn("leap indicator 3", reading.describe()),
    }
}

fn origin(reading: &Reading<'_>) -> Judgement {
    match reading.undue() {
        Some("origin timestamp") => Judgement::fail("the request's transmit timestamp", reading.describe()),
        _ => Judgement::pass(reading.describe()),
    }
}

fn times(reading: &Reading<'_>) -> Judgement {
    let Some(Header { origin_timestamp, receive_timestamp, transmit_timestamp, .. }) = reading.header()
    else {
        return Judgement::inconclusive(reading.describe());
    };
    if receive_timestamp == origin_timestamp && transmit_timestamp == origin_timestamp {
        Judgement::pass("all equal the origin timestamp")
    } else if receive_timestamp.is_zero() && transmit_timestamp.is_zero() {
        Judgement::pass("both zero")
    } else if transmit_timestamp.since(*receive_timestamp) >= 0 {
        Judgement::info("receive and transmit timestamps in their order")
    } else {
        Judgement::warn("receive and transmit timestamps that go together", "the receive timestamp is later")
    }
}

/// The key ID and the status of a request's MAC, where it has one.
fn asked_under(context: &Context, request: &[u8]) -> Option<(KeyId, Status)> {
    let message = Message::parse(request).ok()?;
    let verdict = judge_message(&message, context.keyring());
    Some((verdict.key_id()?, verdict.status))
}

fn signed_when_verified(context: &Context, reading: &Reading<'_>) -> Option<Judgement> {
    const EXPECTED: &str = "a kiss with a right MAC under the request's key";
    let (key_id, _) = asked_under(context, reading.request).filter(|(_, status)| *status == Status::Valid)?;
    Some(match reading.digest {
        _ if reading.is_signed() && reading.key_id == Some(key_id) => Judgement::pass(reading.describe()),
        None => Judgement::warn(EXPECTED, reading.describe()),
        Some(_) => Judgement::fail(EXPECTED, reading.describe()),
    })
}

fn unsigned_when_wrong(context: &Context, reading: &Reading<'_>) -> Option<Judgement> {
    let is_wrong = |status| matches!(status, Status::Invalid | Status::UnknownKey);
    asked_under(context, reading.request).filter(|(_, status)| is_wrong(*status))?;
    Some(match reading.is_signed() {
        true => Judgement::fail("a kiss without a MAC", reading.describe()),
        false => Judgement::pass(reading.describe()),
    })
}
