//! What events say of requests and replies.

use std::fmt;
use std::net::SocketAddr;

use crate::analysis::behaviour::Asked;
use crate::analysis::pairing::{Orphan, Request};
use crate::analysis::verdict::Status;
use crate::auth::nt_hash::relative_id;
use crate::ntp::header::HEADER_LENGTH;

use super::memory::Again;

/// Nanoseconds as seconds, to the tenth below.
struct Seconds(i128);

impl fmt::Display for Seconds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = self.0.max(0) / 100_000_000;
        match tenths % 10 {
            0 => write!(formatter, "{} s", tenths / 10),
            tenth => write!(formatter, "{}.{tenth} s", tenths / 10),
        }
    }
}

/// The MAC of a request: its key and its status, in words.
struct MacOf<'a>(&'a Request);

impl fmt::Display for MacOf<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Request { status, key_id, ms_sntp, .. } = self.0;
        match (ms_sntp, key_id) {
            (Some(account), _) => {
                write!(formatter, "MS-SNTP, RID {}", relative_id(u32::from_be_bytes(*account)))
            }
            (None, _) if *status == Status::None => formatter.write_str("no MAC"),
            (None, Some(key_id)) => write!(formatter, "key {key_id}, {}", status.name()),
            (None, None) => formatter.write_str(status.name()),
        }
    }
}

/// A request that stayed unanswered for so many nanoseconds of capture.
pub(super) fn silence(request: &Request, waited: i128) -> String {
    format!("no reply in {} to {} octets, {}", Seconds(waited), request.length, MacOf(request))
}

/// A reply without a MAC to a request that had one.
pub(super) fn stripped(request: &Request) -> String {
    format!("the request has a MAC ({}), the reply none", MacOf(request))
}

/// A request that a crypto-NAK refuses. Why a server refuses what is right here has many reasons; there is a page.
pub(super) fn refused(request: &Request) -> String {
    match Asked::of(request.status) {
        Asked::NoMac if request.length > HEADER_LENGTH => {
            "refuses a request without a MAC: an extension field draws it".to_owned()
        }
        Asked::NoMac => "refuses a request without a MAC, which no server that was measured does".to_owned(),
        Asked::Valid => {
            format!("refuses {} here: `ntpcap explain crypto-nak` has the reasons", MacOf(request))
        }
        _ => format!("refuses {}", MacOf(request)),
    }
}

/// A message that was sent before.
pub(super) fn again(again: &Again, sender: SocketAddr) -> String {
    let before = again.before.sender;
    let whose = if before == sender { "itself".to_owned() } else { before.to_string() };
    format!("{sender} sends octet for octet what {whose} sent {} before", Seconds(again.elapsed))
}

/// A reply that answers nothing; `what` says how it shows.
pub(super) fn unexplained(orphan: &Orphan, what: &str) -> String {
    match orphan.remembered {
        Some(remembered) => {
            format!("from {}: {what} in the {} before it", orphan.server, Seconds(remembered))
        }
        None => format!("from {}: {what}", orphan.server),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_told_to_the_tenth_below() {
        let told = [0, 99_999_999, 1_299_999_999, 16_000_000_000].map(|elapsed| Seconds(elapsed).to_string());
        assert_eq!(told, ["0 s", "0 s", "1.2 s", "16 s"]);
    }
}
