#!/usr/bin/env python3
"""Writes a large capture of NTP messages with MACs, and its key file.

    generate.py OUT.pcap|OUT.pcapng [--packets N] [--seed N] [--other PERCENT]

Requests and replies under MD5, SHA-1, SHA-256 (cut to 20 octets) and AES-128
CMAC keys, a quarter each; one digest in a thousand is wrong; one exchange in
eight is over IPv6. --other mixes in TCP, DNS and ARP. The key file is written
beside the capture as OUT.keys. The same arguments give the same octets.

The messages of one round are distinct, and rounds repeat with later capture
times; a round has more requests than ntpcap remembers, so that a repeated
message is as new to it as any other. Needs Python 3.11 and nothing else.
"""

import argparse
import hashlib
import itertools
import random
import struct
from pathlib import Path

import aes_cmac

ROUND = 131_072  # NTP messages
START = 1_795_581_943  # 2026-11-25, seconds since 1970
STEP = 137  # microseconds from one packet to the next
NTP_EPOCH = 2_208_988_800
KEYS = [(11, "MD5", "ntpcap-bench-md5"), (12, "SHA1", "5" * 40), (13, "SHA256", "6" * 64),
        (14, "AES128CMAC", "7" * 32)]
ADDRESSES = bytes.fromhex("020000000001020000000002")  # Ethernet


def main():
    arguments = parse_arguments()
    out = arguments.out
    out.with_suffix(".keys").write_text("".join(f"{number} {name} {secret}\n" for number, name, secret in KEYS))
    container = Pcapng if out.suffix == ".pcapng" else Pcap
    rng = random.Random(arguments.seed)
    frames = list(itertools.islice(make_round(rng, arguments.other), arguments.packets))
    with out.open("wb") as file:
        write(file, container, frames, arguments.packets)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="the capture to write, .pcap or .pcapng")
    parser.add_argument("--packets", type=int, default=1_000_000, help="packets in all (1000000)")
    parser.add_argument("--seed", type=int, default=1, help="seed of everything that varies (1)")
    parser.add_argument("--other", type=int, default=0, metavar="PERCENT",
                        help="share of packets that are not NTP, 0 to 99 (0)")
    return parser.parse_args()


def write(file, container, frames, packets):
    """Writes rounds until there are `packets` packets."""
    octets, places = bytearray(), []
    for frame in frames:
        places.append(len(octets) + container.TIME)
        octets += container.record(frame)
    ends = [place - container.TIME for place in places[1:]] + [len(octets)]
    file.write(container.HEADER)
    for first in range(0, packets, len(frames)):
        count = min(len(frames), packets - first)
        for number, place in zip(range(first, first + count), places):
            container.put_time(octets, place, START * 1_000_000 + number * STEP)
        file.write(memoryview(octets)[:ends[count - 1]])


class Pcap:
    """The classic format, little-endian, microseconds, Ethernet."""

    HEADER = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262_144, 1)
    TIME = 0

    @staticmethod
    def record(frame):
        return struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame

    @staticmethod
    def put_time(octets, place, time, pack=struct.Struct("<II").pack_into):
        pack(octets, place, *divmod(time, 1_000_000))


