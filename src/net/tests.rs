//! Whole frames, octets written out: what each way in leads to.

use std::net::SocketAddr;

use super::*;
use crate::capture::{CaptureTime, LinkType, Options};

/// From 192.0.2.1 port 123 to 192.0.2.2 port 40000, payload "ntp!". The checksum was computed apart from this program.
const UDP: [u8; 12] = [0, 123, 0x9c, 0x40, 0, 12, 0x00, 0x81, b'n', b't', b'p', b'!'];
const IPV4: [u8; 20] = [0x45, 0, 0, 32, 0, 1, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2];
/// From 2001:db8::1 to 2001:db8::2, the next header and length to be set.
const IPV6: [u8; 40] = [
    0x60, 0, 0, 0, 0, 12, 17, 64, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x20, 1, 0xd, 0xb8,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
];
const MACS: [u8; 12] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];

fn frame(link_type: u16, octets: &[u8]) -> Frame<'_> {
    let original_length = u32::try_from(octets.len()).unwrap();
    let time = Some(CaptureTime { seconds: 1000, nanoseconds: 0 });
    Frame {
        number: 1,
        time,
        link_type: LinkType(link_type),
        original_length,
        octets,
        origin: None,
        options: Options::default(),
    }
}

fn datagram<'a>(decoder: &'a mut Decoder, frame: &Frame<'a>) -> Datagram<'a> {
    match decoder.decode(frame) {
        Decoded::Datagram(datagram) => datagram,
        Decoded::Undecoded(reason) => panic!("{reason}"),
    }
}

/// Checks that `parts` hold the datagram above, and returns what it was wrapped in.
fn wrapping(link_type: u16, parts: &[&[u8]]) -> String {
    let octets = parts.concat();
    let mut decoder = Decoder::new(&[123]);
    let datagram = datagram(&mut decoder, &frame(link_type, &octets));
    assert_eq!((datagram.octets, datagram.length), (&b"ntp!"[..], 4));
    assert_eq!((datagram.source.port(), datagram.destination.port()), (123, 40000));
    assert_eq!((datagram.shortfall, datagram.fragments), (None, &[][..]));
    datagram.encapsulation.to_string()
}

fn reason(link_type: u16, parts: &[&[u8]]) -> String {
    let octets = parts.concat();
    match Decoder::new(&[123]).decode(&frame(link_type, &octets)) {
        Decoded::Undecoded(reason) => reason.code().into_owned(),
        Decoded::Datagram(datagram) => panic!("{datagram:?}"),
    }
}

#[test]
fn reads_ethernet_and_leaves_padding_out() {
    let octets = [&MACS[..], &[8, 0], &IPV4, &UDP, &[0xee; 18]].concat();
    let mut decoder = Decoder::new(&[123]);
    let datagram = datagram(&mut decoder, &frame(1, &octets));
    assert_eq!(datagram.source, "192.0.2.1:123".parse::<SocketAddr>().unwrap());
    assert_eq!(datagram.destination, "192.0.2.2:40000".parse::<SocketAddr>().unwrap());
    assert_eq!((datagram.octets, datagram.checksum), (&b"ntp!"[..], Checksum::Correct));
    assert!(datagram.encapsulation.is_empty());
}

