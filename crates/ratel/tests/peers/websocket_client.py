"""Talks to an echoing WebSocket. Arguments: the URL, the CA file or '-', and 'deflate' or 'plain'."""
import ssl
import sys

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

url, ca, compression = sys.argv[1:4]
context = ssl.create_default_context(cafile=ca) if ca != "-" else None
compression = "deflate" if compression == "deflate" else None
with connect(url, ssl=context, compression=compression, proxy=None, max_size=None) as connection:
    for message in ("hello", "w\u00f6rld" * 1000, b"\0\1\2", "", b"x" * 1_000_000):
        connection.send(message)
        print("echo", connection.recv() == message)
    connection.send(["one ", "message ", "in fragments"])
    print("fragments", connection.recv())
    print("ping", connection.ping().wait(10))
    connection.send("close")
    try:
        connection.recv()
    except ConnectionClosed as closed:
        print("closed", closed.rcvd.code, closed.rcvd.reason)
