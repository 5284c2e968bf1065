#!/usr/bin/env python3
"""Puts real clients and real servers beside `ntpcap serve`.

    serve.py --program TARGET/debug/ntpcap [--peers DIR] [--only NAME]...

Clients: each must take its time from the server under every algorithm that it
knows: its own words say so (offset, selected source, reach). Habits: the same
requests go to a real server and to `ntpcap serve --like` it, and every answer
must have the same length, mode, version, leap indicator, poll and MAC.

Probe: `ntpcap probe` tells of every real server what it does with right, wrong,
untrusted and unknown keys, and which program it is.

Each check runs in a lab of its own; needs what record.py needs.
"""

import json
import re
import struct
import sys
from concurrent.futures import ThreadPoolExecutor

import daemons
import stimuli
import table
from bench import Checks
from daemons import CHRONY, CHRONY_NEW, NTPD_RS, NTPORG, NTPSEC, OPENNTPD
from lab import CLIENT, SERVER, SERVER6, Failure, wait_until
from scenario import TRUSTED

check = Checks(__doc__.split("\n")[0])


def must_say(process, pattern):
    """What a program said, which must match."""
    found = re.search(pattern, process.output())
    if not found:
        raise Failure(f"{process.name} did not say {pattern!r}: {process.output()[-600:]}")
    return found


@check("ntpdate", NTPORG)
def ntpdate(bench):
    """ntpdate: MD5 and SHA-1 in versions 3 and 4, over both families."""
    bench.serve()
    for options in (["-a", 1, SERVER], ["-a", 2, SERVER6], ["-o", 3, "-a", 2, SERVER], [SERVER]):
        client = daemons.run_client(bench.lab, 15, "ntpdate", bench.peers.program(NTPORG, "ntpdate"), "-q", "-p", "2",
                                    "-t", "0.2", "-k", bench.keys("ntp.org"), *options)
        must_say(client, r"adjust time server .* offset [-+]0\.0\d+ sec")


@check("sntp", NTPORG)
def sntp(bench):
    """sntp: MD5 and SHA-1."""
    bench.serve()
    for key in (1, 2):
        client = daemons.run_client(bench.lab, 15, "sntp", bench.peers.program(NTPORG, "sntp"), "-a", key, "-k",
                                    bench.keys("ntp.org"), SERVER)
        must_say(client, r"[-+]0\.0\d+ \+/- ")


@check("ntpdig", NTPSEC)
def ntpdig(bench):
    """ntpdig: what it does not send uncut."""
    bench.serve()
    for key, host in ((1, SERVER), (2, SERVER6), (9, SERVER), (10, SERVER)):
        client = daemons.run_client(bench.lab, 15, "ntpdig", bench.peers.program(NTPSEC, "ntpdig"), "-t", "1", "-a", key,
                                    "-k", bench.keys("ntpsec"), host)
        must_say(client, r"[-+]0\.0\d+ \+/- ")


def chronyd_once(bench, peer):
    """chronyd -Q under every algorithm, in version 3 with whole digests and in version 4 with cut ones."""
    bench.serve(dialect="chrony", trusted=None)
    jobs = [f"{SERVER} key {key}" for key in table.CHRONY_KEYS]
    jobs += [f"{SERVER} key {key} version 4" for key in (3, 5)] + [f"{SERVER6} key 2", SERVER]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda job: chronyd_job(bench, peer, job), jobs))


def chronyd_job(bench, peer, options):
    """One run of chronyd, with files of its own."""
    name = re.sub(r"\W+", "-", options)
    conf = bench.lab.write(f"{name}.conf", "\n".join([
        f"server {options} iburst maxsamples 1", "bindcmdaddress /", "cmdport 0", f"keyfile {bench.keys('chrony')}",
        f"pidfile {bench.lab.folder}/{name}.pid", ""]))
    client = bench.lab.start("client", f"chronyd {options}", bench.peers.program(peer, "chronyd"), "-x", "-Q", "-t", "8",
                             "-u", "root", "-f", conf)
    client.wait(20)
    must_say(client, r"System clock wrong by -?0\.0\d+ seconds")


