//! What the messages whose MACs are wrong for no proved reason have in common, over a whole run.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::net::IpAddr;

use crate::auth::KeyId;
use crate::ntp::trailer::Tail;

use super::super::analyzer::Judged;
use super::super::verdict::{Reason, Status};
use super::is_to_server;

/// Key IDs of which counts are kept, and flows under all of them.
const MOST_KEYS: usize = 1_024;
const MOST_FLOWS: usize = 8_192;

/// Fewest wrong MACs that make a pattern.
const FEWEST: u64 = 2;

/// Frames that are named as evidence, at most.
const MOST_FRAMES: usize = 3;

/// What wrong MACs have in common. The names are part of the output's contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PatternCode {
    /// Every message under a key ID, or every one with a server.
    AllOfKey,
    /// Every message that a client sends to a server under a key ID that works for others.
    AllOfHost,
    /// Those with extension fields, and no others.
    OnlyWithExtensionFields,
    /// Those to servers or those from servers, and no others.
    OneDirection,
    /// All from some time on, none before.
    AfterATime,
    /// All until some time, none after.
    UntilATime,
}

impl PatternCode {
    /// Every pattern.
    pub const ALL: [PatternCode; 6] = [
        PatternCode::AllOfKey,
        PatternCode::AllOfHost,
        PatternCode::OnlyWithExtensionFields,
        PatternCode::OneDirection,
        PatternCode::AfterATime,
        PatternCode::UntilATime,
    ];

    /// The identifier used in every output.
    pub fn name(self) -> &'static str {
        match self {
            PatternCode::AllOfKey => "all-of-key",
            PatternCode::AllOfHost => "all-of-host",
            PatternCode::OnlyWithExtensionFields => "only-with-extension-fields",
            PatternCode::OneDirection => "one-direction",
            PatternCode::AfterATime => "after-a-time",
            PatternCode::UntilATime => "until-a-time",
        }
    }

    /// The pattern of that name.
    pub fn from_name(name: &str) -> Option<PatternCode> {
        PatternCode::ALL.into_iter().find(|code| code.name() == name)
    }
}

/// A pattern with its evidence. `Display` is a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// Which.
    pub code: PatternCode,
    /// Key ID of the messages.
    pub key_id: KeyId,
    /// The server, where the pattern is not of all servers.
    pub server: Option<IpAddr>,
    /// The sender, where it is one host's.
    pub host: Option<IpAddr>,
    /// Whether they go to servers, where it is one direction's.
    pub to_server: Option<bool>,
    /// Messages whose MAC is wrong.
    pub messages: u64,
    /// Of the messages that the pattern is set off from, those whose MAC is right, and all of them.
    pub others: (u64, u64),
    /// Capture and frame of evidence: the first wrong ones, or the two between which something changed.
    pub frames: Vec<Place>,
}

/// What a MAC that nothing explains may be; which of the two, it does not tell.
const SUSPICION: &str = "perhaps the secret differs, or they are forged";

impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Pattern { code, key_id, messages, .. } = self;
        let name = |address: Option<IpAddr>| address.map(|address| address.to_string()).unwrap_or_default();
        let (server, host) = (name(self.server), name(self.host));
        let frame = |index: usize| self.frames.get(index).map_or(0, |(_, frame)| *frame);
        let (right, others) = self.others;
        match code {
            PatternCode::AllOfKey if server.is_empty() => {
                write!(formatter, "all {messages} MACs under key {key_id} are wrong: {SUSPICION}")
            }
            PatternCode::AllOfKey => write!(
                formatter,
                "all {messages} MACs {} {server} under key {key_id} are wrong, and {right} of {others} of others \
                 are right: {SUSPICION}",
                if self.to_server == Some(false) { "from" } else { "to and from" }
            ),
            PatternCode::AllOfHost => write!(
                formatter,
                "all {messages} MACs of {host} to {server} under key {key_id} are wrong, and {right} of {others} of \
                 others are right: {SUSPICION}"
            ),
            PatternCode::OnlyWithExtensionFields => write!(
                formatter,
                "the {messages} wrong MACs to and from {server} under key {key_id} are those behind extension fields"
            ),
            PatternCode::OneDirection => {
                let way = if self.to_server == Some(true) { "to" } else { "from" };
                write!(formatter, "the {messages} wrong MACs under key {key_id} are those {way} {server}")
            }
            PatternCode::AfterATime | PatternCode::UntilATime => {
                let (before, after) = match code {
                    PatternCode::AfterATime => ("right", "wrong"),
                    _ => ("wrong", "right"),
                };
                write!(
                    formatter,
                    "key {key_id} of {server} is {before} up to frame {} and {after} from frame {} on: it was \
                     perhaps changed between, or the wrong ones are forged",
                    frame(0),
                    frame(1)
                )
            }
        }
    }
}

