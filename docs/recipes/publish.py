"""Publishes one event. Its name, the idempotency key, is the last argument; without one it is random.

    PUBLISH_TOKEN=<token> python3 publish.py https://feed.example.com orders order.created '{"id": 7}' order-7-created
"""

import http.client
import json
import os
import random
import re
import sys
import time
import urllib.error
import urllib.request
import uuid

# A restart or a deploy of the server takes less than this.
RETRY_SECONDS = 60
MAX_BACKOFF_SECONDS = 10


class PublishError(Exception):
    """The event could not be published. `status` is that of the last answer, or None.

    If `can_repeat` is false, the server has refused the event, and would refuse it again: correct it first. Otherwise
    nobody knows whether it is stored: publish it again with the same key.
    """

    def __init__(self, text, status=None):
        super().__init__(text)
        self.status = status
        self.can_repeat = status is None or status == 429 or status >= 500


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirected POST becomes a GET, which publishes nothing. So a redirect is an error."""

    def redirect_request(self, *_):
        return None


opener = urllib.request.build_opener(NoRedirects)


def publish(url, token, event, key):
    """Publishes an event {"channel", "type", "data"}, or a list of them. Returns the server's answer.

    The key names this request, such as "order-7-created". The server knows a key for 24 hours, and stores its events
    once, so each attempt sends the same key. If this function raises a PublishError with `can_repeat`, call it again
    with the same key within this time: nothing is stored twice.
    """
    if not re.fullmatch(r"https?://\S+", url):
        raise ValueError("The address must begin with http:// or https://.")
    headers = {"content-type": "application/json", "idempotency-key": key}
    if token:
        headers["authorization"] = f"Bearer {token}"
    body = json.dumps(event).encode()
    request = urllib.request.Request(f"{url.rstrip('/')}/api/events", data=body, headers=headers)
    end = time.monotonic() + RETRY_SECONDS
    backoff = 0.5
    while True:
        retry_after, status = "0", None
        try:
            with opener.open(request, timeout=30) as response:
                answer = response.read()
            break
        except urllib.error.HTTPError as error:
            status = error.code
            reason = describe(error)
            if status != 429 and status < 500:
                raise PublishError(reason, status) from None
            retry_after = error.headers.get("retry-after", "0")
        except http.client.InvalidURL as error:
            raise ValueError(f"The address is wrong: {error}") from None
        except (OSError, http.client.HTTPException) as error:
            reason = str(error)
        wait = random.uniform(0, backoff) + (int(retry_after) if retry_after.isdigit() else 0)
        if time.monotonic() + wait > end:
            raise PublishError(f"The event could not be published in {RETRY_SECONDS} s: {reason}", status)
        time.sleep(wait)
        backoff = min(MAX_BACKOFF_SECONDS, 2 * backoff)
    try:
        return json.loads(answer)
    except ValueError:
        raise PublishError(f"{url} is not the address of a Steadfeed app.", 200) from None


def describe(error):
    """Why the server has not stored the event."""
    try:
        detail = json.load(error)["detail"]
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError):
        detail = error.reason  # The body is no problem of our server, or the connection broke inside it.
        if error.code != 429 and error.code < 500:
            detail += ". Is this the address of a Steadfeed app?"
    return f"The server answers {error.code}: {detail}"


def stop(code, text):
    print(text, file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    if len(sys.argv) not in (5, 6):
        stop(2, "usage: publish.py <address> <channel> <type> <data as JSON> [<key>]")
    url, channel, type, data, *keys = sys.argv[1:]
    key = keys[0] if keys else str(uuid.uuid4())
    try:
        event = {"channel": channel, "type": type, "data": json.loads(data)}
    except ValueError as error:
        stop(2, f"The data is no JSON: {error}")
    try:
        print(json.dumps(publish(url, os.environ.get("PUBLISH_TOKEN"), event, key)))
    except PublishError as error:
        advice = ""
        if error.status == 401:
            advice = "\nSet PUBLISH_TOKEN in the environment to the publish token of the app."
        elif error.can_repeat:
            advice = f"\nRun it again with the key {key} as the last argument, within 24 hours: nothing is stored twice."
        stop(1, f"{error}{advice}")
    except ValueError as error:
        stop(2, error)
    except KeyboardInterrupt:
        stop(130, f"It may be stored. To be sure, run it again with the key {key} as the last argument, within 24 hours.")
