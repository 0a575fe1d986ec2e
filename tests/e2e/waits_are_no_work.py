#!/usr/bin/python3
"""A thread that waits in a system call uses no CPU there, though some switches back never reach the tracepoint.

A lost one would make the whole wait the call's CPU time (recorder/bpf/progress.h): one in a thousand in some guests.
"""

import sys

from support.recorder import record_command
from support.scenario import Scenario, check

SLEEPERS = """
import threading, time
def sleeps():
    for i in range(1500):
        time.sleep(0.001 + i % 4 * 0.001)
threads = [threading.Thread(target=sleeps) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""

with Scenario(__file__) as scenario:
    scenario.need_root()
    bundle = record_command(scenario, [sys.executable, "-c", SLEEPERS])
    bundle.check_whole()
    waits = [call for call in bundle.show("calls") if call["name"] == "clock_nanosleep" and call["wall_ns"] >= 1_000_000]
    worked = [call for call in waits if call["cpu_ns"] > 0.9 * call["wall_ns"]]
    check(len(waits) > 8000, f"{len(waits)} of 12000 sleeps are in the ring")
    check(len(worked) * 3000 < len(waits), f"{len(worked)} of {len(waits)} sleeps are said to be work, such as {worked[:3]}")