/// Counts messages by what they may have in common. Memory is bounded; key IDs and flows beyond are not counted.
#[derive(Debug, Default)]
pub struct Patterns {
    keys: HashMap<KeyId, KeyTally>,
    flows: HashMap<Flow, FlowTally>,
    messages: u64,
}

/// All messages under a key ID.
#[derive(Debug, Default)]
struct KeyTally {
    all: Tally,
    /// True when some of them are counted in no flow.
    has_more: bool,
}

/// Messages of one sender to one receiver under one key ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Flow {
    key_id: KeyId,
    server: IpAddr,
    client: IpAddr,
    to_server: bool,
}

/// Those without and those with extension fields.
type FlowTally = [Tally; 2];

/// Index of a capture and number of a frame.
type Place = (usize, u64);

/// A message: its number in the run, and where it is.
type Mark = (u64, Place);

/// Right and wrong MACs.
#[derive(Clone, Debug, Default)]
struct Tally {
    right: Option<Span>,
    wrong: Option<Span>,
    /// The first wrong ones.
    frames: Vec<Mark>,
}

/// Some messages: how many, the first and the last.
#[derive(Clone, Copy, Debug)]
struct Span {
    messages: u64,
    first: Mark,
    last: Mark,
}

impl Span {
    fn and(self, other: Span) -> Span {
        Span {
            messages: self.messages + other.messages,
            first: self.first.min(other.first),
            last: self.last.max(other.last),
        }
    }
}

impl Tally {
    fn count(&mut self, is_right: bool, mark: Mark) {
        let one = Span { messages: 1, first: mark, last: mark };
        let span = if is_right { &mut self.right } else { &mut self.wrong };
        *span = Some(span.map_or(one, |span| span.and(one)));
        if !is_right && self.frames.len() < MOST_FRAMES {
            self.frames.push(mark);
        }
    }

    /// Both together.
    fn and(mut self, other: &Tally) -> Tally {
        let both = |one: Option<Span>, other: Option<Span>| match (one, other) {
            (Some(one), Some(other)) => Some(one.and(other)),
            (one, other) => one.or(other),
        };
        self.right = both(self.right, other.right);
        self.wrong = both(self.wrong, other.wrong);
        self.frames.extend(&other.frames);
        self.frames.sort_unstable();
        self.frames.truncate(MOST_FRAMES);
        self
    }

    /// The messages that are right, and all of them.
    fn right_of_all(&self) -> (u64, u64) {
        let right = self.right.map_or(0, |span| span.messages);
        (right, right + self.wrong_messages())
    }

    fn wrong_messages(&self) -> u64 {
        self.wrong.map_or(0, |span| span.messages)
    }

    fn is_all_wrong(&self) -> bool {
        self.wrong.is_some() && self.right.is_none()
    }

    fn is_all_right(&self) -> bool {
        self.right.is_some() && self.wrong.is_none()
    }
}

impl Patterns {
    /// Counts a message. Those whose fault is proved are neither right nor wrong here.
    pub fn count(&mut self, judged: &Judged<'_, '_>) {
        let is_right = match judged.verdict.status {
            Status::Valid => true,
            Status::Invalid => false,
            Status::UntrustedKey => judged.verdict.digest_matches == Some(true),
            Status::Unverifiable if judged.verdict.reason == Some(Reason::GuessedKey) => false,
            _ => return,
        };
        let is_explained = judged.diagnosis.is_some_and(|diagnosis| diagnosis.is_proved());
        let (Some(message), Some((reading, _))) = (judged.message, judged.verdict.reading) else { return };
        let Tail::Mac { key_id, .. } = reading.tail else { return };
        if is_explained && !is_right {
            return;
        }
        let to_server = is_to_server(&message);
        let ends = (judged.datagram.source.ip(), judged.datagram.destination.ip());
        let (client, server) = if to_server { ends } else { (ends.1, ends.0) };
        let flow = Flow { key_id: KeyId(key_id), server, client, to_server };
        self.count_in(flow, !reading.fields.is_empty(), is_right, (judged.capture, judged.frame));
    }

