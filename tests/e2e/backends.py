#!/usr/bin/python3
"""The ladder of backends. perf: stacks complete and named, shares, counts as strace has them, stalls with what they wait in, the window after a
SIGKILL. proc: metrics, rules, stacks of sleeping threads, and of running ones where that was allowed. What a backend lacks is said, listed in the
bundle, and no theory is ruled out by it. FDR_PRETEND_MISSING takes the steps of the ladder away one by one, and what the host itself tells.
"""

import json
import os
import shutil
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
    bundle = record_command(scenario, [program("shares"), "8"], "--backend", "perf")
    bundle.check_whole()
    check_lacks(bundle, "perf", "growth", "bystanders")
    check(complete_share(bundle) >= 0.99, f"complete stacks: {bundle.manifest['stacks']}")
    functions = bundle.functions()
    burnt = {name: sum(count for frame, count in functions.items() if name in frame) for name in ("burn_half", "burn_third", "burn_fifth")}
    check(burnt["burn_half"] > burnt["burn_third"] > burnt["burn_fifth"] > 0, f"samples by function: {burnt}")
    check_not_ruled_out(bundle, ("lookups", "reclaim"))


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
    check(left.show("doctor"), "what fdr doctor said is lost with the recorder")
    check("clock_nanosleep" in left.syscalls(), f"sums: {list(left.syscalls())}")
    check(not [name for name in os.listdir("/dev/shm") if name.endswith(recorder.name)], "the window's file is left")
    duty.terminate()


