#!/usr/bin/env python3
"""Measures what query tools say of a server that misbehaves, beside `ntpcap probe`.

    compare.py --program TARGET/debug/ntpcap [--peers DIR] [--check | --raw]

Every situation is a server on an address of its own in one lab: `ntpcap serve`
with a fault, or nothing at all. Every tool asks every one of them. All servers
are 30 s ahead, so a tool that tells of 30 s has taken the time from there.

The tables go into docs/comparison.md, between its two markers. --check measures
anew and compares: exit codes, words, and who took the time, for all tools that
are at hand. --raw shows what each tool said, whole.

Needs what record.py needs.
"""

import argparse
import json
import os
import re
import signal
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

import daemons
import stimuli
from daemons import CHRONY, CHRONY_NEW, NTPORG, NTPSEC, PLUGINS
from lab import Failure, Lab, run, wait_until
from record import PROJECT, check_tools, stop_on_signal
from scenario import SHARED

DOCUMENT = PROJECT / "docs" / "comparison.md"
BEGIN, END = "<!-- measured: compare.py writes from here -->", "<!-- measured: to here -->"
KEY, OTHER_KEY = 2, 11  # both SHA-1, both in the key files of all programs
AHEAD = 30
JOBS = 20
NETWORK = "10.99.0.0/24"
TAKES, TAKES_ANOTHER, REFUSES, CRASHES = "takes", "takes another time", "refuses", "crashes"


@dataclass(frozen=True)
class Situation:
    """What a server does; `options` is None where there is none."""

    group: str
    name: str
    options: tuple | None = ()
    like: str | None = None
    server_keys: str = "shared"
    with_key: bool = True  # whether the tools are told to use the key
    good: bool = False  # whether a client may take the time
    plain_good: bool = True  # whether it may when it asked without a MAC


def key_situations():
    """Keys that differ, at servers that refuse aloud and at those that keep silent."""
    for what, keys in (("another secret", "wrong"), ("unknown key", "unknown")):
        for like, answer in (("ntp.org", "crypto-NAK"), ("ntpsec", "silence"), ("chrony", "silence")):
            yield Situation("key", f"{what}, as {like}: {answer}", like=like, server_keys=keys)


def fault(text, group="fault", **more):
    """A situation that is a fault of the reference server."""
    return Situation(group, f"`{text}`", ("--fault", text), **more)


SITUATIONS = [
    Situation("key", "the same key, nothing wrong", good=True),
    *key_situations(),
    fault("other-algorithm"),
    fault(f"wrong-key:key-id={OTHER_KEY}"),
    fault(f"other-key-id:key-id={OTHER_KEY}"),
    fault("key-id-zero"),
    fault("strip-mac"),
    fault("add-mac", with_key=False, good=True),
    fault("zero-mac"),
    fault("nak", plain_good=False),
    fault("nak-wrong-origin", plain_good=False),
    fault("flip-bit"),
    fault("truncate-mac"),
    fault("pad-mac"),
    fault("mac-over-header-only"),
    fault("bogus-origin", plain_good=False),
    fault("zero-origin", plain_good=False),
    fault("drop", plain_good=False),
    fault("kod:signed=yes", "other", plain_good=False),
    fault("kod:signed=no", "other", plain_good=False),
    Situation("other", "unsynchronised, signed", ("--unsynchronised",), plain_good=False),
    Situation("other", "no server on the port", None, plain_good=False),
    Situation("other", "a server that answers nobody", ("--ignore", NETWORK), plain_good=False),
]
GROUPS = {
    "key": "Keys that agree and keys that do not",
    "fault": "Faults of authentication and delivery (`ntpcap serve --fault`)",
    "other": "Kisses, no time, no server",
}


@dataclass(frozen=True)
class Cell:
    """What one tool made of one situation."""

    code: int
    did: str
    words: str = ""

    @property
    def taken(self):
        """Whether it took a time from the server, or says that one may."""
        return self.did in (TAKES, TAKES_ANOTHER, "authenticated", "answers")