check("chronyd-4.3-once", CHRONY)(lambda bench: chronyd_once(bench, CHRONY))
check("chronyd-4.6.1-once", CHRONY_NEW)(lambda bench: chronyd_once(bench, CHRONY_NEW))


@check("chronyd-4.6.1-interleaved", CHRONY_NEW)
def chronyd_running(bench):
    """A running chronyd selects the server, in interleaved mode too."""
    bench.serve(dialect="chrony", trusted=None)
    folder = bench.lab.folder / "command"
    folder.mkdir(mode=0o770)
    conf = bench.lab.write("client.conf", "\n".join([
        f"server {SERVER} key 2 xleave iburst minpoll 0 maxpoll 0", f"bindcmdaddress {folder}/socket", "cmdport 0",
        f"keyfile {bench.keys('chrony')}", f"pidfile {bench.lab.folder}/client.pid", ""]))
    client = bench.lab.start("client", "chronyd", bench.peers.program(CHRONY_NEW, "chronyd"), "-x", "-d", "-u", "root",
                             "-f", conf)

    def says(command):
        if client.ended():
            raise Failure(f"chronyd ended: {client.output()[-400:]}")
        return daemons.run_client(bench.lab, 10, "chronyc", bench.peers.program(CHRONY_NEW, "chronyc"), "-n", "-h",
                                  folder / "socket", command, may_fail=True).output()

    def selected():
        said = says("ntpdata")
        return "Interleaved     : Yes" in said and "Authenticated   : Yes" in said and f"^* {SERVER}" in says("sources")

    wait_until(selected, 25, "chronyd to select the server in interleaved mode")


def running_ntpd(bench, start, peer, dialect, keys):
    """A running ntpd with one association for each key, each on an address of its own."""
    addresses = [SERVER] + [f"10.99.0.{100 + key}" for key in keys]
    for address in addresses[1:]:
        bench.lab.ip("server", "addr", "add", f"{address}/24", "dev", "wire")
    # The clients have a time of their own at stratum 5.
    bench.serve("--stratum", 2, addresses=addresses)
    lines = [f"server {address} key {key} iburst minpoll 3 maxpoll 3" for address, key in zip(addresses[1:], keys)]
    lines.append("restrict 127.0.0.1")
    client = start(bench.lab, bench.peers, bench.keys(dialect), TRUSTED, extra="\n".join(lines), end="client")

    def listed():
        if client.ended():
            raise Failure(f"ntpd ended: {client.output()[-400:]}")
        asked = daemons.run_client(bench.lab, 20, "ntpq", bench.peers.program(peer, "ntpq"), "-n", "-c", "peers", "-c",
                                   "associations", "127.0.0.1", may_fail=True)
        rows = re.findall(r"^(.)10\.99\.0\.\S+ .*?\s(-|\d+[mhd]?)\s+\d+\s+([0-7]+)\s", asked.output(), re.M)
        # How well they agree with each other, which the first letter says too, is another matter.
        reached = [row for row in rows if row[2] != "0"]
        authentic = re.findall(r"\byes\s+yes\s+ok\b", asked.output())
        return len(reached) == len(keys) == len(authentic) and any(row[0] == "*" for row in rows)

    wait_until(listed, 60, f"{peer} to reach and select {len(keys)} servers")


@check("ntpd-4.2.8p15", NTPORG)
def ntporg_running(bench):
    """ntp.org's ntpd: every algorithm that it sends rightly."""
    running_ntpd(bench, daemons.start_ntporg, NTPORG, "ntp.org", (1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 14, 15, 16))


@check("ntpd-ntpsec-1.2.2", NTPSEC)
def ntpsec_running(bench):
    """NTPsec's ntpd: every algorithm that it knows."""
    running_ntpd(bench, daemons.start_ntpsec, NTPSEC, "ntpsec",
                 (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 16, 17))


@check("ntpq", NTPORG, NTPSEC)
def ntpq(bench):
    """`ntpq -c rv` of both families, and silence for those that it is not switched on for."""
    server = bench.serve("--control", f"{CLIENT}/32")
    for peer in (NTPORG, NTPSEC):
        asked = daemons.run_client(bench.lab, 20, "ntpq", bench.peers.program(peer, "ntpq"), "-n", "-c", "rv", SERVER)
        must_say(asked, r"stratum=5, precision=-\d+")
        must_say(asked, r"refid=(LOCAL\(0\)|127\.127\.1\.0)")
    if bench.lab.ask(b"\x16\x02\x00\x01" + bytes(8), six=True):
        raise Failure("a control message from elsewhere was answered")
    server.stop()


