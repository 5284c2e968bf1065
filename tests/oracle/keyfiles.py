"""Key files as ntp.org, NTPsec and chrony read them.

The same line gives different keys to different daemons, so each dialect is a
function of its own. Only keys whose MAC the oracle can compute are returned;
a line the daemon would take but the oracle cannot compute raises nothing, it
is simply an unknown key, and no sample capture has one.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Key:
    """One secret with the algorithm its key file gives it."""

    number: int
    algorithm: str
    secret: bytes


HASHES = {"md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha512-256", "sha3-224",
          "sha3-256", "sha3-384", "sha3-512", "ripemd160", "shake128"}
CIPHER_OCTETS = {"aes128-cmac": 16, "aes192-cmac": 24, "aes256-cmac": 32}
NTPSEC_NAMES = {"aes": "aes128-cmac", "aes128cmac": "aes128-cmac", "aes-128": "aes128-cmac",
                "aes-192": "aes192-cmac", "aes-256": "aes256-cmac", "sha-1": "sha1",
                "sha-256": "sha256", "sha2-256": "sha256"}
CHRONY_NAMES = {"MD5": "md5", "SHA1": "sha1", "SHA256": "sha256", "SHA384": "sha384",
                "SHA512": "sha512", "SHA3-224": "sha3-224", "SHA3-256": "sha3-256",
                "SHA3-384": "sha3-384", "SHA3-512": "sha3-512",
                "AES128": "aes128-cmac", "AES256": "aes256-cmac"}


class BadLine(Exception):
    """The daemon would not take this line."""


def read_keys(path, dialect):
    """The keys of a file by number, as the daemon of that dialect has them."""
    with open(path, "rb") as file:
        lines = file.read().split(b"\n")
    readers = {"ntp.org": ntporg_line, "ntpsec": ntpsec_line, "chrony": chrony_line}
    keys = {}
    for line in lines:
        try:
            key = readers[dialect](line)
        except BadLine:
            if dialect == "ntp.org":
                return {}  # ntp.org refuses the whole file
            continue
        if key is None or (dialect == "ntp.org" and key.number in keys):
            continue  # two keys of one number: ntp.org keeps the first, as measured with 4.2.8p15
        if dialect == "chrony" and key.number in keys:
            raise SystemExit(f"{path}: which of two keys chrony finds depends on the others; not worked out here")
        keys[key.number] = key
    return keys


def leading_number(word):
    """atoi: the digits a word begins with, else 0."""
    found = re.match(rb"[+-]?\d+", word)
    return int(found.group()) if found else 0


def ntp_words(line):
    """The words of a line as both ntpd families see them: `#` cuts anywhere."""
    return [word for word in re.split(rb"[ \t]+", line.split(b"#")[0]) if word]


def ntp_secret(word, limit, spare_digit):
    """Up to 20 octets are text, more are hexadecimal digits."""
    if len(word) <= 20:
        return word
    if not re.fullmatch(rb"[0-9a-fA-F]+", word):
        raise BadLine("not hexadecimal")
    if len(word) % 2:
        word = word + b"0" if spare_digit else word[:-1]
    secret = bytes.fromhex(word.decode())
    if len(secret) > limit and spare_digit:
        raise BadLine("too long")
    return secret[:limit]


def ntp_definition(line):
    """Number, type in lower case and secret of a line of either ntpd family; None for one without words."""
    words = ntp_words(line)
    if not words:
        return None
    number = leading_number(words[0])
    if not 1 <= number <= 65535 or len(words) < 3:
        raise BadLine("number, type or key")
    name = words[1].decode("latin-1").lower()
    return number, name, words[2]


def ntporg_line(line):
    """One line of an ntp.org key file."""
    definition = ntp_definition(line)
    if definition is None:
        return None
    number, name, word = definition
    if name in ("aes128cmac", "cmac"):
        algorithm = "aes128-cmac"
    elif name in HASHES:
        algorithm = name
    elif name.startswith("m"):
        algorithm = "md5"
    else:
        return None  # an unknown type is only logged
    secret = ntp_secret(word, 64, True)
    return Key(number, algorithm, fit_cipher(algorithm, secret))


def ntpsec_line(line):
    """One line of an NTPsec key file."""
    definition = ntp_definition(line)
    if definition is None:
        return None
    number, name, word = definition
    algorithm = NTPSEC_NAMES.get(name, name)
    if algorithm not in HASHES and algorithm not in CIPHER_OCTETS:
        if not name.startswith("m"):
            raise BadLine("type")
        algorithm = "md5"
    secret = ntp_secret(word, 32, False)
    return Key(number, algorithm, fit_cipher(algorithm, secret))


def fit_cipher(algorithm, secret):
    """Zero-extends or cuts a cipher key.

    NTPsec 1.2.2 means to do the same but extends with stale octets; sample
    captures therefore give it cipher keys of the right length only.
    """
    octets = CIPHER_OCTETS.get(algorithm)
    return secret if octets is None else secret[:octets].ljust(octets, b"\0")


def chrony_line(line):
    """One line of a chrony key file."""
    words = line.split()
    if not words or words[0][:1] in (b"!", b";", b"#", b"%"):
        return None
    if len(words) not in (2, 3) or not re.match(rb"-?\d", words[0]):
        raise BadLine("words")
    number = leading_number(words[0]) & 0xFFFFFFFF
    name = words[1].decode("latin-1") if len(words) == 3 else "MD5"
    if name not in CHRONY_NAMES and len(words) == 3:
        raise BadLine("type")
    algorithm, word = CHRONY_NAMES[name], words[-1]
    if word.startswith(b"HEX:"):
        if not re.fullmatch(rb"([0-9a-fA-F]{2})+", word[4:]):
            raise BadLine("not hexadecimal")
        secret = bytes.fromhex(word[4:].decode())
    else:
        secret = word[6:] if word.startswith(b"ASCII:") else word
    if algorithm in CIPHER_OCTETS and len(secret) != CIPHER_OCTETS[algorithm]:
        raise BadLine("cipher key length")
    return Key(number, algorithm, secret)