@dataclass(frozen=True)
class Tool:
    """A program that asks once; `offset` finds the time in its words when it takes it."""

    name: str
    peer: str | None
    command: object
    offset: str = r"$^"
    noise: str = r"$^"
    authenticates: bool = True

    def read(self, code, output):
        """What it did, from exit code and words."""
        found = re.search(self.offset, output)
        if found:
            right = abs(float(found[1]) - AHEAD) < 1
            return Cell(code, TAKES if right else TAKES_ANOTHER)
        lines = [line for line in output.splitlines() if line.strip() and not re.search(self.noise, line)]
        if "Traceback" in output:
            return Cell(code, CRASHES, f"“Traceback”, “{normal(lines[-1])}”")
        said = dict.fromkeys(normal(line) for line in lines)  # some ask several times, and say it as often
        return Cell(code, REFUSES, ", ".join(f"“{line}”" for line in said) or "nothing")


def normal(line):
    """A line without what changes from run to run."""
    for pattern, words in ((r"\|.*", ""),  # what a plug-in adds for its graphs
                           (r"^(\d{4}-\d\d-\d\d\S*|\d+ \w{3} [\d:]+) ", ""),
                           (r"\w+\[\d+\]: ", ""),
                           (r"10\.99\.0\.\d+", "SERVER"),
                           (r"(offset|delay) [-+]?[\d.]+", r"\1 N"),
                           (r"0x(?!0{8})[0-9a-f]{8}", "0xNNNNNNNN")):
        line = re.sub(pattern, words, line)
    return " ".join(line.split())


class Bench:
    """The lab with its key files and servers."""

    def __init__(self, lab, peers, program):
        self.lab, self.peers, self.program = lab, peers, program
        self.addresses = {}
        for dialect, name in SHARED.items():
            lab.write(name, stimuli.key_file_text(dialect))
            lab.write(f"wrong-{name}", stimuli.key_file_text(dialect, wrong=(KEY,)))
            others = [number for number in stimuli.ALGORITHMS if number != KEY]
            lab.write(f"unknown-{name}", stimuli.key_file_text(dialect, others))

    def keys(self, dialect, which="shared"):
        """A key file: the one that both sides share, or one that disagrees."""
        prefix = "" if which == "shared" else f"{which}-"
        return self.lab.folder / f"{prefix}{SHARED[dialect]}"

    def start_servers(self):
        """One server for each situation, each on an address of its own."""
        # Refusals are to be told to everybody who asks.
        run("ip", "netns", "exec", self.lab.space["server"], "sysctl", "-q", "-w", "net.ipv4.icmp_ratelimit=0")
        started = []
        for number, situation in enumerate(SITUATIONS, 101):
            address = self.addresses[situation.name] = f"10.99.0.{number}"
            self.lab.ip("server", "addr", "add", f"{address}/24", "dev", "wire")
            if situation.options is not None:
                started.append(self.serve(situation, address))
        for process in started:
            wait_until(lambda: "listening" in process.output() or process.ended(), 20, f"{process.name} to listen")
            if process.ended():
                raise Failure(f"{process.name} ended: {process.output()}")

    def serve(self, situation, address):
        """Starts the server of a situation."""
        dialect = situation.like or "ntpsec"
        habits = ["--like", situation.like] if situation.like else []
        return self.lab.start(
            "server", f"serve-{address}", self.program, "serve", "--listen", f"{address}:123", "--offset", f"{AHEAD}s",
            "--threads", 1, "--keys", self.keys(dialect, situation.server_keys), "--key-format", dialect, *habits,
            *situation.options)

    def ask(self, tool, situation):
        """Lets a tool ask once."""
        address = self.addresses[situation.name]
        key = KEY if situation.with_key else None
        command = tool.command(self, address, key)
        process = self.lab.start("client", f"{tool.name.replace(' ', '-')}-{address}", *command)
        code = process.wait(60)
        return tool.read(code, process.output()), process.output()


def authenticated(bench, key, dialect):
    """The options of the ntp.org family for a key."""
    return ["-a", key, "-k", bench.keys(dialect)] if key else []


def ntpdig(bench, address, key):
    """NTPsec's ntpdig."""
    return [bench.peers.program(NTPSEC, "ntpdig"), "-t", 2, *authenticated(bench, key, "ntpsec"), address]


def sntp(bench, address, key):
    """ntp.org's sntp, with a file of its own for the kisses it remembers."""
    kisses = bench.lab.write(f"{address}.kisses", "")
    return [bench.peers.program(NTPORG, "sntp"), "-t", 2, "-K", kisses, *authenticated(bench, key, "ntp.org"), address]


def ntpdate(bench, address, key):
    """ntp.org's ntpdate, which only asks."""
    return [bench.peers.program(NTPORG, "ntpdate"), "-q", "-p", 2, "-t", 1, *authenticated(bench, key, "ntp.org"), address]


