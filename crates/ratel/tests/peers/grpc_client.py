"""Makes the four kinds of gRPC calls. Arguments: host:port, and the CA file for TLS."""
import queue
import sys

import grpc

target = sys.argv[1]
if len(sys.argv) > 2:
    credentials = grpc.ssl_channel_credentials(open(sys.argv[2], "rb").read())
    channel = grpc.secure_channel(target, credentials)
else:
    channel = grpc.insecure_channel(target)

reply, call = channel.unary_unary("/test.Chat/Unary").with_call(b"one", timeout=20, metadata=(("x-test-bin", b"\0\1"),))
print("unary", reply.decode(), dict(call.trailing_metadata())["x-trailer"])
try:
    channel.unary_unary("/test.Chat/Unary")(b"missing", timeout=20)
except grpc.RpcError as error:
    print("error", error.code().name, error.details())
print("client stream", channel.stream_unary("/test.Chat/ClientStream")(iter([b"a", b"b", b"c"]), timeout=20).decode())
print("server stream", [m.decode() for m in channel.unary_stream("/test.Chat/ServerStream")(b"n", timeout=20)])
messages = queue.Queue()
replies = channel.stream_stream("/test.Chat/Chat")(iter(messages.get, None), timeout=20)
for word in (b"first", b"second", b"x" * 300_000):
    messages.put(word)
    # Each is answered while the call is open.
    print("chat", next(replies)[:11].decode())
messages.put(None)
print("chat ended", list(replies), replies.code().name)
many = [channel.unary_unary("/test.Chat/Unary").future(b"%d" % n, timeout=20) for n in range(200)]
print("many", sum(future.result() == b"got %d" % n for n, future in enumerate(many)))
