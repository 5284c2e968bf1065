"""AES-128 CMAC (RFC 4493) in plain Python, since hashlib has none.

Some 40 microseconds for an NTP message: enough to write a capture and to check
one, far too slow to be compared with.
"""


class Cmac:
    """CMAC under one key."""

    def __init__(self, key):
        self.round_keys = expand(key)
        self.whole = double(self.encrypt(0))
        self.padded = double(self.whole)

    def digest(self, message):
        """The 16 octets of the MAC of `message`."""
        last = max(len(message) - 1, 0) // 16 * 16
        state = 0
        for start in range(0, last, 16):
            state = self.encrypt(state ^ int.from_bytes(message[start:start + 16], "big"))
        block = message[last:]
        if len(block) == 16:
            final = int.from_bytes(block, "big") ^ self.whole
        else:
            final = int.from_bytes((block + b"\x80").ljust(16, b"\0"), "big") ^ self.padded
        return self.encrypt(state ^ final).to_bytes(16, "big")

    def encrypt(self, block):
        """One block, as a number."""
        t0, t1, t2, t3 = TABLES
        keys = self.round_keys
        a, b, c, d = words(block ^ keys[0])
        for key in keys[1:-1]:
            e, f, g, h = words(key)
            a, b, c, d = (
                t0[a >> 24] ^ t1[b >> 16 & 255] ^ t2[c >> 8 & 255] ^ t3[d & 255] ^ e,
                t0[b >> 24] ^ t1[c >> 16 & 255] ^ t2[d >> 8 & 255] ^ t3[a & 255] ^ f,
                t0[c >> 24] ^ t1[d >> 16 & 255] ^ t2[a >> 8 & 255] ^ t3[b & 255] ^ g,
                t0[d >> 24] ^ t1[a >> 16 & 255] ^ t2[b >> 8 & 255] ^ t3[c & 255] ^ h)
        columns = ((a, b, c, d), (b, c, d, a), (c, d, a, b), (d, a, b, c))
        octets = bytes(SBOX[word >> shift & 255]
                       for column in columns for word, shift in zip(column, (24, 16, 8, 0)))
        return int.from_bytes(octets, "big") ^ keys[-1]


def words(block):
    """The four columns of a block."""
    return block >> 96, block >> 64 & 0xffffffff, block >> 32 & 0xffffffff, block & 0xffffffff


def double(value):
    """Multiplication by x in the field of CMAC's subkeys."""
    return (value << 1 ^ (0x87 if value >> 127 else 0)) & (1 << 128) - 1


def expand(key):
    """The eleven round keys, as numbers."""
    columns = [list(key[start:start + 4]) for start in range(0, 16, 4)]
    constant = 1
    while len(columns) < 44:
        column = columns[-1]
        if len(columns) % 4 == 0:
            column = [SBOX[octet] for octet in column[1:] + column[:1]]
            column[0] ^= constant
            constant = times(constant, 2)
        columns.append([old ^ new for old, new in zip(columns[-4], column)])
    return [int.from_bytes(bytes(sum(columns[start:start + 4], [])), "big") for start in range(0, 44, 4)]


def times(a, b):
    """Multiplication in the field of AES."""
    product = 0
    while b:
        product ^= a if b & 1 else 0
        a = (a << 1 ^ (0x11b if a & 0x80 else 0)) & 0x1ff
        b >>= 1
    return product


def make_sbox():
    """The substitution box: the inverse, then an affine map."""
    box = []
    for value in range(256):
        inverse = next((other for other in range(256) if times(value, other) == 1), 0)
        turns = [(inverse << shift | inverse >> 8 - shift) & 255 for shift in range(5)]
        box.append(turns[0] ^ turns[1] ^ turns[2] ^ turns[3] ^ turns[4] ^ 0x63)
    return box


def make_tables():
    """Substitution and column mixing of one octet, for its four places."""
    mixed = [(times(s, 2), s, s, times(s, 3)) for s in SBOX]
    return [[int.from_bytes(bytes(m[-turn:] + m[:-turn] if turn else m), "big") for m in mixed]
            for turn in range(4)]


SBOX = make_sbox()
TABLES = make_tables()


def check():
    """The examples of RFC 4493 section 4."""
    mac = Cmac(bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c"))
    text = bytes.fromhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
                         "30c81c46a35ce411")
    for length, expected in ((0, "bb1d6929e95937287fa37d129b756746"),
                             (16, "070a16b46b4d4144f79bdd9dd04a287c"),
                             (40, "dfa66747de9ae63030ca32611497c827")):
        assert mac.digest(text[:length]).hex() == expected, length


if __name__ == "__main__":
    check()
