//! By which names a message is remembered as a request, and looked for as a reply.

use crate::analysis::analyzer::Judged;
use crate::analysis::pairing::{Name, NameKind};
use crate::ntp::NtpTimestamp;
use crate::ntp::header::Header;

/// The names of a time message as a request: its transmit timestamp, and what else a reply may repeat of it.
///
/// Version 5 has the client's cookie where older ones have the origin timestamp, and ntp.org's ntpd answers it as
/// it answers version 4.
pub(super) fn of_request(judged: &Judged<'_, '_>, header: &Header) -> [Option<Name>; 2] {
    let (client, server) = (judged.datagram.source, judged.datagram.destination);
    let name = |timestamp: NtpTimestamp, kind| Name::new(client, server, timestamp.0, kind);
    let transmit = name(header.transmit_timestamp, NameKind::Transmit);
    if !header.version.is_decoded() {
        return [Some(name(header.origin_timestamp, NameKind::Cookie)), Some(transmit)];
    }
    let receive = header.receive_timestamp;
    let has_receive = !receive.is_zero() && receive != header.transmit_timestamp;
    [Some(transmit), has_receive.then(|| name(receive, NameKind::Receive))]
}

/// The names by which a time message looks for its request, one sent to a group last.
pub(super) fn of_reply(judged: &Judged<'_, '_>, header: &Header) -> [Name; 4] {
    let (client, server) = (judged.datagram.destination, judged.datagram.source);
    let name = |kind| Name::new(client, server, header.origin_timestamp.0, kind);
    let other = if header.version.is_decoded() { NameKind::Receive } else { NameKind::Cookie };
    let [first, second] = [name(NameKind::Transmit), name(other)];
    [first, second, first.of_any_server(), second.of_any_server()]
}

/// The name of a control or private message, request or reply.
pub(super) fn of_query(judged: &Judged<'_, '_>, response: bool, number: u64, kind: NameKind) -> Name {
    let (source, destination) = (judged.datagram.source, judged.datagram.destination);
    let (client, server) = if response { (destination, source) } else { (source, destination) };
    Name::new(client, server, number, kind)
}
