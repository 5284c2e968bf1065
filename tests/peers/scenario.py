"""What a scenario is, and how one becomes a capture with its expectation."""

import json
import os
import shutil
import tempfile
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

import stimuli
from daemons import PEERS
from lab import Failure, Lab, Recorder
from stimuli import oracle

SAMPLES = Path(__file__).resolve().parent.parent.parent / "captures"
SHARED = {"ntp.org": "shared-ntp.org.keys", "ntpsec": "shared-ntpsec.keys",
          "chrony": "shared-chrony.keys"}
TRUSTED = "(1 ... 11) (13 ... 17)"  # all test keys but stimuli.UNTRUSTED, as ntpd wants it
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
    folder: str = ""        # below the folder of the captures
    diagnosis: list = None  # codes that explain the client's messages
    sent: tuple = None      # algorithm and secret that the client really used

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
        return Recorder(self.lab, self.scenario.kind, self.capture)

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


def perform(item, peers, out):
    """Records one scenario; returns a line for the user and whether it went well."""
    missing = peers.missing(item.peers)
    if missing:
        return f"peer not available: {', '.join(missing)}: {item.file} not recorded", True
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ntpcap-record-") as folder:
        os.chmod(folder, 0o755)  # some daemons read their files as another user
        lab = Lab(folder, item.offload)
        capture = lab.folder / item.file
        try:
            with lab:
                item.work(Stage(item, lab, peers, out, capture))
            keep(item, lab.folder, capture, out)
        except Exception as problem:  # one bad scenario must not hide the others
            detail = "" if isinstance(problem, Failure) else "\n" + traceback.format_exc()
            return f"failed: {item.name}: {problem}{detail}{last_words(lab)}", False
    return f"recorded: {item.file} ({time.monotonic() - started:.1f} s)", True


def last_words(lab):
    """The end of every program's output, for finding out what went wrong."""
    return "".join(f"\n--- {process.name}\n{process.output()[-800:]}" for process in lab.processes)


def compare(item, found, out):
    """A new recording must show the same kinds of messages as the one kept."""
    kept = SAMPLES / item.folder / f"{item.name}.expect.json"
    if out.resolve() == kept.parent or not kept.exists():
        return
    before, now = kinds(json.loads(kept.read_text())), kinds(found)
    if before != now:
        raise Failure(f"no longer seen: {sorted(before - now)}; seen for the first time: {sorted(now - before)}")


def kinds(result):
    """The different messages of a result, regardless of order and number."""
    return {json.dumps(message | {"frame": 0}, sort_keys=True) for message in result["messages"]}


def explained(item, found, capture):
    """Adds to a client's messages what explains them, once it is proved by the secret that was really used."""
    algorithm, secret = item.sent
    payloads = {datagram.frame: datagram.payload
                for datagram in oracle.packets.read_datagrams(list(oracle.packets.read_frames(capture)))}
    proved = 0
    for message in found["messages"]:
        if message["mode"] != "client":
            continue
        payload, octets = payloads[message["frame"]], message["digest_octets"]
        covered, digest = payload[:-4 - octets], payload[-octets:]
        key = oracle.keyfiles.Key(message["key_id"], algorithm, secret)
        if oracle.digest_of(key, covered)[:octets] != digest:
            raise Failure(f"frame {message['frame']}: the client did not use the secret that it was to use")
        message["diagnosis"] = [item.diagnosis]
        if message["status"] == "valid":
            # The oracle knows no leftovers and takes the last of two lines for every program.
            message["status"] = "invalid"
        proved += 1
    if not proved:
        raise Failure("the client sent nothing")


def keep(item, folder, capture, out):
    """Puts capture, key file and expectation into the output folder."""
    out = out / item.folder
    out.mkdir(exist_ok=True)
    if item.keys:
        shutil.copyfile(folder / item.keys, out / item.keys)
    shutil.copyfile(capture, out / item.file)
    found = oracle.examine(out / item.file, item.keys and out / item.keys, item.key_format, item.trusted)
    if not found["messages"]:
        raise Failure("nothing was recorded")
    if item.diagnosis:
        explained(item, found, out / item.file)
    compare(item, found, out)
    about = {"shows": item.shows, "peers": [PEERS[name] for name in item.peers], "keys": item.keys,
             "key_format": item.key_format, "trusted": item.trusted,
             "checked_with": "Python hashlib and openssl mac", "frames": found["frames"]}
    head = json.dumps(about, indent=1)[:-2]
    messages = ",\n  ".join(json.dumps(message) for message in found["messages"])
    (out / f"{item.name}.expect.json").write_text(f'{head},\n "messages": [\n  {messages}\n ]\n}}\n')
