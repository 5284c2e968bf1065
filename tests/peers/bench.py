"""A bench for checks: a lab each, the peers, and the program under test."""

import argparse
import os
import signal
import tempfile
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import daemons
import stimuli
from lab import SERVER, SERVER6, Failure, Lab
from record import PROJECT, check_tools, stop_on_signal
from scenario import SHARED, last_words


class Bench:
    """A lab, the peers, and the program under test."""

    def __init__(self, lab, peers, program):
        self.lab, self.peers, self.program = lab, peers, program
        for dialect, name in SHARED.items():
            lab.write(name, stimuli.key_file_text(dialect))

    def keys(self, dialect):
        """The key file of the test keys."""
        return self.lab.folder / SHARED[dialect]

    def serve(self, *options, dialect="ntpsec", trusted=stimuli.TRUSTED, addresses=(SERVER, f"[{SERVER6}]")):
        """Starts the reference server and waits until it answers."""
        listen = [part for address in addresses for part in ("--listen", f"{address}:123")]
        trust = ["--trusted", trusted] if trusted else []
        process = self.lab.start("server", "ntpcap", self.program, "serve", "--keys", self.keys(dialect),
                                 "--key-format", dialect, *trust, *listen, *options)
        self.lab.wait_server(process, six=any("[" in address for address in addresses))
        return process


class Checks:
    """Checks by name, each in a lab of its own."""

    def __init__(self, title):
        self.title, self.all = title, {}

    def __call__(self, name, *peers):
        """Registers a check under a name, with the peers that it needs."""
        def register(work):
            self.all[name] = (peers, work)
            return work
        return register

    def perform(self, name, peers, program):
        """Runs one check; returns a line for the user and whether it went well."""
        needed, work = self.all[name]
        missing = peers.missing(needed)
        if missing:
            return f"peer not available: {', '.join(missing)}: {name} not checked", True
        with tempfile.TemporaryDirectory(prefix="ntpcap-bench-") as folder:
            os.chmod(folder, 0o755)  # some daemons read their files as another user
            lab = Lab(folder)
            try:
                with lab:
                    work(Bench(lab, peers, program))
            except Exception as problem:  # one check must not hide the others
                detail = "" if isinstance(problem, Failure) else "\n" + traceback.format_exc()
                return f"failed: {name}: {problem}{detail}{last_words(lab)}", False
        return f"fine: {name}", True

    def parser(self):
        """The options of every bench."""
        parser = argparse.ArgumentParser(description=self.title)
        parser.add_argument("--program", type=Path, required=True)
        parser.add_argument("--peers", type=Path, default=PROJECT / "target" / "peers")
        parser.add_argument("--only", action="append", metavar="NAME", choices=self.all)
        parser.add_argument("--jobs", type=int, default=6)
        return parser

    def run(self, options):
        """Runs the checks that are wanted, several at once; True when all went well."""
        check_tools()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop_on_signal)
        peers, good, lock = daemons.Peers(options.peers), True, threading.Lock()

        def work(name):
            nonlocal good
            line, well = self.perform(name, peers, options.program.resolve())
            with lock:
                print(line, flush=True)
                good = good and well

        with ThreadPoolExecutor(options.jobs) as pool:
            list(pool.map(work, options.only or self.all))
        return good
