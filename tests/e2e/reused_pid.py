#!/usr/bin/python3
"""A process that was chosen ends before it is recorded, and another has its number by then: the stranger is not recorded, and who is meant is
found when he comes. So too where a recorded one's number becomes another's between two looks at /proc.

strace stops the recorder at one of its own reads of /proc, and so at one place between the choice and the recording; the number is given to
the stranger by clone3().
"""

import ctypes
import os
import signal
import struct

from support.recorder import Recorder
from support.scenario import Scenario, check, equal, program, wait_for

CHOSEN = "chosen"
SYS_CLONE3 = 435
PR_SET_PDEATHSIG = 1
# Where the recorder stands still: the file of the chosen process, and which time of closing it.
AFTER_THE_CHOICE, BEFORE_ARMING = ("comm", 2), ("stat", 2)


def start_as(pid, command):
    """A child of ours that runs `command` as process `pid`."""
    libc = ctypes.CDLL(None, use_errno=True)
    wanted = ctypes.c_int32(pid)
    arguments = struct.pack("<11Q", 0, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, ctypes.addressof(wanted), 1, 0)
    child = libc.syscall(SYS_CLONE3, arguments, len(arguments))
    if child == 0:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.execv(command[0], command)
        finally:
            os._exit(127)
    equal(child, pid, f"the number that clone3 gave ({os.strerror(ctypes.get_errno())})")


def reused_between(scenario, backend, place):
    what = f"{backend}, {place[0]}"
    chosen = scenario.path(CHOSEN)
    victim = scenario.spawn([chosen, "20"])
    wait_for("the chosen one", lambda: open(f"/proc/{victim.pid}/comm", encoding="ascii").read().strip() == CHOSEN)
    log = f"strace.{backend}.{place[0]}"
    strace = ["strace", "-D", "-q", "-P", f"/proc/{victim.pid}/{place[0]}", "-e", "trace=close", "-e", f"inject=close:signal=SIGSTOP:when={place[1]}", "-o", scenario.path(log)]
    recorder = Recorder(scenario, "attach", "--backend", backend, "-w", "10s", "--after", "0s", "--wait", "--comm", CHOSEN, through=strace, wait=False)
    wait_for(f"the recorder stands still ({what})", lambda: "stopped by SIGSTOP" in scenario.read(log))
    victim.kill()
    victim.wait()
    start_as(victim.pid, [program("duty"), "20"])
    try:
        recorder.process.send_signal(signal.SIGCONT)
        recorder.wait_armed()
        check(f"process {victim.pid} ended before it could be recorded" in recorder.stderr, f"{what}: not said:\n{recorder.stderr}")
        second = scenario.spawn([chosen, "20"])
        wait_for("the next one is recorded", lambda: f"process {second.pid} joined" in recorder.stderr)
        equal([row["pid"] for row in recorder.status()["processes"]], [second.pid], f"{what}: who is recorded")
        targets = {row["pid"] for row in recorder.dump("after the stranger").show("processes") if row["target"]}
        equal(targets, {second.pid}, f"{what}: targets in the bundle")
        second.kill()
        second.wait()
        recorder.stop()
    finally:
        os.kill(victim.pid, signal.SIGKILL)
        os.waitpid(victim.pid, 0)


def reused_between_two_looks(scenario, backend):
    first, other = (scenario.spawn([program("duty"), "20"]) for _ in range(2))
    recorder = Recorder(scenario, "attach", "--backend", backend, "-w", "10s", "--after", "0s", first.pid, other.pid)
    wait_for("both are recorded", lambda: len(recorder.status()["processes"]) == 2)
    recorder.process.send_signal(signal.SIGSTOP)
    first.kill()
    first.wait()
    start_as(first.pid, [program("shares"), "20"])
    try:
        recorder.process.send_signal(signal.SIGCONT)
        wait_for(f"its end is seen ({backend})", lambda: [row["pid"] for row in recorder.status()["processes"]] == [other.pid], 30)
        rows = [row for row in recorder.dump("after the stranger").show("processes") if row["pid"] == first.pid and row["target"]]
        equal([(row["process"], row["ended_s"] is None) for row in rows], [("duty", False)], f"{backend}: who was recorded under the number")
        recorder.stop()
    finally:
        for process in (first.pid, other.pid):
            os.kill(process, signal.SIGKILL)
        os.waitpid(first.pid, 0)


with Scenario(__file__) as scenario:
    scenario.need_root()
    scenario.need("strace")
    os.symlink(program("duty"), scenario.path(CHOSEN))
    reused_between(scenario, "bpf", AFTER_THE_CHOICE)
    for backend in ("bpf", "perf", "proc"):
        reused_between(scenario, backend, BEFORE_ARMING)
    for backend in ("bpf", "perf", "proc"):
        reused_between_two_looks(scenario, backend)
