#!/usr/bin/env python3
"""Records the sample captures from real NTP daemons and clients.

    record.py [--peers DIR] [--out DIR] [--only NAME]... [--list]

Every capture is one scenario: a function that starts programs in a lab of its
own (see lab.py) and says what it shows. Beside NAME.pcap or NAME.pcapng the
recording leaves its key file and NAME.expect.json, written by the oracle.
Scenarios run side by side; together they take about a minute. A scenario
fails when a daemon does something else than it is known to do.

Needs root, Python 3.11, and the programs ip, ethtool, tcpdump, dumpcap (of
tshark) and openssl; the peers are unpacked by the script `fetch`.
"""

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import daemons
import lab as laboratory
import stimuli
from daemons import CHRONY, CHRONY_NEW, NTPD_RS, NTPORG, NTPSEC, OPENNTPD, PEERS
from lab import SERVER, SERVER6, Failure, Lab, Recorder, run, wait_until
from stimuli import Stimulus, oracle

PROJECT = Path(__file__).resolve().parent.parent.parent
SHARED = {"ntp.org": "shared-ntp.org.keys", "ntpsec": "shared-ntpsec.keys",
          "chrony": "shared-chrony.keys"}
TRUSTED = "(1 ... 11) (13 ... 17)"
scenarios = []


@dataclass
class Scenario:
    """One capture: how it is made and what is told about it."""

    name: str
    shows: str
    peers: list
    work: object
    kind: str = "pcap"
    key_format: str = "ntp.org"
    keys: str = None
    trusted: str = None
    offload: bool = False
    end: str = "server"
    context: dict = field(default_factory=dict)

    @property
    def file(self):
        """The name of the capture file."""
        return self.name + (".pcapng" if self.kind == "pcapng" else ".pcap")


class Stage:
    """What a scenario's function works with."""

    def __init__(self, scenario, lab, peers, out, capture):
        self.scenario, self.lab, self.peers, self.out = scenario, lab, peers, out
        self.capture = capture
        for dialect, name in SHARED.items():
            (lab.folder / name).write_text(stimuli.key_file_text(dialect))

    def shared(self, dialect):
        """The key file of the test keys in one dialect."""
        return self.lab.folder / SHARED[dialect]

    def wrong(self, dialect, *numbers):
        """The same key file with other secrets for some keys."""
        return self.lab.write(f"wrong-{dialect}.keys", stimuli.key_file_text(dialect, wrong=numbers))

    def recording(self):
        """Records while the with block runs."""
        return Recorder(self.lab, self.scenario.kind, self.capture, self.scenario.end)

    def send(self, requests):
        """Sends stimuli one after the other and checks each answer's kind."""
        keys = {number: stimuli.test_key(number) for number in stimuli.ALGORITHMS}
        surprises = []
        for item in requests:
            answer = stimuli.kind_of_answer(self.lab.ask(item.payload, item.six), keys)
            if answer != item.answer:
                surprises.append(f"{item.name}: answer {answer}, known to be {item.answer}")
        if surprises:
            raise Failure("\n".join(surprises))


def scenario(name, shows, peers, **more):
    """Registers the function below it as the work of a capture."""
    def register(work):
        keys = more.pop("keys", SHARED[more.get("key_format", "ntp.org")])
        scenarios.append(Scenario(name, shows, peers, work, keys=keys, **more))
        return work
    return register


# The article's scenario.

@scenario("sha1-valid-and-wrong-key",
          "SHA-1 keys 11 to 13 verify in both directions; then a wrong secret, an unknown and an "
          "untrusted key are each refused with a crypto-NAK, and a request without MAC is answered without",
          [NTPORG], kind="pcapng", keys="sha1-valid-and-wrong-key.keys", trusted="11-13")
