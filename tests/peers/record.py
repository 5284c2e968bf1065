#!/usr/bin/env python3
"""Records the sample captures from real NTP daemons and clients.

    record.py [--peers DIR] [--out DIR] [--only NAME]... [--list]

Every capture is one scenario: a function that starts programs in a lab of its
own (see lab.py) and says what it shows. Beside NAME.pcap or NAME.pcapng the
recording leaves its key file and NAME.expect.json, written by the oracle.
Scenarios run side by side; together they take about half a minute. A scenario
fails when a daemon does something else than it is known to do, or when a new
recording (--out) shows other kinds of messages than the capture kept.

Needs root, Python 3.11, and the programs ip, ethtool, tcpdump, dumpcap (of
tshark) and openssl; the peers are unpacked by the script `fetch`.
"""

import argparse
import os
import shutil
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import daemons
import lab as laboratory
import clients  # noqa: F401  (each of the five registers its scenarios)
import mistakes  # noqa: F401
import servers  # noqa: F401
import special  # noqa: F401
import table  # noqa: F401
from scenario import perform, scenarios

PROJECT = Path(__file__).resolve().parent.parent.parent


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
        line, well = perform(item, peers, options.out)
        with lock:
            print(line, flush=True)
            good = good and well

    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(work, chosen))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
