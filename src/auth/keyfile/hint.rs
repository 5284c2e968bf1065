//! What to do about a problem.

use super::Dialect;
use super::problem::{Problem, ProblemKind};

impl Problem {
    /// Something to do about it, for a line that starts with `hint:`. `None` where nothing general can be said.
    pub fn hint(&self) -> Option<String> {
        let chrony = self.dialect == Dialect::Chrony;
        let advice = match &self.kind {
            ProblemKind::MissingType | ProblemKind::MissingSecret | ProblemKind::BadKeyId => {
                "a line is a key ID, a type and a secret, parted by spaces"
            }
            ProblemKind::KeyIdTooLarge { .. } => "give both sides a key ID from 1 to 65535",
            ProblemKind::KeyIdZero => "give both sides a key ID from 1 on",
            ProblemKind::KeyIdSpelling => "write the key ID as a plain decimal number",
            ProblemKind::UnknownType { name, .. } => {
                let known = nearest_type(self.dialect, &name.as_ref()?.to_string().to_ascii_uppercase())?;
                return Some(format!("write {known}"));
            }
            ProblemKind::TypeReadAsMd5 { .. } => "write MD5 if that is meant",
            ProblemKind::TypeIsSecret => "add the secret behind the type",
            ProblemKind::NotHex { .. } if chrony => "use hex digits behind HEX:, or ASCII: for text",
            ProblemKind::NotHex { .. } => {
                "write the secret in hex without a prefix, or use at most 20 characters"
            }
            ProblemKind::OddHexDigits { .. } => "check whether a digit was lost when the key was copied",
            ProblemKind::SecretTooLong { limit: length, .. }
            | ProblemKind::SecretCut { kept: length, .. }
            | ProblemKind::SecretPadded { length, .. }
            | ProblemKind::WrongSecretLength { expected: length, .. } => {
                return Some(format!(
                    "use a secret of {length} octets, {} hex digits, on both sides",
                    2 * length
                ));
            }
            ProblemKind::PrefixIsText if chrony => "write the prefix in capitals",
            ProblemKind::PrefixIsText => "write hex digits without a prefix, more than 20 of them",
            ProblemKind::HexReadAsText { .. } if chrony => "put HEX: before the digits if they are hex",
            ProblemKind::CarriageReturn { .. } => "save the file with Unix line ends",
            ProblemKind::ByteOrderMark => "save the file without a byte order mark",
            ProblemKind::WordCount { comment: true, .. } => "move the comment to a line of its own",
            ProblemKind::HashEndsSecret => "choose a secret without #, or put a space before the comment",
            ProblemKind::BadAddress => "write addresses as 192.0.2.0/24,2001:db8::1, without spaces",
            ProblemKind::DuplicateKeyId { .. } => "keep one line for each key ID",
            ProblemKind::DigestTooLong { .. } if self.dialect == Dialect::NtpOrg => "use SHA1 or AES128CMAC",
            ProblemKind::LineTooLong { .. } => "break the line; comments can be several lines",
            _ => return None,
        };
        Some(advice.to_owned())
    }
}

/// The type that `dialect` knows and that comes nearest to `name`, which is in capitals.
fn nearest_type(dialect: Dialect, name: &str) -> Option<&'static str> {
    if name.starts_with("HMAC") {
        return None;
    }
    let bits = ["128", "192", "256"].into_iter().find(|bits| name.contains(bits));
    if name.contains("AES") || name == "CMAC" {
        return match (dialect, bits) {
            (Dialect::NtpOrg, None | Some("128")) => Some("AES128CMAC"),
            (Dialect::Ntpsec, None | Some("128")) => Some("AES"),
            (Dialect::Ntpsec, Some("192")) => Some("AES-192"),
            (Dialect::Ntpsec, Some("256")) => Some("AES-256"),
            (Dialect::Chrony, None | Some("128")) => Some("AES128"),
            (Dialect::Chrony, Some("256")) => Some("AES256"),
            _ => None,
        };
    }
    match name {
        "M" | "MD5" => Some("MD5"),
        "SHA" | "SHA1" | "SHA-1" => Some("SHA1"),
        "SHA256" | "SHA-256" | "SHA2-256" => Some("SHA256"),
        "SHA384" | "SHA-384" | "SHA2-384" => Some("SHA384"),
        "SHA512" | "SHA-512" | "SHA2-512" => Some("SHA512"),
        _ => None,
    }
}
