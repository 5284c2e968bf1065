//! What a server says of its clock and where it has its time from.

use crate::conformance::case::{Case, Level};
use crate::conformance::expect::{lacks_nothing, lost};
use crate::conformance::outcome::Judgement;
use crate::conformance::{Context, Evidence};
use crate::ntp::header::{Header, LeapIndicator};
use crate::ntp::timestamp::NtpShort;

use super::{each_header, ordinary, replies};

/// Seconds of root delay or dispersion at which no client uses a server (MAXDISP of RFC 5905).
const MAXIMUM_DISPERSION: f64 = 16.0;

pub(super) static CASES: &[Case] = &[
    Case {
        slug: "header/stratum-range",
        source: "RFC 5905 figure 11 and the note below it",
        level: Level::Must,
        summary: "the stratum is 0 to 15; 16 and more are sent as 0",
        why: "17 to 255 are reserved. Clients compare strata, and would rank such a server or overflow.",
        differs: "",
        lacks: lacks_nothing,
        ask: |context, seen| ordinary(context, seen, 3),
        judge: |context, evidence| each_header(context, evidence, stratum),
    },
    Case {
        slug: "header/stratum-0-says-unsynchronised",
        source: "RFC 5905 sections 7.3, 7.4 and 11.1",
        level: Level::Should,
        summary: "stratum 0 comes with leap indicator 3",
        why: "A client that looks at one of the two alone would set its clock by a server that has no time.",
        differs: "",
        lacks: lacks_nothing,
        ask: |context, seen| ordinary(context, seen, 3),
        judge: |context, evidence| each_header(context, evidence, stratum_0),
    },
    Case {
        slug: "header/leap-3-and-stratum",
        source: "RFC 5905 figure 9 and section 11.1",
        level: Level::Observed,
        summary: "leap indicator 3 comes with stratum 0, and with no other of 1 to 15",
        why: "Leap 3 alone makes clients refuse a server; a stratum beside it says the opposite.",
        differs: "ntpd-rs says stratum 5 and leap 3 before it has a time",
        lacks: lacks_nothing,
        ask: |context, seen| ordinary(context, seen, 3),
        judge: |context, evidence| each_header(context, evidence, leap_3),
    },
    Case {
        slug: "header/leap-stable",
        source: "RFC 5905 section 7.3",
        level: Level::Observed,
        summary: "leap, stratum and reference ID are the same in replies shortly after each other",
        why: "Values that flicker mean that several machines answer behind one address, or that a field is filled by \
              chance.",
        differs: "",
        lacks: lacks_nothing,
        ask: |context, seen| ordinary(context, seen, 6).map(|stimulus| stimulus.from_port(seen.len())),
        judge: stable,
    },
    Case {
        slug: "header/precision-plausible",
        source: "RFC 5905 sections 7.3 and 11.1",
        level: Level::Should,
        summary: "the precision is that of a clock: between 2^-32 s and 1 s",
        why: "Clients add it to their dispersion: an absurd value makes the server useless, or better than any clock.",
        differs: "",
        lacks: lacks_nothing,
        ask: |context, seen| ordinary(context, seen, 2),
        judge: precisions,
    },
    Case {
        slug: "header/root-delay-plausible",
        source: "RFC 5905 section 7.3, appendix A.5.5.3",
        level: Level::Should,
        summary: "the root delay of a synchronised server is less than 16 s",
        why: "Half of it counts towards the distance at which clients refuse a server; none can use one so far away.",
        differs: "",
        lacks: lacks_nothing,
        ask: |context, seen| ordinary(context, seen, 2),
        judge: |context, evidence| {
            each_header(context, evidence, |header| root("root delay", header.root_delay, header))
        },
    },
    Case {
        slug: "header/root-dispersion-plausible",
        source: "RFC 5905 section 7.3, appendix A.5.5.3",
        level: Level::Should,
        summary: "the root dispersion of a synchronised server is less than 16 s",
        why: "It is the server's own estimate of its error. With more it is not synchronised, and must say so.",
        differs: "",
        lacks: lacks_nothing,
        ask: |context, seen| ordinary(context, seen, 2),
        judge: |context, evidence| {
            each_header(context, evidence, |header| root("root dispersion", header.root_dispersion, header))
        },
    },
    Case {
        slug: "header/reference-id-of-stratum-1",
        source: "RFC 5905 section 7.3, figure 12",
        level: Level::Should,
        summary: "a stratum 1 server's reference ID is letters, filled up with zeros",
        why: "It names the clock to the reader. Zero names none, and servers that give it are taken for the same one.",
        differs: "",
        lacks: lacks_nothing,
        ask: |context, seen| ordinary(context, seen, 1),
        judge: |context, evidence| each_header(context, evidence, name_of_clock),
    },
    Case {
        slug: "header/reference-id-of-secondary",
        source: "RFC 5905 section 7.3",
        level: Level::Should,
        summary: "a server of stratum 2 to 15 gives a reference ID that is not zero",
        why: "Loops are found by it; zero hides them.",
        differs: "",
        lacks: lacks_nothing,
        ask: |context, seen| ordinary(context, seen, 1),
        judge: |context, evidence| each_header(context, evidence, source_of_time),
    },
    Case {
        slug: "header/reference-id-of-stratum-0",
        source: "RFC 5905 section 7.4",
        level: Level::Should,
        summary: "at stratum 0 the reference ID is a code of letters or zero, no address",
        why: "Clients read it as text and heed DENY, RSTR and RATE; an address can spell one by chance.",
        differs: "",
        lacks: lacks_nothing,
        ask: |context, seen| ordinary(context, seen, 1),
        judge: |context, evidence| each_header(context, evidence, code),
    },
];

