#!/usr/bin/env python3
"""Verifies the MACs of a capture as a short script of today would, with hashlib.

    hashlib_verify.py CAPTURE KEYS [--without-cmac]

Reads what generate.py writes: pcap or pcapng in little-endian order, Ethernet,
IPv4 and IPv6, UDP port 123, and MACs that end the message. Prints how many
messages are valid, invalid and left out, and then the frames that are invalid.
hashlib has no AES: CMACs are computed in plain Python and remembered, or left
out with --without-cmac, which is the fair thing to time.
"""

import argparse
import functools
import hashlib
import hmac
import struct

import aes_cmac

HEADER = 48
CUT = 20


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("capture")
    parser.add_argument("keys")
    parser.add_argument("--without-cmac", action="store_true")
    arguments = parser.parse_args()
    keys = read_keys(arguments.keys, arguments.without_cmac)
    valid, left_out, invalid = 0, 0, []
    for number, frame in enumerate(frames(arguments.capture), 1):
        message = ntp_message(frame)
        if message is None:
            continue
        verdict = verify(message, keys)
        if verdict is None:
            left_out += 1
        elif verdict:
            valid += 1
        else:
            invalid.append(number)
    print(valid, len(invalid), left_out)
    print(*invalid)


def read_keys(path, without_cmac):
    """A function from covered octets to digest, by key ID."""
    keys = {}
    with open(path, encoding="ascii") as file:
        for line in file:
            key_id, name, secret = line.split()
            octets = secret.encode() if len(secret) <= 20 else bytes.fromhex(secret)
            if name != "AES128CMAC":
                keys[int(key_id)] = hash_with(name.lower(), octets)
            elif not without_cmac:
                keys[int(key_id)] = functools.cache(aes_cmac.Cmac(octets).digest)
    return keys


def hash_with(name, secret):
    """H(secret || message), cut to 20 octets."""
    return lambda covered: hashlib.new(name, secret + covered).digest()[:CUT]


def verify(message, keys):
    """Whether the MAC is right; None without its key."""
    digest_length = len(message) - HEADER - 4
    if digest_length not in (16, 20):
        return None
    covered, digest = message[:-digest_length - 4], message[-digest_length:]
    digest_of = keys.get(int.from_bytes(message[-digest_length - 4:-digest_length], "big"))
    return digest_of and hmac.compare_digest(digest_of(covered), digest)


def ntp_message(frame):
    """The UDP payload to or from port 123, or None."""
    ether_type = frame[12:14]
    if ether_type == b"\x08\x00" and frame[23] == 17:
        start = 14 + (frame[14] & 15) * 4
    elif ether_type == b"\x86\xdd" and frame[20] == 17:
        start = 54
    else:
        return None
    source, destination, length = struct.unpack_from(">HHH", frame, start)
    return frame[start + 8:start + length] if 123 in (source, destination) else None


def frames(path):
    """The frames of a capture, in order."""
    with open(path, "rb") as file:
        if file.read(4) == b"\n\r\r\n":
            file.seek(0)
            while header := file.read(8):
                kind, length = struct.unpack("<II", header)
                body = file.read(length - 8)
                if kind == 6:
                    captured, = struct.unpack_from("<I", body, 12)
                    yield body[20:20 + captured]
        else:
            file.seek(24)
            while header := file.read(16):
                yield file.read(struct.unpack_from("<I", header, 8)[0])


if __name__ == "__main__":
    main()
