"""Says words in a streaming call, all at once, and prints each answer as it comes. Arguments: host:port, words."""
import sys

import grpc

# As servers do, which print their port: a 0 for none.
print(0, flush=True)
channel = grpc.insecure_channel(sys.argv[1])
words = iter([word.encode() for word in sys.argv[2:]])
replies = channel.stream_stream("/test.Chat/Chat")(words, timeout=60)
try:
    for reply in replies:
        print(reply.decode(), flush=True)
except grpc.RpcError:
    pass
print("ended", replies.code().name, flush=True)
