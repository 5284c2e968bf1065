//! The header of a reply and how its fields go together.

use crate::conformance::case::{Case, Level};
use crate::conformance::exchange::Stimulus;
use crate::conformance::expect::{each_reply, lacks_nothing};
use crate::conformance::outcome::Judgement;
use crate::conformance::reading::Told;
use crate::conformance::{Context, Evidence, Exchange, Reading};
use crate::ntp::NtpTimestamp;

pub(super) static CASES: &[Case] = &[
    Case {
        slug: "header/length",
        source: "RFC 5905 section 7.3",
        level: Level::Must,
        summary: "a reply without fields and MAC is 48 octets long",
        why: "Clients with a fixed buffer drop anything else, and nobody asked for a MAC.",
        differs: "",
        lacks: lacks_nothing,
        ask: |context, seen| plainly(context, seen, 3),
        judge: |context, evidence| each_reply(context, evidence, length),
    },
    Case {
        slug: "header/origin-echo",
        source: "RFC 5905 section 8, figure 31",
        level: Level::Must,
        summary: "the origin timestamp is the request's transmit timestamp, bit for bit",
        why: "It is the only thing in a plain reply that an attacker off the path cannot know; clients drop every other \
              reply as bogus.",
        differs: "",
        lacks: lacks_nothing,
        ask: |context, seen| {
            let values = [context.random(), 1, u64::MAX, 1 << 63];
            let transmit = NtpTimestamp(*values.get(seen.len())?);
            Some(Stimulus::one(
                context.request().header(|header| header.transmit_timestamp = transmit).octets(),
            ))
        },
        judge: origin_echo,
    },
];

/// So many plain requests.
fn plainly(context: &Context, seen: &[Exchange], count: usize) -> Option<Stimulus> {
    (seen.len() < count).then(|| Stimulus::one(context.request().octets()))
}

fn length(reading: &Reading<'_>) -> Judgement {
    let fields = reading.trailer.is_some_and(|trailer| trailer.extension_fields().count() > 0);
    match reading.reply.octets.len() {
        48 => Judgement::pass(reading.describe()),
        _ if fields && reading.key_id.is_none() => Judgement::warn("48 octets", reading.describe()),
        _ => Judgement::fail("48 octets", reading.describe()),
    }
}

fn origin_echo(context: &Context, evidence: &Evidence<'_>) -> Judgement {
    crate::conformance::expect::each(evidence.own, |exchange| match context.told(exchange) {
        Told::Reply(reading) => {
            let (Some(header), Some(asked)) = (reading.header(), reading.asked()) else {
                return Judgement::fail("a header of 48 octets", reading.describe());
            };
            let (seen, due) = (header.origin_timestamp.0, asked.transmit_timestamp.0);
            match seen == due {
                true => Judgement::pass(format!("origin {seen:016x}")),
                false => Judgement::fail(format!("origin {due:016x}"), format!("origin {seen:016x}")),
            }
        }
        told => Judgement::inconclusive(told.describe()),
    })
}
