"""Kinds of IP packets, fragments and UDP datagrams around the same exchange."""

from dataclasses import replace

import files
import layers
from files import Record
from samples import FOUR, PAIR, REPLY, REQUEST, Kind, unverifiable

PAIR_6 = [sample.over_6() for sample in PAIR]
MORE = 0x2000


def kind(name, shows, records, messages, **expected):
    """A pcap of these records."""
    return Kind(f"{name}.pcap", shows, files.pcap(records), len(records), messages, **expected)


def said(samples, first=1, **changes):
    """What is expected of samples in frames that follow one another."""
    return [sample.said(number, 1000, **changes) for number, sample in enumerate(samples, first)]


def headers():
    """IP headers with more than the fixed fields."""
    route = b"\x07\x0b\x08" + layers.packed("192.0.2.9") + bytes(4) + b"\0"
    yield kind("ipv4-options", "an IPv4 header with a record-route option",
               [sample.record(sample.frame(sample.ip(options=route))) for sample in PAIR], said(PAIR))

    def extended(sample):
        rest = layers.ipv6_options(layers.UDP, sample.udp())
        rest = layers.ipv6_routing(60, rest)
        return sample.record(sample.frame(sample.ip(layers.ipv6_options(43, rest), following=0)))

    yield kind("ipv6-extension-headers", "hop-by-hop options, a routing header at its end and destination options",
               [extended(sample) for sample in PAIR_6], said(PAIR_6))
    yield kind("ipv6-atomic-fragment", "an IPv6 fragment header on a packet that is whole (RFC 6946)",
               [s.record(s.frame(s.ip(layers.ipv6_fragment(layers.UDP, s.udp(), 0, False), following=44))) for s in PAIR_6],
               said(PAIR_6), oracle=False)
    yield kind("ipv4-total-length-zero", "an IPv4 total length of zero, as before segmentation by the card",
               [s.record(s.frame(s.ip(total=0))) for s in PAIR], said(PAIR))
    yield kind("ipv4-total-length-beyond-frame", "an IPv4 and a UDP length that reach 8 octets beyond a whole frame",
               [s.record(s.frame(s.ip(s.udp(length=88, checksum=0), total=108))) for s in PAIR],
               said(PAIR, octets=80, **unverifiable("ip-length-beyond-frame")), tshark="shows the key IDs")
    yield kind("ipv6-no-next-header", "IPv6 packets that announce nothing behind their header",
               [s.record(s.frame(s.ip(following=59))) for s in PAIR_6], [], not_decoded={"ipv6-no-next-header": 2})
    yield kind("ip-header-cut", "frames that stop inside the IPv4 and the IPv6 header",
               [REQUEST.record().cut(14 + 12), PAIR_6[1].record().cut(14 + 30)], [],
               not_decoded={"ip-header-cut": 2})


