"""What each real client sends, against a real server that knows its key."""

import daemons
import stimuli
from daemons import CHRONY, CHRONY_NEW, NTPORG, NTPSEC
from lab import SERVER, SERVER6
from scenario import TRUSTED, scenario


def ntpd_client(stage, line, keys, trusted, messages, starter=daemons.start_ntporg):
    """Runs ntpd as a client until so many messages have passed in all."""
    client = starter(stage.lab, stage.peers, keys, trusted, extra=line, end="client")
    stage.lab.wait_messages(messages, 30, "the exchange of ntpd as a client")
    client.stop()


@scenario("ntporg-client-aes128",
          "ntp.org ntpd as a client with an AES-128 key: once a reply verified, the next request's origin "
          "timestamp is that reply's transmit timestamp",
          [NTPORG, CHRONY], kind="pcap-nano", key_format="chrony")
def ntporg_client(stage):
    """ntpd asks chronyd; iburst makes it ask every two seconds."""
    daemons.start_chrony(stage.lab, stage.peers, stage.shared("chrony"))
    with stage.recording():
        ntpd_client(stage, f"server {SERVER} key 9 iburst", stage.shared("ntp.org"), TRUSTED, 6)


@scenario("ntporg-client-wrong-key",
          "ntp.org ntpd as a client whose secret differs: every request draws a crypto-NAK and its origin "
          "timestamp stays zero",
          [NTPORG], kind="pcapng", trusted="2")
def ntporg_client_wrong_key(stage):
    """The client's file has another secret under key 2."""
    daemons.start_ntporg(stage.lab, stage.peers, stage.shared("ntp.org"), "2")
    with stage.recording():
        ntpd_client(stage, f"server {SERVER} key 2 minpoll 3 maxpoll 3", stage.wrong("ntp.org", 2), "2", 6)


@scenario("ntpdate-client-md5-and-sha1",
          "ntpdate with an MD5 key over IPv4 and IPv6 in version 4 and with a SHA-1 key in version 3",
          [NTPORG, NTPSEC], kind="pcap", key_format="ntpsec")
def ntpdate_client(stage):
    """ntpdate asks NTPsec ntpd; two samples each."""
    daemons.start_ntpsec(stage.lab, stage.peers, stage.shared("ntpsec"), TRUSTED)
    program = stage.peers.program(NTPORG, "ntpdate")
    with stage.recording():
        for options in (["-a", 1, SERVER], ["-a", 1, SERVER6], ["-o", 3, "-a", 2, SERVER]):
            # It calls an unsynchronised server unsuitable.
            daemons.run_client(stage.lab, 15, "ntpdate", program, "-q", "-p", "2", "-t", "0.2",
                               "-k", stage.shared("ntp.org"), *options, may_fail=True)


@scenario("sntp-client-aes-key-sends-no-mac",
          "sntp sends right MACs with MD5 and SHA-1 keys; told to use an AES-128 key it sends a request "
          "without any MAC, and leaves the unauthenticated reply unused",
          [NTPORG, CHRONY], kind="pcap", key_format="chrony")
def sntp_client(stage):
    """sntp asks chronyd, once with each key."""
    daemons.start_chrony(stage.lab, stage.peers, stage.shared("chrony"))
    program = stage.peers.program(NTPORG, "sntp")
    with stage.recording():
        for key in (1, 2, 9):
            daemons.run_client(stage.lab, 15, "sntp", program, "-a", key, "-k", stage.shared("ntp.org"),
                               SERVER, may_fail=True)


@scenario("ntpdig-client-sha256-not-cut",
          "ntpdig's SHA-1 and AES-128 MACs are answered; its SHA-256 MAC goes out uncut (36 octets of "
          "trailer in version 4), right but unanswered by its own family's daemon",
          [NTPSEC], kind="pcapng", key_format="ntpsec")