    fn count_in(&mut self, flow: Flow, has_fields: bool, is_right: bool, place: Place) {
        self.messages += 1;
        let mark = (self.messages, place);
        if !self.keys.contains_key(&flow.key_id) && self.keys.len() >= MOST_KEYS {
            return;
        }
        let key = self.keys.entry(flow.key_id).or_default();
        key.all.count(is_right, mark);
        if !self.flows.contains_key(&flow) && self.flows.len() >= MOST_FLOWS {
            key.has_more = true;
            return;
        }
        let [without, with] = self.flows.entry(flow).or_default();
        if has_fields { with } else { without }.count(is_right, mark);
    }

    /// The patterns that hold, by key ID and server.
    pub fn found(&self) -> Vec<Pattern> {
        let is_it = |tally: &KeyTally| tally.all.wrong_messages() >= FEWEST;
        let mut keys: Vec<_> = self.keys.iter().filter(|(_, tally)| is_it(tally)).collect();
        keys.sort_unstable_by_key(|(key_id, _)| **key_id);
        let found = keys.into_iter().flat_map(|(key_id, tally)| match tally.all.is_all_wrong() {
            true => vec![Pattern::new(PatternCode::AllOfKey, *key_id, &tally.all)],
            false => self.of_servers(*key_id, tally),
        });
        found.collect()
    }

    fn of_servers(&self, key_id: KeyId, key: &KeyTally) -> Vec<Pattern> {
        let mut servers: BTreeMap<IpAddr, Vec<_>> = BTreeMap::new();
        for (flow, tally) in self.flows.iter().filter(|(flow, _)| flow.key_id == key_id) {
            servers.entry(flow.server).or_default().push((flow, tally));
        }
        let found = servers.into_iter().flat_map(|(server, flows)| {
            let mut with_server = WithServer { key_id, server, flows, of_key: key.all.right_of_all() };
            if key.has_more { with_server.of_clients() } else { with_server.patterns() }
        });
        found.collect()
    }
}

/// The flows of one server under one key ID.
struct WithServer<'p> {
    key_id: KeyId,
    server: IpAddr,
    flows: Vec<(&'p Flow, &'p FlowTally)>,
    /// The right messages under the key, whatever the server, and all of them.
    of_key: (u64, u64),
}