#[test]
fn reads_every_link_type() {
    let sll = |kind: [u8; 2], protocol: [u8; 2]| {
        [&[0, 0][..], &kind, &[0, 6, 1, 2, 3, 4, 5, 6, 0, 0], &protocol].concat()
    };
    let sll2 = [8, 0, 0, 0, 0, 0, 0, 1, 3, 4, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0];
    for (link_type, header) in [
        (0, &[2, 0, 0, 0][..]),
        (0, &[0, 0, 0, 2]),
        (108, &[0, 0, 0, 2]),
        (12, &[]),
        (14, &[]),
        (101, &[]),
        (228, &[]),
        (9, &[0, 0x21]),
        (9, &[0xff, 3, 0, 0x21]),
        (9, &[0xff, 3, 0x21]),
        (50, &[0xff, 3, 0, 0x21]),
        (50, &[0x0f, 0, 8, 0]),
        (104, &[0x8f, 0, 8, 0]),
        (204, &[1, 0xff, 3, 0, 0x21]),
        (166, &[1, 3, 0, 0x21]),
        (51, &[0x11, 0, 0, 1, 0, 34, 0, 0x21]),
        (100, &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0]),
        (113, &sll([0, 1], [8, 0])),
        (113, &sll([3, 4], [8, 0])),
        (113, &sll([0xff, 0xfe], [8, 0])),
        (113, &[&sll([0, 1], [0, 4])[..], &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0]].concat()),
        (276, &sll2),
        (258, &[12, 0, 0, 0, 1, 0, 0, 0, 12, 0, 0, 0]),
        (149, &[12, 0, 0, 0, 1, 0, 0, 0, 12, 0, 0, 0]),
    ] {
        assert_eq!(wrapping(link_type, &[header, &IPV4, &UDP]), "", "link type {link_type}");
    }
    assert_eq!(reason(105, &[&IPV4, &UDP]), "link-type-105");
    assert_eq!(reason(149, &[&IPV4, &UDP]), "link-type-149");
    assert_eq!(reason(113, &[&sll([3, 0x38], [8, 0]), &IPV4, &UDP]), "ethertype-0x0800");
    assert_eq!(reason(0, &[&[9, 9, 9, 9], &IPV4, &UDP]), "link-header-malformed");
}

#[test]
fn reads_ipv6_behind_extension_headers() {
    let with = |next: u8, length: u8| {
        let mut header = IPV6;
        (header[5], header[6]) = (length, next);
        header
    };
    let options = |next: u8| [next, 0, 1, 4, 0, 0, 0, 0];
    assert_eq!(wrapping(229, &[&IPV6, &UDP]), "");
    assert_eq!(wrapping(101, &[&with(0, 28), &options(60), &options(17), &UDP]), "");
    // An atomic fragment, then an authentication header.
    let atomic = [51, 0, 0, 0, 0, 0, 0, 7];
    let authentication = [17, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2];
    assert_eq!(wrapping(101, &[&with(44, 32), &atomic, &authentication, &UDP]), "ah");
    assert_eq!(reason(101, &[&with(59, 0)]), "ipv6-no-next-header");
    assert_eq!(reason(101, &[&with(135, 8), &options(59)]), "ip-protocol-135");
    assert_eq!(reason(101, &[&with(0, 8), &[17, 9, 0, 0, 0, 0, 0, 0]]), "ip-header-cut");
}

#[test]
fn a_routing_header_leaves_the_checksum_unchecked() {
    let mut header = IPV6;
    (header[5], header[6]) = (36, 43);
    let octets = [&header[..], &[17, 2, 0, 1, 0, 0, 0, 0], &[1; 16], &UDP].concat();
    assert_eq!(datagram(&mut Decoder::new(&[123]), &frame(101, &octets)).checksum, Checksum::Unchecked);
}

