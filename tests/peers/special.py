"""Everything beside plain client and server: mode 6, broadcast, symmetric and
interleaved modes, NTS, extension fields, MS-SNTP, and what offloading does to
checksums."""

import daemons
import stimuli
from daemons import CHRONY, CHRONY_NEW, NTPORG, NTPSEC
from lab import SERVER, Failure, run
from scenario import TRUSTED, scenario
from stimuli import Stimulus

BROADCAST, SYMMETRIC_PASSIVE = 5, 2


def of_mode(mode):
    """A test for messages of one mode."""
    return lambda datagram: bool(datagram.payload) and datagram.payload[0] & 7 == mode


@scenario("ntporg-control-right-and-wrong-key",
          "ntpq against ntp.org ntpd: reading without key, writing with the control key (reply signed), with "
          "a wrong secret (error with a crypto-NAK), and with a key that is not the control key (error, signed)",
          [NTPORG], kind="pcapng", trusted="1-2,9,11")
def ntporg_control(stage):
    """`rv` and `:config` by ntpq; the write is a harmless restriction.

    The secrets are text, because this ntpq takes hexadecimal digits for text.
    """
    daemons.start_ntporg(stage.lab, stage.peers, stage.shared("ntp.org"), "1 2 9 11", extra="controlkey 11")
    program = stage.peers.program(NTPORG, "ntpq")

    def ask(*commands):
        arguments = [part for command in commands for part in ("-c", command)]
        daemons.run_client(stage.lab, 20, "ntpq", program, *arguments, SERVER, may_fail=True)

    def write(key, kind, secret):
        ask(f"keytype {kind}", f"keyid {key}", f"passwd {secret}", ":config restrict 192.0.2.9")

    with stage.recording():
        ask("rv 0 version")
        write(11, "SHA1", stimuli.fixed_secret(11).decode())
        write(11, "SHA1", "not-the-right-secret")
        write(1, "MD5", stimuli.fixed_secret(1).decode())


@scenario("ntporg-control-hex-secret-as-text",
          "ntpq of ntp.org takes the 40 digits of a SHA-1 secret, as they stand in the key file, for text: "
          "its MAC is wrong and the write is refused",
          [NTPORG], kind="pcap", trusted="2")
def ntporg_control_hex(stage):
    """The password typed at ntpq's prompt is never hexadecimal."""
    daemons.start_ntporg(stage.lab, stage.peers, stage.shared("ntp.org"), "2", extra="controlkey 2")
    commands = ("keytype SHA1", "keyid 2", f"passwd {stimuli.fixed_secret(2).hex()}", ":config restrict 192.0.2.9")
    with stage.recording():
        daemons.run_client(stage.lab, 20, "ntpq", stage.peers.program(NTPORG, "ntpq"),
                           *(part for command in commands for part in ("-c", command)), SERVER, may_fail=True)


@scenario("ntpsec-control-right-and-wrong-key",
          "ntpq against NTPsec ntpd: reading without key, writing with the control key (reply signed) and with "
          "a wrong secret (error without MAC)",
          [NTPSEC], kind="pcap", key_format="ntpsec", trusted="1-2,9")
def ntpsec_control(stage):
    """The same with NTPsec's own ntpq."""
    daemons.start_ntpsec(stage.lab, stage.peers, stage.shared("ntpsec"), "1 2 9", extra="controlkey 2")
    program = stage.peers.program(NTPSEC, "ntpq")

    def ask(*options):
        daemons.run_client(stage.lab, 20, "ntpq", program, *options, SERVER, may_fail=True)

    with stage.recording():
        ask("-c", "rv 0 version")
        ask("-a", 2, "-k", stage.shared("ntpsec"), "-c", ":config restrict 192.0.2.9")
        ask("-a", 2, "-k", stage.wrong("ntpsec", 2), "-c", ":config restrict 192.0.2.9")


@scenario("chrony-interleaved-with-key",
          "interleaved mode with a key: after two basic exchanges a reply's origin timestamp is the request's "
          "receive timestamp, and its transmit timestamp belongs to the reply before",
          [CHRONY], kind="pcap-nano", key_format="chrony")
