#!/usr/bin/env python3
"""An independent second opinion about the MACs in a capture.

    oracle.py CAPTURE --keys FILE --key-format ntp.org|ntpsec|chrony [--trusted 11-13,20]
    oracle.py --check DIR

The first form prints what it finds as JSON. The second recomputes every
`*.expect.json` of a folder and fails with a difference where the file says
something else. Needs Python 3.11 and the `openssl` command (for AES-CMAC).

A MAC counts as valid with its full digest, or with the first 20 octets of a
longer one; no daemon accepts any other cut.
"""

import argparse
import difflib
import functools
import hashlib
import hmac
import json
import subprocess
import sys
from pathlib import Path

import keyfiles
import packets

MODES = ["reserved", "symmetric-active", "symmetric-passive", "client", "server",
         "broadcast", "control", "private"]
HEADER = 48
DIGEST_OCTETS = {16, 20, 28, 32, 48, 64}
RFC_1305_DIGEST = 8  # its appendix C: DES
NTS_AUTHENTICATOR = 0x0404


@functools.cache
def digest_of(key, covered):
    """The whole digest of the covered octets under one key."""
    if key.algorithm in keyfiles.CIPHER_OCTETS:
        return cmac(key, covered)
    text = key.secret + covered
    if key.algorithm == "shake128":
        return hashlib.shake_128(text).digest(16)
    if key.algorithm == "ripemd160":
        return ripemd160(text)
    name = {"sha512-256": "sha512_256"}.get(key.algorithm, key.algorithm.replace("-", "_"))
    return hashlib.new(name, text).digest()


def cmac(key, covered):
    """AES-CMAC by the openssl command; hashlib has none."""
    bits = keyfiles.CIPHER_OCTETS[key.algorithm] * 8
    run = subprocess.run(
        ["openssl", "mac", "-cipher", f"AES-{bits}-CBC", "-macopt", f"hexkey:{key.secret.hex()}",
         "-in", "/dev/stdin", "-binary", "CMAC"],
        input=covered, stdout=subprocess.PIPE, check=True, timeout=20)
    return run.stdout


def ripemd160(text):
    """RIPEMD-160 by hashlib, or by openssl where hashlib lacks it."""
    try:
        return hashlib.new("ripemd160", text).digest()
    except ValueError:
        run = subprocess.run(
            ["openssl", "dgst", "-provider", "legacy", "-provider", "default", "-ripemd160", "-binary"],
            input=text, stdout=subprocess.PIPE, check=True, timeout=20)
        return run.stdout


def digest_matches(key, covered, digest):
    """Whether a digest is the key's, in one of the two lengths in use."""
    whole = digest_of(key, covered)
    allowed = {len(whole), 20} if len(whole) > 20 else {len(whole)}
    return len(digest) in allowed and hmac.compare_digest(whole[:len(digest)], digest)


def extension_walk(octets):
    """Fields of an area as (type, length) and what is left after the last.

    Stops where a MAC begins: at 24 octets or fewer, or at something that is
    not a field (RFC 7822: at least 16 octets, a multiple of 4).
    """
    fields, position = [], 0
    while len(octets) - position > 24:
        kind = int.from_bytes(octets[position:position + 2], "big")
        length = int.from_bytes(octets[position + 2:position + 4], "big")
        if length < 16 or length % 4 or position + length > len(octets):
            break
        fields.append((kind, length))
        position += length
    return fields, octets[position:]


def is_extension_area(octets):
    """Whether octets are nothing but whole extension fields."""
    position = 0
    while position < len(octets):
        length = int.from_bytes(octets[position + 2:position + 4], "big")
        if length < 4 or length % 4:
            return False
        position += length
    return position == len(octets)


def mac_readings(payload, start):
    """Every place where a MAC could begin, shortest covered part first."""
    for offset in range(start, len(payload) - 19, 4):
        if len(payload) - offset - 4 in DIGEST_OCTETS and is_extension_area(payload[start:offset]):
            yield offset


def mac_record(payload, offset, keys, trusted):
    """Judges the trailer at `offset` as key identifier and digest."""
    number = int.from_bytes(payload[offset:offset + 4], "big")
    digest = payload[offset + 4:]
    record = {"status": "unknown-key", "key_id": number, "algorithm": None,
              "digest_octets": len(digest)}
    key = keys.get(number)
    if key is None:
        return record
    record["algorithm"] = key.algorithm
    matches = digest_matches(key, payload[:offset], digest)
    if trusted is not None and number not in trusted:
        return record | {"status": "untrusted-key", "digest_matches": matches}
    return record | {"status": "valid" if matches else "invalid"}


