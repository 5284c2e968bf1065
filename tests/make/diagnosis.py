#!/usr/bin/env python3
"""Makes captures of mistakes that no program at hand makes, with what is to be found in each.

    diagnosis.py                writes its captures, key files and expectations to captures/diagnosis
    diagnosis.py --check        fails when a file there is not what would be written, or is not in the index

The others in that folder are recorded (tests/peers/mistakes.py). Digests come
from Python's hashlib and hmac and from `openssl mac`; type-7 texts are made
and read here too. Needs Python 3.11 and the command openssl.
"""

import argparse
import hashlib
import hmac
import json
import struct
import sys
from pathlib import Path

from layers import CLIENT_MAC, IPV4, SERVER_MAC, ipv4, udp

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "captures" / "diagnosis"
sys.path.insert(0, str(ROOT / "tests" / "oracle"))
import keyfiles  # noqa: E402
import oracle  # noqa: E402

CLIENT, OTHER_CLIENT, SERVER, OTHER_SERVER = (f"10.99.0.{number}" for number in (2, 3, 1, 9))
BEGIN = 1_795_000_000
TEXT, OTHER_TEXT = b"correct-horse", b"battery-staple"
HEX = hashlib.sha256(b"ntpcap mistakes").hexdigest()[:40]
TYPE7_STRING = b"dsfd;kfoA,.iyewrkldJKDHSUBsgvca69834ncxv9873254k;fg87"
TYPE7_PUBLISHED = {"094F471A1A0A": b"cisco", "0822455D0A16": b"cisco", "13061E010803": b"cisco",
                   "02050D480809": b"cisco", "060506324F41": b"cisco"}
CHECKED = "Python hashlib and hmac, openssl mac"


def from_type7(text):
    """What a type-7 text hides."""
    place = int(text[:2])
    return bytes(octet ^ TYPE7_STRING[(place + at) % len(TYPE7_STRING)]
                 for at, octet in enumerate(bytes.fromhex(text[2:])))


def to_type7(plain, place):
    """The type-7 text that hides `plain`."""
    hidden = (octet ^ TYPE7_STRING[(place + at) % len(TYPE7_STRING)] for at, octet in enumerate(plain))
    return f"{place:02}" + bytes(hidden).hex().upper()


def keyed(algorithm, secret):
    """The usual digest: of secret and message, or the cipher's MAC."""
    return lambda covered: oracle.digest_of(keyfiles.Key(1, algorithm, secret), covered)


def header(number, mode=3, version=4):
    """48 octets that differ from message to message and are the same in every run."""
    octets = hashlib.sha512(f"message {number}".encode()).digest()[:47]
    return bytes([version << 3 | mode]) + octets


def trailer(key_id, digest):
    """A key ID and a digest."""
    return struct.pack(">I", key_id) + digest


def request(number, digest, key_id=1, fields=b"", cover=None, mode=3, version=4):
    """A message whose digest covers itself, or `cover` of it."""
    message = header(number, mode, version) + fields
    return message + trailer(key_id, digest((cover or (lambda whole: whole))(message)))


def field(octets):
    """An extension field of zeros."""
    return struct.pack(">HH", 0x2005, octets) + bytes(octets - 4)


def control(digest, data=b"restrict 192.0.2.9", padded_to=8, covered_to=8):
    """A control request; `covered_to` is the padding that its digest covers."""
    whole = struct.pack(">BBHHHHH", 0x16, 8, 7, 0, 0, 0, len(data)) + data
    pad = lambda multiple: whole + bytes(-len(whole) % multiple)
    return pad(padded_to) + trailer(1, digest(pad(covered_to)))


class Message:
    """One message on its way, and what is to be found in it: codes, or lists of them where several explain it."""

    def __init__(self, payload, status, *codes, source=CLIENT, destination=SERVER):
        self.payload, self.status, self.codes = payload, status, list(codes)
        self.ends = [(source, 40123 if source != SERVER else 123), (destination, 123 if source != SERVER else 40123)]


def reply(payload, status, *codes, to=CLIENT):
    """A message from the server."""
    return Message(payload, status, *codes, source=SERVER, destination=to)


