#!/usr/bin/python3
"""Kernels differ in the programs they take, the helpers they have and what they keep alive. Each of these pretended to be missing in turn, a
recorder arms, fires, writes a bundle that reads, says what it had to do without, and still records the rest. Of those without which nothing
can be recorded, it says so and does not start."""

import json
import os

from support.recorder import Recorder
from support.scenario import FDR, Scenario, check, equal

# Grows to 48 MB and falls back, calls, fails, burns.
TARGET = """
import os
kept = []
while True:
    kept.append(bytearray(1 << 20))
    if len(kept) > 48: kept.clear()
    for _ in range(50): os.getppid()
    try: os.stat("/nowhere/to/be/found")
    except OSError: pass
    sum(range(100000))
"""
RINGS = {"stacks", "syscalls", "failed", "growth"}
NO_CALLS = "no system calls are recorded"
# What is pretended to be missing -> rings that are empty by it, what is said of it (nothing: it makes no difference).
MISSING = {
    "program:on_clock": ({"stacks"}, "no clock samples"),
    "program:on_sys_enter": ({"syscalls", "failed"}, NO_CALLS),
    "program:on_sys_exit": ({"syscalls", "failed"}, NO_CALLS),
    "program:on_rss_stat": (set(), "growth of memory is told by page faults"),
    "program:on_rss_stat,program:on_page_fault_user,program:on_page_fault_kernel": ({"growth"}, "growth of memory is not recorded"),
    "program:on_page_fault_user,program:on_page_fault_kernel": (set(), "has no address"),
    "program:on_mm_vmscan_direct_reclaim_begin": (set(), "stalls in direct reclaim are not told apart"),
    "program:on_mm_vmscan_memcg_reclaim_end,program:on_mm_compaction_begin": (set(), "stalls in compaction are not told apart"),
    "program:on_allocator": (set(), "samples within one have no callers"),
    "program:on_allocator,program:on_allocator_entry": (set(), "allocations are not sampled"),
    "link:perf_event": (set(), "clock samples end with the recorder"),
    "helper:task_storage_get": (set(), ""),
    "helper:task_pt_regs": (set(), ""),
    "helper:get_current_task_btf": (set(), ""),
}


def try_without(scenario, pid, missing, empty, said):
    heap = ["--heap"] if "allocator" in missing else []
    recorder = Recorder(scenario, "attach", pid, "-w", "10s", "--after", "1s", *heap, "--when", "process.threads > 0",
                        env={**os.environ, "FDR_PRETEND_MISSING": missing})
    bundle = recorder.next_bundle(f"without {missing}")
    notes = recorder.status()["notes"]
    recorder.stop()
    bundle.check_whole()
    for name in sorted(RINGS):
        kept = bundle.ring(name)["kept"]
        check((kept == 0) == (name in empty), f"without {missing} the ring {name} holds {kept} records")
    stacks = bundle.manifest["stacks"]
    check("stacks" in empty or stacks["complete"] > 0, f"without {missing} no stack is complete: {stacks}")
    calls = bundle.syscalls()
    equal("getppid" in calls, "syscalls" not in empty, f"without {missing}: sums of getppid")
    for where, told in (("the losses of the manifest", bundle.manifest["losses"]), ("fdr status", notes)):
        check(not said or any(said in line for line in told), f"without {missing}, {where} do not say {said!r}: {told}")
    check(not said or said in " ".join(scenario.fdr("report", "--no-color", bundle.path).stdout.split()), f"without {missing}, fdr report does not say {said!r}")


with Scenario(__file__) as scenario:
    scenario.need_root()
    with open(scenario.path("target.py"), "w", encoding="ascii") as file:
        file.write(TARGET)
    target = scenario.spawn(["/usr/bin/python3", scenario.path("target.py")], name="target")
    for missing, (empty, said) in MISSING.items():
        try_without(scenario, target.pid, missing, empty, said)

    lost = {**os.environ, "FDR_PRETEND_MISSING": "program:on_mm_compaction_end,program:on_rss_stat"}
    checks = json.loads(scenario.run([FDR, "doctor", "--json"], env=lost).stdout)
    told = next(check for check in checks if check["check"] == "BPF features")
    equal((told["verdict"], told["value"]), ("less", "2 missing"), "what fdr doctor says of BPF features")

    for essential in ("on_switch", "on_fork"):
        refused = scenario.run([FDR, "attach", "--name", scenario.recorder_name(), "-o", scenario.bundles, str(target.pid)],
                               env={**os.environ, "FDR_PRETEND_MISSING": f"program:{essential}"})
        equal(refused.returncode, 1, f"exit code without {essential}")
        check("load the BPF programs" in refused.stderr, f"without {essential}: {refused.stderr}")
