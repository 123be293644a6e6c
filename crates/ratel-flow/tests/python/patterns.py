"""Searches with Python's `re`: a case a line comes in as JSON, the answers go out in the same way.

A case has a pattern, whether it is one of bytes, its flags, and texts in hexadecimal. An answer is null for what is no
pattern, or says for each text whether there is a match. A case with a template is answered with what `re.sub` makes of
each text, in hexadecimal, or null if it is no template."""

import json
import re
import sys
import warnings

warnings.simplefilter("ignore")

for line in sys.stdin:
    case = json.loads(line)
    pattern = case["pattern"]
    flags = 0
    for letter in case["flags"]:
        flags |= {"i": re.IGNORECASE, "s": re.DOTALL, "m": re.MULTILINE}[letter]
    texts = [bytes.fromhex(text) for text in case["texts"]]
    if case["bytes"]:
        pattern = pattern.encode()
    else:
        texts = [text.decode("utf-8", "surrogateescape") for text in texts]
    try:
        compiled = re.compile(pattern, flags)
    except Exception:
        print("null")
        continue
    if "template" in case:
        template = case["template"]
        try:
            texts = [compiled.sub(template.encode() if case["bytes"] else template, text) for text in texts]
        except Exception:
            print("null")
            continue
        if not case["bytes"]:
            texts = [text.encode("utf-8", "surrogateescape") for text in texts]
        print(json.dumps([text.hex() for text in texts]))
        continue
    print(json.dumps([compiled.search(text) is not None for text in texts]))
