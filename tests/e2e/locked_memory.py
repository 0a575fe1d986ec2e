#!/usr/bin/python3
"""A target whose memory is locked for long, so that a read of its maps, its command line or its pages does not come back: the recorder arms,
ticks and writes bundles without them, says so, and takes them up when the lock is let go.

The wait is made by strace, at the recorder's own reads of those files. process_vm_readv(2) names no file, so strace cannot hold it up for one
process only: of what uses it, stacks of threads that sleep are looked up in pagemap first, and the rest is tried in patient_memory_test.cpp.
"""

import os
import signal

from support.recorder import Recorder
from support.scenario import Scenario, check, equal, program, wait_for

SAID = "the memory of process {} is locked"


def tracer_of(pid):
    """0: nobody."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(next(line for line in file if line.startswith("TracerPid:")).split()[1])


def while_locked(scenario, recorder, said):
    recorder.wait_armed()
    notes = recorder.status()["notes"]
    check(any(said in note for note in notes), f"the status does not say that memory is locked: {notes}")
    wait_for("samples", lambda: recorder.status()["rings"]["stacks"]["recorded"] > 50)
    bundle = recorder.dump("while it is locked")
    bundle.check_whole()
    scenario.fdr("verify", bundle.path)
    check(any(said in loss for loss in bundle.manifest["losses"]), f"losses: {bundle.manifest['losses']}")
    equal([name for name in bundle.manifest["files"] if name.endswith("maps.txt")], [], "mappings in the bundle")
    check(any(name.endswith("at/status.txt") for name in bundle.manifest["files"]), "what needs no lock is missing too")
    late = [row for row in bundle.show("metrics") if row["name"] == "recorder.lateness"][0]
    print(f"locked_memory: ticks at most {late['max']:.2f} s late while reads waited")


with Scenario(__file__) as scenario:
    scenario.need_root()
    scenario.need("strace")
    duty = scenario.spawn([program("duty"), "20"])
    said = SAID.format(duty.pid)
    files = [part for name in ("maps", "cmdline", "environ", "pagemap") for part in ("-P", f"/proc/{duty.pid}/{name}")]
    strace = ["strace", "-D", "-f", "-q", *files, "-e", "trace=read,pread64", "-e", "inject=read,pread64:delay_enter=600s", "-o", scenario.path("strace")]
    recorder = Recorder(scenario, "attach", "-w", "20s", "--after", "0s", duty.pid, through=strace, wait=False)
    tracer = wait_for("strace", lambda: tracer_of(recorder.process.pid))
    try:
        while_locked(scenario, recorder, said)
    finally:
        os.kill(tracer, signal.SIGKILL)  # the kernel lets go of whom it traced; SIGTERM waits for who waits
    wait_for("the lock is let go", lambda: not any(said in note for note in recorder.status()["notes"]))
    bundle = recorder.dump("when it is free")
    bundle.check_whole()
    check(any(name.endswith("at/maps.txt") for name in bundle.manifest["files"]), "the mappings are still missing")
    recorder.stop()
    equal(duty.poll(), None, "the target's end")
