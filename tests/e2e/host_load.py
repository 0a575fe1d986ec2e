#!/usr/bin/python3
"""Rules on what a mean over the host hides: one CPU that is full beside an idle one, and a disk that is written to. Neither fires before its load
is there, nor for the other's."""

import json
import os
import sys

from support.bundle import Bundle
from support.recorder import Recorder
from support.scenario import Scenario, check, equal, wait_for

SPINNER = "import os, sys\nos.sched_setaffinity(0, {int(sys.argv[1])})\nwhile True: pass"
WRITER = """
import os, sys, time
end = time.monotonic() + 6
with open(sys.argv[1], "wb") as file:
    while time.monotonic() < end:
        for _ in range(16): file.write(b"x" * (1 << 20))
        file.flush(); os.fsync(file.fileno()); file.seek(0)
"""
ONE_CPU = "min(host.cpu.max.busy, 2s) > 95%"
NAMED = "min(host.cpu[{}].user, 2s) > 80%"
WRITES = "rate(host.disk.written, 2s) > 10MB/s"


def values(recorder):
    return {rule["name"]: rule["value"] for rule in recorder.status()["rules"]}


with Scenario(__file__) as scenario:
    scenario.need_root()
    cpu = max(os.sched_getaffinity(0))
    target = scenario.spawn(["sleep", "600"], name="target")
    recorder = Recorder(scenario, "attach", target.pid, "--after", "100ms", "--when", ONE_CPU, "--when", NAMED.format(cpu), "--when", WRITES)
    wait_for("two seconds are known", lambda: values(recorder)["when-1"] is not None)
    equal(recorder.bundle_paths(), [], "bundles of a host at rest")

    spinner = scenario.spawn([sys.executable, "-c", SPINNER, str(cpu)], name="spinner")
    wait_for("both rules on the CPU fire", lambda: {rule["name"] for rule in recorder.status()["rules"] if rule["fired"]} >= {"when-1", "when-2"})
    spinner.kill()
    spinner.wait()
    check(not [rule for rule in recorder.status()["rules"] if rule["name"] == "when-3" and rule["fired"]], "the rule on the disk fired for the CPU")

    if values(recorder)["when-3"] is None:
        reason = {row["name"]: row["reason"] for row in json.loads(scenario.fdr("doctor", "--metrics", "--json").stdout)}["host.disk.written"]
        check(reason, "the disk is not known, and nobody says why")
        print(f"host_load: no disk to be written to: {reason}")
    else:
        writer = scenario.spawn([sys.executable, "-c", WRITER, scenario.path("written")], name="writer")
        wait_for("the rule on the disk fires", lambda: [rule for rule in recorder.status()["rules"] if rule["name"] == "when-3" and rule["fired"]])
        writer.kill()
        writer.wait()
        wait_for("its bundle", lambda: any(".when-3" in path for path in recorder.bundle_paths()))
        bundle = Bundle(scenario, next(path for path in recorder.bundle_paths() if ".when-3" in path))
        metrics = {row["name"]: row for row in bundle.show("metrics")}
        check(metrics["host.disk.busy"]["max"] > 0 and metrics["host.disk.wait"]["max"] > 0, f"the disk: {metrics['host.disk.busy']}, {metrics['host.disk.wait']}")
    recorder.stop()
