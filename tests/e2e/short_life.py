#!/usr/bin/python3
"""Processes of 30 ms, gone for a second when the bundle is made, are nameable: executable, functions, calls."""

from support.recorder import record_command
from support.scenario import Scenario, check, equal, program

with Scenario(__file__) as scenario:
    scenario.need_root()
    brief = program("brief")
    script = f"i=0; while [ $i -lt 20 ]; do {brief} || exit 1; i=$((i+1)); done; sleep 1"
    bundle = record_command(scenario, ["sh", "-c", script], "-w", "20s")
    bundle.check_whole()

    samples = sum(count for frame, count in bundle.functions().items() if "burn_briefly" in frame)
    check(samples >= 20, f"{samples} samples in burn_briefly, about 60 expected (20 x 30 ms at 99 Hz)")
    equal(bundle.syscalls()["execve"].get("calls"), 1 + 20 + 1, "execve: sh, 20 times brief, sleep")
    timeline = scenario.fdr("show", bundle.path, "timeline").stdout
    check(brief in timeline, f"the timeline does not name {brief}:\n{timeline[:2000]}")
    threads = [row for row in bundle.show("threads") if "brief" in str(row)]
    check(len(threads) >= 20, f"show threads names {len(threads)} of 20 brief processes")
    print(f"short lives: {samples} samples of 20 processes of 30 ms")
