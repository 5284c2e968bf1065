#!/usr/bin/env python3
"""Holds real servers to the cases of `ntpcap conform server`, and to their baselines.

    conform.py --program TARGET/debug/ntpcap [--peers DIR] [--only NAME]... [--record]

Each server runs in a lab of its own and is asked every case. What it does
otherwise must stand in captures/baselines, and what stands there must show;
the matrix in docs/interop.md must be that of these runs. --record writes both
anew. Needs what record.py needs.
"""

import json
import sys
import tomllib
from difflib import unified_diff
from pathlib import Path

import daemons
from bench import Checks
from daemons import CHRONY, CHRONY_NEW, NTPD_RS, NTPORG, NTPSEC, OPENNTPD
from lab import SERVER, Failure, run
from record import PROJECT
from scenario import TRUSTED

BASELINES = PROJECT / "captures" / "baselines"
DOCUMENT = PROJECT / "docs" / "interop.md"
BEGIN, END = "<!-- generated: conform.py writes from here -->", "<!-- generated: to here -->"
REPORTS = PROJECT / "target" / "conform"
KEYS = {"ntp.org": "1,2,3,4,5,9"}  # one of each algorithm that the cases name
MORE_KEYS = "1,2,3,4,5,9,10"  # with AES-256, which ntp.org's ntpd does not know

STARTERS = {
    NTPORG: ("ntp.org", lambda bench: daemons.start_ntporg(bench.lab, bench.peers, bench.keys("ntp.org"), TRUSTED)),
    NTPSEC: ("ntpsec", lambda bench: daemons.start_ntpsec(bench.lab, bench.peers, bench.keys("ntpsec"), TRUSTED)),
    CHRONY: ("chrony", lambda bench: daemons.start_chrony(bench.lab, bench.peers, bench.keys("chrony"), CHRONY)),
    CHRONY_NEW: ("chrony", lambda bench: daemons.start_chrony(bench.lab, bench.peers, bench.keys("chrony"), CHRONY_NEW)),
    NTPD_RS: ("ntpsec", lambda bench: daemons.start_ntpd_rs(bench.lab, bench.peers)),
    OPENNTPD: ("ntpsec", lambda bench: daemons.start_openntpd(bench.lab, bench.peers)),
}

check = Checks(__doc__.split("\n")[0])
record = False


def conform(bench, peer):
    """Asks a server every case; it must do what its baseline has."""
    dialect, start = STARTERS[peer]
    start(bench)
    REPORTS.mkdir(parents=True, exist_ok=True)
    report, baseline = REPORTS / f"{peer}.json", BASELINES / f"{peer}.toml"
    held = ["--write-baseline", baseline] if record else ["--baseline", baseline, "--strict"]
    process = daemons.run_client(
        bench.lab, 240, "ntpcap", bench.program, "conform", "server", SERVER, "--keys", bench.keys(dialect),
        "--key-format", dialect, "--key", KEYS.get(dialect, MORE_KEYS), "--interval", "2ms", "--timeout", "150ms", "--label", peer,
        "--format", "json", "--output", report, "--force", *held, may_fail=True)
    if not report.exists():
        raise Failure(f"no report: {process.output()[-600:]}")
    table = run(bench.program, "conform", "matrix", report)
    odd = [line for line in table.splitlines() if line.endswith(("| fail |", "| warn |", "| unexpected-pass |"))]
    if odd and not record:
        raise Failure("not as its baseline has it:\n" + "\n".join(odd))
    name_deviations(report, baseline)


def name_deviations(report, baseline):
    """Puts what the baseline expects in place of `expected-fail`: a reader of the matrix wants to know which it is."""
    expected = {entry["case"]: entry["outcome"] for entry in tomllib.loads(baseline.read_text()).get("expected", [])}
    told = json.loads(report.read_text())
    for case in told["cases"]:
        if case["outcome"] == "expected-fail":
            case["outcome"] = expected[case["slug"]]
    report.write_text(json.dumps(told))


for name in STARTERS:
    check(name, name)(lambda bench, name=name: conform(bench, name))


def matrix(program):
    """The matrix of all servers, as a table."""
    return run(program, "conform", "matrix", *(REPORTS / f"{peer}.json" for peer in STARTERS))


def document(program):
    """The page with the matrix of these runs in its place."""
    text = DOCUMENT.read_text()
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n\n{matrix(program)}\n{END}{rest.split(END)[1]}"


def main():
    """The command line."""
    global record
    parser = check.parser()
    parser.add_argument("--record", action="store_true", help="write baselines and the matrix anew")
    options = parser.parse_args()
    record = options.record
    for report in REPORTS.glob("*.json"):
        report.unlink()
    good = check.run(options)
    if options.only or not all((REPORTS / f"{peer}.json").exists() for peer in STARTERS):
        return 0 if good else 1
    page = document(options.program)
    if record:
        DOCUMENT.write_text(page)
    elif page != DOCUMENT.read_text():
        print("failed: docs/interop.md is another matrix:")
        sys.stdout.writelines(unified_diff(DOCUMENT.read_text().splitlines(True), page.splitlines(True), "page", "now"))
        good = False
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
