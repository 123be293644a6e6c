"""Writes a file of flows with a release of mitmproxy from 1.0 on: `python flows.py FILE`."""

import sys
import time
import uuid

# The same bytes each time.
ids = iter(range(1, 1000))
uuid.uuid4 = lambda: uuid.UUID(int=next(ids), version=4)
time.time = lambda: 1500000000.25

from mitmproxy import certs, io, version
from mitmproxy.test import tflow

FORMAT = getattr(version, "FLOW_FORMAT_VERSION", 0)
CERTIFICATE = b"""-----BEGIN CERTIFICATE-----
MIIBgzCCASmgAwIBAgIUdxAEz4aPEUSYUttWGvoK1V5CBs8wCgYIKoZIzj0EAwIw
FjEUMBIGA1UEAwwLZXhhbXBsZS5jb20wIBcNMjYxMTI4MTYzMjI0WhgPMjEyNjEx
MDQxNjMyMjRaMBYxFDASBgNVBAMMC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYI
KoZIzj0DAQcDQgAES+xaEEQ1Ir8TX55ku5FDs7xV6i9SZL6C+hXvjYdFvpCGavzw
XiCEIYW5eLViSBvV9vz6Ae3UHO34tDWBk40mnKNTMFEwHQYDVR0OBBYEFPnzG5Dg
jPh9UsdbkWyqlBa/zu3xMB8GA1UdIwQYMBaAFPnzG5DgjPh9UsdbkWyqlBa/zu3x
MA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIgBcokOyHR/oGuKpDQ
bOYqvINZw2V9xrRMJ9XfSOd0EnACIQDCHWgh/V9OwUKmoXbrevI/mH6Wb8/ARASC
zcktneBuhQ==
-----END CERTIFICATE-----
"""

flows = []


def add(flow):
    flows.append(flow)
    return flow


def certificate():
    kind = getattr(certs, "Cert", None) or certs.SSLCert
    return kind.from_pem(CERTIFICATE)


def common():
    add(tflow.tflow(resp=True, err=True))
    # What people and addons say.
    flow = add(tflow.tflow(resp=True))
    flow.metadata["note"] = "a" if FORMAT < 8 else ["a", 1, 2.5, None, True]
    flow.marked = True if FORMAT < 13 else ":grapes:"
    flow.intercepted = True
    if hasattr(flow, "comment"):
        flow.comment = "a comment"
    if FORMAT >= 9:
        flow.is_replay = "request"
    else:
        flow.request.is_replay = True
    flow.request.headers["x-multi"] = "1"
    flow.request.headers.add("X-Multi", "2")
    add(tflow.tflow())
    flow = add(tflow.tflow(resp=True))
    flow.response.content = None
    # Changed, with what it was before.
    flow = add(tflow.tflow(resp=True))
    flow.backup()
    flow.request.path = "/changed"
    flow.response.status_code = 404
    secure()
    for name, arguments in [
        ("ttcpflow", {"err": True}),
        ("tudpflow", {}),
        ("tdnsflow", {"resp": True}),
        ("tdnsflow", {"err": True}),
    ]:
        if hasattr(tflow, name):
            add(getattr(tflow, name)(**arguments))
    if FORMAT >= 7:
        websockets()
    if FORMAT >= 8:
        flow = add(tflow.tflow(resp=True))
        flow.response.trailers = type(flow.response.headers)([(b"t", b"2"), (b"T", b"3")])


def secure():
    flow = add(tflow.tflow(resp=True))
    flow.request.http_version = flow.response.http_version = "HTTP/2.0"
    client, server = flow.client_conn, flow.server_conn
    if FORMAT >= 9:
        flow.request.authority = "example.com"
    if FORMAT >= 10:
        client.mitmcert = certificate()
        server.certificate_list = [certificate(), certificate()]
        client.tls = server.tls = True
        client.alpn, client.alpn_offers = b"h2", [b"h2", b"http/1.1"]
        client.cipher_list = ["TLS_AES_128_GCM_SHA256"]
        client.sni = server.sni = "example.com"
        return
    client.clientcert = server.cert = certificate()
    if hasattr(client, "mitmcert"):
        client.mitmcert = certificate()
    for conn in [client, server]:
        for name in ["tls_established", "ssl_established"]:
            try:
                setattr(conn, name, True)
            except AttributeError:
                pass  # The other one is its name.
        conn.alpn_proto_negotiated = b"h2"
        conn.tls_version = "TLSv1.2"
    client.cipher_name = "ECDHE-RSA-AES128-GCM-SHA256"
    client.sni = server.sni = "example.com"
    if FORMAT >= 5:
        server.ip_address = ("192.0.2.7", 443)


def websockets():
    flow = tflow.twebsocketflow()
    if FORMAT >= 12:
        add(flow)
        add(tflow.twebsocketflow(err=True))
        return
    flow.handshake_flow.metadata["websocket"] = True
    flow.metadata["websocket_handshake"] = flow.handshake_flow.id
    add(flow.handshake_flow)
    add(flow)
    # One whose handshake is not in the file.
    flow = add(tflow.twebsocketflow(err=True))
    flow.metadata["websocket_handshake"] = "missing"


common()
with open(sys.argv[1], "wb") as file:
    writer = io.FlowWriter(file)
    for flow in flows:
        writer.add(flow)
