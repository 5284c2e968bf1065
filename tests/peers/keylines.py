"""Lines of key files that programs read differently, and secrets they may make of them.

`@` stands for the key identifier. Every line is one that somebody has
written: other programs' habits, editors' traces, typing mistakes.
"""

import re

import keyfiles

TEXT16 = "sixteencharskey."
HEX20 = "0102030405060708090a0b0c0d0e0f1011121314"
HEX32 = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"

TYPES = """MD5 md5 M m Mac MD MDC2 SHA1 sha1 SHA SHA-1 SHA224 SHA256 SHA-256 SHA2-256 SHA384 SHA512 SHA512-256
SHA3-224 SHA3-256 SHA3-384 SHA3-512 SHAKE128 SHAKE-128 RIPEMD160 ripemd RMD160 RSA-SHA1 AES aes AES128 AES-128
AES128CMAC aes128cmac CMAC AES256 AES-256 AES192 AES-192 A N S FOO HMAC MD4 DES""".split()

GRAMMAR = {
    "plain": "@ MD5 plainsecret",
    "blanks around": "  \t@\tMD5   blanks\t ",
    "comment behind": "@ MD5 commented # words of it",
    "comment glued": "@ MD5 glued#comment",
    "hash glued to type": "@ MD5#x hashtype",
    "hash in hex": f"@ SHA1 {HEX20[:30]}#{HEX20[30:]}",
    "fourth word": "@ MD5 fourth word",
    "address list": "@ MD5 listed 10.99.0.0/24,::1",
    "other addresses": "@ MD5 elsewhere 192.0.2.1",
    "mask too long": "@ MD5 masked 10.99.0.2/33",
    "bad address": "@ MD5 badlist 10.99.0.0/24,x",
    "five words": "@ MD5 fivewords 10.99.0.2 more",
    "carriage return": "@ MD5 crlf\r",
    "carriage return behind hex": f"@ SHA1 {HEX20}\r",
    "carriage return behind comment": "@ MD5 crcomment # words\r",
    "carriage return before": "\r@ MD5 crbefore",
    "carriage return alone": "\r\n@ MD5 afterblank",
    "vertical tabs": "@\vMD5\vvertical",
    "form feed in secret": "@ MD5 form\ffeed",
    "letters behind ID": "@abc MD5 idletters",
    "zero before ID": "0@ MD5 idzeros",
    "plus before ID": "+@ MD5 idplus",
    "two words": "@ twowords",
    "type alone": "@ MD5",
    "ID alone": "@",
    "words in quotes": '@ MD5 "two words"',
    "double quotes": '@ MD5 "quoted"',
    "single quotes": "@ MD5 'quoted'",
    "letters outside ASCII": "@ MD5 grüße",
    "signs": '@ MD5 *"yd;K3%_UO>5]I+!{|',
    "NUL in secret": "@ MD5 nul\0tail",
    "twice": "@ MD5 first\n@ MD5 second",
    "twice with other types": "@ MD5 first\n@ SHA1 second",
    "thrice": "@ MD5 first\n@ MD5 second\n@ MD5 third",
    "exclamation mark before": "! @ MD5 bang",
    "semicolon before": ";@ MD5 semicolon",
    "percent before": "% @ MD5 percent",
    "hash before": "# @ MD5 hash",
    "comma between": "@,MD5,commas",
}

SECRETS = {
    "20 characters": "@ MD5 exactly20characters!",
    "21 characters": "@ MD5 just-21-characters-xy",
    "20 hex digits": f"@ MD5 {HEX20[:20]}",
    "21 hex digits": f"@ MD5 {HEX20[:21]}",
    "22 hex digits": f"@ MD5 {HEX20[:22]}",
    "32 hex digits": f"@ MD5 {HEX20[:32]}",
    "39 hex digits": f"@ SHA1 {HEX20[:39]}",
    "40 hex digits": f"@ SHA1 {HEX20}",
    "41 hex digits": f"@ SHA1 {HEX20}a",
    "capital hex digits": f"@ SHA1 {HEX20.upper()}",
    "64 hex digits": f"@ SHA1 {HEX32}",
    "65 hex digits": f"@ SHA1 {HEX32}a",
    "66 hex digits": f"@ SHA1 {HEX32}ab",
    "128 hex digits": f"@ SHA1 {HEX32 * 2}",
    "129 hex digits": f"@ SHA1 {HEX32 * 2}a",
    "130 hex digits": f"@ SHA1 {HEX32 * 2}ab",
    "64 hex digits and letters": f"@ SHA1 {HEX32}zz",
    "hex with one wrong digit": f"@ SHA1 {HEX20[:-1]}g",
    "0x before hex": f"@ SHA1 0x{HEX20}",
    "HEX: short": "@ MD5 HEX:00112233",
    "HEX: long": f"@ SHA1 HEX:{HEX20}",
    "hex: in small letters": f"@ SHA1 hex:{HEX20}",
    "HEX: odd": "@ MD5 HEX:001",
    "HEX: not hex": "@ MD5 HEX:00zz",
    "HEX: signs": "@ MD5 HEX:+1-1",
    "HEX: nothing": "@ MD5 HEX:",
    "HEX: without type": "@ HEX:001122",
    "ASCII: short": "@ MD5 ASCII:text",
    "ASCII: long": "@ MD5 ASCII:a-text-that-is-longer",
    "ascii: in small letters": "@ MD5 ascii:text",
    "ASCII: nothing": "@ MD5 ASCII:",
    "100 characters": f"@ MD5 {'0123456789' * 10}",
    "type-7 text": "@ MD5 094F471A1A0A",
    "base64": "@ MD5 c2VjcmV0LXNlY3JldA==",
}

