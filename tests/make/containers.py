#!/usr/bin/env python3
"""Makes the captures of captures/made out of a real exchange, with what is to be found in each.

    containers.py                writes captures/made: captures, expectations, index
    containers.py --check        fails when a file there is not what would be written
    containers.py --second       compares every expectation with the oracle and with tshark

Needs Python 3.11 and nothing else; the commands zstd and lz4 for four of the
files, which are left as they are without them. The same octets are written
every time. Compressed files are kept when they decompress to the right
octets, because compressors of other versions write others.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import kinds_compressed
import kinds_files
import kinds_links
import kinds_network
import kinds_times
from samples import ROOT, SOURCE, text_of_time

sys.path.insert(0, str(ROOT / "tests" / "oracle"))
import oracle  # noqa: E402

GROUPS = [
    ("Files", kinds_files), ("Links and tunnels", kinds_links), ("IP and UDP", kinds_network), ("Times", kinds_times)]


def all_kinds():
    """Every kind with its group and, for compressed ones, how to compress and undo it."""
    for title, module in GROUPS:
        for kind in module.kinds():
            yield title, kind, None, None
    for kind, compress, back in kinds_compressed.kinds():
        yield "Compression", kind, compress, back


def stem(name):
    """The name without its endings."""
    return name.split(".")[0]


def expectation_text(kind):
    """The .expect.json file: one message a line."""
    fields = kind.expectation()
    messages = fields.pop("messages")
    lines = [f" {json.dumps(name)}: {json.dumps(value)}" for name, value in fields.items()]
    told = ",\n".join("  " + json.dumps(message) for message in messages)
    lines.append(' "messages": [' + (f"\n{told}\n ]" if messages else "]"))
    return "{\n" + ",\n".join(lines) + "\n}\n"


def index_text(kinds):
    """README.md of the folder."""
    lines = ["# Made captures", "",
             f"Odd containers, links and packets around messages of `../{SOURCE}.pcapng`, whose key file verifies them.",
             "Written by `tests/make/containers.py`, this page too; do not edit. Beside each stands `NAME.expect.json`: what is",
             "to be found in it, and who else says so. No message is invented but those of `time-*`, signed again with key 11.",
             ""]
    title = None
    for group, kind, _, _ in kinds:
        if group != title:
            lines += ([""] if title else []) + [f"## {group}", "", "| file | shows | packets | messages | ending |", "|---|---|---|---|---|"]
            title = group
        lines.append(f"| `{kind.name}` | {kind.shows} | {kind.frames} | {len(kind.messages)} | {kind.ending} |")
    return "\n".join(lines) + "\n"


def wanted(folder):
    """Every file of the folder as (path, octets); None for octets that only a missing command could make."""
    kinds = list(all_kinds())
    for _, kind, compress, back in kinds:
        path = folder / kind.name
        octets = kind.octets if compress is None else compressed(path, kind.octets, compress, back)
        yield path, octets
        yield folder / f"{stem(kind.name)}.expect.json", expectation_text(kind).encode()
    yield folder / "README.md", index_text(kinds).encode()


def compressed(path, octets, compress, back):
    """What stands in the file if it decompresses to the right octets, else compressed now."""
    try:
        if back(path.read_bytes()) == octets:
            return path.read_bytes()
    except (OSError, EOFError, ValueError, subprocess.CalledProcessError, kinds_compressed.lzma.LZMAError):
        pass
    return compress(octets)


def write(folder):
    """Writes everything and removes what does not belong there."""
    folder.mkdir(parents=True, exist_ok=True)
    belongs = set()
    for path, octets in wanted(folder):
        belongs.add(path.name)
        if octets is None:
            print(f"{path.name}: its compressor is not installed; left as it is")
        else:
            path.write_bytes(octets)
    for path in folder.iterdir():
        if path.name not in belongs:
            path.unlink()
            print(f"{path.name}: removed")
    print(f"{len(belongs)} files")
    return 0


def check(folder):
    """Says which files differ from what would be written."""
    names, wrong = set(), 0
    for path, octets in wanted(folder):
        names.add(path.name)
        if octets is None:
            print(f"{path.name}: not checked, its compressor is not installed")
        elif not path.exists() or path.read_bytes() != octets:
            print(f"{path.name}: is not what containers.py writes")
            wrong += 1
    for path in folder.iterdir():
        if path.name not in names:
            print(f"{path.name}: nothing makes it")
            wrong += 1
    print(f"{len(names)} files, {wrong} wrong")
    return 1 if wrong else 0


def second(folder):
    """Compares expectations with the oracle and tshark."""
    wrong = 0
    for _, kind, _, _ in all_kinds():
        complaints = by_oracle(folder / kind.name, kind) if kind.oracle else []
        told = by_tshark(folder / kind.name, kind)
        if kind.tshark and not told:
            complaints.append("tshark agrees after all")
        complaints += [] if kind.tshark else told
        for complaint in complaints:
            print(f"{kind.name}: {complaint}")
        wrong += bool(complaints)
    print(f"{wrong} kinds wrong")
    return 1 if wrong else 0


def by_oracle(path, kind):
    """Where the oracle says something else."""
    found = oracle.examine(path, ROOT / "captures" / f"{SOURCE}.keys", "ntp.org", "11-13")
    if found["frames"] != kind.frames:
        return [f"the oracle sees {found['frames']} frames"]
    names = {"frame", "version", "mode", "status", "key_id", "algorithm", "digest_octets", "digest_matches"}
    mine = [{n: v for n, v in m.items() if n in names} for m in kind.messages]
    theirs = found["messages"]
    for message in mine:  # the oracle reads version and mode off one octet
        if message["version"] is None:
            for other in theirs:
                if other["frame"] == message["frame"]:
                    other |= {"version": None, "mode": None}
    return [] if mine == theirs else [f"the oracle finds {theirs}, expected {mine}"]


def by_tshark(path, kind):
    """Where tshark says something else about the number of frames, times and key IDs."""
    command = ["tshark", "-n", "-r", str(path), "-T", "fields"]
    for port in kind.ports or []:
        command += ["-d", f"udp.port=={port},ntp"]
    for name in ("frame.number", "frame.time_epoch", "ntp.keyid", "ntp.flags", "icmp.type", "icmpv6.type"):
        command += ["-e", name]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
    rows = [line.split("\t") for line in run.stdout.splitlines()]
    complaints = [] if len(rows) == kind.frames + kind.other_records else [f"tshark sees {len(rows)} frames: {run.stderr.strip()}"]
    messages = {m["frame"]: m for m in kind.messages}
    for number, time, key, flags, *quote in rows:
        message = messages.pop(int(number), None)
        is_message = bool(flags) and not any(quote)
        if message is None or not is_message:
            if (message is not None and message["version"] is not None) or is_message:
                complaints.append(f"tshark frame {number}: flags {flags!r}, expected {message}")
            continue
        complaints += compare(number, time, key, message)
    return complaints


def compare(number, time, key, message):
    """Time and key ID of one message."""
    found = []
    if message["time"] is not None and text_of_time(nanoseconds_of(time)) != message["time"]:
        found.append(f"tshark frame {number}: time {time}, expected {message['time']}")
    key_id = message["key_id"]
    if key != ("" if key_id is None else f"{key_id:08x}"):
        found.append(f"tshark frame {number}: key ID {key!r}, expected {key_id}")
    return found


def nanoseconds_of(text):
    """Seconds with a fraction, as tshark prints them, as nanoseconds."""
    seconds, _, fraction = text.partition(".")
    value = int(seconds) * 10**9
    fraction = int(fraction.ljust(9, "0")[:9] or "0")
    return value - fraction if text.startswith("-") else value + fraction


def main():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "captures" / "made")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--second", action="store_true")
    options = parser.parse_args()
    if options.check:
        return check(options.out)
    if options.second:
        return second(options.out)
    return write(options.out)


if __name__ == "__main__":
    sys.exit(main())
