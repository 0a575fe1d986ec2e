#!/usr/bin/python3
"""Targets that are many: threads, mappings, processes without end. What finds room is recorded, what does not is counted and said, and the
recorder lives on where it may not even start a thread.
"""

import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../examples/incidents"))
from common.cgroup import Cgroup  # noqa: E402

from support.recorder import Recorder
from support.scenario import Scenario, check, equal, program, wait_for

THREADS, MAPPINGS, FORKS, ALLOWED = 5000, 10_000, 200, 60


def crowd(scenario, what, count):
    name = f"crowd-{what}"
    process = scenario.spawn([program("crowd"), what, str(count)], name=name)
    wait_for(f"{count} {what}", lambda: "ready" in scenario.read(f"{name}.stdout") or process.poll() is not None, 60)
    equal(process.poll(), None, f"the end of the crowd of {what}: {scenario.read(name + '.stderr')}")
    return process


def many_threads(scenario):
    target = crowd(scenario, "threads", THREADS)
    begun = time.monotonic()
    recorder = Recorder(scenario, "attach", "-w", "10s", "--after", "0s", "-m", "64MB", target.pid)
    took = time.monotonic() - begun
    equal(recorder.status()["threads"], THREADS + 1, "threads that are recorded")
    said = float(re.search(r"armed in ([\d.]+) s", recorder.stderr).group(1)) if "armed in" in recorder.stderr else took
    bundle = recorder.dump("many threads")
    scenario.fdr("verify", bundle.path)
    check(len(bundle.show("threads")) > THREADS, "threads are missing in the bundle")
    print(f"crowds: {THREADS} threads: armed {said:.2f} s after the start; dump {bundle.manifest['cost']['dump_seconds']:.2f} s of CPU")
    recorder.stop()

    # Where there is room for fewer, the others are counted.
    small = Recorder(scenario, "attach", "-w", "5s", "--after", "0s", "-m", "24MB", target.pid)
    room = small.status()["threads"]
    check(100 < room < THREADS, f"{room} threads are recorded within 24 MB")
    bundle = small.dump("too many threads")
    losses = [loss for loss in bundle.manifest["losses"] if "found no slot" in loss]
    check(losses and int(losses[0].split()[0]) >= THREADS + 1 - room, f"{THREADS + 1 - room} threads found no room, and the bundle says {bundle.manifest['losses']}")
    scenario.fdr("verify", bundle.path)
    small.stop()
    target.kill()
    target.wait()


def many_mappings(scenario):
    target = crowd(scenario, "maps", MAPPINGS)
    recorder = Recorder(scenario, "attach", "-w", "10s", "--after", "0s", target.pid)
    wait_for("samples", lambda: recorder.status()["rings"]["stacks"]["recorded"] > 50, 90)
    bundle = recorder.dump("many mappings")
    scenario.fdr("verify", bundle.path)
    check(any("nanosleep" in frame and not frame.startswith("__x64") for frame in bundle.functions()), f"the C library among {MAPPINGS} mappings: {list(bundle.functions())[:10]}")
    share = bundle.manifest["stacks"]["share_complete"]
    print(f"crowds: {MAPPINGS} mappings: {share:.3f} of the stacks complete, dump {bundle.manifest['cost']['dump_seconds']:.2f} s of CPU")
    recorder.stop()
    target.kill()
    target.wait()


def forks_without_end(scenario):
    """In a group that may have so many processes, the recorder in it too: it cannot start the thread that writes."""
    group = Cgroup("pids", f"fdr-crowds-{os.getpid()}")
    try:
        recorder = Recorder(scenario, "attach", "-w", "10s", "--after", "0s", "--wait", "--comm", "crowd")
        group.limit_processes(ALLOWED)
        group.add(recorder.process.pid)
        with open(scenario.path("crowd-forks.stdout"), "w", encoding="ascii"):
            pass
        target = scenario.spawn(["sh", "-c", f"echo $$ > {group.path}/cgroup.procs; exec {program('crowd')} forks {FORKS}"], name="crowd-forks")
        wait_for("the forks", lambda: "ready" in scenario.read("crowd-forks.stdout"), 60)
        there = int(scenario.read("crowd-forks.stdout").split()[1])
        check(10 < there < FORKS, f"{there} of {FORKS} forks succeeded under a limit")
        wait_for("the children as targets", lambda: len(recorder.status()["processes"]) > there // 2, 30)
        result = scenario.fdr("dump", recorder.name, code=None)
        equal(recorder.process.poll(), None, "the recorder's end")
        check(result.returncode == 1 and "no thread to write it" in result.stderr, f"a dump without a thread: {result.returncode} {result.stderr!r}")
        group.limit_processes("max")
        bundle = recorder.dump("after the limit")
        bundle.check_whole()
        calls = bundle.syscalls()
        refused = sum(row["errors"] for name, row in calls.items() if name in ("clone", "clone3", "fork"))
        print(f"crowds: {there} of {FORKS} forks succeeded; {refused} errors of clone in the bundle, {len(bundle.show('processes'))} processes")
        recorder.stop()
        target.kill()
        target.wait()
    finally:
        for child in scenario.children:
            if child.poll() is None:
                child.kill()
                child.wait()
        group.remove()


with Scenario(__file__) as scenario:
    scenario.need_root()
    many_threads(scenario)
    many_mappings(scenario)
    forks_without_end(scenario)
