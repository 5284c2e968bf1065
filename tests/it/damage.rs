//! Damage of every kind: nothing panics, nothing runs away, and nothing damaged is ever called valid.
//!
//! All of it is exhaustive but two things, which are chosen by a seed that is printed: of a long control or private
//! message not every bit is flipped, and only some damaged messages are written out as records.

use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::path::PathBuf;

use ntpcap::analysis::verdict::{self, Verdict};
use ntpcap::analysis::{Analyzer, Sighting, Status};
use ntpcap::auth::keyfile::{self, Dialect};
use ntpcap::auth::{KeyId, Keyring, Keyrings, TrustedKeys};
use ntpcap::capture::{CaptureTime, Ending, Reader};
use ntpcap::net::{Decoded, Decoder};
use ntpcap::ntp::Message;
use ntpcap::report::model::{MessageRecord, View};
use serde_json::Value;

use crate::common::{captures, root};
use crate::made::{expectation_path, made_captures};

const SEED: u64 = 0x6e74_7063_6170_0001;

#[test]
fn no_message_cut_short_is_valid_unless_the_cut_is_the_one_that_version_4_makes() {
    let mut count = (0, 0);
    for (keyring, messages) in messages_by_keyring() {
        for octets in &messages {
            let whole = judge(octets, &keyring);
            for length in 0..octets.len() {
                count.0 += 1;
                let accepted = is_accepted(judge(&octets[..length], &keyring));
                // The longest message of a made capture is a real one with an octet behind it.
                if messages.binary_search_by(|other| other.as_slice().cmp(&octets[..length])).is_ok() {
                    continue;
                }
                // A digest of more than 20 octets cut to 20 is what RFC 7822 and the daemons make of it themselves:
                // whoever cuts it there has changed nothing that a receiver could check.
                let is_the_usual_cut =
                    is_accepted(whole) && whole.and_then(digest_octets) == Some(octets.len() - length + 20);
                assert_eq!(
                    accepted,
                    is_the_usual_cut,
                    "{length} of {} octets of {octets:02x?}",
                    octets.len()
                );
                count.1 += u32::from(accepted);
            }
        }
    }
    eprintln!("{} cuts, {} of them to 20 octets of digest", count.0, count.1);
    assert!(count.0 > 20_000 && count.1 > 0);
}

#[test]
fn no_message_with_a_flipped_bit_is_valid() {
    let mut random = Random::new();
    let (mut flipped, mut in_valid, mut of_another_key) = (0, 0, Vec::new());
    for (keyring, messages) in messages_by_keyring() {
        for octets in &messages {
            // Every bit of a message of usual length, some 2,000 of a long one.
            let one_of = u64::try_from(octets.len() * 8 / 2_000).unwrap() + 1;
            let before = judge(octets, &keyring);
            let mut damaged = octets.clone();
            for bit in (0..octets.len() * 8).filter(|_| random.next(one_of) == 0) {
                damaged[bit / 8] ^= 1 << (bit % 8);
                let verdict = judge(&damaged, &keyring);
                // No MAC covers its own key ID. One made with the secret of another key, which the capture has as its
                // wrong key, is right under that key's ID.
                if let Some(verdict) = verdict.filter(|_| !is_accepted(before) && is_accepted(verdict)) {
                    of_another_key.push((before.unwrap().key_id(), verdict.key_id(), verdict.status));
                } else {
                    assert!(!is_accepted(verdict), "bit {bit} of {octets:02x?}: {verdict:?}");
                }
                damaged[bit / 8] ^= 1 << (bit % 8);
                flipped += 1;
                in_valid += u32::from(is_accepted(before));
            }
        }
    }
    eprintln!("{flipped} flipped bits, {in_valid} of them in messages that verify");
    assert!(flipped > 200_000 && in_valid > 50_000);
    of_another_key.sort_unstable();
    of_another_key.dedup();
    assert_eq!(of_another_key, [(Some(KeyId(11)), Some(KeyId(15)), Status::UntrustedKey)]);
}

#[test]
fn no_octet_put_in_or_left_out_makes_a_valid_message() {
    for (keyring, messages) in messages_by_keyring() {
        for octets in messages.iter().filter(|octets| octets.len() <= 120) {
            for position in 0..octets.len() {
                let without = [&octets[..position], &octets[position + 1..]].concat();
                let is_last = position + 1 == octets.len();
                assert!(
                    is_last || !is_accepted(judge(&without, &keyring)),
                    "without octet {position} of {octets:02x?}"
                );
                let with = [&octets[..position], &[0], &octets[position..]].concat();
                assert!(!is_accepted(judge(&with, &keyring)), "a zero at {position} of {octets:02x?}");
            }
            for behind in [1, 2, 4, 8, 20] {
                let longer = [octets.as_slice(), &vec![0; behind]].concat();
                assert!(!is_accepted(judge(&longer, &keyring)), "{behind} zeros behind {octets:02x?}");
            }
        }
    }
}