CIPHERS = {
    "AES, 16 characters": f"@ AES128CMAC {TEXT16}",
    "AES, 17 characters": f"@ AES128CMAC {TEXT16}x",
    "AES, 20 octets": f"@ AES128CMAC {HEX20}",
    "AES, 32 octets": f"@ AES128CMAC {HEX32}",
    "AES128, 16 characters": f"@ AES128 {TEXT16}",
    "AES128, 8 characters": "@ AES128 shortkey",
    "AES128, 16 octets": f"@ AES128 HEX:{HEX20[:32]}",
    "AES128, 20 octets": f"@ AES128 HEX:{HEX20}",
    "AES256, 32 octets": f"@ AES256 HEX:{HEX32}",
    "AES256, 16 octets": f"@ AES256 HEX:{HEX20[:32]}",
    "AES-256, 32 octets": f"@ AES-256 {HEX32}",
    "AES-192, 24 octets": f"@ AES-192 {HEX32[:48]}",
}

# Read beside other lines, NTPsec takes octets of those.
SHORT_CIPHERS = {
    "AES, 8 characters, behind a longer line": (f"3 SHA1 {HEX20}\n@ AES128CMAC shortkey\n", b"shortkey\0" + b"\0" + b"90a0b0"),
    "AES, 8 characters, no newline": (f"3 SHA1 {HEX20}\n@ AES128CMAC shortkey", b"shortkey\0" + b"090a0b0"),
    "AES, 11 octets, behind longer hex": (f"3 SHA1 {HEX20}\n@ AES128CMAC {HEX20[::-1][:22]}\n",
                                          bytes.fromhex(HEX20[::-1][:22]) + bytes.fromhex(HEX20)[11:16]),
    "AES, 5 characters, comment": ("@ AES128CMAC short # some comment text\n", b"short\0# some com"),
    "AES, 5 characters, glued comment": ("@ AES128CMAC short#some comment text\n", b"short\0some comme"),
    "AES-192, 8 characters": ("# " + "a" * 55 + "\n@ AES-192 shortkey\n", b"shortkey\0\0" + b"a" * 14),
}

