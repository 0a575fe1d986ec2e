#!/usr/bin/python3
"""The recorder killed with SIGKILL at any moment, in recording and in dumping: `fdr recover`, or the next start, writes its window as a
whole bundle, what was there before stays whole, the target runs on, and nothing of the dead one is left.

FDR_E2E_LONG=1: three hundred kills instead of a few.
"""

import json
import os
import random
import signal
import subprocess
import time

from support.bundle import Bundle
from support.recorder import Recorder
from support.scenario import FDR, LONG, Scenario, check, equal, program, wait_for


def cpu_ticks(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rpartition(")")[2].split()
    check(fields[0] not in "TtZX", f"the target is in state {fields[0]}")
    return int(fields[11]) + int(fields[12])


def runs_on(pid):
    before = cpu_ticks(pid)
    wait_for("the target makes progress", lambda: cpu_ticks(pid) >= before + 5, 20)


def kill(recorder):
    recorder.process.kill()
    equal(recorder.wait(), -signal.SIGKILL, "the recorder's end")


def check_nothing_left(name):
    for place in (f"/run/fdr/{name}", f"/sys/fs/bpf/fdr/{name}"):
        check(not os.path.exists(place), f"{place} is left: {os.listdir(place) if os.path.isdir(place) else ''}")


def recover(scenario, name, *options):
    """The bundle that `fdr recover NAME` prints: whole, and the only thing left of the recorder."""
    paths = scenario.fdr("recover", name, *options).stdout.split()
    equal(len(paths), 1, f"paths printed by fdr recover {name}")
    bundle = Bundle(scenario, paths[0])
    scenario.fdr("verify", bundle.path)
    equal(bundle.manifest["trigger"]["name"], "recorder-died", "trigger")
    check_nothing_left(name)
    return bundle


def check_content(bundle, pid):
    """What the rings held, and what was beside them."""
    check(any("burn" in frame for frame in bundle.functions()), f"no samples of burn(): {list(bundle.functions())[:10]}")
    check("clock_nanosleep" in bundle.syscalls(), f"no sums of the target's calls: {list(bundle.syscalls())}")
    equal([row["pid"] for row in bundle.show("processes") if row.get("target") == "duty"], [pid], "targets")
    window = bundle.manifest["window"]
    check(window["before_s"] > 1, f"the window before the death: {window}")
    check(bundle.ring("stacks")["obtained_s"] > 1, f"ring stacks: {bundle.ring('stacks')}")
    metrics = [row for row in bundle.show("metrics") if row["name"] == "process.cpu.total"]
    check(metrics, "no metric process.cpu.total")
    check(any(entry["event"] == "died" for entry in bundle.ledger()), "the ledger does not say that the recorder died")
    check(any("the recorder died" in loss for loss in bundle.manifest["losses"]), f"losses: {bundle.manifest['losses']}")
    check(bundle.manifest["target"]["pids"] == [pid], f"target.pids: {bundle.manifest['target']}")
    check("recorder-died" in bundle.first_screen(), "the first screen does not say what fired")


def until_recorded(recorder, seconds):
    wait_for("a window", lambda: recorder.status()["rings"]["stacks"]["obtained_s"] > seconds, 60, every=0.1)


def by_hand(scenario, duty):
    recorder = Recorder(scenario, "attach", "-w", "10s", duty.pid)
    until_recorded(recorder, 2)
    scenario.fdr("recover", recorder.name, code=1)  # it lives
    kill(recorder)
    runs_on(duty.pid)
    listed = {entry["name"]: entry for entry in json.loads(scenario.fdr("status", "--json").stdout)}[recorder.name]
    check(listed["dead"] and not listed["armed"] and listed["hint"] == f"fdr recover {recorder.name}", f"fdr status of the dead one: {listed}")
    check(f"fdr recover {recorder.name}" in scenario.fdr("doctor", code=None).stdout, "fdr doctor does not speak of the dead one")
    bundle = recover(scenario, recorder.name)
    equal(os.path.dirname(bundle.path), scenario.bundles, "directory of the bundle")
    bundle.check_whole()
    check_content(bundle, duty.pid)
    scenario.fdr("recover", recorder.name, code=1)  # once only


def by_the_next_start(scenario, duty):
    dead = [Recorder(scenario, "attach", "-w", "10s", "--after", "1s", duty.pid) for _ in range(2)]
    for recorder in dead:
        until_recorded(recorder, 1)
    for recorder in dead:
        kill(recorder)
    mine, other = dead
    next_one = Recorder(scenario, "attach", "-w", "10s", "--after", "1s", duty.pid, name=mine.name)
    paths = [path for path in next_one.bundle_paths() if path.endswith(".recorder-died.fdr")]
    equal(len(paths), 1, f"bundles that the next start wrote first: {next_one.stderr}")
    scenario.fdr("verify", paths[0])
    # The others keep their window, and lose their hooks.
    check(f"fdr recover {other.name}" in next_one.stderr, f"no hint for the other dead one: {next_one.stderr}")
    pins = os.listdir(f"/sys/fs/bpf/fdr/{other.name}")
    check("control" in pins and not [pin for pin in pins if pin.startswith(("link_", "clock_"))], f"pins of the other: {pins}")
    next_one.taken = len(next_one.bundle_paths())
    next_one.dump("by the one that lives").check_whole()
    next_one.stop()
    check_nothing_left(mine.name)
    elsewhere = scenario.path("elsewhere")
    equal(os.path.dirname(recover(scenario, other.name, "-o", elsewhere).path), elsewhere, "-o")


def where_writing_fails(scenario, duty):
    """The window stays until it is written."""
    recorder = Recorder(scenario, "attach", "-w", "10s", duty.pid)
    until_recorded(recorder, 1)
    kill(recorder)
    blocked = scenario.path("no-directory")
    with open(blocked, "w", encoding="utf-8"):
        pass
    said = scenario.fdr("recover", recorder.name, "-o", blocked, code=1).stderr
    check("could not be written" in said, f"what it said: {said}")
    recover(scenario, recorder.name)


def at_random_moments(scenario, duty, kills):
    chance = random.Random(kills if not LONG else None)
    whole = []
    for number in range(kills):
        recorder = Recorder(scenario, "attach", "-w", "5s", "--after", "0s", duty.pid)
        moment = chance.uniform(0, 1.2)
        if number % 2:
            asking = subprocess.Popen([FDR, "dump", recorder.name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            moment /= 2
        time.sleep(moment)  # the very thing that is tried
        kill(recorder)
        if number % 2:
            asking.wait(30)
        runs_on(duty.pid)
        written = recover(scenario, recorder.name).path
        # What was complete before is so still; what was not is gone.
        left = scenario.left()
        check(not [name for name in left if name.endswith(".partial")], f"half-written bundles after kill {number}, {moment:.3f} s: {left}")
        whole = [os.path.join(scenario.bundles, name) for name in left]
        check(written in whole, f"{written} is not among {left}")
        for path in whole[-3:]:
            scenario.fdr("verify", path)
    print(f"recover: {kills} kills, {len(whole)} bundles kept, all whole")


with Scenario(__file__) as scenario:
    scenario.need_root()
    duty = scenario.spawn([program("duty"), "50"])
    if not LONG:
        by_hand(scenario, duty)
        by_the_next_start(scenario, duty)
        where_writing_fails(scenario, duty)
    at_random_moments(scenario, duty, 300 if LONG else 4)
    runs_on(duty.pid)
