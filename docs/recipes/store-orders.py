"""Stores the events of a channel in a SQLite database: each one once, also across kills.

    python3 store-orders.py https://feed.example.com orders orders.db
"""

import json
import sqlite3
import sys

from read import START, read_feed

url, channel, path = sys.argv[1:]
database = sqlite3.connect(path)
database.execute("CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY)")
database.execute("CREATE TABLE IF NOT EXISTS position (channel TEXT PRIMARY KEY, cursor TEXT)")
stored = database.execute("SELECT cursor FROM position WHERE channel = ?", [channel]).fetchone()
for cursor, kind, data in read_feed(url, channel, stored[0] if stored else START):
    with database:  # One transaction: a kill cannot separate the order and the cursor.
        if kind == "event":
            database.execute("INSERT INTO orders VALUES (?)", [json.loads(data)["data"]["id"]])
        else:
            print(f"Events are gone: {data}", file=sys.stderr)
        database.execute("REPLACE INTO position VALUES (?, ?)", [channel, cursor])
