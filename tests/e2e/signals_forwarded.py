#!/usr/bin/python3
"""Signals sent to `fdr run` reach COMMAND: SIGTERM, SIGINT, SIGHUP, and SIGUSR1 and SIGUSR2, which there is no
request for a dump."""

import signal

from support.recorder import Recorder
from support.scenario import Scenario, equal, wait_for

CHILD = """
import signal, sys
def told(number, frame):
    print(signal.Signals(number).name, flush=True)
    if number == signal.SIGTERM:
        sys.exit(7)
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
    signal.signal(number, told)
print("ready", flush=True)
while True:
    signal.pause()
"""

with Scenario(__file__) as scenario:
    scenario.need_root()
    recorder = Recorder(scenario, "run", "--on-exit", "never", "--", "/usr/bin/python3", "-c", CHILD)
    output = f"{recorder.name}.stdout"
    wait_for("the child is ready", lambda: "ready" in scenario.read(output))
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM):
        recorder.process.send_signal(number)
        wait_for(f"{number.name} reaches the child", lambda: number.name in scenario.read(output), 10)
    equal(recorder.wait(), 7, "exit code of the child that ended on SIGTERM")
    equal(recorder.bundle_paths(), [], "bundles")
    equal(scenario.left(), [], "files in the output directory")
