//! Which versions are answered, and in which.

use crate::analysis::behaviour::Answer;
use crate::conformance::case::{Case, Level};
use crate::conformance::exchange::Stimulus;
use crate::conformance::expect::{each, lacks_honoured_key, lacks_nothing, limited, silence};
use crate::conformance::outcome::Judgement;
use crate::conformance::reading::Told;
use crate::conformance::{Context, Evidence, Exchange, Reading};
use crate::ntp::NtpTimestamp;
use crate::ntp::header::Header;

pub(super) static CASES: &[Case] = &[
    Case {
        slug: "version/4",
        source: "RFC 5905 sections 7.3 and 9.2",
        level: Level::Must,
        summary: "version 4 is answered in version 4",
        why: "It is the version in force.",
        differs: "",
        lacks: lacks_nothing,
        ask: |context, seen| in_versions(context, seen, &[4], 3),
        judge: |context, evidence| each_answered(context, evidence, silent_in_version_4),
    },
    Case {
        slug: "version/3",
        source: "RFC 5905 section 9.2",
        level: Level::Should,
        summary: "version 3 is answered in version 3",
        why: "Windows and many appliances still ask so.",
        differs: "",
        lacks: lacks_nothing,
        ask: |context, seen| in_versions(context, seen, &[3], 3),
        judge: |context, evidence| each_answered(context, evidence, || Judgement::warn("a reply", "silence")),
    },
    Case {
        slug: "version/2",
        source: "RFC 5905 section 9.2",
        level: Level::Should,
        summary: "version 2 is answered in version 2, or not at all",
        why: "The text accepts it, and hardly anybody uses it: newer servers leave it out.",
        differs: "ntpd-rs does not answer",
        lacks: lacks_nothing,
        ask: |context, seen| in_versions(context, seen, &[2], 3),
        judge: |context, evidence| each_answered(context, evidence, || Judgement::info("silence")),
    },
    Case {
        slug: "version/1",
        source: "RFC 5905 section 9.2; RFC 1059",
        level: Level::Should,
        summary: "version 1 in mode 3 is answered in version 1, or not at all",
        why: "Version 1 had no modes at first: only later programs send it in this form.",
        differs: "ntpd-rs does not answer",
        lacks: lacks_nothing,
        ask: |context, seen| in_versions(context, seen, &[1], 3),
        judge: |context, evidence| each_answered(context, evidence, || Judgement::info("silence")),
    },
    Case {
        slug: "version/1-without-mode",
        source: "practice of ntp.org, NTPsec and chrony, which answer; RFC 1059",
        level: Level::Observed,
        summary: "version 1 with mode 0 is answered in mode 4, or not at all",
        why: "Where the mode is now, version 1 had zeros: it is a client's request.",
        differs: "ntpd-rs and OpenNTPD do not answer",
        lacks: lacks_nothing,
        ask: |context, seen| in_versions(context, seen, &[1], 0),
        judge: |context, evidence| {
            each(evidence.own, |exchange| match context.told(exchange) {
                Told::Reply(reading) if reading.undue() == Some("mode") => {
                    Judgement::fail("mode server, or silence", reading.describe())
                }
                _ => answered(context, exchange, || Judgement::info("silence")),
            })
        },
    },
    Case {
        slug: "version/0",
        source: "RFC 5905 section 9.2; practice of ntp.org, NTPsec, chrony and ntpd-rs",
        level: Level::Must,
        summary: "version 0 is not answered",
        why: "Garbage begins with zeros, and every answer to garbage is one that a forged address can draw.",
        differs: "OpenNTPD and busybox answer in version 0",
        lacks: lacks_nothing,
        ask: |context, seen| in_versions(context, seen, &[0], 3),
        judge: each_unanswered,
    },
    Case {
        slug: "version/5-not-answered-as-4",
        source: "RFC 5905 section 9.2, appendix A.5.1; draft-ietf-ntp-ntpv5",
        level: Level::Must,
        summary: "a request of version 5 is not answered in another version",
        why: "Version 5 has another layout: a client that takes the echo of its number for understanding reads the \
              wrong fields.",
        differs: "ntp.org, OpenNTPD and busybox answer in the layout of version 4 under the number 5",
        lacks: lacks_nothing,
        ask: |context, seen| {
            // Where version 4 has its origin timestamp, version 5 has the client's cookie.
            let cookie = NtpTimestamp(context.random());
            let request = context.request().version(5).header(|header| header.origin_timestamp = cookie);
            seen.is_empty().then(|| Stimulus::one(request.octets()))
        },
        judge: |context, evidence| each(evidence.own, |exchange| silence(context, exchange, in_version_5)),
    },
    Case {
        slug: "version/6-and-7",
        source: "RFC 5905 section 9.2, appendix A.5.1",
        level: Level::Should,
        summary: "versions 6 and 7 are not answered",
        why: "Who answers a version that nobody has defined keeps it from ever meaning anything.",
        differs: "ntp.org, OpenNTPD and busybox answer under the same number",
        lacks: lacks_nothing,
        ask: |context, seen| in_versions(context, seen, &[6, 7], 3),
        judge: each_unanswered,
    },
    Case {
        slug: "version/mac-in-unknown-version",
        source: "RFC 5905 section 9.2, appendix A.5.1",
        level: Level::Should,
        summary: "a right MAC in version 5 or 7 is not answered",
        why: "Whoever signs an answer vouches for it, and nothing in such a request can be understood.",
        differs: "ntp.org answers under the same number, with a MAC",
        lacks: lacks_honoured_key,
        ask: |context, seen| {
            let version = *[5, 7].get(seen.len())?;
            Some(Stimulus::one(context.request().version(version).signed(context.honoured_key()?)))
        },
        judge: |context, evidence| {
            each(evidence.own, |exchange| {
                silence(context, exchange, |reading| match reading.answer {
                    Answer::BadMacReply => Judgement::fail("silence", reading.describe()),
                    _ => in_unknown_version(reading),
                })
            })
        },
    },
];

