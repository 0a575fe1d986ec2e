#!/usr/bin/python3
"""Signals sent to `fdr run` reach COMMAND: SIGTERM, SIGINT, SIGHUP, and SIGUSR1 and SIGUSR2, which there is no
request for a dump; a SIGTERM while the window is being armed, too, and nothing is left behind."""

import os
import signal
import time

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

    for delay in (0, 0.05, 0.2, 0.4):
        early = Recorder(scenario, "run", "--on-exit", "never", "--", "/bin/sleep", "60", wait=False)
        children = f"/proc/{early.process.pid}/task/{early.process.pid}/children"
        child = wait_for("fdr's child", lambda: open(children, encoding="ascii").read().split(), every=0.001)[0]
        time.sleep(delay)
        early.process.send_signal(signal.SIGTERM)
        equal(early.wait(), -signal.SIGTERM, f"exit of a command ended {delay} s after fdr had forked it")
        left = [path for path in (f"/proc/{child}", f"/run/fdr/{early.name}", f"/sys/fs/bpf/fdr/{early.name}") if os.path.exists(path)]
        equal(left, [], f"what is left {delay} s after fdr had forked its command")