#[test]
fn follows_tags_labels_and_sessions() {
    let ethernet = |parts: &[&[u8]]| wrapping(1, &[&[&MACS[..]], parts, &[&IPV4, &UDP]].concat());
    assert_eq!(ethernet(&[&[0x81, 0, 0, 1, 8, 0]]), "vlan");
    let five = [0x81, 0, 0, 1, 0x88, 0xa8, 0, 1, 0x91, 0, 0, 1, 0x92, 0, 0, 1, 0x81, 0, 0, 1, 8, 0];
    assert_eq!(ethernet(&[&five]), "vlan");
    assert_eq!(ethernet(&[&[0x81, 0, 0, 1].repeat(300), &[8, 0]]), "vlan");
    assert_eq!(ethernet(&[&[0x89, 0x26, 0, 0, 0, 1, 0x81, 0, 0, 1, 8, 0]]), "vlan vn-tag");
    assert_eq!(ethernet(&[&[0x88, 0xe5, 0x20, 0, 0, 0, 0, 1], &[0; 8], &[8, 0]]), "macsec");
    assert_eq!(ethernet(&[&[0x88, 0xe7, 0, 0, 0, 1], &MACS, &[8, 0]]), "802.1ah");
    assert_eq!(ethernet(&[&[0x88, 0x64, 0x11, 0, 0, 1, 0, 34, 0, 0x21]]), "pppoe");
    assert_eq!(ethernet(&[&[0x88, 0x47, 0, 1, 0, 64, 0, 2, 1, 64]]), "mpls");
    assert_eq!(ethernet(&[&[0x88, 0x48, 0, 2, 1, 64, 0, 0, 0, 0], &MACS, &[8, 0]]), "mpls");
    assert_eq!(ethernet(&[&[0, 40, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0]]), "");
    assert_eq!(ethernet(&[&[0, 40, 6, 6, 3]]), "");
    let other = |parts: &[&[u8]]| reason(1, &[&[&MACS[..]], parts].concat());
    assert_eq!(other(&[&[8, 6, 0, 1]]), "arp");
    assert_eq!(other(&[&[0x88, 0xcc, 0, 1]]), "ethertype-0x88cc");
    assert_eq!(other(&[&[0, 3, 0x42, 0x42, 3]]), "llc-0x42");
    assert_eq!(other(&[&[0, 8, 0xaa, 0xaa, 3, 0, 0, 12, 1, 0xb]]), "snap");
    assert_eq!(other(&[&[0, 9, 0xaa, 0xaa, 3, 0, 0, 0, 0, 9, 1]]), "snap");
    assert_eq!(other(&[&[0x88, 0xe5, 0x0c, 0, 0, 0]]), "macsec-encrypted");
    assert_eq!(other(&[&[0x88, 0x64, 0x11, 9, 0, 1, 0, 0]]), "link-header-malformed");
    assert_eq!(other(&[&[0x88, 0x64, 0x11, 0, 0, 1, 0, 4, 0xc0, 0x21, 1, 1]]), "ppp-0xc021");
    assert_eq!(other(&[&[8]]), "link-header-cut");
}

#[test]
fn follows_tunnels() {
    let outer = |protocol: u8| {
        let mut header = IPV4;
        (header[2], header[3], header[9]) = (0, 0, protocol);
        header
    };
    let raw = |protocol: u8, parts: &[&[u8]]| wrapping(101, &[&[&outer(protocol)[..]], parts].concat());
    assert_eq!(raw(4, &[&IPV4, &UDP]), "ip-in-ip");
    assert_eq!(raw(41, &[&IPV6, &UDP]), "ip-in-ip");
    assert_eq!(raw(47, &[&[0, 0, 8, 0], &IPV4, &UDP]), "gre");
    assert_eq!(raw(47, &[&[0xb0, 0, 8, 0], &[0; 12], &IPV4, &UDP]), "gre");
    assert_eq!(raw(47, &[&[0x30, 0x81, 0x88, 0x0b], &[0; 12], &[0xff, 3, 0, 0x21], &IPV4, &UDP]), "gre");
    assert_eq!(raw(47, &[&[0, 0, 0x65, 0x58], &MACS, &[8, 0], &IPV4, &UDP]), "gre");
    assert_eq!(raw(47, &[&[0, 0, 0x88, 0xbe], &MACS, &[8, 0], &IPV4, &UDP]), "gre erspan");
    assert_eq!(raw(47, &[&[0x10, 0, 0x88, 0xbe], &[0; 12], &MACS, &[8, 0], &IPV4, &UDP]), "gre erspan");
    assert_eq!(raw(47, &[&[0x10, 0, 0x22, 0xeb], &[0; 16], &MACS, &[8, 0], &IPV4, &UDP]), "gre erspan");
    let vxlan = [0x30, 0x39, 0x12, 0xb5, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 1, 0];
    assert_eq!(raw(17, &[&vxlan, &MACS, &[8, 0], &IPV4, &UDP]), "vxlan");
    let geneve = [0x30, 0x39, 0x17, 0xc1, 0, 0, 0, 0, 1, 0, 0x65, 0x58, 0, 0, 1, 0, 9, 9, 9, 9];
    assert_eq!(raw(17, &[&geneve, &MACS, &[8, 0], &IPV4, &UDP]), "geneve");
    let other = |protocol: u8, parts: &[&[u8]]| reason(101, &[&[&outer(protocol)[..]], parts].concat());
    assert_eq!(other(47, &[&[0x40, 0, 8, 0], &IPV4, &UDP]), "tunnel-header-unknown");
    assert_eq!(other(47, &[&[0, 2, 8, 0], &IPV4, &UDP]), "tunnel-header-unknown");
    assert_eq!(other(47, &[&[0xb0, 0, 8, 0, 0]]), "tunnel-header-cut");
    let eight = outer(4).repeat(7);
    assert_eq!(raw(4, &[&eight, &IPV4, &UDP]), "ip-in-ip");
    assert_eq!(other(4, &[&eight, &outer(4), &IPV4, &UDP]), "too-deep");
}