/// A plain request of each of these versions.
fn in_versions(context: &Context, seen: &[Exchange], versions: &[u8], mode: u8) -> Option<Stimulus> {
    let version = *versions.get(seen.len())?;
    Some(Stimulus::one(context.request().version(version).mode(mode).octets()))
}

/// A plain reply in the version of its request is right. `silent` judges silence.
fn each_answered(context: &Context, evidence: &Evidence<'_>, silent: fn() -> Judgement) -> Judgement {
    each(evidence.own, |exchange| answered(context, exchange, silent))
}

fn answered(context: &Context, exchange: &Exchange, silent: fn() -> Judgement) -> Judgement {
    let reading = match context.told(exchange) {
        Told::Reply(reading) => reading,
        Told::Silence if context.facts.answers_plainly => return silent(),
        Told::Silence if context.authenticates() => return Judgement::info("silence, as without any MAC"),
        told => return Judgement::inconclusive(told.describe()),
    };
    match (reading.undue(), reading.answer) {
        (Some("version"), _) => Judgement::fail("the version of the request", reading.describe()),
        (None, Answer::PlainReply) => Judgement::pass(reading.describe()),
        (None, Answer::Kiss) => limited(&reading),
        _ => Judgement::inconclusive(reading.describe()),
    }
}

fn silent_in_version_4() -> Judgement {
    Judgement::inconclusive("silence")
}

/// What must not be answered, or in its own version if it is.
fn each_unanswered(context: &Context, evidence: &Evidence<'_>) -> Judgement {
    each(evidence.own, |exchange| silence(context, exchange, in_unknown_version))
}

fn in_unknown_version(reading: &Reading<'_>) -> Judgement {
    match reading.undue() {
        Some("version") => Judgement::fail("silence", reading.describe()),
        Some(_) => Judgement::inconclusive(reading.describe()),
        None => Judgement::warn("silence", reading.describe()),
    }
}

fn in_version_5(reading: &Reading<'_>) -> Judgement {
    let (Some(header), Some(asked)) = (Header::parse(&reading.reply.octets), reading.asked()) else {
        return Judgement::inconclusive(reading.describe());
    };
    match header.origin_timestamp {
        cookie if cookie == asked.origin_timestamp && header.version == asked.version => {
            Judgement::info("a reply in the layout of version 5")
        }
        _ => in_unknown_version(reading),
    }
}