def perf_flood(scenario):
    """Calls made are calls counted, as long as the recorder is not stopped; then what was lost is the difference, and said."""
    calls = 80_000
    flood = scenario.spawn([program("bench_getppid"), str(calls), "1000000", "0", "-"], name="flood-perf", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    recorder = Recorder(scenario, "attach", "--backend", "perf", "-w", "60s", "--after", "100ms", flood.pid)

    def rounds(number):
        for _ in range(number):
            flood.stdin.write(b"\n")
            flood.stdin.flush()
            flood.stdout.readline()

    def told(name):
        bundle = recorder.dump(name)
        return bundle, bundle.syscalls()["getppid"]["calls"], bundle.ring("syscalls")["dropped"]

    rounds(10)
    _, counted, lost = told("the flood")
    print(f"backends: perf: {10 * calls} calls in a flood, {counted} counted, {lost} records lost")
    check(abs(counted + lost / 2 - 10 * calls) <= max(1, lost / 100), f"{10 * calls} calls made, {counted} counted, {lost} records lost")
    recorder.process.send_signal(signal.SIGSTOP)
    rounds(10)
    recorder.process.send_signal(signal.SIGCONT)
    recorder.status()  # it reads again
    rounds(1)          # the kernel tells what was lost with the next record that finds room
    bundle, counted, lost = told("the flood, unread")
    print(f"backends: perf: {10 * calls} more while the recorder was stopped: {counted} counted of all, {lost} records lost")
    check(lost > calls and abs(counted + lost / 2 - 21 * calls) <= lost / 100, f"{21 * calls} calls made, {counted} counted, {lost} records lost")
    check(any(sentence.startswith(f"{lost} records of system calls were lost") for sentence in bundle.manifest["losses"]), f"losses: {bundle.manifest['losses']}")
    check(f"lost   {lost} records" in bundle.first_screen(), f"the first screen does not say how many: {bundle.first_screen()}")
    recorder.stop()
    flood.kill()
    flood.wait()


def proc(scenario):
    spinner = scenario.spawn(["/usr/bin/python3", "-c", "import threading, time\n"
                              "def nap():\n  time.sleep(600)\n"
                              "threading.Thread(target=nap, daemon=True).start()\n"
                              "def spin():\n  while True: pass\n"
                              "spin()"], name="spinner")
    recorder = Recorder(scenario, "attach", "--backend", "proc", "--allow-ptrace", "-w", "5s", "--after", "0s", "--when", "process.cpu.demand > 20% for 500ms", spinner.pid)
    check("backend proc" in recorder.stderr, f"no word of the backend: {recorder.stderr}")
    bundle = recorder.next_bundle("a rule on CPU")
    scenario.fdr("verify", bundle.path)
    check_lacks(bundle, "proc", "syscalls", "slow", "failed", "growth", "summary")
    check_not_ruled_out(bundle, NEEDS_CALLS + ("blocked", "reclaim"))
    open_stalls = [row for row in bundle.show("stalls") if row.get("open")]
    check(any("sleep" in str(row) for row in open_stalls), f"no sleeping thread: {open_stalls}")
    check(bundle.manifest["stacks"]["samples"] >= 1, "no stack of the thread that runs, though it may be stopped")
    with open(f"/proc/{spinner.pid}/status", encoding="utf-8") as status:
        check("TracerPid:\t0" in status.read(), "the target is still traced")
    recorder.stop()
    spinner.terminate()


HOST_LACKS = {"psi": ("pressure (PSI)", "host.psi"), "cgroups": ("cgroups", "cgroup.*"), "map_files": ("mapped files", None)}
PASSING = ("room for bundles", "recorders", "dead recorder")  # what changes from one look to the next


def without(scenario, *missing):
    """(what is known of a program whose file is deleted, the bundle), recorded on a host that lacks this."""
    path = scenario.path("deleted")
    shutil.copy(program("shares"), path)
    burner = scenario.spawn([path, "100000"], name="deleted")
    wait_for("it runs", lambda: os.readlink(f"/proc/{burner.pid}/exe") == path)
    os.unlink(path)
    recorder = Recorder(scenario, "attach", "-w", "10s", "--after", "100ms", burner.pid, env=pretending(*missing))
    wait_for("samples, and ticks", lambda: recorder.status()["rings"]["stacks"]["recorded"] > 100, 30, every=0.1)
    bundle = recorder.dump("what this host lacks")
    recorder.stop()
    burner.kill()
    burner.wait()
    metrics = [row["name"] for row in bundle.show("metrics")]
    return {"psi": any(name.startswith("host.psi.") for name in metrics), "cgroups": any(name.startswith("cgroup.") for name in metrics),
            "map_files": any("burn_half" in frame for frame in bundle.functions())}, bundle


def host_lacks(scenario):
    everything, _ = without(scenario)
    for missing, (name, loss) in HOST_LACKS.items():
        if not everything[missing]:
            print(f"backends: this host lacks {missing} anyway")
            continue
        known, bundle = without(scenario, missing)
        equal(known, {**everything, missing: False}, f"known without {missing}")
        bundle.check_whole()
        kept = {row["check"]: row for row in bundle.show("doctor")}
        told = {row["check"]: row for row in json.loads(scenario.fdr("doctor", "--json", code=None, env=pretending(missing)).stdout)}
        equal({check: row for check, row in kept.items() if check not in PASSING}, {check: row for check, row in told.items() if check not in PASSING}, f"fdr doctor's word in the bundle, without {missing}")
        equal(kept[name]["verdict"], "less", f"fdr doctor without {missing}")
        if loss:
            check(any(loss in sentence for sentence in bundle.manifest["losses"]), f"losses without {missing}: {bundle.manifest['losses']}")
        else:
            deleted = [row for row in bundle.show("modules") if row["path"].endswith("(deleted)")]
            check(deleted and deleted[0]["help"], f"modules without {missing}: {bundle.show('modules')}")


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
    scenario.need_tracefs()
    scenario.need("strace", "setarch")
    perf_of_known_functions(scenario)
    perf_counts_as_strace_does(scenario)
    perf_switches_and_death(scenario)
    perf_flood(scenario)
    proc(scenario)
    host_lacks(scenario)
    ladder(scenario)
