//! The table of steps: which hypotheses are tried for a key ID, those with the fewest changes first.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::auth::keyfile::Dialect;
use crate::auth::keyring::{Candidate, Keyring};
use crate::auth::{Algorithm, Key, KeyId, Secret};

use super::attempt::{Attempt, Change, Computation, Coverage};
use super::code::Code;
use super::evidence::{Clause, Edits};
use super::reading::{Line, Offer, Offers, READINGS, Reading};
use super::transform::hmac_keys;

/// Adds the hypotheses of one group. All of a group are tried; those of later groups only when none matched.
pub(super) type Step = for<'k> fn(&Scope<'k>, &mut Plan<'k>);

/// Every group in the order in which they are tried: one change before two, the key as read before another reading
/// of it, the claimed key ID before others.
pub(super) const STEPS: [Step; 11] = [
    same_key_computed_otherwise,
    other_line_of_same_id,
    other_algorithm,
    other_reading,
    other_program,
    other_key_id,
    other_reading_and_algorithm,
    other_program_and_algorithm,
    hmac_and_something_else,
    other_key_id_and_algorithm,
    other_key_id_and_reading,
];

/// Keys of one keyring that are tried under another ID, at most.
const MOST_ENTRIES: usize = 4_096;

/// Hypotheses of one plan at most.
const MOST_ATTEMPTS: usize = 16_384;

/// A key and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Entry<'k> {
    candidate: &'k Candidate,
    file: &'k str,
    /// The program whose reading it is.
    dialect: Dialect,
}

impl<'k> Entry<'k> {
    fn new(keyring: &'k Keyring, candidate: &'k Candidate) -> Option<Entry<'k>> {
        let source = keyring.sources().get(candidate.source)?;
        Some(Entry { candidate, file: &source.label, dialect: source.dialect })
    }

    fn algorithm(&self) -> Algorithm {
        self.candidate.key.algorithm()
    }

    fn change(&self, edits: Edits) -> Change<'k> {
        Change { edits, candidate: self.candidate, file: self.file }
    }

    fn line(&self) -> Line<'k> {
        Line::new(self.candidate, self.dialect)
    }
}

/// A keyring and its keys in order.
pub(super) struct Shelf<'k> {
    keyring: &'k Keyring,
    entries: Vec<Entry<'k>>,
}

impl<'k> Shelf<'k> {
    pub(super) fn new(keyring: &'k Keyring) -> Shelf<'k> {
        let entries = keyring.candidates().filter_map(|candidate| Entry::new(keyring, candidate));
        Shelf { keyring, entries: entries.take(MOST_ENTRIES).collect() }
    }

    pub(super) fn is_of(&self, keyring: &Keyring) -> bool {
        std::ptr::eq(self.keyring, keyring)
    }
}

/// Whose MAC is to be explained.
pub(super) struct Scope<'k> {
    own: &'k Keyring,
    others: Vec<&'k Keyring>,
    /// The keys of `own` under other IDs.
    entries: Vec<Entry<'k>>,
    key_id: KeyId,
}

impl<'k> Scope<'k> {
    /// For a message that claims `key_id`; `own` is the keyring it was judged by.
    pub(super) fn new(own: &Shelf<'k>, all: &[Shelf<'k>], key_id: KeyId) -> Scope<'k> {
        let others = all.iter().map(|shelf| shelf.keyring).filter(|keyring| !own.is_of(keyring));
        let is_other = |entry: &&Entry<'k>| entry.candidate.key.id() != key_id;
        let entries = own.entries.iter().filter(is_other).copied().collect();
        Scope { own: own.keyring, others: others.collect(), entries, key_id }
    }

    /// The keys of the claimed ID, one for each line.
    fn claimed(&self) -> impl Iterator<Item = Entry<'k>> + use<'k> {
        of_id(self.own, self.key_id).filter(|entry| !entry.candidate.older_version)
    }
}

fn of_id(keyring: &Keyring, id: KeyId) -> impl Iterator<Item = Entry<'_>> {
    keyring.lookup(id).iter().filter_map(|candidate| Entry::new(keyring, candidate))
}

/// What other programs make of the lines with that ID.
fn other_readings(keyring: &Keyring, id: KeyId) -> impl Iterator<Item = Entry<'_>> {
    keyring.other_readings(id).iter().filter_map(|other| {
        let entry = Entry::new(keyring, &other.candidate)?;
        Some(Entry { dialect: other.dialect, ..entry })
    })
}

/// The hypotheses so far.
#[derive(Default)]
pub(super) struct Plan<'k> {
    pub(super) attempts: Vec<Attempt<'k>>,
    /// Attempts of earlier steps, which were taken away.
    taken: usize,
    /// Hashes of what is computed, so that nothing is computed twice, with the number of the attempt that does.
    seen: HashMap<u64, usize>,
}