def chronyd(peer):
    """chronyd that asks once and sets nothing."""
    def command(bench, address, key):
        name = f"{peer}-{address}"
        option = f"key {key}" if key else ""
        conf = bench.lab.write(f"{name}.conf", "\n".join([
            f"server {address} {option} iburst maxsamples 1", "bindcmdaddress /", "cmdport 0",
            f"keyfile {bench.keys('chrony')}", f"pidfile {bench.lab.folder}/{name}.pid", ""]))
        return [bench.peers.program(peer, "chronyd"), "-x", "-Q", "-t", 4, "-u", "root", "-f", conf]
    return command


def check_ntp_time(bench, address, _key):
    """The monitoring plug-in, which has no keys."""
    return [bench.peers.program(PLUGINS, "check_ntp_time"), "-t", 5, "-H", address]


def probe(bench, address, key):
    """ntpcap probe."""
    return [bench.program, "probe", address, "--interval", "50ms", "--timeout", "300ms", "--ndjson", "--keys",
            bench.keys("ntpsec"), "--key-format", "ntpsec", *(["--key", key] if key else [])]


class Probe(Tool):
    """Its verdict is in its record."""

    def read(self, code, output):
        """The verdict; it takes no time from anybody."""
        lines = [line for line in output.splitlines() if line.startswith('{"type":"target"')]
        if not lines:
            raise Failure(f"no result of the probe: {output[-600:]}")
        return Cell(code, json.loads(lines[0])["verdict"])


CHRONY_OFFSET, CHRONY_NOISE = r"System clock wrong by (-?[\d.]+) seconds", r" starting |exiting|Disabled|Running|World-|Loaded"
TOOLS = [
    Tool("ntpdig 1.2.2", NTPSEC, ntpdig, r"([-+]\d+\.\d+) \+/- "),
    Tool("chronyd -Q 4.3", CHRONY, chronyd(CHRONY), CHRONY_OFFSET, CHRONY_NOISE),
    Tool("chronyd -Q 4.6.1", CHRONY_NEW, chronyd(CHRONY_NEW), CHRONY_OFFSET, CHRONY_NOISE),
    Tool("ntpdate 4.2.8p15", NTPORG, ntpdate, r"(?:step|adjust) time server .* offset ([-+][\d.]+) sec"),
    Tool("sntp 4.2.8p15", NTPORG, sntp, r"([-+]\d+\.\d+) \+/- ", r"^sntp 4|^resp org|^sent xmt"),
    Tool("check_ntp_time 2.3.3", PLUGINS, check_ntp_time, r"Offset (-?[\d.e+]+) secs", authenticates=False),
]
PROBE = Probe("ntpcap probe", None, probe)


def measure(peers, program, tools):
    """All cells, and all words behind them."""
    with tempfile.TemporaryDirectory(prefix="ntpcap-compare-") as folder:
        os.chmod(folder, 0o755)  # some tools read their files as another user
        with Lab(folder) as lab:
            bench = Bench(lab, peers, program)
            bench.start_servers()
            pairs = [(situation, tool) for situation in SITUATIONS for tool in tools]
            with ThreadPoolExecutor(JOBS) as pool:
                found = list(pool.map(lambda pair: bench.ask(pair[1], pair[0]), pairs))
    return {(situation.name, tool.name): result for (situation, tool), result in zip(pairs, found)}


def letters(found, tool):
    """The different ways in which a tool takes no time, each with a letter, in the order of the situations."""
    seen = dict.fromkeys(found[situation.name, tool.name] for situation in SITUATIONS)
    return dict(zip((cell for cell in seen if not cell.taken), "abcdefghijklmnopqrstuvwxyz"))


def must_not(situation, tool):
    """Whether a tool must not take the time that it is offered."""
    return not (situation.good if tool.authenticates else situation.plain_good)


def cell_text(found, situation, tool):
    """What stands in the table of situations."""
    cell = found[situation.name, tool.name]
    if not cell.taken:
        return f"{cell.did} ({cell.code}) {letters(found, tool)[cell]}"
    return f"**{cell.did}** ({cell.code})" if must_not(situation, tool) else f"{cell.did} ({cell.code})"


def row(*cells):
    """A line of a table."""
    return f"| {' | '.join(map(str, cells))} |"


