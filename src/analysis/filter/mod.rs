//! Choosing messages by an expression: `status==invalid && key==11 && host==10.0.0.5`.

use std::fmt;
use std::net::IpAddr;

use crate::auth::Algorithm;
use crate::ntp::header::Mode;
use crate::ntp::message::Message;

use super::analyzer::Judged;
use super::diagnosis::Code;
use super::finding::Finding;
use super::verdict::Status;

use grammar::{Syntax, Word};

mod grammar;

/// A condition on a message.
#[derive(Clone, Debug)]
pub enum Filter {
    /// True when any of them is.
    Or(Vec<Filter>),
    /// True when all of them are.
    And(Vec<Filter>),
    /// True when it is not.
    Not(Box<Filter>),
    /// A field compared with a value.
    Test(Test),
}

/// What must be at hand for a condition to be more than false everywhere; each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Basis {
    /// The messages.
    Octets,
    /// The keys.
    Keys,
    /// The search for why MACs are wrong.
    Diagnosis,
}

/// One comparison.
#[derive(Clone, Debug)]
pub enum Test {
    /// `status`
    Status(Status),
    /// `mode`
    Mode(Mode),
    /// `algorithm`
    Algorithm(Algorithm),
    /// `finding`
    Finding(Finding),
    /// `diagnosis`
    Diagnosis(Code),
    /// `refid`: the reference ID as it is shown.
    ReferenceId(String),
    /// `host`, `src` or `dst`
    Address(AddressField, Network),
    /// A number.
    Number(NumberField, Ordering, u64),
}

/// Fields that hold an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressField {
    /// Sender or receiver.
    Host,
    /// Sender.
    Source,
    /// Receiver.
    Destination,
}

/// Fields that hold a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberField {
    /// Key ID.
    Key,
    /// Frame number.
    Frame,
    /// Octets of UDP payload.
    Length,
    /// Source or destination port.
    Port,
    /// Stratum.
    Stratum,
    /// Version.
    Version,
}

/// How a number is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ordering {
    /// `==`
    Equal,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// Addresses that share a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Filter {
    /// Reads an expression.
    ///
    /// # Errors
    /// [`FilterError`] with the place where it stops making sense.
    pub fn parse(text: &str) -> Result<Filter, FilterError> {
        grammar::read(text)?.resolve()
    }

    /// True for a message that meets the condition. A field that the message does not have equals nothing.
    pub fn matches(&self, judged: &Judged<'_, '_>) -> bool {
        match self {
            Filter::Or(parts) => parts.iter().any(|part| part.matches(judged)),
            Filter::And(parts) => parts.iter().all(|part| part.matches(judged)),
            Filter::Not(part) => !part.matches(judged),
            Filter::Test(test) => test.matches(judged),
        }
    }

    /// What it rests on: the most that any part of it does.
    pub fn basis(&self) -> Basis {
        match self {
            Filter::Or(parts) | Filter::And(parts) => {
                parts.iter().map(Filter::basis).max().unwrap_or(Basis::Octets)
            }
            Filter::Not(part) => part.basis(),
            Filter::Test(test) => test.basis(),
        }
    }
}

impl Test {
    fn basis(&self) -> Basis {
        match self {
            Test::Diagnosis(_) => Basis::Diagnosis,
            Test::Algorithm(_)
            | Test::Status(Status::Valid | Status::Invalid | Status::UntrustedKey)
            | Test::Finding(Finding::WeakAlgorithm | Finding::KeyNotForAddress) => Basis::Keys,
            Test::Status(_)
            | Test::Finding(_)
            | Test::Mode(_)
            | Test::ReferenceId(_)
            | Test::Address(..)
            | Test::Number(..) => Basis::Octets,
        }
    }

    fn matches(&self, judged: &Judged<'_, '_>) -> bool {
        let time_header = match judged.message {
            Some(Message::Time(message)) => Some(message.header),
            _ => None,
        };
        match self {
            Test::Status(status) => judged.verdict.status == *status,
            Test::Mode(mode) => judged.message.is_some_and(|message| message.mode() == *mode),
            Test::Algorithm(algorithm) => judged.verdict.algorithm() == Some(*algorithm),
            Test::Finding(finding) => judged.findings.contains(*finding),
            Test::Diagnosis(code) => {
                judged.diagnosis.is_some_and(|diagnosis| diagnosis.codes().contains(*code))
            }
            Test::ReferenceId(text) => {
                time_header.is_some_and(|header| header.reference_id.display(header.stratum) == *text)
            }
            Test::Address(field, network) => {
                let source = network.contains(judged.datagram.source.ip());
                let destination = network.contains(judged.datagram.destination.ip());
                match field {
                    AddressField::Host => source || destination,
                    AddressField::Source => source,
                    AddressField::Destination => destination,
                }
            }
            Test::Number(field, ordering, value) => {
                field.of(judged).into_iter().flatten().any(|found| ordering.holds(found, *value))
            }
        }
    }
}

