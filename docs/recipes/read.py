"""Appends every event of a channel to a file, each event once and in order. Start it again after any end: it continues.
It ends by itself when the channel has ended.

    python3 read.py https://feed.example.com orders orders.ndjson

Each line of the file is {"cursor":…,"event":{…}}, or {"cursor":…,"gap":{…}} where events are gone.

A private channel needs a read token: in FEED_TOKEN, or in a file that FEED_TOKEN_FILE names. The program reads that
file before each request, so you can renew the token while it runs.
"""

import http.client
import json
import os
import random
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

# We ask for a heartbeat at least every 5 s. A stream that is silent for 2.5 times as long is dead.
HEARTBEAT_SECONDS = 5
SILENCE_SECONDS = 2.5 * HEARTBEAT_SECONDS

# No line of the file is longer than this. In bytes.
MAX_LINE_BYTES = 300_000

# Before the first event. With rewind=all the server would not report the events that are gone before we read one.
START = "0-0"


class ReadError(Exception):
    """The server refuses the request, or the token cannot be one: another attempt would not help."""


def open_journal(path):
    """Opens the file and reads the cursor of its last line. If a kill has cut that line short, removes it first."""
    journal = open(path, "ab+", buffering=0)
    if fcntl:  # The lock ends with this process, however it ends.
        fcntl.flock(journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
    end = journal.seek(0, os.SEEK_END)
    journal.seek(max(0, end - 2 * MAX_LINE_BYTES))
    tail = journal.read()
    whole = tail[: tail.rfind(b"\n") + 1]
    cursor = json.loads(whole.splitlines()[-1])["cursor"] if whole else START
    journal.truncate(end - len(tail) + len(whole))
    return journal, cursor


def append(journal, cursor, kind, data):
    """Stores an event or a gap together with its cursor: a kill cannot separate them."""
    line = f'{{"cursor":"{cursor}","{kind}":{data}}}\n'.encode()
    try:
        is_whole = journal.write(line) == len(line)
    except OSError as error:
        sys.exit(f"The file cannot be written: {error}")
    if not is_whole:
        sys.exit("The file cannot be written: the disk is full.")


def read_token():
    token = os.environ.get("FEED_TOKEN", "")
    if os.environ.get("FEED_TOKEN_FILE"):
        with open(os.environ["FEED_TOKEN_FILE"], encoding="utf-8", errors="replace") as file:
            token = file.read()
    if not re.fullmatch("[!-~]*", token.strip()):
        raise ReadError("The token has spaces or lines in it. Make it with npm run --silent token.")
    return token.strip()


def read_stream(url, channel, cursor):
    """Yields the frames of one stream until it ends. A frame is a dict of its fields."""
    query = urllib.parse.urlencode({"channel": channel, "heartbeat": HEARTBEAT_SECONDS, "after": cursor})
    request = urllib.request.Request(f"{url}/api/stream?{query}")
    token = read_token()
    if token:
        request.add_header("authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=SILENCE_SECONDS) as response:
        if response.status == 204:  # The channel has ended, and the cursor is at its end.
            yield {"event": "end"}
            return
        if response.headers.get_content_type() != "text/event-stream":
            raise OSError("the answer is no stream")  # For example the page of a proxy.
        frame = {}
        for line in response:
            if line != b"\n":
                name, _, value = line.decode().rstrip("\n").partition(": ")
                frame[name] = value
            else:
                yield frame
                frame = {}
        # A frame without an empty line at its end is incomplete. The next stream brings it again.


def describe(error):
    """What the server answered instead of a stream."""
    try:
        detail = json.load(error)["detail"]
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError):
        detail = error.reason  # The body is no problem of our server.
        if error.code != 429 and error.code < 500:
            detail += ". Is this the address of a Steadfeed app?"
    return f"the server answers {error.code}: {detail}"


def read_feed(url, channel, cursor=START):
    """Yields (cursor, kind, data) for each event and each gap after the cursor, in order, and waits for more. It ends when the
    channel has ended.

    `kind` is "event" or "gap"; `data` is JSON text. Store the cursor in the step that stores what you make of the data,
    and give the stored one to the next call: then a kill repeats nothing and loses nothing. Raises ReadError.
    """
    failures = 0
    reported = None
    while True:
        is_open = False
        retry_after = "0"
        cause = "the stream ended before its first frame"
        try:
            for frame in read_stream(url, channel, cursor):
                kind = frame.get("event", "event")
                if kind == "hello":
                    failures, reported, is_open = 0, None, True
                if kind in ("event", "gap") and "data" in frame:
                    cursor = frame["id"]
                    yield cursor, kind, frame["data"]
                if kind == "end":
                    return
        except urllib.error.HTTPError as error:
            cause = describe(error)
            can_renew = error.code == 401 and os.environ.get("FEED_TOKEN_FILE")
            if error.code in (400, 401, 403) and not can_renew:
                raise ReadError(f"Cannot read {url}: {cause}") from None
            retry_after = error.headers.get("retry-after", "0")
        except (OSError, http.client.HTTPException) as error:
            cause = getattr(error, "reason", error)
        # An open stream may break at any time. But tell, once, why we cannot open one.
        if not is_open and str(cause) != reported:
            reported = str(cause)
            end = "" if reported.endswith((".", "?")) else "."
            print(f"Cannot read {url}: {reported}{end} It tries again.", file=sys.stderr, flush=True)
        # The random wait keeps readers apart that lost their streams together.
        wait = int(retry_after) if retry_after.isdigit() else 0
        time.sleep(wait + random.uniform(0, min(30, 0.5 * 2**failures)))
        failures = min(failures + 1, 10)


def main(url, channel, path):
    try:
        journal, cursor = open_journal(path)
    except BlockingIOError:
        sys.exit(f"Another program writes to {path}. Give this one a file of its own, or end the other one.")
    except OSError as error:
        sys.exit(f"The file cannot be opened: {error}")
    except (ValueError, LookupError, TypeError):
        sys.exit(f"The last line of {path} has no cursor. Give a file of this program, or a new one.")
    try:
        for cursor, kind, data in read_feed(url, channel, cursor):
            append(journal, cursor, kind, data)
    except ReadError as error:
        sys.exit(str(error))


def stop(text):
    print(text, file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        stop("usage: read.py <address> <channel> <file>")
    if not re.fullmatch(r"https?://\S+", sys.argv[1]):
        stop("The address must begin with http:// or https://.")
    try:
        main(sys.argv[1].rstrip("/"), *sys.argv[2:])
    except KeyboardInterrupt:
        sys.exit(130)
