"""What mitmproxy's content views make of bodies: JSON lines in, JSON lines out, the first of them the version."""

import base64
import json
import sys

sys.stdout.reconfigure(encoding="utf8")

from mitmproxy import contentviews, ctx, tcp, version, websocket
from mitmproxy.test import taddons, tflow
from wsproto.frame_protocol import Opcode

MAJOR = int(version.VERSION.split(".")[0])


def messages(row, data):
    """The flow and the message that a row is about."""
    kind = row["kind"]
    if kind == "websocket":
        flow = tflow.twebsocketflow()
        flow.request.path = row["path"]
        message = websocket.WebSocketMessage(Opcode.TEXT, True, data)
        flow.websocket.messages = [message]
        return flow, message
    if kind == "quic":
        flow = tflow.ttcpflow()
        flow.client_conn.alpn = b"h3"
        flow.metadata["quic_is_unidirectional"] = row["unidirectional"]
        flow.messages = [tcp.TCPMessage(True, data)]
        return flow, flow.messages[0]
    flow = tflow.tflow(resp=True)
    flow.request.path = row["path"]
    message = flow.request if kind == "request" else flow.response
    message.headers.pop("content-type", None)
    if row["type"]:
        message.headers["content-type"] = row["type"]
    for name, value in row["headers"].items():
        message.headers[name] = value
    message.raw_content = data
    return flow, message


def show(row):
    flow, message = messages(row, base64.b64decode(row["data"]))
    if MAJOR >= 12:
        result = contentviews.prettify_message(message, flow, row["view"])
        return {"view": result.view_name, "description": result.description, "text": result.text}
    name, lines, _ = contentviews.get_message_content_view(row["view"], message, flow)
    text = "\n".join("".join(text for _, text in line) for line in lines)
    return {"view": name, "description": "", "text": text}


def main():
    with taddons.context() as context:
        if MAJOR >= 12 and "protobuf_definitions" not in ctx.options:
            context.options.add_option("protobuf_definitions", str | None, None, "")
        print(json.dumps({"version": MAJOR}))
        for line in sys.stdin:
            # Bytes that are no text are surrogates here, which JSON cannot carry.
            text = json.dumps(show(json.loads(line)), ensure_ascii=False)
            print(text.encode("utf8", "replace").decode("utf8"))


main()
