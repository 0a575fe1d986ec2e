#!/usr/bin/python3
"""What examples/fleet/load makes of rows, and which it refuses: they come from whoever wrote them."""

import io
import json
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../examples/fleet"))

from support.scenario import Scenario, check, equal
from clickhouse import Problem, quoted
from rows import read

ID = "5e" * 32
TIME = "2026-03-01T12:41:23.456Z"


def row(kind, name, value, **more):
    labels = more.pop("labels", {})
    return {"bundle": "b.fdr", "host": "web1", "time": TIME, "kind": kind, "name": name, "value": value, "labels": labels, **more}


def made(*rows, begin=lambda head: 7, host=None):
    lines = b"".join(one if isinstance(one, bytes) else json.dumps(one).encode() + b"\n" for one in rows)
    return [(head, load, json.loads(line), left) for head, load, line, left in read(io.BytesIO(lines), begin, host)]


def refused(why, *rows):
    try:
        made(*rows)
    except Problem as problem:
        check(why in str(problem), f"refused for another reason: {problem}, not {why}")
        return
    check(False, f"taken, and not refused: {why}")


with Scenario(__file__) as scenario:
    stack = row("stack", "f", 3, labels={"stack": ["main", "f"], "kind": "on-cpu", "open": True, "none": None, "ids": [1, 2]})
    (head, load, first, _), (_, _, second, left) = made(row("bundle", ID, 1), stack)
    equal((head.id, head.rows, head.host, head.fired, load, left), (ID, 1, "web1", 1772368883, 7, 0), "what is known of the bundle")
    equal(first["kind"], "bundle", "the first row")
    equal(second, {"id": ID, "load": 7, "fired": 1772368883, "bundle": "b.fdr", "host": "web1", "time": 1772368883, "ms": 456, "kind": "stack", "name": "f", "value": 3.0,
                   "stack": ["main", "f"], "labels.key": ["kind", "open", "ids"], "labels.value": ["on-cpu", "true", "[1, 2]"]}, "a row")
    equal({one[2]["host"] for one in made(row("bundle", ID, 1), stack, host="db1")}, {"db1"}, "the host that was given")
    equal(made(row("bundle", ID, 1), row("log", "a\ud800", None))[1][2]["name"], "a?", "half a character")

    # Two bundles; of one that is there no row is looked at.
    other = "ab" * 32
    equal([one[2]["id"] for one in made(row("bundle", ID, 1), b"\xff whatever\n", row("bundle", other, 0), begin=lambda head: None if head.id == ID else 8)], [other], "passed over")

    good = row("bundle", ID, 1)
    refused("ends 1 rows early", good)
    refused("1 rows of the bundle before it are missing", good, row("bundle", other, 0))
    refused("row 3: it belongs to no bundle", good, stack, stack)
    refused("row 1: it belongs to no bundle", stack)
    refused("a line is cut", good, json.dumps(stack).encode())
    refused("names none", row("bundle", "../x", 1))
    refused("names none", row("bundle", ID, True))
    refused("names none", row("bundle", ID, 1 << 60))
    refused("names none", row("bundle", ID, -1))
    refused("keys are not", good, {"kind": "log"})
    refused("keys are not", good, b"[]\n")
    refused("keys are not", good, {**stack, "labels": []})
    refused("no time", good, {**stack, "time": "yesterday"})
    refused("no time that can be", good, {**stack, "time": "1969-01-01T00:00:00.000Z"})
    refused("no time that can be", good, {**stack, "time": "9999-01-01T00:00:00.000Z"})
    refused("row 2", good, {**stack, "time": "2026-99-99T00:00:00.000Z"})
    refused("is no number", good, json.dumps(row("log", "l", float("nan"))).encode() + b"\n")
    refused("row 2", good, b'{"bundle":"b","host":"h","time":"' + TIME.encode() + b'","kind":"k","name":"n","value":1e999,"labels":{}}\n')
    refused("row 2", good, b'{"bundle":"b","host":"h","time":"' + TIME.encode() + b'","kind":"k","name":"n","value":1' + b"0" * 400 + b',"labels":{}}\n')
    refused("row 2", good, {**stack, "value": "much"})
    refused("row 2", good, b"\xff\n")
    refused("row 2", good, b"[" * 200000 + b"\n")
    equal(quoted("it's \\ \n"), "'it\\'s \\\\ \n'", "a string of SQL")
