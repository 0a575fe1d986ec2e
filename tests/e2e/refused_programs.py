#!/usr/bin/python3
"""Kernels differ in the programs they take, the helpers they have and what they keep alive. With these pretended to be missing in turn, a
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
# What is pretended to be missing at a time, of what has nothing to do with each other -> the rings that are empty by it, and what is said of it.
MISSING = {
    "program:on_clock,program:on_rss_stat,program:on_mm_vmscan_direct_reclaim_begin":
        ({"stacks"}, ["no clock samples", "growth of memory is told by page faults", "stalls in direct reclaim are not told apart"]),
    "program:on_sys_enter,program:on_page_fault_user,program:on_mm_vmscan_memcg_reclaim_end":
        ({"syscalls", "failed"}, [NO_CALLS, "user code touched first has no address", "stalls in the reclaim of a memory cgroup are not told apart"]),
    "program:on_sys_exit,program:on_page_fault_kernel,program:on_mm_compaction_begin":
        ({"syscalls", "failed"}, [NO_CALLS, "system calls touched first has no address", "stalls in compaction are not told apart"]),
    "program:on_rss_stat,program:on_page_fault_user,program:on_page_fault_kernel,program:on_allocator,helper:task_pt_regs":
        ({"growth"}, ["growth of memory is not recorded", "samples within one have no callers"]),
    "link:perf_event,program:on_allocator,program:on_allocator_entry,helper:task_storage_get":
        (set(), ["clock samples end with the recorder", "allocations are not sampled"]),
    # Neither of the helpers above can be used then. For all three there is another way, which loses nothing.
    "helper:get_current_task_btf": (set(), []),
}


def try_without(scenario, pid, missing, empty, said):
    heap = ["--heap"] if "allocator" in missing else []
    recorder = Recorder(scenario, "attach", pid, "-w", "10s", "--after", "1s", *heap, "--when", "process.threads > 0", wait=False,
                        env={**os.environ, "FDR_PRETEND_MISSING": missing})
    recorder.wait_armed(120)  # programs are verified up to three times
    bundle = recorder.next_bundle(f"without {missing}", 90)
    notes = recorder.status()["notes"]
    recorder.stop()
    bundle.check_whole()
    for name in sorted(RINGS):
        kept = bundle.manifest["rings"].get(name, {}).get("kept", 0)  # none where nobody wrote into it at all
        check((kept == 0) == (name in empty), f"without {missing} the ring {name} holds {kept} records")
    stacks = bundle.manifest["stacks"]
    check("stacks" in empty or stacks["complete"] > 0, f"without {missing} no stack is complete: {stacks}")
    calls = bundle.syscalls()
    equal("getppid" in calls, "syscalls" not in empty, f"without {missing}: sums of getppid")
    report = " ".join(scenario.fdr("report", "--no-color", bundle.path).stdout.split())
    for sentence in said:
        check(sentence in " ".join(bundle.manifest["losses"]), f"without {missing}, the manifest does not say {sentence!r}: {bundle.manifest['losses']}")
        check(sentence in " ".join(notes), f"without {missing}, fdr status does not say {sentence!r}: {notes}")
        check(sentence in report, f"without {missing}, fdr report does not say {sentence!r}")
    kernel = [line for line in bundle.manifest["losses"] if "kernel" in line]
    check(said or not kernel, f"without {missing} something is lost: {kernel}")


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
        refused = scenario.run([FDR, "attach", "--backend", "bpf", "--name", scenario.recorder_name(), "-o", scenario.bundles, str(target.pid)],
                               env={**os.environ, "FDR_PRETEND_MISSING": f"program:{essential}"})
        equal(refused.returncode, 1, f"exit code without {essential}")
        check("load the BPF programs" in refused.stderr, f"without {essential}: {refused.stderr}")
