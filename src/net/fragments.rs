//! Putting fragmented IP datagrams together, within bounds.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use etherparse::defrag::IpDefragBuf;
use etherparse::{IpFragOffset, IpNumber};

use crate::capture::{CaptureTime, Frame};

use super::encapsulation::Encapsulation;
use super::ip;
use super::reason::Reason;
use super::tunnel;
use super::walk::{Addresses, Walk, wants};

/// One fragment of a datagram.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fragment<'a> {
    pub(super) identity: Identity,
    pub(super) protocol: u8,
    pub(super) offset: IpFragOffset,
    /// Whether others follow.
    pub(super) more: bool,
    pub(super) octets: &'a [u8],
    /// Whether the capture kept less than the whole of it.
    pub(super) cut: bool,
    pub(super) ip: Addresses,
    pub(super) encapsulation: Encapsulation,
    pub(super) depth: u8,
}

/// The identification field, which fragments of one datagram share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Identity {
    V4(u16),
    V6(u32),
}

impl Fragment<'_> {
    /// A fragment of which only what lies before it is known.
    pub(super) fn of(walk: &Walk<'_>) -> Self {
        Self {
            identity: Identity::V4(0),
            protocol: 0,
            offset: IpFragOffset::ZERO,
            more: false,
            octets: &[],
            cut: walk.ip.missing > 0 || (walk.snapped && !walk.ip.length_known),
            ip: walk.ip,
            encapsulation: walk.encapsulation,
            depth: 0,
        }
    }

    fn key(&self) -> Key {
        Key {
            source: self.ip.source,
            destination: self.ip.destination,
            identity: self.identity,
            // Part of the key by RFC 791, but not by RFC 8200.
            protocol: if matches!(self.identity, Identity::V4(_)) { self.protocol } else { 0 },
        }
    }

    fn is_first(&self) -> bool {
        self.offset == IpFragOffset::ZERO
    }

    /// Whether this first fragment shows that its datagram is none of interest.
    fn is_of_no_interest(&self, ports: &[u16]) -> bool {
        match self.octets {
            [a, b, c, d, ..] if self.is_first() && self.protocol == ip::UDP => {
                let (source, destination) = (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]));
                !wants(ports, source, destination)
                    && !matches!(destination, tunnel::VXLAN_PORT | tunnel::GENEVE_PORT)
            }
            _ => false,
        }
    }
}

/// What became of fragmented datagrams.
///
/// Those on other ports are not counted as far as their first fragment shows it before they are given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FragmentCounts {
    /// Put together.
    pub reassembled: u64,
    /// Given up because fragments were missing after 30 s of capture time, at the end, or when room was needed.
    pub incomplete: u64,
    /// Those of `incomplete` that had to make room for others.
    pub crowded_out: u64,
    /// Dropped because two fragments held different octets for the same place.
    pub overlapping: u64,
    /// Dropped because a fragment had an impossible place or size.
    pub malformed: u64,
    /// Dropped because the capture cut a fragment.
    pub cut: u64,
}

/// Datagrams waiting for fragments.
#[derive(Debug, Default)]
pub(super) struct Fragments {
    open: HashMap<Key, Open>,
    /// The keys of `open` by age, among keys that are gone from it.
    by_age: VecDeque<(Key, u64)>,
    next_serial: u64,
    /// Octets held for all of `open`.
    held: usize,
    counts: FragmentCounts,
    whole: Vec<u8>,
    whole_frames: Vec<u64>,
}

/// What fragments of one datagram share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    source: IpAddr,
    destination: IpAddr,
    identity: Identity,
    protocol: u8,
}

/// A datagram of which a fragment was seen.
#[derive(Debug)]
struct Open {
    /// Tells it from earlier ones with the same key.
    serial: u64,
    since: Option<CaptureTime>,
    state: State,
}

#[derive(Debug)]
enum State {
    Gathering(Gathered),
    /// Given up for a reason that its later fragments share.
    Refused(Reason),
}