def situation_table(found, group):
    """Situations of a group by tools."""
    lines = [row("situation", *(tool.name for tool in TOOLS), PROBE.name), "|---" * (len(TOOLS) + 2) + "|"]
    for situation in SITUATIONS:
        if situation.group == group:
            verdict = found[situation.name, PROBE.name]
            lines.append(row(situation.name, *(cell_text(found, situation, tool) for tool in TOOLS),
                             f"`{verdict.did}` ({verdict.code})"))
    return lines


def word_table(found):
    """What each letter stands for."""
    lines = [row("tool", "", "exit code", "what it says", "situations"), "|---|---|---|---|---|"]
    for tool in TOOLS:
        often = Counter(found[situation.name, tool.name] for situation in SITUATIONS)
        for cell, letter in letters(found, tool).items():
            lines.append(row(tool.name, letter, cell.code, cell.words, often[cell]))
    return lines


def count_table(found):
    """How much of what must not be taken is taken, and how much what is said tells apart."""
    lines = [row("tool", "must not take", "takes", "crashes", "exit codes of the others", "words for them", "most told alike"),
             "|---|---|---|---|---|---|---|"]
    for tool in [*TOOLS, PROBE]:
        bad = [found[situation.name, tool.name] for situation in SITUATIONS if must_not(situation, tool)]
        said = Counter((cell.did, cell.words) for cell in bad if not cell.taken)
        codes = ", ".join(map(str, sorted({cell.code for cell in bad if not cell.taken})))
        lines.append(row(tool.name, len(bad), sum(cell.taken for cell in bad), sum(cell.did == CRASHES for cell in bad),
                         codes, len(said), max(said.values())))
    return lines


def render(found):
    """All tables."""
    parts = []
    for group, title in GROUPS.items():
        parts += [f"### {title}", "", *situation_table(found, group), ""]
    parts += ["### What the letters stand for", "", *word_table(found), "",
              "### Counts", "", *count_table(found)]
    return "\n".join(parts)


def rows(text):
    """The lines of all tables, each as a record by the names of its columns."""
    names = None
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            names = None
        elif names is None:
            names = cells
        elif not line.startswith("|---"):
            yield dict(zip(names, cells))


def kept_cells(text, tools):
    """What the document says of some tools, for those that are not at hand."""
    table = list(rows(text))
    words = {(line["tool"], line[""]): line["what it says"] for line in table if "what it says" in line}
    found = {}
    for line in table:
        for tool in tools:
            if tool.name in line and "situation" in line:
                did, code, letter = re.fullmatch(r"\**([^*(]+?)\** \((\d+)\) ?(\w?)", line[tool.name]).groups()
                found[line["situation"], tool.name] = Cell(int(code), did, words.get((tool.name, letter), ""))
    return found


def between_markers(document):
    """The document before, between and after its markers."""
    before, rest = document.split(BEGIN + "\n\n")
    kept, after = rest.split("\n\n" + END)
    return before, kept, after


def compare(kept, now, write):
    """Whether the document says what was measured; `write` puts it there."""
    if kept == now:
        return True
    print(*unified_diff(kept.splitlines(), now.splitlines(), "docs/comparison.md", "measured", lineterm="", n=0), sep="\n")
    if write:
        before, _, after = between_markers(DOCUMENT.read_text())
        DOCUMENT.write_text(f"{before}{BEGIN}\n\n{now}\n\n{END}{after}")
    return write


def main():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", type=Path, required=True)
    parser.add_argument("--peers", type=Path, default=PROJECT / "target" / "peers")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="compare with the document and change nothing")
    mode.add_argument("--raw", action="store_true", help="show all that was said and write nothing")
    options = parser.parse_args()
    check_tools()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop_on_signal)
    peers = daemons.Peers(options.peers)
    missing = [tool for tool in TOOLS if peers.missing([tool.peer])]
    for tool in missing:
        print(f"peer not available: {tool.peer}: {tool.name} not asked")
    try:
        found = measure(peers, options.program.resolve(), [tool for tool in [*TOOLS, PROBE] if tool not in missing])
    except Failure as problem:
        print(f"failed: compare: {problem}")
        return 1
    if options.raw:
        for (situation, tool), (cell, output) in found.items():
            print(f"--- {situation}, {tool}: {cell}\n{output}")
        return 0
    kept = between_markers(DOCUMENT.read_text())[1]
    now = render(kept_cells(kept, missing) | {key: cell for key, (cell, _) in found.items()})
    good = compare(kept, now, not options.check)
    print("fine: compare" if good else "failed: compare: the document says something else than was measured")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
