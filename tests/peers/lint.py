#!/usr/bin/env python3
"""What `ntpcap keys lint` says that daemons do with keys, beside what real daemons do.

A client of each program is given a key file and a configuration; what it then sends
to a server that has no keys is what was predicted from the two files. Files that are
closed to the daemon's user, or to a root without its rights, are read or not as told.

    tests/peers/lint.py --program target/debug/ntpcap [--peers FOLDER] [--only NAME]...
"""

import json
import os
import subprocess
import sys
import time

import daemons
from bench import Checks
from daemons import CHRONY, CHRONY_NEW, NTPORG, NTPSEC
from lab import SERVER, Failure

checks = Checks(__doc__.split("\n", maxsplit=1)[0])

SECRET = "5c3a0d9e41b7f2688a1e"
FINE = f"5 SHA1 {SECRET}\n"
AS = {NTPORG: "ntp.org", NTPSEC: "ntpsec", CHRONY: "chrony", CHRONY_NEW: "chrony"}
CONF = {NTPORG: "ntporg-client.conf", NTPSEC: "ntpsec-client.conf", CHRONY: "chrony-client.conf",
        CHRONY_NEW: "chrony-client.conf"}
NOBODY = 65534
PATIENCE = 12


def lint(bench, *arguments):
    """The document of `keys lint`."""
    done = subprocess.run([bench.program, "keys", "lint", *map(str, arguments), "--json"], capture_output=True,
                          timeout=20, check=False)
    if done.returncode not in (0, 1):
        raise Failure(f"lint ended with {done.returncode}: {done.stderr.decode()}")
    return json.loads(done.stdout)


def start(bench, peer, keys, trusted, line):
    """A client with that line in its configuration."""
    if peer == NTPORG:
        return daemons.start_ntporg(bench.lab, bench.peers, keys, trusted, extra=line, end="client")
    if peer == NTPSEC:
        return daemons.start_ntpsec(bench.lab, bench.peers, keys, trusted, extra=line + " minpoll 2", end="client")
    return daemons.start_chrony_client(bench.lab, bench.peers, line, keys, peer=peer, once=False)


def association(name, peer, text, sent, trusted="1 5", option="", log=None):
    """Registers a check of one association: what is predicted, sent, and logged."""

    def work(bench):
        daemons.start_chrony(bench.lab, bench.peers, None)
        keys = bench.lab.write("client.keys", text)
        os.chmod(keys, 0o600)
        process = start(bench, peer, keys, trusted, f"server {SERVER} key 5 iburst{option}")
        report = lint(bench, "--conf", bench.lab.folder / CONF[peer], "--as", AS[peer])
        predicted = [one for one in report["associations"] if one["address"] == SERVER]
        if sent == "nothing":
            time.sleep(PATIENCE)
            wire = "authenticated" if bench.lab.look() else "nothing"
        else:
            bench.lab.wait_messages(1, 2 * PATIENCE)
            wire = "authenticated"
            first = bench.lab.look()[0].payload
            shape = f"version {first[0] >> 3 & 7} requests with key ID 5 and a MAC of {len(first) - 48} octets"
            if not predicted[0]["wire"].startswith(shape):
                raise Failure(f"sent {shape}, predicted: {predicted[0]['wire']}")
        if [one["sent"] for one in predicted] != [wire] or wire != sent:
            raise Failure(f"sent {wire}, expected {sent}, predicted {predicted}")
        if log and log not in process.output():
            raise Failure(f"the log has no line {log!r}: {process.output()[-600:]}")
        if log and not any(log in problem.get("consequence", "") for problem in report["problems"]):
            raise Failure(f"the report has no line {log!r}")

    checks(f"{AS[peer]}-{name}" + ("-new" if peer == CHRONY_NEW else ""), peer, CHRONY)(work)


for PEER in (NTPORG, NTPSEC, CHRONY, CHRONY_NEW):
    association("control", PEER, FINE, "authenticated")
    association("digest-of-32-octets", PEER, f"5 SHA256 {SECRET}\n", "authenticated")
association("not-defined", NTPORG, f"1 SHA1 {SECRET}\n", "nothing")
association("not-defined", NTPSEC, f"1 SHA1 {SECRET}\n", "nothing", log="key 5 not found")
association("not-defined", CHRONY, f"1 SHA1 {SECRET}\n", "nothing", log="Key 5 is missing")
association("not-defined", CHRONY_NEW, f"1 SHA1 {SECRET}\n", "nothing", log="Key 5 is missing")
association("not-trusted", NTPORG, FINE, "nothing", trusted="1")
association("not-trusted", NTPSEC, FINE, "nothing", trusted="1", log="key 5 found but not trusted")
association("line-lost", CHRONY, f"5 SHA1 {SECRET} # comment\n", "nothing", log="Key 5 is missing")
association("line-lost", NTPSEC, f"5 SHA {SECRET}\n", "nothing", log="key 5 not found")
association("other-line-bad", NTPORG, FINE + "6 SHA1\n", "nothing")
association("other-line-bad", NTPSEC, FINE + "6 SHA1\n", "authenticated")
association("other-line-bad", CHRONY, FINE + "6 SHA1 x y\n", "authenticated")
association("cut-in-version-4", CHRONY, f"5 SHA256 {SECRET}\n", "authenticated", option=" version 4")
association("cipher", NTPORG, f"5 AES128CMAC {SECRET}\n", "authenticated")
association("cipher", NTPSEC, f"5 AES-192 {SECRET}\n", "authenticated")
association("cipher", CHRONY, f"5 AES128 HEX:{SECRET}{SECRET[:12]}\n", "authenticated")

# What Debian's AppArmor profiles of ntpd leave to root.
CONFINED = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search")


def permissions(name, peer, owner, confined, code, denied):
    """Registers a check of a file of mode 0600 for a daemon that becomes `nobody`."""

    def work(bench):
        keys = bench.lab.write("daemon.keys", FINE)
        os.chown(keys, owner, owner)
        os.chmod(keys, 0o600)
        report = lint(bench, keys, "--as", AS[peer], "--user", "nobody")
        codes = [problem["code"] for problem in report["problems"]]
        if code not in codes:
            raise Failure(f"{code} is not among {codes}")
        conf = bench.lab.write("daemon.conf", f"keys {keys}\ntrustedkey 5\ndisable ntp\n"
                               f"driftfile {bench.lab.folder}/drift\n")
        os.chmod(conf, 0o644)
        pid = bench.lab.folder / "daemon.pid"
        foreground = ["-n", "-N"] if peer == NTPSEC else ["-n"]
        process = bench.lab.start("client", "ntpd", *(CONFINED if confined else ()), bench.peers.program(peer, "ntpd"),
                                  *foreground, "-c", conf, "-p", pid, "-u", "nobody:nogroup")
        time.sleep(3)  # what it logs at its start is all
        if ("Permission denied" in process.output()) != denied:
            raise Failure(f"denied should be {denied}: {process.output()[-600:]}")

    checks(f"{AS[peer]}-{name}", peer)(work)


for PEER in (NTPORG, NTPSEC):
    permissions("roots-file", PEER, 0, False, "user-cannot-read", False)
    permissions("roots-file-confined", PEER, 0, True, "user-cannot-read", False)
    permissions("own-file-confined", PEER, NOBODY, True, "apparmor-owner", True)


if __name__ == "__main__":
    sys.exit(0 if checks.run(checks.parser().parse_args()) else 1)