impl NumberField {
    /// The values of the field: two for `port`.
    fn of(self, judged: &Judged<'_, '_>) -> [Option<u64>; 2] {
        let one = |value: Option<u64>| [value, None];
        match self {
            NumberField::Key => one(judged.verdict.key_id().map(|key_id| u64::from(key_id.0))),
            NumberField::Frame => one(Some(judged.frame)),
            NumberField::Length => one(u64::try_from(judged.datagram.length).ok()),
            NumberField::Port => {
                [judged.datagram.source, judged.datagram.destination].map(|end| Some(u64::from(end.port())))
            }
            NumberField::Stratum => one(match judged.message {
                Some(Message::Time(message)) => Some(u64::from(message.header.stratum)),
                _ => None,
            }),
            NumberField::Version => one(judged.message.map(|message| u64::from(message.version().number()))),
        }
    }
}

impl Ordering {
    fn holds(self, found: u64, value: u64) -> bool {
        match self {
            Ordering::Equal => found == value,
            Ordering::Less => found < value,
            Ordering::LessOrEqual => found <= value,
            Ordering::Greater => found > value,
            Ordering::GreaterOrEqual => found >= value,
        }
    }
}

impl Network {
    /// Reads `10.0.0.5`, `10.0.0.0/24`, `fd99::1` or `fd99::/64`.
    fn parse(text: &str) -> Option<Network> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u8>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(longest);
        (prefix <= longest).then_some(Network { address, prefix })
    }

    fn contains(&self, other: IpAddr) -> bool {
        let (ours, theirs) = match (self.address, other) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                (u128::from(ours.to_bits()) << 96, u128::from(theirs.to_bits()) << 96)
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => (ours.to_bits(), theirs.to_bits()),
            _ => return false,
        };
        self.prefix == 0 || (ours ^ theirs) >> (128 - u32::from(self.prefix)) == 0
    }
}

/// Why an expression is refused, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// Octets before the place that is wrong.
    pub position: usize,
    /// What was expected there.
    pub message: String,
}

impl fmt::Display for FilterError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for FilterError {}

impl Syntax<'_> {
    /// Gives each word its meaning.
    fn resolve(self) -> Result<Filter, FilterError> {
        let all =
            |parts: Vec<Syntax<'_>>| parts.into_iter().map(Syntax::resolve).collect::<Result<Vec<_>, _>>();
        Ok(match self {
            Syntax::Or(parts) => Filter::Or(all(parts)?),
            Syntax::And(parts) => Filter::And(all(parts)?),
            Syntax::Not(part) => Filter::Not(Box::new(part.resolve()?)),
            Syntax::Comparison { field, operator, value } => compare(&field, operator, &value)?,
        })
    }
}

fn compare(field: &Word<'_>, operator: &str, value: &Word<'_>) -> Result<Filter, FilterError> {
    let number = |name| Ok(Filter::Test(Test::Number(name, ordering(operator), value.integer(field)?)));
    let address = |name| {
        let network = Network::parse(value.text);
        network
            .map(|network| Test::Address(name, network))
            .ok_or_else(|| value.expected("an address such as 10.0.0.5 or fd99::/64"))
    };
    let test = match field.text {
        "key" | "key_id" => return negate_unequal(operator, number(NumberField::Key)?),
        "frame" => return negate_unequal(operator, number(NumberField::Frame)?),
        "length" => return negate_unequal(operator, number(NumberField::Length)?),
        "port" => return negate_unequal(operator, number(NumberField::Port)?),
        "stratum" => return negate_unequal(operator, number(NumberField::Stratum)?),
        "version" => return negate_unequal(operator, number(NumberField::Version)?),
        "status" => Test::Status(value.one_of(Status::ALL, Status::name)?),
        "mode" => Test::Mode(value.one_of((0..8).map(Mode::from_bits), Mode::name)?),
        "algorithm" => Test::Algorithm(value.one_of(Algorithm::ALL, Algorithm::name)?),
        "finding" => Test::Finding(finding_of_a_message(value)?),
        "diagnosis" => Test::Diagnosis(value.one_of(Code::ALL, Code::name)?),
        "refid" => Test::ReferenceId(value.text.to_owned()),
        "host" => address(AddressField::Host)?,
        "src" => address(AddressField::Source)?,
        "dst" => address(AddressField::Destination)?,
        _ => return Err(field.expected(&format!("one of the fields {FIELDS}"))),
    };
    match operator {
        "==" | "!=" => negate_unequal(operator, Filter::Test(test)),
        _ => Err(value.expected(&format!("== or != for {}: it has no order, so not", field.text))),
    }
}

/// Findings that stand in no message's record select nothing.
fn finding_of_a_message(value: &Word<'_>) -> Result<Finding, FilterError> {
    let finding = value.one_of(Finding::ALL, Finding::code)?;
    if finding.stands_alone() {
        return Err(value.expected("a finding of one message (--ndjson tells of the others)"));
    }
    Ok(finding)
}

/// Most octets of a word that an error repeats.
const LONGEST_QUOTED: usize = 40;

const FIELDS: &str = "algorithm, diagnosis, dst, finding, frame, host, key, length, mode, port, refid, src, status, stratum, version";

