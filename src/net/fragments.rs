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
                !wants(ports, source, destination) && !tunnel::is_port(destination)
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

#[cfg(test)]
mod tests {
    use super::super::{Checksum, Decoded, Decoder, FragmentCounts};
    use crate::capture::{CaptureTime, Frame, LinkType, Options};

    /// UDP from port 123 to 40000 with 24 octets of payload and no checksum.
    const UDP: [u8; 32] = [
        0, 123, 0x9c, 0x40, 0, 32, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19,
        20, 21, 22, 23, 24,
    ];

    struct Capture {
        decoder: Decoder,
        number: u64,
        seconds: i64,
    }

    impl Capture {
        fn new() -> Self {
            Self { decoder: Decoder::new(&[123]), number: 0, seconds: 1000 }
        }

        fn decode(&mut self, octets: &[u8], original_length: usize) -> Result<(Vec<u8>, Vec<u64>), String> {
            self.number += 1;
            let frame = Frame {
                number: self.number,
                time: Some(CaptureTime { seconds: self.seconds, nanoseconds: 0 }),
                link_type: LinkType(101),
                original_length: u32::try_from(original_length).unwrap(),
                octets,
                origin: None,
                options: Options::default(),
            };
            match self.decoder.decode(&frame) {
                Decoded::Datagram(datagram) => Ok((datagram.octets.to_vec(), datagram.fragments.to_vec())),
                Decoded::Undecoded(reason) => Err(reason.code().into_owned()),
            }
        }

        /// An IPv4 fragment `offset` units of 8 octets into its datagram.
        fn v4(
            &mut self,
            id: u16,
            offset: u8,
            more: bool,
            payload: &[u8],
        ) -> Result<(Vec<u8>, Vec<u64>), String> {
            let [high, low] = id.to_be_bytes();
            let length = u8::try_from(20 + payload.len()).unwrap();
            let flags = if more { 0x20 } else { 0 };
            let header =
                [0x45, 0, 0, length, high, low, flags, offset, 9, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
            let octets = [&header, payload].concat();
            self.decode(&octets, octets.len())
        }

        /// An IPv6 fragment likewise.
        fn v6(&mut self, offset: u8, more: bool, payload: &[u8]) -> Result<(Vec<u8>, Vec<u64>), String> {
            let length = u8::try_from(8 + payload.len()).unwrap();
            let mut octets = vec![0x60, 0, 0, 0, 0, length, 44, 64];
            octets.extend([1; 32]);
            octets.extend([17, 0, 0, offset << 3 | u8::from(more), 0, 0, 0, 5]);
            octets.extend(payload);
            self.decode(&octets, octets.len())
        }
    }

    fn held() -> Result<(Vec<u8>, Vec<u64>), String> {
        Err("ip-fragment-held".to_owned())
    }

    #[test]
    fn gives_the_datagram_at_the_frame_that_completes_it() {
        let mut capture = Capture::new();
        assert_eq!(capture.v4(7, 0, true, &UDP[..16]), held());
        assert_eq!(capture.v4(8, 2, false, &UDP[16..]), held());
        assert_eq!(capture.v4(7, 2, false, &UDP[16..]), Ok((UDP[8..].to_vec(), vec![1, 3])));
        assert_eq!(capture.v4(8, 0, true, &UDP[..16]), Ok((UDP[8..].to_vec(), vec![2, 4])));
        assert_eq!(capture.v6(3, false, &UDP[24..]), held());
        assert_eq!(capture.v6(0, true, &UDP[..24]), Ok((UDP[8..].to_vec(), vec![5, 6])));
        assert_eq!(capture.decoder.finish(), FragmentCounts { reassembled: 3, ..FragmentCounts::default() });
    }

    #[test]
    fn takes_a_repeated_fragment_but_not_a_differing_one() {
        let mut capture = Capture::new();
        assert_eq!(capture.v4(7, 0, true, &UDP[..16]), held());
        assert_eq!(capture.v4(7, 0, true, &UDP[..16]), held());
        assert_eq!(capture.v4(7, 1, false, &UDP[8..]), Ok((UDP[8..].to_vec(), vec![1, 3])));
        assert_eq!(capture.v4(7, 0, true, &UDP[..16]), held());
        assert_eq!(capture.v4(7, 1, true, &[0; 16]), Err("fragments-overlap".to_owned()));
        assert_eq!(capture.v4(7, 2, false, &UDP[16..]), Err("fragments-overlap".to_owned()));
        let counts = FragmentCounts { reassembled: 1, overlapping: 1, ..FragmentCounts::default() };
        assert_eq!(capture.decoder.finish(), counts);
    }

