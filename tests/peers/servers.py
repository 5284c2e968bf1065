"""The article's scenario, and what each server answers to every kind of request."""

import shutil

import daemons
import stimuli
from clients import ntpd_client
from daemons import CHRONY, CHRONY_NEW, NTPD_RS, NTPORG, NTPSEC, OPENNTPD
from lab import SERVER, run
from scenario import TRUSTED, scenario
from stimuli import Stimulus

@scenario("sha1-valid-and-wrong-key",
          "SHA-1 keys 11 to 13 verify in both directions; then a wrong secret, an unknown and an "
          "untrusted key are each refused with a crypto-NAK, and a request without MAC is answered without",
          [NTPORG], kind="pcapng", keys="sha1-valid-and-wrong-key.keys", trusted="11-13")
def article(stage):
    """ntp-keygen's file on an ntpd that trusts keys 11 to 13, asked by three clients."""
    lab, peers = stage.lab, stage.peers
    keys = article_keys(stage)
    lines = [line.split() for line in keys.read_text().splitlines()]
    secrets = {int(words[0]): words[2] for words in lines if words and words[0].isdigit()}
    swapped = lab.write("swapped.keys", f"11 SHA1 {secrets[15]}\n99 SHA1 {secrets[11]}\n")
    daemons.start_ntporg(lab, peers, keys, "(11 ... 13)")
    ntpdate = [peers.program(NTPORG, "ntpdate"), "-q", "-p", "1", "-t", "0.2"]

    def ask(*options):
        # One sample is not enough for ntpdate to call it a success.
        daemons.run_client(lab, 10, "ntpdate", *ntpdate, *options, SERVER, may_fail=True)

    with stage.recording():
        ask("-a", 11, "-k", keys)
        daemons.run_client(lab, 10, "sntp", peers.program(NTPORG, "sntp"), "-a", "12", "-k", keys, SERVER)
        ntpd_client(stage, f"server {SERVER} key 13 iburst", keys, "13", 6)
        ask("-a", 11, "-k", swapped)
        ask("-a", 99, "-k", swapped)
        ask("-a", 14, "-k", keys)
        ask()


def article_keys(stage):
    """The key file as ntp-keygen wrote it; made once, then kept."""
    name = stage.scenario.keys
    kept = stage.out / name
    target = stage.lab.folder / name
    if kept.exists():
        shutil.copy(kept, target)
        return target
    # The file names the host: give it a made-up one.
    make = 'hostname ntp1 && exec "$0" -M'
    folder = stage.lab.folder / "keygen"
    folder.mkdir()
    program = stage.peers.program(NTPORG, "ntp-keygen")
    run("sh", "-c", f'cd "{folder}" && exec unshare --uts sh -c \'{make}\' "{program}"')
    made = next(path for path in folder.iterdir() if path.name.startswith("ntpkey_MD5key_"))
    shutil.copy(made, target)
    return target


def version_stimuli(answers, six=False):
    """Plain requests of versions 1 to 4."""
    return [Stimulus(f"no MAC, version {version}", stimuli.header(version), answer, six)
            for version, answer in zip((1, 2, 3, 4), answers)]


def algorithm_stimuli(answers):
    """A right MAC of each algorithm, in version 4 (digests cut to 20 octets)."""
    return [Stimulus(f"right {stimuli.ALGORITHMS[number]} MAC", stimuli.signed(number), answer)
            for number, answer in answers.items()]


def refusal_stimuli(answer, untrusted=None, six=False):
    """Everything that must not be accepted."""
    items = [("wrong secret, SHA-1", stimuli.wrong_secret(2), answer),
             ("wrong secret, MD5", stimuli.wrong_secret(1), answer),
             ("wrong secret, AES", stimuli.wrong_secret(9), answer),
             ("unknown key", stimuli.unknown_key(), answer),
             ("MD5 digest under a SHA-1 key", stimuli.wrong_algorithm(2, "md5"), answer),
             ("RIPEMD160 digest under a SHA-1 key", stimuli.wrong_algorithm(2, "ripemd160"), answer)]
    if untrusted:
        items.append(("untrusted key", stimuli.signed(stimuli.UNTRUSTED), untrusted))
    return [Stimulus(*item, six) for item in items]


def six_stimuli(refusal):
    """The same in short over IPv6."""
    return [Stimulus("no MAC", stimuli.header(), "U", True),
            Stimulus("right SHA-1 MAC", stimuli.signed(11), "A", True),
            Stimulus("right AES MAC", stimuli.signed(9), "A", True),
            Stimulus("wrong secret", stimuli.wrong_secret(11), refusal, True)]


@scenario("ntporg-server-nak-on-refusal",
          "ntp.org ntpd 4.2.8p15 verifies every algorithm its key file can name (SHA-2 and SHA-3 cut to 20 "
          "octets), refuses everything else, AES-256 included, with a crypto-NAK, and is silent on an uncut SHA-256",
          [NTPORG], kind="pcap", trusted=stimuli.TRUSTED)