class Kind:
    """A capture."""

    def __init__(self, name, shows, keys, messages, key_format="ntp.org", patterns=(), more_keys=None):
        self.name, self.shows, self.keys, self.messages = name, shows, keys, messages
        self.key_format, self.patterns, self.more_keys = key_format, list(patterns), more_keys or {}

    def files(self):
        """Names and octets of everything that belongs to it."""
        yield self.name + ".pcap", pcap(self.messages)
        yield self.name + ".keys", self.keys.encode()
        for name, (_, text) in self.more_keys.items():
            yield name, text.encode()
        yield self.name + ".expect.json", self.expectation().encode()

    def expectation(self):
        """The .expect.json file: one message a line."""
        about = {"shows": self.shows, "peers": ["tests/make/diagnosis.py"], "keys": self.name + ".keys",
                 "key_format": self.key_format, "trusted": None, "checked_with": CHECKED,
                 "frames": len(self.messages)}
        if self.more_keys:
            about["keys_of"] = {address: name for name, (address, _) in self.more_keys.items()}
        if self.patterns:
            about["patterns"] = self.patterns
        lines = []
        for number, message in enumerate(self.messages, 1):
            told = {"frame": number, "status": message.status}
            if message.codes:
                alternatives = isinstance(message.codes[0], list)
                told["diagnosis"] = message.codes if alternatives else [message.codes]
            lines.append("  " + json.dumps(told))
        return json.dumps(about, indent=1)[:-2] + ',\n "messages": [\n' + ",\n".join(lines) + "\n ]\n}\n"


