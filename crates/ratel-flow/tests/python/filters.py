"""mitmproxy's own filters. `filters.py make FILE` writes flows of all kinds to a file; `filters.py match FILE` reads
expressions as JSON, one a line, and says for each which of the flows it matches, or null if it is none."""

import gzip
import json
import re
import sys
import zlib

from mitmproxy import flow, flowfilter, http, io, tcp, udp, websocket
from mitmproxy.test import tflow, tutils
from wsproto.frame_protocol import Opcode

IS_12 = hasattr(flowfilter, "maybe_ignore_case")


def headers(*fields):
    return http.Headers([(name.encode(), value.encode("latin-1")) for name, value in fields])


def exchange(method="GET", host="a.test", path="/", status=200, *, request=(), response=(), body=b"", answer=b"", port=80,
             scheme=b"http", version=b"HTTP/1.1", authority=b"", done=True, **more):
    """An HTTP flow."""
    asked = tutils.treq(
        method=method.encode(),
        host=host,
        port=port,
        scheme=scheme,
        authority=authority,
        path=path.encode("utf-8", "surrogateescape"),
        http_version=version,
        headers=headers(*request),
        content=body,
    )
    answered = tutils.tresp(http_version=version, status_code=status, headers=headers(*response), content=answer)
    made = tflow.tflow(req=asked, resp=answered if done else False)
    for name, value in more.items():
        setattr(made, name, value)
    return made


def flows():
    html = ("Content-Type", "text/html; charset=utf-8")
    yield exchange(request=[("Host", "a.test"), ("User-Agent", "curl/8")], response=[html], answer=b"<p>Hello World</p>")
    yield exchange("POST", "10.0.0.7", "/api?q=1&r=%20", 201, request=[("Host", "Api.Example.COM:8443"), ("content-type", "application/json")],
                   body=b'{"token": "secret",\n "n": 1}', answer=b"", port=443, scheme=b"https")
    yield exchange(path="/app.js", response=[("Content-Type", "application/javascript")], answer=b"let a = 1;\n")
    yield exchange(path="/APP.CSS", response=[("content-type", "text/plain"), ("Content-Type", "text/css")], answer=b"p {}")
    yield exchange(path="/pic", response=[("Content-Type", "IMAGE/PNG")], answer=b"\x89PNG\r\n\x1a\n\x00\xff")
    yield exchange(path="/font", status=304, response=[("Content-Type", "application/font-woff")])
    yield exchange("DELETE", done=False, request=[("Host", "a.test:80"), ("X-Odd", "a b"), ("X-Odd", "c")])
    yield exchange("get", path="/gz", status=404, response=[html, ("Content-Encoding", "gzip")], answer=gzip.compress(b"packed Hello\n"))
    yield exchange(path="/deflate", response=[("Content-Encoding", "deflate")], answer=zlib.compress(b"deflated Hello"))
    yield exchange(path="/bad", response=[("Content-Encoding", "gzip")], answer=b"Hello, not packed")
    yield exchange(path="/unknown", response=[("Content-Encoding", "snappy")], answer=b"Hello snappy")
    yield exchange(path="/latin", answer="caf\xe9 \xdcber".encode("latin-1"), response=[("X-Name", "caf\xe9")])
    yield exchange(path="/utf8", answer="caf\xe9 \xdcber \u0130".encode(), comment="caf\xe9\nsecond Line", marked=":grapes:")
    yield exchange(path="/caf\xe9?\udcff=1", request=[("Host", "a.test")])
    yield exchange("CONNECT", "b.test", "", 200, port=443, authority=b"b.test:443", request=[("Host", "b.test:443")])
    yield exchange("OPTIONS", path="*", request=[("Host", "a.test")])
    yield exchange(host="b.test", path="/h2", version=b"HTTP/2.0", authority=b"B.test:8443", port=8443, scheme=b"https",
                   request=[("user-agent", "x")])
    yield exchange(host="b.test", path="/h2", version=b"HTTP/2.0", port=443, scheme=b"https", request=[("host", "c.test")])
    yield exchange(host="b.test", path="/abs", authority=b"b.test", request=[("Host", "c.test")])
    yield exchange(host="127.0.0.1", path="/no-host", port=8080)
    yield exchange(host="a.test", path="/odd", request=[("Host", "odd host:80")])
    yield exchange(host="a.test", path="/two", request=[("Host", "a.test"), ("Host", "b.test")])
    yield exchange(host="a.test", path="/port", request=[("Host", "a.test:99999")])
    yield exchange(path="/streamed", answer=None, request=[("Content-Type", "")])
    yield exchange(path="/empty", error=flow.Error("connection lost"))
    yield exchange(path="/replay", is_replay="request", marked="x", metadata={"n": 1, "flag": True, "note": "it's", "f": 1.5, "b": b"\x00'", "none": None})
    yield exchange(path="/replayed", is_replay="response", metadata={"list": [1, "a", {"k": 1e20}]})
    nowhere = exchange(path="/nowhere")
    nowhere.server_conn.address = None
    yield nowhere
    six = exchange(path="/six")
    six.client_conn.peername = ("2001:db8::1", 4242, 0, 0)
    six.server_conn.address = ("2001:db8::2", 443)
    yield six
    socket = exchange(path="/socket", status=101, done=True)
    socket.websocket = websocket.WebSocketData(messages=[
        websocket.WebSocketMessage(Opcode.TEXT, True, b"Ping from client"),
        websocket.WebSocketMessage(Opcode.BINARY, False, b"\x00\xffpong from Server"),
    ])
    yield socket
    raw = tflow.ttcpflow(messages=[tcp.TCPMessage(True, b"EHLO me\r\n"), tcp.TCPMessage(False, b"250 Hello\r\n"), tcp.TCPMessage(False, b"")])
    yield raw
    broken = tflow.ttcpflow(messages=[], err=True)
    broken.comment = "broken"
    yield broken
    yield tflow.tudpflow(messages=[udp.UDPMessage(True, b"question"), udp.UDPMessage(False, b"answer\xff")])
    for made in names():
        yield made


