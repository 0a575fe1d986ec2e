#!/usr/bin/python3
"""A heartbeat kept up does not fire; its sender stopped for 1.5 s does, by the first tick after the deadline of 1.2 s.

Held against the recorded figures, not the wall clock of this script: the trigger's value is the age of the last beat at
the tick that decided, so it lies past the deadline by at most one tick and what the recorder says that ticks were late.
"""

import time

from support.heartbeat import Sender
from support.recorder import Recorder
from support.scenario import Scenario, check, equal, program

DEADLINE = 1.2
TICK = 0.1
RULES = """
window = { span = "10s", after = "1s" }
metrics = { every = "100ms" }

[[heartbeat]]
name = "link"
every = "400ms"
misses = 3
"""

with Scenario(__file__) as scenario:
    scenario.need_root()
    with open(scenario.path("rules.toml"), "w", encoding="utf-8") as file:
        file.write(RULES)
    duty = scenario.spawn([program("duty"), "10"])
    recorder = Recorder(scenario, "attach", "-c", scenario.path("rules.toml"), duty.pid)
    sender = Sender(scenario, "link", every="0.1")

    kept_up = time.monotonic() + 4
    while time.monotonic() < kept_up:
        equal(recorder.bundle_paths(), [], "bundles while the heartbeat is kept up")
        time.sleep(0.1)

    sender.pause()
    paused = time.monotonic()
    while time.monotonic() < paused + 1.5:
        time.sleep(0.02)
    sender.go_on()

    bundle = recorder.next_bundle("the pause")
    bundle.check_whole()
    trigger = bundle.manifest["trigger"]
    equal(trigger["name"], "link", "rule that fired")
    late = max((row["max"] for row in bundle.show("metrics") if row["name"] == "recorder.lateness"), default=0)
    check(DEADLINE < trigger["value"] <= DEADLINE + TICK + late + 0.01,
          f"age of the beat at the firing {trigger['value']} s, deadline {DEADLINE} s, tick {TICK} s, late {late} s")
    decided = [entry for entry in bundle.ledger() if entry["rule"] == "link" and entry["event"] == "fired"]
    equal(len(decided), 1, "firings in the ledger")
    equal(decided[0]["monotonic_ns"], trigger["monotonic_ns"], "time of the firing in ledger and manifest")
    [finding] = [each for each in bundle.report()["findings"] if each["id"] == "heartbeat"]
    check("clock ticks came on all CPUs" in finding["evidence"], f"no canary spoke: {finding['evidence']}")
    print(f"heartbeat: fired at an age of {trigger['value'] * 1e3:.0f} ms, deadline 1200 ms, "
          f"largest lateness {late * 1e3:.0f} ms")

    equal(len(recorder.bundle_paths()), 1, "bundles after the sender went on")
    sender.stop()
    recorder.stop()
