#!/usr/bin/python3
"""At a firing every thread has a stack, those too that have slept since before the recording began: read without stopping them."""

from support.recorder import Recorder
from support.scenario import Scenario, check, equal
from support.services import Redis

with Scenario(__file__) as scenario:
    scenario.need_root()
    redis = Redis(scenario)
    redis.start()
    recorder = Recorder(scenario, "attach", redis.process.pid, "--after", "100ms")
    bundle = recorder.dump("who sleeps where")
    waiting = {row["thread"]: row for row in bundle.show("stalls") if row["open"]}
    for thread in ("bio_close_file", "bio_aof_fsync", "bio_lazy_free"):
        check(thread in waiting, f"no stall of {thread}, which sleeps all the time: {sorted(waiting)}")
        row = waiting[thread]
        equal(row["syscall"], "futex", f"the call {thread} sleeps in")
        check("bioProcessBackgroundJobs" in row["stack"], f"{thread} sleeps in {row['stack']}")
        check(any("start_thread" in frame for frame in row["stack"]), f"the stack of {thread} has no outer end: {row['stack']}")
    with open(f"/proc/{redis.process.pid}/status", encoding="ascii", errors="replace") as status:
        check("TracerPid:\t0" in status.read(), "redis is traced")
    recorder.stop()