/// True for a server that says that it has the time.
pub(super) fn is_synchronised(header: &Header) -> bool {
    header.leap_indicator != LeapIndicator::Unknown && (1..=15).contains(&header.stratum)
}

/// Leap indicator and stratum in words.
fn state(header: &Header) -> String {
    format!("leap {}, stratum {}", header.leap_indicator.name(), header.stratum)
}

fn stratum(header: &Header) -> Judgement {
    match header.stratum {
        0..=15 => Judgement::pass(state(header)),
        16 => Judgement::warn("stratum 0 in place of 16", state(header)),
        _ => Judgement::fail("stratum 0 to 15", state(header)),
    }
}

fn stratum_0(header: &Header) -> Judgement {
    match (header.stratum, header.leap_indicator) {
        (0, LeapIndicator::Unknown) | (1.., _) => Judgement::pass(state(header)),
        (0, _) => Judgement::fail("leap unknown with stratum 0", state(header)),
    }
}

fn leap_3(header: &Header) -> Judgement {
    match (header.leap_indicator, header.stratum) {
        (LeapIndicator::Unknown, 1..=15) => Judgement::warn("leap unknown with stratum 0", state(header)),
        (LeapIndicator::Unknown, _) | (_, 0..=15) => Judgement::pass(state(header)),
        _ => Judgement::fail("leap unknown with a stratum of 16 and more", state(header)),
    }
}

fn stable(context: &Context, evidence: &Evidence<'_>) -> Judgement {
    let replies = match replies(context, evidence.own) {
        Ok(replies) => replies,
        Err(judgement) => return judgement,
    };
    let told = |header: &Header| {
        format!("{}, reference ID {}", state(header), header.reference_id.display(header.stratum))
    };
    let mut all: Vec<String> = replies.iter().map(|(header, _)| told(header)).collect();
    all.dedup();
    match all.as_slice() {
        [one] => Judgement::pass(one),
        [before, after] => Judgement::info(format!("{before}; then {after}")),
        [one, other, ..] => {
            let changes = all.len() - 1;
            Judgement::warn("the same in every reply", format!("{changes} changes, as from {one} to {other}"))
        }
        [] => lost(),
    }
}

fn precisions(context: &Context, evidence: &Evidence<'_>) -> Judgement {
    let each = each_header(context, evidence, |header| {
        let actual = format!("precision {}", header.precision);
        match header.precision {
            -32..=0 => Judgement::pass(actual),
            -35..=6 => Judgement::warn("precision -32 to 0", actual),
            _ => Judgement::fail("precision -32 to 0", actual),
        }
    });
    let replies = replies(context, evidence.own).unwrap_or_default();
    let is_other = match replies.as_slice() {
        [(one, _), (other, _)] if one.precision != other.precision => {
            Some(Judgement::warn("one precision", format!("{} and {}", one.precision, other.precision)))
        }
        _ => None,
    };
    Judgement::worst([each].into_iter().chain(is_other))
}

fn root(name: &str, value: NtpShort, header: &Header) -> Judgement {
    let actual = format!("{name} {} s, {}", value.as_seconds(), state(header));
    match value.as_seconds() < MAXIMUM_DISPERSION {
        true => Judgement::pass(actual),
        false if is_synchronised(header) => Judgement::fail("less than 16 s, or leap unknown", actual),
        false => Judgement::warn("less than 16 s", actual),
    }
}

fn name_of_clock(header: &Header) -> Judgement {
    let actual = format!("reference ID {}", header.reference_id.display(1));
    match header.stratum {
        1 if header.reference_id.0 == [0; 4] => Judgement::fail("one to four letters", actual),
        1 if header.reference_id.text().is_some() => Judgement::pass(actual),
        1 => Judgement::warn("one to four letters", actual),
        _ => Judgement::skip("the server is not at stratum 1"),
    }
}

fn source_of_time(header: &Header) -> Judgement {
    let actual = format!("reference ID {}", header.reference_id);
    match header.stratum {
        2..=15 if header.reference_id.0 == [0; 4] => {
            Judgement::warn("a reference ID that is not zero", actual)
        }
        2..=15 => Judgement::pass(actual),
        _ => Judgement::skip("the server is not at stratum 2 to 15"),
    }
}

fn code(header: &Header) -> Judgement {
    let actual = format!("reference ID {}", header.reference_id.display(0));
    let is_code = header.reference_id.0 == [0; 4] || header.reference_id.text().is_some();
    match header.stratum {
        0 if is_code => Judgement::pass(actual),
        0 => Judgement::warn("one to four letters, or zero", actual),
        _ => Judgement::skip("the server is not at stratum 0"),
    }
}
