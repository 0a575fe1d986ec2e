#!/usr/bin/python3
"""What a quota of CPU time takes from a thread is a stall of its own kind, and as long as the kernel's own account says. The same thread
without the quota has none."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../examples/incidents"))
from common.cgroup import Cgroup  # noqa: E402

from support.recorder import Recorder
from support.scenario import Scenario, check, program, wait_for

QUOTA = 30  # per cent of one CPU


def held_back(bundle):
    """Seconds throttled, and how many times."""
    rows = [row for row in bundle.show("stalls") if row["kind"] == "throttled"]
    return sum(row["length_ns"] for row in rows) / 1e9, len(rows)


with Scenario(__file__) as scenario:
    scenario.need_root()
    target = scenario.spawn([program("steady_first")], name="steady")
    recorder = Recorder(scenario, "attach", target.pid, "--after", "100ms")
    recorded = lambda: recorder.status()["rings"]["stacks"]["recorded"]
    wait_for("a second of its CPU", lambda: recorded() > 100, 60)
    free, _ = held_back(recorder.dump("before the quota"))
    check(free == 0, f"throttled for {free} s without a quota")

    group = Cgroup("cpu", f"fdr-throttled-{os.getpid()}")
    try:
        group.limit_cpu(QUOTA)
        group.add(target.pid)
        wait_for("twenty periods", lambda: group.throttling()[1] >= 20, 60)
        before = group.throttling()
        bundle = recorder.dump("under the quota")
        after = group.throttling()
        seconds, count = held_back(bundle)
        check(0.8 * before[2] <= seconds <= 1.2 * after[2] + 0.1, f"throttled for {seconds:.2f} s, the group says {before[2]:.2f} to {after[2]:.2f}")
        check(count >= 15, f"{count} stalls in {before[1]} throttled periods")
        findings = {finding["id"]: finding for finding in bundle.report()["findings"]}
        print(f"throttled: {seconds:.2f} s in {count} stalls, the group says {before[2]:.2f} to {after[2]:.2f}; {findings['throttling']}")
    finally:
        recorder.stop()
        target.kill()
        target.wait()
        group.remove()
