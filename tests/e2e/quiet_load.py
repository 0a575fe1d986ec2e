#!/usr/bin/python3
"""A load below the threshold and a heartbeat kept up fire nothing; then the same program above it fires: the pair.

The rule is on demand (running and waiting to run), which a busy machine cannot hold down as it does CPU time.
Watched for 10 s, with FDR_E2E_LONG=1 for 60 s.
"""

import signal
import time

from support.heartbeat import Sender
from support.recorder import Recorder
from support.scenario import LONG, Scenario, check, equal, program

RULES = """
window = { span = "10s", after = "1s" }

[[trigger]]
name = "busy"
when = "process.cpu.demand > 80%"
for = "1s"

[[trigger]]
name = "leak"
when = "delta(process.rss, 1s) > 20MB"

[[trigger]]
name = "crash"
when = "exit.signal == SIGSEGV"

[[heartbeat]]
name = "pulse"
every = "500ms"
misses = 4
"""


NAMES = ("busy", "crash", "leak", "pulse")


def fired(bundle):
    return sorted({entry["rule"] for entry in bundle.ledger() if entry["event"] == "fired"}.intersection(NAMES))


with Scenario(__file__) as scenario:
    scenario.need_root()
    with open(scenario.path("rules.toml"), "w", encoding="utf-8") as file:
        file.write(RULES)
    duty = scenario.spawn([program("duty"), "20"])
    recorder = Recorder(scenario, "attach", "-c", scenario.path("rules.toml"), duty.pid)
    sender = Sender(scenario, "pulse", every="0.2")

    end = time.monotonic() + (60 if LONG else 10)
    while time.monotonic() < end:
        equal(recorder.bundle_paths(), [], "bundles under a load below every threshold")
        check(recorder.process.poll() is None, f"the recorder ended:\n{recorder.stderr}")
        time.sleep(0.2)
    rules = {rule["name"]: rule for rule in recorder.status()["rules"]}
    equal({name: rule["fired"] for name, rule in rules.items()}, dict.fromkeys(NAMES, 0), "firings of fdr status")
    quiet = recorder.dump("end of the quiet part")
    equal(fired(quiet), [], "rules that the ledger says fired")
    equal(quiet.manifest["trigger"]["name"], "manual", "trigger of the dump")

    duty.send_signal(signal.SIGUSR1)
    bundle = recorder.next_bundle("the load above the threshold")
    equal(bundle.manifest["trigger"]["name"], "busy", "rule that fired")
    check(80 < bundle.manifest["trigger"]["value"] < 110, f"value: {bundle.manifest['trigger']}")
    equal(fired(bundle), ["busy"], "rules that the ledger says fired")
    sender.stop()
    recorder.stop()