# Files as a whole: octets, and the keys to ask for.
FILES = {
    "byte order mark before a key": (b"\xef\xbb\xbf2 MD5 marked\n3 MD5 behind\n", (2, 3)),
    "byte order mark before a comment": (b"\xef\xbb\xbf# comment\n2 MD5 behind\n", (2,)),
    "no newline at the end": (b"2 MD5 before\n3 MD5 last", (2, 3)),
    "CRLF throughout": (f"# made elsewhere\r\n2 MD5 crlf\r\n3 SHA1 short\r\n".encode(), (2, 3)),
    "empty lines with CRLF": (b"2 MD5 crlf\r\n\r\n3 MD5 behind\r\n", (2, 3)),
    "sixteen errors": (b"0 MD5 a\n" * 16 + b"2 MD5 behind\n", (2,)),
    "unknown types only": (b"5 FOO abc\n6 SHA abc\n2 MD5 behind\n", (2, 5, 6)),
    "ID 0": (b"0 MD5 zero\n2 MD5 behind\n", (0, 2)),
    "ID 65535": (b"65535 MD5 highest\n", (65535,)),
    "ID 65536": (b"65536 MD5 above\n2 MD5 behind\n", (65536, 2)),
    "ID 70000": (b"70000 MD5 above\n2 MD5 behind\n", (70000, 2)),
    "ID 4294967295": (b"4294967295 MD5 last\n2 MD5 behind\n", (4294967295, 2)),
    "ID 4294967298": (b"4294967298 MD5 around\n3 MD5 behind\n", (2, 3)),
    "ID -5": (b"-5 MD5 minus\n2 MD5 behind\n", (4294967291, 5, 2)),
    "ID 0x14": (b"0x14 MD5 hexid\n2 MD5 behind\n", (0, 20, 2)),
    "overlong comment": (b"# " + b"x" * 600 + b"\n2 MD5 behind\n", (2,)),
    "key behind 511 octets": (b"#" + b"x" * 510 + b"3 MD5 hidden\n2 MD5 behind\n", (2, 3)),
    "key behind 2047 octets": (b"#" + b"x" * 2046 + b"3 MD5 hidden\n2 MD5 behind\n", (2, 3)),
    "duplicates among many": (b"2 MD5 a\n9 MD5 b\n5 MD5 c\n5 MD5 d\n7 MD5 e\n5 MD5 f\n1 MD5 g\n", (1, 2, 5, 7, 9)),
    "old DES keys": (b"2 A abcdef\n3 N 29233E0461ECD6AE\n4 S 29233E0461ECD6AE\n5 M plain\n", (2, 3, 4, 5)),
}


def lines():
    """Every line by name, with its key identifier as `@`."""
    found = {**GRAMMAR, **SECRETS, **CIPHERS}
    for name in TYPES:
        secret = {"256": HEX32, "192": HEX32[:48]}.get(name[-3:] if name.startswith("AES") else "", TEXT16)
        found[f"type {name}"] = f"@ {name} {secret}"
    return found


ALGORITHMS = ("md5", "sha1", "sha256", "aes128-cmac", "aes192-cmac", "aes256-cmac")
BY_TYPE = {"224": ("sha224", "sha3-224"), "256": ("sha256", "sha512-256", "sha3-256"), "384": ("sha384", "sha3-384"),
           "512": ("sha512", "sha3-512"), "128": ("shake128",), "160": ("ripemd160",)}


def algorithms(text):
    """The algorithms that a line's words may stand for."""
    found = [name for name in ALGORITHMS
             if name not in keyfiles.CIPHER_OCTETS or re.search("AES|CMAC", text, re.IGNORECASE)]
    for digits, names in BY_TYPE.items():
        if digits in text:
            found += names
    if re.search(r"ripemd|rmd", text, re.IGNORECASE):
        found.append("ripemd160")
    return dict.fromkeys(found)


def unhexed(word):
    """What hex digits may stand for: an odd one dropped, or made the high or the low half of an octet."""
    found = re.match(rb"[0-9a-fA-F]*", word).group()
    for digits in {word, found}:
        if re.fullmatch(rb"[0-9a-fA-F]+", digits):
            text = digits.decode()
            for even in {text, text[:-1], text + "0", "0" + text}:
                if len(even) % 2 == 0 and even:
                    yield bytes.fromhex(even)


def readings(line):
    """Secrets that some program might find on one line."""
    line = line.rstrip(b"\n")
    starts = {m.start() for m in re.finditer(rb"[^ \t\v\f\r,]+", line)}
    words = set()
    for start in starts:
        rest = line[start:]
        words |= {rest, rest.rstrip(), rest.split(b"#")[0], rest.split(b"#")[0].rstrip(), rest.split(b"\0")[0]}
        for separators in (rb"[ \t]", rb"[ \t\r\v\f]", rb"[ \t#\0]", rb"[ \t\r\v\f\0]"):
            words.add(re.split(separators, rest)[0])
    for word in list(words):
        words |= {word.strip(b"\"'"), re.sub(rb"^(HEX:|ASCII:|0x)", b"", word, flags=re.IGNORECASE)}
    secrets = set(words)
    for word in words:
        secrets |= set(unhexed(word))
        if word == b"+1-1":
            secrets.add(b"\x01\xff")
    return {secret for secret in secrets if secret}


def candidates(number, line):
    """Keys that a program might make of a line under an identifier."""
    found = {}
    for secret in readings(line):
        shapes = {secret, secret[:20], secret[:32], secret[:64]}
        for algorithm in algorithms(line.decode("latin-1")):
            octets = keyfiles.CIPHER_OCTETS.get(algorithm)
            fitting = shapes if octets is None else {secret[:octets].ljust(octets, b"\0")}
            for shape in fitting:
                found[keyfiles.Key(number, algorithm, shape)] = None
    return list(found)
