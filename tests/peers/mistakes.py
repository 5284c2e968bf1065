"""Mistakes that real clients make: the same key on both sides that is not the same.

Each client has a key file of its own and asks a chronyd that has none, so that
it is answered or not as it may be; what counts is the MAC of the request. The
key file that is kept beside the capture is that of the other side.
"""

import base64
import hashlib

import daemons
from daemons import CHRONY, NTPORG, NTPSEC
from lab import SERVER
from scenario import scenario

TEXT = "correct-horse"
HEX = hashlib.sha256(b"ntpcap mistakes").hexdigest()[:40]
LONG = hashlib.sha512(b"ntpcap mistakes").hexdigest()
TYPE7 = "02050B4919030C350146060B1612"  # hides TEXT at place 2; see tests/make/diagnosis.py
DIGEST = hashlib.md5(TEXT.encode()).hexdigest()


def client(stage, program, key, text):
    """Runs a client with the key file `text` until it has asked once."""
    keys = stage.lab.folder / "client.keys"
    keys.write_bytes(text if isinstance(text, bytes) else text.encode())
    line = f"server {SERVER} key {key} iburst" + (" minpoll 2" if program == NTPSEC else "")
    if program == CHRONY:
        return daemons.start_chrony_client(stage.lab, stage.peers, line, keys, once=False)
    starter = {NTPORG: daemons.start_ntporg, NTPSEC: daemons.start_ntpsec}[program]
    return starter(stage.lab, stage.peers, keys, str(key), extra=line, end="client")


def mistake(name, codes, program, clients_file, file, sent, shows, key_format="ntp.org", key=1):
    """Registers one: the client's key file, that of the other side, and the key that the client really uses."""

    def work(stage):
        (stage.lab.folder / f"{name}.keys").write_bytes(file if isinstance(file, bytes) else file.encode())
        daemons.start_chrony(stage.lab, stage.peers, None)
        with stage.recording():
            process = client(stage, program, key, clients_file)
            stage.lab.wait_messages(1, 30)
            process.stop()

    scenario(name, shows, [CHRONY] if program == CHRONY else [program, CHRONY], kind="pcap", keys=f"{name}.keys",
             key_format=key_format, folder="diagnosis", diagnosis=codes, sent=sent)(work)


mistake("ascii-read-as-hex", ["ascii-read-as-hex"], NTPORG, f"1 SHA1 {HEX}\n", f"1 SHA1 {HEX}\n",
        ("sha1", bytes.fromhex(HEX)), "ntp.org ntpd decodes 40 hex digits that chronyd takes for text",
        key_format="chrony")
mistake("odd-hex-digits", ["odd-hex-digits"], NTPORG, f"1 SHA1 {HEX[:21]}\n", f"1 SHA1 {HEX[:21]}\n",
        ("sha1", bytes.fromhex(HEX[:20])), "ntp.org ntpd 4.2.8p15 drops the last of 21 hex digits; chronyd takes "
        "them for text", key_format="chrony")
mistake("prefix-differs", ["prefix-differs"], NTPORG, f"1 MD5 HEX:{HEX[:12]}\n", f"1 MD5 HEX:{HEX[:12]}\n",
        ("md5", b"HEX:" + HEX[:12].encode()), "ntp.org ntpd takes the prefix HEX: of chrony for part of the secret",
        key_format="chrony")
mistake("key-truncated", ["key-truncated"], NTPSEC, f"1 SHA1 {LONG}\n", f"1 SHA1 HEX:{LONG}\n",
        ("sha1", bytes.fromhex(LONG)[:32]), "NTPsec ntpd cuts a secret of 64 octets to 32", key_format="chrony")
mistake("key-padded", ["key-padded"], NTPORG, f"3 SHA1 {HEX}\n1 AES128CMAC shortkey\n",
        f"3 SHA1 {HEX}\n1 AES128CMAC shortkey\n", ("aes128-cmac", b"shortkey" + bytes(8)),
        "ntp.org ntpd fills a short AES secret up with zeros, NTPsec's does not", key_format="ntpsec")
LEFTOVERS = f"3 SHA1 {HEX}\n1 AES128CMAC shortkey\n"
mistake("stale-padding", ["stale-padding"], NTPSEC, LEFTOVERS, LEFTOVERS,
        ("aes128-cmac", b"shortkey\0\0" + f"3 SHA1 {HEX}"[23:29].encode()),
        "NTPsec ntpd fills a short AES secret up with what the line before left in its buffer")