impl WithServer<'_> {
    /// What clients have in common by themselves, and then what the messages of the others have.
    fn patterns(&mut self) -> Vec<Pattern> {
        let all = self.sum(|_| true, [true, true]);
        if all.is_all_wrong() {
            // Peers count as servers, so that their messages to each other are those of two.
            let is_one_way = self.flows.iter().all(|(flow, _)| !flow.to_server);
            let to_server = is_one_way.then_some(false);
            let others = without(self.of_key, all.right_of_all());
            let pattern = self.pattern(PatternCode::AllOfKey, &all);
            return pattern.map(|pattern| Pattern { to_server, others, ..pattern }).into_iter().collect();
        }
        let mut found = self.of_clients();
        let told: HashSet<_> = found.iter().filter_map(|pattern| pattern.host).collect();
        self.flows.retain(|(flow, _)| !told.contains(&flow.client));
        let of_others = self.only_with_fields().or_else(|| self.one_direction()).or_else(|| self.change());
        found.extend(of_others);
        found
    }

    fn of_clients(&self) -> Vec<Pattern> {
        let requests = self.flows.iter().filter(|(flow, _)| flow.to_server);
        let sums: Vec<_> =
            requests.map(|(flow, [without, with])| (flow.client, without.clone().and(with))).collect();
        if sums.iter().all(|(_, sum)| sum.right.is_none()) {
            return Vec::new();
        }
        let all = sums.iter().fold(Tally::default(), |all, (_, sum)| all.and(sum)).right_of_all();
        let wrong = sums.iter().filter(|(_, sum)| sum.is_all_wrong());
        let mut found: Vec<_> = wrong
            .filter_map(|(client, sum)| {
                let pattern = self.pattern(PatternCode::AllOfHost, sum)?;
                let others = without(all, sum.right_of_all());
                Some(Pattern { host: Some(*client), others, ..pattern })
            })
            .collect();
        found.sort_unstable_by_key(|pattern| pattern.host);
        found
    }

    fn only_with_fields(&self) -> Option<Pattern> {
        let with = self.sum(|_| true, [false, true]);
        let is_it = with.is_all_wrong() && self.sum(|_| true, [true, false]).is_all_right();
        self.pattern(PatternCode::OnlyWithExtensionFields, &with).filter(|_| is_it)
    }

    fn one_direction(&self) -> Option<Pattern> {
        let of_direction = |to_server| self.sum(|flow| flow.to_server == to_server, [true, true]);
        [true, false].into_iter().find_map(|to_server| {
            let wrong = of_direction(to_server);
            let is_it = wrong.is_all_wrong() && of_direction(!to_server).is_all_right();
            let pattern = self.pattern(PatternCode::OneDirection, &wrong).filter(|_| is_it)?;
            Some(Pattern { to_server: Some(to_server), ..pattern })
        })
    }

    /// A change in time. It is one only where the same sender's messages to the same receiver are on both of its
    /// sides: other hosts, active at other times, would look the same.
    fn change(&self) -> Option<Pattern> {
        let all = self.sum(|_| true, [true, true]);
        let (right, wrong) = (all.right?, all.wrong?);
        let sums = self.flows.iter().map(|(_, [without, with])| without.clone().and(with));
        let wrong_of_both: Vec<Span> = sums.filter_map(|sum| sum.right.and(sum.wrong)).collect();
        let (code, between) = if right.last < wrong.first {
            let first = wrong_of_both.iter().map(|span| span.first).min()?;
            (PatternCode::AfterATime, [right.last, first])
        } else if wrong.last < right.first {
            let last = wrong_of_both.iter().map(|span| span.last).max()?;
            (PatternCode::UntilATime, [last, right.first])
        } else {
            return None;
        };
        let frames = between.map(|(_, place)| place).to_vec();
        self.pattern(code, &all).map(|pattern| Pattern { frames, ..pattern })
    }

    /// The messages of some flows, those without and those with extension fields.
    fn sum(&self, is_counted: impl Fn(&Flow) -> bool, fields: [bool; 2]) -> Tally {
        let flows = self.flows.iter().filter(|(flow, _)| is_counted(flow));
        let tallies = flows.flat_map(|(_, tallies)| tallies.iter().zip(fields));
        tallies.filter(|(_, is_wanted)| *is_wanted).fold(Tally::default(), |sum, (tally, _)| sum.and(tally))
    }

    /// `None` where too few are wrong to be a pattern.
    fn pattern(&self, code: PatternCode, tally: &Tally) -> Option<Pattern> {
        let pattern = Pattern { server: Some(self.server), ..Pattern::new(code, self.key_id, tally) };
        (pattern.messages >= FEWEST).then_some(pattern)
    }
}

impl Pattern {
    fn new(code: PatternCode, key_id: KeyId, tally: &Tally) -> Pattern {
        let frames = tally.frames.iter().map(|(_, place)| *place).collect();
        let (server, host, to_server) = (None, None, None);
        let (messages, others) = (tally.wrong_messages(), (0, 0));
        Pattern { code, key_id, server, host, to_server, messages, others, frames }
    }
}

