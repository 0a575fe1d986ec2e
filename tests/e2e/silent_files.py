#!/usr/bin/python3
"""A target whose program is on a file system that does not answer any more: the recorder arms, ticks, writes bundles and ends as ever, without
what only the file could tell, says so, and takes it up when there is an answer again. Nor is it held up where its bundles should go there.

The file system is one of FUSE, of our own.
"""

import os
import signal

from support.recorder import Recorder
from support.scenario import ROOT, Scenario, check, equal, program, wait_for

SAID = "does not answer"


def notes(recorder):
    return [note for note in recorder.status()["notes"] if SAID in note]


def recorded(recorder):
    return recorder.status()["rings"]["stacks"]["recorded"]


def while_silent(scenario, recorder):
    before = recorded(recorder)
    wait_for("samples", lambda: recorded(recorder) > before + 50)
    bundle = recorder.dump("while nothing answers")
    bundle.check_whole()
    scenario.fdr("verify", bundle.path)
    check(any(SAID in loss for loss in bundle.manifest["losses"]), f"losses: {bundle.manifest['losses']}")
    check(any(SAID in note and "duty" in note for note in notes(recorder)), f"the status does not say who is waited for: {recorder.status()['notes']}")
    stacks = bundle.show("stacks")
    named = sum(row["samples"] for row in stacks if any("burn" in frame for frame in row["stack"]))
    print(f"silent_files: {named} of {sum(row['samples'] for row in stacks)} samples have the program's names")
    late = [row for row in bundle.show("metrics") if row["name"] == "recorder.lateness"][0]
    print(f"silent_files: ticks at most {late['max']:.2f} s late")


with Scenario(__file__) as scenario:
    scenario.need_root()
    check(os.path.exists("/dev/fuse"), "this kernel has no FUSE")
    place = scenario.path("mount")
    os.mkdir(place)
    mount = scenario.spawn(["/usr/bin/python3", "-B", os.path.join(ROOT, "tests/e2e/support/silent_mount.py"), place, program("duty")], name="mount")
    wait_for("the file system", lambda: "mounted" in scenario.read("mount.stdout"))
    duty = scenario.spawn([os.path.join(place, "duty"), "40"])
    wait_for("the program runs", lambda: "burning" in scenario.read("duty.stdout"))
    early = Recorder(scenario, "attach", "-w", "20s", "--after", "0s", duty.pid)
    writer = Recorder(scenario, "attach", "-w", "20s", "--after", "0s", duty.pid, output=place)
    wait_for("samples", lambda: recorded(early) > 20)
    equal(notes(early), [], "notes while it answers")
    # Between two slices, which are four seconds apart: who is writing in that moment waits.
    wait_for("the first slice is written", lambda: writer.status()["armed_s"] > 2.5)
    mount.send_signal(signal.SIGUSR1)
    late = Recorder(scenario, "attach", "-w", "20s", "--after", "0s", duty.pid)
    for recorder in (early, late):
        while_silent(scenario, recorder)
    early.stop()
    refused = scenario.fdr("dump", writer.name, code=1)
    check(SAID in refused.stderr, f"a bundle to where nothing answers: {refused.stderr}")
    writer.stop()
    refused = scenario.fdr("attach", "-o", place, duty.pid, code=1)
    check(SAID in refused.stderr, f"a recorder whose bundles would go there: {refused.stderr}")

    mount.send_signal(signal.SIGUSR2)
    wait_for("an answer", lambda: not notes(late))
    late.dump("when it answers").check_whole()
    mount.send_signal(signal.SIGUSR1)
    late.stop()
    equal(duty.poll(), None, "the target's end")