def proved(record):
    """Whether a reading is certain because its digest is right."""
    return record["status"] == "valid" or record.get("digest_matches", False)


def plain(status):
    """A record without a MAC."""
    return {"status": status, "key_id": None, "algorithm": None, "digest_octets": None}


def nak():
    """The record of a crypto-NAK: key identifier 0 and nothing else."""
    return {"status": "crypto-nak", "key_id": 0, "algorithm": None, "digest_octets": 0}


DECODED_VERSIONS = range(1, 5)


def judge_time_message(payload, version, keys, trusted):
    """Authentication of a message of modes 0 to 5."""
    if len(payload) < HEADER:
        return plain("malformed")
    trailer = payload[HEADER:]
    if not trailer:
        return plain("none")
    if len(trailer) == 4:
        return nak() if trailer == bytes(4) else plain("malformed")
    special = ms_sntp(trailer, version, keys)
    if special:
        return special
    for offset in mac_readings(payload, HEADER):
        record = mac_record(payload, offset, keys, trusted)
        if proved(record):
            return record
    found = judge_by_form(payload, version, keys, trusted)
    if version not in DECODED_VERSIONS and found["status"] != "nts":
        # Of other layouts nobody knows where a MAC would be, so that none is called wrong.
        return found | {"status": "unverifiable"}
    if found["status"] == "unknown-key" and not any(trailer):
        # As many zeros as a MAC has: busybox's way to answer one.
        return found | {"status": "none"}
    return found


def ms_sntp(trailer, version, keys):
    """Microsoft's form: version 3, a relative identifier and a zero checksum."""
    number = int.from_bytes(trailer[:4], "big")
    if version != 3 or len(trailer) not in (20, 72) or not number or number in keys:
        return None
    if any(trailer[4 if len(trailer) == 20 else 8:]):
        return None
    return {"status": "ms-sntp", "key_id": number, "algorithm": None,
            "digest_octets": len(trailer) - (4 if len(trailer) == 20 else 8)}


def judge_by_form(payload, version, keys, trusted):
    """When no digest proves a reading, the RFC's reading by length counts."""
    trailer = payload[HEADER:]
    if version >= 4:
        fields, rest = extension_walk(trailer)
        if any(kind == NTS_AUTHENTICATOR for kind, _ in fields):
            return plain("nts")
        if fields and not rest:
            return plain("none")
        if fields and rest == bytes(4):
            return nak()
        if len(rest) in (20, 24):
            return mac_record(payload, len(payload) - len(rest), keys, trusted)
        # Longer than RFC 7822 has room for: a MAC if it is as long as the digests of its key.
        key = keys.get(int.from_bytes(trailer[:4], "big"))
        if key is None or len(trailer) - 4 != len(digest_of(key, b"")):
            return plain("malformed")
    elif len(trailer) - 4 not in DIGEST_OCTETS | {RFC_1305_DIGEST}:
        return plain("malformed")
    return mac_record(payload, HEADER, keys, trusted)


def judge_control(payload, keys, trusted):
    """Authentication of a mode 6 message.

    The data is filled up to 4 octets, or to 8 of the whole message when a MAC
    follows; an error reply has its MAC right behind the 12-octet header.
    """
    if len(payload) < 12:
        return plain("malformed")
    end = 12 + int.from_bytes(payload[10:12], "big")
    if end > len(payload):
        return plain("malformed")
    padded = [end + -end % 4, end + -end % 8]
    if len(payload) <= padded[0]:
        return plain("none")
    readings = [o for o in dict.fromkeys(reversed(padded)) if len(payload) - o - 4 in DIGEST_OCTETS]
    records = [mac_record(payload, offset, keys, trusted) for offset in readings]
    for record in records:
        if proved(record):
            return record
    if payload[padded[0]:] == bytes(4):
        return nak()
    if records:
        return records[0]
    return plain("malformed" if any(payload[padded[0]:]) else "none")


