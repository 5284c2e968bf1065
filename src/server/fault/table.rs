//! Every fault, one row each: the one place that says what there is.

use super::spec::Parameter::{
    self, Algorithm, Code, Delay, Destination, Field, FieldType, Form, From, Interval, KeyId, Mode, Octets,
    Offset, Reason, Signed, Stratum, Value, Version,
};

/// What a reply is made to have wrong. The order is that in which several faults change one reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the rows of the table say what they do")]
pub enum FaultKind {
    SignUnverified,
    RefusePlainly,
    AnswerAnything,
    Kod,
    CopyRequest,
    FrozenClock,
    WrongTime,
    InterleaveAlways,
    Unsynchronised,
    Stratum0,
    Stratum16,
    ZeroOrigin,
    BogusOrigin,
    WrongMode,
    WrongVersion,
    HeaderField,
    FieldUnknown,
    FieldShort,
    Oversize,
    FieldOverlong,
    AddMac,
    StripMac,
    ZeroMac,
    Nak,
    NakWrongOrigin,
    MacOverHeaderOnly,
    OtherKeyId,
    WrongKey,
    OtherAlgorithm,
    KeyIdZero,
    TruncateMac,
    FlipBit,
    PadMac,
    CutReply,
    OtherSource,
    Replay,
    Duplicate,
    Late,
    Drop,
    Reorder,
    Hang,
    Unsolicited,
    Broadcast,
    Multicast,
}

/// Which part of a reply a fault is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Group {
    /// Who is believed, and what is answered at all.
    Decision,
    /// The header, before it is signed: the MAC is right over the wrong header.
    Header,
    /// The extension fields, before they are signed.
    Field,
    /// The MAC.
    Mac,
    /// Whether, when and how often the reply is sent.
    Delivery,
    /// What is sent though nobody asked for it.
    Unasked,
}

impl Group {
    /// The word in listings.
    pub fn name(self) -> &'static str {
        match self {
            Group::Decision => "decision",
            Group::Header => "header",
            Group::Field => "field",
            Group::Mac => "mac",
            Group::Delivery => "delivery",
            Group::Unasked => "unasked",
        }
    }
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The fault.
    pub kind: FaultKind,
    /// Its name on the command line and in scenarios.
    pub name: &'static str,
    /// Which part of a reply it is in.
    pub group: Group,
    /// What it does, in a sentence.
    pub does: &'static str,
    /// What a correct client must do.
    pub client_must: &'static str,
    /// What can be set about it, beside what says when it applies.
    pub parameters: &'static [Parameter],
    /// True when it may make an answer longer than its request, which nothing else does.
    pub longer: bool,
}

/// Every fault, in the order in which they apply.
pub fn list() -> &'static [Row] {
    &ROWS
}

impl FaultKind {
    /// Its row.
    pub fn row(self) -> &'static Row {
        // Each kind has a row, which a test checks.
        ROWS.iter().find(|row| row.kind == self).unwrap_or(&ROWS[0])
    }

    /// True when it is in the octets of a reply, and not in how the reply is sent or in what is sent beside it.
    pub(super) fn is_in_octets(self) -> bool {
        let is_of_them =
            matches!(self.row().group, Group::Decision | Group::Header | Group::Field | Group::Mac);
        is_of_them || self == FaultKind::CutReply
    }

    /// The fault of that name.
    pub fn from_name(name: &str) -> Option<FaultKind> {
        ROWS.iter().find(|row| row.name == name).map(|row| row.kind)
    }
}

const fn row(
    kind: FaultKind,
    name: &'static str,
    group: Group,
    parameters: &'static [Parameter],
    does: &'static str,
    client_must: &'static str,
) -> Row {
    Row { kind, name, group, does, client_must, parameters, longer: false }
}

impl Row {
    const fn longer(self) -> Row {
        Row { longer: true, ..self }
    }
}

const DISCARD_MAC: &str = "discard the reply: its MAC does not verify";

