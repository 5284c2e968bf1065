//! What replies give away: of the server's memory, of its sources, of other clients.

use std::net::Ipv4Addr;

use crate::analysis::behaviour::Answer;
use crate::analysis::verdict::Status;
use crate::conformance::case::{Case, Level};
use crate::conformance::exchange::Stimulus;
use crate::conformance::expect::{each_reply, lacks_nothing, lacks_plain_replies, of_run, plainly};
use crate::conformance::outcome::Judgement;
use crate::conformance::reading::Told;
use crate::conformance::{Context, Evidence, Exchange, Reading};
use crate::ntp::header::Version;
use crate::ntp::timestamp::NtpShort;
use crate::ntp::trailer::Tail;
use crate::ntp::{NtpTimestamp, ReferenceId};

pub(super) static CASES: &[Case] = &[
    Case {
        slug: "privacy/reference-id",
        source: "RFC 5905 section 7.3",
        level: Level::Observed,
        summary: "whether the reference ID tells where the server has its time from",
        why: "Who knows a server's source can forge it. The text wants the address there, against loops, so this is no \
              fault; some programs can hide it.",
        differs: "",
        lacks: lacks_plain_replies,
        ask: |context, seen| plainly(context, seen, 1),
        judge: |context, evidence| each_reply(context, evidence, reference_id),
    },
    Case {
        slug: "privacy/client-values-not-kept",
        source: "RFC 5905 section 9.2; RFC 9769",
        level: Level::Must,
        summary: "nothing of one client's request shows in another's reply",
        why: "The transmit timestamp of a request is its client's secret: who learns it in time can forge the reply.",
        differs: "",
        lacks: lacks_plain_replies,
        ask: |context, seen| {
            let stimulus = match seen.len() {
                0 | 2 => Stimulus::one(marked(context)).from_port(MARKED_PORT),
                1 | 3 => Stimulus::one(context.request().octets()).from_port(OTHER_PORT),
                _ => return None,
            };
            Some(stimulus)
        },
        judge: not_kept,
    },
    Case {
        slug: "privacy/timestamps-below-precision",
        source: "RFC 5905 section 6",
        level: Level::Observed,
        summary: "whether the bits of timestamps below the precision are filled",
        why: "The text asks for random bits there, against forgers; zeros tell how coarse the clock is.",
        differs: "",
        lacks: lacks_plain_replies,
        ask: |context, seen| plainly(context, seen, 8),
        judge: below_precision,
    },
];

/// What is true of all that came.
pub(super) static RUN: &[Case] = &[Case {
    slug: "privacy/no-octets-behind",
    source: "RFC 5905 section 7.5; RFC 7822 section 3",
    level: Level::Must,
    summary: "no reply of the run has octets that are neither field nor MAC",
    why: "What stands behind the digest came from somewhere in the server's memory.",
    differs: "busybox answers with zeros in place of a MAC",
    lacks: lacks_nothing,
    ask: |_, _| None,
    judge: |context, evidence| {
        let all = evidence.run.iter().enumerate().flat_map(|(number, (slug, exchange))| {
            context.readings(exchange).map(move |reading| {
                let judged = nothing_behind(context, &reading).shown_by_reply(exchange, reading.reply);
                of_run(number, slug, judged)
            })
        });
        let judgement = Judgement::worst(all);
        match judgement.expected.is_empty() {
            true if evidence.run.iter().all(|(_, exchange)| exchange.replies.is_empty()) => {
                Judgement::skip("no reply came")
            }
            true => Judgement::pass(format!("in {} exchanges", evidence.run.len())),
            false => judgement,
        }
    },
}];

fn reference_id(reading: &Reading<'_>) -> Judgement {
    let Some(header) = reading.header() else { return Judgement::inconclusive(reading.describe()) };
    let ReferenceId(octets) = header.reference_id;
    let address = Ipv4Addr::from(octets);
    let is_public = !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_unspecified()
        || address.is_documentation()
        || address.is_multicast()
        || octets.first().is_some_and(|first| matches!(first, 0 | 127 | 240..)));
    match header.stratum {
        2..=15 if is_public => {
            Judgement::info(format!("{address}: an address, or four octets of the digest of one"))
        }
        stratum => Judgement::pass(format!("stratum {stratum}, {}", header.reference_id.display(stratum))),
    }
}

/// The ports of the two clients.
const MARKED_PORT: usize = 31;
const OTHER_PORT: usize = 32;

/// A request whose every field has a random value, but for those that say what it is.
fn marked(context: &Context) -> Vec<u8> {
    let random = || NtpTimestamp(context.random());
    let short = || u32::try_from(context.random() >> 32).unwrap_or_default();
    let request = context.request().header(|header| {
        header.root_delay = NtpShort(short());
        header.root_dispersion = NtpShort(short());
        header.reference_id = ReferenceId(short().to_be_bytes());
        header.reference_timestamp = random();
        header.origin_timestamp = random();
        header.receive_timestamp = random();
    });
    request.octets()
}

