#!/usr/bin/python3
"""Growth blames the right one: of programs that leak in one function and allocate many times as much in another, the one that leaks comes
first. And what is held adds up to what the kernel says the process grew by.

Both ways are measured in one recording. By pages: where the churn only gives its blocks back to the allocator, which hands them to the leak,
the pages stay with who touched them first; of such programs it is printed, not checked, whom that blames. By allocations (--heap): these
programs too, without exception; a leak that was mapped without the allocator is known by its pages alone, and comes first all the same."""

import json
import os
import re
import signal
import subprocess
import sys

from support.recorder import Recorder
from support.scenario import ROOT, Scenario, check, program, wait_for

SOURCES = os.path.join(ROOT, "tests/programs")
REUSED = {"c-grow", "cpp-cache", "rust"}  # the leak lives in pages that the churn had touched first
MAPPED = {"c-large"}                      # not by malloc


def rust(scenario):
    scenario.need("rustc")
    path = scenario.path("leaks-rust")
    subprocess.run(["rustc", "-O", "-g", "-o", path, f"{SOURCES}/leaks.rs"], check=True, stdout=sys.stderr)
    return path


def anonymous_bytes(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
        return int(re.search(r"RssAnon:\s+(\d+) kB", status.read())[1]) << 10


def site_of(row):
    found = re.search(r"(leak|churn)_site", " ".join(row["stack"]))
    return found[1] if found else ""


def sites_of(rows):
    sites = {"leak": 0, "churn": 0, "": 0}
    for row in rows:
        sites[site_of(row)] += row["held_bytes"]
    return sites


def in_megabytes(sites):
    return f"leak {sites['leak'] >> 20} MB, churn {sites['churn'] >> 20} MB, other {sites[''] >> 20} MB"


def measure(scenario, name, command):
    """Whether the leak came first by pages, and in all; prints what did."""
    target = scenario.spawn(command, name=name)
    wait_for(f"{name} is under way", lambda: anonymous_bytes(target.pid) > 4 << 20, 20)
    recorder = Recorder(scenario, "attach", target.pid, "--heap", "--after", "100ms")
    begin = anonymous_bytes(target.pid)
    wait_for(f"{name} leaked", lambda: anonymous_bytes(target.pid) > begin + (24 << 20), 50)
    target.send_signal(signal.SIGSTOP)  # so that what the kernel says and what the window holds are of one moment
    grown = anonymous_bytes(target.pid) - begin
    bundle = recorder.dump(f"{name} grows")
    recorder.stop()
    target.kill()
    target.wait()
    rows = bundle.show("growth")
    pages = sites_of(row for row in rows if row["kind"] != "allocated")
    blocks = sites_of(row for row in rows if row["kind"] == "allocated")
    given_back = sum(row["given_back_bytes"] for row in rows)
    right = pages["leak"] > max(pages["churn"], pages[""])
    first = site_of(rows[0]) == "leak" and site_of(bundle.show("memory")[0]) == "leak"
    print(f"{name:14} by pages {'right' if right else 'WRONG'}: {in_megabytes(pages)}, given back {given_back >> 20} MB; in all "
          f"{'right' if first else 'WRONG'}: allocated and held {in_megabytes(blocks)}; the kernel: grew by {grown >> 20} MB")
    # Sums of samples, thinned where much passes through.
    check(0.4 * grown < sum(pages.values()) < 2.5 * grown, f"{name}: {sum(pages.values())} bytes held by pages, the process grew by {grown}")
    if name not in MAPPED:
        check(0.4 * grown < blocks["leak"] < 2.5 * grown, f"{name}: {blocks['leak']} bytes allocated by the leak and held, the process grew by {grown}")
        check(blocks["churn"] < 0.3 * blocks["leak"], f"{name}: the churn holds {blocks['churn']} bytes, the leak {blocks['leak']}")
    return right, first


def measure_command(scenario, leaks):
    """A command is probed before its first instruction: what it allocated since is all there."""
    recorder = Recorder(scenario, "run", "--heap", "--after", "100ms", "--", leaks, "small")
    pid = recorder.status()["processes"][0]["pid"]
    wait_for("the command leaked", lambda: anonymous_bytes(pid) > 24 << 20, 50)
    os.kill(pid, signal.SIGSTOP)
    grown = anonymous_bytes(pid)
    bundle = recorder.dump("the command grows")
    os.kill(pid, signal.SIGKILL)
    recorder.wait()
    blocks = sites_of(row for row in bundle.show("growth") if row["kind"] == "allocated")
    print(f"run: allocated and held {in_megabytes(blocks)}; the kernel: {grown >> 20} MB")
    check(0.5 * grown < blocks["leak"] < 2 * grown, f"run: {blocks['leak']} bytes allocated by the leak and held, the process has {grown}")
    with open(os.path.join(bundle.path, "allocations.json"), encoding="ascii") as file:
        since_ns = json.load(file)["since_ns"]
    window = bundle.manifest["window"]
    check(0 < since_ns <= window["start_ns"] + 10**9, f"probed since {since_ns}, the window is {window}")
    told = scenario.fdr("report", "--no-color", bundle.path).stdout
    check("heap: " not in told.split("FINDINGS")[0], f"losses of a recording that lost nothing:\n{told}")


with Scenario(__file__) as scenario:
    scenario.need_root()
    leaks, leaks_cpp = program("leaks"), program("leaks_cpp")
    targets = [(f"c-{mode}", [leaks, mode]) for mode in ("small", "large", "discard", "grow", "threads")]
    targets += [(f"cpp-{mode}", [leaks_cpp, mode]) for mode in ("cache", "instances")]
    targets += [("rust", [rust(scenario)])]
    verdicts = {name: measure(scenario, name, command) for name, command in targets}
    measure_command(scenario, leaks)
    by_pages = {name for name, (right, _) in verdicts.items() if right}
    in_all = {name for name, (_, first) in verdicts.items() if first}
    print(f"by pages {len(by_pages)} of {len(verdicts)} right, with allocations {len(in_all)}")
    check(not set(verdicts) - by_pages - REUSED, f"growth by pages blames the wrong function in {set(verdicts) - by_pages}")
    check(in_all == set(verdicts), f"growth with allocations blames the wrong function in {set(verdicts) - in_all}")