#[test]
fn names_what_is_no_datagram_of_interest() {
    let outer = |protocol: u8, parts: &[&[u8]]| {
        let mut header = IPV4;
        (header[2], header[3], header[9]) = (0, 0, protocol);
        reason(101, &[&[&header[..]], parts].concat())
    };
    assert_eq!(outer(6, &[&[0; 20]]), "tcp");
    assert_eq!(outer(1, &[&[8, 0, 0, 0, 0, 0, 0, 0]]), "icmp");
    assert_eq!(outer(50, &[&[0; 8]]), "esp");
    assert_eq!(outer(132, &[&[0; 8]]), "ip-protocol-132");
    assert_eq!(outer(17, &[&[0, 53, 0, 54, 0, 8, 0, 0]]), "udp-other-port");
    assert_eq!(outer(17, &[&[0, 53, 0, 54]]), "udp-other-port");
    assert_eq!(outer(17, &[&[0, 123, 0, 54, 0]]), "udp-header-cut");
    assert_eq!(outer(17, &[&[0, 123, 0, 54, 0, 7, 0, 0]]), "udp-length-below-header");
    assert_eq!(outer(17, &[&[0, 123, 0, 54, 0, 0, 0, 0]]), "udp-length-below-header");
    assert_eq!(reason(101, &[&IPV4[..19]]), "ip-header-cut");
    assert_eq!(reason(101, &[&[0x44], &IPV4[1..]]), "ip-header-malformed");
    assert_eq!(reason(101, &[&[0x75], &IPV4[1..]]), "ip-version");
    assert_eq!(reason(1, &[&MACS, &[8, 0], &IPV6]), "ip-version");
    assert_eq!(reason(1, &[&MACS, &[0x86, 0xdd], &IPV4]), "ip-version");
    assert_eq!(reason(101, &[]), "ip-header-cut");
}

#[test]
fn a_quote_in_an_icmp_error_is_counted_apart() {
    let mut outer = IPV4;
    (outer[2], outer[3], outer[9]) = (0, 0, 1);
    let unreachable = [3, 3, 0, 0, 0, 0, 0, 0];
    assert_eq!(reason(101, &[&outer, &unreachable, &IPV4, &UDP[..8]]), "icmp-quotes-ntp");
    assert_eq!(reason(101, &[&outer, &unreachable, &IPV4, &[0, 53, 0, 54, 0, 8, 0, 0]]), "icmp");
    // An echo that happens to look like a quote, and a quote of a later fragment.
    assert_eq!(reason(101, &[&outer, &[8, 3, 0, 0, 0, 0, 0, 0], &IPV4, &UDP[..8]]), "icmp");
    let mut later = IPV4;
    later[7] = 3;
    assert_eq!(reason(101, &[&outer, &unreachable, &later, &UDP[..8]]), "icmp");
    let mut outer = IPV6;
    (outer[5], outer[6]) = (60, 58);
    assert_eq!(reason(101, &[&outer, &[1, 4, 0, 0, 0, 0, 0, 0], &IPV6, &UDP]), "icmp-quotes-ntp");
}