def judge_private(payload, keys, trusted):
    """Authentication of a mode 7 message: the A bit, and the MAC at the end."""
    if len(payload) < 8:
        return plain("malformed")
    if not payload[1] & 0x80 or payload[0] & 0x80:
        return plain("none")
    readings = [len(payload) - size for size in (20, 24) if len(payload) - size >= 16]
    records = [mac_record(payload, offset, keys, trusted) for offset in readings]
    known = [r for r in records if r["status"] != "unknown-key"]
    return next((r for r in records if proved(r)), (known or records or [plain("malformed")])[0])


def judge(datagram, keys, trusted):
    """The record of one NTP message."""
    payload = datagram.payload
    if not payload:
        return {"frame": datagram.frame, "version": None, "mode": None} | plain("malformed")
    version, mode = payload[0] >> 3 & 7, MODES[payload[0] & 7]
    if datagram.complete and len(payload) < {"control": 12, "private": 8}.get(mode, HEADER):
        return {"frame": datagram.frame, "version": None, "mode": None} | plain("malformed")
    if not datagram.complete:
        found = plain("unverifiable")
    elif mode == "control":
        found = judge_control(payload, keys, trusted)
    elif mode == "private":
        found = judge_private(payload, keys, trusted)
    else:
        found = judge_time_message(payload, version, keys, trusted)
    return {"frame": datagram.frame, "version": version, "mode": mode} | found


def parse_trusted(text):
    """A set of key identifiers from `11-13,20`; None trusts every key."""
    if text is None:
        return None
    trusted = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        trusted.update(range(int(first), int(last or first) + 1))
    return trusted


def examine(capture, key_file, dialect, trusted):
    """Everything the oracle has to say about one capture."""
    keys = keyfiles.read_keys(key_file, dialect) if key_file else {}
    frames = list(packets.read_frames(capture))
    allowed = parse_trusted(trusted)
    messages = [judge(datagram, keys, allowed)
                for datagram in packets.read_datagrams(frames)
                if 123 in (datagram.source_port, datagram.destination_port)]
    return {"frames": len(frames), "messages": messages}


def as_lines(result):
    """One line a message: what a person reads and a difference shows best."""
    lines = [f"frames {result['frames']}"]
    return lines + [json.dumps(message) for message in result["messages"]]


def find_capture(expectation):
    """The capture beside an expectation file."""
    name = expectation.name.removesuffix(".expect.json")
    for ending in (".pcapng", ".pcap", ".pcap.gz"):
        if (expectation.parent / (name + ending)).exists():
            return expectation.parent / (name + ending)
    raise FileNotFoundError(f"{name}: no capture beside its expectation")


def check_one(path):
    """Differences between an expectation and what the oracle computes."""
    expected = json.loads(path.read_text())
    key_file = expected["keys"] and path.parent / expected["keys"]
    found = examine(find_capture(path), key_file, expected["key_format"], expected["trusted"])
    return list(difflib.unified_diff(as_lines(expected), as_lines(found),
                                     f"{path.name} says", "the oracle computes", lineterm=""))


def check_folder(folder):
    """Checks every expectation of a folder; returns the exit code."""
    paths = sorted(Path(folder).glob("*.expect.json"))
    wrong = 0
    for path in paths:
        difference = check_one(path)
        wrong += bool(difference)
        print("\n".join(difference) if difference else f"{path.name}: agrees")
    described = {find_capture(path).name for path in paths}
    index = Path(folder, "README.md")
    indexed = index.read_text() if index.exists() else None
    for capture in sorted(Path(folder).glob("*.pcap*")):
        if capture.name not in described:
            print(f"{capture.name}: has no .expect.json")
            wrong += 1
        if indexed is not None and f"`{capture.name}`" not in indexed:
            print(f"{capture.name}: is not in README.md")
            wrong += 1
    print(f"{len(paths)} expectations, {wrong} wrong")
    return 1 if wrong or not paths else 0


def main():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("capture", nargs="?")
    parser.add_argument("--keys")
    parser.add_argument("--key-format", choices=["ntp.org", "ntpsec", "chrony"], default="ntp.org")
    parser.add_argument("--trusted", help="for example 11-13,20; without it every key is trusted")
    parser.add_argument("--check", metavar="DIR")
    options = parser.parse_args()
    if options.check:
        return check_folder(options.check)
    if not options.capture:
        parser.error("a capture, or --check DIR")
    result = examine(options.capture, options.keys, options.key_format, options.trusted)
    print(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
