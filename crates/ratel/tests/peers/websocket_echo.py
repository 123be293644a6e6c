"""A WebSocket server that echoes. Prints its port. Arguments: certificate and key for TLS."""
import ssl
import sys

from websockets.sync.server import serve


def echo(connection):
    for message in connection:
        if message == "close":
            return connection.close(4001, "as you wish")
        connection.send(message)


context = None
if len(sys.argv) > 2:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*sys.argv[1:3])
with serve(echo, "127.0.0.1", 0, ssl=context, max_size=None) as server:
    print(server.socket.getsockname()[1], flush=True)
    server.serve_forever()
