"""Kinds of compression around one capture."""

import gzip
import lzma
import shutil
import struct
import subprocess
import zlib
from dataclasses import replace

import files
from samples import FOUR, Kind


def gzipped(octets):
    """A gzip member without time or name."""
    return gzip.compress(octets, mtime=0)


def by_command(*command):
    """Compression by a command that reads standard input."""
    def compress(octets):
        if not shutil.which(command[0]):
            return None
        return subprocess.run(command, input=octets, stdout=subprocess.PIPE, check=True, timeout=20).stdout
    return compress


ZSTD = by_command("zstd", "-q", "-c")
ZSTD_BACK = by_command("zstd", "-q", "-d", "-c")
LZ4 = by_command("lz4", "-q", "-c")
LZ4_BACK = by_command("lz4", "-q", "-d", "-c")


def in_two(compress):
    """Two members, the seam inside a packet."""
    def both(octets):
        parts = [compress(octets[:200]), compress(octets[200:])]
        return None if None in parts else b"".join(parts)
    return both


def stored(octets, checksum_error=0):
    """A gzip member whose one block is stored, not compressed: every machine writes it alike."""
    block = b"\1" + struct.pack("<HH", len(octets), len(octets) ^ 0xFFFF) + octets
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + block + struct.pack("<II", zlib.crc32(octets) ^ checksum_error, len(octets))


def packed(form, compress, back, base, **expected):
    """A base capture, compressed: `octets` is what decompression must give."""
    return replace(base, compression=form, oracle=False, **expected), compress, back


def name(name, shows):
    """The two fields that every kind has of its own."""
    return {"name": name, "shows": shows}


def kinds():
    """All of them, each with how to compress it and how to undo that."""
    said = [sample.said(number, 1000) for number, sample in enumerate(FOUR, 1)]
    pcap = Kind("", "", files.pcap([sample.record() for sample in FOUR]), 4, said)
    messages = [sample.said(number) for number, sample in enumerate(FOUR, 1)]
    pcapng = Kind("", "", files.pcapng([sample.record() for sample in FOUR]), 4, messages, "pcapng")
    yield packed(["gzip"], gzipped, gzip.decompress, pcap, **name("compressed-gzip.pcap.gz", "pcap, compressed with gzip"))
    yield packed(["gzip"], in_two(gzipped), gzip.decompress, pcapng,
                 **name("compressed-gzip-two-members.pcapng.gz", "pcapng in two gzip members, the seam inside a packet"))
    yield packed(["zstd"], ZSTD, ZSTD_BACK, pcap, **name("compressed-zstd.pcap.zst", "pcap, compressed with zstd"))
    yield packed(["zstd"], in_two(ZSTD), ZSTD_BACK, pcapng,
                 **name("compressed-zstd-two-frames.pcapng.zst", "pcapng in two zstd frames, the seam inside a packet"))
    no_xz = {"tshark": "does not read xz"}
    yield packed(["xz"], lzma.compress, lzma.decompress, pcap, **name("compressed-xz.pcap.xz", "pcap, compressed with xz"), **no_xz)
    yield packed(["xz"], in_two(lzma.compress), lzma.decompress, pcapng, **no_xz,
                 **name("compressed-xz-two-streams.pcapng.xz", "pcapng in two xz streams, the seam inside a packet"))
    yield packed(["lz4"], LZ4, LZ4_BACK, pcap, **name("compressed-lz4.pcap.lz4", "pcap, compressed with lz4"))
    yield packed(["lz4"], in_two(LZ4), LZ4_BACK, pcapng,
                 **name("compressed-lz4-two-frames.pcapng.lz4", "pcapng in two LZ4 frames, the seam inside a packet"))
    yield packed(["gzip", "xz"], lambda o: gzipped(lzma.compress(o)), lambda o: lzma.decompress(gzip.decompress(o)), pcap,
                 **name("compressed-twice.pcap.xz.gz", "pcap, compressed with xz, and that with gzip"), **no_xz)
    yield from damaged(pcap)


def damaged(pcap):
    """Compressed files that stop early or are wrong."""
    whole = stored(pcap.octets)
    gzip_only = {"compression": ["gzip"], "oracle": False}
    two = 24 + sum(16 + len(sample.frame()) for sample in FOUR[:2])
    yield replace(pcap, name="compressed-gzip-cut.pcap.gz", shows="a gzip file that stops inside the third packet",
                  octets=whole[:15 + two + 50], frames=2, messages=pcap.messages[:2], ending="truncated", **gzip_only), None, None
    yield replace(pcap, name="compressed-gzip-wrong-checksum.pcap.gz", shows="a gzip file whose checksum does not fit what it holds",
                  octets=stored(pcap.octets, 1), ending="damaged", **gzip_only), None, None
    yield replace(pcap, name="compressed-gzip-garbage-behind.pcap.gz",
                  shows="a gzip file with octets behind its only member that are none: all is read, and it is said",
                  octets=whole + b"not gzip at all", ending="damaged", **gzip_only), None, None
