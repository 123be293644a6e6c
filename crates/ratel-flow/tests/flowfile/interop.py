"""What mitmproxy makes of a flow file, as JSON with types, a flow a line.

    interop.py states FILE     what its reader makes of each flow
    interop.py migrate FILE..  what its migrations make of each, or why they fail
    interop.py rewrite IN OUT  reads and writes
"""

import json
import sys

from mitmproxy import io
from mitmproxy.io import compat, tnetstring


def typed(value):
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, int):
        return {"int": str(value)}
    if isinstance(value, float):
        return {"float": repr(value)}
    if isinstance(value, dict):
        return {"dict": {key: typed(value) for key, value in value.items()}}
    return [typed(item) for item in value]


def show(value):
    print(json.dumps(value, sort_keys=True))


def migrate(*paths):
    for path in paths:
        with open(path, "rb") as file:
            while file.peek(1):
                try:
                    show(typed(compat.migrate_flow(tnetstring.load(file))))
                except Exception as error:
                    show({"error": repr(error)})


def states(path):
    with open(path, "rb") as file:
        for flow in io.FlowReader(file).stream():
            show(typed(flow.get_state()))


def rewrite(source, target):
    with open(source, "rb") as read, open(target, "wb") as write:
        writer = io.FlowWriter(write)
        for flow in io.FlowReader(read).stream():
            writer.add(flow)


{"migrate": migrate, "states": states, "rewrite": rewrite}[sys.argv[1]](*sys.argv[2:])
