#!/usr/bin/python3
"""Stacks of real programs reach their root: servers of Debian under load, and code that is hard to walk (JIT, goroutines,
C++ with signals and exceptions, Rust), none of it with frame pointers that one could rely on. And they are walked when they
are taken, not copied; by backend perf, out of what the kernel copies of them."""

import os
import shutil
import subprocess
import sys

from support.nginx import Nginx
from support.recorder import Recorder
from support.scenario import ROOT, Scenario, check, program, wait_for
from support.services import Haproxy, RecursivePython, Redis

COMPLETE, WALKED = 0.99, 0.9  # shares of the samples
SOURCES = os.path.join(ROOT, "tests/programs")
CACHE = os.path.join(ROOT, "build/hard_stacks")  # what go compiles of its library, once


class Command:
    """A program that burns without being asked to."""

    def __init__(self, scenario, name, command):
        self.scenario, self.name, self.command = scenario, name, command

    def start(self):
        self.process = self.scenario.spawn(self.command, name=self.name)

    def load(self):
        return None


def stripped(scenario, path, name):
    copy = scenario.path(name)
    shutil.copy(path, copy)
    subprocess.run(["strip", copy], check=True)
    return copy


def go(scenario):
    scenario.need("go")
    path = scenario.path("hard-go")
    os.makedirs(CACHE, exist_ok=True)
    subprocess.run(["go", "build", "-o", path, f"{SOURCES}/hard_stacks.go"], check=True, stdout=sys.stderr,
                   env={**os.environ, "GO111MODULE": "off", "GOCACHE": os.path.join(CACHE, "go"), "GOFLAGS": ""})
    return path


def rust(scenario):
    scenario.need("rustc")
    path = scenario.path("hard-rust")
    subprocess.run(["rustc", "-O", "-o", path, f"{SOURCES}/hard_stacks.rs"], check=True, stdout=sys.stderr)
    return path


def measure(scenario, name, service, frequency=499, seconds_of_samples=2.0, backend="bpf"):
    service.start()
    recorder = Recorder(scenario, "attach", "--backend", backend, "-F", frequency, service.process.pid, "--after", "100ms")
    recorded = lambda: recorder.status()["rings"]["stacks"]["recorded"]
    wait_for(f"the rows of {name}", lambda: recorder.status()["unwind"]["pending"] == 0, 60, every=0.1)
    before = recorded()  # these had no rows yet
    load = service.load()
    wanted = frequency * seconds_of_samples
    wait_for(f"samples of {name}", lambda: recorded() >= before + wanted, 90, every=0.2)
    bundle = recorder.dump(f"stacks of {name}")
    manifest = bundle.manifest
    recorder.stop()
    for process in (load, service.process):
        if process:
            process.kill()
            process.wait()
    # Those that began before the rows were there were copied, in part.
    ends = [row["walk"] for row in bundle.show("stalls") if row["stack"] and row["at_s"] > -seconds_of_samples]
    whole = ends.count("root") / len(ends) if ends else 1
    stacks = manifest["stacks"]
    walked = 1 - max(0, stacks["copied"] - before) / (stacks["samples"] - before)
    copies = "".join(loss.rpartition("; ")[2] for loss in manifest["losses"] if loss.startswith("backend perf: "))
    print(f"{name}, {backend}{', ' * bool(copies)}{copies}: {stacks['samples']} samples, {stacks['share_complete']:.1%} complete, {walked:.1%} walked when taken, "
          f"{stacks['reasons']}; {len(ends)} stalls with a stack, {whole:.1%} complete")
    check(stacks["samples"] >= wanted, f"{name}: only {stacks['samples']} samples")
    check(stacks["share_complete"] >= COMPLETE, f"{name}: {stacks['share_complete']:.2%} complete: {stacks['reasons']}")
    check(walked >= WALKED, f"{name}: only {walked:.1%} were walked when they were taken")
    check(len(ends) < 50 or whole >= COMPLETE, f"{name}: {whole:.2%} of {len(ends)} stalls complete: {sorted(set(ends))}")


with Scenario(__file__) as scenario:
    scenario.need_root()
    scenario.need_tracefs()
    scenario.need("node", "strip")
    measure(scenario, "redis", Redis(scenario))
    measure(scenario, "haproxy", Haproxy(scenario))
    measure(scenario, "nginx", Nginx(scenario))
    measure(scenario, "python", RecursivePython(scenario))
    measure(scenario, "node", Command(scenario, "node", ["node", f"{SOURCES}/hard_stacks.js"]))
    measure(scenario, "c++", Command(scenario, "c++", [stripped(scenario, program("hard_stacks"), "hard-c++")]))
    for name, service in (("redis", Redis(scenario)), ("nginx", Nginx(scenario)), ("python", RecursivePython(scenario)), ("c++", Command(scenario, "c++-perf", [scenario.path("hard-c++")]))):
        measure(scenario, name, service, frequency=99, seconds_of_samples=4.0, backend="perf")
    measure(scenario, "rust", Command(scenario, "rust", [rust(scenario)]))
    binary = go(scenario)
    measure(scenario, "go", Command(scenario, "go", [binary]))
    measure(scenario, "go, stripped", Command(scenario, "go-stripped", [stripped(scenario, binary, "hard-go-stripped")]))
