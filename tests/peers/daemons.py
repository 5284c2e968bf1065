"""How each real daemon and client is started inside a lab.

None of them may touch the clock: ntpd gets `disable ntp`, chronyd `-x`,
ntpd-rs and OpenNTPD no sources, the one-shot clients only query.
"""

import os
from pathlib import Path

from lab import SERVER, SERVER6, Failure

PEERS = {
    "ntp.org-4.2.8p15": "ntp.org ntpd 4.2.8p15 (Debian bullseye)",
    "chrony-4.3": "chrony 4.3 (Debian bookworm)",
    "chrony-4.6.1": "chrony 4.6.1 (Debian trixie)",
    "ntpsec-1.2.2": "NTPsec 1.2.2 (Debian bookworm)",
    "ntpd-rs-1.4.0": "ntpd-rs 1.4.0 (Debian trixie)",
    "openntpd-6.2p3": "OpenNTPD 6.2p3 (Debian bookworm)",
    "monitoring-plugins-2.3.3": "check_ntp_time of monitoring-plugins 2.3.3 (Debian bookworm)",
}
NTPORG, CHRONY, CHRONY_NEW, NTPSEC, NTPD_RS, OPENNTPD, PLUGINS = PEERS


class Peers:
    """The unpacked programs; see the script `fetch`."""

    def __init__(self, folder):
        self.folder = Path(folder).resolve()

    def missing(self, names):
        """Those of the named peers that are not there."""
        return [name for name in names if not (self.folder / name / "bin").is_dir()]

    def program(self, peer, name):
        """The wrapper of a program."""
        return self.folder / peer / "bin" / name


def start_ntporg(lab, peers, keys, trusted, extra="", end="server", six=True):
    """ntp.org ntpd; orphan mode gives it a time of its own within seconds."""
    lines = ["disable ntp", "tos orphan 5 orphanwait 1", "restrict default", "restrict ::",
             f"driftfile {end}.drift"]
    if keys:
        lines += [f"keys {keys}", f"trustedkey {trusted}"]
    conf = lab.write(f"ntporg-{end}.conf", "\n".join(lines + [extra]) + "\n")
    process = lab.start(end, "ntpd", peers.program(NTPORG, "ntpd"), "-n", "-c", conf,
                        "-p", lab.folder / f"ntporg-{end}.pid")
    if end == "server":
        lab.wait_server(process, synchronised=True, six=six)
    return process


def start_ntpsec(lab, peers, keys, trusted, extra="", end="server"):
    """NTPsec ntpd; it answers at once, but as unsynchronised for some minutes.

    Its default is `limited noquery` and `restrict default` takes nothing from
    it, so the lab's networks get entries of their own.
    """
    conf = lab.write(f"ntpsec-{end}.conf", "\n".join([
        f"keys {keys}", f"trustedkey {trusted}", "disable ntp", "refclock local",
        "restrict 10.99.0.0 mask 255.255.255.0", "restrict fd99:: mask ffff:ffff:ffff:ffff::",
        f"driftfile {lab.folder}/{end}.drift", extra]) + "\n")
    process = lab.start(end, "ntpd", peers.program(NTPSEC, "ntpd"), "-n", "-N", "-c", conf,
                        "-p", lab.folder / f"ntpsec-{end}.pid")
    if end == "server":
        lab.wait_server(process)
    return process


def start_chrony(lab, peers, keys, peer=CHRONY, extra="", end="server"):
    """chronyd as a server of its own clock, without a command socket."""
    lines = ["local stratum 5", "allow all", "bindcmdaddress /", "cmdport 0",
             f"pidfile {lab.folder}/chrony-{end}.pid", f"driftfile {lab.folder}/{end}.drift"]
    if keys:
        lines.append(f"keyfile {keys}")
    conf = lab.write(f"chrony-{end}.conf", "\n".join(lines + [extra]) + "\n")
    process = lab.start(end, "chronyd", peers.program(peer, "chronyd"), "-x", "-d", "-u", "root",
                        "-f", conf)
    if end == "server":
        lab.wait_server(process, synchronised=True)
    return process


def start_chrony_client(lab, peers, source, keys, peer=CHRONY, extra="", once=True):
    """chronyd as a client; `once` is the one-shot mode that only prints the offset."""
    lines = [source, "bindcmdaddress /", "cmdport 0", f"pidfile {lab.folder}/chrony-client.pid"]
    if keys:
        lines.append(f"keyfile {keys}")
    conf = lab.write("chrony-client.conf", "\n".join(lines + [extra]) + "\n")
    mode = ["-Q", "-t", "8"] if once else ["-d"]
    return lab.start("client", "chronyd", peers.program(peer, "chronyd"), "-x", *mode,
                     "-u", "root", "-f", conf)


def start_ntpd_rs(lab, peers):
    """ntpd-rs as a server without sources."""
    conf = lab.write("ntp.toml", "\n".join([
        "[synchronization]", "local-stratum = 5",
        "[[server]]", f'listen = "{SERVER}:123"', "[[server]]", f'listen = "[{SERVER6}]:123"', ""]))
    os.chmod(conf, 0o644)
    process = lab.start("server", "ntp-daemon", peers.program(NTPD_RS, "ntp-daemon"), "-c", conf)
    lab.wait_server(process)
    return process


def start_openntpd(lab, peers):
    """OpenNTPD as a server.

    It insists on a user of its own, which the machine need not have: `ip netns
    exec` gives it a private view of the file systems, where it gets one.
    """
    for name, line in (("passwd", "ntpd:x:65533:65533::/run/openntpd:/bin/false\n"),
                       ("group", "ntpd:x:65533:\n")):
        os.chmod(lab.write(name, Path("/etc", name).read_text() + line), 0o644)
    conf = lab.write("openntpd.conf", f"listen on {SERVER}\nlisten on {SERVER6}\n")
    os.chmod(conf, 0o644)
    script = (f"mount --bind {lab.folder}/passwd /etc/passwd && mount --bind {lab.folder}/group /etc/group"
              " && mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /var/lib"
              " && mkdir -p /run/openntpd /var/lib/openntpd/run /var/lib/openntpd/db"
              ' && exec "$@"')
    process = lab.start("server", "openntpd", "sh", "-c", script, "sh",
                        peers.program(OPENNTPD, "ntpd"), "-d", "-f", conf)
    lab.wait_server(process)
    return process


def run_client(lab, seconds, name, *command, may_fail=False):
    """Runs a one-shot client to its end."""
    process = lab.start("client", name, *command)
    code = process.wait(seconds)
    if code and not may_fail:
        raise Failure(f"{name} ended with {code}: {process.output()[-400:]}")
    return process
