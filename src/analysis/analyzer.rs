//! From datagrams to judged messages, in one pass over a capture.

use crate::auth::keyring::Keyrings;
use crate::capture::CaptureTime;
use crate::net::{Checksum, Datagram};
use crate::ntp::header::Mode;
use crate::ntp::message::Message;

use super::finding::{Finding, Findings};
use super::pairing::{Exchange, Request, Window};
use super::verdict::{self, Status, Verdict};

/// A judged message with all that is known about it.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a, 'k> {
    /// Index of the capture among those that are read together.
    pub capture: usize,
    /// Frame that holds the message, or the last fragment of it.
    pub frame: u64,
    /// When that frame was captured.
    pub time: Option<CaptureTime>,
    /// The datagram that carries the message.
    pub datagram: Datagram<'a>,
    /// The message; `None` when the octets are not one.
    pub message: Option<Message<'a>>,
    /// Its authentication status.
    pub verdict: Verdict<'a, 'k>,
    /// The exchange that it completes; `None` for requests and for replies to requests that were not seen.
    pub exchange: Option<Exchange>,
    /// Anything else worth saying.
    pub findings: Findings,
}

/// Judges messages and keeps what later ones need: open requests and counts. Memory is bounded.
pub struct Analyzer<'k> {
    keys: &'k Keyrings,
    window: Window,
}

impl<'k> Analyzer<'k> {
    /// Starts with these keys.
    pub fn new(keys: &'k Keyrings) -> Analyzer<'k> {
        Analyzer { keys, window: Window::default() }
    }

    /// Judges one datagram.
    pub fn judge<'a>(
        &mut self,
        capture: usize,
        frame: u64,
        time: Option<CaptureTime>,
        datagram: Datagram<'a>,
    ) -> Judged<'a, 'k> {
        let keyring = self.keys.for_addresses(datagram.source.ip(), datagram.destination.ip());
        let (message, verdict) = verdict::judge(&datagram, keyring);
        let findings = findings(&datagram, message.as_ref(), &verdict);
        let mut judged =
            Judged { capture, frame, time, datagram, message, verdict, exchange: None, findings };
        self.pair(&mut judged);
        judged
    }

    fn pair(&mut self, judged: &mut Judged<'_, '_>) {
        let Some(message @ Message::Time(time)) = judged.message else { return };
        let (source, destination) = (judged.datagram.source, judged.datagram.destination);
        let account = time.trailer().first_chunk::<4>().copied();
        if let Some(found) = self.window.find(source, destination, &time.header) {
            judged.exchange = Some(Exchange::new(found, judged.frame, judged.time, &time.header));
            let is_signed_for_account = found.0.ms_sntp.is_some() && found.0.ms_sntp == account;
            let unproved = matches!(judged.verdict.status, Status::UnknownKey | Status::Malformed);
            if is_signed_for_account && unproved {
                judged.verdict = verdict::signed_for_account(&message, judged.verdict);
            }
        }
        let ms_sntp = account.filter(|_| judged.verdict.status == Status::MsSntp);
        let request = Request { frame: judged.frame, time: judged.time, ms_sntp };
        self.window.remember(source, destination, &time.header, request);
    }
}

fn findings(datagram: &Datagram<'_>, message: Option<&Message<'_>>, verdict: &Verdict<'_, '_>) -> Findings {
    let mut findings = Findings::default();
    if matches!(datagram.checksum, Checksum::Wrong { .. }) {
        findings.insert(Finding::BadUdpChecksum);
    }
    if verdict.status == Status::None
        && verdict.reading.is_some_and(|(reading, _)| verdict::is_zero_trailer(&reading))
    {
        findings.insert(Finding::ZeroTrailer);
    }
    // Client requests are answered whatever the list says.
    let is_request = message.is_none_or(|message| message.mode() == Mode::Client);
    if let Some(candidate) = verdict.candidate
        && !is_request
        && !candidate.addresses.is_empty()
        && !candidate.addresses.iter().any(|range| range.contains(datagram.source.ip()))
    {
        findings.insert(Finding::KeyNotForAddress);
    }
    findings
}