def article(stage):
    """ntp-keygen's file on an ntpd that trusts keys 11 to 13, asked by three clients."""
    lab, peers = stage.lab, stage.peers
    keys = article_keys(stage)
    lines = [line.split() for line in keys.read_text().splitlines()]
    secrets = {int(words[0]): words[2] for words in lines if words and words[0].isdigit()}
    swapped = lab.write("swapped.keys", f"11 SHA1 {secrets[15]}\n99 SHA1 {secrets[11]}\n")
    daemons.start_ntporg(lab, peers, keys, "(11 ... 13)")
    ntpdate = [peers.program(NTPORG, "ntpdate"), "-q", "-p", "1", "-t", "0.2"]

    def ask(*options):
        # One sample is not enough for ntpdate to call it a success.
        daemons.run_client(lab, 10, "ntpdate", *ntpdate, *options, SERVER, may_fail=True)

    with stage.recording():
        ask("-a", 11, "-k", keys)
        daemons.run_client(lab, 10, "sntp", peers.program(NTPORG, "sntp"), "-a", "12", "-k", keys, SERVER)
        ntpd_client(stage, f"server {SERVER} key 13 iburst", keys, "13", 6)
        ask("-a", 11, "-k", swapped)
        ask("-a", 99, "-k", swapped)
        ask("-a", 14, "-k", keys)
        ask()


def article_keys(stage):
    """The key file as ntp-keygen wrote it; made once, then kept."""
    name = stage.scenario.keys
    kept = stage.out / name
    target = stage.lab.folder / name
    if kept.exists():
        shutil.copy(kept, target)
        return target
    make = 'hostname ntp1 && exec "$0" -M'
    folder = stage.lab.folder / "keygen"
    folder.mkdir()
    run("sh", "-c", f'cd "{folder}" && exec unshare --uts sh -c \'{make}\' "{stage.peers.program(NTPORG, "ntp-keygen")}"')
    made = next(path for path in folder.iterdir() if path.name.startswith("ntpkey_MD5key_"))
    shutil.copy(made, target)
    return target


def ntpd_client(stage, line, keys, trusted, messages, starter=daemons.start_ntporg):
    """Runs ntpd as a client until so many messages have passed in all."""
    client = starter(stage.lab, stage.peers, keys, trusted, extra=line, end="client")
    stage.lab.wait_messages(messages, 30, "the exchange of ntpd as a client")
    client.stop()


# What each server answers.

def version_stimuli(answers, six=False):
    """Plain requests of versions 1 to 4."""
    return [Stimulus(f"no MAC, version {version}", stimuli.header(version), answer, six)
            for version, answer in zip((1, 2, 3, 4), answers)]


def algorithm_stimuli(answers):
    """A right MAC of each algorithm, in version 4 (digests cut to 20 octets)."""
    return [Stimulus(f"right {stimuli.ALGORITHMS[number]} MAC", stimuli.signed(number), answer)
            for number, answer in answers.items()]


def refusal_stimuli(answer, untrusted=None, six=False):
    """Everything that must not be accepted."""
    items = [("wrong secret, SHA-1", stimuli.wrong_secret(2), answer),
             ("wrong secret, MD5", stimuli.wrong_secret(1), answer),
             ("wrong secret, AES", stimuli.wrong_secret(9), answer),
             ("unknown key", stimuli.unknown_key(), answer),
             ("MD5 digest under a SHA-1 key", stimuli.wrong_algorithm(2, "md5"), answer),
             ("RIPEMD160 digest under a SHA-1 key", stimuli.wrong_algorithm(2, "ripemd160"), answer)]
    if untrusted:
        items.append(("untrusted key", stimuli.signed(stimuli.UNTRUSTED), untrusted))
    return [Stimulus(*item, six) for item in items]


def six_stimuli(refusal):
    """The same in short over IPv6."""
    return [Stimulus("no MAC", stimuli.header(), "U", True),
            Stimulus("right SHA-1 MAC", stimuli.signed(11), "A", True),
            Stimulus("right AES MAC", stimuli.signed(9), "A", True),
            Stimulus("wrong secret", stimuli.wrong_secret(11), refusal, True)]


@scenario("ntporg-server-nak-on-refusal",
          "ntp.org ntpd 4.2.8p15 verifies every algorithm its key file can name (SHA-2 and SHA-3 cut to 20 "
          "octets) and refuses everything else, AES-256 included, with a crypto-NAK",
          [NTPORG], kind="pcap", trusted=stimuli.TRUSTED)
