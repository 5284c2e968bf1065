"""What made captures are made of: messages out of a real one, and what is expected of them.

The octets of every NTP message come from `captures/sha1-valid-and-wrong-key.pcapng`, so
its key file verifies them, and its `.expect.json` says what they are.
"""

import hashlib
import json
import struct
import sys
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import layers
from files import Record

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "oracle"))

import keyfiles  # noqa: E402  (of tests/oracle)
import packets  # noqa: E402

SOURCE = "sha1-valid-and-wrong-key"
ADDRESSES_6 = {"10.99.0.2": "fd99::2", "10.99.0.1": "fd99::1"}


@dataclass(frozen=True)
class Sample:
    """An NTP message with its addresses, its time and what is to be found in it."""

    payload: bytes
    source: tuple
    destination: tuple
    time: int
    truth: dict

    def over_6(self):
        """The same message between IPv6 addresses."""
        return replace(self, source=(ADDRESSES_6[self.source[0]], self.source[1]),
                       destination=(ADDRESSES_6[self.destination[0]], self.destination[1]))

    def udp(self, **wrong):
        """The message in a UDP datagram."""
        return layers.udp(self.source, self.destination, self.payload, **wrong)

    def ip(self, datagram=None, **header):
        """The message in an IP packet of the version its addresses have."""
        datagram = self.udp() if datagram is None else datagram
        build = layers.ipv6 if ":" in self.source[0] else layers.ipv4
        return build(self.source[0], self.destination[0], datagram, **header)

    @property
    def ether_type(self):
        """IPv4 or IPv6."""
        return layers.IPV6 if ":" in self.source[0] else layers.IPV4

    def frame(self, packet=None):
        """The message in an Ethernet frame."""
        return layers.ethernet(self.ether_type, self.ip() if packet is None else packet)

    def record(self, octets=None):
        """The message as a frame of a capture."""
        return Record(self.frame() if octets is None else octets, self.time)

    def said(self, frame, unit=1, time="", **changes):
        """What is expected of the message; `unit` is the capture's resolution in nanoseconds."""
        fields = {"frame": frame, "time": text_of_time(self.time // unit * unit) if time == "" else time,
                  "src": endpoint(self.source), "dst": endpoint(self.destination), "octets": len(self.payload)}
        fields |= {name: value for name, value in self.truth.items() if name != "frame"}
        return fields | changes


def endpoint(pair):
    """Address and port as text."""
    return f"[{pair[0]}]:{pair[1]}" if ":" in pair[0] else f"{pair[0]}:{pair[1]}"


def text_of_time(nanoseconds):
    """RFC 3339 with nine digits, before 1970 too."""
    seconds, fraction = divmod(nanoseconds, 10**9)
    whole = datetime(1970, 1, 1) + timedelta(seconds=seconds)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{fraction:09}Z"


def read_samples():
    """The messages of the source by frame number."""
    folder = ROOT / "captures"
    truths = {m["frame"]: m for m in json.loads((folder / f"{SOURCE}.expect.json").read_text())["messages"]}
    path = folder / f"{SOURCE}.pcapng"
    times = read_times(path.read_bytes())
    return {d.frame: Sample(d.payload, (d.source, d.source_port), (d.destination, d.destination_port),
                            times[d.frame - 1], truths[d.frame])
            for d in packets.read_datagrams(packets.read_frames(path))}


def read_times(octets):
    """Times of the enhanced packet blocks; the source counts nanoseconds."""
    position, times = 0, []
    while position < len(octets):
        kind, length = struct.unpack_from("<II", octets, position)
        if kind == 6:
            high, low = struct.unpack_from("<II", octets, position + 12)
            times.append(high << 32 | low)
        position += length
    return times


SAMPLES = read_samples()
REQUEST, REPLY, WRONG, NAK = (SAMPLES[number] for number in (1, 2, 7, 8))
PAIR = [REQUEST, REPLY]
FOUR = [REQUEST, REPLY, WRONG, NAK]
KEYS = keyfiles.read_keys(ROOT / "captures" / f"{SOURCE}.keys", "ntp.org")


def signed(message, key_id=11):
    """A message of 48 octets with a right SHA-1 MAC."""
    digest = hashlib.sha1(KEYS[key_id].secret + message).digest()
    return message + struct.pack(">I", key_id) + digest


def unverifiable(reason):
    """The fields of a message that is not all there."""
    return {"status": "unverifiable", "key_id": None, "algorithm": None, "digest_octets": None, "reason": reason}


NOT_TOLD = {"encapsulation": [], "fragments": [], "findings": [], "reason": None, "digest_matches": None}


@dataclass
class Kind:
    """A capture to be made, and everything to be found in it."""

    name: str
    shows: str
    octets: bytes
    frames: int
    messages: list
    container: str = "pcap"
    compression: list = field(default_factory=list)
    ending: str = "complete"
    defects: dict = field(default_factory=dict)
    not_decoded: dict = field(default_factory=dict)
    fragments_incomplete: int = 0
    ports: list | None = None
    """Other ports than 123 to look at."""
    other_records: int = 0
    """Blocks that hold no packet and have a number among them."""
    oracle: bool = True
    """Whether tests/oracle/oracle.py reads it."""
    tshark: str | None = None
    """What tshark makes of it, where that is something else."""

    @property
    def checked_with(self):
        """Whose second opinion there is."""
        first = "tests/oracle/oracle.py" if self.oracle else "by construction"
        return f"{first}; tshark" + (f" differs: {self.tshark}" if self.tshark else " agrees on frames, key IDs and times")

    def expectation(self):
        """The object of the .expect.json file."""
        messages = [{name: value for name, value in message.items() if name not in NOT_TOLD or NOT_TOLD[name] != value}
                    for message in self.messages]
        fields = {"shows": self.shows, "made_from": f"{SOURCE}.pcapng", "keys": f"../{SOURCE}.keys",
                  "key_format": "ntp.org", "trusted": "11-13", "checked_with": self.checked_with,
                  "container": self.container, "compression": self.compression}
        if self.ports:
            fields["ports"] = self.ports
        return fields | {"frames": self.frames, "ending": self.ending, "defects": self.defects,
                         "not_decoded": self.not_decoded, "fragments_incomplete": self.fragments_incomplete,
                         "messages": messages}
