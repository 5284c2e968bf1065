//! The few lines of a daemon's configuration that say which keys it uses and trusts.
//!
//! Reads ntp.conf of ntp.org and NTPsec (`keys`, `trustedkey`) and chrony.conf (`keyfile`).

use std::fmt;

pub mod uses;

use uses::Uses;

use super::keyfile::Dialect;
use super::trusted::{TrustedFault, TrustedKeys};

/// What a configuration says about keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configuration {
    /// Path of the key file, as written but without quotes. The last one given counts.
    pub keys: Option<String>,
    /// Number of the line that gives it, from 1.
    pub keys_line: Option<usize>,
    /// The keys of all `trustedkey` lines. `None` without such a line: then ntpd trusts no key. chrony has none.
    pub trusted: Option<TrustedKeys>,
    /// What it uses keys for.
    pub uses: Uses,
    /// The program whose configuration it looks like.
    pub dialect: Option<Dialect>,
    /// What could not be read or was not followed, in the order of the lines.
    pub remarks: Vec<Remark>,
}

/// A remark about one line of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// Number of the line, from 1.
    pub line: usize,
    /// Number of the octet in it, from 1.
    pub column: usize,
    /// What it is.
    pub kind: RemarkKind,
}

/// What a remark is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RemarkKind {
    /// Another file is named here that may say more; it is not read.
    NotFollowed {
        /// The directive.
        directive: String,
        /// The path as written.
        path: String,
    },
    /// A `trustedkey` line cannot be read.
    BadTrustedKey(TrustedFault),
    /// A directive lacks its path.
    MissingPath {
        /// The directive.
        directive: String,
    },
    /// An earlier line named another key file; this one counts.
    KeysAgain {
        /// Number of that line.
        earlier: usize,
    },
}

impl RemarkKind {
    /// The stable name of the kind, in kebab case.
    pub fn code(&self) -> &'static str {
        match self {
            RemarkKind::NotFollowed { .. } => "include-not-followed",
            RemarkKind::BadTrustedKey(_) => "bad-trusted-key",
            RemarkKind::MissingPath { .. } => "missing-path",
            RemarkKind::KeysAgain { .. } => "keys-again",
        }
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            RemarkKind::NotFollowed { directive, path } => {
                write!(formatter, "{directive} names {path}, which is not read")
            }
            RemarkKind::BadTrustedKey(fault) => write!(formatter, "trustedkey: {fault}"),
            RemarkKind::MissingPath { directive } => write!(formatter, "{directive} has no path"),
            RemarkKind::KeysAgain { earlier } => {
                write!(formatter, "line {earlier} named a key file as well; this one counts")
            }
        }
    }
}

/// Most octets of a configuration that are read.
const LARGEST_TEXT: usize = 4 << 20;

/// Reads a configuration. Never fails: what is not about keys is passed over.
pub fn read(text: &[u8]) -> Configuration {
    let text = text.get(..LARGEST_TEXT).unwrap_or(text);
    let mut configuration = Configuration::default();
    let mut signs = Signs::default();
    for (index, octets) in text.split(|octet| *octet == b'\n').enumerate() {
        let line = String::from_utf8_lossy(octets);
        Reader { number: index + 1, line: &line, configuration: &mut configuration }.read(&mut signs);
    }
    configuration.dialect = signs.dialect();
    configuration
}

struct Reader<'r> {
    number: usize,
    line: &'r str,
    configuration: &'r mut Configuration,
}

impl Reader<'_> {
    fn read(&mut self, signs: &mut Signs) {
        let Some((directive, after)) = directive(self.line) else { return };
        let name = directive.to_ascii_lowercase();
        signs.add(&name);
        self.configuration.uses.read(self.line, self.number, &name);
        if self.line.contains("/ntpsec/") {
            signs.ntpsec += 1;
        }
        match name.as_str() {
            "keys" | "keyfile" => self.read_keys(directive, after),
            "trustedkey" => self.read_trusted(after),
            "includefile" | "include" | "confdir" | "sourcedir" => self.note_include(directive, after),
            _ => {}
        }
    }

    fn read_keys(&mut self, directive: &str, after: usize) {
        let Some(path) = path(self.line.get(after..).unwrap_or_default()) else {
            return self.remark(after, RemarkKind::MissingPath { directive: directive.to_owned() });
        };
        if let Some(earlier) = self.configuration.keys_line.replace(self.number) {
            self.remark(0, RemarkKind::KeysAgain { earlier });
        }
        self.configuration.keys = Some(path);
    }

    fn read_trusted(&mut self, after: usize) {
        let rest = self.line.get(after..).unwrap_or_default();
        let list = rest.split('#').next().unwrap_or(rest);
        match TrustedKeys::parse(list) {
            Ok(keys) => self.configuration.trusted.get_or_insert_default().extend(keys),
            Err(error) => {
                self.configuration.trusted.get_or_insert_default();
                self.remark(after + error.position, RemarkKind::BadTrustedKey(error.fault));
            }
        }
    }

    fn note_include(&mut self, directive: &str, after: usize) {
        let directive = directive.to_owned();
        let kind = match path(self.line.get(after..).unwrap_or_default()) {
            Some(path) => RemarkKind::NotFollowed { directive, path },
            None => RemarkKind::MissingPath { directive },
        };
        self.remark(after, kind);
    }

    fn remark(&mut self, at: usize, kind: RemarkKind) {
        if self.configuration.remarks.len() < MOST_REMARKS {
            self.configuration.remarks.push(Remark { line: self.number, column: at + 1, kind });
        }
    }
}

/// Remarks beyond this many are dropped.
const MOST_REMARKS: usize = 10_000;