    #[test]
    fn refuses_a_last_fragment_that_ends_before_another() {
        let mut capture = Capture::new();
        assert_eq!(capture.v4(7, 2, true, &UDP[..16]), held());
        assert_eq!(capture.v4(7, 1, false, &UDP[8..16]), Err("ip-fragment-malformed".to_owned()));
        assert_eq!(capture.v4(8, 0, true, &UDP[..15]), Err("ip-fragment-malformed".to_owned()));
        assert_eq!(capture.v4(9, 0, true, &[]), Err("ip-fragment-malformed".to_owned()));
        assert_eq!(capture.decoder.finish().malformed, 3);
    }

    #[test]
    fn refuses_a_datagram_of_which_the_capture_cut_a_fragment() {
        let mut capture = Capture::new();
        let header = [0x45, 0, 0, 36, 0, 7, 0x20, 0, 9, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
        let octets = [&header, &UDP[..12]].concat();
        assert_eq!(capture.decode(&octets, 36), Err("ip-fragment-cut".to_owned()));
        assert_eq!(capture.v4(7, 2, false, &UDP[16..]), Err("ip-fragment-cut".to_owned()));
        assert_eq!(capture.decoder.finish().cut, 1);
    }

    #[test]
    fn forgets_what_waits_longer_than_30_seconds() {
        let mut capture = Capture::new();
        assert_eq!(capture.v4(7, 0, true, &UDP[..16]), held());
        capture.seconds += 30;
        assert_eq!(capture.v4(7, 1, true, &UDP[8..16]), held());
        capture.seconds += 1;
        assert_eq!(capture.v4(7, 2, false, &UDP[16..]), held());
        let counts = capture.decoder.finish();
        assert_eq!((counts.incomplete, counts.crowded_out, counts.reassembled), (2, 0, 0));
    }

    #[test]
    fn holds_nothing_for_other_ports_until_the_identification_returns() {
        let mut capture = Capture::new();
        assert_eq!(capture.v4(7, 0, true, &[0, 53, 0, 53, 0, 24, 0, 0]), Err("udp-other-port".to_owned()));
        assert_eq!(capture.v4(7, 1, false, &[0; 16]), Err("udp-other-port".to_owned()));
        assert_eq!(capture.v4(7, 0, true, &UDP[..16]), held());
        assert_eq!(capture.v4(7, 2, false, &UDP[16..]), Ok((UDP[8..].to_vec(), vec![3, 4])));
        let counts = FragmentCounts { reassembled: 1, ..FragmentCounts::default() };
        assert_eq!(capture.decoder.finish(), counts);
    }

    #[test]
    fn stays_within_its_bounds_however_many_fragments_come() {
        let mut capture = Capture::new();
        for id in 0..20_000 {
            assert_eq!(capture.v4(id, 0xff, true, &[0; 8]), held());
        }
        let fragments = &capture.decoder.fragments;
        assert!(fragments.open.len() <= super::MOST_OPEN && fragments.held <= super::MOST_HELD);
        assert!(fragments.by_age.len() <= 4 * super::MOST_OPEN + 1);
        let counts = capture.decoder.finish();
        assert_eq!(counts.incomplete, 20_000);
        assert!(counts.crowded_out >= 18_000);
        assert_eq!(capture.decoder.fragments.held, 0);
    }

    #[test]
    fn checks_the_checksum_over_the_whole_datagram() {
        let mut udp = UDP;
        udp[7] = 1;
        let mut capture = Capture::new();
        let _ = capture.v4(7, 0, true, &udp[..16]);
        let header = [0x45, 0, 0, 36, 0, 7, 0, 2, 9, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
        let octets = [&header, &udp[16..]].concat();
        let frame = Frame {
            number: 2,
            time: None,
            link_type: LinkType(101),
            original_length: 36,
            octets: &octets,
            origin: None,
            options: Options::default(),
        };
        let Decoded::Datagram(datagram) = capture.decoder.decode(&frame) else { panic!() };
        assert!(matches!(datagram.checksum, Checksum::Wrong { found: 1, .. }));
    }
}