#[test]
fn a_damaged_message_can_always_be_written_out() {
    let mut random = Random::new();
    let mut written = 0;
    for capture in all_captures() {
        let keys = Keyrings::new();
        let mut analyzer = Analyzer::new(&keys, ntpcap::analysis::Policy::default());
        let octets = fs::read(&capture).unwrap();
        let mut reader = Reader::new(Cursor::new(octets)).unwrap();
        let mut decoder = Decoder::new(&[123, 1123]);
        while let Some(frame) = reader.next_frame() {
            let Decoded::Datagram(datagram) = decoder.decode(&frame) else { continue };
            let mut damaged = datagram.octets.to_vec();
            for position in 0..damaged.len().min(120) {
                if random.next(8) != 0 {
                    continue;
                }
                damaged[position] = u8::try_from(random.next(256)).unwrap();
                let length = usize::try_from(random.next(damaged.len() as u64 + 1)).unwrap();
                for octets in [&damaged[..], &damaged[..length]] {
                    let datagram = ntpcap::net::Datagram { octets, length: octets.len(), ..datagram };
                    let judged = analyzer.judge(
                        Sighting { frame: frame.number, time: frame.time, ..Sighting::default() },
                        datagram,
                    );
                    for view in [View::Verify, View::Decode] {
                        serde_json::to_string(&MessageRecord::new(&judged, None, view)).unwrap();
                        written += 1;
                    }
                }
            }
        }
    }
    eprintln!("{written} records of damaged messages");
    assert!(written > 10_000);
}

#[test]
fn every_prefix_of_a_capture_gives_the_frames_of_the_whole_in_their_order() {
    let mut prefixes = 0;
    for capture in made_captures() {
        let octets = fs::read(&capture).unwrap();
        let whole = read_all(&octets).expect("a made capture can be opened");
        for length in 0..octets.len() {
            prefixes += 1;
            let Some(part) = read_all(&octets[..length]) else { continue };
            let place = || format!("{} octets of {}", length, capture.display());
            assert!(part.frames.len() <= whole.frames.len(), "{}", place());
            assert_eq!(part.frames, whole.frames[..part.frames.len()], "{}", place());
            assert!(!part.failed, "{}", place());
            assert!(part.datagrams <= whole.datagrams, "{}", place());
        }
    }
    eprintln!("{prefixes} prefixes");
}

#[test]
fn every_prefix_of_an_uncompressed_capture_is_told_from_the_whole() {
    for capture in
        made_captures().into_iter().filter(|path| !path.display().to_string().contains("compressed"))
    {
        let octets = fs::read(&capture).unwrap();
        let whole = read_all(&octets).unwrap();
        // At these lengths a record ends, so that nothing can be missed.
        let ends =
            (0..octets.len()).filter(|length| read_all(&octets[..*length]).is_some_and(|part| part.complete));
        let ends = ends.count();
        let most = octets.len() / 12;
        assert!(ends <= most, "{} of {} prefixes of {} are complete", ends, octets.len(), capture.display());
        assert!(ends + 1 >= whole.frames.len(), "{}", capture.display());
    }
}

#[test]
fn any_octet_of_a_small_capture_may_be_anything() {
    let mut changes = 0;
    for capture in smallest_captures() {
        let octets = fs::read(&capture).unwrap();
        let mut damaged = octets.clone();
        for position in 0..octets.len() {
            for value in [0x00, 0xff, octets[position] ^ 0x01] {
                damaged[position] = value;
                changes += 1;
                if let Some(read) = read_all(&damaged) {
                    let most = octets.len() / 12;
                    assert!(read.frames.len() <= most, "octet {position} of {}", capture.display());
                    assert!(!read.failed);
                }
            }
            damaged[position] = octets[position];
        }
    }
    eprintln!("{changes} changed octets");
    assert!(changes > 15_000);
}

#[test]
fn a_key_file_may_be_cut_anywhere_and_any_octet_of_it_changed() {
    let mut readings = 0;
    for name in ["sha1-valid-and-wrong-key", "shared-ntp.org", "shared-ntpsec", "shared-chrony"] {
        let text = fs::read(root().join("captures").join(format!("{name}.keys"))).unwrap();
        for length in 0..text.len() {
            read_keys(&text[..length]);
            readings += 1;
        }
        let mut damaged = text.clone();
        for position in 0..text.len() {
            for change in [0x01, 0x20, 0xff] {
                damaged[position] = text[position] ^ change;
                read_keys(&damaged);
                readings += 1;
            }
            damaged[position] = text[position];
        }
    }
    eprintln!("{readings} damaged key files, each read in three ways");
}

/// Everything that `ntpcap` would do with the text of a key file.
fn read_keys(text: &[u8]) {
    let _ = keyfile::detect(text);
    for dialect in Dialect::ALL {
        let file = keyfile::read(text, dialect);
        let mut keyring = Keyring::new();
        for problem in &file.problems {
            assert!(problem.line >= 1);
        }
        keyring.add("damaged.keys", file);
    }
}

