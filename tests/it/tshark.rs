//! Field by field against tshark, which was written by others.
//!
//! Where the two differ, a table says who is right and why; an entry that no longer applies fails, so that the table
//! can only be true.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::common::{captures, ntpcap, records};
use crate::made::made_captures;

/// A difference from tshark that is accepted.
pub(crate) struct Accepted {
    /// Name of the capture. Here and below `*` stands for anything.
    file: &'static str,
    /// The field, by our name; `message` where only one of the two sees a message.
    field: &'static str,
    /// What tshark says there.
    tshark: &'static str,
    /// What we say.
    ours: &'static str,
    /// Who is right, and why.
    why: &'static str,
}

/// One message as both programs tell it: field to value.
pub(crate) type Fields = BTreeMap<&'static str, String>;

/// Two values of one field of one message that are not equal.
pub(crate) struct Difference {
    file: String,
    frame: u64,
    field: &'static str,
    tshark: String,
    ours: String,
}

#[test]
fn recorded_captures_are_decoded_as_tshark_decodes_them() {
    let mut differences = Vec::new();
    let mut messages = 0;
    for capture in captures("captures") {
        messages += compare(&capture, &mut differences);
    }
    assert!(messages > 480, "only {messages} messages compared");
    judge(&differences, RECORDED);
}

#[test]
fn made_captures_are_decoded_as_tshark_decodes_them() {
    let mut differences = Vec::new();
    let mut messages = 0;
    // tshark does not read xz.
    for capture in made_captures().iter().filter(|path| !path.to_str().unwrap().contains("xz")) {
        messages += compare(capture, &mut differences);
    }
    assert!(messages > 250, "only {messages} messages compared");
    judge(&differences, MADE);
}

const RECORDED: &[Accepted] = &[
    accepted(
        "*",
        "transmit_time",
        "one era later",
        "nearest the capture",
        "neither: clients put random numbers here; tshark takes the era by the first bit, we by the capture time",
    ),
    accepted(
        "*",
        "origin_time",
        "one era later",
        "nearest the capture",
        "neither: the same number, sent back",
    ),
    accepted(
        "ntporg-control*",
        "key_id",
        "",
        "*",
        "we are: tshark shows no MAC in mode 6, and this one verifies",
    ),
    accepted("ntporg-control*", "digest", "", "*", "we are: the same"),
    accepted("ntpsec-control*", "key_id", "", "*", "we are: the same"),
    accepted("ntpsec-control*", "digest", "", "*", "we are: the same"),
    accepted(
        "chrony4*-server-silent-on-refusal.pcap",
        "extension_types",
        "0x0000",
        "",
        "we are: version 3 has no extension fields; key ID 16 before a whole SHA-384 digest is no field of 16 octets",
    ),
    accepted("chrony4*-server-silent-on-refusal.pcap", "extension_lengths", "16", "", "we are: the same"),
    accepted("chrony4*-server-silent-on-refusal.pcap", "key_id", "*", "16", "we are: the same"),
    accepted("chrony4*-server-silent-on-refusal.pcap", "digest", "*", "*", "we are: the same"),
    accepted(
        "ntp*",
        "key_id",
        "3",
        "",
        "both: a whole SHA-256 digest in version 4, which RFC 7822 does not allow; without a key we call it unclear",
    ),
    accepted("chrony4*-server-silent-on-refusal.pcap", "key_id", "3", "", "both: the same"),
    accepted("ntpdig-client-sha256-not-cut.pcapng", "digest", "*", "", "both: the same"),
    accepted("ntporg-server-nak-on-refusal.pcap", "digest", "57ed*", "", "both: the same"),
    accepted("ntpsec-server-silent-on-refusal.pcapng", "digest", "bee1*", "", "both: the same"),
    accepted(
        "*-ms-sntp-request.pcap",
        "digest",
        "*",
        "",
        "both: we never show a digest of MS-SNTP, because it lets passwords be guessed",
    ),
];

