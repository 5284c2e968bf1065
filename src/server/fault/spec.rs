//! A fault as it is written: its name, when it applies, and what is set about it.

use std::net::SocketAddr;
use std::time::Duration;

use crate::auth::{Algorithm, KeyId};
use crate::ntp::NtpTimestamp;
use crate::ntp::header::{Mode, Version};

use super::Source;
use super::error::FaultError;
use super::scope::Scope;
use super::table::{FaultKind, Row};
use super::value::{self, Form, HeaderField, Reason, Value};

/// A fault, when it applies, and what is set about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which fault.
    pub kind: FaultKind,
    /// When it applies.
    pub scope: Scope,
    /// What is set about it.
    pub parameters: Parameters,
}

/// What is set about a fault; what is not set has the default that the table tells of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    /// The algorithm of a digest.
    pub algorithm: Option<Algorithm>,
    /// A kiss code.
    pub code: Option<[u8; 4]>,
    /// How long something waits.
    pub delay: Option<Duration>,
    /// Where something is sent.
    pub destination: Option<SocketAddr>,
    /// A field of the header.
    pub field: Option<HeaderField>,
    /// The type of an extension field.
    pub field_type: Option<u16>,
    /// The form of an answer.
    pub form: Option<Form>,
    /// How often something is sent.
    pub interval: Option<Duration>,
    /// A key.
    pub key_id: Option<KeyId>,
    /// The mode of a reply.
    pub mode: Option<Mode>,
    /// A number of octets.
    pub octets: Option<u16>,
    /// How far the time that is told is off.
    pub offset: Option<Offset>,
    /// Why something is not answered.
    pub reason: Option<Reason>,
    /// True with a MAC, false without.
    pub signed: Option<bool>,
    /// Where something is sent from.
    pub source: Option<Source>,
    /// A stratum.
    pub stratum: Option<u8>,
    /// What a field of the header is set to.
    pub value: Option<Value>,
    /// The version of a reply.
    pub version: Option<Version>,
}

/// How far a time is off, in units of 2^-32 s; positive when it is ahead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offset(pub i64);

impl Offset {
    /// One hour.
    pub const HOUR: Offset = Offset(3_600 << 32);

    /// The time that is so far off.
    pub fn of(self, time: NtpTimestamp) -> NtpTimestamp {
        NtpTimestamp(time.0.wrapping_add_signed(self.0))
    }
}

/// The parameters that some fault has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is a field of `Parameters`")]
pub enum Parameter {
    Algorithm,
    Code,
    Delay,
    Destination,
    Field,
    FieldType,
    Form,
    From,
    Interval,
    KeyId,
    Mode,
    Octets,
    Offset,
    Reason,
    Signed,
    Stratum,
    Value,
    Version,
}

impl Parameter {
    /// The word before the equals sign.
    pub fn name(self) -> &'static str {
        match self {
            Parameter::Algorithm => "algorithm",
            Parameter::Code => "code",
            Parameter::Delay => "delay",
            Parameter::Destination => "destination",
            Parameter::Field => "field",
            Parameter::FieldType => "type",
            Parameter::Form => "form",
            Parameter::From => "source",
            Parameter::Interval => "interval",
            Parameter::KeyId => "key-id",
            Parameter::Mode => "mode",
            Parameter::Octets => "octets",
            Parameter::Offset => "offset",
            Parameter::Reason => "reason",
            Parameter::Signed => "signed",
            Parameter::Stratum => "stratum",
            Parameter::Value => "value",
            Parameter::Version => "version",
        }
    }

    /// What its value is, in words.
    pub fn expects(self) -> &'static str {
        match self {
            Parameter::Algorithm => "a digest such as md5, sha1, sha256 or aes128-cmac",
            Parameter::Code => "one to four letters, such as RATE",
            Parameter::Delay => value::DURATION,
            Parameter::Destination => "an address and a port, such as 224.0.1.1:123",
            Parameter::Field => HeaderField::EXPECTED,
            Parameter::FieldType => "a number up to 0xffff",
            Parameter::Form => Form::EXPECTED,
            Parameter::From => "same, port or address",
            Parameter::Interval => INTERVAL,
            Parameter::KeyId => "the ID of a key",
            Parameter::Mode => "a mode from 0 to 7 or its name, such as broadcast",
            Parameter::Octets => "a number of octets up to 65000",
            Parameter::Offset => "a time with sign and unit of less than 68 years, such as +1h or -500ms",
            Parameter::Reason => Reason::EXPECTED,
            Parameter::Signed => value::YES_OR_NO,
            Parameter::Stratum => "a number from 0 to 255",
            Parameter::Value => "a number, up to eight letters, or a time with sign and unit, such as +1h",
            Parameter::Version => value::VERSION,
        }
    }

    /// Reads its value into `parameters`; `None` when it is none.
    fn read(self, text: &str, parameters: &mut Parameters) -> Option<()> {
        match self {
            Parameter::Algorithm => parameters.algorithm = Some(value::algorithm(text)?),
            Parameter::Code => parameters.code = Some(value::code(text)?),
            Parameter::Delay => parameters.delay = Some(value::duration(text)?),
            Parameter::Destination => parameters.destination = Some(text.parse().ok()?),
            Parameter::Field => parameters.field = Some(HeaderField::of_name(text)?),
            Parameter::FieldType => parameters.field_type = Some(value::field_type(text)?),
            Parameter::Form => parameters.form = Some(Form::of_name(text)?),
            Parameter::From => parameters.source = Some(value::source(text)?),
            Parameter::Interval => {
                parameters.interval = Some(value::duration(text).filter(|it| *it >= SHORTEST_INTERVAL)?);
            }
            Parameter::KeyId => parameters.key_id = Some(KeyId(text.parse().ok()?)),
            Parameter::Mode => parameters.mode = Some(value::mode(text)?),
            Parameter::Octets => {
                parameters.octets = Some(text.parse().ok().filter(|octets| *octets <= MOST_OCTETS)?);
            }
            Parameter::Offset => parameters.offset = Some(value::offset(text)?),
            Parameter::Reason => parameters.reason = Some(Reason::of_name(text)?),
            Parameter::Signed => parameters.signed = Some(value::yes_or_no(text)?),
            Parameter::Stratum => parameters.stratum = Some(text.parse().ok()?),
            Parameter::Value => parameters.value = Some(Value::of_text(text)?),
            Parameter::Version => parameters.version = Some(value::version(text)?),
        }
        Some(())
    }
}