def interleaved(stage):
    """chronyd to chronyd with xleave and a poll of 1/16 s."""
    daemons.start_chrony(stage.lab, stage.peers, stage.shared("chrony"))
    with stage.recording():
        client = daemons.start_chrony_client(
            stage.lab, stage.peers, f"server {SERVER} key 2 xleave minpoll -4 maxpoll -4",
            stage.shared("chrony"), once=False)
        stage.lab.wait_messages(14, 20)
        client.stop()
    requests = {d.payload[32:40] for d in stage.lab.look() if d.payload[0] & 7 == 3}
    if not any(d.payload[0] & 7 == 4 and d.payload[24:32] == r for d in stage.lab.look() for r in requests):
        raise Failure("no interleaved reply")


@scenario("chrony-nts",
          "NTS between two chronyd: unique identifier, cookies and authenticator as extension fields, no MAC",
          [CHRONY_NEW], kind="pcapng", key_format="chrony", keys=None)
def nts(stage):
    """Certificate by openssl; the key establishment (TCP 4460) is not recorded."""
    lab = stage.lab
    key, certificate = lab.folder / "nts.key", lab.folder / "nts.crt"
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
        "-days", "2", "-subj", "/CN=ntpcap test", "-addext", f"subjectAltName=IP:{SERVER}",
        "-keyout", key, "-out", certificate)
    daemons.start_chrony(lab, stage.peers, None, CHRONY_NEW,
                         f"ntsserverkey {key}\nntsservercert {certificate}")
    with stage.recording():
        client = daemons.start_chrony_client(
            lab, stage.peers, f"server {SERVER} nts iburst", None, CHRONY_NEW,
            f"ntstrustedcerts {certificate}\nnosystemcert", once=False)
        lab.wait_messages(6, 20)
        client.stop()


@scenario("ntporg-kiss-rate-signed-without-verifying",
          "ntp.org ntpd with `limited kod` signs its RATE kiss before it verifies the request: a wrong MAC "
          "draws a kiss with a right one",
          [NTPORG], kind="pcap", trusted=stimuli.TRUSTED)
def kiss(stage):
    """The second request comes too soon after the first.

    Only IPv6 is limited, so that asking over IPv4 whether the server is up
    does not count.
    """
    daemons.start_ntporg(stage.lab, stage.peers, stage.shared("ntp.org"), TRUSTED,
                         extra="restrict fd99:: mask ffff:ffff:ffff:ffff:: limited kod", six=False)
    with stage.recording():
        stage.send([Stimulus("right SHA-1 MAC", stimuli.signed(2), "A", True),
                    Stimulus("wrong secret", stimuli.wrong_secret(2), "A", True),
                    Stimulus("wrong secret, again", stimuli.wrong_secret(2), "-", True)])


@scenario("ntporg-broadcast-with-key",
          "ntp.org ntpd broadcasts (mode 5) with a SHA-1 MAC, unasked",
          [NTPORG], kind="pcap", trusted="2")
def broadcast(stage):
    """One broadcast every eight seconds; two are enough."""
    daemons.start_ntporg(stage.lab, stage.peers, stage.shared("ntp.org"), "2",
                         extra="broadcast 10.99.0.255 key 2 minpoll 3")
    with stage.recording():
        stage.lab.wait_messages(2, 60, "two broadcasts", of_mode(BROADCAST))


@scenario("ntporg-symmetric-with-key",
          "two ntp.org ntpd as peers with a key: one active (mode 1), the other passive (mode 2) because "
          "it was asked",
          [NTPORG], kind="pcapng", trusted="2")
def symmetric(stage):
    """The passive side is not configured; the key lets it take the peer."""
    keys = stage.shared("ntp.org")
    daemons.start_ntporg(stage.lab, stage.peers, keys, "2")
    with stage.recording():
        client = daemons.start_ntporg(stage.lab, stage.peers, keys, "2",
                                      extra=f"peer {SERVER} key 2 minpoll 3 maxpoll 3", end="client")
        stage.lab.wait_messages(2, 90, "two passive messages", of_mode(SYMMETRIC_PASSIVE))
        client.stop()


@scenario("ntporg-extension-field-with-mac",
          "ntp.org ntpd answers a request whose MAC covers its extension field, without the field; it refuses "
          "a MAC over the header alone, and takes a field without MAC for a bad one: crypto-NAK",
          [NTPORG], kind="pcap", trusted=stimuli.TRUSTED)
