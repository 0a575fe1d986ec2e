#!/usr/bin/python3
"""The recorder killed with SIGKILL: targets and wrapped commands run on unharmed, and the next start leaves nothing of it (recover.py has its window)."""

import json
import os
import signal

from support.recorder import Recorder
from support.scenario import Scenario, check, equal, program, wait_for


def cpu_ticks(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rpartition(")")[2].split()
    check(fields[0] not in "TtZX", f"the target is in state {fields[0]}")
    return int(fields[11]) + int(fields[12])


def runs_on(pid, what):
    before = cpu_ticks(pid)
    wait_for(what, lambda: cpu_ticks(pid) >= before + 10, 20)


def leftovers(name):
    # The lock file stays: removing it would race with who waits for it.
    paths = (f"/run/fdr/{name}/control.sock", f"/run/fdr/{name}/beat.sock", f"/sys/fs/bpf/fdr/{name}")
    return [path for path in paths if os.path.exists(path)]


def kill(recorder):
    recorder.process.kill()
    equal(recorder.wait(), -signal.SIGKILL, "the recorder's end")


with Scenario(__file__) as scenario:
    scenario.need_root()
    duty = scenario.spawn([program("duty"), "50"])
    first = Recorder(scenario, "attach", "-w", "10s", duty.pid)
    runs_on(duty.pid, "the target runs while recorded")
    kill(first)
    runs_on(duty.pid, "the target runs on after the recorder was killed")
    armed = [entry["name"] for entry in json.loads(scenario.fdr("status", "--json").stdout) if entry["armed"]]
    check(first.name not in armed, f"fdr status takes the dead recorder for a live one: {armed}")

    second = Recorder(scenario, "attach", "-w", "10s", "--after", "1s", duty.pid, name=first.name)
    runs_on(duty.pid, "the target runs under the second recorder")
    bundle = second.dump("after the restart")
    bundle.check_whole()
    check(any("burn" in frame for frame in bundle.functions()), "the second recorder has no samples of burn()")
    second.stop()
    equal(leftovers(first.name), [], "left behind")
    runs_on(duty.pid, "the target runs when the second recorder has gone")

    # The wrapped child too.
    wrapper = Recorder(scenario, "run", "--", program("duty"), "50")
    output = f"{wrapper.name}.stdout"
    wait_for("the wrapped child burns", lambda: "burning" in scenario.read(output))
    with open(f"/proc/{wrapper.process.pid}/task/{wrapper.process.pid}/children", encoding="utf-8") as file:
        children = [int(pid) for pid in file.read().split()]
    equal(len(children), 1, "children of fdr run")
    try:
        kill(wrapper)
        runs_on(children[0], "the wrapped child runs on")
    finally:
        os.kill(children[0], signal.SIGKILL)
    third = Recorder(scenario, "attach", "-w", "10s", duty.pid, name=wrapper.name)
    third.stop()
    equal(leftovers(wrapper.name), [], "left behind")