/// The second and fourth exchanges are another client's than the first and third.
fn not_kept(_: &Context, evidence: &Evidence<'_>) -> Judgement {
    let [first, reply, again, other] = evidence.own else {
        return Judgement::inconclusive("not all was asked");
    };
    let pairs = [(first, reply, 1), (again, other, 3)];
    Judgement::worst(pairs.map(|(marked, exchange, number)| {
        // What comes to the other port is the other client's.
        let own = || exchange.replies.iter().filter(|reply| reply.port == OTHER_PORT);
        let judged = own().map(|reply| match kept(marked, &reply.octets) {
            Some(field) => Judgement::fail("nothing of another client's", format!("its {field}")),
            None => Judgement::pass("nothing of another client's"),
        });
        let is_answered = own().next().is_some();
        let judgement =
            if is_answered { Judgement::worst(judged) } else { Judgement::inconclusive("silence") };
        judgement.shown_by(number)
    }))
}

/// Which eight octets of a request show in another client's reply.
fn kept(marked: &Exchange, reply: &[u8]) -> Option<&'static str> {
    let field =
        |octets: &[u8], begin: usize| -> Option<[u8; 8]> { octets.get(begin..begin + 8)?.try_into().ok() };
    let request = marked.request(0);
    let marks = [
        ("root delay and dispersion", field(request, 4)),
        ("reference timestamp", field(request, 16)),
        ("origin timestamp", field(request, 24)),
        ("receive timestamp", field(request, 32)),
        ("transmit timestamp", field(request, 40)),
    ];
    let shows = |mark: [u8; 8]| mark != [0; 8] && reply.windows(8).any(|octets| octets == mark);
    marks.into_iter().find(|(_, mark)| mark.is_some_and(shows)).map(|(name, _)| name)
}

fn below_precision(context: &Context, evidence: &Evidence<'_>) -> Judgement {
    let told = |exchange| match context.told(exchange) {
        Told::Reply(reading) => {
            reading.header().map(|header| (header.precision, header.transmit_timestamp.0))
        }
        _ => None,
    };
    let all: Vec<(i8, u64)> = evidence.own.iter().filter_map(told).collect();
    let Some((precision, _)) = all.first() else { return Judgement::inconclusive("no reply") };
    let Ok(bits) = u32::try_from(32 + i32::from(*precision)) else {
        return Judgement::pass(format!("precision {precision}: there are no such bits"));
    };
    let mask = 1_u64.checked_shl(bits).unwrap_or(0).wrapping_sub(1);
    let below = || all.iter().map(|(_, transmit)| transmit & mask);
    let first = below().next().unwrap_or(0);
    match below().all(|bits| bits == first) {
        _ if mask == 0 => Judgement::pass(format!("precision {precision}: there are no such bits")),
        true if first == 0 => Judgement::info(format!("precision {precision}: zeros below")),
        true => Judgement::info(format!("precision {precision}: always the same below")),
        false => Judgement::pass(format!("precision {precision}: other bits in each reply")),
    }
}

/// What follows the header of a reply must be fields, a crypto-NAK or a MAC as long as its key's algorithm has it.
fn nothing_behind(context: &Context, reading: &Reading<'_>) -> Judgement {
    const EXPECTED: &str = "fields, a crypto-NAK or a MAC behind the header";
    let behind = || format!("{} octets behind the header of {}", reading.behind().len(), reading.describe());
    let Some(header) = reading.header() else { return Judgement::pass("no reply") };
    if header.version > Version::FOUR || reading.behind().is_empty() {
        return Judgement::pass(reading.describe());
    }
    if reading.answer == Answer::ZeroTrailer {
        return Judgement::warn(EXPECTED, behind());
    }
    let digest = match reading.trailer.map(|trailer| trailer.tail) {
        Some(Tail::Mac { digest, .. }) => digest.len(),
        Some(Tail::Nothing | Tail::CryptoNak) => return Judgement::pass(reading.describe()),
        None if reading.status != Status::Malformed => return Judgement::pass(reading.describe()),
        None => return Judgement::fail(EXPECTED, behind()),
    };
    let whole =
        reading.key_id.and_then(|key_id| context.key(key_id)).map(|key| key.algorithm().digest_length());
    match whole {
        Some(whole) if digest != whole && digest != whole.min(20) => {
            Judgement::fail(format!("a digest of {} octets", whole.min(20)), format!("one of {digest}"))
        }
        _ => Judgement::pass(reading.describe()),
    }
}
