"""Publishes one event.

    PUBLISH_TOKEN=<token> python3 publish.py https://feed.example.com orders order.created '{"id": 7}'
"""

import http.client
import json
import os
import random
import sys
import time
import urllib.error
import urllib.request
import uuid

ATTEMPTS = 6


def publish(url, token, event, key=None):
    """Publishes an event {"channel", "type", "data"}, or a list of them. Returns the server's answer.

    The server stores the events of an idempotency key once. So each attempt sends the same key: an answer that got lost
    does no harm. Pass a key of your own, such as "order-7-created", if your program itself may run twice.
    """
    headers = {
        "authorization": f"Bearer {token}",
        "content-type": "application/json",
        "idempotency-key": key or str(uuid.uuid4()),
    }
    body = json.dumps(event).encode()
    request = urllib.request.Request(f"{url}/api/events", data=body, headers=headers)
    for attempt in range(ATTEMPTS):
        retry_after = "0"
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            reason = error.read().decode(errors="replace")
            if error.code != 429 and error.code < 500:
                raise SystemExit(f"The server refuses the event: {reason}")
            retry_after = error.headers.get("retry-after", "0")
        except (OSError, http.client.HTTPException) as error:
            reason = str(error)
        wait = int(retry_after) if retry_after.isdigit() else 0
        time.sleep(wait + random.uniform(0, 0.5 * 2**attempt))
    raise SystemExit(f"The event could not be published in {ATTEMPTS} attempts: {reason}")


if __name__ == "__main__":
    url, channel, type, data = sys.argv[1:]
    event = {"channel": channel, "type": type, "data": json.loads(data)}
    print(json.dumps(publish(url, os.environ["PUBLISH_TOKEN"], event)))