def ntporg_server(stage):
    """Stimuli against ntp.org ntpd."""
    daemons.start_ntporg(stage.lab, stage.peers, stage.shared("ntp.org"), TRUSTED)
    answers = dict.fromkeys((1, 2, 11, 3, 4, 5, 6, 7, 8, 9, 13, 14, 15, 16), "A") | {10: "N"}
    with stage.recording():
        stage.send(version_stimuli("UUUU") + algorithm_stimuli(answers)
                   + [Stimulus(f"right SHA-1 MAC, version {v}", stimuli.signed(2, v), "A") for v in (1, 2, 3)]
                   + [Stimulus("SHA-256 in full, version 4", stimuli.signed_in_full(3, 4), "-"),
                      Stimulus("SHA-256 in full, version 3", stimuli.signed_in_full(3, 3), "-")]
                   + refusal_stimuli("N", "N") + six_stimuli("N"))


@scenario("ntpsec-server-silent-on-refusal",
          "NTPsec ntpd verifies every algorithm it knows (long digests cut to 20 octets) and is silent on "
          "everything it refuses, authenticated versions 1 and 2 included",
          [NTPSEC], kind="pcapng", key_format="ntpsec", trusted=stimuli.TRUSTED)
def ntpsec_server(stage):
    """Stimuli against NTPsec ntpd."""
    daemons.start_ntpsec(stage.lab, stage.peers, stage.shared("ntpsec"), TRUSTED)
    answers = dict.fromkeys((1, 2, 11, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 16, 17), "A")
    with stage.recording():
        stage.send(version_stimuli("UUUU") + algorithm_stimuli(answers)
                   + [Stimulus(f"right SHA-1 MAC, version {v}", stimuli.signed(2, v), a)
                      for v, a in ((1, "-"), (2, "-"), (3, "A"))]
                   + [Stimulus("SHA-256 in full, version 4", stimuli.signed_in_full(3, 4), "-"),
                      Stimulus("SHA-256 in full, version 3", stimuli.signed_in_full(3, 3), "-")]
                   + refusal_stimuli("-", "-") + six_stimuli("-"))


def chrony_server(stage):
    """Stimuli against chronyd: version 4 cut, version 3 in full."""
    daemons.start_chrony(stage.lab, stage.peers, stage.shared("chrony"), stage.scenario.peers[0])
    answers = dict.fromkeys((1, 2, 11, 3, 4, 5, 6, 7, 9, 10, 12, 15, 16), "A")
    in_full = [Stimulus(f"{stimuli.ALGORITHMS[number]} in full, version 3", stimuli.signed_in_full(number), "A")
               for number in (3, 4, 5, 6, 7, 15, 16)]
    with stage.recording():
        stage.send(version_stimuli("UUUU") + algorithm_stimuli(answers) + in_full
                   + [Stimulus("SHA-256 in full, version 4", stimuli.signed_in_full(3, 4), "-")]
                   + [Stimulus(f"right SHA-1 MAC, version {v}", stimuli.signed(2, v), "A") for v in (1, 2, 3)]
                   + refusal_stimuli("-") + six_stimuli("-"))


CHRONY_SHOWS = ("{} verifies every algorithm it knows, cut to 20 octets in version 4 and in full in "
                "version 3, and is silent on everything it refuses")
scenario("chrony43-server-silent-on-refusal", CHRONY_SHOWS.format("chrony 4.3"), [CHRONY],
         kind="pcap-nano", key_format="chrony")(chrony_server)
scenario("chrony461-server-silent-on-refusal", CHRONY_SHOWS.format("chrony 4.6.1"), [CHRONY_NEW],
         kind="any", key_format="chrony")(chrony_server)


@scenario("ntpd-rs-server-ignores-macs",
          "ntpd-rs answers versions 3 and 4 without authentication: it ignores a MAC of 20 octets, right or "
          "wrong, and drops requests with one of 24 octets",
          [NTPD_RS], kind="pcap")
def ntpd_rs_server(stage):
    """Stimuli against ntpd-rs, which has no keys."""
    daemons.start_ntpd_rs(stage.lab, stage.peers)
    refusals = refusal_stimuli("-")
    for item in refusals:
        if len(item.payload) == 68:
            item.answer = "U"
    with stage.recording():
        stage.send(version_stimuli("--UU") + algorithm_stimuli({1: "U", 9: "U", 2: "-", 3: "-"}) + refusals
                   + [Stimulus("no MAC", stimuli.header(), "U", True),
                      Stimulus("right MD5 MAC", stimuli.signed(1), "U", True),
                      Stimulus("right SHA-1 MAC", stimuli.signed(2), "-", True)])


