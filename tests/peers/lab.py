"""Two network namespaces, a cable between them, and a recorder on it.

A `Lab` is a world of its own: nothing in it reaches the machine's network, no
two labs see each other, and leaving it ends every process started in it and
removes the namespaces, also after a failure. Needs root, iproute2, ethtool,
and tcpdump or dumpcap.
"""

import ctypes
import itertools
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "oracle"))
import packets  # noqa: E402  (the folder beside this one)

SERVER, SERVER6 = "10.99.0.1", "fd99::1"
CLIENT, CLIENT6 = "10.99.0.2", "fd99::2"
NTP_PORT = 123
CLONE_NEWNET = 0x40000000
EVERY_PROTOCOL = 3

stopping = threading.Event()
counter = itertools.count(1)
libc = ctypes.CDLL(None, use_errno=True)


class Failure(Exception):
    """Something did not happen as it must; the text says what."""


def wait_until(condition, seconds, what):
    """Polls until a condition holds; a wait without an end is not possible."""
    limit = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if stopping.is_set():
            raise Failure("stopped")
        if time.monotonic() > limit:
            raise Failure(f"waited {seconds} s in vain for {what}")
        time.sleep(0.02)


def run(*command, seconds=20):
    """Runs a short command that must succeed."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=seconds, check=False)
    if done.returncode:
        raise Failure(f"{' '.join(map(str, command))}: {done.stdout.decode(errors='replace').strip()}")
    return done.stdout.decode(errors="replace")


class Process:
    """A program in the background with its output in a file."""

    def __init__(self, name, command, log, directory):
        self.name, self.log = name, log
        with open(log, "wb") as output:
            self.handle = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output,
                                           stderr=output, cwd=directory)

    def output(self):
        """What the program has said so far."""
        return self.log.read_text(errors="replace")

    def ended(self):
        """Whether it has ended by itself."""
        return self.handle.poll() is not None

    def wait(self, seconds):
        """Waits for its own end and returns the exit code."""
        wait_until(self.ended, seconds, f"the end of {self.name}")
        return self.handle.returncode

    def stop(self, first=signal.SIGTERM):
        """Ends this process, and only this one."""
        for number in (first, signal.SIGKILL):
            if self.ended():
                return
            self.handle.send_signal(number)
            try:
                self.handle.wait(5)
            except subprocess.TimeoutExpired:
                continue


class Lab:
    """A server end and a client end; see the module text."""

    def __init__(self, folder, offload=False):
        mark = f"ntpcap-{os.getpid()}-{next(counter)}"
        self.folder = Path(folder)
        self.offload = offload
        self.space = {"server": f"{mark}-server", "client": f"{mark}-client"}
        self.processes = []
        self.messages = []
        self.watcher = None

    def __enter__(self):
        try:
            self.build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.stop()
        if self.watcher:
            self.watcher.close()
        for name in self.space.values():
            subprocess.run(["ip", "netns", "delete", name], stderr=subprocess.DEVNULL,
                           timeout=20, check=False)

    def build(self):
        """Makes the namespaces, the cable and the addresses."""
        for name in self.space.values():
            run("ip", "netns", "add", name)
        run("ip", "link", "add", "wire", "netns", self.space["server"], "type", "veth",
            "peer", "name", "wire", "netns", self.space["client"])
        ends = {"server": (SERVER, SERVER6), "client": (CLIENT, CLIENT6)}
        for end, (four, six) in ends.items():
            # No link-local address: ntpd would bind it before it is usable.
            self.ip(end, "link", "set", "wire", "addrgenmode", "none")
            self.ip(end, "link", "set", "lo", "up")
            self.ip(end, "addr", "add", f"{four}/24", "broadcast", "10.99.0.255", "dev", "wire")
            self.ip(end, "addr", "add", f"{six}/64", "dev", "wire", "nodad")
            self.ip(end, "link", "set", "wire", "up")
            if not self.offload:
                # Otherwise the kernel never fills in the checksums of a veth.
                run("ip", "netns", "exec", self.space[end], "ethtool", "-K", "wire", "tx", "off")
        self.watcher = self.open_socket("server", socket.AF_PACKET, socket.SOCK_RAW,
                                        socket.htons(EVERY_PROTOCOL))
        self.watcher.bind(("wire", 0))
        self.watcher.setblocking(False)

    def ip(self, end, *arguments):
        """Runs `ip` in one of the two namespaces."""
        run("ip", "-n", self.space[end], *arguments)

    def open_socket(self, end, *arguments):
        """A socket that lives in a namespace.

        Only a thread of its own changes namespace, so the rest of the program
        stays where it is; a socket keeps the namespace it was made in.
        """
        result = []

        def work():
            with open(f"/run/netns/{self.space[end]}", "rb") as space:
                if libc.setns(space.fileno(), CLONE_NEWNET):
                    result.append(OSError(ctypes.get_errno(), "setns"))
                    return
            result.append(socket.socket(*arguments))

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        if isinstance(result[0], Exception):
            raise result[0]
        return result[0]

    def start(self, end, name, *command):
        """Starts a program in a namespace; it ends with the lab at the latest."""
        log = self.folder / f"{len(self.processes)}-{name}.log"
        process = Process(name, ["ip", "netns", "exec", self.space[end], *map(str, command)],
                          log, self.folder)
        self.processes.append(process)
        return process

    def write(self, name, text):
        """Writes a configuration file into the lab's folder."""
        path = self.folder / name
        path.write_text(text)
        return path

    def look(self):
        """All NTP messages seen on the wire so far, oldest first."""
        while True:
            try:
                octets = self.watcher.recv(65535)
            except BlockingIOError:
                return self.messages
            frame = packets.Frame(0, packets.ETHERNET, octets, len(octets))
            self.messages += [d for d in packets.read_datagrams([frame])
                              if NTP_PORT in (d.source_port, d.destination_port)]

    def forget(self):
        """Starts counting messages anew."""
        self.look()
        self.messages = []

    def wait_messages(self, number, seconds, what=None, wanted=lambda datagram: True):
        """Waits until that many messages (of a kind) have passed."""
        wait_until(lambda: sum(map(wanted, self.look())) >= number, seconds,
                   what or f"{number} messages")

    def ask(self, payload, six=False, seconds=0.4, local_port=0):
        """Sends one request from the client end; the reply's octets or None."""
        with self.open_socket("client", socket.AF_INET6 if six else socket.AF_INET,
                              socket.SOCK_DGRAM) as sock:
            sock.bind((CLIENT6 if six else CLIENT, local_port))
            sock.settimeout(seconds)
            sock.sendto(payload, (SERVER6 if six else SERVER, NTP_PORT))
            try:
                return sock.recv(2048)
            except (TimeoutError, ConnectionRefusedError):
                return None

    def wait_server(self, process, synchronised=False, six=True, seconds=20):
        """Waits until the daemon answers plain requests (and has a time to give)."""
        plain = bytes([0x23]) + bytes(39) + os.urandom(8)

        def answers(over_six):
            if process.ended():
                raise Failure(f"{process.name} ended: {process.output()[-600:]}")
            reply = self.ask(plain, over_six, 0.1)
            return reply and (not synchronised or reply[0] >> 6 != 3)

        for over_six in (False, True) if six else (False,):
            wait_until(lambda: answers(over_six), seconds, f"an answer of {process.name}")
        self.forget()


