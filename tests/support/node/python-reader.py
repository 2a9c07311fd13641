"""Reads a stream with Python's standard library. It prints one line of JSON for each frame: an event's data, or a name.

After the end of a stream it waits as long as `retry:` says and resumes with the id of the last complete block.
"""

import http.client
import json
import sys
import time
import urllib.request


def blocks(answer):
    """The blocks of a body, each as its fields. A block without an empty line at its end is incomplete and left out."""
    block = {}
    for line in answer:
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name:
            block[name] = value
        else:
            yield block
            block = {}


last_event_id = None
while True:
    pause_ms = 100
    headers = {"Accept": "text/event-stream"}
    if last_event_id is not None:
        headers["Last-Event-ID"] = last_event_id
    try:
        with urllib.request.urlopen(urllib.request.Request(sys.argv[1], headers=headers), timeout=30) as answer:
            for block in blocks(answer):
                pause_ms = int(block.get("retry", pause_ms))
                last_event_id = block.get("id", last_event_id)
                if "data" in block:
                    received = block["event"] if "event" in block else json.loads(block["data"])["data"]
                    print(json.dumps(received), flush=True)
    except (OSError, http.client.HTTPException):
        # A broken stream is treated like one that ended.
        pass
    time.sleep(pause_ms / 1000)