#[derive(Debug)]
struct Gathered {
    buffer: IpDefragBuf,
    protocol: u8,
    frames: Vec<u64>,
}

/// A datagram put together.
pub(super) struct Whole<'a> {
    pub(super) protocol: u8,
    pub(super) octets: &'a [u8],
    pub(super) frames: &'a [u64],
}

impl Fragments {
    /// Takes in a fragment; gives the datagram if it was the last one missing.
    pub(super) fn add(
        &mut self,
        fragment: &Fragment<'_>,
        frame: &Frame<'_>,
        ports: &[u16],
    ) -> Result<Whole<'_>, Reason> {
        if let Some(now) = frame.time {
            self.expire(now);
        }
        let key = fragment.key();
        let no_interest = fragment.is_of_no_interest(ports);
        let state = self.state(key, fragment, frame.time, no_interest);
        let gathered = match state {
            State::Refused(reason) => return Err(*reason),
            State::Gathering(_) if no_interest => return Err(self.refuse(key, Reason::UdpOtherPort)),
            State::Gathering(_) if fragment.cut => return Err(self.refuse(key, Reason::FragmentCut)),
            State::Gathering(gathered) => gathered,
        };
        let before = gathered.cost();
        if let Err(reason) = gathered.add(fragment, frame.number) {
            return Err(self.refuse(key, reason));
        }
        let (after, complete) = (gathered.cost(), gathered.buffer.is_complete());
        self.held = (self.held + after).saturating_sub(before);
        if !complete {
            self.make_room();
            return Err(Reason::FragmentHeld);
        }
        self.held = self.held.saturating_sub(after);
        let Some(Open { state: State::Gathering(gathered), .. }) = self.open.remove(&key) else {
            return Err(Reason::FragmentHeld);
        };
        self.counts.reassembled += 1;
        self.whole_frames = gathered.frames;
        (self.whole, _) = gathered.buffer.take_bufs();
        Ok(Whole { protocol: gathered.protocol, octets: &self.whole, frames: &self.whole_frames })
    }

    /// Counts those still waiting as incomplete, forgets them, and gives all counts.
    pub(super) fn finish(&mut self) -> FragmentCounts {
        while self.drop_oldest() {}
        self.counts
    }

    /// The state of the datagram `fragment` belongs to, begun if there is none.
    fn state(
        &mut self,
        key: Key,
        fragment: &Fragment<'_>,
        since: Option<CaptureTime>,
        no_interest: bool,
    ) -> &mut State {
        // Identifications come round again: a first fragment of interest shows that this is another datagram.
        let stale = fragment.is_first() && !no_interest;
        if stale && let Some(Open { state: State::Refused(Reason::UdpOtherPort), .. }) = self.open.get(&key) {
            self.open.remove(&key);
        }
        let serial = self.next_serial;
        let by_age = &mut self.by_age;
        let next_serial = &mut self.next_serial;
        let open = self.open.entry(key).or_insert_with(|| {
            by_age.push_back((key, serial));
            *next_serial += 1;
            let buffer = IpDefragBuf::new(IpNumber(fragment.protocol), Vec::new(), Vec::new());
            let gathered = Gathered { buffer, protocol: fragment.protocol, frames: Vec::new() };
            Open { serial, since, state: State::Gathering(gathered) }
        });
        &mut open.state
    }

    /// Gives a datagram up and remembers why, for its other fragments. Returns the reason.
    fn refuse(&mut self, key: Key, reason: Reason) -> Reason {
        if let Some(open) = self.open.get_mut(&key) {
            if let State::Gathering(gathered) = &open.state {
                self.held = self.held.saturating_sub(gathered.cost());
            }
            open.state = State::Refused(reason);
        }
        match reason {
            Reason::FragmentsOverlap => self.counts.overlapping += 1,
            Reason::FragmentMalformed => self.counts.malformed += 1,
            Reason::FragmentCut => self.counts.cut += 1,
            _ => {}
        }
        self.make_room();
        reason
    }

    /// Drops the oldest while there are too many or they hold too much.
    fn make_room(&mut self) {
        while self.open.len() > MOST_OPEN || self.held > MOST_HELD {
            let incomplete = self.counts.incomplete;
            if !self.drop_oldest() {
                break;
            }
            self.counts.crowded_out += self.counts.incomplete - incomplete;
        }
        // Keys of datagrams that are gone stay in the queue until they come to its front.
        if self.by_age.len() > 4 * MOST_OPEN {
            let open = &self.open;
            self.by_age.retain(|(key, serial)| open.get(key).is_some_and(|open| open.serial == *serial));
        }
    }

    /// Drops those begun more than 30 s before `now`.
    fn expire(&mut self, now: CaptureTime) {
        while let Some((key, serial)) = self.by_age.front() {
            let alive = self.open.get(key).filter(|open| open.serial == *serial);
            let waits = alive.is_some_and(|open| {
                open.since.is_none_or(|since| now.seconds.saturating_sub(since.seconds) <= LONGEST_WAIT)
            });
            if waits {
                break;
            }
            self.drop_oldest();
        }
    }

    /// Drops the oldest, or one key that is gone already. False when there is none.
    fn drop_oldest(&mut self) -> bool {
        let Some((key, serial)) = self.by_age.pop_front() else { return false };
        if self.open.get(&key).is_some_and(|open| open.serial == serial)
            && let Some(open) = self.open.remove(&key)
            && let State::Gathering(gathered) = open.state
        {
            self.held = self.held.saturating_sub(gathered.cost());
            self.counts.incomplete += 1;
        }
        true
    }
}

