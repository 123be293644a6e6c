"""Makes a unary call and one that is answered with a stream, and says how they end. Arguments: host:port."""
import sys

import grpc

channel = grpc.insecure_channel(sys.argv[1])
for call in (channel.unary_unary("/test.Chat/Unary"), channel.unary_stream("/test.Chat/ServerStream")):
    try:
        reply = call(b"x", timeout=20)
        print("ended", reply if isinstance(reply, bytes) else list(reply))
    except grpc.RpcError as error:
        print(error.code().name, error.details())
