"""Headers around an NTP message, outside in: link, tunnel, IP, UDP.

Every function puts one header before octets and gives the whole back. The
addresses are those of the sample that is wrapped; nothing here is random.
"""

import ipaddress
import struct

IPV4, IPV6 = 0x0800, 0x86DD
UDP, ICMP, ICMPV6, GRE, IP_IN_IP, IPV6_IN_IP = 17, 1, 58, 47, 4, 41
CLIENT_MAC, SERVER_MAC = bytes.fromhex("02000000000a"), bytes.fromhex("02000000000b")
IDENTIFICATION = 0x2A5A


def ones_complement_sum(octets):
    """The checksum of RFC 1071 before it is inverted."""
    octets += bytes(len(octets) % 2)
    total = sum(struct.unpack(f">{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def packed(address):
    """The octets of an address."""
    return ipaddress.ip_address(address).packed


def udp(source, destination, payload, checksum=None, length=None):
    """A UDP header; `source` and `destination` are (address, port)."""
    size = 8 + len(payload)
    header = struct.pack(">HHHH", source[1], destination[1], size if length is None else length, 0)
    if checksum is None:
        pseudo = packed(source[0]) + packed(destination[0]) + struct.pack(">IHBB", size, 0, 0, UDP)
        checksum = ~ones_complement_sum(pseudo + header + payload) & 0xFFFF or 0xFFFF
    return header[:6] + struct.pack(">H", checksum) + payload


def ipv4(source, destination, payload, protocol=UDP, options=b"", total=None, fragment=0,
         identification=IDENTIFICATION):
    """An IPv4 header; `fragment` is the whole word of flags and offset."""
    words = 5 + len(options) // 4
    total = words * 4 + len(payload) if total is None else total
    header = struct.pack(">BBHHHBBH", 0x40 | words, 0, total, identification, fragment, 64, protocol, 0)
    header += packed(source) + packed(destination) + options
    checksum = ~ones_complement_sum(header) & 0xFFFF
    return header[:10] + struct.pack(">H", checksum) + header[12:] + payload


def ipv6(source, destination, payload, following=UDP, length=None):
    """An IPv6 header."""
    length = len(payload) if length is None else length
    return struct.pack(">IHBB", 0x60000000, length, following, 64) + packed(source) + packed(destination) + payload


def ipv6_options(following, payload, octets=b"\x01\x04\0\0\0\0"):
    """A hop-by-hop or destination options header of 8 octets: one padding option."""
    return bytes([following, 0]) + octets + payload


def ipv6_routing(following, payload):
    """A routing header of 24 octets with no segments left."""
    return bytes([following, 2, 0, 0, 0, 0, 0, 0]) + packed("fd99::77") + payload


def ipv6_fragment(following, payload, offset, more, identification=IDENTIFICATION):
    """A fragment header; `offset` is in octets."""
    return struct.pack(">BBHI", following, 0, offset | int(more), identification) + payload


def authentication_header(following, payload):
    """An IP authentication header with 12 octets of check value."""
    return struct.pack(">BBHII", following, 4, 0, 0x100, 1) + bytes(range(12)) + payload


def ethernet(kind, payload):
    """An Ethernet header."""
    return SERVER_MAC + CLIENT_MAC + struct.pack(">H", kind) + payload


def vlan(tags, kind, payload):
    """Ethernet with tags of (type, VLAN) before the type."""
    octets = SERVER_MAC + CLIENT_MAC
    for tag, number in tags:
        octets += struct.pack(">HH", tag, number)
    return octets + struct.pack(">H", kind) + payload


def cooked(kind, payload, hardware=1):
    """Linux cooked capture, version 1 (SLL)."""
    return struct.pack(">HHH8sH", 0, hardware, 6, CLIENT_MAC, kind) + payload


def cooked_2(kind, payload, hardware=1):
    """Linux cooked capture, version 2 (SLL2)."""
    return struct.pack(">HHIHBB8s", kind, 0, 2, hardware, 0, 6, CLIENT_MAC) + payload


def ppp(protocol, payload):
    """PPP with address and control octets."""
    return b"\xff\x03" + struct.pack(">H", protocol) + payload


def pppoe(payload, protocol=0x0021):
    """A PPP over Ethernet session header and the PPP protocol behind it."""
    return struct.pack(">BBHHH", 0x11, 0, 0x1234, len(payload) + 2, protocol) + payload


def mpls(labels, payload):
    """A stack of MPLS labels; the last has the bottom bit."""
    octets = b""
    for position, label in enumerate(labels, 1):
        octets += struct.pack(">I", label << 12 | (position == len(labels)) << 8 | 64)
    return octets + payload


def gre(kind, payload, key=None, sequence=None):
    """A GRE header of version 0."""
    flags = (0x2000 if key is not None else 0) | (0x1000 if sequence is not None else 0)
    optional = b"".join(struct.pack(">I", word) for word in (key, sequence) if word is not None)
    return struct.pack(">HH", flags, kind) + optional + payload


def vxlan(payload, network=42):
    """A VXLAN header."""
    return struct.pack(">II", 0x08000000, network << 8) + payload


def geneve(kind, payload, network=42, options=b""):
    """A Geneve header."""
    return struct.pack(">BBHI", len(options) // 4, 0, kind, network << 8) + options + payload


def llc_snap(kind, payload):
    """IEEE 802.3 with its length, LLC and SNAP."""
    body = b"\xaa\xaa\x03\0\0\0" + struct.pack(">H", kind) + payload
    return ethernet(len(body), body)


def icmp_unreachable(packet):
    """ICMP: port unreachable, quoting a packet."""
    octets = struct.pack(">BBHI", 3, 3, 0, 0) + packet
    return octets[:2] + struct.pack(">H", ~ones_complement_sum(octets) & 0xFFFF) + octets[4:]


def icmpv6_unreachable(source, destination, packet):
    """ICMPv6: port unreachable, quoting a packet."""
    octets = struct.pack(">BBHI", 1, 4, 0, 0) + packet
    pseudo = packed(source) + packed(destination) + struct.pack(">IHBB", len(octets), 0, 0, ICMPV6)
    return octets[:2] + struct.pack(">H", ~ones_complement_sum(pseudo + octets) & 0xFFFF) + octets[4:]
