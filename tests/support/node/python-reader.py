"""Reads a stream by Python's standard library alone, and writes each event's data, or a frame's name, as a line of JSON.

Resumes with the id of the last whole block whenever the stream is over, after the pause the server named.
"""

import http.client
import json
import sys
import time
import urllib.request


def blocks(answer):
    """The blocks of a body, each as its fields. One that breaks off has no blank line after it, and is none."""
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
                    heard = block["event"] if "event" in block else json.loads(block["data"])["data"]
                    print(json.dumps(heard), flush=True)
    except (OSError, http.client.HTTPException):
        # The stream broke: as good as ended.
        pass
    time.sleep(pause_ms / 1000)
