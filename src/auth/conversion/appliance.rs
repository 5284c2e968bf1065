//! Lines of the configurations of routers and switches, as their makers' documents describe them.

use zeroize::Zeroizing;

use super::daemon::{FEWEST_IN_HEX, LONGEST_TEXT, is_text};
use super::{Format, Kept, Keys, Lost, Reason};
use crate::auth::algorithm::Algorithm;
use crate::auth::hex;
use crate::auth::key::{Key, KeyId, Secret};
use crate::auth::type7;

/// The word behind which all of them have ID, type and secret.
const DIRECTIVE: &[u8] = b"authentication-key";

/// The device whose lines `text` has: the first one tells.
pub(super) fn detect(text: &[u8]) -> Option<Format> {
    let words = lines(text).find_map(|(_, words)| definition(words))?;
    Some(match words.as_slice() {
        [_, keyword, ..] if *keyword == b"type" || *keyword == b"value" => Format::Junos,
        [_, _, form, _, ..] if matches!(*form, b"0" | b"7") => Format::Arista,
        _ => Format::CiscoIos,
    })
}

/// Reads the keys of a configuration; lines about something else are passed over. The last of several lines for one
/// key ID counts, as if the lines were typed one after the other.
pub(super) fn read(text: &[u8], device: Format) -> Keys {
    let mut keys = Keys::default();
    for (line, words) in lines(text) {
        let Some(words) = definition(words) else { continue };
        match key_of(&words, device) {
            Ok(key) => keys.put(Kept { line, key, addresses: Vec::new() }),
            Err(reason) => keys.lost.push(Lost { line, reason }),
        }
    }
    keys
}

impl Keys {
    fn put(&mut self, new: Kept) {
        let same = |kept: &Kept| kept.key.id() == new.key.id();
        if let Some(at) = self.kept.iter().position(same) {
            self.superseded.push(self.kept.remove(at).line);
        }
        self.kept.push(new);
    }
}

/// Lines with their numbers, in words.
fn lines(text: &[u8]) -> impl Iterator<Item = (usize, Vec<&[u8]>)> {
    text.split(|octet| *octet == b'\n').enumerate().map(|(index, line)| {
        let words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect();
        (index + 1, words)
    })
}

/// What stands behind the directive, on a line that defines a key.
fn definition(words: Vec<&[u8]>) -> Option<Vec<&[u8]>> {
    let is_comment = words.first().is_some_and(|word| matches!(word.first(), Some(b'!' | b'#')));
    let is_removed = words.first().is_some_and(|word| matches!(*word, b"no" | b"delete"));
    let at = words.iter().position(|word| *word == DIRECTIVE)?;
    (!is_comment && !is_removed).then(|| words.into_iter().skip(at + 1).collect())
}

fn key_of(words: &[&[u8]], device: Format) -> Result<Key, String> {
    let [id, rest @ ..] = words else { return Err("a key without ID".to_owned()) };
    let id = std::str::from_utf8(id).ok().and_then(|id| id.parse().ok()).filter(|id| *id > 0);
    let id = KeyId(id.ok_or_else(|| "a key ID that is no number".to_owned())?);
    let of_key = |why: &str| format!("key {id}: {why}");
    let (algorithm, secret) = match device {
        Format::Junos => junos(rest),
        Format::Arista => arista(rest),
        _ => cisco(rest),
    }
    .map_err(of_key)?;
    Key::new(id, algorithm, Secret::new(secret)).map_err(|wrong| of_key(&wrong.to_string()))
}

type Parts = (Algorithm, Vec<u8>);

fn cisco(words: &[&[u8]]) -> Result<Parts, &'static str> {
    let (kind, word, form) = match *words {
        [kind, word] => (kind, word, &b"0"[..]),
        [kind, word, form] => (kind, word, form),
        _ => return Err("expected type, secret and perhaps the number of its form"),
    };
    Ok((cisco_type(kind)?, revealed(form, word)?))
}

fn cisco_type(word: &[u8]) -> Result<Algorithm, &'static str> {
    match word {
        b"md5" => Ok(Algorithm::Md5),
        b"cmac-aes-128" => Ok(Algorithm::Aes128Cmac),
        _ if word.starts_with(b"hmac-") => Err("the type is one of HMAC, which no NTP daemon computes"),
        _ => Err("the type is not known"),
    }
}

fn arista(words: &[&[u8]]) -> Result<Parts, &'static str> {
    let (kind, form, word) = match *words {
        [kind, word] => (kind, &b"0"[..], word),
        [kind, form, word] => (kind, form, word),
        _ => return Err("expected type, perhaps the number of a form, and secret"),
    };
    let algorithm = match kind {
        b"md5" => Algorithm::Md5,
        b"sha1" => Algorithm::Sha1,
        _ => return Err("the type is not known"),
    };
    Ok((algorithm, revealed(form, word)?))
}

/// The secret behind a word in one of the forms that devices show.
fn revealed(form: &[u8], word: &[u8]) -> Result<Vec<u8>, &'static str> {
    match form {
        b"0" => Ok(word.to_vec()),
        b"7" => type7::decode(word).ok_or("the secret is said to be a type-7 text, and is none"),
        b"6" => Err("the secret is encrypted with a key that only the device has (type 6)"),
        _ => Err("the form of the secret is not known"),
    }
}