/// The first word of a line and where the rest starts. `None` for blank lines and comments.
fn directive(line: &str) -> Option<(&str, usize)> {
    let start = line.len() - line.trim_start().len();
    let rest = line.get(start..)?;
    if rest.is_empty() || rest.starts_with(['#', '!', ';', '%']) {
        return None;
    }
    let length = rest.find(|c: char| c.is_whitespace() || c == '#').unwrap_or(rest.len());
    Some((rest.get(..length)?, start + length))
}

/// The path at the start of `text`: in double or single quotes, or up to the next space or `#`.
fn path(text: &str) -> Option<String> {
    let text = text.trim_start();
    let quoted = ['"', '\''].into_iter().find_map(|quote| {
        let inner = text.strip_prefix(quote)?;
        Some(inner.split(quote).next().unwrap_or(inner))
    });
    let bare = text.split(|c: char| c.is_whitespace() || c == '#').next().unwrap_or(text);
    let path = quoted.unwrap_or(bare);
    (!path.is_empty()).then(|| path.to_owned())
}

/// Directives that only one program has.
#[derive(Default)]
struct Signs {
    ntp_org: usize,
    ntpsec: usize,
    ntpd: usize,
    chrony: usize,
}

impl Signs {
    fn add(&mut self, name: &str) {
        match name {
            "requestkey" | "fudge" | "automax" | "crypto" | "broadcastclient" | "manycastclient"
            | "multicastclient" | "revoke" | "ttl" | "broadcastdelay" => self.ntp_org += 1,
            "refclock" | "nts" | "unpeer" | "unrestrict" => self.ntpsec += 1,
            "keys" | "trustedkey" | "controlkey" | "restrict" | "statsdir" | "filegen" | "tinker" | "tos"
            | "disable" | "enable" | "includefile" | "statistics" => self.ntpd += 1,
            "keyfile" | "makestep" | "rtcsync" | "rtcfile" | "cmdport" | "cmdallow" | "bindcmdaddress"
            | "confdir" | "sourcedir" | "local" | "allow" | "deny" | "leapsectz" | "maxupdateskew"
            | "dumpdir" | "ntsdumpdir" | "ntsservercert" | "ntsserverkey" | "hwtimestamp" => self.chrony += 1,
            _ => {}
        }
    }

    fn dialect(&self) -> Option<Dialect> {
        let ntpd = self.ntp_org + self.ntpsec + self.ntpd;
        if self.chrony > ntpd {
            Some(Dialect::Chrony)
        } else if self.ntpsec > self.ntp_org {
            Some(Dialect::Ntpsec)
        } else if ntpd > 0 {
            Some(Dialect::NtpOrg)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(configuration: &Configuration) -> Vec<(usize, usize, &'static str)> {
        configuration.remarks.iter().map(|it| (it.line, it.column, it.kind.code())).collect()
    }

    #[test]
    fn reads_keys_and_trust_of_ntp_conf() {
        let text = b"# keys /etc/wrong\ndriftfile /var/lib/ntp/drift\n  keys /etc/ntp.keys # here\n\
            trustedkey 1 (11 ... 13) # not 14\ntrustedkey 20-21\ncontrolkey 12\nserver 192.0.2.1 key 11\n";
        let read = read(text);
        assert_eq!(read.keys.as_deref(), Some("/etc/ntp.keys"));
        assert_eq!(read.keys_line, Some(3));
        assert_eq!(read.trusted.unwrap().to_string(), "1,11-13,20-21");
        assert_eq!(read.dialect, Some(Dialect::NtpOrg));
        assert_eq!(read.remarks, []);
    }

    #[test]
    fn reads_quoted_paths() {
        assert_eq!(read(b"keys \"/etc/ntp sec/ntp.keys\"").keys.as_deref(), Some("/etc/ntp sec/ntp.keys"));
        assert_eq!(read(b"keyfile '/etc/k'").keys.as_deref(), Some("/etc/k"));
    }

    #[test]
    fn reads_chrony_conf() {
        let read = read(b"! comment\npool 2.pool.example iburst\nkeyfile /etc/chrony/chrony.keys\r\nmakestep 1 3\nconfdir /etc/chrony/conf.d\n");
        assert_eq!(read.keys.as_deref(), Some("/etc/chrony/chrony.keys"));
        assert_eq!(read.trusted, None);
        assert_eq!(read.dialect, Some(Dialect::Chrony));
        assert_eq!(kinds(&read), [(5, 8, "include-not-followed")]);
        assert_eq!(read.remarks[0].to_string(), "confdir names /etc/chrony/conf.d, which is not read");
    }

    #[test]
    fn tells_ntpsec_from_ntp_org() {
        assert_eq!(read(b"nts enable\nkeys /etc/ntpsec/ntp.keys\n").dialect, Some(Dialect::Ntpsec));
        assert_eq!(read(b"driftfile /x\n").dialect, None);
    }

    #[test]
    fn points_at_what_it_cannot_read() {
        let read =
            read(b"keys\nkeys /a\nkeys /b\ntrustedkey 1 x\ntrustedkey 5\nincludefile /etc/more.conf\n");
        let expected = [
            (1, 5, "missing-path"),
            (3, 1, "keys-again"),
            (4, 14, "bad-trusted-key"),
            (6, 12, "include-not-followed"),
        ];
        assert_eq!(kinds(&read), expected);
        assert_eq!(read.keys.as_deref(), Some("/b"));
        assert_eq!(read.trusted.unwrap().to_string(), "5");
        assert_eq!(read.remarks[2].to_string(), "trustedkey: expected a key ID here");
    }

    #[test]
    fn tolerates_any_octets() {
        let text = b"keys \xff\xfe\ntrustedkey \xff\n\0\nkeys \"unclosed\ntrustedkey (";
        for end in 0..=text.len() {
            read(&text[..end]);
        }
    }
}