const INTERVAL: &str = "a time of at least 100ms with its unit, such as 8s or 2m";

/// Nothing is sent by itself more often than this.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);

/// More octets than this would leave no room in a datagram.
pub(super) const MOST_OCTETS: u16 = 65_000;

impl Fault {
    /// The fault of that kind, with every default, for every request.
    pub fn new(kind: FaultKind) -> Fault {
        Fault { kind, scope: Scope::default(), parameters: Parameters::default() }
    }

    /// Reads `NAME[:key=value,...]`, for example `other-algorithm:every=3,client=10.0.0.2`.
    ///
    /// # Errors
    /// When the name is no fault's, a value is not of its kind, or it could never apply; whether there are such keys, [`Fault::check`]
    /// says.
    pub fn parse(spec: &str) -> Result<Fault, FaultError> {
        let (name, settings) = spec.split_once(':').unwrap_or((spec, ""));
        let name = name.trim();
        let kind = FaultKind::from_name(name).ok_or_else(|| FaultError::UnknownFault(name.to_owned()))?;
        let mut fault = Fault::new(kind);
        let mut given: Vec<&str> = Vec::new();
        for setting in settings.split(',').map(str::trim).filter(|setting| !setting.is_empty()) {
            let row = kind.row();
            let Some((key, text)) = setting.split_once('=') else {
                return Err(FaultError::NoValue { fault: row.name, setting: setting.to_owned() });
            };
            let (key, text) = (key.trim(), text.trim());
            if given.contains(&key) {
                return Err(FaultError::Twice { fault: row.name, parameter: key.to_owned() });
            }
            given.push(key);
            fault.set(row, key, text)?;
        }
        fault.can_apply()?;
        Ok(fault)
    }

    /// Whether what is set leaves a request to which the fault applies.
    fn can_apply(&self) -> Result<(), FaultError> {
        let (fault, scope) = (self.name(), &self.scope);
        if scope.to.is_some_and(|to| to <= scope.from) {
            return Err(FaultError::EndsBeforeBegin { fault });
        }
        let field = self.parameters.field.unwrap_or(HeaderField::Stratum);
        if self.parameters.value.is_some_and(|value| !field.takes(value)) {
            return Err(FaultError::NotInField { fault, field });
        }
        match (self.kind, scope.key) {
            (FaultKind::AddMac, Some(_)) => Err(FaultError::NoRequestUnderKey { fault }),
            (FaultKind::OtherKeyId | FaultKind::WrongKey, Some(key_id))
                if self.parameters.key_id == scope.key =>
            {
                Err(FaultError::SameKey { fault, key_id })
            }
            _ => Ok(()),
        }
    }

    /// The name of the fault.
    pub fn name(&self) -> &'static str {
        self.kind.row().name
    }

    fn set(&mut self, row: &'static Row, key: &str, text: &str) -> Result<(), FaultError> {
        let parameter = row.parameters.iter().find(|parameter| parameter.name() == key);
        let (read, expected) = match parameter {
            Some(parameter) => (parameter.read(text, &mut self.parameters), parameter.expects()),
            None => self
                .scope
                .set(key, text)
                .ok_or_else(|| FaultError::UnknownParameter { row, parameter: key.to_owned() })?,
        };
        read.ok_or_else(|| FaultError::BadValue {
            fault: row.name,
            parameter: key.to_owned(),
            value: text.to_owned(),
            expected,
        })
    }
}