/// What is left of two counts.
fn without((right, all): (u64, u64), (less_right, less): (u64, u64)) -> (u64, u64) {
    (right.saturating_sub(less_right), all.saturating_sub(less))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sentences about messages of one key: sender, receiver, and whether the MAC is right. Server is whoever's
    /// address ends in a number below 10.
    fn told(messages: &[(&str, &str, bool)]) -> Vec<String> {
        let mut patterns = Patterns::default();
        for (number, (source, destination, is_right)) in (1..).zip(messages) {
            let address = |name: &str| format!("10.0.0.{name}").parse().unwrap();
            let to_server = destination.len() == 1;
            let (client, server) = if to_server { (source, destination) } else { (destination, source) };
            let flow = Flow { key_id: KeyId(1), server: address(server), client: address(client), to_server };
            patterns.count_in(flow, false, *is_right, (0, number));
        }
        patterns.found().iter().map(|pattern| format!("{}: {pattern}", pattern.code.name())).collect()
    }

    #[test]
    fn hosts_that_are_active_at_different_times_are_no_change_of_the_key() {
        let one = [("20", "1", true), ("1", "20", true)];
        let wrong = [("30", "1", false), ("30", "1", false)];
        for messages in [[one, wrong], [wrong, one]] {
            assert_eq!(
                told(&messages.concat()),
                ["all-of-host: all 2 MACs of 10.0.0.30 to 10.0.0.1 under key 1 are wrong, and 1 of 1 of \
                  others are right: perhaps the secret differs, or they are forged"]
            );
        }
    }

    #[test]
    fn servers_that_are_asked_at_different_times_are_no_change_of_the_key() {
        let of = |server, is_right| [("20", server, is_right), (server, "20", is_right)];
        assert_eq!(
            told(&[of("1", true), of("9", false)].concat()),
            ["all-of-key: all 2 MACs to and from 10.0.0.9 under key 1 are wrong, and 2 of 2 of others \
              are right: perhaps the secret differs, or they are forged"]
        );
    }

    #[test]
    fn a_change_is_told_of_beside_a_forger_and_by_the_frames_of_those_who_were_right() {
        let messages = [
            ("20", "1", true),
            ("1", "20", true),
            ("66", "1", false),
            ("66", "1", false),
            ("20", "1", false),
            ("1", "20", false),
        ];
        let told = told(&messages);
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].starts_with("all-of-host: all 2 MACs of 10.0.0.66 "), "{told:?}");
        assert_eq!(
            told[1],
            "after-a-time: key 1 of 10.0.0.1 is right up to frame 2 and wrong from frame 5 on: it was perhaps \
             changed between, or the wrong ones are forged"
        );
    }

    #[test]
    fn wrong_requests_and_right_replies_before_them_are_one_direction() {
        let messages = [("1", "20", true), ("1", "20", true), ("20", "1", false), ("20", "1", false)];
        assert_eq!(told(&messages), ["one-direction: the 2 wrong MACs under key 1 are those to 10.0.0.1"]);
    }

    /// Each of two peers is a server, whose messages are those that it sends.
    #[test]
    fn a_peer_whose_macs_are_wrong_alone_is_told_by_what_it_sends() {
        let mut patterns = Patterns::default();
        let address = |last: u8| IpAddr::from([10, 0, 0, last]);
        for number in 1..=6 {
            let (server, client) = if number % 2 == 0 { (1, 2) } else { (2, 1) };
            let flow =
                Flow { key_id: KeyId(1), server: address(server), client: address(client), to_server: false };
            patterns.count_in(flow, false, server == 1, (0, number));
        }
        let expected = "all 3 MACs from 10.0.0.2 under key 1 are wrong, and 3 of 3 of others are right: perhaps the \
                        secret differs, or they are forged";
        let told: Vec<String> = patterns.found().iter().map(Pattern::to_string).collect();
        assert_eq!(told, [expected]);
    }

    #[test]
    fn flows_that_are_not_counted_leave_only_what_is_sure() {
        let mut patterns = Patterns::default();
        for host in 0..10_000_u32 {
            let client = IpAddr::from(std::net::Ipv4Addr::from(0x0b00_0000 + host));
            let server = "10.0.0.1".parse().unwrap();
            let flow = Flow { key_id: KeyId(1), server, client, to_server: true };
            let is_right = host == 1;
            patterns.count_in(flow, false, is_right, (0, 1));
            patterns.count_in(flow, false, is_right && host > 0, (0, 2));
        }
        assert_eq!((patterns.flows.len(), patterns.keys.len()), (MOST_FLOWS, 1));
        let found = patterns.found();
        assert!(found.iter().all(|pattern| pattern.code == PatternCode::AllOfHost));
        assert_eq!(found.len(), MOST_FLOWS - 1);
    }
}
