#!/usr/bin/env python3
"""An NTP client that does everything wrong, so that no test of clients can pass by default.

    broken.py MODE ADDRESS PORT KEY_ID HEX_SECRET [OTHER_PORT]

gullible believes the last datagram that comes from anywhere, whatever it is;
fragile dies of every reply that is not as it expects; leaky tells all that a
request can tell, from one port, under a wrong digest that is too long.

Prints the offset that it believes, in seconds. Sets no clock.
"""

import hashlib
import os
import select
import socket
import struct
import sys
import time

EPOCH = 2_208_988_800


def stamp(now):
    """A time as an NTP timestamp."""
    return int((now + EPOCH) * 2**32)


def request(mode, key, secret):
    """A request; leaky's tells of the client and has a digest of another algorithm, uncut."""
    if mode == "leaky":
        head = bytes([0x23 | 0xC0, 3, 6, 0xE9]) + b"\1" * 36 + struct.pack(">Q", stamp(time.time()) & ~0x3FFFFFFFFFF)
        return head + struct.pack(">I", key) + hashlib.sha256(secret + head).digest()
    head = bytes([0x23, 0, 6, 0xE9]) + bytes(36) + os.urandom(8)
    return head + struct.pack(">I", key) + hashlib.sha1(secret + head).digest()


def collect(sockets, longest):
    """Every datagram until nothing has come for a while after one."""
    replies, limit = [], time.time() + longest
    while True:
        ready, _, _ = select.select(sockets, [], [], max(0, limit - time.time()))
        if not ready:
            return replies
        replies += [one.recvfrom(65_535)[0] for one in ready]
        limit = min(limit, time.time() + 0.3)


def main():
    """Asks once, and believes."""
    mode, address, port, key, secret, *other = sys.argv[1:]
    asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    asking.bind((address, 0))
    sockets = [asking]
    if other:
        hearing = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        hearing.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        hearing.bind((address, int(other[0])))
        sockets.append(hearing)
    for _ in range(4 if mode == "leaky" else 1):
        asking.sendto(request(mode, int(key), bytes.fromhex(secret)), (address, int(port)))
    replies = collect(sockets, 6)
    if mode == "fragile":
        assert len(replies) == 1 and len(replies[0]) == 72 and replies[0][0] & 7 == 4, "what is this?"
    if not replies:
        sys.exit(1)
    told = struct.unpack(">Q", replies[-1].ljust(48, b"\0")[40:48])[0]
    print(f"{(told - stamp(time.time())) / 2**32:.6f}")


if __name__ == "__main__":
    main()
