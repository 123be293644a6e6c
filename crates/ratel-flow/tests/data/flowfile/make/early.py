"""Writes a file of flows with a release of mitmproxy up to 0.18: `python early.py FILE RELEASE`.

Nothing but the model of flows is needed of the release; what else it imports may be missing.
"""

import inspect
import sys
import types
import uuid

out, release = sys.argv[1:]
# The same bytes each time.
ids = iter(range(1, 1000))
uuid.uuid4 = lambda: uuid.UUID(int=next(ids), version=4)


class Anything(types.ModuleType):
    __path__ = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (object,), {})


for name in ["watchdog", "watchdog.events", "watchdog.observers", "watchdog.observers.polling"]:
    sys.modules[name] = Anything(name)

BEFORE_HEADERS = release in ["0.11.3", "0.12.0", "0.13"]
if BEFORE_HEADERS:
    from libmproxy import flow
    from libmproxy.protocol.http import HTTPFlow, HTTPRequest, HTTPResponse
    from libmproxy.protocol.primitives import Error
    from libmproxy.proxy.connection import ClientConnection, ServerConnection
    from netlib.odict import ODictCaseless
elif release in ["0.14.0", "0.15", "0.16"]:
    from libmproxy import flow
    from libmproxy.models import (
        ClientConnection, Error, HTTPFlow, HTTPRequest, HTTPResponse, ServerConnection,
    )
    from netlib.http import Headers
else:
    from mitmproxy import flow
    from mitmproxy.models import (
        ClientConnection, Error, HTTPFlow, HTTPRequest, HTTPResponse, ServerConnection,
    )
    from netlib.http import Headers
from netlib.tcp import Address


def connection(kind, **values):
    conn = kind.__new__(kind)
    known = dict.fromkeys(list(kind._stateobject_attributes) + ["clientcert", "cert"])
    known.update(values)
    for name, value in known.items():
        try:
            setattr(conn, name, value)
        except AttributeError:
            object.__setattr__(conn, "_" + name, value)
    return conn


def client():
    return connection(
        ClientConnection,
        address=Address(("127.0.0.1", 52000)),
        ssl_established=False,
        timestamp_start=1400000000.25,
    )


def server():
    attributes = ServerConnection._stateobject_attributes
    values = {}
    for name in ["ip_address", "peer_address"]:
        if name in attributes:
            values[name] = Address(("192.0.2.1", 80))
    if "state" in attributes:
        values["state"] = []
    return connection(
        ServerConnection,
        address=Address(("example.com", 80)),
        source_address=Address(("127.0.0.1", 50001)),
        ssl_established=False,
        sni="example.com",
        timestamp_start=1400000000.5,
        timestamp_tcp_setup=1400000000.75,
        **values
    )


def headers(*fields):
    if BEFORE_HEADERS:
        return ODictCaseless([list(field) for field in fields])
    return Headers([(name.encode(), value.encode()) for name, value in fields])


def message(kind, **values):
    wanted = inspect.getargspec(kind.__init__).args[1:]
    return kind(**{name: values[name] for name in wanted if name in values})


def exchange(answered=True, failed=False):
    made = HTTPFlow(client(), server())
    version = (1, 1) if BEFORE_HEADERS else b"HTTP/1.1"
    made.request = message(
        HTTPRequest,
        first_line_format="relative",
        form_in="relative",
        form_out="relative",
        method=b"GET",
        scheme=b"http",
        host=b"example.com",
        port=80,
        path=b"/path?a=b",
        httpversion=version,
        http_version=version,
        headers=headers(("Host", "example.com"), ("X", "1"), ("x", "2")),
        body=b"body",
        content=b"body",
        timestamp_start=1400000001.0,
        timestamp_end=1400000001.5,
        is_replay=False,
        stickycookie=False,
        stickyauth=False,
    )
    if answered:
        made.response = message(
            HTTPResponse,
            httpversion=version,
            http_version=version,
            code=200,
            status_code=200,
            msg=b"OK",
            reason=b"OK",
            headers=headers(("Content-Type", "text/plain")),
            body=b"hello",
            content=b"hello",
            timestamp_start=1400000002.0,
            timestamp_end=1400000003.0,
            is_replay=False,
        )
    if failed:
        made.error = Error("it broke", 1400000004.5)
    return made


flows = [exchange(), exchange(answered=False, failed=True), exchange(), exchange()]
flows[2].backup()
flows[2].request.path = "/changed"
flows[3].request.is_replay = True
flows[3].intercepted = True
with open(out, "wb") as file:
    writer = flow.FlowWriter(file)
    for each in flows:
        writer.add(each)
