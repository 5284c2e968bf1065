//! The fields of messages as records.

use std::fmt;
use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::analysis::Judged;
use crate::ntp::extension::ExtensionField;
use crate::ntp::header::Header;
use crate::ntp::trailer::Reading;
use crate::ntp::{ControlMessage, NtpTimestamp, PrivateMessage};
use crate::report::time::{Rfc3339, near_capture};

/// The header fields of a time message.
#[derive(Serialize, JsonSchema)]
pub struct HeaderRecord {
    /// 0 to 255.
    pub stratum: u8,
    /// `none`, `insert`, `delete` or `unknown`.
    #[schemars(with = "String")]
    pub leap: &'static str,
    /// log2 seconds.
    pub poll: i8,
    /// log2 seconds.
    pub precision: i8,
    /// Seconds.
    pub root_delay_s: f64,
    /// Seconds.
    pub root_dispersion_s: f64,
    /// Text at stratum 0 and 1, dotted octets above, `0x...` where text is not printable.
    pub reference_id: String,
    /// When the clock was last set; null when not known.
    #[schemars(with = "Option<String>")]
    pub reference_time: Option<Rfc3339>,
    /// Null when zero.
    #[schemars(with = "Option<String>")]
    pub origin_time: Option<Rfc3339>,
    /// Null when zero.
    #[schemars(with = "Option<String>")]
    pub receive_time: Option<Rfc3339>,
    /// Null when zero.
    #[schemars(with = "Option<String>")]
    pub transmit_time: Option<Rfc3339>,
}

/// The header fields of a control message.
#[derive(Serialize, JsonSchema)]
pub struct ControlRecord {
    /// A reply.
    pub response: bool,
    /// The request failed.
    pub error: bool,
    /// More fragments follow.
    pub more: bool,
    /// Operation code.
    pub operation: u8,
    /// Its name; null when it has none.
    #[schemars(with = "Option<String>")]
    pub operation_name: Option<&'static str>,
    /// Ties reply and request together.
    pub sequence: u16,
    /// Status word.
    pub status: u16,
    /// What the status word means; null where it means nothing.
    pub status_meaning: Option<String>,
    /// Why the request failed; null otherwise.
    #[schemars(with = "Option<String>")]
    pub error_name: Option<&'static str>,
    /// Association; 0 for the system.
    pub association_id: u16,
    /// Offset of the data in the whole.
    pub offset: u16,
    /// Octets of data.
    pub count: u16,
}

/// The header fields of a private message.
#[derive(Serialize, JsonSchema)]
pub struct PrivateRecord {
    /// A reply.
    pub response: bool,
    /// More packets follow.
    pub more: bool,
    /// The request carries a MAC.
    pub authenticated: bool,
    /// Number of the packet in a reply of several.
    pub sequence: u8,
    /// Whose request codes are meant.
    pub implementation: u8,
    /// Request code.
    pub request_code: u8,
    /// Its name with ntp.org; null when it has none.
    #[schemars(with = "Option<String>")]
    pub request_name: Option<&'static str>,
    /// Error code.
    pub error: u8,
    /// Its name; null when it has none.
    #[schemars(with = "Option<String>")]
    pub error_name: Option<&'static str>,
    /// Number of data items.
    pub item_count: u16,
    /// Octets of an item.
    pub item_size: u16,
}

/// One extension field.
#[derive(Serialize, JsonSchema)]
pub struct ExtensionFieldRecord {
    /// Field type as `0x....`.
    #[serde(rename = "type")]
    pub field_type: String,
    /// Its name; null when it has none.
    #[schemars(with = "Option<String>")]
    pub name: Option<&'static str>,
    /// Length of the whole field.
    pub octets: usize,
}

/// An address and port, written `10.0.0.5:123` or `[fd99::1]:123`.
#[derive(Clone, Copy)]
pub struct Endpoint(pub SocketAddr);

impl Serialize for Endpoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Octets, written in hexadecimal.
#[derive(Clone, Copy)]
pub struct Hexadecimal<'a>(pub &'a [u8]);

impl fmt::Display for Hexadecimal<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(formatter, "{octet:02x}"))
    }
}

impl Serialize for Hexadecimal<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The extension fields of a reading, written as a list.
#[derive(Clone, Copy)]
pub struct ExtensionFields<'a>(pub Option<Reading<'a>>);

impl<'a> ExtensionFields<'a> {
    /// The fields in order.
    pub fn iter(&self) -> impl Iterator<Item = ExtensionField<'a>> + use<'a> {
        self.0.into_iter().flat_map(|reading| reading.extension_fields())
    }
}

impl Serialize for ExtensionFields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(|field| ExtensionFieldRecord {
            field_type: format!("{:#06x}", field.field_type),
            name: field.name(),
            octets: field.length(),
        }))
    }
}

impl HeaderRecord {
    pub(super) fn new(header: &Header, judged: &Judged<'_, '_>) -> Self {
        let time = |timestamp: NtpTimestamp| near_capture(timestamp, judged.time);
        HeaderRecord {
            stratum: header.stratum,
            leap: header.leap_indicator.name(),
            poll: header.poll,
            precision: header.precision,
            root_delay_s: header.root_delay.as_seconds(),
            root_dispersion_s: header.root_dispersion.as_seconds(),
            reference_id: header.reference_id.display(header.stratum),
            reference_time: time(header.reference_timestamp),
            origin_time: time(header.origin_timestamp),
            receive_time: time(header.receive_timestamp),
            transmit_time: time(header.transmit_timestamp),
        }
    }
}

impl ControlRecord {
    pub(super) fn new(message: &ControlMessage<'_>) -> Self {
        ControlRecord {
            response: message.response,
            error: message.error,
            more: message.more,
            operation: message.operation,
            operation_name: message.operation_name(),
            sequence: message.sequence,
            status: message.status,
            status_meaning: message.status_meaning().map(|meaning| meaning.to_string()),
            error_name: message.error_name(),
            association_id: message.association_id,
            offset: message.offset,
            count: message.count,
        }
    }
}

impl PrivateRecord {
    pub(super) fn new(message: &PrivateMessage<'_>) -> Self {
        PrivateRecord {
            response: message.response,
            more: message.more,
            authenticated: message.authenticated,
            sequence: message.sequence,
            implementation: message.implementation,
            request_code: message.request_code,
            request_name: message.request_name(),
            error: message.error,
            error_name: message.error_name(),
            item_count: message.item_count,
            item_size: message.item_size,
        }
    }
}