def pcap(messages):
    """A pcap file, one message each half second."""
    octets = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
    for number, message in enumerate(messages):
        source, destination = message.ends
        datagram = udp(source, destination, message.payload)
        macs = SERVER_MAC + CLIENT_MAC if destination[0] == SERVER else CLIENT_MAC + SERVER_MAC
        frame = macs + struct.pack(">H", IPV4) + ipv4(source[0], destination[0], datagram)
        octets += struct.pack("<IIII", BEGIN + number // 2, number % 2 * 500_000, len(frame), len(frame)) + frame
    return octets


def one(name, shows, keys, payload, right=None, status="invalid", codes=None, **more):
    """A request with the mistake and, where it is known, a right reply."""
    messages = [Message(payload, status, *(codes or [name]))]
    if right:
        messages.append(reply(request(f"{name} reply", right, mode=4), "valid"))
    return Kind(name, shows, keys, messages, **more)


def secrets():
    """Other readings of the secret."""
    right, text = keyed("md5", TEXT), f"1 MD5 {TEXT.decode()}\n"
    for name, octets in (("line-feed", b"\n"), ("space", b" "), ("zero", b"\0")):
        yield one(f"trailing-octet-{name}", f"a {name.replace('-', ' ')} behind the secret is hashed with it", text,
                  request(name, keyed("md5", TEXT + octets)), right, codes=["trailing-octet"])
    yield one("text-after-space", "the second word is part of the secret", "1 MD5 correct horse\n",
              request("space", keyed("md5", b"correct horse")), keyed("md5", b"correct"))
    yield one("octets-reversed", "the octets of the secret are in reverse", f"1 SHA1 {HEX}\n",
              request("reversed", keyed("sha1", bytes.fromhex(HEX)[::-1])), keyed("sha1", bytes.fromhex(HEX)))
    hidden = to_type7(TEXT, 13)[:40]
    plain = from_type7(hidden)
    yield one("obfuscated-secret-in-key-file", "the key file has a type-7 text, the sender the secret that it hides",
              f"1 SHA1 {hidden}\n", request("type 7", keyed("sha1", plain)), keyed("sha1", bytes.fromhex(hidden)),
              codes=["obfuscated-secret"])
    long = "a-secret-of-thirty-six-characters-00"
    for length in (8, 15, 16, 19, 20, 31, 32):
        yield one(f"key-truncated-{length}", f"the sender uses the first {length} characters of the secret",
                  f"1 MD5 {long}\n", request(f"cut {length}", keyed("md5", long[:length].encode())),
                  keyed("md5", long.encode()), key_format="chrony", codes=["key-truncated"])
    yield from ends_at_limits(long)
    yield one("key-truncated-aes", "the sender uses the first 8 octets of an AES secret", f"1 AES128CMAC {HEX[:32]}\n",
              request("cut aes", keyed("aes128-cmac", bytes.fromhex(HEX[:16]) + bytes(8))),
              keyed("aes128-cmac", bytes.fromhex(HEX[:32])), codes=["key-truncated"])


def ends_at_limits(long):
    """Secrets that end by one rule where a limit of length would end them too: both explain the message."""
    hashed = [(length, f"{length} MD5 {long[:length]}#{long[length:]}\n") for length in (8, 15, 16, 19, 20, 31)]
    yield Kind("text-after-hash-at-limits", "the sender's secrets end before the #, where devices cut too",
               "".join(line for _, line in hashed),
               [Message(request(f"hash {length}", keyed("md5", long[:length].encode()), key_id=length), "invalid",
                        ["text-after-hash"], ["key-truncated"]) for length, _ in hashed], key_format="chrony")
    windows = lambda *lengths: "".join(f"{length} MD5 {long[:length]}\r\n" for length in lengths)
    without = lambda length: request(f"no return {length}", keyed("md5", long[:length].encode()), key_id=length)
    behind = lambda length: request(f"return {length}", keyed("md5", long[:length].encode() + b"\r"), key_id=length)
    yield Kind("trailing-carriage-return-at-limits", "the key file has Windows line ends, which the sender leaves away "
               "where devices cut too", windows(8, 15, 16, 19),
               [Message(without(length), "invalid", ["trailing-carriage-return"], ["key-truncated"])
                for length in (8, 15, 16, 19)])
    yield Kind("trailing-carriage-return-of-sender", "the sender's secrets end with a carriage return",
               windows(8, 15, 16, 19, 20, 31),
               [Message(behind(length), "invalid", "trailing-carriage-return")
                for length in (8, 15, 16, 19, 20, 31)], key_format="chrony")
    yield Kind("trailing-carriage-return-too-long", "with the carriage return ntp.org's ntpd cannot read the secrets at "
               "all, others can", windows(20, 31),
               [Message(without(length), "unknown-key", "other-key-format") for length in (20, 31)])


def keys():
    """Other keys."""
    right = keyed("md5", TEXT)
    yield Kind("other-key-file", "the client has the key of another server",
               f"7 MD5 {HEX[:10]}\n",
               [Message(request("file", keyed("md5", OTHER_TEXT)), "invalid", "other-key-file"),
                reply(request("file reply", right, mode=4), "valid"),
                Message(request("other file", keyed("md5", OTHER_TEXT)), "valid", destination=OTHER_SERVER)],
               more_keys={"other-key-file-1.keys": (SERVER, f"1 MD5 {TEXT.decode()}\n"),
                          "other-key-file-9.keys": (OTHER_SERVER, f"1 MD5 {OTHER_TEXT.decode()}\n")})
    yield one("key-id-byte-order", "the key ID is written with its lowest octet first", f"1 MD5 {TEXT.decode()}\n",
              request("swapped", right, key_id=0x01000000), right, status="unknown-key")


def computations():
    """Other ways to compute the digest."""
    secret = bytes.fromhex(HEX)
    line, right = f"1 SHA1 {HEX}\n", keyed("sha1", secret)
    mac = lambda name, size=None: lambda covered: hmac.new(secret, covered, name).digest()[:size]
    yield one("hmac", "HMAC-SHA-1 in place of a keyed hash", line, request("hmac", mac("sha1")), right)
    yield one("hmac-and-other-algorithm", "HMAC-SHA-256, cut to 20 octets, where the file says SHA-1", line,
              request("hmac 256", mac("sha256", 20)), right, codes=["other-algorithm", "hmac"])
    yield one("hmac-and-digest-truncated", "HMAC-SHA-1 cut to 16 octets", line, request("hmac cut", mac("sha1", 16)),
              right, codes=["hmac", "digest-truncated"])
    yield one("secret-behind-message", "the secret is hashed behind the message", line,
              request("behind", lambda covered: hashlib.sha1(covered + secret).digest()), right)
    yield one("covers-header-only", "the digest leaves the extension field out", line,
              request("header", right, fields=field(28), cover=lambda whole: whole[:48]), right)
    yield one("covers-key-id", "the digest covers the key ID", line,
              request("key id", right, cover=lambda whole: whole + struct.pack(">I", 1)), right)
    yield Kind("control-padding", "the digest of control requests covers other padding than theirs", line,
               [Message(control(right), "valid"),
                Message(control(right, covered_to=1), "invalid", "control-padding"),
                Message(control(right, covered_to=4, data=b"restrict 192.0.2.99xx"), "invalid", "control-padding")])


def shapes():
    """Digests that are cut or followed by something."""
    secret = bytes.fromhex(HEX)
    line, right = f"1 SHA1 {HEX}\n2 SHA256 {HEX}\n", keyed("sha1", secret)
    cut = lambda size: lambda covered: right(covered)[:size]
    yield Kind("digest-truncated", "digests of SHA-1 cut to 16, 12 and 8 octets", line,
               [Message(request("cut 16", cut(16)), "invalid", "digest-truncated"),
                Message(request("cut 12", cut(12)), "malformed", "digest-truncated"),
                Message(request("cut 8", cut(8), version=3), "invalid", "digest-truncated"),
                Message(request("cut 4", cut(4)), "malformed"),
                reply(request("cut reply", right, mode=4), "valid")])
    long = keyed("sha256", secret)
    yield Kind("digest-tail-wrong", "20 right octets of SHA-256 and 12 others, as ntp.org ntpd 4.2.8p18 sends them",
               line, [Message(request("tail", lambda covered: long(covered)[:20] + bytes(range(0xA0, 0xAC)), key_id=2),
                              "invalid", "digest-tail-wrong")])
    md5 = keyed("md5", TEXT)
    yield Kind("digest-padded", "four octets follow the digest", line + f"3 MD5 {TEXT.decode()}\n",
               [Message(request("padded", lambda covered: md5(covered) + bytes(4), key_id=3), "invalid",
                        "digest-padded"),
                Message(request("padded sha1", lambda covered: right(covered) + bytes(4)), "malformed",
                        "digest-padded")])


def patterns():
    """Wrong MACs that nothing explains, and what they have in common."""
    line, right, wrong = f"1 MD5 {TEXT.decode()}\n", keyed("md5", TEXT), keyed("md5", b"nothing-of-the-kind")
    ask = lambda number, digest, status, **more: Message(request(number, digest), status, **more)
    answer = lambda number, digest, status, **more: reply(request(number, digest, mode=4), status, **more)
    yield Kind("pattern-all-of-key", "every MAC of the key is wrong", line,
               [ask(1, wrong, "invalid"), answer(2, wrong, "invalid"),
                *(ask(number, wrong, "invalid") for number in range(3, 7))], patterns=["all-of-key"])
    yield Kind("pattern-all-of-host", "the MACs of one client are wrong", line,
               [ask(1, right, "valid"), answer(2, right, "valid"), ask(3, wrong, "invalid", source=OTHER_CLIENT),
                ask(4, right, "valid"), ask(5, wrong, "invalid", source=OTHER_CLIENT), answer(6, right, "valid")],
               patterns=["all-of-host"])
    yield Kind("pattern-all-of-host-later", "one client is right, and later another one is wrong", line,
               [ask(1, right, "valid"), answer(2, right, "valid"), ask(3, right, "valid"), answer(4, right, "valid"),
                ask(5, wrong, "invalid", source=OTHER_CLIENT), ask(6, wrong, "invalid", source=OTHER_CLIENT)],
               patterns=["all-of-host"])
    yield Kind("pattern-all-of-key-of-one-server", "the key is right with one server, and later wrong with another",
               line, [ask(1, right, "valid"), answer(2, right, "valid"),
                      ask(3, wrong, "invalid", destination=OTHER_SERVER),
                      ask(4, wrong, "invalid", destination=OTHER_SERVER)], patterns=["all-of-key"])
    yield Kind("pattern-only-with-extension-fields", "the MACs behind extension fields are wrong", line,
               [ask(1, right, "valid"), Message(request(2, wrong, fields=field(28)), "invalid"), ask(3, right, "valid"),
                Message(request(4, wrong, fields=field(28)), "invalid"), ask(5, right, "valid")],
               patterns=["only-with-extension-fields"])
    yield Kind("pattern-one-direction", "the server's MACs are wrong", line,
               [ask(1, right, "valid"), answer(2, wrong, "invalid"), ask(3, right, "valid"),
                answer(4, wrong, "invalid"), ask(5, right, "valid")], patterns=["one-direction"])
    yield Kind("pattern-after-a-time", "the key was changed between frames 2 and 3", line,
               [ask(1, right, "valid"), answer(2, right, "valid"), ask(3, wrong, "invalid"),
                answer(4, wrong, "invalid")], patterns=["after-a-time"])
    yield Kind("pattern-until-a-time", "the key was changed between frames 2 and 3", line,
               [ask(1, wrong, "invalid"), answer(2, wrong, "invalid"), ask(3, right, "valid"),
                answer(4, right, "valid")], patterns=["until-a-time"])


def kinds():
    """Every capture."""
    for text, plain in TYPE7_PUBLISHED.items():
        assert from_type7(text) == plain and to_type7(plain, int(text[:2])) == text, text
    for group in (secrets, keys, computations, shapes, patterns):
        yield from group()


def elsewhere():
    """What explains messages of the other captures: a few mistakes, tried again here, without the program."""
    found = {}
    for path in sorted((ROOT / "captures").glob("*.expect.json")):
        about = json.loads(path.read_text())
        if not about["keys"]:
            continue
        capture = oracle.find_capture(path)
        known = keyfiles.read_keys(ROOT / "captures" / about["keys"], about["key_format"])
        payloads = {datagram.frame: datagram.payload
                    for datagram in oracle.packets.read_datagrams(list(oracle.packets.read_frames(capture)))}
        codes = {}
        for message in about["messages"]:
            code = mistake_of(payloads[message["frame"]], message, known)
            if code:
                codes[str(message["frame"])] = [[code]]
        if codes:
            found[capture.name] = codes
    lines = [f' {json.dumps(name)}: {json.dumps(codes)}' for name, codes in found.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def mistake_of(payload, message, known):
    """The code of one message; None when it needs none or nothing is found."""
    size = message["digest_octets"]
    if message["status"] == "valid" and message["version"] == 4 and size > 20:
        return "digest-not-truncated"
    if message["status"] not in ("invalid", "unknown-key"):
        return None
    covered, digest, own = payload[:-4 - size], payload[-size:], known.get(message["key_id"])

    def is_it(algorithm, secret, octets=covered):
        fits = keyfiles.CIPHER_OCTETS.get(algorithm, len(secret)) == len(secret)
        return fits and keyed(algorithm, secret)(octets)[:size] == digest

    if own:
        if is_it(own.algorithm, own.secret, covered[:48]):
            return "covers-header-only"
        if any(algorithm != own.algorithm and is_it(algorithm, own.secret)
               for algorithm in ("md5", "sha1", "ripemd160", "sha256", "sha384", "sha512")):
            return "other-algorithm"
        if is_it(own.algorithm, own.secret.hex().encode()):
            return "hex-read-as-ascii"
        if is_it(own.algorithm, own.secret[::-1]):
            return "octets-reversed"
    if any(key is not own and is_it(key.algorithm, key.secret) for key in known.values()):
        return "other-key-id"
    return None


def main():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    index = (FOLDER / "README.md").read_text() if (FOLDER / "README.md").exists() else ""
    wrong = []
    for kind in kinds():
        if options.check and f"`{kind.name}.pcap`" not in index:
            wrong.append(f"{kind.name}.pcap is not in the index")
        for name, octets in kind.files():
            path = FOLDER / name
            if not options.check:
                path.write_bytes(octets)
            elif not path.exists() or path.read_bytes() != octets:
                wrong.append(f"{name} is not what would be written")
    table = FOLDER / "elsewhere.json"
    if not options.check:
        (FOLDER / "README.md").write_text(index_text())
        table.write_text(elsewhere())
    elif table.read_text() != elsewhere():
        wrong.append(f"{table.name} is not what would be written")
    print("\n".join(wrong) if wrong else "all as it should be")
    return 1 if wrong else 0


INTRODUCTION = """\
# Captures of mistakes

One for each mistake that `ntpcap verify` can prove, and for each pattern; see `docs/diagnosis.md`. Beside each stands
the key file that it is verified with and `NAME.expect.json`: what is to be found, message by message. Written by
`tests/make/diagnosis.py`, this page too; the recorded ones by `tests/peers/record.py` (`tests/peers/mistakes.py`).
What explains messages of the captures in the folder above is listed in `elsewhere.json`; the mistakes there are:
`chrony-client-hex-secret-without-prefix.pcap` and `ntporg-control-hex-secret-as-text.pcap` (`hex-read-as-ascii`),
`ntpdig-client-sha256-not-cut.pcapng` (`digest-not-truncated`), `ntporg-extension-field-with-mac.pcap`
(`covers-header-only`).

| file | shows | sent by |
|---|---|---|
"""


def index_text():
    """README.md of the folder."""
    rows = []
    for path in sorted(FOLDER.glob("*.expect.json")):
        about = json.loads(path.read_text())
        name = path.name.removesuffix(".expect.json")
        sender = about["peers"][0]
        sender = "made" if sender.startswith("tests/") else sender.split(" (")[0]
        rows.append(f"| `{name}.pcap` | {about['shows']} | {sender} |\n")
    return INTRODUCTION + "".join(rows)


if __name__ == "__main__":
    sys.exit(main())
