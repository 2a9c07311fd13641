"""Publishes with `urllib`, as scripts do: it asks to close the connection, and sends the whole body before it reads.

Usage: python-publisher.py <address> <authorization> <bytes> <times>; prints one line for each time: the status or the error.
"""

import sys
import threading
import time
import urllib.error
import urllib.request

address, authorization, size, times = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])


class SlowBody:
    """A body that comes in pieces of 16 KiB, as from a pipe."""

    def __init__(self):
        self.left = size

    def read(self, _size=-1):
        time.sleep(0.005)
        piece = b"x" * min(self.left, 16_384)
        self.left -= len(piece)
        return piece


def publish():
    headers = {
        "authorization": authorization,
        "content-type": "application/json",
        "content-length": str(size),
    }
    request = urllib.request.Request(address, data=SlowBody(), method="POST", headers=headers)
    try:
        results.append(urllib.request.urlopen(request, timeout=60).status)
    except urllib.error.HTTPError as error:
        results.append(error.code)
    except Exception as error:
        results.append(f"{type(error).__name__}: {error}")


results = []
threads = [threading.Thread(target=publish) for _ in range(times)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(*results, sep="\n")
