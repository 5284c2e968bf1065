"""Kinds of times: NTP's eras, before 1970, after 2038, zero; these messages are signed here."""

import struct
from dataclasses import replace

import files
from files import Section
from samples import REPLY, REQUEST, Kind, signed, text_of_time

TO_1970 = 2_208_988_800
ERA = 1 << 32
SECOND = 10**9
YEAR_2036, YEAR_2037 = 2_085_978_496, 2_124_058_000
"""The first second of era 1, and one in 2037."""


def timestamp(nanoseconds):
    """An NTP timestamp; rounded to the nearest unit, so that whole milliseconds come back."""
    seconds, rest = divmod(nanoseconds, SECOND)
    return struct.pack(">II", (seconds + TO_1970) % ERA, (rest << 32) // SECOND)


def at(sample, time, transmit, origin=None, receive=None, reference=None):
    """A sample at another time, its four timestamps replaced (None for zero), signed again."""
    times = b"".join(bytes(8) if t is None else timestamp(t) for t in (reference, origin, receive, transmit))
    return replace(sample, time=time, payload=signed(sample.payload[:16] + times))


def times_said(sample, frame, unit=1, **times):
    """What is expected, timestamps included."""
    told = {f"{name}_time": None if t is None else text_of_time(t) for name, t in times.items()}
    return sample.said(frame, unit, **told)


def exchange(name, shows, sent, build, **expected):
    """A request at `sent`, its reply half a second later; every NTP time is a multiple of 2^-2 s."""
    half = SECOND // 2
    request = at(REQUEST, sent + 1000, sent)
    reply = at(REPLY, sent + half + 1000, sent + half, sent, sent + half, sent - 64 * SECOND)
    messages = [times_said(request, 1, transmit=sent, origin=None, receive=None, reference=None),
                times_said(reply, 2, transmit=sent + half, origin=sent, receive=sent + half, reference=sent - 64 * SECOND)]
    octets, form = build([request.record(), reply.record()])
    return Kind(f"{name}.{form}", shows, octets, 2, messages, "pcapng" if form == "pcapng" else "pcap", **expected)


def as_pcap(records):
    """Microseconds."""
    return files.pcap(records), "pcap"


def as_pcapng(records):
    """Nanoseconds."""
    return files.pcapng(records), "pcapng"


def offset_by(seconds):
    """Nanoseconds from an epoch that far before 1970."""
    def build(records):
        section = Section()
        octets = section.header() + section.interface(resolution=9, offset=seconds)
        return octets + b"".join(section.enhanced(r, ticks=r.time - seconds * SECOND) for r in records), "pcapng"
    return build


def kinds():
    """All of them."""
    yield exchange("time-era-1", "2037: NTP's second era, whose seconds began at zero in 2036", YEAR_2037 * SECOND, as_pcap)
    yield exchange("time-across-eras", "a request in the last quarter second of era 0, its reply in the first of era 1",
                   YEAR_2036 * SECOND - SECOND // 4, as_pcapng)
    yield exchange("time-before-1970", "1969, by a negative time offset of the interface: still era 0",
                   -100 * SECOND, offset_by(-1_000_000),
                   tshark="prints fractions of such times the wrong way round")
    yield exchange("time-after-2038", "2100: beyond what a signed count of 32 bits holds",
                   4_102_444_800 * SECOND, as_pcap)
    zero = replace(REQUEST, payload=signed(REQUEST.payload[:16] + bytes(32)))
    answer = replace(REPLY, payload=signed(REPLY.payload[:16] + bytes(32)))
    none = dict.fromkeys(("transmit", "origin", "receive", "reference"))
    yield Kind("time-zero-timestamps.pcap", "every NTP timestamp is zero, which means not set and not 1900",
               files.pcap([zero.record(), answer.record()]), 2,
               [times_said(zero, 1, 1000, **none), times_said(answer, 2, 1000, **none)])
    first = replace(REQUEST, time=0)
    yield Kind("time-zero-capture.pcap", "a capture time of zero, as devices without a clock have: 1970",
               files.pcap([first.record()]), 1, [first.said(1)])
