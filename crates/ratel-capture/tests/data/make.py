#!/usr/bin/env python3
"""Makes the captures in this folder: one exchange in every format, byte order and link layer that is read.

    python3 make.py        writes them beside this script
"""

import gzip
import pathlib
import struct

HERE = pathlib.Path(__file__).parent
REQUEST = b"GET /sample HTTP/1.1\r\nHost: a.example\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsample"
# The first packet; the others follow a millisecond apart.
BEGIN = 1_700_000_000 * 10**9 + 123_456_789


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packets(v6=False):
    """The IP packets of the exchange."""
    sequence = [4_294_967_290, 77]
    client = bytes.fromhex("20010db8" + "0" * 23 + "1") if v6 else bytes([192, 0, 2, 1])
    server = bytes.fromhex("20010db8" + "0" * 23 + "2") if v6 else bytes([198, 51, 100, 2])

    def segment(from_client, flags, payload=b""):
        source, destination = (client, server) if from_client else (server, client)
        ports = (40000, 80) if from_client else (80, 40000)
        own, other = sequence if from_client else sequence[::-1]
        tcp = struct.pack(">HHIIBBHHH", *ports, own, other if flags & 16 else 0, 0x50, flags, 65535, 0, 0) + payload
        pseudo = source + destination + struct.pack(">HH", 6, len(tcp))
        tcp = tcp[:16] + struct.pack(">H", checksum(pseudo + tcp)) + tcp[18:]
        sequence[0 if from_client else 1] = (own + len(payload) + (1 if flags & 3 else 0)) % 2**32
        if v6:
            return struct.pack(">IHBB", 0x60000000, len(tcp), 6, 64) + source + destination + tcp
        head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 1, 0x4000, 64, 6, 0) + source + destination
        return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + tcp

    yield True, segment(True, 2)
    yield False, segment(False, 18)
    yield True, segment(True, 16)
    yield True, segment(True, 24, REQUEST)
    yield False, segment(False, 16)
    yield False, segment(False, 24, RESPONSE)
    yield True, segment(True, 17)
    yield False, segment(False, 17)
    yield True, segment(True, 16)


MACS = bytes.fromhex("0200000000010200000000 02".replace(" ", ""))
LINKS = {
    "null": (0, lambda out: struct.pack("<I", 2)),
    "null-big-endian": (0, lambda out: struct.pack(">I", 2)),
    "loop": (108, lambda out: struct.pack(">I", 2)),
    "raw": (101, lambda out: b""),
    "ethernet": (1, lambda out: MACS + b"\x08\x00"),
    "vlan": (1, lambda out: MACS + b"\x81\x00\x00\x05\x08\x00"),
    "qinq": (1, lambda out: MACS + b"\x88\xa8\x00\x01\x81\x00\x00\x05\x08\x00"),
    "pppoe": (1, lambda out: MACS + b"\x88\x64\x11\x00\x00\x01\x00\x00\x00\x21"),
    "mpls": (1, lambda out: MACS + b"\x88\x47\x00\x01\x01\x40"),
    "sll": (113, lambda out: struct.pack(">HHH8sH", 4 if out else 0, 1, 6, b"\2\0\0\0\0\1", 0x0800)),
    "sll2": (276, lambda out: struct.pack(">HHIHBB8s", 0x0800, 0, 2, 1, 4 if out else 0, 6, b"\2\0\0\0\0\1")),
}


def pcap(order, magic, unit, link, frames):
    file = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262144, link)
    for number, frame in enumerate(frames):
        time = BEGIN + number * 10**6
        file += struct.pack(order + "IIII", time // 10**9, time % 10**9 // unit, len(frame), len(frame)) + frame
    return file


def pad(data):
    return data + bytes(-len(data) % 4)


def block(order, kind, body):
    body = pad(body)
    length = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + length + body + length


def option(order, code, value):
    return struct.pack(order + "HH", code, len(value)) + pad(value)


def section(order):
    body = struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1) + option(order, 4, b"make.py") + option(order, 0, b"")
    return block(order, 0x0A0D0D0A, body)


