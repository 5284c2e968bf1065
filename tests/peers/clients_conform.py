#!/usr/bin/env python3
"""Holds real clients to the cases of `ntpcap conform client`, and to their baselines.

    clients_conform.py --program TARGET/debug/ntpcap [--peers DIR] [--only NAME]... [--record]

Each client runs in a lab of its own, started anew for each phase, against the
server of `ntpcap conform client` at the other end of the cable. What it does
otherwise must stand in captures/baselines/clients, and what stands there must
show. --record writes them anew. Needs what record.py needs. No client sets a
clock: chronyd gets -x and -Q, the others only query.
"""

import json
import sys

from bench import Checks
from daemons import CHRONY, CHRONY_NEW, NTPORG, NTPSEC
from lab import SERVER, Failure
from record import PROJECT

BASELINES = PROJECT / "captures" / "baselines" / "clients"
OTHER = "10.99.0.3"  # an address of the server that no client is told of
LONGEST = 900

CLIENTS = {  # name: the peer, the dialect of its keys, the client's name, its program, what follows it
    "chrony-4.3": (CHRONY, "chrony", "chrony", "chronyd", "-x -Q -t 3 -u root -f {conf}"),
    "chrony-4.6.1": (CHRONY_NEW, "chrony", "chrony", "chronyd", "-x -Q -t 3 -u root -f {conf}"),
    "ntpdate-4.2.8p15": (NTPORG, "ntp.org", "ntpdate", "ntpdate", "-q -p 1 -t 1 -a {key} -k {keys} {address}"),
    "sntp-4.2.8p15": (NTPORG, "ntp.org", "sntp", "sntp", "-t 2 -a {key} -k {keys} {address}"),
    "ntpdig-1.2.2": (NTPSEC, "ntpsec", "ntpdig", "ntpdig", "-t 2 -a {key} -k {keys} {address}"),
}

check = Checks(__doc__.split("\n")[0])
record = False


def conform(bench, name):
    """Serves a client every case; it must do what its baseline has."""
    peer, dialect, client, program, arguments = CLIENTS[name]
    lab, baseline = bench.lab, BASELINES / f"{name}.toml"
    lab.ip("server", "addr", "add", f"{OTHER}/24", "dev", "wire")
    lab.ip("server", "route", "add", "224.0.0.0/4", "dev", "wire")
    command = f"ip netns exec {lab.space['client']} {bench.peers.program(peer, program)} {arguments}"
    report = lab.folder / "report.json"
    held = ["--write-baseline", baseline, "--force"] if record else ["--baseline", baseline, "--strict"]
    process = lab.start(
        "server", "ntpcap", bench.program, "conform", "client", "--keys", bench.keys(dialect), "--key-format", dialect,
        "--key", "2", "--listen", f"{SERVER}:123", "--client", client, "--exec", command, "--label", f"clients/{name}",
        "--broadcast", "10.99.0.255:123", "--multicast", "224.0.1.1:123", "--format", "json", "--output", report,
        "--pcap", lab.folder / "run.pcapng", *held)
    process.wait(LONGEST)
    if not report.exists():
        raise Failure(f"no report: {process.output()[-600:]}")
    cases = json.loads(report.read_text())["cases"]
    wrong = ("fail", "warn", "unexpected-pass", "inconclusive") if not record else ("inconclusive",)
    odd = [f"{case['outcome']} {case['slug']}: {case['actual']}" for case in cases if case["outcome"] in wrong]
    if odd:
        raise Failure("not as its baseline has it:\n" + "\n".join(odd))


for name in CLIENTS:
    check(name, CLIENTS[name][0])(lambda bench, name=name: conform(bench, name))


def main():
    """The command line."""
    global record
    parser = check.parser()
    parser.add_argument("--record", action="store_true", help="write baselines anew")
    options = parser.parse_args()
    record = options.record
    return 0 if check.run(options) else 1


if __name__ == "__main__":
    sys.exit(main())
