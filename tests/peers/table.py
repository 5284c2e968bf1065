"""Every kind of request that tells NTP servers apart, and the recordings of what each server answers.

The recordings are what the habits of the reference server are compared with,
request by request.
"""

import struct

import daemons
import stimuli
from daemons import CHRONY, NTPD_RS, NTPORG, NTPSEC, OPENNTPD
from scenario import TRUSTED, scenario

MONOTONIC_FIELD = struct.pack(">HHI", 0xF323, 28, 0xF5BEDD9A) + bytes(20)


def table(keys):
    """All requests; `keys` are the numbers of the keys that the server has.

    Whatever may change a server comes last: a peer's message under a right MAC.
    """
    header, signed, field = stimuli.header, stimuli.signed, stimuli.extension_field
    rows = [header(version) for version in range(8)]
    rows += [with_poll(poll) for poll in (0, 1, 3, 10, 17, 250)]
    rows += [header()[:40] + bytes(8)]
    rows += [signed(number) for number in keys]
    rows += [signed(number, version) for version in (1, 2, 3, 5, 6, 7) for number in (1, 2)]
    rows += [stimuli.signed_in_full(number, version) for version in (3, 4) for number in (3, 4, 5)]
    rows += refused() + odd_trailers() + fields()
    rows += [header(version, mode) for version, mode in
             ((1, 0), (2, 0), (4, 0), (1, 1), (2, 1), (3, 1), (4, 1), (4, 2), (4, 4), (4, 5), (3, 5))]
    rows += [stimuli.ms_sntp(), stimuli.ms_sntp_extended()]
    rows += [(header() + bytes(4))[:length] for length in (0, 1, 12, 47, 49, 50, 51)]
    rows += [signed(2, mode=mode) for mode in (0, 2, 4, 5)]
    wrong = signed(2, mode=1)
    return rows + [wrong[:-1] + bytes([wrong[-1] ^ 1]), stimuli.sign(header(4, 1), stimuli.test_key(2), number=99),
                   signed(2, mode=1)]


def with_poll(poll):
    """A plain request with that poll exponent."""
    plain = bytearray(stimuli.header())
    plain[2] = poll
    return bytes(plain)


def refused():
    """MACs that are wrong or under keys that are not to be had."""
    wrong_version_5 = bytearray(stimuli.signed(2, 5))
    wrong_version_5[-1] ^= 1
    return [stimuli.wrong_secret(1), stimuli.wrong_secret(2), stimuli.wrong_secret(9), bytes(wrong_version_5),
            stimuli.unknown_key(), stimuli.sign(stimuli.header(), stimuli.test_key(1), number=70000),
            stimuli.wrong_algorithm(2, "md5"), stimuli.wrong_algorithm(2, "ripemd160"),
            stimuli.signed(stimuli.UNTRUSTED)]


def odd_trailers():
    """What follows a header and is no MAC, or a MAC of another length."""
    def behind(trailer, version=4):
        return stimuli.header(version) + trailer

    key_2 = struct.pack(">I", 2)
    rows = [behind(bytes(4)), behind(key_2), behind(bytes(20)), behind(bytes(4) + b"w" * 16),
            behind(bytes(4) + b"w" * 20)]
    rows += [behind((key_2 + b"w" * 96)[:length], version) for version in (4, 3)
             for length in (8, 12, 16, 28, 32, 36, 40, 44, 52, 68, 72, 100)]
    rows += [behind((key_2 + b"w" * 96)[:6], version) for version in (2, 3, 4)]
    rows += [stimuli.signed(2, octets=octets) for octets in (8, 12, 16)] + [stimuli.signed(3, octets=16)]
    return rows + [stimuli.signed(1) + bytes(4), stimuli.signed(2) + bytes(4)]


def fields():
    """Extension fields with and without a MAC."""
    field, header = stimuli.extension_field, stimuli.header
    rows = [header() + field(0x2005, length) for length in (4, 8, 12, 16, 20, 24, 28, 32, 64)]
    rows += [header() + field(0xC005, 28), header() + MONOTONIC_FIELD, header() + field(0x2005, 28) * 2]
    rows += [header(3) + field(0x2005, 28)]
    rows += [stimuli.signed(number, fields=field(0x2005, length)) for number in (1, 2) for length in (16, 28)]
    rows += [stimuli.signed(2, fields=MONOTONIC_FIELD), stimuli.signed(2, fields=field(0x2005, 28) * 2)]
    bare = header()
    over_header = stimuli.sign(bare, stimuli.test_key(2))[len(bare):]
    return rows + [bare + field(0x2005, 28) + over_header]


NTPORG_KEYS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16)
NTPSEC_KEYS = NTPORG_KEYS + (17,)
CHRONY_KEYS = (1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 15, 16)


def ask_all(stage, keys):
    """Puts the whole table to the server of a lab, and records it."""
    with stage.recording():
        for payload in table(keys):
            stage.lab.ask(payload, seconds=0.25)


@scenario("ntporg", "the whole table of requests put to ntp.org ntpd", [NTPORG], folder="habits",
          trusted=stimuli.TRUSTED)
def ntporg(stage):
    """ntp.org ntpd."""
    daemons.start_ntporg(stage.lab, stage.peers, stage.shared("ntp.org"), TRUSTED)
    ask_all(stage, NTPORG_KEYS)


@scenario("ntpsec", "the whole table of requests put to NTPsec ntpd", [NTPSEC], folder="habits",
          key_format="ntpsec", trusted=stimuli.TRUSTED)
def ntpsec(stage):
    """NTPsec ntpd."""
    daemons.start_ntpsec(stage.lab, stage.peers, stage.shared("ntpsec"), TRUSTED)
    ask_all(stage, NTPSEC_KEYS)


@scenario("chrony", "the whole table of requests put to chronyd", [CHRONY], folder="habits",
          key_format="chrony")
def chrony(stage):
    """chronyd."""
    daemons.start_chrony(stage.lab, stage.peers, stage.shared("chrony"))
    ask_all(stage, CHRONY_KEYS)


@scenario("ntpd-rs", "the whole table of requests put to ntpd-rs", [NTPD_RS], folder="habits")
def ntpd_rs(stage):
    """ntpd-rs."""
    daemons.start_ntpd_rs(stage.lab, stage.peers)
    ask_all(stage, NTPORG_KEYS)


@scenario("openntpd", "the whole table of requests put to OpenNTPD", [OPENNTPD], folder="habits")
def openntpd(stage):
    """OpenNTPD."""
    daemons.start_openntpd(stage.lab, stage.peers)
    ask_all(stage, NTPORG_KEYS)
