//! The grammar of filter expressions: text to words with their places, not yet understood.

use std::ops::Range;

use winnow::LocatingSlice;
use winnow::ascii::multispace0;
use winnow::combinator::{alt, cut_err, delimited, fail, preceded, repeat};
use winnow::error::{ContextError, StrContext, StrContextValue};
use winnow::prelude::*;
use winnow::token::take_while;

use super::FilterError;

/// Longest expression, in octets.
pub(super) const LONGEST: usize = 4_096;

/// Deepest nesting of parentheses and negations.
pub(super) const DEEPEST: usize = 64;

/// Reads an expression as far as its grammar goes.
pub(super) fn read(text: &str) -> Result<Syntax<'_>, FilterError> {
    refuse_excess(text)?;
    let syntax = delimited(multispace0, any_of, multispace0).parse(LocatingSlice::new(text));
    syntax.map_err(|error| {
        let message = match error.inner().to_string() {
            text if text.is_empty() => "expected a comparison such as status==invalid".to_owned(),
            text => text.replace('\n', ": "),
        };
        FilterError { position: error.offset(), message }
    })
}

/// Keeps the recursion of the grammar within bounds that no person reaches.
fn refuse_excess(text: &str) -> Result<(), FilterError> {
    if text.len() > LONGEST {
        let message = format!("the expression is longer than {LONGEST} octets");
        return Err(FilterError { position: LONGEST, message });
    }
    let mut opening = text.match_indices(['(', '!']);
    match opening.nth(DEEPEST) {
        Some((position, _)) => {
            let message = format!("more than {DEEPEST} parentheses and negations");
            Err(FilterError { position, message })
        }
        None => Ok(()),
    }
}

/// What the grammar gives: words with their places, not yet understood.
pub(super) enum Syntax<'a> {
    Or(Vec<Syntax<'a>>),
    And(Vec<Syntax<'a>>),
    Not(Box<Syntax<'a>>),
    Comparison { field: Word<'a>, operator: &'a str, value: Word<'a> },
}

pub(super) struct Word<'a> {
    pub(super) text: &'a str,
    pub(super) place: Range<usize>,
}

type Input<'a> = LocatingSlice<&'a str>;

fn any_of<'a>(input: &mut Input<'a>) -> ModalResult<Syntax<'a>> {
    let first = all_of.parse_next(input)?;
    let rest: Vec<Syntax<'a>> =
        repeat(0.., preceded(joint("||", "or"), cut_err(all_of))).parse_next(input)?;
    Ok(joined(first, rest, Syntax::Or))
}

fn all_of<'a>(input: &mut Input<'a>) -> ModalResult<Syntax<'a>> {
    let first = single.parse_next(input)?;
    let rest: Vec<Syntax<'a>> =
        repeat(0.., preceded(joint("&&", "and"), cut_err(single))).parse_next(input)?;
    Ok(joined(first, rest, Syntax::And))
}

fn joined<'a>(
    first: Syntax<'a>,
    mut rest: Vec<Syntax<'a>>,
    join: fn(Vec<Syntax<'a>>) -> Syntax<'a>,
) -> Syntax<'a> {
    if rest.is_empty() {
        return first;
    }
    rest.insert(0, first);
    join(rest)
}

fn joint<'a>(sign: &'static str, word: &'static str) -> impl ModalParser<Input<'a>, &'a str, ContextError> {
    delimited(multispace0, alt((sign, word)), multispace0)
}

fn single<'a>(input: &mut Input<'a>) -> ModalResult<Syntax<'a>> {
    alt((negation, parenthesis, comparison)).parse_next(input)
}

fn negation<'a>(input: &mut Input<'a>) -> ModalResult<Syntax<'a>> {
    let sign = alt((("!", winnow::combinator::not("=")).take(), ("not", winnow::ascii::multispace1).take()));
    let part = preceded((sign, multispace0), cut_err(single)).parse_next(input)?;
    Ok(Syntax::Not(Box::new(part)))
}

fn parenthesis<'a>(input: &mut Input<'a>) -> ModalResult<Syntax<'a>> {
    let closing = cut_err(")").context(StrContext::Expected(StrContextValue::CharLiteral(')')));
    delimited(('(', multispace0), cut_err(any_of), (multispace0, closing)).parse_next(input)
}

fn comparison<'a>(input: &mut Input<'a>) -> ModalResult<Syntax<'a>> {
    let is_field = |character: char| character.is_ascii_alphabetic() || matches!(character, '_' | '-');
    let is_value = |character: char| !character.is_whitespace() && !"()&|=<>!\"".contains(character);
    let field = word(take_while(1.., is_field), "a field name").parse_next(input)?;
    let operator = delimited(multispace0, alt(("==", "!=", "<=", ">=", "<", ">")), multispace0);
    let operator = cut_err(operator)
        .context(StrContext::Expected(StrContextValue::Description("==, !=, <, <=, > or >=")))
        .parse_next(input)?;
    let quoted = delimited('"', take_while(0.., |character| character != '"'), '"');
    let plain = take_while(1.., is_value);
    let value = cut_err(word(alt((quoted, plain, fail)), "a value")).parse_next(input)?;
    Ok(Syntax::Comparison { field, operator, value })
}

fn word<'a>(
    characters: impl ModalParser<Input<'a>, &'a str, ContextError>,
    name: &'static str,
) -> impl ModalParser<Input<'a>, Word<'a>, ContextError> {
    characters
        .with_span()
        .map(|(text, place)| Word { text, place })
        .context(StrContext::Expected(StrContextValue::Description(name)))
}
