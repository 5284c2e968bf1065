//! What requests look like.

use crate::conformance::case::Level;

use super::super::case::{ClientCase, Test};
use super::super::wire;

pub(super) static CASES: &[ClientCase] = &[
    ClientCase {
        slug: "wire/mac",
        source: "RFC 5905 section 9.2; NDcPP 4.0 FCS_NTP_EXT.1.2",
        level: Level::Must,
        summary: "every request has a right MAC, by the algorithm of the key that it is to ask with",
        why: "A client that asks without one cannot tell a server that refuses it from one that has no keys.",
        differs: "",
        test: Test::Wire(wire::mac),
    },
    ClientCase {
        slug: "wire/mac-length",
        source: "RFC 7822 section 3",
        level: Level::Should,
        summary: "in version 4 a digest is cut to 20 octets",
        why: "Servers take more for an extension field, and stay silent.",
        differs: "ntpdig 1.2.2 does not cut SHA-256",
        test: Test::Wire(wire::length),
    },
    ClientCase {
        slug: "wire/own-key",
        source: "RFC 8633 section 4.1",
        level: Level::Should,
        summary: "each server is asked under a key of its own",
        why: "Who has the key of one could speak for all.",
        differs: "",
        test: Test::Wire(wire::own_key),
    },
    ClientCase {
        slug: "wire/unique-transmit",
        source: "RFC 5905 section 8",
        level: Level::Must,
        summary: "no two requests have the same transmit timestamp",
        why: "Replies name the request by it.",
        differs: "",
        test: Test::Wire(wire::unique),
    },
    ClientCase {
        slug: "wire/random-port",
        source: "RFC 9109 section 3",
        level: Level::Should,
        summary: "requests come from ports that nobody can guess",
        why: "Who does not see the request must guess the port to forge a reply.",
        differs: "ntp.org and NTPsec ask from port 123; ntpdate and sntp, too",
        test: Test::Wire(wire::port),
    },
    ClientCase {
        slug: "wire/minimal-request",
        source: "practice: chrony, NTPsec, busybox",
        level: Level::Observed,
        summary: "requests tell nothing of the client",
        why: "Its state and its clock help whoever would forge replies or follow it.",
        differs: "ntp.org tells all fields",
        test: Test::Wire(wire::minimised),
    },
    ClientCase {
        slug: "wire/random-transmit",
        source: "practice: chrony, NTPsec, busybox",
        level: Level::Observed,
        summary: "the transmit timestamp is random",
        why: "The time of the clock is easier to guess, and tells of the client.",
        differs: "ntp.org sends its clock",
        test: Test::Wire(wire::transmit),
    },
    ClientCase {
        slug: "wire/version",
        source: "RFC 5905 section 7.3; NDcPP 4.0 FCS_NTP_EXT.1.1",
        level: Level::May,
        summary: "which versions the client asks in",
        why: "An evaluation has to say it.",
        differs: "",
        test: Test::Wire(wire::version),
    },
    ClientCase {
        slug: "wire/three-servers",
        source: "NDcPP 4.0 FCS_NTP_EXT.1.4 test 1; RFC 8633 section 3.2",
        level: Level::Must,
        summary: "each of three servers is asked",
        why: "One server that is wrong is outvoted by two.",
        differs: "",
        test: Test::Wire(wire::servers),
    },
];
