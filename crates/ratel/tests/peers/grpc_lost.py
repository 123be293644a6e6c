"""Has a gRPC service die in the middle of a call and calls it once more. Arguments: host:port."""
import sys

import grpc

channel = grpc.insecure_channel(sys.argv[1])
try:
    for message in channel.unary_stream("/test.Chat/Die")(b"", timeout=20):
        print(message.decode())
except grpc.RpcError as error:
    print(error.code().name)
try:
    channel.unary_unary("/test.Chat/Unary")(b"x", timeout=20)
except grpc.RpcError as error:
    print(error.code().name, error.details())
