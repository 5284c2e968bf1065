"""Kinds of files: pcap and pcapng as they are, cut, damaged, compressed."""

import struct

import files
import layers
from files import MICRO, MODIFIED, NANO, Record, Section
from samples import FOUR, NAK, PAIR, REPLY, REQUEST, Kind, text_of_time, unverifiable

CONTAINERS = {MICRO: "pcap", NANO: "pcap (nanoseconds)", MODIFIED: "pcap (modified)"}


def records(samples):
    """The samples as Ethernet frames."""
    return [sample.record() for sample in samples]


def said(samples, unit=1, first=1, **changes):
    """What is expected of samples in frames that follow one another."""
    return [sample.said(number, unit, **changes) for number, sample in enumerate(samples, first)]


def forms():
    """Both byte orders and every precision."""
    for order, end in (("<", "little"), (">", "big")):
        for magic, name, unit in ((MICRO, "microseconds", 1000), (NANO, "nanoseconds", 1)):
            yield Kind(f"pcap-{end}-endian-{name}.pcap", f"pcap in {end}-endian order, times in {name}",
                       files.pcap(records(FOUR), order, magic), 4, said(FOUR, unit), CONTAINERS[magic])
        yield Kind(f"pcap-{end}-endian-modified.pcap",
                   f"pcap in {end}-endian order with the longer record headers of patched libpcap 0.4",
                   files.pcap(records(FOUR), order, MODIFIED), 4, said(FOUR, 1000), CONTAINERS[MODIFIED],
                   oracle=False)