class Recorder:
    """Records the wire of a lab into a file with a real capture tool."""

    def __init__(self, lab, kind, path):
        """`kind`: pcap, pcap-nano, pcapng, or any (all interfaces at once, SLL2)."""
        self.lab, self.kind, self.path = lab, kind, Path(path)
        self.process = None

    def __enter__(self):
        interface = "any" if self.kind == "any" else "wire"
        what = f"udp port {NTP_PORT}"
        if self.kind == "pcapng":
            command = ["dumpcap", "-q", "-i", interface, "-f", what, "-w", self.path]
            ready = "File:"
        else:
            precision = "nano" if self.kind in ("pcap-nano", "any") else "micro"
            # Slots as small as messages: with the usual size only eight fit the buffer.
            command = ["tcpdump", "-n", "-U", "--immediate-mode", "-s", "4096", "-B", "8192",
                       "-Z", "root", "-i", interface,
                       f"--time-stamp-precision={precision}", "-w", self.path, what]
            ready = "listening on"
        if not shutil.which(command[0]):
            raise Failure(f"{command[0]} is not installed")
        self.process = self.lab.start("server", command[0], *command)
        wait_until(lambda: ready in self.process.output() or self.process.ended(), 15,
                   f"{command[0]} to listen")
        if self.process.ended():
            raise Failure(f"{command[0]} ended: {self.process.output()}")
        self.lab.forget()
        return self

    def __exit__(self, kind, *_):
        seen = len(self.lab.look())
        time.sleep(0.7 if self.kind == "pcapng" else 0.2)  # dumpcap reads in blocks
        self.process.stop(signal.SIGINT)
        if kind is None:
            kept = len(list(packets.read_frames(self.path)))
            if kept < seen:
                raise Failure(f"{self.process.name} kept {kept} of {seen} messages")
            if self.kind == "pcapng":
                tidy_pcapng(self.path)


def tidy_pcapng(path):
    """Takes the names of processor and kernel out of what dumpcap wrote.

    They say something about the machine and nothing about the capture; every
    other block and option stays as it is.
    """
    octets, position, kept = path.read_bytes(), 0, b""
    unwanted = {0x0A0D0D0A: (16, {2, 3}), 1: (8, {12})}  # shb_hardware, shb_os, if_os
    while position < len(octets):
        kind, length = struct.unpack("<II", octets[position:position + 8])
        body = octets[position + 8:position + length - 4]
        position += length
        if kind in unwanted:
            fixed, codes = unwanted[kind]
            body = body[:fixed] + without_options(body[fixed:], codes)
        size = struct.pack("<I", len(body) + 12)
        kept += struct.pack("<I", kind) + size + body + size
    path.write_bytes(kept)


def without_options(options, codes):
    """The options of a pcapng block less those of some codes."""
    position, kept = 0, b""
    while position + 4 <= len(options):
        code, size = struct.unpack("<HH", options[position:position + 4])
        whole = 4 + size + -size % 4
        if code not in codes:
            kept += options[position:position + whole]
        position += whole
    return kept