fn junos(words: &[&[u8]]) -> Result<Parts, &'static str> {
    let behind = |keyword: &[u8]| {
        let at = words.iter().position(|word| *word == keyword)?;
        words.get(at + 1).copied()
    };
    let algorithm = match behind(b"type").map(unquoted) {
        Some(b"md5") => Algorithm::Md5,
        Some(b"sha1") => Algorithm::Sha1,
        Some(b"sha256") => Algorithm::Sha256,
        Some(_) => return Err("the type is not known"),
        None => {
            return Err(
                "the type is missing; Junos shows it on the line where type and value stand together",
            );
        }
    };
    let word = behind(b"value").map(unquoted).ok_or("the value is missing")?;
    if word.starts_with(b"$9$") {
        return Err("the secret is hidden ($9$); take the one that was typed in");
    }
    let secret = if word.len() > LONGEST_TEXT { hex::decode(word) } else { Some(word.to_vec()) };
    Ok((algorithm, secret.ok_or("a secret of more than 20 characters must be hex")?))
}

/// A word without the quotes around it and the semicolon behind it.
fn unquoted(word: &[u8]) -> &[u8] {
    let word = word.strip_suffix(b";").unwrap_or(word);
    word.strip_prefix(b"\"").and_then(|word| word.strip_suffix(b"\"")).unwrap_or(word)
}

/// The line of a key.
pub(super) fn line_of(kept: &Kept, device: Format) -> Result<Zeroizing<Vec<u8>>, Reason> {
    let (key, id) = (&kept.key, kept.key.id());
    let maximum = device.largest_key_id();
    if id.0 == 0 || id.0 > maximum {
        return Err(Reason::KeyId { maximum });
    }
    if !kept.addresses.is_empty() {
        return Err(Reason::Addresses);
    }
    let secret = key.secret().as_octets();
    let algorithm = key.algorithm();
    let mut line = Zeroizing::new(Vec::with_capacity(2 * secret.len() + 128));
    match device {
        Format::Junos => {
            let kind = junos_word(algorithm).ok_or(Reason::Algorithm(algorithm))?;
            line.extend(format!("set system ntp authentication-key {id} type {kind} value \"").bytes());
            line.extend(junos_secret(secret)?.iter().chain(b"\""));
        }
        Format::Arista => {
            let kind = arista_word(algorithm).ok_or(Reason::Algorithm(algorithm))?;
            line.extend(format!("ntp authentication-key {id} {kind} 0 ").bytes());
            line.extend(text(secret, LONGEST_TEXT)?);
        }
        _ => {
            let kind = cisco_word(algorithm)?;
            let salt = usize::try_from(id.0).unwrap_or_default() % type7::SALTS;
            let hidden = Zeroizing::new(type7::encode(text(secret, CISCO_LONGEST)?, salt));
            line.extend(format!("ntp authentication-key {id} {kind} ").bytes());
            line.extend(hidden.iter().chain(b" 7"));
        }
    }
    Ok(line)
}

/// Most characters of a key in IOS.
const CISCO_LONGEST: usize = 32;

fn cisco_word(algorithm: Algorithm) -> Result<&'static str, Reason> {
    match algorithm {
        Algorithm::Md5 => Ok("md5"),
        Algorithm::Aes128Cmac => Ok("cmac-aes-128"),
        Algorithm::Sha1 | Algorithm::Sha256 => Err(Reason::OnlyHmac(algorithm)),
        _ => Err(Reason::Algorithm(algorithm)),
    }
}

fn arista_word(algorithm: Algorithm) -> Option<&'static str> {
    match algorithm {
        Algorithm::Md5 => Some("md5"),
        Algorithm::Sha1 => Some("sha1"),
        _ => None,
    }
}

fn junos_word(algorithm: Algorithm) -> Option<&'static str> {
    match algorithm {
        Algorithm::Md5 => Some("md5"),
        Algorithm::Sha1 => Some("sha1"),
        Algorithm::Sha256 => Some("sha256"),
        _ => None,
    }
}

/// Junos hands its keys to an ntpd: up to 20 characters are text, 22 to 40 digits are hex.
fn junos_secret(octets: &[u8]) -> Result<Zeroizing<Vec<u8>>, Reason> {
    let quotable = |octet: &u8| is_text(*octet) && !matches!(octet, b'"' | b'\\' | b';' | b'$');
    match octets.len() {
        0 => Err(Reason::Empty),
        1..=LONGEST_TEXT if octets.iter().all(quotable) => Ok(Zeroizing::new(octets.to_vec())),
        length @ 1..FEWEST_IN_HEX => Err(Reason::ShortAndNotText { octets: length, fewest: FEWEST_IN_HEX }),
        FEWEST_IN_HEX..=LONGEST_TEXT => Ok(Zeroizing::new(hex::encode(octets))),
        length => Err(Reason::Length { octets: length, maximum: LONGEST_TEXT }),
    }
}

/// A secret that is typed as it stands. A question mark would call for help.
fn text(octets: &[u8], maximum: usize) -> Result<&[u8], Reason> {
    let length = octets.len();
    if length == 0 {
        Err(Reason::Empty)
    } else if length > maximum {
        Err(Reason::Length { octets: length, maximum })
    } else if octets.iter().all(|octet| is_text(*octet) && !matches!(octet, b'?' | b'"' | b'!')) {
        Ok(octets)
    } else {
        Err(Reason::NotText { octets: length })
    }
}