/// `!=` is the opposite of `==`, so it also holds for messages that lack the field.
fn negate_unequal(operator: &str, filter: Filter) -> Result<Filter, FilterError> {
    Ok(if operator == "!=" { Filter::Not(Box::new(filter)) } else { filter })
}

fn ordering(operator: &str) -> Ordering {
    match operator {
        "<" => Ordering::Less,
        "<=" => Ordering::LessOrEqual,
        ">" => Ordering::Greater,
        ">=" => Ordering::GreaterOrEqual,
        _ => Ordering::Equal,
    }
}

impl Word<'_> {
    fn expected(&self, what: &str) -> FilterError {
        let end = self.text.floor_char_boundary(LONGEST_QUOTED);
        let cut = if end < self.text.len() { "..." } else { "" };
        let found = format!("{}{cut}", self.text.get(..end).unwrap_or_default());
        FilterError { position: self.place.start, message: format!("expected {what}, found {found:?}") }
    }

    fn integer(&self, field: &Word<'_>) -> Result<u64, FilterError> {
        self.text.parse().map_err(|_| self.expected(&format!("a whole number for {}", field.text)))
    }

    fn one_of<T: Copy>(
        &self,
        known: impl IntoIterator<Item = T> + Clone,
        name: fn(T) -> &'static str,
    ) -> Result<T, FilterError> {
        let found = known.clone().into_iter().find(|value| name(*value) == self.text);
        found.ok_or_else(|| {
            let names: Vec<&str> = known.into_iter().map(name).collect();
            self.expected(&format!("one of {}", names.join(", ")))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> (usize, String) {
        let error = Filter::parse(text).unwrap_err();
        (error.position, error.message)
    }

    #[test]
    fn reads_the_example_of_the_manual() {
        let filter = Filter::parse("status==invalid && key==11 && host==10.0.0.5").unwrap();
        assert!(matches!(filter, Filter::And(parts) if parts.len() == 3));
    }

    #[test]
    fn binds_and_tighter_than_or_and_takes_words_for_signs() {
        let filter = Filter::parse("key == 1 or key==2 and not (status != valid)").unwrap();
        let Filter::Or(parts) = filter else { panic!("or is outermost") };
        assert!(matches!(parts.as_slice(), [Filter::Test(_), Filter::And(inner)] if inner.len() == 2));
    }

    #[test]
    fn says_where_and_what() {
        assert_eq!(error("key==eleven"), (5, "expected a whole number for key, found \"eleven\"".to_owned()));
        assert_eq!(error("status==bad").0, 8);
        assert!(error("status==bad").1.starts_with("expected one of valid, invalid"));
        assert_eq!(error("colour==red").0, 0);
        assert_eq!(error("key=11").0, 3);
        assert_eq!(error("key==11 &&").0, 10);
        assert_eq!(error("(key==11").0, 8);
        assert_eq!(error("key==11 key==12").0, 8);
        assert_eq!(error("host==10.0.0").0, 6);
        assert_eq!(error("").0, 0);
        assert!(error("status<valid").1.contains("no order"));
        assert_eq!(error("finding==unanswered").0, 9);
        assert!(Filter::parse("finding==auth-stripped").is_ok());
    }

    #[test]
    fn the_deepest_part_tells_what_it_rests_on() {
        let basis = |text: &str| Filter::parse(text).unwrap().basis();
        assert_eq!(basis("key==1 || status==none && mode==client"), Basis::Octets);
        assert_eq!(basis("key==1 || !(status==valid)"), Basis::Keys);
        assert_eq!(basis("finding==weak-algorithm"), Basis::Keys);
        assert_eq!(basis("algorithm==md5 && (key==1 or diagnosis!=other-key-id)"), Basis::Diagnosis);
    }

    #[test]
    fn a_long_word_is_not_repeated_whole() {
        let message = error(&format!("key=={}", "x".repeat(100))).1;
        assert_eq!(message, format!("expected a whole number for key, found \"{}...\"", "x".repeat(40)));
    }

    #[test]
    fn deep_nesting_is_refused_before_it_costs_the_stack() {
        let text = format!("{}key==1{}", "(".repeat(1_000), ")".repeat(1_000));
        assert_eq!(error(&text).0, grammar::DEEPEST);
        assert!(Filter::parse(&format!("{}key==1", "!".repeat(grammar::DEEPEST))).is_ok());
        assert_eq!(error(&"x".repeat(grammar::LONGEST + 1)).0, grammar::LONGEST);
    }

    #[test]
    fn networks_contain_their_addresses() {
        let contains = |network: &str, address: &str| {
            Network::parse(network).unwrap().contains(address.parse().unwrap())
        };
        assert!(contains("10.0.0.0/24", "10.0.0.255"));
        assert!(!contains("10.0.0.0/24", "10.0.1.0"));
        assert!(contains("fd99::/64", "fd99::1"));
        assert!(contains("0.0.0.0/0", "192.0.2.1"));
        assert!(!contains("0.0.0.0/0", "fd99::1"));
        assert_eq!(Network::parse("10.0.0.0/33"), None);
    }
}