impl<'k> Plan<'k> {
    /// Takes the hypotheses that were added since the last time.
    pub(super) fn take(&mut self) -> Vec<Attempt<'k>> {
        self.taken += self.attempts.len();
        std::mem::take(&mut self.attempts)
    }

    /// Adds a hypothesis. Where one of the same step computes the same, it becomes its rival; where one of an earlier
    /// step does, it is known not to match.
    fn push(&mut self, name: impl Hash, attempt: Attempt<'k>) {
        let name = hash(name);
        let number = self.taken + self.attempts.len();
        if let Some(same) = self.known(name) {
            same.add_rival(attempt.change);
        } else if self.attempts.len() < MOST_ATTEMPTS && !self.seen.contains_key(&name) {
            self.seen.insert(name, number);
            self.attempts.push(attempt);
        }
    }

    /// The hypothesis of this step that computes the same.
    fn known(&mut self, name: u64) -> Option<&mut Attempt<'k>> {
        self.attempts.get_mut(self.seen.get(&name)?.checked_sub(self.taken)?)
    }

    /// The key as it was read, over some part of the message.
    fn as_read(&mut self, entry: Entry<'k>, edits: Edits, coverage: Coverage) {
        let algorithm = entry.algorithm();
        let computation = Computation::AsRead(&entry.candidate.key);
        let name = (algorithm, entry.candidate.key.secret().as_octets(), format!("{coverage:?}"));
        let change = entry.change(edits);
        self.push(name, Attempt::new(change, algorithm, computation, coverage));
    }

    /// Tells of the key as it was read before others of this step, where they come to the same.
    fn name_likelier(&mut self, entry: &Entry<'k>, edits: Edits) {
        let name =
            (entry.algorithm(), entry.candidate.key.secret().as_octets(), format!("{:?}", Coverage::Usual));
        if let Some(same) = self.known(hash(name)) {
            same.add_likelier(entry.change(edits));
        }
    }

    /// Another secret or algorithm. A secret is cut or filled up with zeros for a cipher, as ntp.org does it.
    fn keyed(&mut self, entry: Entry<'k>, edits: Option<Edits>, algorithm: Algorithm, secret: &[u8]) {
        let Entry { candidate, .. } = entry;
        let secret = fitting(algorithm, secret);
        let coverage = Coverage::Usual;
        let name = (algorithm, secret.as_octets(), format!("{coverage:?}"));
        let (Some(edits), Ok(key)) = (edits, Key::new(candidate.key.id(), algorithm, secret.clone())) else {
            return;
        };
        let computation = Computation::Keyed(key);
        let change = entry.change(edits);
        self.push(name, Attempt::new(change, algorithm, computation, coverage));
    }

    fn hmac(&mut self, entry: Entry<'k>, edits: Option<Edits>, algorithm: Algorithm, secret: &[u8]) {
        let edits = edits.and_then(|edits| edits.and(Code::Hmac, Clause::Words(HMAC_WORDS)));
        let (Some(edits), Some((inner, outer))) = (edits, hmac_keys(algorithm, secret)) else { return };
        let computation = Computation::Hmac { inner, outer };
        let change = entry.change(edits);
        let coverage = Coverage::Usual;
        let name = (algorithm, secret, "hmac");
        self.push(name, Attempt::new(change, algorithm, computation, coverage));
    }

    fn behind(&mut self, entry: Entry<'k>) {
        let Entry { candidate, .. } = entry;
        let algorithm = entry.algorithm();
        let secret = candidate.key.secret().clone();
        let words = Clause::Words("the secret is hashed behind the message, not before it");
        let hash = Key::new(candidate.key.id(), algorithm, Secret::new(Vec::new()));
        let (Some(edits), Ok(hash)) = (one(Code::SecretBehindMessage, words), hash) else { return };
        let name = (algorithm, secret.as_octets().to_vec(), "behind");
        let computation = Computation::Behind { hash, secret };
        let change = entry.change(edits);
        let coverage = Coverage::Usual;
        self.push(name, Attempt::new(change, algorithm, computation, coverage));
    }

    /// Everything that readings make of a line.
    fn readings(
        &mut self,
        entry: Entry<'k>,
        before: Edits,
        only: fn(&Reading) -> bool,
        algorithms: impl Fn(&Offer) -> Vec<Algorithm>,
    ) {
        let line = entry.line();
        for reading in READINGS.iter().filter(|reading| only(reading)) {
            let mut offers = Offers::default();
            (reading.make)(&line, &mut offers);
            let is_length = matches!(reading.code, Code::KeyTruncated | Code::KeyPadded);
            for offer in offers.0 {
                let edits = before.and(reading.code, offer.clause);
                let is_change = |used: &Algorithm| is_length || !offer.fits_as(*used, &line.spelled);
                for algorithm in algorithms(&offer).into_iter().filter(is_change) {
                    let edits = edits.and_then(|edits| and_algorithm(edits, &entry, &offer, algorithm));
                    self.keyed(entry, edits, algorithm, offer.secret.as_octets());
                }
            }
        }
    }
}