impl Gathered {
    /// Takes in a fragment that fits to the others.
    fn add(&mut self, fragment: &Fragment<'_>, frame: u64) -> Result<(), Reason> {
        let start = usize::from(fragment.offset.byte_offset());
        let end = start + fragment.octets.len();
        // The buffer below accepts an end before what it already holds, and an empty fragment anywhere.
        let too_early =
            !fragment.more && self.buffer.sections().iter().any(|held| usize::from(held.end) > end);
        if too_early || (fragment.more && fragment.octets.is_empty()) {
            return Err(Reason::FragmentMalformed);
        }
        if self.contradicts(start, fragment.octets) {
            return Err(Reason::FragmentsOverlap);
        }
        let covered = self.covered();
        self.buffer
            .add(fragment.offset, fragment.more, fragment.octets)
            .map_err(|_| Reason::FragmentMalformed)?;
        if fragment.is_first() {
            self.protocol = fragment.protocol;
        }
        // A repeated fragment adds nothing, least of all without bound.
        if self.covered() > covered || self.frames.is_empty() {
            self.frames.push(frame);
        }
        Ok(())
    }

    /// Whether octets at `start` differ from those already held for the same place.
    fn contradicts(&self, start: usize, octets: &[u8]) -> bool {
        self.buffer.sections().iter().any(|held| {
            let from = start.max(usize::from(held.start));
            let to = (start + octets.len()).min(usize::from(held.end));
            from < to && self.buffer.data().get(from..to) != octets.get(from - start..to - start)
        })
    }

    fn covered(&self) -> usize {
        self.buffer.sections().iter().map(|held| usize::from(held.end.saturating_sub(held.start))).sum()
    }

    /// Octets of memory it takes, about.
    fn cost(&self) -> usize {
        self.buffer.data().capacity() + self.buffer.sections().capacity() * 4 + self.frames.capacity() * 8
    }
}

/// Datagrams that may wait for fragments at the same time.
const MOST_OPEN: usize = 1_024;
/// Octets that may be held for them.
const MOST_HELD: usize = 4 * 1024 * 1024;
/// How long a datagram waits for its fragments, in seconds of capture time.
const LONGEST_WAIT: i64 = 30;
