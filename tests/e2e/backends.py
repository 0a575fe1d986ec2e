#!/usr/bin/python3
"""The ladder of backends. perf: stacks complete and named, shares, counts as strace has them, stalls with what they wait in, the window after a
SIGKILL. proc: metrics, rules, stacks of sleeping threads, and of running ones where that was allowed. What a backend lacks is said, listed in the
bundle, and no theory is ruled out by it. FDR_PRETEND_MISSING takes the steps of the ladder away one by one.
"""

import json
import os
import signal
import subprocess

from support.bundle import Bundle
from support.recorder import Recorder, record_command
from support.scenario import FDR, Scenario, check, equal, program, wait_for
from support.strace_counts import compare

NEEDS_CALLS = ("slow-calls", "failing-calls", "lookups", "cut-reads", "clock-calls")


def pretending(*missing):
    return {**os.environ, "FDR_PRETEND_MISSING": ",".join(missing)}


def check_lacks(bundle, backend, *lacks):
    equal(bundle.manifest["backend"], backend, "manifest.backend")
    for part in lacks:
        check(part not in bundle.manifest["rings"], f"ring {part} is told of, though nothing records into it")
    check(any(f"backend {backend}" in loss for loss in bundle.manifest["losses"]), f"losses: {bundle.manifest['losses']}")
    check(backend in bundle.first_screen(), "the first screen does not name the backend")


def check_not_ruled_out(bundle, findings):
    verdicts = {finding["id"]: finding["verdict"] for finding in bundle.report()["findings"]}
    for name in findings:
        check(verdicts.get(name) != "against", f"{name} is ruled out by who cannot see it")


def complete_share(bundle):
    stacks = bundle.manifest["stacks"]
    check(stacks["samples"] > 50, f"samples: {stacks}")
    return stacks["complete"] / stacks["samples"]


def perf_of_known_functions(scenario):
    bundle = record_command(scenario, [program("shares"), "3"], "--backend", "perf")
    bundle.check_whole()
    check_lacks(bundle, "perf", "growth", "bystanders")
    check(complete_share(bundle) >= 0.99, f"complete stacks: {bundle.manifest['stacks']}")
    functions = bundle.functions()
    burnt = {name: sum(count for frame, count in functions.items() if name in frame) for name in ("burn_half", "burn_third", "burn_fifth")}
    check(burnt["burn_half"] > burnt["burn_third"] > burnt["burn_fifth"] > 0, f"samples by function: {burnt}")
    check_not_ruled_out(bundle, ("lookups",))


def perf_counts_as_strace_does(scenario):
    command = ["setarch", "-R", program("family"), "5", "3", "40"]
    bundle = record_command(scenario, command, "--backend", "perf")
    calls = compare(scenario, command, bundle, ("futex",))
    equal(calls["exit_group"].calls, 6, "exit_group: one a process")
    equal(len([row for row in bundle.show("processes") if row.get("target")]), 6, "processes")


def perf_switches_and_death(scenario):
    duty = scenario.spawn([program("duty"), "20"], name="duty-perf")
    recorder = Recorder(scenario, "attach", "--backend", "perf", "-w", "10s", "--after", "1s", duty.pid)
    check("backend perf" in recorder.stderr, f"no word of the backend: {recorder.stderr}")
    equal(recorder.status()["backend"], "perf", "status")
    wait_for("a window", lambda: recorder.status()["rings"]["stalls"]["recorded"] > 50, 30, every=0.1)
    bundle = recorder.dump("backends")
    kinds = {row["kind"] for row in bundle.show("stalls")}
    check("wait" in kinds, f"kinds of stalls: {kinds}")
    check(not any("blocked" == kind for kind in kinds), f"a sleep that was asked for is held to be blocked: {kinds}")
    recorder.process.kill()
    equal(recorder.wait(), -signal.SIGKILL, "the recorder's end")
    paths = scenario.fdr("recover", recorder.name).stdout.split()
    equal(len(paths), 1, "bundles recovered")
    left = Bundle(scenario, paths[0])
    equal(left.manifest["backend"], "perf", "backend of what was recovered")
    check(any("burn" in frame for frame in left.functions()), f"functions: {list(left.functions())[:10]}")
    check("clock_nanosleep" in left.syscalls(), f"sums: {list(left.syscalls())}")
    check(not [name for name in os.listdir("/dev/shm") if name.endswith(recorder.name)], "the window's file is left")
    duty.terminate()


def proc(scenario):
    spinner = scenario.spawn(["/usr/bin/python3", "-c", "import threading, time\n"
                              "def nap():\n  time.sleep(600)\n"
                              "threading.Thread(target=nap, daemon=True).start()\n"
                              "def spin():\n  while True: pass\n"
                              "spin()"], name="spinner")
    recorder = Recorder(scenario, "attach", "--backend", "proc", "--allow-ptrace", "-w", "5s", "--after", "0s", "--when", "process.cpu.total > 20% for 500ms", spinner.pid)
    check("backend proc" in recorder.stderr, f"no word of the backend: {recorder.stderr}")
    bundle = recorder.next_bundle("a rule on CPU")
    scenario.fdr("verify", bundle.path)
    check_lacks(bundle, "proc", "syscalls", "slow", "failed", "growth", "summary")
    check_not_ruled_out(bundle, NEEDS_CALLS + ("blocked",))
    open_stalls = [row for row in bundle.show("stalls") if row.get("open")]
    check(any("sleep" in str(row) for row in open_stalls), f"no sleeping thread: {open_stalls}")
    check(bundle.manifest["stacks"]["samples"] >= 1, "no stack of the thread that runs, though it may be stopped")
    with open(f"/proc/{spinner.pid}/status", encoding="utf-8") as status:
        check("TracerPid:\t0" in status.read(), "the target is still traced")
    recorder.stop()
    spinner.terminate()


def ladder(scenario):
    sleeper = scenario.spawn(["sleep", "600"], name="sleeper")
    for missing, backend in ((("bpf",), "perf"), (("btf",), "perf"), (("bpf", "perf"), "proc")):
        recorder = Recorder(scenario, "attach", "-w", "5s", sleeper.pid, env=pretending(*missing))
        equal(recorder.status()["backend"], backend, f"backend without {missing}")
        check(f"backend {backend}" in recorder.stderr, f"stderr without {missing}: {recorder.stderr}")
        recorder.stop()
    for missing, code in ((("bpf",), 1), (("bpf", "perf"), 2)):
        rows = json.loads(scenario.fdr("doctor", "--json", code=code, env=pretending(*missing)).stdout)
        equal({row["check"]: row for row in rows}["backend"]["verdict"], "less" if code == 1 else "cannot", f"doctor without {missing}")
    refused = scenario.fdr("attach", "--backend", "perf", str(sleeper.pid), code=1, env=pretending("perf"))
    check("perf" in refused.stderr and "hint" in refused.stderr, f"a backend asked for that cannot be had: {refused.stderr}")
    equal(subprocess.run([FDR, "run", "--backend", "none", "--", "true"], capture_output=True, check=False).returncode, 125, "an unknown backend")


with Scenario(__file__) as scenario:
    scenario.need_root()
    scenario.need("strace", "setarch")
    perf_of_known_functions(scenario)
    perf_counts_as_strace_does(scenario)
    perf_switches_and_death(scenario)
    proc(scenario)
    ladder(scenario)
