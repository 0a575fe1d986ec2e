#!/usr/bin/python3
"""A disk without room: the rule's bundle is not written, nothing half-made stays, `fdr status` says why, the target runs on; the
window stays in memory and is written as soon as there is room, by the same firing.
"""

import os

from support.bundle import Bundle
from support.recorder import Recorder
from support.scenario import Scenario, check, equal, program, wait_for

RULES = """
window = { span = "40s", after = "0s" }
bundle = { keep_free = "0%" }

[[trigger]]
name = "busy"
when = "process.cpu.total > 3%"
cooldown = "10m"
"""

with Scenario(__file__) as scenario:
    scenario.need_root()
    scenario.need("mount")
    with open(scenario.path("rules.toml"), "w", encoding="utf-8") as file:
        file.write(RULES)
    small = scenario.bundles
    os.makedirs(small, 0o700, exist_ok=True)
    equal(scenario.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=0700", "fdr-test", small]).returncode, 0, "mounting a disk of 64 KB")
    try:
        duty = scenario.spawn([program("duty"), "20"])
        recorder = Recorder(scenario, "attach", "-c", scenario.path("rules.toml"), duty.pid)
        wait_for("the firing that finds no room", lambda: "could not be written" in recorder.stderr)
        check("No space left on device" in recorder.stderr and "tried again in 10 s" in recorder.stderr, recorder.stderr)
        equal([name for name in os.listdir(small) if name.endswith((".fdr", ".partial"))], [], "what a failed bundle left behind")
        check(any("could not be written" in note for note in recorder.status()["notes"]), "the status does not say that a bundle is missing")
        equal(duty.poll(), None, "the target's end")

        scenario.run(["mount", "-o", "remount,size=64m", small])
        bundle = Bundle(scenario, wait_for("the second try", lambda: next(iter(recorder.bundle_paths()), None), 40))
        bundle.check_whole()
        trigger = bundle.manifest["trigger"]
        equal(trigger["name"], "busy", "rule of the bundle")
        check("not written at once: " in trigger["evidence"], f"the delay is not told: {trigger}")
        at_s = bundle.manifest["window"]["after_s"]
        check(at_s > 5, f"the bundle ends {at_s} s after the firing, and was written ten later")
        equal([note for note in recorder.status()["notes"] if "could not be written" in note], [], "notes once it is written")
        recorder.stop()
    finally:
        scenario.run(["umount", "-l", small])
