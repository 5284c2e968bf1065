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

import stimuli
from bench import Checks
from daemons import CHRONY, CHRONY_NEW, NTPORG, NTPSEC
from lab import SERVER, Failure, run
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
    "ntp.org-4.2.8p15": (NTPORG, "ntp.org", "ntp.org", "ntpd", "-n -c {conf} -p {folder}/ntpd.pid"),
    "ntpsec-1.2.2": (NTPSEC, "ntpsec", "ntpsec", "ntpd", "-n -N -c {conf} -p {folder}/ntpd.pid"),
}
# What goes on asks every 2 s at best, so it is served a few cases: those by which its requests, or ntpq, must tell.
RUNNING = ("ntp.org-4.2.8p15", "ntpsec-1.2.2")
FEW = "client/other-algorithm,client/key-id-zero,client/no-mac,client/nak,client/recovers-after-nak,wire"

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
    cases = ["--only", FEW] if name in RUNNING else []
    if peer == NTPSEC and name in RUNNING:
        ask = f"ip netns exec {lab.space['client']} {bench.peers.program(peer, 'ntpq')} -pn 127.0.0.1"
        cases += ["--observe", ask, "--observe-as", "ntpq"]
    held = ["--write-baseline", baseline, "--force"] if record else ["--baseline", baseline, "--strict"]
    process = lab.start(
        "server", "ntpcap", bench.program, "conform", "client", "--keys", bench.keys(dialect), "--key-format", dialect,
        "--key", "2", "--listen", f"{SERVER}:123", "--client", client, "--exec", command, "--label", f"clients/{name}",
        "--broadcast", "10.99.0.255:123", "--multicast", "224.0.1.1:123", "--format", "json", "--output", report,
        "--pcap", lab.folder / "run.pcapng", *cases, *held)
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


@check("ndcpp", CHRONY_NEW)
def ndcpp(bench):
    """The evidence on chronyd with three servers is whole, and tshark shows in it what the report tells."""
    lab, folder = bench.lab, bench.lab.folder / "evidence"
    servers = [SERVER, "10.99.0.4", "10.99.0.5"]
    for address in servers[1:] + [OTHER]:
        lab.ip("server", "addr", "add", f"{address}/24", "dev", "wire")
    lab.ip("server", "route", "add", "224.0.0.0/4", "dev", "wire")
    _, dialect, client, program, arguments = CLIENTS["chrony-4.6.1"]
    command = f"ip netns exec {lab.space['client']} {bench.peers.program(CHRONY_NEW, program)} {arguments}"
    listen = [part for address in servers for part in ("--listen", f"{address}:123")]
    process = lab.start(
        "server", "ntpcap", bench.program, "conform", "client", "--suite", "ndcpp", "--evidence", folder, "--keys",
        bench.keys(dialect), "--key-format", dialect, "--key", "2", *listen, "--client", client, "--exec", command,
        "--broadcast", "10.99.0.255:123", "--multicast", "224.0.1.1:123")
    if process.wait(LONGEST):
        raise Failure(f"ended with {process.handle.returncode}: {process.output()[-1500:]}")
    run("sh", "-c", f"cd {folder} && sha256sum --check --strict SHA256SUMS")
    names = {line.split()[1] for line in (folder / "SHA256SUMS").read_text().splitlines()}
    if names != {path.name for path in folder.iterdir()} - {"SHA256SUMS"}:
        raise Failure(f"sums of {sorted(names)}")
    report = json.loads((folder / "report.json").read_text())
    steps = {step["case"]: step for requirement in report["requirements"] for step in requirement["steps"]}
    if len(steps) != 15 or {step["outcome"] for step in steps.values()} != {"pass", "info"}:
        raise Failure(f"not as chronyd is: {steps}")
    for case, fault in (("client/other-algorithm", "other-algorithm"), ("client/multicast-signed", "multicast")):
        shown = frames(folder / "capture.pcapng", f'frame.comment contains "{fault}"')
        if not steps[case]["reply_frames"] or not set(steps[case]["reply_frames"]) <= shown:
            raise Failure(f"{case}: the report tells of {steps[case]['reply_frames']}, tshark of {sorted(shown)}")
    md5 = frames(folder / "capture.pcapng", "ntp.flags.mode == 4 && udp.length == 76")
    if not set(steps["client/other-algorithm"]["reply_frames"]) <= md5:
        raise Failure("a reply under MD5 has not 48 + 4 + 16 octets")
    for path in folder.iterdir():
        for secret in (stimuli.fixed_secret(2).hex().encode(), stimuli.fixed_secret(2)):
            if secret in path.read_bytes():
                raise Failure(f"{path.name} has the secret")


def frames(capture, wanted):
    """The numbers of the frames that tshark shows for a filter."""
    shown = run("tshark", "-r", capture, "-Y", wanted, "-T", "fields", "-e", "frame.number", seconds=60)
    return {int(line) for line in shown.split() if line.isdigit()}


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
