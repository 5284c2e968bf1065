"""Kinds of links and tunnels around the same exchange."""

import struct

import files
import layers
from files import Record
from layers import IPV4, IPV6
from samples import PAIR, Kind, unverifiable

OTHER = ("192.0.2.1", "192.0.2.2")
OTHER_6 = ("2001:db8::1", "2001:db8::2")


def kind(name, shows, wrap, link=1, over_6=False, **expected):
    """Request and reply, each through `wrap`."""
    samples = [sample.over_6() for sample in PAIR] if over_6 else PAIR
    message = {"encapsulation": expected.pop("encapsulation", [])}
    records = [Record(wrap(sample), sample.time) for sample in samples]
    messages = [sample.said(number, 1000, **message) for number, sample in enumerate(samples, 1)]
    return Kind(f"{name}.pcap", shows, files.pcap(records, link=link), 2, messages, **expected)


def links():
    """Link types of their own."""
    yield kind("link-ethernet-ipv6", "IPv6 on Ethernet", lambda s: s.frame(), over_6=True)
    yield kind("link-sll", "Linux cooked capture", lambda s: layers.cooked(IPV4, s.ip()), 113)
    yield kind("link-sll-loopback", "Linux cooked capture of the loopback interface (hardware type 772), IPv6",
               lambda s: layers.cooked(IPV6, s.ip(), hardware=772), 113, over_6=True)
    yield kind("link-sll-vlan", "Linux cooked capture with an IEEE 802.1Q tag behind its header",
               lambda s: layers.cooked(0x8100, struct.pack(">HH", 7, IPV4) + s.ip()), 113,
               encapsulation=["vlan"], oracle=False)
    yield kind("link-sll2", "Linux cooked capture, second version", lambda s: layers.cooked_2(IPV4, s.ip()), 276)
    yield kind("link-sll2-tunnel", "Linux cooked capture, second version, of a tunnel (hardware type 65534), IPv6",
               lambda s: layers.cooked_2(IPV6, s.ip(), hardware=65534), 276, over_6=True)
    yield kind("link-null-little-endian", "BSD loopback of a little-endian host", lambda s: b"\2\0\0\0" + s.ip(), 0)
    yield kind("link-null-big-endian", "BSD loopback of a big-endian host", lambda s: b"\0\0\0\2" + s.ip(), 0)
    yield kind("link-null-ipv6", "BSD loopback with the address family of macOS for IPv6",
               lambda s: b"\x1e\0\0\0" + s.ip(), 0, over_6=True)
    yield kind("link-loop", "OpenBSD loopback", lambda s: b"\0\0\0\2" + s.ip(), 108)
    yield kind("link-raw-101", "raw IP, the link type of most programs", lambda s: s.ip(), 101)
    yield kind("link-raw-101-ipv6", "raw IP holding IPv6", lambda s: s.ip(), 101, over_6=True)
    yield kind("link-raw-12", "raw IP under the number it has on BSD", lambda s: s.ip(), 12)
    yield kind("link-raw-14", "raw IP under the number it has on OpenBSD", lambda s: s.ip(), 14)
    yield kind("link-raw-228", "raw IPv4", lambda s: s.ip(), 228)
    yield kind("link-raw-229", "raw IPv6", lambda s: s.ip(), 229, over_6=True)
    yield kind("link-ppp", "PPP", lambda s: layers.ppp(0x0021, s.ip()), 9, oracle=False)
    yield kind("link-ppp-ipv6", "PPP holding IPv6", lambda s: layers.ppp(0x0057, s.ip()), 9, over_6=True, oracle=False)
    yield kind("link-ppp-compressed", "PPP without address and control octets and with a protocol of one octet",
               lambda s: b"\x21" + s.ip(), 9, oracle=False)
    yield kind("link-ppp-hdlc", "PPP in HDLC-like framing", lambda s: layers.ppp(0x0021, s.ip()), 50, oracle=False)
    yield kind("link-cisco-hdlc", "Cisco HDLC", lambda s: b"\x0f\0" + struct.pack(">H", IPV4) + s.ip(), 104, oracle=False)