mistake("text-after-hash", ["text-after-hash"], CHRONY, "1 MD5 correct#horse\n", "1 MD5 correct#horse\n",
        ("md5", b"correct#horse"), "chronyd keeps the # in a secret, ntpd ends the secret there")
mistake("trailing-carriage-return", ["trailing-carriage-return"], NTPORG, f"1 MD5 {TEXT}\r\n", f"1 MD5 {TEXT}\n",
        ("md5", TEXT.encode() + b"\r"), "ntp.org ntpd with a key file that has Windows line ends")
mistake("quotes-in-secret", ["quotes-in-secret"], CHRONY, f'1 MD5 "{TEXT}"\n', f"1 MD5 {TEXT}\n",
        ("md5", f'"{TEXT}"'.encode()), "chronyd keeps quotation marks that were not meant")
mistake("case-differs", ["case-differs"], CHRONY, f"1 MD5 {TEXT.upper()}\n", f"1 MD5 {TEXT}\n",
        ("md5", TEXT.upper().encode()), "chronyd has the secret in capitals")
mistake("obfuscated-secret", ["obfuscated-secret"], CHRONY, f"1 MD5 {TYPE7}\n", f"1 MD5 {TEXT}\n",
        ("md5", TYPE7.encode()), "chronyd was given the type-7 text of a router's configuration")
mistake("base64-secret", ["base64-secret"], CHRONY, f"1 MD5 {base64.b64encode(TEXT.encode()).decode()}\n",
        f"1 MD5 {TEXT}\n", ("md5", base64.b64encode(TEXT.encode())), "chronyd was given the base64 text of a secret store")
mistake("digest-as-secret", ["digest-as-secret"], CHRONY, f"1 MD5 {DIGEST}\n", f"1 MD5 {TEXT}\n",
        ("md5", DIGEST.encode()), "chronyd was given the MD5 digest of the secret in hex digits")
mistake("type-as-secret", ["type-as-secret"], CHRONY, "1 MD5\n", f"1 MD5 {TEXT}\n", ("md5", b"MD5"),
        "the secret is missing in chronyd's key file, so the type is taken for it")
mistake("character-encoding", ["character-encoding"], CHRONY, "1 MD5 gr\u00fcn-und-blau\n".encode("latin-1"),
        "1 MD5 gr\u00fcn-und-blau\n", ("md5", "gr\u00fcn-und-blau".encode("latin-1")),
        "chronyd has a key file in Latin-1, the other side one in UTF-8", key_format="chrony")
mistake("other-key-format", ["other-key-format"], CHRONY, "1 MD5 a-passphrase-longer-than-twenty\n",
        f"1 MD5 a-passphrase-longer-than-twenty\n2 MD5 {TEXT}\n", ("md5", b"a-passphrase-longer-than-twenty"),
        "chronyd takes a passphrase of more than 20 characters, which ntp.org ntpd cannot read at all")
mistake("superseded-key", ["superseded-key"], NTPSEC, f"1 MD5 {TEXT}\n1 MD5 battery-staple\n",
        f"1 MD5 {TEXT}\n1 MD5 battery-staple\n", ("md5", b"battery-staple"),
        "the key ID stands twice in the file, and NTPsec ntpd uses the last line")
mistake("other-key-id", ["other-key-id"], CHRONY, f"5 MD5 {TEXT}\n", f"1 MD5 {TEXT}\n2 MD5 battery-staple\n",
        ("md5", TEXT.encode()), "chronyd has the secret under another key ID", key=5)
mistake("other-algorithm", ["other-algorithm"], NTPORG, f"1 MD5 {HEX}\n", f"1 SHA1 {HEX}\n",
        ("md5", bytes.fromhex(HEX)), "ntp.org ntpd has another type in its key file")
mistake("hex-read-as-ascii-and-other-algorithm", ["hex-read-as-ascii", "other-algorithm"], CHRONY,
        f"1 MD5 {HEX}\n", f"1 SHA1 {HEX}\n", ("md5", HEX.encode()),
        "chronyd has another type and takes the hex digits for text")
mistake("other-key-id-and-other-algorithm", ["other-key-id", "other-algorithm"], CHRONY,
        f"5 SHA1 {TEXT}\n", f"1 MD5 {TEXT}\n", ("sha1", TEXT.encode()),
        "chronyd has the secret under another key ID with another type", key=5)