class Pcapng:
    """One section, one interface, enhanced packet blocks."""

    HEADER = (struct.pack("<IIIHHqI", 0x0a0d0d0a, 28, 0x1a2b3c4d, 1, 0, -1, 28)
              + struct.pack("<IIHHII", 1, 20, 1, 0, 262_144, 20))
    TIME = 12

    @staticmethod
    def record(frame):
        body = frame.ljust((len(frame) + 3) // 4 * 4, b"\0")
        length = 32 + len(body)
        return (struct.pack("<IIIIIII", 6, length, 0, 0, 0, len(frame), len(frame)) + body
                + struct.pack("<I", length))

    @staticmethod
    def put_time(octets, place, time, pack=struct.Struct("<II").pack_into):
        pack(octets, place, time >> 32, time & 0xffffffff)


def make_round(rng, other):
    """The frames of one round: `other` of a hundred are not NTP."""
    digests = [digest_with(name, secret) for _, name, secret in KEYS]
    times = itertools.count(START * 1_000_000, STEP)
    owed = 0
    for number in range(ROUND // 2):
        key = number % len(KEYS)
        is_ipv6 = number // len(KEYS) % 8 == 0
        for frame in make_exchange(rng, times, KEYS[key][0], digests[key], is_ipv6):
            yield frame
            owed += other
            while owed >= 100 - other:
                owed -= 100 - other
                next(times)
                yield make_other(rng)


def make_exchange(rng, times, key_id, digest_of, is_ipv6):
    """A request and its reply."""
    server, client = rng.randrange(1, 5), rng.randrange(10, 250)
    port = rng.randrange(32_768, 61_000)
    packet = ipv6 if is_ipv6 else ipv4

    def signed(header):
        digest = digest_of(header)
        if rng.randrange(1000) == 0:
            digest = bytes([digest[0] ^ 1]) + digest[1:]
        return header + key_id.to_bytes(4, "big") + digest

    asked = ntp_time(rng, next(times))
    header = TIME_HEADER.pack(0x23, 0, 6, -24, 0, 0, 0, 0, 0, 0, asked)
    yield packet(client, server, 17, udp(port, 123, signed(header)))
    replied = next(times)
    header = TIME_HEADER.pack(0x24, 2, 6, -24, 0x0123, 0x0456, 0xc0000207,
                              ntp_time(rng, replied - 9_000_000), asked,
                              ntp_time(rng, replied - STEP // 2), ntp_time(rng, replied - STEP // 3))
    yield packet(server, client, 17, udp(123, port, signed(header)))


def digest_with(name, secret):
    """The function from a message to its digest, cut to 20 octets."""
    octets = secret.encode() if len(secret) <= 20 else bytes.fromhex(secret)
    if name == "AES128CMAC":
        return aes_cmac.Cmac(octets).digest
    primed = hashlib.new(name, octets)

    def digest_of(message):
        digest = primed.copy()
        digest.update(message)
        return digest.digest()[:20]

    return digest_of


def make_other(rng):
    """A frame of something else: TCP mostly, DNS, now and then ARP."""
    client, server = rng.randrange(10, 250), rng.randrange(1, 5)
    kind = rng.randrange(20)
    if kind == 0:
        return ADDRESSES + bytes.fromhex("08060001080006040001") + rng.randbytes(20) + bytes(18)
    if kind < 6:
        name = b"\x06host%c%c\x07example\0" % (97 + client % 26, 97 + server)
        query = rng.randbytes(2) + bytes.fromhex("01000001000000000000") + name + b"\0\x01\0\x01"
        return ipv4(client, server, 17, udp(rng.randrange(32_768, 61_000), 53, query))
    length = rng.choice((0, 0, 0, 120, 400, 1_400))
    header = struct.pack(">HHIIHHHH", rng.randrange(32_768, 61_000), 443, rng.getrandbits(32),
                         rng.getrandbits(32), 0x5010, 502, 0, 0)
    return ipv4(client, server, 6, header + rng.randbytes(length))


def ntp_time(rng, microseconds):
    """A timestamp whose last bits are noise."""
    seconds, rest = divmod(microseconds, 1_000_000)
    return seconds + NTP_EPOCH << 32 | (rest << 32) // 1_000_000 ^ rng.getrandbits(10)


def udp(source, destination, payload):
    """A datagram; the checksum is put in by the layer below, which knows the addresses."""
    return struct.pack(">HHHH", source, destination, 8 + len(payload), 0) + payload


def ipv4(source, destination, protocol, payload):
    addresses = bytes([192, 0, 2, source, 192, 0, 2, destination])
    header = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0x4000, 64, protocol, 0) + addresses
    header = header[:10] + checksum(header) + header[12:]
    return ADDRESSES + b"\x08\x00" + header + with_checksum(addresses, protocol, payload)


def ipv6(source, destination, protocol, payload):
    network = bytes.fromhex("20010db8") + bytes(11)
    addresses = network + bytes([source]) + network + bytes([destination])
    header = struct.pack(">IHBB", 6 << 28, len(payload), protocol, 64) + addresses
    return ADDRESSES + b"\x86\xdd" + header + with_checksum(addresses, protocol, payload)


def with_checksum(addresses, protocol, payload):
    """The datagram or segment with its checksum over the pseudo header."""
    place = 6 if protocol == 17 else 16
    pseudo = addresses + struct.pack(">HH", protocol, len(payload))
    return payload[:place] + checksum(pseudo + payload) + payload[place + 2:]


def checksum(octets):
    """The Internet checksum (RFC 1071)."""
    octets += b"\0" * (len(octets) % 2)
    total = sum(struct.unpack(f">{len(octets) // 2}H", octets)) % 0xffff
    return (0xffff - total).to_bytes(2, "big")


TIME_HEADER = struct.Struct(">BBbbIIIQQQQ")

if __name__ == "__main__":
    main()
