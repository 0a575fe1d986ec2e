"""Rows of `fdr export --format ndjson` (FORMAT.md, section 5.1) as they go into ClickHouse.

They come from other hosts, and from whoever wrote there: lines are bounded, every value is checked, and a bundle of which a row is
missing is a Problem. Nothing is kept but the line at hand.
"""

import calendar
import functools
import json
import math
import re
import time

from clickhouse import Problem

KEYS = ["bundle", "host", "time", "kind", "name", "value", "labels"]
MAX_LINE = 16 << 20
MAX_ROWS = 50_000_000  # of a bundle
TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{3})Z")
ID = re.compile(r"[0-9a-f]{64}")
FIRST_SECOND, LAST_SECOND = 86400, (1 << 32) - 1  # of a DateTime; below, its parser takes figures for a year


@functools.lru_cache(maxsize=4096)
def seconds_of(text):
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%S"))


def when(text):
    """(seconds since 1970, milliseconds)."""
    match = TIME.fullmatch(text) if isinstance(text, str) else None
    if not match:
        raise ValueError(f"no time: {text!r}"[:80])
    seconds = seconds_of(match[1])
    if not FIRST_SECOND <= seconds <= LAST_SECOND:
        raise ValueError(f"no time that can be: {text}")
    return seconds, int(match[2])


def text_of(value):
    return value if isinstance(value, str) else json.dumps(value)


def refuse(word):
    raise ValueError(f"{word} is no number")


# Made once: a row would take twice as long with one of its own.
DECODE = json.JSONDecoder(parse_constant=refuse).decode
ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Head:
    """A bundle, by its first row."""

    def __init__(self, row, host=None):
        self.id = row["name"]
        self.rows = row["value"]
        self.bundle = text_of(row["bundle"])
        self.host = host or text_of(row["host"])
        self.fired, _ = when(row["time"])
        if not isinstance(self.id, str) or not ID.fullmatch(self.id) or type(self.rows) is not int or not 0 <= self.rows <= MAX_ROWS:
            raise ValueError("a row of kind bundle names none")


def converted(row, head, load):
    """A line of JSONEachRow, for fdr.rows."""
    seconds, ms = when(row["time"])
    value = row["value"]
    if value is not None:
        value = float(value)
        if not math.isfinite(value):
            raise ValueError("a value is no number")
    labels = row["labels"]
    stack = labels.pop("stack", None)
    labels = {key: text_of(label) for key, label in labels.items() if label is not None}
    return ENCODE({"id": head.id, "load": load, "fired": head.fired, "bundle": head.bundle, "host": head.host, "time": seconds, "ms": ms,
                   "kind": text_of(row["kind"]), "name": text_of(row["name"]), "value": value,
                   "stack": [text_of(frame) for frame in stack] if isinstance(stack, list) else [],
                   "labels.key": list(labels), "labels.value": list(labels.values())}).encode(errors="replace") + b"\n"


def row_of(line):
    if not line.endswith(b"\n"):
        raise ValueError("a line is cut, or longer than 16 MB")
    row = DECODE(line.decode())
    if not isinstance(row, dict) or list(row) != KEYS or not isinstance(row["labels"], dict):
        raise ValueError(f"its keys are not {' '.join(KEYS)}")
    return row


def read(stream, begin, host=None):
    """(Head, load, a row for fdr.rows, rows of its bundle that are left) of each row of `stream`, a binary file. `begin` is asked of each Head
    what its load is; where it is None the bundle's rows are passed over. Problem where rows are not what they should be."""
    head = load = None
    left = number = 0
    for line in iter(lambda: stream.readline(MAX_LINE), b""):
        number += 1
        try:
            if left and load is None:
                left -= 1
                continue
            row = row_of(line)
            if row["kind"] == "bundle":
                if left:
                    raise ValueError(f"{left} rows of the bundle before it are missing")
                head = Head(row, host)
                left = head.rows
                load = begin(head)
            elif left:
                left -= 1
            else:
                raise ValueError("it belongs to no bundle: a row of kind bundle says how many follow")
            made = converted(row, head, load) if load else None
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
            raise Problem(f"row {number}: {error}") from None
        if load:
            yield head, load, made, left
    if left:
        raise Problem(f"ends {left} rows early")
