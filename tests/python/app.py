"""An application that uses the providers' official clients, as applications do.

Reads a JSON list of calls from standard input, makes them one after another, and prints a JSON list of what it saw:
`answer`, or `chunks` of a stream, or the class of an `error` with its fields, after the chunks that came before it.

A call has `sdk` (a file of clients/), `call` (what of it), `base` (URL), `headers`, `body` (the keyword arguments),
`stream`, and `retries` where they are not to be the client's default.
"""

import importlib
import json
import sys


def make(asked):
    sdk = importlib.import_module("clients." + asked["sdk"])
    saw = {}
    try:
        answer = sdk.call(asked)
        if isinstance(answer, dict):
            saw["answer"] = answer
        else:
            saw["chunks"] = []
            for chunk in answer:
                saw["chunks"].append(chunk)
    except sdk.ERRORS as error:
        saw["error"] = type(error).__name__
        saw.update(sdk.fields(error))
    return saw


print(json.dumps([make(asked) for asked in json.load(sys.stdin)]))
