"""A gRPC service of the four kinds of calls, on bytes. Prints its port. Arguments: certificate and key for TLS."""
import os
import signal
import sys
import time
from concurrent import futures

import grpc


def unary(request, context):
    if request == b"missing":
        context.abort(grpc.StatusCode.NOT_FOUND, "no such thing: ünïcode")
    context.set_trailing_metadata((("x-trailer", "kept"),))
    return b"got " + request


def client_stream(requests, context):
    return b"+".join(requests)


def server_stream(request, context):
    for n in range(3):
        yield request + b" %d" % n


def chat(requests, context):
    for request in requests:
        yield b"echo " + request


def die(request, context):
    yield b"last words"
    time.sleep(0.2)
    os.kill(os.getpid(), signal.SIGKILL)


class Handler(grpc.GenericRpcHandler):
    def service(self, call):
        kinds = {
            "/test.Chat/Unary": grpc.unary_unary_rpc_method_handler(unary),
            "/test.Chat/ClientStream": grpc.stream_unary_rpc_method_handler(client_stream),
            "/test.Chat/ServerStream": grpc.unary_stream_rpc_method_handler(server_stream),
            "/test.Chat/Die": grpc.unary_stream_rpc_method_handler(die),
            "/test.Chat/Chat": grpc.stream_stream_rpc_method_handler(chat),
        }
        return kinds.get(call.method)


server = grpc.server(futures.ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0)])
server.add_generic_rpc_handlers((Handler(),))
if len(sys.argv) > 2:
    cert, key = (open(name, "rb").read() for name in sys.argv[1:3])
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, cert)]))
else:
    port = server.add_insecure_port("127.0.0.1:0")
server.start()
print(port, flush=True)
server.wait_for_termination()
