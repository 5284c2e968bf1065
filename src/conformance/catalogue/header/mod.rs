//! The header of a reply and how its fields go together.

mod echo;
mod state;
mod times;

use crate::analysis::behaviour::Answer;
use crate::conformance::case::Case;
use crate::conformance::exchange::Stimulus;
use crate::conformance::expect::{each_reply, limited, lost, served, undue};
use crate::conformance::outcome::Judgement;
use crate::conformance::reading::Told;
use crate::conformance::{Context, Evidence, Exchange, Reading};
use crate::ntp::header::Header;

pub(super) static CASES: [&[Case]; 3] = [echo::CASES, state::CASES, times::CASES];

/// So many requests, plain where those are answered.
fn ordinary(context: &Context, seen: &[Exchange], count: usize) -> Option<Stimulus> {
    (seen.len() < count).then(|| Stimulus::one(served(context, &context.request())))
}

/// Judges the header of each reply. A kiss says nothing of the server's clock.
fn each_header(
    context: &Context,
    evidence: &Evidence<'_>,
    judge: impl Fn(&Header) -> Judgement,
) -> Judgement {
    each_reply(context, evidence, |reading| match reading.header() {
        _ if reading.answer == Answer::Kiss => limited(reading),
        Some(header) => judge(header),
        None => lost(),
    })
}

/// The replies to all exchanges with their headers, in their order, for what shows in several only.
///
/// # Errors
/// What is to be said where one is missing, is not due or is a kiss.
fn replies<'e>(
    context: &Context,
    exchanges: &'e [Exchange],
) -> Result<Vec<(Header, Reading<'e>)>, Judgement> {
    let reply = |(number, exchange): (usize, &'e Exchange)| {
        let reading = match context.told(exchange) {
            Told::Reply(reading) => reading,
            told => return Err(Judgement::inconclusive(told.describe()).shown_by(number)),
        };
        let otherwise = match undue(&reading) {
            None if reading.answer == Answer::Kiss => Some(limited(&reading)),
            undue => undue,
        };
        match (otherwise, reading.header()) {
            (None, Some(header)) => Ok((*header, reading)),
            (otherwise, _) => Err(otherwise.unwrap_or_else(lost).shown_by(number)),
        }
    };
    exchanges.iter().enumerate().map(reply).collect()
}

/// What is to be said of a silence: that it is `otherwise`, unless nothing of the kind is answered here at all.
fn unanswered(context: &Context, otherwise: Judgement) -> Judgement {
    match context.facts.answers_plainly || context.authenticates() {
        true => otherwise,
        false => Judgement::inconclusive("silence, as to every other request"),
    }
}
