#!/usr/bin/env python3
"""Makes the captures in this folder: an exchange over TLS with its secrets in the file, once for each version.

    python3 make.py        writes them beside this script; needs the `openssl` program for a certificate
"""

import pathlib
import ssl
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from make import BEGIN, block, enhanced, interface, option, section  # noqa: E402

REQUEST = b"GET /sample HTTP/1.1\r\nHost: a.example\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsample"


def talk(version, folder):
    """What passes between two ends in memory, and the secrets."""
    keys = folder / f"{version.name}.log"
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    client.minimum_version = client.maximum_version = version
    client.keylog_filename = str(keys)
    client.set_alpn_protocols(["http/1.1"])
    server.set_alpn_protocols(["http/1.1"])
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = {
        True: client.wrap_bio(to_client, to_server, server_hostname="a.example"),
        False: server.wrap_bio(to_server, to_client, server_side=True),
    }
    pieces = []

    def act(side, action):
        """Lets an end do something, and keeps what it has written beside what the other one has not read yet."""
        bio = to_server if side else to_client
        before = bio.pending
        try:
            action(ends[side])
            return True
        except ssl.SSLWantReadError:
            return False
        finally:
            data = bio.read()
            bio.write(data)
            if data[before:]:
                pieces.append((side, data[before:]))

    done = set()
    while len(done) < 2:
        for side in (True, False):
            if act(side, lambda end: end.do_handshake()):
                done.add(side)
    for side, data in ((True, REQUEST), (False, RESPONSE)):
        act(side, lambda end: end.write(data))
        act(not side, lambda end: end.read(100))
    return pieces, keys.read_bytes()


def capture(pieces, secrets):
    sequence = {True: 1000, False: 5000}
    addresses = {True: bytes([192, 0, 2, 1]), False: bytes([198, 51, 100, 2])}
    ports = {True: 40000, False: 443}
    file = section("<") + interface("<", 101, option("<", 9, b"\x09"))
    file += block("<", 10, struct.pack("<II", 0x544C534B, len(secrets)) + secrets)
    time = BEGIN

    def segment(side, flags, payload=b""):
        nonlocal file, time
        tcp = struct.pack(">HHIIBBHHH", ports[side], ports[not side], sequence[side], sequence[not side], 0x50, flags, 65535, 0, 0)
        packet = struct.pack(">BBHHHBBH", 0x45, 0, 40 + len(payload), 1, 0x4000, 64, 6, 0)
        packet += addresses[side] + addresses[not side] + tcp + payload
        sequence[side] += len(payload) + (1 if flags & 3 else 0)
        file += enhanced("<", 0, time, packet)
        time += 10**6

    segment(True, 2)
    segment(False, 18)
    for side, data in pieces:
        for at in range(0, len(data), 1400):
            segment(side, 24, data[at : at + 1400])
    segment(True, 17)
    segment(False, 17)
    return file


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "36500"]
            + ["-subj", "/CN=a.example", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
            check=True,
            capture_output=True,
        )
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            pieces, secrets = talk(version, folder)
            (HERE / f"{version.name.lower()}.pcapng").write_bytes(capture(pieces, secrets))


if __name__ == "__main__":
    main()
