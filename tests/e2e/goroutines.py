#!/usr/bin/python3
"""The goroutines and the memory of a Go program, by its own tables, read from outside without stopping it: their number is a metric that
rules may use, and a bundle says where they stand and which allocation site grows beside one that allocates far more. A stripped,
position-independent program is no different."""

import json
import os
import subprocess
import sys

from support.recorder import Recorder
from support.scenario import ROOT, Scenario, check, equal, wait_for

SOURCE = os.path.join(ROOT, "tests/programs/goroutines.go")
CACHE = os.path.join(ROOT, "build/hard_stacks/go")  # what go compiles of its library, once
PARKED = 10_000


def built(scenario, name, *flags):
    path = scenario.path(name)
    os.makedirs(CACHE, exist_ok=True)
    subprocess.run(["go", "build", *flags, "-o", path, SOURCE], check=True, stdout=sys.stderr,
                   env={**os.environ, "GO111MODULE": "off", "GOCACHE": CACHE, "GOFLAGS": "", "CGO_ENABLED": "0"})
    return path


def started(scenario, path):
    name = os.path.basename(path)
    process = scenario.spawn([path, str(PARKED)], name=name)
    wait_for("all goroutines parked", lambda: "ready" in scenario.read(f"{name}.stdout"), 60)
    return process


def line_of(text):
    with open(SOURCE, encoding="ascii") as source:
        return next(number for number, line in enumerate(source, 1) if text in line)


with Scenario(__file__) as scenario:
    scenario.need_root()
    scenario.need("go")

    target = started(scenario, built(scenario, "goroutines"))
    recorder = Recorder(scenario, "attach", target.pid, "--after", "100ms", "--when", f"process.goroutines > {PARKED + 1000}")
    first = recorder.next_bundle("more goroutines than there may be")
    equal(first.manifest["trigger"]["name"], "when-1", "the rule that fired")
    bundle = recorder.dump("who stands where")

    rows = bundle.show("goroutines")
    most = max(rows, key=lambda row: row["count"])
    equal(most["count"], PARKED, "goroutines of the largest group")
    equal(most["function"], "main.(*conn).writeLoop", "where most of them stand")
    place = f"goroutines.go:{line_of('<-c.closed')}"
    equal(os.path.basename(most["place"]), place, "at which line")
    equal(most["wait"], "chan receive", "what they wait for")
    equal(most["created_by"], "main.park", "who made them")
    leaked = next(row for row in rows if row["created_by"] == "main.main" and row["function"] == most["function"])
    check(leaked["count"] > 100, f"only {leaked['count']} leaked ones are known: {leaked}")
    check(any("main.main" in frame for frame in leaked["stack"]) and "runtime.gopark" in leaked["stack"][-1],
          f"the stack of a leaked one: {leaked['stack']}")

    points = next(row["points"] for row in bundle.show("metrics") if row["name"] == "process.goroutines")
    values = [value for _, value in points if value is not None]
    check(values[-1] > values[0] >= PARKED, f"goroutines over time: {values[0]} .. {values[-1]}")
    live = sum(row["count"] for row in rows if not row["system"])
    check(abs(live - values[-1]) < 0.05 * live, f"{live} goroutines in the bundle, {values[-1]} by the metric")

    sites = bundle.show("heap")
    check(sites[0]["function"] == "main.newConn", f"what grew most: {sites[0]}")
    leak, churn = (next(row for row in sites if row["function"] == name) for name in ("main.newConn", "main.churn"))
    check(leak["grown_bytes"] > 500_000, f"grown by {leak['grown_bytes']} only")
    check(churn["alloc_since_start_bytes"] > 4 * leak["alloc_since_start_bytes"], f"churn {churn}, leak {leak}")
    check(churn["grown_bytes"] < 0.5 * leak["grown_bytes"], f"churn grew: {churn}, leak {leak}")

    text = " ".join(scenario.fdr("report", "--no-color", bundle.path).stdout.split())
    check("main.(*conn).writeLoop" in text and place in text and "main.newConn" in text, f"the report:\n{text}")
    with open(f"/proc/{target.pid}/status", encoding="ascii", errors="replace") as status:
        check("TracerPid:\t0" in status.read(), "the target is traced")
    with open(os.path.join(bundle.path, f"process/{target.pid}/goroutines.json"), encoding="utf-8") as file:
        answer = json.load(file)
    print(f"{live} goroutines read and grouped in {answer['cost_ms']:.1f} ms of CPU, {len(rows)} groups")
    recorder.stop()
    target.kill()
    target.wait()

    target = started(scenario, built(scenario, "stripped", "-buildmode=pie", "-ldflags=-s -w"))
    recorder = Recorder(scenario, "attach", target.pid, "--after", "100ms")

    def known(part):
        bundle = recorder.dump("and stripped?")  # which looks at the program by and by
        return bundle.show(part)
    rows = wait_for("goroutines of the stripped program", lambda: known("goroutines"), 60)
    most = max(rows, key=lambda row: row["count"])
    equal((most["count"], most["function"], os.path.basename(most["place"])), (PARKED, "main.(*conn).writeLoop", place),
          "the largest group of a stripped program")
    check("main.newConn" in [row["function"] for row in known("heap")], "its heap")
    recorder.stop()
    target.kill()