def ntporg_extension(stage):
    """Checksum complement fields (0x2005) of 28 octets."""
    daemons.start_ntporg(stage.lab, stage.peers, stage.shared("ntp.org"), TRUSTED)
    with stage.recording():
        stage.send(extension_stimuli("A", "N", "N"))


@scenario("chrony-extension-field-with-mac",
          "chronyd answers a request whose MAC covers its extension field, and one with a field and no MAC, "
          "without the field; then its own client's 0xF323 field under a MAC, which comes back",
          [CHRONY_NEW], kind="pcap-nano", key_format="chrony")
def chrony_extension(stage):
    """The same stimuli, then chronyd 4.6.1 with `extfield F323`."""
    daemons.start_chrony(stage.lab, stage.peers, stage.shared("chrony"), CHRONY_NEW)
    with stage.recording():
        stage.send(extension_stimuli("A", "-", "U"))
        client = daemons.start_chrony_client(stage.lab, stage.peers,
                                             f"server {SERVER} key 2 extfield F323 iburst",
                                             stage.shared("chrony"), CHRONY_NEW, once=False)
        seen = len(stage.lab.look())
        stage.lab.wait_messages(seen + 4, 15)
        client.stop()


def extension_stimuli(covered, not_covered, without):
    """A field of 28 octets under a MAC, beside a MAC that leaves it out, and alone."""
    fields = stimuli.extension_field(0x2005, 28)
    header = stimuli.header()
    mac = stimuli.sign(header, stimuli.test_key(2))[48:]
    return [Stimulus("field under a SHA-1 MAC", stimuli.signed(2, fields=fields), covered),
            Stimulus("field under an AES MAC", stimuli.signed(9, fields=fields), covered),
            Stimulus("MAC over the header alone", header + fields + mac, not_covered),
            Stimulus("field without MAC", stimuli.header() + fields, without)]


def ms_sntp(stage):
    """What a server without a domain behind it does with a domain member's request."""
    peer = stage.scenario.peers[0]
    if peer == NTPORG:
        daemons.start_ntporg(stage.lab, stage.peers, stage.shared("ntp.org"), TRUSTED)
    elif peer == NTPSEC:
        daemons.start_ntpsec(stage.lab, stage.peers, stage.shared("ntpsec"), TRUSTED)
    else:
        daemons.start_chrony(stage.lab, stage.peers, stage.shared("chrony"))
    answer, extended = {NTPORG: ("N", "-"), NTPSEC: ("-", "U"), CHRONY: ("-", "-")}[peer]
    with stage.recording():
        stage.send([Stimulus("MS-SNTP request", stimuli.ms_sntp(), answer),
                    Stimulus("MS-SNTP request of another machine", stimuli.ms_sntp(1104 | 1 << 31), answer),
                    Stimulus("MS-SNTP request, extended", stimuli.ms_sntp_extended(), extended),
                    Stimulus("no MAC", stimuli.header(), "U")])


for short, one, what in (("ntporg", NTPORG, "draws a crypto-NAK from ntp.org ntpd; the extended form draws nothing"),
                         ("ntpsec", NTPSEC, "is not answered by NTPsec ntpd; the extended form is, without authentication"),
                         ("chrony", CHRONY, "is not answered by chronyd, in neither form")):
    dialect = {NTPORG: "ntp.org", NTPSEC: "ntpsec", CHRONY: "chrony"}[one]
    scenario(f"{short}-ms-sntp-request", f"a Windows domain member's request (RID and zero checksum) {what}",
             [one], key_format=dialect, kind="pcap")(ms_sntp)


@scenario("checksums-left-to-offload",
          "every UDP checksum is wrong, because the kernel left it to a network card that does not exist; the "
          "MACs are right all the same",
          [CHRONY], kind="pcap", key_format="chrony", offload=True)
def offload(stage):
    """The one capture recorded with checksum offloading on, as most are."""
    daemons.start_chrony(stage.lab, stage.peers, stage.shared("chrony"))
    with stage.recording():
        stage.send([Stimulus("right SHA-1 MAC", stimuli.signed(2), "A"),
                    Stimulus("right AES MAC over IPv6", stimuli.signed(9), "A", True),
                    Stimulus("no MAC", stimuli.header(), "U")])