def pcap_oddities():
    """Header and record fields that lie or are odd."""
    cut = [record.cut(100) for record in records(FOUR)]
    snapped = said([REQUEST, REPLY, FOUR[2]], 1000, **unverifiable("snapped")) + said([NAK], 1000, first=4)
    yield Kind("pcap-snap-length-cuts-macs.pcap",
               "a snap length of 100 octets cuts every MAC; the crypto-NAK is short enough to be whole",
               files.pcap(cut, snap=100), 4, snapped,
               tshark="shows the key IDs of MACs that are cut")
    yield Kind("pcap-snap-length-lies.pcap", "frames longer than the snap length in the file header",
               files.pcap(records(FOUR), snap=60), 4, said(FOUR, 1000))
    yield Kind("pcap-snap-length-zero.pcap", "a snap length of zero in the file header",
               files.pcap(records(FOUR), snap=0), 4, said(FOUR, 1000))
    short = [Record(record.octets, record.time, 10) for record in records(PAIR)]
    yield Kind("pcap-captured-exceeds-original.pcap", "more octets captured than the frame is said to have had",
               files.pcap(short), 2, said(PAIR, 1000))
    late = b"".join(files.pcap_record(Record(sample.frame(), sample.time // 10**9 * 10**9), fraction=fraction)
                    for sample, fraction in zip(PAIR, (1_000_001, 4_294_967_295)))
    whole = [sample.time // 10**9 for sample in PAIR]
    yield Kind("pcap-fraction-overflows.pcap", "microseconds of a second and more, carried over into the seconds",
               files.pcap_header() + late, 2,
               [REQUEST.said(1, time=text_of_time(whole[0] * 10**9 + 1_000_001_000)),
                REPLY.said(2, time=text_of_time(whole[1] * 10**9 + 4_294_967_295_000))],
               defects={"time-fraction-overflow": 2}, tshark="does not carry the fraction over")
    checked = [Record(record.octets + b"\xde\xad\xbe\xef", record.time) for record in records(PAIR)]
    yield Kind("pcap-check-sequence-announced.pcap",
               "the upper bits of the link type announce a frame check sequence of 4 octets, which is there",
               files.pcap(checked, link=0x14000001), 2, said(PAIR, 1000), oracle=False)
    filled = [Record(record.octets + bytes(range(1, 23)), record.time) for record in records(FOUR)]
    yield Kind("pcap-padding-behind-ip.pcap", "22 octets behind the IP packet that belong to no datagram",
               files.pcap(filled), 4, said(FOUR, 1000))
    nothing = [Record(b"", REQUEST.time)] + records(PAIR)
    yield Kind("pcap-record-without-octets.pcap", "a record of no octets before the exchange",
               files.pcap(nothing), 3, said(PAIR, 1000, first=2), not_decoded={"link-header-cut": 1})
    yield Kind("pcap-unknown-link-type.pcap", "a link type that nobody knows: nothing is decoded, and it is said",
               files.pcap(records(PAIR), link=147), 2, [], not_decoded={"link-type-147": 2})




def pcap_cut():
    """Files that stop early, and one whose next record cannot be found."""
    whole = files.pcap(records(FOUR))
    sizes = [16 + len(sample.frame()) for sample in FOUR]
    third = 24 + sizes[0] + sizes[1]
    yield Kind("pcap-cut-in-packet.pcap", "the file stops inside its third packet", whole[:third + 60], 2,
               said(PAIR, 1000), ending="truncated")
    yield Kind("pcap-cut-in-record-header.pcap", "the file stops inside the header of its third record",
               whole[:third + 9], 2, said(PAIR, 1000), ending="truncated")
    yield Kind("pcap-cut-before-last-octet.pcap", "the last octet of the last packet is missing", whole[:-1], 3,
               said(FOUR[:3], 1000), ending="truncated")
    yield Kind("pcap-cut-in-file-header.pcap", "the file stops inside its header", whole[:20], 0, [],
               ending="truncated", oracle=False)
    yield Kind("pcap-without-packets.pcap", "a header and no packet: a capture on a silent line", whole[:24], 0, [])
    implausible = struct.pack("<IIII", 1, 0, 0xFFFFFFF0, 0xFFFFFFF0)
    yield Kind("pcap-implausible-length.pcap", "a record of four thousand million octets behind two good ones",
               whole[:third] + implausible + whole[third:], 2, said(PAIR, 1000), ending="damaged",
               tshark="takes the damage for another variant of pcap and decodes nothing")


def pcapng_forms():
    """Sections, interfaces, kinds of packet blocks."""
    for order, end in (("<", "little"), (">", "big")):
        yield Kind(f"pcapng-{end}-endian.pcapng", f"pcapng in {end}-endian order, nanoseconds",
                   files.pcapng(records(FOUR), order), 4, said(FOUR), "pcapng")
    both = files.pcapng(records(PAIR), "<") + files.pcapng(records(FOUR[2:]), ">")
    yield Kind("pcapng-sections-of-both-orders.pcapng", "a little-endian section and a big-endian one behind it",
               both, 4, said(FOUR), "pcapng")
    yield Kind("pcapng-interfaces-of-several-links.pcapng",
               "Ethernet, raw IP, SLL and NULL interfaces in one section, frames of all in turn",
               several_links(), 4, said(FOUR, 1000), "pcapng")
    yield from pcapng_times()
    section = Section()
    mixed = (section.header() + section.interface() + section.enhanced(REQUEST.record())
             + section.simple(REPLY.record()) + section.obsolete(FOUR[2].record()) + section.simple(NAK.record()))
    messages = [REQUEST.said(1, 1000), REPLY.said(2, time=None), FOUR[2].said(3, 1000), NAK.said(4, time=None)]
    yield Kind("pcapng-every-packet-block.pcapng",
               "enhanced, simple and obsolete packet blocks; the simple ones have no time", mixed, 4, messages, "pcapng")
    cut = b"".join(section.simple(record.cut(100)) for record in records(PAIR))
    yield Kind("pcapng-simple-block-snapped.pcapng",
               "simple packet blocks have no captured length: the snap length of the interface is it",
               section.header() + section.interface(snap=100) + cut, 2,
               said(PAIR, time=None, **unverifiable("snapped")), "pcapng", tshark="shows the key IDs of MACs that are cut")
    yield Kind("pcapng-without-packets.pcapng", "a section, an interface and no packet",
               section.header() + section.interface(), 0, [], "pcapng")
    yield Kind("pcapng-without-interface.pcapng", "a section and nothing in it", section.header(), 0, [], "pcapng")


def several_links():
    """One section with an interface for each of four link types."""
    section = Section()
    octets = section.header() + b"".join(section.interface(link) for link in (1, 101, 113, 0))
    frames = [REQUEST.frame(), REPLY.ip(), layers.cooked(layers.IPV4, FOUR[2].ip()), b"\2\0\0\0" + NAK.ip()]
    for interface, (sample, frame) in enumerate(zip(FOUR, frames)):
        octets += section.enhanced(sample.record(frame), interface)
    return octets


def pcapng_times():
    """Time resolutions and offsets."""
    resolutions = [("10^-6", 6, 10**6), ("10^-9", 9, 10**9), ("2^-10", 0x80 | 10, 2**10), ("2^-32", 0x80 | 32, 2**32)]
    for order, end in (("<", "little"), (">", "big")):
        section = Section(order)
        octets, messages = section.header(), []
        for _, option, _ in resolutions:
            octets += section.interface(resolution=option)
        for number, (sample, (_, _, units)) in enumerate(zip(FOUR, resolutions)):
            ticks = sample.time * units // 10**9
            octets += section.enhanced(sample.record(), number, ticks)
            messages.append(sample.said(number + 1, time=text_of_time(ticks * 10**9 // units)))
        yield Kind(f"pcapng-time-resolutions-{end}-endian.pcapng",
                   "interfaces that count in 10^-6, 10^-9, 2^-10 and 2^-32 seconds", octets, 4, messages, "pcapng")
    section = Section()
    ticks = 9_876_543_210_123_456
    octets = section.header() + section.interface(resolution=12) + section.enhanced(REQUEST.record(), 0, ticks)
    yield Kind("pcapng-time-resolution-picoseconds.pcapng",
               "an interface that counts in 10^-12 seconds, which 64 bits hold for 213 days of 1970", octets, 1,
               [REQUEST.said(1, time=text_of_time(ticks // 1000))], "pcapng", tshark="overflows in the fraction")
    for order, end in (("<", "little"), (">", "big")):
        section = Section(order)
        octets = section.header()
        octets += b"".join(section.interface(resolution=9, offset=hours * 3600) for hours in (0, 1, -1, -400_000))
        messages = []
        for number, (sample, hours) in enumerate(zip(FOUR, (0, 1, -1, -400_000))):
            time = sample.time - hours * 3600 * 10**9
            octets += section.enhanced(sample.record(), number, time)
            messages.append(sample.said(number + 1))
        yield Kind(f"pcapng-time-offsets-{end}-endian.pcapng",
                   "interfaces whose times want 0, 3600, -3600 and -1440000000 seconds added", octets, 4, messages, "pcapng")


def pcapng_blocks():
    """Blocks and options to be read over."""
    section = Section()
    start = section.header() + section.interface()
    custom = section.pack("I", 32473) + b"not for us"
    broken_names = section.block(files.NAMES, section.pack("HH", 1, 400) + b"\x0a\x63")
    between = [section.block(files.CUSTOM, custom), section.block(files.CUSTOM_NO_COPY, custom),
               section.block(0x7ABCDEF0, bytes(24)), section.block(files.SECRETS, section.pack("II", 0x544C534B, 4) + b"# \n\n"),
               section.block(files.NAMES, section.pack("HH", 1, 8) + b"\x0a\x63\0\1ntp\0" + bytes(4)),
               section.block(files.STATISTICS, section.pack("III", 0, 0, 0))]
    octets = start + section.enhanced(REQUEST.record()) + b"".join(between) + section.enhanced(REPLY.record())
    yield Kind("pcapng-blocks-read-over.pcapng",
               "custom, unknown, secrets, name resolution and statistics blocks between two packets; Wireshark numbers "
               "the custom ones as packets, so the second packet has number 4", octets, 2,
               [REQUEST.said(1, 1000), REPLY.said(4, 1000)], "pcapng", oracle=False, other_records=2)
    octets = start + section.enhanced(REQUEST.record()) + broken_names + section.enhanced(REPLY.record())
    yield Kind("pcapng-name-record-overruns.pcapng", "a name record longer than its block between two packets",
               octets, 2, said(PAIR, 1000), "pcapng", tshark="stops at the name record")
    names = section.options((files.IF_NAME, b"eth\xff\xfe0"), (files.IF_RESOLUTION, b"\x09"))
    comment = section.options((files.COMMENT, b"caf\xe9 \xc3\x28"))
    octets = section.header(section.options((4, b"dumpcap \xa0\xa1"))) + section.interface(options=names)
    octets += b"".join(section.enhanced(sample.record(), ticks=sample.time, options=comment) for sample in PAIR)
    yield Kind("pcapng-text-not-utf8.pcapng", "program name, interface name and packet comments that are not UTF-8",
               octets, 2, said(PAIR), "pcapng")
    overrun = section.option(files.IF_RESOLUTION, b"\x09") + section.option(files.IF_NAME, b"eth0", length=4000)
    octets = section.header() + section.interface(options=overrun)
    octets += b"".join(section.enhanced(sample.record(), ticks=sample.time) for sample in PAIR)
    yield Kind("pcapng-interface-option-overruns.pcapng",
               "an interface option longer than its block, behind a good one", octets, 2, said(PAIR), "pcapng",
               defects={"option-damaged": 1}, tshark="refuses the file")
    empty = section.option(files.IF_RESOLUTION, b"") + section.option(files.IF_OFFSET, b"\1\0\0\0") + section.pack("HH", 0, 0)
    octets = section.header() + section.interface(options=empty)
    octets += b"".join(section.enhanced(sample.record()) for sample in PAIR)
    yield Kind("pcapng-time-options-of-wrong-length.pcapng",
               "a time resolution without octets and a time offset of four: both are left aside", octets, 2,
               said(PAIR, 1000), "pcapng", defects={"option-damaged": 2})
    late = section.option(files.COMMENT, b"too long", length=900)
    octets = start + b"".join(section.enhanced(sample.record(), options=late) for sample in PAIR)
    yield Kind("pcapng-packet-option-overruns.pcapng", "packet options longer than their block", octets, 2,
               said(PAIR, 1000), "pcapng", tshark="refuses the file")


def pcapng_wrong():
    """Packets and blocks that contradict what is around them."""
    section = Section()
    start, first, second = section.header() + section.interface(), section.enhanced(REQUEST.record()), section.enhanced(REPLY.record())
    yield Kind("pcapng-unknown-interface.pcapng", "a packet of an interface that is not described, between two others",
               start + first + section.enhanced(FOUR[2].record(), 7) + second, 2, said(PAIR, 1000), "pcapng",
               defects={"unknown-interface": 1}, oracle=False, tshark="stops at the packet")
    yield Kind("pcapng-packet-before-interface.pcapng", "a packet before any interface is described",
               section.header() + section.enhanced(FOUR[2].record()) + section.interface() + first + second, 2,
               said(PAIR, 1000), "pcapng", defects={"unknown-interface": 1}, oracle=False, tshark="refuses the file")
    yield Kind("pcapng-interfaces-end-with-their-section.pcapng",
               "a second section whose packet names an interface of the first",
               start + first + second + section.header() + section.enhanced(FOUR[2].record()), 2, said(PAIR, 1000),
               "pcapng", defects={"unknown-interface": 1}, oracle=False)
    yield Kind("pcapng-packet-beyond-block.pcapng", "a packet that claims more octets than its block holds",
               start + first + section.enhanced(FOUR[2].record(), captured=4000) + second, 2, said(PAIR, 1000), "pcapng",
               defects={"packet-beyond-block": 1}, oracle=False, tshark="stops at the packet")
    yield Kind("pcapng-block-too-short-for-packet.pcapng", "an enhanced packet block of 12 octets of body",
               start + first + section.block(files.ENHANCED, bytes(12)) + second, 2, said(PAIR, 1000), "pcapng",
               defects={"block-cut": 1}, oracle=False, tshark="stops at the block")
    short = [Record(record.octets, record.time, 10) for record in records(PAIR)]
    yield Kind("pcapng-captured-exceeds-original.pcapng", "more octets captured than the frame is said to have had",
               start + b"".join(section.enhanced(record) for record in short), 2, said(PAIR, 1000), "pcapng")
    yield Kind("pcapng-section-length-wrong.pcapng", "a section header that announces a section of 16 octets",
               section.header(length=16) + section.interface() + first + second, 2, said(PAIR, 1000), "pcapng")
    yield Kind("pcapng-section-version-2.pcapng", "a section of major version 2, read as if it were 1",
               section.header(major=2) + section.interface() + first + second, 2, said(PAIR, 1000), "pcapng",
               defects={"section-version": 1}, tshark="refuses the file")
    for name, shows, block in (
            ("lengths-differ", "a block whose two lengths differ", section.block(0x7ABCDEF0, bytes(16), trailing=40)),
            ("block-length-too-small", "a block of 8 octets", section.block(0x7ABCDEF0, b"", length=8)),
            ("block-length-unaligned", "a block whose length is no multiple of 4", section.block(0x7ABCDEF0, bytes(16), length=30)),
            ("block-length-implausible", "a block of two thousand million octets",
             section.block(0x7ABCDEF0, bytes(16), length=0x7FFFFFFC)),
            ("byte-order-magic-unknown", "a second section of unknown byte order", section.header(magic=0x11223344))):
        yield Kind(f"pcapng-{name}.pcapng", f"{shows}, behind two packets", start + first + second + block + first, 2,
                   said(PAIR, 1000), "pcapng", ending="damaged", oracle=name == "block-length-too-small")
    whole = start + first + second
    yield Kind("pcapng-cut-in-block.pcapng", "the file stops inside its second packet", whole[:-40], 1,
               said([REQUEST], 1000), "pcapng", ending="truncated")
    yield Kind("pcapng-cut-in-block-header.pcapng", "the file stops six octets into a third block", whole + first[:6], 2,
               said(PAIR, 1000), "pcapng", ending="truncated")


def kinds():
    """All of them."""
    for group in (forms, pcap_oddities, pcap_cut, pcapng_forms, pcapng_blocks, pcapng_wrong):
        yield from group()