def shape(reply):
    """What two servers must have alike in an answer."""
    if reply is None:
        return "silence"
    tail = reply[48:]
    number = struct.unpack(">I", tail[:4])[0] if len(tail) >= 4 else None
    zeros = ", zeros" if tail and not any(tail) else ""
    return (f"{len(reply)} octets, leap {reply[0] >> 6}, version {reply[0] >> 3 & 7}, mode {reply[0] & 7}, "
            f"poll {reply[2]}, key {number}{zeros}")


def habit(name, peer, keys, dialect, trusted, start, *options):
    """Registers the comparison of a real server with the reference server in its manner."""
    @check(f"like-{name}", peer)
    def compare(bench):
        real = start(bench)
        rows = table.table(keys)
        theirs = [shape(bench.lab.ask(row, seconds=0.3)) for row in rows]
        real.stop()
        wait_until(real.ended, 5, f"the end of {real.name}")
        bench.serve("--like", name, *options, dialect=dialect, trusted=trusted)
        ours = [shape(bench.lab.ask(row, seconds=0.3)) for row in rows]
        differences = [f"{row[:1].hex()} {len(row)} octets: {one}, {peer} {other}"
                       for row, one, other in zip(rows, ours, theirs)
                       # Two servers that answer each other's replies would never end.
                       if one != other and not (peer == NTPD_RS and row[:1] and row[0] & 7 == 4)]
        if differences:
            raise Failure(f"{len(differences)} of {len(rows)} differ:\n" + "\n".join(differences))


habit("ntp.org", NTPORG, table.NTPORG_KEYS, "ntp.org", stimuli.TRUSTED,
      lambda bench: daemons.start_ntporg(bench.lab, bench.peers, bench.keys("ntp.org"), TRUSTED))
# It has no time yet in its first minutes, and says so.
habit("ntpsec", NTPSEC, table.NTPSEC_KEYS, "ntpsec", stimuli.TRUSTED,
      lambda bench: daemons.start_ntpsec(bench.lab, bench.peers, bench.keys("ntpsec"), TRUSTED), "--unsynchronised")
habit("chrony", CHRONY, table.CHRONY_KEYS, "chrony", None,
      lambda bench: daemons.start_chrony(bench.lab, bench.peers, bench.keys("chrony")))
habit("ntpd-rs", NTPD_RS, table.NTPORG_KEYS, "ntp.org", None,
      lambda bench: daemons.start_ntpd_rs(bench.lab, bench.peers), "--leap", "unknown")
habit("openntpd", OPENNTPD, table.NTPORG_KEYS, "ntp.org", None,
      lambda bench: daemons.start_openntpd(bench.lab, bench.peers), "--leap", "unknown")


PROBED = {  # what a key is to the server: right, of another secret, not trusted, unknown; its class and its name
    "ntp.org": (("authenticated", "crypto-nak", "crypto-nak", "crypto-nak"), "nak-on-bad-mac"),
    "ntpsec": (("unsynchronised|authenticated", "drops-request", "drops-request", "drops-request"), "silent-on-bad-mac"),
    "chrony": (("authenticated", "drops-request", "authenticated", "drops-request"), "silent-on-bad-mac"),
    "ntpd-rs": (("drops-request", "drops-request", "drops-request", "drops-request"), "plain-reply-to-mac"),
    "openntpd": (("auth-stripped", "auth-stripped", "auth-stripped", "auth-stripped"), "plain-reply-to-mac"),
}


