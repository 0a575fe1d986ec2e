#!/usr/bin/python3
"""Growth blames the right one: of programs that leak in one function and allocate many times as much in another, which gives it
back to the kernel, the one that leaks comes first. And what is held adds up to what the kernel says the process grew by.

Where the churn only gives its blocks back to the allocator, which hands them to the leak, nobody outside the program can tell:
the pages stay with who touched them first. Such programs are measured too, and what they blame is printed, not checked."""

import os
import re
import signal
import subprocess
import sys

from support.recorder import Recorder
from support.scenario import ROOT, Scenario, check, program, wait_for

SOURCES = os.path.join(ROOT, "tests/programs")
REUSED = {"c-grow", "cpp-cache", "rust"}  # the leak lives in pages that the churn had touched first


def rust(scenario):
    scenario.need("rustc")
    path = scenario.path("leaks-rust")
    subprocess.run(["rustc", "-O", "-g", "-o", path, f"{SOURCES}/leaks.rs"], check=True, stdout=sys.stderr)
    return path


def anonymous_bytes(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
        return int(re.search(r"RssAnon:\s+(\d+) kB", status.read())[1]) << 10


def measure(scenario, name, command):
    """Whether the leak came first; prints what did."""
    target = scenario.spawn(command, name=name)
    wait_for(f"{name} is under way", lambda: anonymous_bytes(target.pid) > 4 << 20, 20)
    recorder = Recorder(scenario, "attach", target.pid, "--after", "100ms")
    begin = anonymous_bytes(target.pid)
    wait_for(f"{name} leaked", lambda: anonymous_bytes(target.pid) > begin + (24 << 20), 30)
    target.send_signal(signal.SIGSTOP)  # so that what the kernel says and what the window holds are of one moment
    grown = anonymous_bytes(target.pid) - begin
    bundle = recorder.dump(f"{name} grows")
    recorder.stop()
    target.kill()
    target.wait()
    sites = {"leak": 0, "churn": 0, "": 0}
    given_back = 0
    for row in bundle.show("growth"):
        found = re.search(r"(leak|churn)_site", " ".join(row["stack"]))
        sites[found[1] if found else ""] += row["held_bytes"]
        given_back += row["given_back_bytes"]
    held = sum(sites.values())
    right = sites["leak"] > max(sites["churn"], sites[""])
    print(f"{name:18} {'right' if right else 'WRONG'}: leak {sites['leak'] >> 20} MB, churn {sites['churn'] >> 20} MB, other "
          f"{sites[''] >> 20} MB, given back {given_back >> 20} MB; the kernel: grew by {grown >> 20} MB")
    # A sum of samples, thinned where much passes through.
    check(0.4 * grown < held < 2.5 * grown, f"{name}: {held} bytes held, the process grew by {grown}")
    return right


with Scenario(__file__) as scenario:
    scenario.need_root()
    leaks, leaks_cpp = program("leaks"), program("leaks_cpp")
    targets = [(f"c-{mode}", [leaks, mode]) for mode in ("small", "large", "discard", "grow", "threads")]
    targets += [(f"cpp-{mode}", [leaks_cpp, mode]) for mode in ("cache", "instances")]
    targets += [("rust", [rust(scenario)])]
    verdicts = {name: measure(scenario, name, command) for name, command in targets}
    wrong = [name for name, right in verdicts.items() if not right]
    check(not set(wrong) - REUSED, f"growth blames the wrong function in {wrong}")
    print(f"{len(verdicts) - len(wrong)} of {len(verdicts)} right")
