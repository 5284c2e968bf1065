//! What a configuration uses keys for: associations, trust, and the keys of control programs.

use super::super::key::KeyId;
use super::super::spot::Spot;
use super::super::trusted::TrustedKeys;

/// A `server`, `peer`, `pool` or other line that names hosts to talk to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Association {
    /// The directive, in lower case.
    pub directive: String,
    /// Name or address as written.
    pub address: String,
    /// Where both stand.
    pub spot: Spot,
    /// The key that messages are to be authenticated with.
    pub key: Option<UsedKey>,
    /// The version of NTP, where one is asked for.
    pub version: Option<u8>,
    /// True where NTS takes the place of keys.
    pub nts: bool,
}

/// A key ID, and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsedKey {
    /// The key ID; `None` where something else stands in its place.
    pub id: Option<KeyId>,
    /// Where it stands.
    pub spot: Spot,
}

/// Key IDs of a `trustedkey` line, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trust {
    /// The first.
    pub first: u32,
    /// The last.
    pub last: u32,
    /// Where they stand.
    pub spot: Spot,
}

/// The key of a control program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlUse {
    /// The directive.
    pub directive: ControlDirective,
    /// The key.
    pub key: UsedKey,
}

/// Which messages of control programs a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlDirective {
    /// `controlkey`: mode 6, of ntpq.
    ControlKey,
    /// `requestkey`: mode 7, of ntpdc.
    RequestKey,
}

impl ControlDirective {
    /// The word of the configuration.
    pub fn name(self) -> &'static str {
        match self {
            ControlDirective::ControlKey => "controlkey",
            ControlDirective::RequestKey => "requestkey",
        }
    }
}

/// All uses, in the order of the lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// Hosts to talk to. ntpd's local clocks, 127.127.x.y, are none.
    pub associations: Vec<Association>,
    /// Items of `trustedkey` lines that could be read.
    pub trusts: Vec<Trust>,
    /// Keys of control programs.
    pub controls: Vec<ControlUse>,
}

/// Lines beyond this many of a kind are passed over.
const MOST_OF_A_KIND: usize = 10_000;

const ASSOCIATIONS: [&str; 5] = ["server", "peer", "pool", "broadcast", "manycastclient"];

impl Uses {
    /// Reads one line whose first word is `directive`, in lower case.
    pub(super) fn read(&mut self, line: &str, number: usize, directive: &str) {
        let words = words(line, number);
        match directive {
            name if ASSOCIATIONS.contains(&name) => self.read_association(&words, name),
            "trustedkey" => self.read_trust(line, number),
            "controlkey" => self.read_control(&words, ControlDirective::ControlKey),
            "requestkey" => self.read_control(&words, ControlDirective::RequestKey),
            _ => {}
        }
    }

