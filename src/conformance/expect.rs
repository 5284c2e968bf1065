//! Judgements that many cases share.

use crate::analysis::behaviour::Answer;
use crate::auth::{Key, KeyId};

use super::context::{Context, NONE_HONOURED, NOT_KNOWN};
use super::exchange::{Evidence, Exchange, Names, Stimulus};
use super::outcome::{Judgement, Outcome};
use super::reading::{Reading, Told};
use super::request::Request;

/// Judges each exchange, and gives the worst of that.
pub fn each(exchanges: &[Exchange], mut judge: impl FnMut(&Exchange) -> Judgement) -> Judgement {
    let all = exchanges.iter().enumerate().map(|(number, exchange)| judge(exchange).shown_by(number));
    Judgement::worst(all)
}

/// Judges the reply of each exchange. Silence tells nothing then, nor does a reply that is not due.
pub fn each_reply(
    context: &Context,
    evidence: &Evidence<'_>,
    mut judge: impl FnMut(&Reading<'_>) -> Judgement,
) -> Judgement {
    each(evidence.own, |exchange| match context.told(exchange) {
        Told::Reply(reading) => undue(&reading).unwrap_or_else(|| judge(&reading)),
        told => Judgement::inconclusive(told.describe()),
    })
}

/// What is to be said of a reply that is not due, by whatever else it is judged: that it is of another case.
pub fn undue(reading: &Reading<'_>) -> Option<Judgement> {
    let field = reading.undue()?;
    Some(Judgement::inconclusive(format!("a reply whose {field} is not due: {}", reading.describe())))
}

/// A reply without a MAC is right. `otherwise` judges what else comes, silence too.
pub fn plain(
    context: &Context,
    exchange: &Exchange,
    otherwise: impl FnOnce(&Told<'_>) -> Judgement,
) -> Judgement {
    match context.told(exchange) {
        Told::Lost => lost(),
        Told::Reply(reading) if undue(&reading).is_some() => undue(&reading).unwrap_or_else(lost),
        Told::Reply(reading) if reading.answer == Answer::PlainReply => Judgement::pass(reading.describe()),
        Told::Reply(reading) if reading.answer == Answer::Kiss => limited(&reading),
        told => otherwise(&told),
    }
}

/// A reply with a right MAC under that key is right. `otherwise` judges what else comes, silence too.
pub fn authenticated(
    context: &Context,
    exchange: &Exchange,
    key: KeyId,
    otherwise: impl FnOnce(&Told<'_>) -> Judgement,
) -> Judgement {
    match context.told(exchange) {
        Told::Lost => lost(),
        Told::Reply(reading) if undue(&reading).is_some() => undue(&reading).unwrap_or_else(lost),
        Told::Reply(reading) if reading.answer == Answer::Kiss => limited(&reading),
        Told::Reply(reading) if reading.is_signed() && reading.key_id == Some(key) => {
            Judgement::pass(reading.describe())
        }
        told => otherwise(&told),
    }
}

/// What a MAC that cannot be verified must meet with: a crypto-NAK or silence. Both are in use, and nothing else is.
pub fn refused(context: &Context, exchange: &Exchange) -> Judgement {
    match context.told(exchange) {
        Told::Silence => Judgement::pass("silence"),
        Told::Lost => lost(),
        Told::Reply(reading) => refusal(context, &reading),
    }
}

/// What a reply to a MAC that cannot be verified must be: a crypto-NAK.
pub fn refusal(context: &Context, reading: &Reading<'_>) -> Judgement {
    const EXPECTED: &str = "a crypto-NAK or silence";
    match reading.answer {
        _ if undue(reading).is_some() => undue(reading).unwrap_or_else(lost),
        // Whether it is signed is asked by `kiss/not-signed-for-the-unverified`.
        Answer::Kiss => limited(reading),
        _ if reading.is_signed() => Judgement::fail(EXPECTED, reading.describe()),
        Answer::CryptoNak => Judgement::pass(reading.describe()),
        Answer::ZeroTrailer => Judgement::warn(EXPECTED, reading.describe()),
        // A server without authentication is told of once, by `auth/support`.
        Answer::PlainReply if !context.authenticates() && !context.facts.open.is_empty() => {
            Judgement::inconclusive(NOT_KNOWN)
        }
        Answer::PlainReply if !context.authenticates() => Judgement::warn(EXPECTED, reading.describe()),
        _ => Judgement::fail(EXPECTED, reading.describe()),
    }
}

/// Judges each exchange of a case whose requests must all be refused.
pub fn all_refused(context: &Context, evidence: &Evidence<'_>) -> Judgement {
    each(evidence.own, |exchange| refused(context, exchange))
}

/// What must not be answered: silence is right. `otherwise` judges a reply.
pub fn silence(
    context: &Context,
    exchange: &Exchange,
    otherwise: impl FnOnce(&Reading<'_>) -> Judgement,
) -> Judgement {
    match context.told(exchange) {
        Told::Silence => Judgement::pass("silence"),
        Told::Lost => lost(),
        Told::Reply(reading) if context.is_from_elsewhere(&reading) => {
            Judgement::inconclusive(format!("a message from elsewhere: {}", reading.describe()))
        }
        Told::Reply(reading) => otherwise(&reading),
    }
}

/// Nothing can be said: the server was not there any more.
pub fn lost() -> Judgement {
    Judgement::inconclusive("controls were not answered either")
}

/// Where a kiss comes, nothing else can be said.
pub fn limited(reading: &Reading<'_>) -> Judgement {
    Judgement::inconclusive(format!("the server limits its clients: {}", reading.describe()))
}

/// Why a case that needs a key cannot be asked: the server honours none.
pub fn lacks_honoured_key(context: &Context) -> Option<&'static str> {
    context.honoured_key().is_none().then_some(NONE_HONOURED)
}

/// Every case needs nothing but a server.
pub fn lacks_nothing(_: &Context) -> Option<&'static str> {
    None
}

/// Judges each exchange of a case about the first honoured key.
pub fn each_with_key(
    context: &Context,
    evidence: &Evidence<'_>,
    mut judge: impl FnMut(&Exchange, &Key) -> Judgement,
) -> Judgement {
    match context.honoured_key() {
        Some(key) => each(evidence.own, |exchange| judge(exchange, key)),
        None => context.none_honoured(),
    }
}

/// So many plain requests, one after the other.
pub fn plainly(context: &Context, seen: &[Exchange], count: usize) -> Option<Stimulus> {
    (seen.len() < count).then(|| Stimulus::one(context.request().octets()))
}

/// The same judgement, or what is to be said of a server that did not answer the controls after an exchange: it is
/// gone, or it hangs. One that limits its clients looks like that too; where it says so nothing can be told.
pub fn unless_gone(context: &Context, evidence: &Evidence<'_>, judgement: Judgement) -> Judgement {
    const GONE: &str = "none of several was: it hangs, is gone or limits its clients";
    let Some(number) = evidence.own.iter().position(|exchange| exchange.is_dead) else { return judgement };
    if judgement.outcome == Outcome::Fail {
        return judgement;
    }
    let was_dead = number == 0 && evidence.run.last().is_some_and(|(_, exchange)| exchange.is_dead);
    if was_dead || evidence.own.iter().any(|exchange| exchange.is_limited) {
        return lost().shown_by(number);
    }
    let all = evidence.run.iter().map(|(_, exchange)| exchange).chain(evidence.own);
    let mut readings = all.flat_map(|exchange| context.readings(exchange));
    let judgement = match readings.find(|reading| reading.answer == Answer::Kiss) {
        Some(reading) => limited(&reading),
        None => Judgement::warn("controls after it are answered", GONE),
    };
    judgement.shown_by(number)
}

/// A reply that is longer than its request; that to the longest one where it names none.
pub fn longer(exchange: &Exchange, reading: &Reading<'_>) -> Option<Judgement> {
    let longest = exchange.stimulus.datagrams.iter().map(|(_, octets)| octets.len()).max().unwrap_or(0);
    let names_one = matches!(reading.reply.names, Names::This(_));
    let asked = if names_one { reading.request.len() } else { longest };
    let is_longer = reading.reply.octets.len() > asked;
    is_longer
        .then(|| Judgement::fail(format!("at most the {asked} octets of the request"), reading.describe()))
}

/// Judges every reply of every exchange, where there are several of them too. A pass where the server is silent.
pub fn every_reply(
    context: &Context,
    evidence: &Evidence<'_>,
    mut judge: impl FnMut(&Exchange, &Reading<'_>) -> Judgement,
) -> Judgement {
    each(evidence.own, |exchange| {
        let shown = |reading: Reading<'_>| judge(exchange, &reading).shown_by_reply(exchange, reading.reply);
        let all: Vec<Judgement> = context.readings(exchange).map(shown).collect();
        match all.len() {
            0 if exchange.is_dead => lost(),
            0 => Judgement::pass("silence"),
            _ => Judgement::worst(all),
        }
    })
}

/// A reply that came to another of our ports than its request left from, be that the request of an earlier exchange.
pub fn astray(evidence: &Evidence<'_>, exchange: &Exchange) -> Option<Judgement> {
    let sent = || evidence.own.iter().flat_map(|exchange| &exchange.stimulus.datagrams);
    exchange.replies.iter().find_map(|reply| {
        let origin = reply.octets.get(24..32)?;
        let (port, _) = sent().find(|(_, octets)| octets.get(40..48) == Some(origin))?;
        let is_astray = *port != reply.port;
        is_astray
            .then(|| Judgement::fail("each reply at the port that asked", "a reply at another port of ours"))
    })
}

/// A request as the server answers it: under a key where plain ones are not answered.
pub fn served(context: &Context, request: &Request) -> Vec<u8> {
    match context.honoured_key().filter(|_| !context.facts.answers_plainly) {
        Some(key) => request.signed(key),
        None => request.octets(),
    }
}

/// Judges the exchanges from that number on. Where they were not asked, it is for want of the reply to build on.
pub fn from_the(
    context: &Context,
    evidence: &Evidence<'_>,
    first: usize,
    mut judge: impl FnMut(usize, &Exchange) -> Option<Judgement>,
) -> Judgement {
    let judged = evidence.own.iter().enumerate().skip(first);
    let all: Vec<Judgement> =
        judged.filter_map(|(number, exchange)| Some(judge(number, exchange)?.shown_by(number))).collect();
    let last = evidence.own.last().map(|exchange| context.told(exchange));
    match last {
        _ if !all.is_empty() => Judgement::worst(all),
        Some(Told::Reply(reading)) if reading.answer == Answer::Kiss => limited(&reading),
        Some(told) => Judgement::inconclusive(format!("nothing to build on: {}", told.describe())),
        None => Judgement::worst([]),
    }
}

/// What shows once may be a clock that was set meanwhile, or another machine behind the same address: it accuses nobody.
pub fn unless_once(all: Vec<Judgement>) -> Judgement {
    let is_fail = |judgement: &&Judgement| judgement.outcome == Outcome::Fail;
    let is_once = all.iter().filter(is_fail).count() == 1;
    match Judgement::worst(all) {
        Judgement { outcome: Outcome::Fail, expected, actual, exchange, reply } if is_once => {
            Judgement { outcome: Outcome::Warn, expected, actual: format!("once {actual}"), exchange, reply }
        }
        worst => worst,
    }
}

/// Why a case cannot be asked that sends plain requests alone: they are refused where those under a key are served.
pub fn lacks_plain_service(context: &Context) -> Option<&'static str> {
    let is_refused = context.facts.refuses_plain && context.authenticates();
    is_refused.then_some("requests without a MAC are not answered")
}

/// Why a case cannot be asked that wants replies without a MAC.
pub fn lacks_plain_replies(context: &Context) -> Option<&'static str> {
    (!context.facts.answers_plainly).then_some("requests without a MAC are not answered")
}

/// What is said of that exchange of the run, whose case is named.
pub fn of_run(number: usize, slug: &str, judgement: Judgement) -> Judgement {
    Judgement { actual: format!("{slug}: {}", judgement.actual), ..judgement }.shown_in_run(number)
}