#[test]
fn says_why_octets_are_missing() {
    let find = |octets: &[u8], original_length: u32| {
        let mut decoder = Decoder::new(&[123]);
        let frame = Frame { original_length, ..frame(101, octets) };
        let datagram = datagram(&mut decoder, &frame);
        (datagram.octets.len(), datagram.length, datagram.shortfall, datagram.checksum)
    };
    let whole = [&IPV4[..], &UDP].concat();
    assert_eq!(find(&whole[..30], 32), (2, 4, Some(Shortfall::Snapped), Checksum::Unchecked));
    assert_eq!(find(&whole[..30], 30), (2, 4, Some(Shortfall::IpLength), Checksum::Unchecked));
    let mut longer = whole.clone();
    longer[25] = 13;
    assert_eq!(find(&longer, 32), (4, 5, Some(Shortfall::UdpLength), Checksum::Unchecked));
    assert_eq!(find(&longer[..30], 32), (2, 5, Some(Shortfall::UdpLength), Checksum::Unchecked));
    // An IP length of zero says nothing, so only the frame and the UDP length count.
    let mut unsegmented = whole.clone();
    unsegmented[3] = 0;
    assert_eq!(find(&unsegmented, 32), (4, 4, None, Checksum::Correct));
    assert_eq!(find(&unsegmented[..30], 32), (2, 4, Some(Shortfall::Snapped), Checksum::Unchecked));
    // Surplus within the IP packet belongs to nobody.
    let mut shorter = whole;
    shorter[25] = 10;
    assert_eq!((find(&shorter, 32).0, find(&shorter, 32).2), (2, None));
}

#[test]
fn tells_checksums_apart() {
    let find = |header: &[u8], change: u8, to: [u8; 2]| {
        let mut octets = [header, &UDP].concat();
        let at = header.len() + 6;
        octets[at..at + 2].copy_from_slice(&to);
        octets[at + 2] ^= change;
        datagram(&mut Decoder::new(&[123]), &frame(101, &octets)).checksum
    };
    assert_eq!(find(&IPV4, 0, [0x00, 0x81]), Checksum::Correct);
    assert_eq!(find(&IPV4, 0, [0x00, 0x82]), Checksum::Wrong { found: 0x0082, expected: 0x0081 });
    assert_eq!(find(&IPV4, 1, [0x00, 0x81]), Checksum::Wrong { found: 0x0081, expected: 0xff80 });
    assert_eq!(find(&IPV4, 0, [0, 0]), Checksum::Absent);
    assert!(matches!(find(&IPV6, 0, [0, 0]), Checksum::Wrong { found: 0, .. }));
}

#[test]
fn nothing_panics_however_a_frame_is_cut() {
    let mut outer = IPV4;
    (outer[2], outer[3], outer[9]) = (0, 0, 47);
    let octets = [
        &MACS[..],
        &[0x81, 0, 0, 1, 0x88, 0x47, 0, 2, 1, 64],
        &outer,
        &[0xb0, 0, 0x65, 0x58],
        &[0; 12],
        &MACS,
        &[0x86, 0xdd],
        &IPV6,
        &UDP,
    ]
    .concat();
    assert_eq!(wrapping(1, &[&octets]), "vlan mpls gre");
    for length in 0..octets.len() {
        for link_type in 0..=300 {
            let cut = Frame { original_length: 200, ..frame(link_type, &octets[..length]) };
            let _ = Decoder::new(&[123]).decode(&cut);
        }
    }
}

#[test]
fn a_reply_from_another_port_to_whom_asked_is_of_interest() {
    let packet = |source: &str, destination: &str, flags: u8| {
        let mut octets = Vec::new();
        let payload = [&[flags][..], &[0; 47]].concat();
        udp_packet(source.parse().unwrap(), destination.parse().unwrap(), &payload, &mut octets).unwrap();
        octets
    };
    const RAW: u16 = 101;
    for (client, server, other) in [
        ("192.0.2.2:40000", "192.0.2.1:123", "192.0.2.1:5000"),
        ("[2001:db8::2]:40000", "[2001:db8::1]:123", "[2001:db8::9]:5000"),
    ] {
        let (request, reply) = (packet(client, server, 0x23), packet(other, client, 0x24));
        let mut decoder = Decoder::new(&[123]);
        let before = decoder.decode(&frame(RAW, &reply));
        assert!(matches!(before, Decoded::Undecoded(Reason::UdpOtherPort)), "nobody has asked");
        datagram(&mut decoder, &frame(RAW, &request));
        assert_eq!(datagram(&mut decoder, &frame(RAW, &reply)).source, other.parse().unwrap());
    }
}