@scenario("openntpd-server-ignores-macs",
          "OpenNTPD answers every request without authentication, whatever MAC it carries",
          [OPENNTPD], kind="pcap")
def openntpd_server(stage):
    """Stimuli against OpenNTPD, which has no keys."""
    daemons.start_openntpd(stage.lab, stage.peers)
    with stage.recording():
        stage.send(version_stimuli("UUUU") + algorithm_stimuli({1: "U", 2: "U", 3: "U", 9: "U"})
                   + refusal_stimuli("U")
                   + [Stimulus("no MAC", stimuli.header(), "U", True),
                      Stimulus("right SHA-1 MAC", stimuli.signed(2), "U", True)])


# The machinery.

def perform(item, peers, out, captures):
    """Records one scenario; returns a line for the user and whether it went well."""
    missing = peers.missing(item.peers)
    if missing:
        return f"peer not available: {', '.join(missing)}: {item.file} not recorded", True
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ntpcap-record-") as folder:
        os.chmod(folder, 0o755)
        try:
            with Lab(folder, item.offload) as lab:
                capture = lab.folder / item.file
                item.work(Stage(item, lab, peers, out, capture))
            keep(item, lab.folder, capture, out)
        except Exception as problem:  # one bad scenario must not hide the others
            logs = "".join(f"\n--- {p.name}\n{p.output()[-800:]}" for p in lab.processes) if "lab" in locals() else ""
            detail = "" if isinstance(problem, Failure) else traceback.format_exc()
            return f"failed: {item.name}: {problem}{detail}{logs}", False
    return f"recorded: {item.file} ({time.monotonic() - started:.1f} s)", True


def keep(item, folder, capture, out):
    """Puts capture, key file and expectation into the output folder."""
    if item.keys:
        shutil.copyfile(folder / item.keys, out / item.keys)
    shutil.copyfile(capture, out / item.file)
    found = oracle.examine(out / item.file, item.keys and out / item.keys, item.key_format, item.trusted)
    if not found["messages"]:
        raise Failure("nothing was recorded")
    about = {"shows": item.shows, "peers": [PEERS[name] for name in item.peers], "keys": item.keys,
             "key_format": item.key_format, "trusted": item.trusted,
             "checked_with": "Python hashlib and openssl mac", "frames": found["frames"]}
    head = json.dumps(about, indent=1)[:-2]
    messages = ",\n  ".join(json.dumps(message) for message in found["messages"])
    (out / f"{item.name}.expect.json").write_text(f'{head},\n "messages": [\n  {messages}\n ]\n}}\n')


def check_tools():
    """Names every program that is not there, before anything starts."""
    missing = [tool for tool in ("ip", "ethtool", "tcpdump", "dumpcap", "openssl", "unshare", "mount")
               if not shutil.which(tool)]
    if missing:
        sys.exit(f"record.py: not installed: {', '.join(missing)}\n\n"
                 "hint: apt-get install tshark tcpdump iproute2 ethtool openssl")
    if os.geteuid():
        sys.exit("record.py: making network namespaces needs root")


def stop_on_signal(*_):
    """Lets every waiting scenario fail at once, so that each cleans up."""
    laboratory.stopping.set()


def main():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--peers", type=Path, default=PROJECT / "target" / "peers")
    parser.add_argument("--out", type=Path, default=PROJECT / "captures")
    parser.add_argument("--only", action="append", metavar="NAME")
    parser.add_argument("--list", action="store_true", help="name the scenarios")
    parser.add_argument("--jobs", type=int, default=8)
    options = parser.parse_args()
    chosen = [s for s in scenarios if not options.only or s.name in options.only]
    if options.list:
        print("\n".join(f"{s.name}: {s.shows}" for s in chosen))
        return 0
    if not chosen:
        parser.error("no scenario of that name; --list names them")
    check_tools()
    options.out.mkdir(parents=True, exist_ok=True)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop_on_signal)
    peers = daemons.Peers(options.peers)
    good, lock = True, threading.Lock()

    def work(item):
        nonlocal good
        line, well = perform(item, peers, options.out, None)
        with lock:
            print(line, flush=True)
            good = good and well

    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(work, chosen))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
