"""Capture files to UDP datagrams, with nothing but struct.

Written apart from the Rust program and from every capture library, so that an
agreement between the two means something. It reads what the sample captures
need: pcap and pcapng in both byte orders (also gzipped), Ethernet with VLAN
tags, SLL, SLL2, NULL/LOOP and raw IP links, IPv4 with fragments, IPv6.
"""

import gzip
import ipaddress
import struct
from dataclasses import dataclass

ETHERNET, NULL, LOOP, SLL, SLL2, IPV4, IPV6 = 1, 0, 108, 113, 276, 228, 229
RAW = {12, 14, 101}
ETHERTYPE_IPV4, ETHERTYPE_IPV6 = 0x0800, 0x86DD
VLAN_TAGS = {0x8100, 0x88A8, 0x9100}


@dataclass
class Frame:
    """One record of a capture file."""

    number: int
    link: int
    octets: bytes
    original: int


@dataclass
class Datagram:
    """A UDP datagram; `complete` is false when the capture lacks some of it."""

    frame: int
    source: str
    source_port: int
    destination: str
    destination_port: int
    payload: bytes
    complete: bool


def read_frames(path):
    """Yields every whole frame of a capture file; a file cut off ends early."""
    with open(path, "rb") as file:
        octets = file.read()
    if octets[:2] == b"\x1f\x8b":
        octets = gzip.decompress(octets)
    if octets[:4] == b"\x0a\x0d\x0d\x0a":
        yield from read_pcapng(octets)
    else:
        yield from read_pcap(octets)


def read_pcap(octets):
    """Yields the frames of a pcap file of either byte order and precision."""
    orders = {0xA1B2C3D4, 0xA1B23C4D}
    order = next((o for o in "<>" if struct.unpack(o + "I", octets[:4])[0] in orders), None)
    if order is None:
        raise ValueError("not a pcap or pcapng file")
    link = struct.unpack(order + "I", octets[20:24])[0] & 0x0FFFFFFF
    position, number = 24, 0
    while position + 16 <= len(octets):
        captured, original = struct.unpack(order + "II", octets[position + 8:position + 16])
        position += 16
        if position + captured > len(octets):
            return
        number += 1
        yield Frame(number, link, octets[position:position + captured], original)
        position += captured


def read_pcapng(octets):
    """Yields the frames of a pcapng file, also of several sections."""
    position, number, order, interfaces = 0, 0, "<", []
    while position + 12 <= len(octets):
        if octets[position:position + 4] == b"\x0a\x0d\x0d\x0a":
            order = "<" if octets[position + 8:position + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            interfaces = []
        kind, length = struct.unpack(order + "II", octets[position:position + 8])
        if length < 12 or position + length > len(octets):
            return
        body = octets[position + 8:position + length - 4]
        position += length
        if kind == 1:
            link, _, snap = struct.unpack(order + "HHI", body[:8])
            interfaces.append((link, snap))
        elif kind in (2, 3, 6):
            number += 1
            yield pcapng_frame(number, kind, body, order, interfaces)


def pcapng_frame(number, kind, body, order, interfaces):
    """One enhanced, simple or (obsolete) packet block as a frame."""
    if kind == 3:
        original = struct.unpack(order + "I", body[:4])[0]
        link, snap = interfaces[0]
        captured = min(original, snap or original)
        return Frame(number, link, body[4:4 + captured], original)
    form = "I" if kind == 6 else "H2x"
    interface = struct.unpack_from(order + form, body)[0]
    captured, original = struct.unpack(order + "II", body[12:20])
    return Frame(number, interfaces[interface][0], body[20:20 + captured], original)


def network_layer(frame):
    """The IP packet of a frame as (version, octets), or None."""
    octets = frame.octets
    if frame.link == ETHERNET:
        kind, rest = struct.unpack(">H", octets[12:14].ljust(2, b"\0"))[0], octets[14:]
        while kind in VLAN_TAGS and len(rest) >= 4:
            kind, rest = struct.unpack(">H", rest[2:4])[0], rest[4:]
    elif frame.link == SLL:
        kind, rest = struct.unpack(">H", octets[14:16].ljust(2, b"\0"))[0], octets[16:]
    elif frame.link == SLL2:
        kind, rest = struct.unpack(">H", octets[:2].ljust(2, b"\0"))[0], octets[20:]
    elif frame.link in (NULL, LOOP):
        kind, rest = None, octets[4:]
    elif frame.link in RAW or frame.link in (IPV4, IPV6):
        kind, rest = None, octets
    else:
        return None
    if not rest:
        return None
    version = rest[0] >> 4
    if kind is None:
        kind = {4: ETHERTYPE_IPV4, 6: ETHERTYPE_IPV6}.get(version)
    wanted = {ETHERTYPE_IPV4: 4, ETHERTYPE_IPV6: 6}.get(kind)
    return (version, rest) if wanted == version else None


def read_datagrams(frames):
    """Yields the UDP datagrams; one in fragments counts at its last fragment."""
    waiting = {}
    for frame in frames:
        layer = network_layer(frame)
        if layer is None:
            continue
        version, octets = layer
        if version == 4:
            found = ipv4_transport(octets, waiting)
        else:
            found = ipv6_transport(octets)
        if found is None:
            continue
        source, destination, segment = found
        if len(segment) < 8:
            continue
        source_port, destination_port, length = struct.unpack(">HHH", segment[:6])
        payload = segment[8:length]
        yield Datagram(frame.number, source, source_port, destination, destination_port,
                       payload, len(payload) == length - 8)


def ipv4_transport(octets, waiting):
    """UDP of an IPv4 packet; keeps fragments in `waiting` until all are there."""
    if len(octets) < 20:
        return None
    header = (octets[0] & 15) * 4
    total, identification, fragment = struct.unpack(">HHH", octets[2:8])
    if octets[9] != 17:
        return None
    source, destination = (str(ipaddress.IPv4Address(octets[i:i + 4])) for i in (12, 16))
    segment = octets[header:total or len(octets)]
    offset, more = (fragment & 0x1FFF) * 8, bool(fragment & 0x2000)
    if not offset and not more:
        return source, destination, segment
    parts = waiting.setdefault((source, destination, identification), {})
    parts[offset] = (segment, more)
    whole, position = b"", 0
    while position in parts:
        piece, more = parts[position]
        whole += piece
        position += len(piece)
        if not more:
            del waiting[(source, destination, identification)]
            return source, destination, whole
        if not piece:
            break
    return None


def ipv6_transport(octets):
    """UDP of an IPv6 packet, past extension headers; fragments are skipped."""
    if len(octets) < 40:
        return None
    length, following = struct.unpack(">HB", octets[4:7])
    source, destination = (str(ipaddress.IPv6Address(octets[i:i + 16])) for i in (8, 24))
    rest = octets[40:40 + length] if length else octets[40:]
    while following in (0, 43, 60) and len(rest) >= 8:
        size = (rest[1] + 1) * 8
        following, rest = rest[0], rest[size:]
    return (source, destination, rest) if following == 17 else None
