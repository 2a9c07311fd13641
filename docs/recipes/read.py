"""Appends every event of a channel to a file, each event once and in order. Start it again after any end: it continues.

    FEED_TOKEN=<read token> python3 read.py https://feed.example.com orders orders.ndjson

FEED_TOKEN is for private channels only. Each line of the file is {"cursor":…,"event":{…}}, or {"cursor":…,"gap":{…}}
where events are gone.
"""

import http.client
import json
import os
import random
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

# We ask for a heartbeat at least every 5 s. A stream that is silent for 2.5 times as long is dead.
HEARTBEAT_SECONDS = 5
SILENCE_SECONDS = 2.5 * HEARTBEAT_SECONDS

# No line of the file is longer than this. In bytes.
MAX_LINE_BYTES = 300_000


def open_journal(path):
    """Opens the file and reads the cursor of its last line. If a kill has cut that line short, removes it first."""
    journal = open(path, "ab+", buffering=0)
    end = journal.seek(0, os.SEEK_END)
    journal.seek(max(0, end - 2 * MAX_LINE_BYTES))
    tail = journal.read()
    whole = tail[: tail.rfind(b"\n") + 1]
    journal.truncate(end - len(tail) + len(whole))
    lines = whole.splitlines()
    return journal, json.loads(lines[-1])["cursor"] if lines else None


def append(journal, cursor, kind, data):
    """Stores an event or a gap together with its cursor: a kill cannot separate them."""
    line = f'{{"cursor":"{cursor}","{kind}":{data}}}\n'.encode()
    try:
        is_whole = journal.write(line) == len(line)
    except OSError as error:
        sys.exit(f"The file cannot be written: {error}")
    if not is_whole:
        sys.exit("The file cannot be written: the disk is full.")


def read_stream(url, channel, cursor):
    """Yields the frames of one stream until it ends. A frame is a dict of its fields."""
    start = {"rewind": "all"} if cursor is None else {"after": cursor}
    query = urllib.parse.urlencode({"channel": channel, "heartbeat": HEARTBEAT_SECONDS, **start})
    request = urllib.request.Request(f"{url}/api/stream?{query}")
    if os.environ.get("FEED_TOKEN"):
        request.add_header("authorization", f"Bearer {os.environ['FEED_TOKEN']}")
    with urllib.request.urlopen(request, timeout=SILENCE_SECONDS) as response:
        if response.headers.get_content_type() != "text/event-stream":
            raise OSError("The answer is no stream.")  # For example the page of a proxy.
        frame = {}
        for line in response:
            if line != b"\n":
                name, _, value = line.decode().rstrip("\n").partition(": ")
                frame[name] = value
            else:
                yield frame
                frame = {}
        # A frame without an empty line at its end is incomplete. The next stream brings it again.


def main(url, channel, path):
    journal, cursor = open_journal(path)
    failures = 0
    while True:
        retry_after = "0"
        try:
            for frame in read_stream(url, channel, cursor):
                kind = frame.get("event", "event")
                if kind == "hello":
                    failures = 0
                if kind in ("event", "gap") and "data" in frame:
                    append(journal, frame["id"], kind, frame["data"])
                    cursor = frame["id"]
        except urllib.error.HTTPError as error:
            if error.code in (400, 401, 403):
                sys.exit(f"The server refuses the request: {error.read().decode()}")
            retry_after = error.headers.get("retry-after", "0")
        except (OSError, http.client.HTTPException):
            pass  # The connection broke, or the server cannot be reached.
        # The random wait keeps readers apart that lost their streams together.
        wait = int(retry_after) if retry_after.isdigit() else 0
        time.sleep(wait + random.uniform(0, min(30, 0.5 * 2**failures)))
        failures = min(failures + 1, 10)


main(*sys.argv[1:])
