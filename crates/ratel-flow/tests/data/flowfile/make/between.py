"""Makes the versions that no release has written from their neighbours: `python between.py FOLDER`.

Runs with any recent mitmproxy, for its typed netstrings alone.
"""

import pathlib
import sys

from mitmproxy.io import tnetstring

folder = pathlib.Path(sys.argv[1])


def load(version):
    with (folder / f"{version}.mitm").open("rb") as file:
        while file.peek(1):
            yield tnetstring.load(file)


def make(version, neighbour, change):
    with (folder / f"{version}.mitm").open("wb") as file:
        for flow in load(neighbour):
            # In the order in which a release has them.
            flow = {key: flow[key] for key in reversed(flow)}
            for state in [flow, flow.get("backup")]:
                if state:
                    change(state)
                    state["version"] = version
            tnetstring.dump(flow, file)


def conns(flow):
    yield flow["client_conn"]
    yield flow["server_conn"]
    if flow["server_conn"].get("via"):
        yield flow["server_conn"]["via"]


def to_6(flow):
    del flow["client_conn"]["tls_extensions"]


def to_5(flow):
    for conn in conns(flow):
        conn["ssl_established"] = conn.pop("tls_established")
        conn["timestamp_ssl_setup"] = conn.pop("timestamp_tls_setup")


def to_4(flow):
    for conn in [flow["client_conn"], flow["server_conn"]]:
        del conn["id"]


def to_11(flow):
    for conn in conns(flow):
        conn["alpn"] = conn.pop("alpn_proto_negotiated")
        for key in ["alpn_offers", "cipher_list"]:
            conn[key] = conn[key] or []


def to_13(flow):
    del flow["comment"]


def to_12(flow):
    flow["marked"] = bool(flow["marked"])


def to_16(flow):
    flow["mode"] = "regular"


def to_19(flow):
    for conn in conns(flow):
        conn["state"] = 3


make(6, 7, to_6)
make(5, 6, to_5)
make(4, 5, to_4)
make(11, 10, to_11)
make(13, 14, to_13)
make(12, 13, to_12)
make(16, 17, to_16)
make(19, 20, to_19)