#[rustfmt::skip]
static ROWS: [Row; 44] = [
    row(FaultKind::SignUnverified, "sign-unverified", Group::Decision, &[],
        "answers a request that is to be refused as if its MAC had verified: under its key, or the first one for an unknown key",
        "believe nothing of it: it shows that the server signs for strangers").longer(),
    row(FaultKind::RefusePlainly, "refuse-plainly", Group::Decision, &[],
        "answers a request that is to be refused as if it had no MAC",
        "discard the reply: it asked for an authenticated one"),
    row(FaultKind::AnswerAnything, "answer-anything", Group::Decision, &[Reason, Form, Octets],
        "answers in mode 4 what is no request, for any reason or the one that is given; without a MAC, signed or refused",
        "discard it: no client asks so").longer(),
    row(FaultKind::Kod, "kod", Group::Header, &[Code, Signed],
        "answers with a kiss code, RATE unless another is given, under the MAC that was due or without one",
        "heed it only when its MAC verifies, poll less often after RATE, stop after DENY and RSTR, never set its clock by it"),
    row(FaultKind::CopyRequest, "copy-request", Group::Header, &[],
        "says of itself what the request says: leap, stratum, poll, precision, root values, reference ID and time",
        "not set its clock by it: the server says nothing of its own clock"),
    row(FaultKind::FrozenClock, "frozen-clock", Group::Header, &[],
        "tells the time of its first such reply for ever, in the receive and in the transmit timestamp",
        "not set its clock by it: the transmit timestamp must advance"),
    row(FaultKind::WrongTime, "wrong-time", Group::Header, &[Offset],
        "tells a time that is an hour ahead, or as far off as is given",
        "believe it only as far as its rules for authenticated servers go; with another fault, its clock must not move"),
    row(FaultKind::InterleaveAlways, "interleave-always", Group::Header, &[],
        "answers in interleaved form (RFC 9769) who has not asked for it, in crypto-NAKs too",
        "discard the reply: its origin timestamp is not the request's transmit timestamp"),
    row(FaultKind::Unsynchronised, "unsynchronised", Group::Header, &[Stratum],
        "says that its clock is not synchronised: leap 3, stratum 0 and INIT as ntp.org's ntpd, or another stratum",
        "not set its clock by it, and go on asking: INIT is no refusal"),
    row(FaultKind::Stratum0, "stratum-0", Group::Header, &[],
        "says stratum 0 and nothing else that is wrong",
        "not set its clock by it: stratum 0 is unspecified, and no kiss code is given"),
    row(FaultKind::Stratum16, "stratum-16", Group::Header, &[],
        "says stratum 16, unsynchronised, with a leap indicator that says otherwise",
        "not set its clock by it"),
    row(FaultKind::ZeroOrigin, "zero-origin", Group::Header, &[],
        "leaves the origin timestamp zero",
        "discard the reply: it does not name the request"),
    row(FaultKind::BogusOrigin, "bogus-origin", Group::Header, &[],
        "puts a random origin timestamp in place of the request's transmit timestamp",
        "discard the reply: it does not name the request"),
    row(FaultKind::WrongMode, "wrong-mode", Group::Header, &[Mode],
        "answers in another mode than is due: 2, or the one that is given",
        "discard the reply: a client's request is answered in mode 4 alone"),
    row(FaultKind::WrongVersion, "wrong-version", Group::Header, &[Version],
        "answers in another version than was asked in: 3 for 4, 4 for others, or the one that is given",
        "discard the reply, or take it by the rules of the version it asked in"),
    row(FaultKind::HeaderField, "header-field", Group::Header, &[Field, Value],
        "sets one field of the header, the stratum unless another is given, to zero or to the value that is given",
        "heed what RFC 5905 says of that field, and take no value for true that it does not allow"),
    row(FaultKind::FieldUnknown, "field-unknown", Group::Field, &[FieldType, Octets],
        "adds an extension field of a type that nobody knows, in version 4 and later",
        "skip the field, verify the MAC over it and accept the reply").longer(),
    row(FaultKind::FieldShort, "field-short", Group::Field, &[FieldType, Octets],
        "adds an extension field of 8 octets, fewer than the 16 that RFC 7822 allows",
        "discard the reply, or skip the field; never read past the message").longer(),
    row(FaultKind::Oversize, "oversize", Group::Field, &[FieldType, Octets],
        "adds an extension field of 400 octets, so that the answer is much longer than its request",
        "skip the field or discard the reply; it must not overrun a buffer").longer(),
    row(FaultKind::FieldOverlong, "field-overlong", Group::Field, &[FieldType, Octets],
        "adds an extension field whose length goes beyond the end of the message",
        "discard the reply, and never read past the message").longer(),
    row(FaultKind::AddMac, "add-mac", Group::Mac, &[KeyId],
        "signs the reply to a request that has no MAC",
        "accept the reply as one that is not authenticated, or discard it").longer(),
    row(FaultKind::StripMac, "strip-mac", Group::Mac, &[],
        "leaves the MAC out",
        "discard the reply: it asked for an authenticated one"),
    row(FaultKind::ZeroMac, "zero-mac", Group::Mac, &[],
        "puts as many zeros in place of the MAC, key ID included",
        "discard the reply: zeros are no MAC"),
    row(FaultKind::Nak, "nak", Group::Mac, &[Octets],
        "answers with a crypto-NAK, key ID zero and no digest, to requests without a MAC too",
        "not set its clock by it; it may ask again, and must not take the server for authenticated").longer(),
    row(FaultKind::NakWrongOrigin, "nak-wrong-origin", Group::Mac, &[],
        "answers with a crypto-NAK whose origin timestamp is random, to requests without a MAC too",
        "ignore it: anybody can send one without having seen the request").longer(),
    row(FaultKind::MacOverHeaderOnly, "mac-over-header-only", Group::Mac, &[],
        "computes the MAC over the header and not the extension fields; adds a field where there is none",
        DISCARD_MAC).longer(),
    row(FaultKind::OtherKeyId, "other-key-id", Group::Mac, &[KeyId],
        "signs rightly with another key of the key file, and says so",
        "discard the reply, though its MAC verifies: it asked under another key").longer(),
    row(FaultKind::WrongKey, "wrong-key", Group::Mac, &[KeyId],
        "computes the MAC with the secret of another key under the key ID that was asked for",
        DISCARD_MAC),
    row(FaultKind::OtherAlgorithm, "other-algorithm", Group::Mac, &[Algorithm],
        "computes the MAC with another digest under the same key ID and secret: MD5 for SHA-1, SHA-1 for others",
        "discard the reply: the key's algorithm is part of the key").longer(),
    row(FaultKind::KeyIdZero, "key-id-zero", Group::Mac, &[],
        "writes key ID zero before the digest of the right key",
        "discard the reply: key ID zero names no key"),
    row(FaultKind::TruncateMac, "truncate-mac", Group::Mac, &[Octets],
        "cuts four octets off the digest, or leaves as many as are given",
        "discard the reply: a digest is whole, or cut to 20 octets"),
    row(FaultKind::FlipBit, "flip-bit", Group::Mac, &[],
        "flips one random bit of the digest",
        DISCARD_MAC),
    row(FaultKind::PadMac, "pad-mac", Group::Mac, &[Octets],
        "adds four zero octets to the digest, or as many as are given",
        "discard the reply: what follows the digest is not covered").longer(),
    row(FaultKind::CutReply, "cut-reply", Group::Delivery, &[Octets],
        "sends the first 44 octets of the reply, or as many as are given",
        "discard what is shorter than a header, and what has lost its MAC"),
    row(FaultKind::OtherSource, "other-source", Group::Delivery, &[From],
        "sends the right reply from another port or address than was asked",
        "discard it: it is not from where it asked"),
    row(FaultKind::Replay, "replay", Group::Delivery, &[],
        "sends an earlier reply to the same client again in place of the right one",
        "discard it: it names another request"),
    row(FaultKind::Duplicate, "duplicate", Group::Delivery, &[Delay],
        "sends the reply twice, at once or with a delay between",
        "take the first and discard the second"),
    row(FaultKind::Late, "late", Group::Delivery, &[Delay],
        "sends the reply 2 s late, or as late as is given",
        "discard it when it waits no longer, else count the time as delay of the network"),
    row(FaultKind::Drop, "drop", Group::Delivery, &[],
        "sends nothing",
        DROP_ADVICE),
    row(FaultKind::Reorder, "reorder", Group::Delivery, &[Delay],
        "sends the reply after that to the same client's next request, or after a delay of 1 s",
        "discard it when it has asked again, since it names an earlier request"),
    row(FaultKind::Hang, "hang", Group::Delivery, &[Delay],
        "answers nobody for 5 s after a datagram, or for as long as is given, be that answered or not",
        DROP_ADVICE),
    row(FaultKind::Unsolicited, "unsolicited", Group::Unasked, &[From, Signed, Destination, Interval, KeyId, Offset],
        "sends one reply more that nobody asked for, from another port or address; with a destination, every 8 s",
        "discard it: it names no request").longer(),
    row(FaultKind::Broadcast, "broadcast", Group::Unasked, &[Destination, Interval, Signed, KeyId, Offset],
        "broadcasts the time every 8 s",
        UNASKED_ADVICE),
    row(FaultKind::Multicast, "multicast", Group::Unasked, &[Destination, Interval, Signed, KeyId, Offset],
        "sends the time to the group 224.0.1.1 every 8 s",
        UNASKED_ADVICE),
];

const DROP_ADVICE: &str = "ask again no more often than before, and not set its clock";
const UNASKED_ADVICE: &str = "not set its clock by it (FCS_NTP_EXT.1.3 of the NDcPP), unless it is told to listen and the MAC verifies";
