"""Capture files out of frames: pcap and pcapng, in either byte order.

Only what a made capture needs is written, and anything may be written wrong
on purpose: lengths, magic numbers and options are arguments.
"""

import struct
from dataclasses import dataclass

MICRO, NANO, MODIFIED = 0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34
ETHERNET = 1
SECTION, INTERFACE, OBSOLETE, SIMPLE, NAMES, STATISTICS, ENHANCED = 0x0A0D0D0A, 1, 2, 3, 4, 5, 6
SECRETS, CUSTOM, CUSTOM_NO_COPY = 10, 0x0BAD, 0x40000BAD
IF_NAME, IF_RESOLUTION, IF_OFFSET, COMMENT = 2, 9, 14, 1


@dataclass
class Record:
    """A frame to be written: octets, and nanoseconds since 1970."""

    octets: bytes
    time: int
    original: int | None = None

    @property
    def original_length(self):
        """Length on the wire."""
        return len(self.octets) if self.original is None else self.original

    def cut(self, length):
        """The same frame as a capture with that snap length keeps it."""
        return Record(self.octets[:length], self.time, self.original_length)


def pcap_header(order="<", magic=MICRO, snap=262144, link=ETHERNET):
    """The 24 octets a pcap file begins with."""
    return struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snap, link)


def pcap_record(record, order="<", magic=MICRO, fraction=None):
    """One record; `fraction` replaces that of its time."""
    seconds, nanoseconds = divmod(record.time, 10**9)
    if fraction is None:
        fraction = nanoseconds if magic == NANO else nanoseconds // 1000
    head = struct.pack(order + "IIII", seconds, fraction, len(record.octets), record.original_length)
    return head + (bytes(8) if magic == MODIFIED else b"") + record.octets


def pcap(records, order="<", magic=MICRO, snap=262144, link=ETHERNET):
    """A whole pcap file."""
    body = b"".join(pcap_record(record, order, magic) for record in records)
    return pcap_header(order, magic, snap, link) + body


def padded(octets):
    """Octets filled up to a multiple of 4."""
    return octets + bytes(-len(octets) % 4)


class Section:
    """Writes the blocks of pcapng in one byte order."""

    def __init__(self, order="<"):
        self.order = order

    def pack(self, form, *values):
        """struct.pack in this byte order."""
        return struct.pack(self.order + form, *values)

    def block(self, kind, body, length=None, trailing=None):
        """A block; the two lengths can be given wrong."""
        body = padded(body)
        length = len(body) + 12 if length is None else length
        trailing = length if trailing is None else trailing
        return self.pack("II", kind, length) + body + self.pack("I", trailing)

    def option(self, code, value, length=None):
        """An option, padded."""
        return self.pack("HH", code, len(value) if length is None else length) + padded(value)

    def options(self, *pairs):
        """Options of (code, value) and the end marker; nothing for none."""
        octets = b"".join(self.option(code, value) for code, value in pairs)
        return octets + self.pack("HH", 0, 0) if pairs else b""

    def header(self, options=b"", length=-1, major=1, magic=0x1A2B3C4D):
        """A section header block."""
        return self.block(SECTION, self.pack("IHHq", magic, major, 0, length) + options)

    def interface(self, link=ETHERNET, snap=262144, resolution=None, offset=None, options=b""):
        """An interface description block."""
        pairs = []
        if resolution is not None:
            pairs.append((IF_RESOLUTION, bytes([resolution])))
        if offset is not None:
            pairs.append((IF_OFFSET, self.pack("q", offset)))
        return self.block(INTERFACE, self.pack("HHI", link, 0, snap) + (options or self.options(*pairs)))

    def packet_body(self, record, ticks, captured=None):
        """Time, lengths and octets, as two kinds of block have them."""
        captured = len(record.octets) if captured is None else captured
        fields = self.pack("IIII", ticks >> 32, ticks & 0xFFFFFFFF, captured, record.original_length)
        return fields + padded(record.octets)

    def enhanced(self, record, interface=0, ticks=None, options=b"", captured=None):
        """An enhanced packet block; without `ticks` in microseconds."""
        ticks = record.time // 1000 if ticks is None else ticks
        body = self.pack("I", interface) + self.packet_body(record, ticks, captured)
        return self.block(ENHANCED, body + options)

    def obsolete(self, record, interface=0):
        """A packet block of the time before the enhanced one, in microseconds."""
        body = self.pack("HH", interface, 0) + self.packet_body(record, record.time // 1000)
        return self.block(OBSOLETE, body)

    def simple(self, record):
        """A simple packet block: no time, no interface."""
        return self.block(SIMPLE, self.pack("I", record.original_length) + record.octets)


def pcapng(records, order="<", link=ETHERNET):
    """A whole pcapng file: one section, one interface, nanoseconds."""
    section = Section(order)
    blocks = [section.enhanced(record, ticks=record.time) for record in records]
    return section.header() + section.interface(link, resolution=9) + b"".join(blocks)