/// A frame: number, time, link type, original length, octets.
type Taken = (u64, Option<CaptureTime>, u16, u32, Vec<u8>);

/// What reading octets as a capture gives.
struct Read {
    frames: Vec<Taken>,
    datagrams: usize,
    complete: bool,
    failed: bool,
}

/// Reads octets to their end as a capture; `None` when they cannot be opened as one.
fn read_all(octets: &[u8]) -> Option<Read> {
    let mut reader = Reader::new(Cursor::new(octets.to_vec())).ok()?;
    let mut decoder = Decoder::new(&[123]);
    let (mut frames, mut datagrams) = (Vec::new(), 0);
    while let Some(frame) = reader.next_frame() {
        frames.push((
            frame.number,
            frame.time,
            frame.link_type.0,
            frame.original_length,
            frame.octets.to_vec(),
        ));
        datagrams += usize::from(matches!(decoder.decode(&frame), Decoded::Datagram(_)));
    }
    assert!(reader.next_frame().is_none(), "a reader that was at its end goes on");
    assert!(!matches!(reader.ending(), Ending::Open), "a reader at its end says that it is not");
    let failed = matches!(reader.ending(), Ending::Failed(_));
    Some(Read { frames, datagrams, complete: reader.ending().is_complete(), failed })
}

fn judge<'a, 'k>(octets: &'a [u8], keyring: &'k Keyring) -> Option<Verdict<'a, 'k>> {
    Message::parse(octets).ok().map(|message| verdict::judge_message(&message, keyring))
}

/// Whether a digest was found right, trusted or not.
fn is_accepted(verdict: Option<Verdict<'_, '_>>) -> bool {
    verdict.is_some_and(|verdict| verdict.status == Status::Valid || verdict.digest_matches == Some(true))
}

fn digest_octets(verdict: Verdict<'_, '_>) -> Option<usize> {
    verdict.digest().map(<[u8]>::len)
}

/// The different messages of all captures, by the keys that are meant for them.
fn messages_by_keyring() -> Vec<(Keyring, Vec<Vec<u8>>)> {
    let mut found: BTreeMap<(PathBuf, String, Option<String>), Vec<Vec<u8>>> = BTreeMap::new();
    for capture in all_captures() {
        let expected: Value =
            serde_json::from_str(&fs::read_to_string(expectation_path(&capture)).unwrap()).unwrap();
        let Some(keys) = expected["keys"].as_str() else { continue };
        let text = |name: &str| expected[name].as_str().map(str::to_owned);
        let path = capture.with_file_name(keys).canonicalize().unwrap();
        let list = found.entry((path, text("key_format").unwrap(), text("trusted"))).or_default();
        let mut reader = Reader::new(Cursor::new(fs::read(&capture).unwrap())).unwrap();
        let mut decoder = Decoder::new(&[123, 1123]);
        while let Some(frame) = reader.next_frame() {
            if let Decoded::Datagram(datagram) = decoder.decode(&frame)
                && datagram.shortfall.is_none()
            {
                list.push(datagram.octets.to_vec());
            }
        }
    }
    let load =
        |((path, dialect, trusted), mut messages): ((PathBuf, String, Option<String>), Vec<Vec<u8>>)| {
            messages.sort_unstable();
            messages.dedup();
            let mut keyring = Keyring::new();
            keyring.add("keys", keyfile::read(&fs::read(path).unwrap(), dialect.parse().unwrap()));
            if let Some(trusted) = trusted {
                keyring.trust_only(TrustedKeys::parse(&trusted).unwrap());
            }
            (keyring, messages)
        };
    found.into_iter().map(load).collect()
}

fn all_captures() -> Vec<PathBuf> {
    [captures("captures"), made_captures()].concat()
}

/// The twelve smallest made captures of each format that hold a frame.
fn smallest_captures() -> Vec<PathBuf> {
    let mut sizes: Vec<(usize, PathBuf)> = made_captures()
        .into_iter()
        .map(|path| (fs::read(&path).unwrap(), path))
        .filter(|(octets, _)| read_all(octets).is_some_and(|read| !read.frames.is_empty()))
        .map(|(octets, path)| (octets.len(), path))
        .collect();
    sizes.sort();
    let of = |ending: &str| {
        let has = |path: &PathBuf| path.extension().is_some_and(|found| found == ending);
        let paths = sizes.iter().map(|(_, path)| path.clone()).filter(has);
        paths.take(12).collect::<Vec<_>>()
    };
    [of("pcap"), of("pcapng")].concat()
}

/// Numbers that look random and are the same every time.
struct Random(u64);

impl Random {
    fn new() -> Random {
        eprintln!("seed {SEED:#x}");
        Random(SEED)
    }

    /// A number below `limit` (xorshift).
    fn next(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}