fn hash(name: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

impl Offer {
    /// True when both come to the same secret for the algorithm.
    fn fits_as(&self, used: Algorithm, spelled: &[u8]) -> bool {
        fitting(used, self.secret.as_octets()).as_octets() == fitting(used, spelled).as_octets()
    }
}

/// A secret as ntp.org's ntpd gives it to a cipher, which takes no other length.
fn fitting(algorithm: Algorithm, secret: &[u8]) -> Secret {
    let mut octets = secret.to_vec();
    octets.resize(algorithm.secret_length().unwrap_or(octets.len()), 0);
    Secret::new(octets)
}

const HMAC_WORDS: &str = "it is computed as HMAC";

fn one(code: Code, clause: Clause) -> Option<Edits> {
    Edits::default().and(code, clause)
}

/// With a change of algorithm, where it is one that the reading does not bring with it.
fn and_algorithm(edits: Edits, entry: &Entry<'_>, offer: &Offer, used: Algorithm) -> Option<Edits> {
    if used == offer.algorithm.unwrap_or(entry.algorithm()) {
        return Some(edits);
    }
    edits.and(Code::OtherAlgorithm, Clause::Algorithm { used, file: entry.algorithm() })
}

fn others_than(algorithm: Algorithm) -> impl Iterator<Item = Algorithm> {
    Algorithm::ALL.into_iter().filter(move |other| *other != algorithm)
}

fn same_key_computed_otherwise<'k>(scope: &Scope<'k>, plan: &mut Plan<'k>) {
    for entry in of_id(scope.own, scope.key_id) {
        plan.as_read(entry, Edits::default(), Coverage::Usual);
        for (code, words, coverage) in [
            (
                Code::CoversHeaderOnly,
                "it covers the header alone, without the extension fields",
                Coverage::HeaderOnly,
            ),
            (Code::CoversKeyId, "it covers the key ID too", Coverage::WithKeyId),
            (Code::ControlPadding, "it covers the data without padding", Coverage::PaddedTo(1)),
            (Code::ControlPadding, "it covers the data padded to a multiple of 4", Coverage::PaddedTo(4)),
            (Code::ControlPadding, "it covers the data padded to a multiple of 8", Coverage::PaddedTo(8)),
        ] {
            one(code, Clause::Words(words))
                .into_iter()
                .for_each(|edits| plan.as_read(entry, edits, coverage));
        }
        plan.hmac(entry, Some(Edits::default()), entry.algorithm(), entry.candidate.key.secret().as_octets());
        plan.behind(entry);
    }
}

fn other_line_of_same_id<'k>(scope: &Scope<'k>, plan: &mut Plan<'k>) {
    let mut add = |entry: Entry<'k>, code: Code, clause: Clause| {
        one(code, clause).into_iter().for_each(|edits| plan.as_read(entry, edits, Coverage::Usual));
    };
    let superseded = scope.own.superseded(scope.key_id).iter();
    for entry in superseded.filter_map(|candidate| Entry::new(scope.own, candidate)) {
        let words = "an earlier or later line with the same key ID holds";
        add(entry, Code::SupersededKey, Clause::Words(words));
    }
    for entry in scope.others.iter().flat_map(|keyring| of_id(keyring, scope.key_id)) {
        let words = "the key of this ID in the key file of another server is used";
        add(entry, Code::OtherKeyFile, Clause::Words(words));
    }
    let swapped = KeyId(scope.key_id.0.swap_bytes());
    for entry in of_id(scope.own, swapped).filter(|_| swapped != scope.key_id) {
        add(entry, Code::KeyIdByteOrder, Clause::Key { used: swapped, claimed: scope.key_id });
    }
}

fn other_algorithm<'k>(scope: &Scope<'k>, plan: &mut Plan<'k>) {
    scope.claimed().for_each(|entry| algorithms(entry, Edits::default(), plan));
}

/// The key's secret under every other algorithm, both as read and before it was made to fit a cipher.
fn algorithms<'k>(entry: Entry<'k>, before: Edits, plan: &mut Plan<'k>) {
    let file = entry.algorithm();
    let spelled = entry.line().spelled;
    for used in others_than(file) {
        let edits = before.and(Code::OtherAlgorithm, Clause::Algorithm { used, file });
        plan.keyed(entry, edits, used, &spelled);
        plan.keyed(entry, edits, used, entry.candidate.key.secret().as_octets());
    }
}