def interface(order, link, *options):
    body = struct.pack(order + "HHI", link, 0, 0) + b"".join(options) + option(order, 0, b"")
    return block(order, 1, body)


def enhanced(order, number, units, frame, comment=b""):
    body = struct.pack(order + "IIIII", number, units >> 32, units & 0xFFFFFFFF, len(frame), len(frame)) + pad(frame)
    if comment:
        body += option(order, 1, comment) + option(order, 0, b"")
    return block(order, 6, body)


def main():
    plain = [frame for _, frame in packets()]
    files = {}
    for name, (link, header) in LINKS.items():
        frames = [header(out) + frame for out, frame in packets()]
        files[f"{name}.pcap"] = pcap("<", 0xA1B2C3D4, 1000, link, frames)
    files["big-endian.pcap"] = pcap(">", 0xA1B2C3D4, 1000, 101, plain)
    files["nanoseconds.pcap"] = pcap("<", 0xA1B23C4D, 1, 101, plain)
    files["nanoseconds-big-endian.pcap"] = pcap(">", 0xA1B23C4D, 1, 101, plain)
    files["compressed.pcap.gz"] = gzip.compress(files["raw.pcap"], mtime=0)
    files["ipv6.pcap"] = pcap("<", 0xA1B2C3D4, 1000, 101, [frame for _, frame in packets(v6=True)])
    # The checksum of each frame stands after it, and the file says so.
    fcs = [MACS + b"\x08\x00" + frame + b"\1\2\3\4" for frame in plain]
    files["checksums.pcap"] = pcap("<", 0xA1B2C3D4, 1000, 0x24000001, fcs)
    # Out of order, twice, and in pieces that overlap.
    late = [plain[0], plain[1], plain[2], plain[5], plain[3], plain[3], plain[4], plain[5], *plain[6:]]
    files["reordered.pcap"] = pcap("<", 0xA1B2C3D4, 1000, 101, late)

    times = [BEGIN + number * 10**6 for number in range(len(plain))]
    for name, order in (("little", "<"), ("big", ">")):
        file = section(order) + interface(order, 101, option(order, 9, b"\x09"), option(order, 2, b"lo"))
        # Names and statistics are passed over.
        file += block(order, 4, struct.pack(order + "HH", 0, 0))
        for number, (time, frame) in enumerate(zip(times, plain)):
            file += enhanced(order, 0, time, frame, b"a remark" if number == 0 else b"")
        file += block(order, 5, struct.pack(order + "III", 0, 0, 0))
        files[f"{name}-endian.pcapng"] = file
    # Units of 2 to the power of -20 of a second, counted from a day of their own.
    offset = 1_600_000_000
    resolution = option("<", 9, b"\x94") + option("<", 14, struct.pack("<q", offset))
    file = section("<") + interface("<", 101, resolution)
    for time, frame in zip(times, plain):
        file += enhanced("<", 0, ((time - offset * 10**9) << 20) // 10**9, frame)
    files["resolution.pcapng"] = file
    # Two sections in two byte orders, each with interfaces of its own.
    file = section(">") + interface(">", 276) + interface(">", 101, option(">", 9, b"\x09"))
    for time, frame in zip(times[:4], plain[:4]):
        file += enhanced(">", 1, time, frame)
    file += section("<") + interface("<", 1, option("<", 9, b"\x09"))
    for time, frame in zip(times[4:], plain[4:]):
        file += enhanced("<", 0, time, MACS + b"\x08\x00" + frame)
    files["sections.pcapng"] = file
    # The old packet block, with drops counted.
    file = section("<") + interface("<", 101, option("<", 9, b"\x09"))
    for time, frame in zip(times, plain):
        head = struct.pack("<HHIIII", 0, 7, time >> 32, time & 0xFFFFFFFF, len(frame), len(frame))
        file += block("<", 2, head + pad(frame))
    files["old-packets.pcapng"] = file
    # Packets without a time.
    file = section("<") + interface("<", 101)
    for frame in plain:
        file += block("<", 3, struct.pack("<I", len(frame)) + pad(frame))
    files["simple-packets.pcapng"] = file

    for name, content in files.items():
        (HERE / name).write_bytes(content)


if __name__ == "__main__":
    main()
