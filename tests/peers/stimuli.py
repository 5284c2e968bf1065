"""Requests with every kind of authenticator, and the fixed test keys for them.

The secrets are test secrets, the same in every recording, and used nowhere
else. MACs are computed by the oracle's functions, which know nothing of the
program under test.
"""

import hashlib
import os
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "oracle"))
import keyfiles  # noqa: E402
import oracle  # noqa: E402

ALGORITHMS = {
    1: "md5", 2: "sha1", 3: "sha256", 4: "sha384", 5: "sha512", 6: "sha3-256", 7: "sha3-512",
    8: "ripemd160", 9: "aes128-cmac", 10: "aes256-cmac", 11: "sha1", 12: "sha1", 13: "shake128",
    14: "sha224", 15: "sha3-224", 16: "sha3-384", 17: "aes192-cmac",
}
UNTRUSTED, UNKNOWN = 12, 99
TRUSTED = "1-11,13-17"
TEXT_SECRETS = {1: b"a-secret-in-letters", 11: b"exactly20characters!"}
OCTETS = {"sha1": 20, "ripemd160": 20, "aes128-cmac": 16, "aes192-cmac": 24, "shake128": 16}

NTPORG_NAMES = {"md5": "MD5", "sha1": "SHA1", "sha224": "SHA224", "sha256": "SHA256",
                "sha384": "SHA384", "sha512": "SHA512", "sha3-224": "SHA3-224",
                "sha3-256": "SHA3-256", "sha3-384": "SHA3-384", "sha3-512": "SHA3-512",
                "ripemd160": "RIPEMD160", "shake128": "SHAKE128", "aes128-cmac": "AES128CMAC"}
NTPSEC_NAMES = NTPORG_NAMES | {"aes128-cmac": "AES-128", "aes192-cmac": "AES-192",
                               "aes256-cmac": "AES-256"}
CHRONY_NAMES = {algorithm: name for name, algorithm in keyfiles.CHRONY_NAMES.items()}
NAMES = {"ntp.org": NTPORG_NAMES, "ntpsec": NTPSEC_NAMES, "chrony": CHRONY_NAMES}


def fixed_secret(number, purpose="ntpcap test key"):
    """The secret of a test key: text, or octets that never change."""
    if number in TEXT_SECRETS:
        return TEXT_SECRETS[number]
    octets = OCTETS.get(ALGORITHMS[number], 32)
    return hashlib.sha256(f"{purpose} {number}".encode()).digest()[:octets]


def test_key(number):
    """A test key as the oracle wants it."""
    return keyfiles.Key(number, ALGORITHMS[number], fixed_secret(number))


def key_file_text(dialect, numbers=None, wrong=()):
    """A key file of the test keys; those in `wrong` get another secret."""
    lines = [f"# Test keys of ntpcap, {dialect} form: never used anywhere else."]
    for number, algorithm in ALGORITHMS.items():
        name = NAMES[dialect].get(algorithm)
        if name is None or (numbers is not None and number not in numbers):
            continue
        secret = fixed_secret(number)
        if number in wrong:
            secret = hashlib.sha256(secret).digest()[:len(secret)]
        if number in TEXT_SECRETS and number not in wrong:
            text = secret.decode()
        else:
            text = ("HEX:" if dialect == "chrony" else "") + secret.hex()
        lines.append(f"{number} {name} {text}")
    return "\n".join(lines) + "\n"


def header(version=4, mode=3):
    """48 octets of a request as a modest client sends it: random transmit time."""
    return bytes([version << 3 | mode, 0, 6, 0xE9]) + bytes(36) + os.urandom(8)


def sign(message, key, octets=None, number=None):
    """Appends a MAC: full digest, or the first `octets` of it."""
    digest = oracle.digest_of(key, message)[:octets]
    return message + struct.pack(">I", key.number if number is None else number) + digest


def signed(number, version=4, mode=3, octets=20, fields=b""):
    """A request with the right MAC of a test key, cut to 20 octets as in version 4."""
    return sign(header(version, mode) + fields, test_key(number), octets)


def signed_in_full(number, version=3):
    """A request with the whole digest, as chrony sends it in version 3."""
    return sign(header(version), test_key(number))


def wrong_secret(number):
    """The right form, computed with another secret."""
    right = test_key(number)
    other = keyfiles.Key(number, right.algorithm, fixed_secret(number, "another secret")[::-1])
    return sign(header(), other, 20)


def wrong_algorithm(number, algorithm):
    """The right secret with an algorithm the key file does not say."""
    return sign(header(), keyfiles.Key(number, algorithm, fixed_secret(number)), 20)


def unknown_key():
    """A MAC under a key identifier in no file."""
    return sign(header(), test_key(2), number=UNKNOWN)


def extension_field(kind, octets):
    """An extension field with zero contents."""
    return struct.pack(">HH", kind, octets) + bytes(octets - 4)


def ms_sntp(relative_identifier=1103):
    """The 68-octet request of a Windows domain member."""
    return header(version=3) + struct.pack("<I", relative_identifier) + bytes(16)


def ms_sntp_extended(relative_identifier=1103):
    """The 120-octet request of a newer domain member."""
    return header(version=3) + struct.pack("<I", relative_identifier) + bytes(68)


@dataclass
class Stimulus:
    """A request and the kind of answer its server is known to give.

    A: reply with a valid MAC, U: reply without MAC, N: crypto-NAK, -: silence.
    """

    name: str
    payload: bytes
    answer: str
    six: bool = False


def kind_of_answer(reply, keys):
    """The letter of a reply, judged by the oracle."""
    if reply is None:
        return "-"
    status = oracle.judge_time_message(reply, reply[0] >> 3 & 7, keys, None)["status"]
    return {"none": "U", "valid": "A", "crypto-nak": "N"}.get(status, status)