const MADE: &[Accepted] = &[
    accepted(
        "ethernet-five-tags.pcap",
        "message",
        "nothing",
        "mode *",
        "we are: 0x9200 is a tag of some switches",
    ),
    accepted(
        "ethernet-mpls-pseudowire.pcap",
        "message",
        "nothing",
        "mode *",
        "we are: tshark wants to be told that a label carries Ethernet",
    ),
    accepted(
        "ipv4-fragments-overlap.pcap",
        "message",
        "mode 3",
        "nothing",
        "we are: which octets a receiver takes cannot be known, so there is no message to judge",
    ),
    accepted(
        "ipv6-fragments-overlap.pcap",
        "message",
        "mode 3",
        "nothing",
        "we are: RFC 5722 has such a datagram discarded",
    ),
    accepted(
        "ipv4-total-length-beyond-frame.pcap",
        "*",
        "*",
        "",
        "both: the octets are there, but the UDP length says that 8 more belong to the message",
    ),
    accepted("udp-length-beyond-ip.pcap", "*", "*", "", "both: the same"),
    accepted(
        "pcap-snap-length-cuts-macs.pcap",
        "key_id",
        "11",
        "",
        "both: the key ID is there, its digest is not",
    ),
    accepted("tunnel-vxlan-ends-before-its-content.pcap", "key_id", "11", "", "both: the same"),
    accepted("pcapng-simple-block-snapped.pcapng", "key_id", "11", "", "both: the same"),
    accepted(
        "pcap-fraction-overflows.pcap",
        "time",
        "*",
        "*",
        "we are: tshark prints 1000001 microseconds behind the point",
    ),
    accepted(
        "pcapng-time-resolution-picoseconds.pcapng",
        "time",
        "9876008254545",
        "9876543210123",
        "we are: 9876543210123456 units of 10^-12 s; tshark's product overflows",
    ),
    accepted(
        "pcap-implausible-length.pcap",
        "message",
        "nothing",
        "mode *",
        "we are: tshark guesses another variant of pcap from the damage behind",
    ),
    accepted(
        "pcapng-*",
        "message",
        "nothing",
        "mode *",
        "we are: tshark refuses such a file, or stops at the odd block",
    ),
    accepted(
        "tunnel-too-deep.pcap",
        "message",
        "mode 3",
        "nothing",
        "both: we follow eight tunnels, tshark more",
    ),
    accepted(
        "udp-payload-cut-by-sender.pcap",
        "*",
        "*",
        "",
        "both: we take nothing out of a message that is too short, and no MAC out of a trailer of impossible length",
    ),
];

pub(crate) const fn accepted(
    file: &'static str,
    field: &'static str,
    tshark: &'static str,
    ours: &'static str,
    why: &'static str,
) -> Accepted {
    Accepted { file, field, tshark, ours, why }
}

/// Adds the differences of one capture to `differences`; gives the number of messages that both see.
pub(crate) fn compare(capture: &Path, differences: &mut Vec<Difference>) -> usize {
    let file = capture.file_name().unwrap().to_str().unwrap();
    let (mut theirs, ours) = (by_tshark(capture), by_us(capture));
    let mut both = 0;
    for (frame, ours) in ours {
        let theirs = theirs.remove(&frame).unwrap_or_default();
        both += usize::from(!theirs.is_empty());
        differences.extend(differing(file, frame, theirs, ours));
    }
    for (frame, theirs) in theirs {
        differences.extend(differing(file, frame, theirs, Fields::new()));
    }
    both
}