fn other_reading<'k>(scope: &Scope<'k>, plan: &mut Plan<'k>) {
    for entry in scope.claimed() {
        let own = |offer: &Offer| vec![offer.algorithm.unwrap_or(entry.algorithm())];
        plan.readings(entry, Edits::default(), |_| true, own);
    }
    name_keys_of_other_ids(scope, plan);
}

/// A secret that stands in the file under another ID is likelier than a reading that happens to make the same.
fn name_keys_of_other_ids<'k>(scope: &Scope<'k>, plan: &mut Plan<'k>) {
    for entry in &scope.entries {
        of_other_id(scope, entry).into_iter().for_each(|edits| plan.name_likelier(entry, edits));
    }
}

fn other_program<'k>(scope: &Scope<'k>, plan: &mut Plan<'k>) {
    for entry in other_readings(scope.own, scope.key_id) {
        let (code, clause) = by_program(&entry);
        one(code, clause).into_iter().for_each(|edits| plan.as_read(entry, edits, Coverage::Usual));
    }
    name_keys_of_other_ids(scope, plan);
}

/// What it is called when another program's reading matches.
fn by_program(entry: &Entry<'_>) -> (Code, Clause) {
    let spelled = entry.line().spelled.len();
    let padding = entry.candidate.key.secret().as_octets().get(spelled..).unwrap_or_default();
    if entry.algorithm().secret_length().is_some() && padding.iter().any(|octet| *octet != 0) {
        let words = "the secret is filled up with what earlier text left in NTPsec's buffer";
        return (Code::StalePadding, Clause::Words(words));
    }
    (Code::OtherKeyFormat, Clause::Program(entry.dialect))
}

fn other_key_id<'k>(scope: &Scope<'k>, plan: &mut Plan<'k>) {
    for entry in &scope.entries {
        if let Some(edits) = of_other_id(scope, entry) {
            plan.as_read(*entry, edits, Coverage::Usual);
        }
    }
}

fn of_other_id(scope: &Scope<'_>, entry: &Entry<'_>) -> Option<Edits> {
    one(Code::OtherKeyId, Clause::Key { used: entry.candidate.key.id(), claimed: scope.key_id })
}

fn other_reading_and_algorithm<'k>(scope: &Scope<'k>, plan: &mut Plan<'k>) {
    for entry in scope.claimed() {
        let others = |_: &Offer| others_than(entry.algorithm()).collect();
        plan.readings(entry, Edits::default(), |reading| reading.combines, others);
    }
}

fn other_program_and_algorithm<'k>(scope: &Scope<'k>, plan: &mut Plan<'k>) {
    for entry in other_readings(scope.own, scope.key_id) {
        let (code, clause) = by_program(&entry);
        one(code, clause).into_iter().for_each(|edits| algorithms(entry, edits, plan));
    }
}

fn hmac_and_something_else<'k>(scope: &Scope<'k>, plan: &mut Plan<'k>) {
    for entry in scope.claimed() {
        let line = entry.line();
        for used in others_than(entry.algorithm()) {
            let edits = one(Code::OtherAlgorithm, Clause::Algorithm { used, file: entry.algorithm() });
            plan.hmac(entry, edits, used, &line.spelled);
        }
        for reading in READINGS.iter().filter(|reading| reading.combines) {
            let mut offers = Offers::default();
            (reading.make)(&line, &mut offers);
            for offer in offers.0 {
                let edits = one(reading.code, offer.clause);
                plan.hmac(entry, edits, entry.algorithm(), offer.secret.as_octets());
            }
        }
    }
    for entry in &scope.entries {
        let secret = entry.candidate.key.secret().as_octets();
        plan.hmac(*entry, of_other_id(scope, entry), entry.algorithm(), secret);
    }
}

fn other_key_id_and_algorithm<'k>(scope: &Scope<'k>, plan: &mut Plan<'k>) {
    for entry in &scope.entries {
        of_other_id(scope, entry).into_iter().for_each(|edits| algorithms(*entry, edits, plan));
    }
}

fn other_key_id_and_reading<'k>(scope: &Scope<'k>, plan: &mut Plan<'k>) {
    for entry in &scope.entries {
        let own = |offer: &Offer| vec![offer.algorithm.unwrap_or(entry.algorithm())];
        if let Some(edits) = of_other_id(scope, entry) {
            plan.readings(*entry, edits, |reading| reading.combines, own);
        }
    }
}
