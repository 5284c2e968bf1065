#!/usr/bin/env python3
"""Compares what `ntpcap keys` says of key files with what the real daemons do.

    keys.py --program TARGET/debug/ntpcap [--peers DIR] [--only NAME]...

Lines: each line of keylines.py is given to a real daemon, which is asked under
every secret and algorithm that anyone might find in it. The key that it
answers under must be the one of which `ntpcap keys fingerprint` shows the
fingerprint, and none where that shows none. Fingerprints are computed here by
Python's scrypt.

Conversions: a file that `ntpcap keys convert` wrote is given to its daemon,
which must answer requests under the keys of the first file. New keys: the
same with `ntpcap keys gen`.

Each check runs in a lab of its own; needs what record.py needs.
"""

import hashlib
import itertools
import json
import socket
import subprocess
import sys
import time

import daemons
import keyfiles
import keylines
import oracle
import stimuli
from bench import Checks
from daemons import CHRONY, CHRONY_NEW, NTPORG, NTPSEC
from lab import CLIENT, NTP_PORT, SERVER, Failure

check = Checks(__doc__.split("\n")[0])

SALT = "keys.py:a-salt-for-tests"
CONTROL = "1 MD5 control-key"
DIALECTS = {NTPORG: "ntp.org", NTPSEC: "ntpsec", CHRONY: "chrony", CHRONY_NEW: "chrony"}
ROUNDS, AT_ONCE = 3, 40
FEWEST_KNOWN = 80


def fingerprint(secret):
    """The fingerprint of a secret, as the help of `keys fingerprint` and RFC 7914 define it."""
    octets = hashlib.scrypt(secret, salt=b"ntpcap-fingerprint-1:" + SALT.encode(), n=16384, r=8, p=1, dklen=10)
    return "-".join(octets.hex()[at:at + 4] for at in range(0, 20, 4))