/// Fails with the differences that no entry accepts, or with the entries that accept none.
pub(crate) fn judge(differences: &[Difference], accepted: &[Accepted]) {
    let is_new = |difference: &&Difference| !accepted.iter().any(|entry| entry.accepts(difference));
    let new: Vec<String> = differences.iter().filter(is_new).map(ToString::to_string).collect();
    assert!(new.is_empty(), "{} differences that no entry explains:\n{}", new.len(), new.join("\n"));
    for entry in accepted {
        let applies = differences.iter().any(|difference| entry.accepts(difference));
        // Later versions of tshark may have changed their mind.
        if !applies {
            let (version, Accepted { file, field, why, .. }) = (version(), entry);
            assert!(!version.contains(" 4.0."), "no longer so: {file}: {field}: {why}");
            eprintln!("{version} no longer differs here: {file}: {field}: {why}");
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { file, frame, field, tshark, ours } = self;
        write!(formatter, "{file} frame {frame}: {field}: tshark {tshark:?}, ours {ours:?}")
    }
}

impl Accepted {
    fn accepts(&self, difference: &Difference) -> bool {
        fits(self.file, &difference.file)
            && fits(self.field, difference.field)
            && fits(self.tshark, &difference.tshark)
            && fits(self.ours, &difference.ours)
    }
}

/// Whether a value fits a pattern, in which a `*` stands for anything.
pub(crate) fn fits(pattern: &str, value: &str) -> bool {
    match pattern.split_once('*') {
        Some((start, end)) => value.strip_prefix(start).is_some_and(|rest| rest.ends_with(end)),
        None => value == pattern,
    }
}

fn differing(file: &str, frame: u64, theirs: Fields, ours: Fields) -> Vec<Difference> {
    let difference = |field, tshark: &str, ours: &str| Difference {
        file: file.to_owned(),
        frame,
        field,
        tshark: tshark.to_owned(),
        ours: ours.to_owned(),
    };
    let kind =
        |fields: &Fields| fields.get("mode").map_or("nothing".to_owned(), |mode| format!("mode {mode}"));
    if theirs.is_empty() != ours.is_empty() {
        return vec![difference("message", &kind(&theirs), &kind(&ours))];
    }
    let names = theirs.keys().chain(ours.keys()).copied().collect::<BTreeSet<_>>();
    let value = |fields: &Fields, name| fields.get(name).cloned().unwrap_or_default();
    names
        .into_iter()
        .map(|name| (name, value(&theirs, name), value(&ours, name)))
        .filter(|(_, theirs, ours)| theirs != ours)
        .map(|(name, theirs, ours)| match eras_between(&ours, &theirs) {
            Some(1) if name.ends_with("_time") => difference(name, "one era later", "nearest the capture"),
            _ => difference(name, &theirs, &ours),
        })
        .collect()
}

/// How many eras of NTP, 2^32 s, the second of two times lies after the first; `None` when it is no whole number.
fn eras_between(earlier: &str, later: &str) -> Option<i128> {
    let apart = later.parse::<i128>().ok()? - earlier.parse::<i128>().ok()?;
    const ERA: i128 = 1_000_000_000 << 32;
    (apart % ERA == 0).then_some(apart / ERA)
}

/// The messages that tshark sees, by frame; those quoted in ICMP errors are left out.
fn by_tshark(capture: &Path) -> BTreeMap<u64, Fields> {
    let output = run_tshark(capture, &TSHARK_FIELDS);
    let mut messages = BTreeMap::new();
    for line in output.lines() {
        let values: BTreeMap<&str, &str> = TSHARK_FIELDS.into_iter().zip(line.split('\t')).collect();
        let is_quoted = !values["icmp.type"].is_empty() || !values["icmpv6.type"].is_empty();
        if !values["ntp.flags"].is_empty() && !is_quoted {
            messages.insert(values["frame.number"].parse().unwrap(), told_by_tshark(&values));
        }
    }
    messages
}

const TSHARK_FIELDS: [&str; 35] = [
    "frame.number",
    "frame.time_epoch",
    "ip.src",
    "ip.dst",
    "ipv6.src",
    "ipv6.dst",
    "udp.srcport",
    "udp.dstport",
    "icmp.type",
    "icmpv6.type",
    "ntp.flags",
    "ntp.flags.li",
    "ntp.flags.vn",
    "ntp.flags.mode",
    "ntp.stratum",
    "ntp.ppoll",
    "ntp.precision",
    "ntp.rootdelay",
    "ntp.rootdispersion",
    "ntp.refid",
    "ntp.reftime",
    "ntp.org",
    "ntp.rec",
    "ntp.xmt",
    "ntp.keyid",
    "ntp.mac",
    "ntp.ext.type",
    "ntp.ext.length",
    "ntp.ctrl.flags2.opcode",
    "ntp.ctrl.sequence",
    "ntp.ctrl.associd",
    "ntp.ctrl.count",
    "ntp.priv.reqcode",
    "ntp.priv.numitems",
    "ntp.priv.itemsize",
];

/// What tshark prints of each frame, values of repeated fields joined by commas.
fn run_tshark(capture: &Path, fields: &[&str]) -> String {
    let mut command = Command::new("tshark");
    command.args(["-n", "-r"]).arg(capture).args(["-d", "udp.port==1123,ntp", "-T", "fields"]);
    command.args(["-E", "occurrence=a", "-E", "aggregator=,"]);
    for field in fields {
        command.args(["-e", field]);
    }
    let output =
        command.output().expect("tshark is installed (apt-get install tshark): the test compares with it");
    String::from_utf8(output.stdout).unwrap()
}

/// The first line of `tshark --version`.
fn version() -> String {
    let output = Command::new("tshark").arg("--version").output().expect("tshark is installed");
    String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned()
}

/// A row of tshark in the words that both are compared in.
fn told_by_tshark(values: &BTreeMap<&str, &str>) -> Fields {
    let last = |name: &str| values[name].rsplit(',').next().unwrap().to_owned();
    let mut fields = Fields::new();
    let mut put = |name, value: String| {
        if !value.is_empty() {
            fields.insert(name, value);
        }
    };
    // A tunnel shows addresses of both versions; the carriers of the made captures are no others'.
    let is_carrier = |address: &str| address.starts_with("192.0.2.");
    let inner_6 = values["ip.src"].is_empty()
        || (!values["ipv6.src"].is_empty() && values["ip.src"].split(',').all(is_carrier));
    let (source, destination) = if inner_6 { ("ipv6.src", "ipv6.dst") } else { ("ip.src", "ip.dst") };
    put("src", endpoint(&last(source), &last("udp.srcport")));
    put("dst", endpoint(&last(destination), &last("udp.dstport")));
    put("time", nanoseconds(values["frame.time_epoch"]));
    put("version", last("ntp.flags.vn"));
    put("mode", last("ntp.flags.mode"));
    if matches!(last("ntp.flags.mode").as_str(), "6" | "7") {
        put("operation", last("ntp.ctrl.flags2.opcode"));
        put("sequence", decimal(&last("ntp.ctrl.sequence")));
        // The first is the header's; a list of associations in the data is shown under the same name.
        put("association_id", decimal(values["ntp.ctrl.associd"].split(',').next().unwrap_or_default()));
        put("count", decimal(&last("ntp.ctrl.count")));
        put("request_code", last("ntp.priv.reqcode"));
        put("item_count", decimal(&last("ntp.priv.numitems")));
        put("item_size", decimal(&last("ntp.priv.itemsize")));
    } else {
        put("leap", last("ntp.flags.li"));
        put("stratum", last("ntp.stratum"));
        put("poll", signed(&last("ntp.ppoll")));
        put("precision", signed(&last("ntp.precision")));
        put("root_delay", last("ntp.rootdelay"));
        put("root_dispersion", last("ntp.rootdispersion"));
        put("reference_id", last("ntp.refid"));
        for (name, field) in [
            ("reference_time", "ntp.reftime"),
            ("origin_time", "ntp.org"),
            ("receive_time", "ntp.rec"),
            ("transmit_time", "ntp.xmt"),
        ] {
            put(name, calendar(values[field]));
        }
    }
    put(
        "key_id",
        if values["ntp.keyid"].is_empty() { String::new() } else { hexadecimal(&last("ntp.keyid")) },
    );
    put("digest", last("ntp.mac"));
    put("extension_types", values["ntp.ext.type"].to_owned());
    put("extension_lengths", values["ntp.ext.length"].to_owned());
    fields
}

/// The messages that ntpcap sees, by frame.
fn by_us(capture: &Path) -> BTreeMap<u64, Fields> {
    let output = ntpcap().args(["decode", "--ndjson", "--port", "123,1123"]).arg(capture).output().unwrap();
    let mut messages = BTreeMap::new();
    for record in records(&output) {
        if record["type"] == "message" && record["octets"] != 0 {
            messages.insert(record["frame"].as_u64().unwrap(), told_by_us(&record));
        }
    }
    messages
}

/// A record of ours in the same words.
fn told_by_us(record: &Value) -> Fields {
    let mut fields = Fields::new();
    let mut put = |name, value: String| {
        if !value.is_empty() {
            fields.insert(name, value);
        }
    };
    let text = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    for name in ["src", "dst"] {
        put(name, text(&record[name]));
    }
    put("time", nanoseconds_of_ours(&record["time"]));
    put("version", text(&record["version"]));
    let modes = [
        "reserved",
        "symmetric-active",
        "symmetric-passive",
        "client",
        "server",
        "broadcast",
        "control",
        "private",
    ];
    put(
        "mode",
        modes
            .iter()
            .position(|mode| record["mode"] == *mode)
            .map_or_else(String::new, |mode| mode.to_string()),
    );
    for (part, names) in [
        (&record["control"], &["operation", "sequence", "association_id", "count"][..]),
        (&record["private"], &["request_code", "item_count", "item_size"][..]),
        (record, &["stratum", "poll", "precision"][..]),
    ] {
        for name in names {
            put(name, text(&part[name]));
        }
    }
    let leaps = ["none", "insert", "delete", "unknown"];
    put(
        "leap",
        leaps
            .iter()
            .position(|leap| record["leap"] == *leap)
            .map_or_else(String::new, |leap| leap.to_string()),
    );
    for (name, field) in [("root_delay", "root_delay_s"), ("root_dispersion", "root_dispersion_s")] {
        put(
            name,
            record[field]
                .as_f64()
                .map_or_else(String::new, |seconds| (seconds * 65_536.0).round().to_string()),
        );
    }
    put("reference_id", reference_id(&text(&record["reference_id"])));
    for name in ["reference_time", "origin_time", "receive_time", "transmit_time"] {
        let is_time_message = !record["stratum"].is_null();
        let value = nanoseconds_of_ours(&record[name]);
        put(name, if value.is_empty() && is_time_message { "none".to_owned() } else { value });
    }
    put("key_id", text(&record["mac"]["key_id"]));
    put("digest", text(&record["mac"]["digest"]));
    let of_fields = |name: &str| {
        let fields = record["extension_fields"].as_array().unwrap();
        fields.iter().map(|field| text(&field[name])).collect::<Vec<_>>().join(",")
    };
    put("extension_types", of_fields("type"));
    put("extension_lengths", of_fields("octets"));
    fields
}

fn endpoint(address: &str, port: &str) -> String {
    if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
}

/// Seconds with a fraction as nanoseconds. The fraction counts up even before 1970, as tshark prints it.
fn nanoseconds(text: &str) -> String {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let Ok(seconds) = seconds.parse::<i128>() else { return text.to_owned() };
    (seconds * 1_000_000_000 + format!("{fraction:0<9}")[..9].parse::<i128>().unwrap()).to_string()
}

/// RFC 3339 as nanoseconds.
fn nanoseconds_of_ours(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(String::new, |text| text.parse::<jiff::Timestamp>().unwrap().as_nanosecond().to_string())
}

/// `Nov 25, 2026 09:30:04.637235825 UTC` as nanoseconds, `NULL` as `none`.
fn calendar(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let [month, day, year, time, "UTC"] = words[..] else {
        return if text == "NULL" { "none".to_owned() } else { text.to_owned() };
    };
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = months.iter().position(|name| *name == month).unwrap() + 1;
    let day: u8 = day.trim_end_matches(',').parse().unwrap();
    let time = format!("{year}-{month:02}-{day:02}T{time}Z");
    time.parse::<jiff::Timestamp>().unwrap().as_nanosecond().to_string()
}

/// An octet as a signed number.
fn signed(text: &str) -> String {
    text.parse::<u8>().map_or_else(|_| text.to_owned(), |octet| octet.cast_signed().to_string())
}

fn hexadecimal(text: &str) -> String {
    u32::from_str_radix(text.trim_start_matches("0x"), 16).unwrap().to_string()
}

/// A number that may be written as `0x...`.
fn decimal(text: &str) -> String {
    if text.starts_with("0x") { hexadecimal(text) } else { text.to_owned() }
}

/// Our text of a reference identifier as the octets it stands for.
fn reference_id(text: &str) -> String {
    let octets: Vec<u8> = if let Some(digits) = text.strip_prefix("0x") {
        return digits.to_owned();
    } else if let Ok(address) = text.parse::<std::net::Ipv4Addr>() {
        address.octets().to_vec()
    } else if text.is_empty() {
        return String::new();
    } else {
        let mut octets = text.as_bytes().to_vec();
        octets.resize(4, 0);
        octets
    };
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
