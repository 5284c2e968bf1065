//! What cases know: keys, random values, and what the server turned out to do.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::analysis::survey::Draw;
use crate::auth::{Algorithm, Key, KeyId, Keyring};

use super::exchange::{Exchange, Names};
use super::outcome::Judgement;
use super::reading::{self, Reading, Told};
use super::request::Request;

/// What is known before the first case, from requests that every run begins with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Requests without a MAC are answered.
    pub answers_plainly: bool,
    /// They are not, though others are.
    pub refuses_plain: bool,
    /// Whether they are answered is not known: replies were lost, not due, or kisses.
    pub is_plain_open: bool,
    /// Keys under which a right MAC is answered by a right one.
    pub honoured: Vec<KeyId>,
    /// Keys of which that is not known.
    pub open: Vec<KeyId>,
}

/// Why a case that needs a key cannot be asked: the server honours none.
pub const NONE_HONOURED: &str = "the server honours none of the keys; see auth/support";

/// Why nothing can be said: before the first case replies were lost, not due, or kisses.
pub const NOT_KNOWN: &str =
    "what it needs of the server is not known: the first requests met with loss, kisses or odd replies";

/// What cases ask with and judge by.
#[derive(Debug)]
pub struct Context {
    keys: Arc<Keyring>,
    given: Vec<KeyId>,
    draw: RefCell<Draw>,
    target: Option<SocketAddr>,
    /// What the server turned out to do.
    pub facts: Facts,
}

impl Context {
    /// Keys of a ring, in the order in which cases prefer them, and where random values come from.
    pub fn new(keys: Arc<Keyring>, given: Vec<KeyId>, seed: u64) -> Context {
        let draw = RefCell::new(Draw::new(seed));
        Context { keys, given, draw, target: None, facts: Facts::default() }
    }

    /// That of a server which answers, and nobody has a key.
    pub(super) fn without_keys() -> Context {
        let mut context = Context::new(Arc::new(Keyring::new()), Vec::new(), 0);
        context.facts.answers_plainly = true;
        context
    }

    /// The same, for a server of that address and port.
    #[must_use]
    pub fn of(self, target: SocketAddr) -> Context {
        Context { target: Some(target), ..self }
    }

    /// Where the server is asked, where that is known.
    pub fn target(&self) -> Option<SocketAddr> {
        self.target
    }

    /// True for what came from another address or port than was asked and names no request.
    pub fn is_from_elsewhere(&self, reading: &Reading<'_>) -> bool {
        let end = |address: SocketAddr| (address.ip().to_canonical(), address.port());
        let is_other = |target| end(target) != end(reading.reply.source);
        reading.reply.names == Names::Nothing && self.target.is_some_and(is_other)
    }

    /// The keys that MACs are judged by.
    pub fn keyring(&self) -> &Keyring {
        &self.keys
    }

    /// The keys to ask with.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.given.iter().filter_map(|key_id| self.key(*key_id))
    }

    /// The keys that the server honours.
    pub fn honoured(&self) -> impl Iterator<Item = &Key> {
        self.keys().filter(|key| self.facts.honoured.contains(&key.id()))
    }

    /// The first key that the server honours.
    pub fn honoured_key(&self) -> Option<&Key> {
        self.honoured().next()
    }

    /// The first key of that algorithm to ask with, honoured if there is such a one.
    pub fn key_of(&self, algorithm: Algorithm) -> Option<&Key> {
        let is_it = |key: &&Key| key.algorithm() == algorithm;
        self.honoured().find(is_it).or_else(|| self.keys().find(is_it))
    }

    /// The first honoured key whose digests have so many octets or more.
    pub fn key_with_digest(&self, octets: usize) -> Option<&Key> {
        self.honoured().find(|key| key.algorithm().digest_length() >= octets)
    }

    /// The key of that ID.
    pub fn key(&self, key_id: KeyId) -> Option<&Key> {
        self.keys.lookup(key_id).first().map(|candidate| &candidate.key)
    }

    /// Why nothing is said of MACs where no key is honoured; that it is not known, where it is not.
    pub fn none_honoured(&self) -> Judgement {
        match self.facts.open.is_empty() {
            true => Judgement::skip(NONE_HONOURED),
            false => Judgement::inconclusive(NOT_KNOWN),
        }
    }

    /// The same with everything honoured and answered of which it is not known.
    pub(super) fn hopefully<T>(&mut self, look: impl FnOnce(&Context) -> T) -> T {
        let facts = self.facts.clone();
        self.facts.answers_plainly |= facts.is_plain_open;
        self.facts.honoured.extend(&facts.open);
        let seen = look(self);
        self.facts = facts;
        seen
    }

    /// True when the server verifies MACs, as far as is known.
    pub fn authenticates(&self) -> bool {
        !self.facts.honoured.is_empty()
    }

    /// A client's request of version 4: all fields zero but a random transmit timestamp.
    pub fn request(&self) -> Request {
        Request::new(self.random())
    }

    /// A random value, never zero.
    pub fn random(&self) -> u64 {
        self.draw.borrow_mut().value()
    }

    /// So many random octets.
    pub fn octets(&self, count: usize) -> Vec<u8> {
        self.draw.borrow_mut().octets(count)
    }

    /// A key ID that no key file of ours has, and whose low 16 bits are odd: no length of a field.
    pub fn unknown_key_id(&self) -> u32 {
        let begin = u32::try_from(self.random() % 12_000).unwrap_or(0);
        let all = (0..12_000).map(|step| 40_001 + 2 * ((begin + step) % 12_000));
        all.into_iter().find(|id| !self.keys.knows(KeyId(*id))).unwrap_or(u32::MAX)
    }

    /// Octets that make no MAC of a key and no field: a key ID that nobody has, and random ones.
    pub fn no_field(&self, count: usize) -> Vec<u8> {
        let mut octets = self.unknown_key_id().to_be_bytes().to_vec();
        octets.extend(self.octets(count.saturating_sub(4)));
        octets.truncate(count);
        octets
    }

    /// What the server's answer to an exchange of one datagram is.
    pub fn told<'e>(&self, exchange: &'e Exchange) -> Told<'e> {
        reading::told(exchange, &self.keys)
    }

    /// Every reply that names a datagram of the exchange, or none of ours.
    pub fn readings<'e>(&self, exchange: &'e Exchange) -> impl Iterator<Item = Reading<'e>> {
        reading::readings(exchange, &self.keys)
    }
}