def names():
    from mitmproxy import dns
    from mitmproxy.net.dns import classes, domain_names, https_records, types

    def record(kind, data):
        return dns.ResourceRecord("a.test", kind, classes.IN, 60, data)

    service = https_records.HTTPSRecord(1, "svc.test", {1: b"\x02h2\x02h3", 4: bytes([10, 0, 0, 1]), 9: b"'\\x\xff"})
    records = [
        record(types.A, bytes([192, 0, 2, 1])),
        record(types.AAAA, bytes([0x20, 1, 0xd, 0xb8] + [0] * 11 + [1])),
        record(types.CNAME, domain_names.pack("www.B.test")),
        record(types.TXT, b"v=spf1 -all"),
        # Version 12 shows such a record in another way than those before.
        *([record(types.HTTPS, https_records.pack(service))] if IS_12 else []),
        record(types.MX, b"\x00\x0a\x01"),
        record(types.A, b"\x01"),
        record(types.TXT, b"\xff"),
    ]
    question = dns.Question("Name.a.test", types.A, classes.IN)
    more = dns.Question("other.test", types.AAAA, classes.IN)
    yield tflow.tdnsflow(req=tflow.tdnsreq(questions=[question]), resp=False)
    yield tflow.tdnsflow(req=tflow.tdnsreq(questions=[question, more]), resp=tflow.tdnsresp(questions=[question], answers=records))
    yield tflow.tdnsflow(req=tflow.tdnsreq(questions=[]), resp=tflow.tdnsresp(questions=[], answers=[]), err=True)


def make(path):
    with open(path, "wb") as file:
        writer = io.FlowWriter(file)
        for made in flows():
            writer.add(made)


def as_of_version_12():
    """Before, some operators told capitals from small letters, and the bodies of DNS messages were their bytes."""
    if IS_12:
        return
    from mitmproxy import dns

    for operator in flowfilter.filter_rex:
        operator.flags |= re.IGNORECASE
    dns.Message.content = property(lambda message: str(message).encode())


def match(path):
    as_of_version_12()
    with open(path, "rb") as file:
        stored = list(io.FlowReader(file).stream())
    for line in sys.stdin:
        expression = json.loads(line)
        try:
            matches = flowfilter.parse(expression)
        except ValueError:
            print("null")
            continue
        print(json.dumps([bool(matches(made)) for made in stored]))


if __name__ == "__main__":
    {"make": make, "match": match}[sys.argv[1]](sys.argv[2])
