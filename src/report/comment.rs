//! The comment on a packet: the verdict in one line, for Wireshark and tshark to show and to filter by.

use std::fmt::{self, Write as _};

use crate::analysis::finding::{Findings, Place};
use crate::analysis::{Finding, Judged};

/// What is said of one message. Written as `ntpcap: status=invalid key=11 algorithm=sha1`.
///
/// Words are `name=value`, values are codes. No code but the status `invalid` contains "invalid", so the display
/// filter `frame.comment contains "invalid"` finds the messages of that status and no others; for any status there is
/// `frame.comment contains "status=valid"`.
#[derive(Clone, Debug)]
pub struct Comment {
    place: Place,
    text: String,
    findings: Findings,
}

/// What the number of a frame is in the file with the comments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbering {
    /// The same as in its capture.
    Kept,
    /// Another: blocks that Wireshark numbers too are left out. Comments give the number in the capture.
    Moved,
    /// Another, as several captures are joined. Comments give the number of the capture, and that in it.
    Joined,
}

impl Comment {
    /// The comment on a message. `numbering` says how to name frames.
    pub fn new(judged: &Judged<'_, '_>, numbering: Numbering) -> Comment {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = write_verdict(&mut text, judged, numbering);
        Comment { place: judged.place(), text, findings: judged.findings }
    }

    /// True for a comment that this program made earlier, with other keys perhaps.
    pub fn is_earlier(octets: &[u8]) -> bool {
        octets.starts_with(START.as_bytes())
    }

    /// Adds a finding that was made when the message was seen, if the message is one of those that prove it.
    pub fn add(&mut self, finding: Finding, frames: &[Place]) {
        if frames.contains(&self.place) {
            self.findings.insert(finding);
        }
    }
}

impl fmt::Display for Comment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)?;
        for (index, finding) in self.findings.iter().enumerate() {
            formatter.write_str(if index == 0 { " findings=" } else { "," })?;
            formatter.write_str(finding.code())?;
        }
        Ok(())
    }
}

fn write_verdict(text: &mut String, judged: &Judged<'_, '_>, numbering: Numbering) -> fmt::Result {
    let verdict = &judged.verdict;
    write!(text, "{START} status={}", verdict.status.name())?;
    if let Some(account) = verdict.account() {
        write!(text, " rid={account}")?;
    } else if let Some(key_id) = verdict.key_id() {
        write!(text, " key={key_id}")?;
    }
    if let Some(algorithm) = verdict.algorithm() {
        write!(text, " algorithm={}", algorithm.name())?;
    }
    if let Some(matches) = verdict.digest_matches {
        write!(text, " digest={}", if matches { "right" } else { "wrong" })?;
    }
    if let Some(reason) = verdict.reason {
        write!(text, " reason={}", reason.code())?;
    }
    let number = |place: Place| match numbering {
        Numbering::Kept | Numbering::Moved => place.frame.to_string(),
        Numbering::Joined => format!("{}:{}", place.capture + 1, place.frame),
    };
    let explanations = judged.diagnosis.iter().flat_map(|diagnosis| diagnosis.explanations());
    for (index, explanation) in explanations.enumerate() {
        text.push_str(if index == 0 { " diagnosis=" } else { "," });
        // Only all of these together explain the MAC.
        let codes: Vec<&str> = explanation.codes().map(|code| code.name()).collect();
        text.push_str(&codes.join("+"));
    }
    if numbering != Numbering::Kept {
        write!(text, " packet={}", number(judged.place()))?;
    }
    if let Some(exchange) = judged.exchange {
        write!(text, " answers={}", number(exchange.request))?;
    }
    Ok(())
}

/// What all comments start with.
pub const START: &str = "ntpcap:";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Status;
    use crate::analysis::diagnosis::Code;

    #[test]
    fn only_one_status_is_found_by_a_filter_for_it() {
        for status in Status::ALL {
            let found = |other: &Status| {
                format!("status={} ", other.name()).contains(&format!("status={}", status.name()))
            };
            assert_eq!(Status::ALL.into_iter().filter(found).collect::<Vec<_>>(), [status]);
        }
    }

    #[test]
    fn no_finding_or_diagnosis_is_taken_for_an_invalid_message() {
        assert!(Code::ALL.into_iter().all(|code| !code.name().contains("invalid")));
        assert!(Finding::ALL.into_iter().all(|finding| !finding.code().contains("invalid")));
        let holds_it = |status: &Status| status.name().contains("invalid");
        assert_eq!(Status::ALL.into_iter().filter(holds_it).collect::<Vec<_>>(), [Status::Invalid]);
    }
}
