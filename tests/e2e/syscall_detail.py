#!/usr/bin/python3
"""`--syscalls`: all keeps raw calls and exact sums, summary the sums alone, off neither; stacks come in each."""

from support.recorder import record_command
from support.scenario import Scenario, check, equal, program

with Scenario(__file__) as scenario:
    scenario.need_root()
    for detail, raw, summed in (("all", True, True), ("summary", False, True), ("off", False, False)):
        command = ["sh", "-c", f"{program('family')} 2 1 500; {program('shares')} 2"]
        bundle = record_command(scenario, command, "--syscalls", detail)
        bundle.check_whole()
        kept = bundle.manifest["rings"].get("syscalls", {}).get("kept", 0)
        equal(kept > 0, raw, f"raw calls kept under {detail}: {kept}")
        calls = bundle.syscalls().get("getppid", {}).get("calls", 0)
        equal(calls >= 500 * 3, summed, f"getppid counted under {detail}: {calls}")
        check(any("burn_half" in frame for frame in bundle.functions()), f"no samples of burn_half under {detail}")
        bundle.first_screen()