def ntporg_server(stage):
    """Stimuli against ntp.org ntpd."""
    daemons.start_ntporg(stage.lab, stage.peers, stage.shared("ntp.org"), TRUSTED)
    answers = dict.fromkeys((1, 2, 11, 3, 4, 5, 6, 7, 8, 9, 13, 14, 15, 16), "A") | {10: "N"}
    with stage.recording():
        stage.send(version_stimuli("UUUU") + algorithm_stimuli(answers)
                   + [Stimulus(f"right SHA-1 MAC, version {v}", stimuli.signed(2, v), "A") for v in (1, 2, 3)]
                   + [Stimulus("SHA-256 in full, version 4", stimuli.signed_in_full(3, 4), "-"),
                      Stimulus("SHA-256 in full, version 3", stimuli.signed_in_full(3, 3), "-")]
                   + refusal_stimuli("N", "N") + six_stimuli("N"))


@scenario("ntpsec-server-silent-on-refusal",
          "NTPsec ntpd verifies every algorithm it knows (long digests cut to 20 octets) and is silent on "
          "everything it refuses, authenticated versions 1 and 2 included",
          [NTPSEC], kind="pcapng", key_format="ntpsec", trusted=stimuli.TRUSTED)
def ntpsec_server(stage):
    """Stimuli against NTPsec ntpd."""
    daemons.start_ntpsec(stage.lab, stage.peers, stage.shared("ntpsec"), TRUSTED)
    answers = dict.fromkeys((1, 2, 11, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 16, 17), "A")
    with stage.recording():
        stage.send(version_stimuli("UUUU") + algorithm_stimuli(answers)
                   + [Stimulus(f"right SHA-1 MAC, version {v}", stimuli.signed(2, v), a)
                      for v, a in ((1, "-"), (2, "-"), (3, "A"))]
                   + [Stimulus("SHA-256 in full, version 4", stimuli.signed_in_full(3, 4), "-"),
                      Stimulus("SHA-256 in full, version 3", stimuli.signed_in_full(3, 3), "-")]
                   + refusal_stimuli("-", "-") + six_stimuli("-"))


def chrony_server(stage):
    """Stimuli against chronyd: version 4 cut, version 3 in full."""
    daemons.start_chrony(stage.lab, stage.peers, stage.shared("chrony"), stage.scenario.peers[0])
    answers = dict.fromkeys((1, 2, 11, 3, 4, 5, 6, 7, 9, 10, 12, 15, 16), "A")
    in_full = [Stimulus(f"{stimuli.ALGORITHMS[number]} in full, version 3", stimuli.signed_in_full(number), "A")
               for number in (3, 4, 5, 6, 7, 15, 16)]
    with stage.recording():
        stage.send(version_stimuli("UUUU") + algorithm_stimuli(answers) + in_full
                   + [Stimulus("SHA-256 in full, version 4", stimuli.signed_in_full(3, 4), "-")]
                   + [Stimulus(f"right SHA-1 MAC, version {v}", stimuli.signed(2, v), "A") for v in (1, 2, 3)]
                   + refusal_stimuli("-") + six_stimuli("-"))


CHRONY_SHOWS = ("{} verifies every algorithm it knows, cut to 20 octets in version 4 and in full in "
                "version 3, and is silent on everything it refuses")
scenario("chrony43-server-silent-on-refusal", CHRONY_SHOWS.format("chrony 4.3"), [CHRONY],
         kind="pcap-nano", key_format="chrony")(chrony_server)
scenario("chrony461-server-silent-on-refusal", CHRONY_SHOWS.format("chrony 4.6.1"), [CHRONY_NEW],
         kind="any", key_format="chrony")(chrony_server)


@scenario("ntpd-rs-server-ignores-macs",
          "ntpd-rs answers versions 3 and 4 without authentication: it ignores a MAC of 20 octets, right or "
          "wrong, and drops requests with one of 24 octets",
          [NTPD_RS], kind="pcap")
def ntpd_rs_server(stage):
    """Stimuli against ntpd-rs, which has no keys."""
    daemons.start_ntpd_rs(stage.lab, stage.peers)
    refusals = refusal_stimuli("-")
    for item in refusals:
        if len(item.payload) == 68:
            item.answer = "U"
    with stage.recording():
        stage.send(version_stimuli("--UU") + algorithm_stimuli({1: "U", 9: "U", 2: "-", 3: "-"}) + refusals
                   + [Stimulus("no MAC", stimuli.header(), "U", True),
                      Stimulus("right MD5 MAC", stimuli.signed(1), "U", True),
                      Stimulus("right SHA-1 MAC", stimuli.signed(2), "-", True)])


@scenario("openntpd-server-ignores-macs",
          "OpenNTPD answers every request without authentication, whatever MAC it carries",
          [OPENNTPD], kind="pcap")
def openntpd_server(stage):
    """Stimuli against OpenNTPD, which has no keys."""
    daemons.start_openntpd(stage.lab, stage.peers)
    with stage.recording():
        stage.send(version_stimuli("UUUU") + algorithm_stimuli({1: "U", 2: "U", 3: "U", 9: "U"})
                   + refusal_stimuli("U")
                   + [Stimulus("no MAC", stimuli.header(), "U", True),
                      Stimulus("right SHA-1 MAC", stimuli.signed(2), "U", True)])