def ntpdig_client(stage):
    """ntpdig asks NTPsec ntpd over IPv4, and over IPv6 once."""
    daemons.start_ntpsec(stage.lab, stage.peers, stage.shared("ntpsec"), TRUSTED)
    program = stage.peers.program(NTPSEC, "ntpdig")
    with stage.recording():
        for key, host in ((2, SERVER), (9, SERVER6), (3, SERVER)):
            daemons.run_client(stage.lab, 15, "ntpdig", program, "-t", "1", "-a", key, "-k",
                               stage.shared("ntpsec"), host, may_fail=True)


@scenario("ntpsec-client-sha512-cut",
          "NTPsec ntpd as a client with a SHA-512 key: version 4, the digest cut to 20 octets",
          [NTPSEC, CHRONY_NEW], kind="pcap", key_format="ntpsec")
def ntpsec_client(stage):
    """NTPsec ntpd asks chronyd 4.6.1."""
    daemons.start_chrony(stage.lab, stage.peers, stage.shared("chrony"), CHRONY_NEW)
    with stage.recording():
        ntpd_client(stage, f"server {SERVER} key 5 iburst minpoll 2", stage.shared("ntpsec"), TRUSTED, 4,
                    daemons.start_ntpsec)


def chrony_to_chrony(stage):
    """chronyd with a long digest, which makes it use version 3; then version 4."""
    peer = stage.scenario.peers[0]
    daemons.start_chrony(stage.lab, stage.peers, stage.shared("chrony"), peer)
    with stage.recording():
        for options in (f"{SERVER} key 3", f"{SERVER} key 3 version 4", f"{SERVER6} key 10"):
            client = daemons.start_chrony_client(stage.lab, stage.peers, f"server {options} maxsamples 1",
                                                 stage.shared("chrony"), peer)
            client.wait(15)


CHRONY_SHOWS = ("{} as a client with a SHA-256 key: version 3 with the whole digest by itself, cut to 20 octets "
                "when told to use version 4; then AES-256 over IPv6")
scenario("chrony43-client-sha256-in-full-and-cut", CHRONY_SHOWS.format("chrony 4.3"), [CHRONY],
         kind="pcapng", key_format="chrony")(chrony_to_chrony)
scenario("chrony461-client-sha256-in-full-and-cut", CHRONY_SHOWS.format("chrony 4.6.1"), [CHRONY_NEW],
         kind="pcap", key_format="chrony")(chrony_to_chrony)


@scenario("chrony-client-sha256-to-ntpsec",
          "the same right key on both sides, and silence: NTPsec does not answer chrony's version 3 with a "
          "whole SHA-256 digest; with `version 4` it does",
          [CHRONY, NTPSEC], kind="any", key_format="chrony")
def chrony_to_ntpsec(stage):
    """The cure for a failing pair, in one capture."""
    daemons.start_ntpsec(stage.lab, stage.peers, stage.shared("ntpsec"), TRUSTED)
    with stage.recording():
        for options, messages in (("key 3 iburst", 2), ("key 3 version 4 iburst", 6)):
            client = daemons.start_chrony_client(stage.lab, stage.peers, f"server {SERVER} {options}",
                                                 stage.shared("chrony"), CHRONY, once=False)
            stage.lab.wait_messages(messages, 15)
            client.stop()


@scenario("chrony-client-hex-secret-without-prefix",
          "one and the same line in both key files, and crypto-NAK: ntp.org ntpd reads the 40 digits as 20 "
          "octets, chronyd without the prefix HEX: as 40 letters",
          [CHRONY, NTPORG], kind="pcap", trusted=stimuli.TRUSTED)
def chrony_without_prefix(stage):
    """The most frequent way to have the same key and yet another one."""
    daemons.start_ntporg(stage.lab, stage.peers, stage.shared("ntp.org"), TRUSTED)
    keys = stage.lab.write("unprefixed.keys", f"2 SHA1 {stimuli.fixed_secret(2).hex()}\n")
    with stage.recording():
        client = daemons.start_chrony_client(stage.lab, stage.peers, f"server {SERVER} key 2 iburst",
                                             keys, once=False)
        stage.lab.wait_messages(4, 15)
        client.stop()