def probe(bench, name):
    """`ntpcap probe --full` tells what a real server does with keys of every kind, and which program it is."""
    verdicts, expected_class = PROBED[name]
    other = bench.lab.write("other.keys", f"2 SHA1 {'5a' * 20}\n99 SHA1 {'a5' * 20}\n")
    for (key, keys), verdict in zip(((2, None), (2, other), (12, None), (99, other)), verdicts):
        process = daemons.run_client(
            bench.lab, 60, "ntpcap", bench.program, "probe", SERVER, "--full", "--interval", "30ms", "--timeout", "150ms",
            "--ndjson", "--key", key, "--keys", keys or bench.keys("ntp.org"), "--key-format", "ntp.org", may_fail=True)
        lines = [line for line in process.output().splitlines() if line.startswith('{"type":"target"')]
        if not lines:
            raise Failure(f"no result: {process.output()[-600:]}")
        told = json.loads(lines[0])
        found = (told["verdict"], told["behaviour"]["class"], told["implementation"]["name"])
        if not re.fullmatch(verdict, found[0]) or found[1:] != (expected_class, name):
            raise Failure(f"key {key}: {found}, expected {(verdict, expected_class, name)}: {lines[0]}")


@check("probe-ntp.org", NTPORG)
def probe_ntporg(bench):
    """ntp.org's ntpd."""
    daemons.start_ntporg(bench.lab, bench.peers, bench.keys("ntp.org"), TRUSTED)
    probe(bench, "ntp.org")


@check("probe-ntpsec", NTPSEC)
def probe_ntpsec(bench):
    """NTPsec's ntpd."""
    daemons.start_ntpsec(bench.lab, bench.peers, bench.keys("ntpsec"), TRUSTED)
    probe(bench, "ntpsec")


def probe_chrony(bench, peer):
    """chronyd."""
    daemons.start_chrony(bench.lab, bench.peers, bench.keys("chrony"), peer)
    probe(bench, "chrony")


check("probe-chrony-4.3", CHRONY)(lambda bench: probe_chrony(bench, CHRONY))
check("probe-chrony-4.6.1", CHRONY_NEW)(lambda bench: probe_chrony(bench, CHRONY_NEW))


def probe_limiting_chrony(bench, peer):
    """chronyd that limits its clients in silence: nothing that it honours is told as refused."""
    limit = "ratelimit interval -2 burst 8 leak 4"
    daemons.start_chrony(bench.lab, bench.peers, bench.keys("chrony"), peer, extra=limit)
    lost = 0
    for wait in ("120ms", "125ms", "150ms", "200ms"):
        process = daemons.run_client(
            bench.lab, 90, "ntpcap", bench.program, "probe", SERVER, "--full", "--interval", "10ms", "--timeout", wait,
            "--ndjson", "--key", "2,12", "--keys", bench.keys("ntp.org"), "--key-format", "ntp.org", may_fail=True)
        told = json.loads(next(line for line in process.output().splitlines() if line.startswith('{"type":"target"')))
        verdicts = {key["verdict"] for key in told["keys"]}
        dropped = {row["request"] for row in told["requests"] if row["answer"] == "silence"}
        honoured = dropped & {"no-mac", "valid", "field-alone", "field-signed", "valid-version-2",
                              "symmetric-active", "version-1", "version-2", "version-3", "version-1-mode-0"}
        if verdicts - {"authenticated", "inconclusive"} or honoured:
            raise Failure(f"{wait}: told as refused: {verdicts}, {honoured}: {told}")
        if told["behaviour"]["class"] not in (None, "authenticates", "silent-on-bad-mac"):
            raise Failure(f"{wait}: class: {told}")
        lost += sum(row["answer"] == "unknown" for row in told["requests"])
    if not lost:
        raise Failure("the limit did not show")


check("probe-chrony-4.3-limiting", CHRONY)(lambda bench: probe_limiting_chrony(bench, CHRONY))
check("probe-chrony-4.6.1-limiting", CHRONY_NEW)(lambda bench: probe_limiting_chrony(bench, CHRONY_NEW))


@check("probe-ntpd-rs", NTPD_RS)
def probe_ntpd_rs(bench):
    """ntpd-rs."""
    daemons.start_ntpd_rs(bench.lab, bench.peers)
    probe(bench, "ntpd-rs")


@check("probe-openntpd", OPENNTPD)
def probe_openntpd(bench):
    """OpenNTPD."""
    daemons.start_openntpd(bench.lab, bench.peers)
    probe(bench, "openntpd")


if __name__ == "__main__":
    sys.exit(0 if check.run(check.parser().parse_args()) else 1)