    fn read_association(&mut self, words: &[Word<'_>], directive: &str) {
        let mut rest = words.iter().skip(1).skip_while(|word| matches!(word.text, "-4" | "-6"));
        let (Some(first), Some(address)) = (words.first(), rest.next()) else { return };
        if address.text.starts_with("127.127.") || self.associations.len() >= MOST_OF_A_KIND {
            return;
        }
        let length = address.spot.column + address.spot.length - first.spot.column;
        let mut association = Association {
            directive: directive.to_owned(),
            address: address.text.to_owned(),
            spot: Spot { length, ..first.spot },
            key: None,
            version: None,
            nts: false,
        };
        while let Some(option) = rest.next() {
            match option.text.to_ascii_lowercase().as_str() {
                "key" => association.key = Some(used_key(rest.next(), option)),
                "version" => association.version = rest.next().and_then(|word| word.text.parse().ok()),
                "nts" => association.nts = true,
                _ => {}
            }
        }
        self.associations.push(association);
    }

    fn read_control(&mut self, words: &[Word<'_>], directive: ControlDirective) {
        let Some(first) = words.first().filter(|_| self.controls.len() < MOST_OF_A_KIND) else { return };
        self.controls.push(ControlUse { directive, key: used_key(words.get(1), first) });
    }

    /// Ranges may have spaces in them, so they are cut at what cannot stand in one.
    fn read_trust(&mut self, line: &str, number: usize) {
        for (at, text) in items(line) {
            let Ok(keys) = TrustedKeys::parse(text) else { continue };
            let spot = Spot { line: number, column: at + 1, length: text.len() };
            for (first, last) in keys.ranges().iter().copied() {
                if self.trusts.len() < MOST_OF_A_KIND {
                    self.trusts.push(Trust { first, last, spot });
                }
            }
        }
    }
}

/// The key ID behind `option`, which stands there itself when nothing follows it.
fn used_key(word: Option<&Word<'_>>, option: &Word<'_>) -> UsedKey {
    let Some(word) = word else { return UsedKey { id: None, spot: option.spot } };
    let id = word.text.parse().ok().filter(|id| *id > 0).map(KeyId);
    UsedKey { id, spot: word.spot }
}

/// A word and where it stands.
struct Word<'w> {
    text: &'w str,
    spot: Spot,
}

/// The words of a line, up to a comment.
fn words(line: &str, number: usize) -> Vec<Word<'_>> {
    let line = line.split('#').next().unwrap_or(line);
    let mut words = Vec::new();
    let mut at = 0;
    for text in line.split(char::is_whitespace) {
        if !text.is_empty() {
            words.push(Word { text, spot: Spot { line: number, column: at + 1, length: text.len() } });
        }
        // What parts words may be longer than an octet.
        let behind = at + text.len();
        at = behind + line.get(behind..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    }
    words
}

/// The items of a `trustedkey` line, `11-13` and `(11 ... 13)` among them, and the octets before each.
fn items(line: &str) -> Vec<(usize, &str)> {
    let list = line.split('#').next().unwrap_or(line);
    let start = list.len() - list.trim_start().len();
    let begin =
        list.get(start..).and_then(|rest| rest.find(char::is_whitespace)).map_or(list.len(), |at| start + at);
    let mut items = Vec::new();
    let (mut from, mut depth) = (begin, 0_usize);
    for (at, character) in list.char_indices().filter(|(at, _)| *at >= begin).chain([(list.len(), ' ')]) {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && (character.is_whitespace() || character == ',') {
            items.extend(list.get(from..at).filter(|text| !text.is_empty()).map(|text| (from, text)));
            from = at + character.len_utf8();
        }
    }
    items
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    #[test]
    fn associations_tell_their_key_and_where_it_stands() {
        let uses = read(b"server -4 192.0.2.1 iburst key 11 version 3 # key 12\npeer ntp.example\nserver 127.127.1.0\npool p key x\nserver s nts\n").uses;
        let told: Vec<_> = uses
            .associations
            .iter()
            .map(|it| {
                (it.directive.as_str(), it.address.as_str(), it.key.map(|key| key.id), it.version, it.nts)
            })
            .collect();
        let expected = [
            ("server", "192.0.2.1", Some(Some(KeyId(11))), Some(3), false),
            ("peer", "ntp.example", None, None, false),
            ("pool", "p", Some(None), None, false),
            ("server", "s", None, None, true),
        ];
        assert_eq!(told, expected);
        let first = &uses.associations[0];
        assert_eq!(first.spot, Spot { line: 1, column: 1, length: 19 });
        assert_eq!(first.key.unwrap().spot, Spot { line: 1, column: 32, length: 2 });
    }

    #[test]
    fn trusted_items_stand_each_for_itself() {
        let uses = read(b"  trustedkey 1 (11 ... 13),20-22 x # 9\n").uses;
        let told: Vec<_> =
            uses.trusts.iter().map(|it| (it.first, it.last, it.spot.column, it.spot.length)).collect();
        assert_eq!(told, [(1, 1, 14, 1), (11, 13, 16, 11), (20, 22, 28, 5)]);
    }

    #[test]
    fn keys_of_control_programs_are_found() {
        let uses = read(b"controlkey 12\nrequestkey\n").uses;
        let told: Vec<_> = uses.controls.iter().map(|it| (it.directive.name(), it.key.id)).collect();
        assert_eq!(told, [("controlkey", Some(KeyId(12))), ("requestkey", None)]);
    }

    #[test]
    fn every_cut_of_a_line_is_read() {
        let text = "server \u{2003}a\u{2003}key (11 ... 13),\u{e9} version 4\ntrustedkey (\u{a0}1 ... \u{2003}3) 2\n";
        for end in 0..=text.len() {
            read(&text.as_bytes()[..end]);
        }
    }
}