def ethernet():
    """What Ethernet carries before IP."""
    yield kind("ethernet-vlan", "one IEEE 802.1Q tag", lambda s: layers.vlan([(0x8100, 7)], IPV4, s.ip()),
               encapsulation=["vlan"])
    yield kind("ethernet-qinq", "a service tag and a customer tag (IEEE 802.1ad)",
               lambda s: layers.vlan([(0x88A8, 100), (0x8100, 7)], IPV4, s.ip()), encapsulation=["vlan"])
    yield kind("ethernet-five-tags", "five tags of four types",
               lambda s: layers.vlan([(0x88A8, 1), (0x9100, 2), (0x9200, 3), (0x8100, 4), (0x8100, 5)], IPV4, s.ip()),
               encapsulation=["vlan"], oracle=False, tshark="does not know tag type 0x9200")
    yield kind("ethernet-pppoe", "a PPP over Ethernet session", lambda s: layers.ethernet(0x8864, layers.pppoe(s.ip())),
               encapsulation=["pppoe"], oracle=False)
    yield kind("ethernet-pppoe-ipv6", "a PPP over Ethernet session with IPv6 and padding behind it",
               lambda s: layers.ethernet(0x8864, layers.pppoe(s.ip(), 0x0057) + b"\x55" * 6),
               over_6=True, encapsulation=["pppoe"], oracle=False)
    yield kind("ethernet-mpls", "two MPLS labels", lambda s: layers.ethernet(0x8847, layers.mpls([1000, 2000], s.ip())),
               encapsulation=["mpls"], oracle=False)
    yield kind("ethernet-mpls-pseudowire", "an MPLS pseudowire: control word, then Ethernet with a tag",
               lambda s: layers.ethernet(0x8847, layers.mpls([1000], bytes(4) + layers.vlan([(0x8100, 7)], IPV4, s.ip()))),
               encapsulation=["vlan", "mpls"], oracle=False, tshark="takes pseudowires for Ethernet only when told to")
    yield kind("ethernet-llc-snap", "IEEE 802.3 with LLC and SNAP, padded behind its length",
               lambda s: layers.llc_snap(IPV4, s.ip()) + bytes(8), oracle=False)


def over(protocol, payload):
    """A payload in IPv4 between the ends of a tunnel."""
    return layers.ethernet(IPV4, layers.ipv4(*OTHER, payload, protocol))


def over_udp(port, payload, **wrong):
    """A payload in UDP without checksum between the ends of a tunnel."""
    return over(layers.UDP, layers.udp((OTHER[0], 50_000), (OTHER[1], port), payload, checksum=0, **wrong))


def tunnels():
    """Tunnels over IP."""
    yield kind("tunnel-gre", "GRE", lambda s: over(layers.GRE, layers.gre(IPV4, s.ip())), encapsulation=["gre"], oracle=False)
    yield kind("tunnel-gre-key-and-sequence", "GRE with key and sequence number, holding IPv6",
               lambda s: over(layers.GRE, layers.gre(IPV6, s.ip(), 7, 1)), over_6=True, encapsulation=["gre"], oracle=False)
    yield kind("tunnel-gre-ethernet", "GRE that carries Ethernet",
               lambda s: over(layers.GRE, layers.gre(0x6558, s.frame())), encapsulation=["gre"], oracle=False)
    yield kind("tunnel-ipv4-in-ipv4", "IPv4 in IPv4", lambda s: over(layers.IP_IN_IP, s.ip()),
               encapsulation=["ip-in-ip"], oracle=False)
    yield kind("tunnel-ipv6-in-ipv4", "IPv6 in IPv4", lambda s: over(layers.IPV6_IN_IP, s.ip()), over_6=True,
               encapsulation=["ip-in-ip"], oracle=False)
    yield kind("tunnel-ipv4-in-ipv6", "IPv4 in IPv6",
               lambda s: layers.ethernet(IPV6, layers.ipv6(*OTHER_6, s.ip(), layers.IP_IN_IP)),
               encapsulation=["ip-in-ip"], oracle=False)
    yield kind("tunnel-vxlan", "VXLAN", lambda s: over_udp(4789, layers.vxlan(s.frame())), encapsulation=["vxlan"], oracle=False)
    yield kind("tunnel-geneve", "Geneve with 8 octets of options, Ethernet in it",
               lambda s: over_udp(6081, layers.geneve(0x6558, s.frame(), options=b"\1\2\x03\1\4\5\6\7")),
               encapsulation=["geneve"], oracle=False)
    yield from cut_tunnel()
    yield kind("tunnel-authentication-header", "an IP authentication header before UDP",
               lambda s: s.frame(s.ip(layers.authentication_header(layers.UDP, s.udp()), protocol=51)),
               encapsulation=["ah"], oracle=False)
    yield Kind("tunnel-too-deep.pcap", "the request in eight IPv4 packets and in nine, one inside the other",
               files.pcap([nested(8), nested(9)]), 2, [PAIR[0].said(1, 1000, encapsulation=["ip-in-ip"])],
               not_decoded={"too-deep": 1}, oracle=False, tshark="decodes both")


def cut_tunnel():
    """A tunnel whose own UDP length leaves out the end of what it carries."""
    records = []
    for sample in PAIR:
        carried = layers.vxlan(sample.frame())
        records.append(Record(over_udp(4789, carried, length=8 + len(carried) - 20), sample.time))
    cut = unverifiable("ip-length-beyond-frame") | {"encapsulation": ["vxlan"]}
    yield Kind("tunnel-vxlan-ends-before-its-content.pcap",
               "the UDP length of a VXLAN datagram ends before the digest that it carries, which is thus not part of it",
               files.pcap(records), 2, [sample.said(number, 1000, **cut) for number, sample in enumerate(PAIR, 1)],
               oracle=False, tshark="shows the key IDs of MACs that are cut")


def nested(depth):
    """The request in that many IPv4 packets."""
    packet = PAIR[0].ip()
    for _ in range(depth):
        packet = layers.ipv4(*OTHER, packet, layers.IP_IN_IP)
    return Record(layers.ethernet(IPV4, packet), PAIR[0].time)


def kinds():
    """All of them."""
    for group in (links, ethernet, tunnels):
        yield from group()