def pieces_4(sample, size=32):
    """The IPv4 fragments of a message, `size` octets of datagram each."""
    datagram, found = sample.udp(), []
    for offset in range(0, len(datagram), size):
        more = MORE if offset + size < len(datagram) else 0
        packet = sample.ip(datagram[offset:offset + size], fragment=more | offset // 8)
        found.append(sample.record(sample.frame(packet)))
    return found


def piece_6(sample, octets, offset, more):
    """One IPv6 fragment."""
    inside = layers.ipv6_fragment(layers.UDP, octets, offset, more)
    return sample.record(sample.frame(sample.ip(inside, following=44)))


def pieces_6(sample, size=32):
    """The IPv6 fragments of a message."""
    datagram = sample.udp()
    return [piece_6(sample, datagram[offset:offset + size], offset, offset + size < len(datagram))
            for offset in range(0, len(datagram), size)]


def fragments():
    """Datagrams in fragments: whole, out of order, repeated, contradicting, missing, cut."""
    for version, pair, pieces in ((4, PAIR, pieces_4), (6, PAIR_6, pieces_6)):
        yield from fragments_of(version, pair, pieces)
    first, second, third = pieces_4(REQUEST)
    yield kind("ipv4-fragment-cut", "the second of three fragments is cut by the snap length",
               [first, second.cut(14 + 20 + 16), third], [],
               not_decoded={"ip-fragment-held": 1, "ip-fragment-cut": 2},
               oracle=False)
    yield kind("ipv4-fragment-end-contradicts", "a fragment that ends the datagram before octets already seen",
               [first, third, REQUEST.record(REQUEST.frame(REQUEST.ip(REQUEST.udp()[32:48], fragment=4)))], [],
               not_decoded={"ip-fragment-held": 2, "ip-fragment-malformed": 1}, oracle=False)
    other = layers.udp((REQUEST.source[0], 5353), (REQUEST.destination[0], 5353), bytes(72))
    packets = [REQUEST.ip(other[:40], fragment=MORE), REQUEST.ip(other[40:], fragment=5)]
    yield kind("ipv4-fragments-of-another-port",
               "fragments of a datagram to another port, then NTP under the same identification",
               [REQUEST.record(REQUEST.frame(packet)) for packet in packets] + pieces_4(REQUEST),
               [REQUEST.said(5, 1000, fragments=[3, 4, 5])],
               not_decoded={"ip-fragment-held": 2, "udp-other-port": 2})


def fragments_of(version, pair, pieces):
    """The kinds that both versions of IP have."""
    is_4 = version == 4
    own = {"oracle": is_4}
    request, reply = pair
    first, second, third = pieces(request)
    yield kind(f"ipv{version}-fragments-in-order", "request and reply in three fragments each", pieces(request) + pieces(reply),
               [request.said(3, 1000, fragments=[1, 2, 3]), reply.said(6, 1000, fragments=[4, 5, 6])],
               not_decoded={"ip-fragment-held": 4}, **own)
    yield kind(f"ipv{version}-fragments-out-of-order", "the last fragment first, request and reply interleaved",
               [third, *pieces(reply)[1:], first, second, pieces(reply)[0]],
               [request.said(5, 1000, fragments=[1, 4, 5]), reply.said(6, 1000, fragments=[2, 3, 6])],
               not_decoded={"ip-fragment-held": 4}, **own)
    yield kind(f"ipv{version}-fragments-repeated", "every fragment but the last comes twice",
               [first, first, second, second, third], [request.said(5, 1000, fragments=[1, 3, 5])],
               not_decoded={"ip-fragment-held": 4}, **own)
    yield kind(f"ipv{version}-fragment-missing", "the second of three fragments is missing; the reply is whole",
               [first, third, reply.record()], [reply.said(3, 1000)],
               not_decoded={"ip-fragment-held": 2}, fragments_incomplete=1, **own)
    datagram = request.udp()
    changed = bytes([datagram[24] ^ 1]) + datagram[25:56]
    if is_4:
        overlap = request.record(request.frame(request.ip(changed, fragment=MORE | 3)))
    else:
        overlap = piece_6(request, changed, 24, True)
    yield kind(f"ipv{version}-fragments-overlap",
               "a fragment that holds another octet for a place already filled: the datagram is given up",
               [first, overlap, second, third, reply.record()], [reply.said(5, 1000)],
               not_decoded={"ip-fragment-held": 1, "fragments-overlap": 3}, oracle=False,
               tshark="puts the octets that came first together" if is_4 else "puts the datagram together and marks it")


def datagrams():
    """UDP headers that are wrong, and datagrams that are no NTP traffic."""
    wrong = {"findings": ["bad-udp-checksum"]}
    yield kind("udp-checksum-wrong", "UDP checksums that do not fit: the MACs are verified all the same",
               [s.record(s.frame(s.ip(s.udp(checksum=0x1234)))) for s in FOUR], said(FOUR, **wrong))
    yield kind("udp-checksum-absent", "no UDP checksum over IPv4, which is allowed",
               [s.record(s.frame(s.ip(s.udp(checksum=0)))) for s in PAIR], said(PAIR))
    yield kind("udp-checksum-absent-ipv6", "no UDP checksum over IPv6, which is not allowed",
               [s.record(s.frame(s.ip(s.udp(checksum=0)))) for s in PAIR_6], said(PAIR_6, **wrong))
    yield kind("udp-length-beyond-ip", "a UDP length that reaches 8 octets beyond the IP packet",
               [s.record(s.frame(s.ip(s.udp(length=88, checksum=0)))) for s in PAIR],
               said(PAIR, octets=80, **unverifiable("udp-length-beyond-ip")), tshark="does not decode NTP")
    shorter = {"status": "none", "key_id": None, "algorithm": None, "digest_octets": None, "octets": 48} | wrong
    yield kind("udp-length-leaves-mac-out", "a UDP length that ends before the MAC: what is behind it is no part",
               [s.record(s.frame(s.ip(s.udp(length=56)))) for s in PAIR], said(PAIR, **shorter))
    yield kind("udp-length-below-header", "a UDP length of 7 octets",
               [s.record(s.frame(s.ip(s.udp(length=7)))) for s in PAIR], [], not_decoded={"udp-length-below-header": 2},
               oracle=False)
    yield kind("udp-header-cut", "frames that stop inside the UDP header, before and behind the ports",
               [REQUEST.record().cut(14 + 20 + 2), REQUEST.record().cut(14 + 20 + 6)], [],
               not_decoded={"udp-header-cut": 2})
    yield kind("udp-payload-empty", "datagrams to port 123 without any octets",
               [s.record(s.frame(s.ip(layers.udp(s.source, s.destination, b"")))) for s in PAIR],
               [s.said(n, 1000, octets=0, version=None, mode=None, status="malformed", key_id=None, algorithm=None,
                       digest_octets=None, reason="empty") for n, s in enumerate(PAIR, 1)])
    lengths = [1, 4, 47, 49, 51, 52, 56, 67, 71, 73]
    short = {"status": "malformed", "key_id": None, "algorithm": None, "digest_octets": None}
    messages = []
    for frame, length in enumerate(lengths, 1):
        reason = "short-message" if length < 48 else "key-id-alone" if length == 52 else "trailer-length" if length < 73 else "trailer-not-a-field"
        messages.append(REQUEST.said(frame, 1000, octets=length, reason=reason, **short))
        if length < 48:
            messages[-1] |= {"version": None, "mode": None}
    yield kind("udp-payload-cut-by-sender", "the request cut by its sender, to 1 to 71 octets, and one octet too long",
               [REQUEST.record(REQUEST.frame(REQUEST.ip(layers.udp(REQUEST.source, REQUEST.destination, (REQUEST.payload + b"\0")[:n]))))
                for n in lengths], messages,
               tshark="takes whatever follows 48 octets for a MAC")
    yield from no_traffic()


def no_traffic():
    """Quotes and other ports."""
    error = layers.ipv4(REQUEST.destination[0], REQUEST.source[0], layers.icmp_unreachable(REQUEST.ip()), layers.ICMP)
    yield kind("icmp-quotes-ntp", "a request, and the ICMP error that quotes all of it: one message, not two",
               [REQUEST.record(), REPLY.record(layers.ethernet(layers.IPV4, error))], said([REQUEST]),
               not_decoded={"icmp-quotes-ntp": 1})
    request = PAIR_6[0]
    source, destination = request.destination[0], request.source[0]
    error = layers.ipv6(source, destination, layers.icmpv6_unreachable(source, destination, request.ip()), layers.ICMPV6)
    yield kind("icmpv6-quotes-ntp", "a request, and the ICMPv6 error that quotes all of it: one message, not two",
               [request.record(), REPLY.record(layers.ethernet(layers.IPV6, error))], said([request]),
               not_decoded={"icmp-quotes-ntp": 1})
    moved = [with_port(sample, 1123) for sample in FOUR]
    yield kind("ntp-on-another-port", "the exchange on port 1123: found with --port 1123 only",
               [sample.record() for sample in moved], said(moved), ports=[1123], oracle=False)
    yield kind("arp-and-tcp-besides", "ARP, TCP and UDP to another port around the exchange",
               [Record(layers.ethernet(0x0806, bytes(28)), REQUEST.time), REQUEST.record(),
                REQUEST.record(REQUEST.frame(REQUEST.ip(bytes(20), protocol=6))), with_port(REQUEST, 5353).record(), REPLY.record()],
               [REQUEST.said(2, 1000), REPLY.said(5, 1000)], not_decoded={"arp": 1, "tcp": 1, "udp-other-port": 1})


def with_port(sample, port):
    """The same message with that port in place of 123."""
    moved = [(address, port if number == 123 else number) for address, number in (sample.source, sample.destination)]
    return replace(sample, source=moved[0], destination=moved[1])


def kinds():
    """All of them."""
    for group in (headers, fragments, datagrams):
        yield from group()