def read_alike(bench, path, peer):
    """What `ntpcap keys fingerprint` says: algorithm and fingerprint by identifier."""
    done = subprocess.run([bench.program, "keys", "fingerprint", path, "--as", DIALECTS[peer], "--salt", SALT, "--json"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, check=False)
    if done.returncode not in (0, 1, 3):
        raise Failure(f"keys fingerprint: {done.stderr.decode(errors='replace')}")
    told = json.loads(done.stdout)
    older = "older_" if peer == NTPORG else ""  # the ntpd here is 4.2.8p15
    if older + "refusal" in told:
        return {}, True
    return {key["key_id"]: (key["algorithm"], key.get(older + "fingerprint") or key.get("fingerprint"))
            for key in told["keys"]}, False


def ask(lab, keys):
    """Asks under each key; the set of those that the server answers under with a valid MAC."""
    accepted, waiting = set(), {}
    for key in keys:
        request = stimuli.sign(stimuli.header(), key, 20)
        waiting[request[40:48]] = (key, request)
    with lab.open_socket("client", socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        sock.bind((CLIENT, 0))
        for _ in range(ROUNDS):
            for at, (_, request) in enumerate(list(waiting.values())):
                sock.sendto(request, (SERVER, NTP_PORT))
                if at % AT_ONCE == AT_ONCE - 1:
                    take(sock, 0.01, waiting, accepted)
            take(sock, 0.25, waiting, accepted)
    return accepted


def take(sock, seconds, waiting, accepted):
    """Takes replies until none comes for so long; what is answered is not asked again."""
    sock.settimeout(seconds)
    while True:
        try:
            reply = sock.recv(2048)
        except TimeoutError:
            return
        key, _ = waiting.pop(reply[24:32], (None, None))
        if key and len(reply) > 52 and oracle.digest_matches(key, reply[:48], reply[52:]):
            accepted.add(key)


def start(bench, peer, path):
    """Starts a daemon with a key file; every key that it may have is trusted."""
    lab = bench.lab
    if peer == NTPSEC:
        return daemons.start_ntpsec(lab, bench.peers, path, "(1 ... 999) 65535")
    if peer != NTPORG:
        return daemons.start_chrony(lab, bench.peers, path, peer)
    conf = lab.write("ntp.conf", f"disable ntp\nrestrict default\nrestrict ::\nkeys {path}\n"
                                 "trustedkey (1 ... 999) 65535\n")
    process = lab.start("server", "ntpd", bench.peers.program(NTPORG, "ntpd"), "-n", "-c", conf)
    lab.wait_server(process)
    return process


def compare(bench, peer, name, text, asked):
    """Gives one file to a daemon and asks for its keys; returns what is not as foretold, and how many keys it has.

    `asked` has a name, an identifier and candidates for each key in question.
    """
    path = bench.lab.folder / "tried.keys"
    path.write_bytes(text)
    foretold, refused = read_alike(bench, path, peer)
    process = start(bench, peer, path)
    accepted = ask(bench.lab, [key for _, _, keys in asked for key in keys])
    process.stop()
    faults = []
    for line, number, keys in asked:
        found = sorted((key.algorithm, key.secret) for key in accepted.intersection(keys))
        wanted = foretold.get(number)
        if wanted and not is_known(wanted[0]):
            wanted = None
        shown = [(algorithm, fingerprint(secret)) for algorithm, secret in found]
        if shown != ([wanted] if wanted else []):
            where = f"{name}, {line}" if line != name else name
            faults.append(f"{where}: {peer} answers under {found}, foretold is {wanted}"
                          f"{', the file being refused' if refused else ''}")
    return faults, len(accepted)


def is_known(algorithm):
    """Whether the oracle computes it; what it does not is never asked for."""
    return algorithm in keyfiles.HASHES or algorithm in keyfiles.CIPHER_OCTETS


def spoils(bench, peer, text):
    """Whether `ntpcap` says that the daemon refuses a file of one line, or reads on behind the line otherwise."""
    path = bench.lab.folder / "alone.keys"
    path.write_bytes(text)
    return read_alike(bench, path, peer)[1]


def line_files(bench, peer):
    """Files for all lines: those that leave each other alone share one, the others have one each."""
    together, shared, number = [], [CONTROL.encode()], 100
    control = ("control key", 1, [keyfiles.Key(1, "md5", b"control-key")])
    for name, line in keylines.lines().items():
        number += 1
        octets = line.replace("@", str(number)).encode()
        keys = keylines.candidates(number, octets) if "\n" not in line else [
            key for part in octets.split(b"\n") for key in keylines.candidates(number, part)]
        if peer == NTPORG and spoils(bench, peer, octets + b"\n"):
            yield name, CONTROL.encode() + b"\n" + octets + b"\n", [control, (name, number, keys)]
            continue
        shared.append(octets)
        together.append((name, number, keys))
    yield "lines together", b"\n".join(shared) + b"\n", [control, *together]


def whole_files(peer):
    """Files that are tried as they are."""
    for name, (octets, numbers) in keylines.FILES.items():
        parts = [line[at:] for line in octets.split(b"\n") for at in {0, 511, 2047}]
        yield name, octets, [(f"key {number}", number, [key for part in dict.fromkeys(parts) if len(part) < 200
                                                        for key in keylines.candidates(number, part)])
                             for number in numbers]
    for name, (text, stale) in keylines.SHORT_CIPHERS.items():
        octets = text.replace("@", "20").encode()
        keys = [key for line in octets.split(b"\n") for key in keylines.candidates(20, line)]
        algorithm = "aes192-cmac" if "192" in name else "aes128-cmac"
        keys = list(dict.fromkeys([*keys, keyfiles.Key(20, algorithm, stale)]))
        yield name, octets, [(name, 20, keys)]


def check_lines(bench, peer):
    """All lines and files for one daemon."""
    began, faults, files, keys, known = time.monotonic(), [], 0, 0, 0
    for name, text, asked in itertools.chain(line_files(bench, peer), whole_files(peer)):
        differing, answered = compare(bench, peer, name, text, asked)
        faults, known = faults + differing, known + answered
        files, keys = files + 1, keys + sum(len(part) for _, _, part in asked)
    print(f"{DIALECTS[peer]}: {files} files, {keys} keys asked for, {known} of them answered, {time.monotonic() - began:.0f} s", flush=True)
    if known < FEWEST_KNOWN:
        faults.append(f"only {known} keys are answered: nothing is proved")
    if faults:
        raise Failure(f"{len(faults)} not as foretold:\n" + "\n".join(faults))


def run_keys(bench, *arguments):
    """Runs `ntpcap keys`, which must do its work."""
    done = subprocess.run([bench.program, "keys", *map(str, arguments)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=120, check=False)
    if done.returncode:
        raise Failure(f"keys {arguments[0]}: {done.stderr.decode(errors='replace')}")


def must_answer(bench, peer, path, keys):
    """Starts a daemon with a file: it must answer under each of the keys, and under none with other octets."""
    process = start(bench, peer, path)
    other = [keyfiles.Key(key.number, key.algorithm, key.secret[::-1] + b"x" * (key.secret == key.secret[::-1]))
             for key in keys]
    accepted = ask(bench.lab, [*keys, *other])
    process.stop()
    silent = [(key.number, key.algorithm) for key in keys if key not in accepted]
    wrong = [(key.number, key.algorithm) for key in other if key in accepted]
    if silent or wrong:
        raise Failure(f"{peer} answers under wrong keys: {wrong}, and not under the keys: {silent}")


# Algorithms by the daemons that know them, as the test keys have them: the first file has what both know.
SHARED = {"ntp.org": {1, 2, 8, 9, 11, 13}, "ntpsec": {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16, 17},
          "chrony": {1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 16}}


def check_conversions(bench, peer):
    """Files of each other dialect, converted for this daemon."""
    target = DIALECTS[peer]
    for source in SHARED:
        numbers = SHARED[source] & SHARED[target]
        first, second = (bench.lab.folder / f"{source}-{target}-{end}.keys" for end in ("first", "second"))
        first.write_text(stimuli.key_file_text(source, numbers))
        run_keys(bench, "convert", first, "--as", source, "--to", target, "-o", second)
        must_answer(bench, peer, second, [stimuli.test_key(number) for number in sorted(numbers)])


def check_new(bench, peer):
    """A key of every type that `keys gen` makes for this daemon, one file with all."""
    dialect, number, keys, text = DIALECTS[peer], 100, [], b""
    for word in TYPES[dialect].split():
        path = bench.lab.folder / f"{number}.keys"
        run_keys(bench, "gen", "--for", dialect, "--type", word, "--id", f"{number}-{number + 1}", "-o", path)
        keys += keyfiles.read_keys(path, dialect).values()
        text += path.read_bytes()
        number += 2
    if len(keys) != number - 100:
        raise Failure(f"{len(keys)} keys, expected {number - 100}")
    path = bench.lab.folder / "new.keys"
    path.write_bytes(text)
    must_answer(bench, peer, path, keys)


TYPES = {"ntp.org": "MD5 SHA1 SHAKE128 RIPEMD160 AES128CMAC",
         "ntpsec": "MD5 SHA1 SHA224 SHA256 SHA384 SHA512 SHA512-256 SHA3-224 SHA3-256 SHA3-384 SHA3-512 SHAKE128 "
                   "RIPEMD160 AES128CMAC AES-192 AES-256",
         "chrony": "MD5 SHA1 SHA256 SHA384 SHA512 SHA3-224 SHA3-256 SHA3-384 SHA3-512 AES128 AES256"}

for daemon in DIALECTS:
    check(f"lines-{daemon}", daemon)(lambda bench, daemon=daemon: check_lines(bench, daemon))
    check(f"converted-{daemon}", daemon)(lambda bench, daemon=daemon: check_conversions(bench, daemon))
    check(f"new-{daemon}", daemon)(lambda bench, daemon=daemon: check_new(bench, daemon))


if __name__ == "__main__":
    sys.exit(0 if check.run(check.parser().parse_args()) else 1)
