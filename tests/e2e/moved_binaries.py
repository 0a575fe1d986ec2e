#!/usr/bin/python3
"""Programs whose file is no longer where they were started from have complete stacks with the right names, read when program and
file are gone: unlinked, replaced by another at the same path (old and new one side by side; of Go, whose linker gives no GNU build-id,
too), in a private mount namespace whose path means another file outside, and unlinked by a process that has ended before the bundle is
made."""

import os
import shutil
import subprocess
import sys

from support.chains import check_chain, samples_of
from support.recorder import Recorder
from support.scenario import ROOT, Scenario, check, program, wait_for

GO = """package main

var sink int

//go:noinline
func FUNCTION(n int) {
	for i := 0; i < n; i++ {
		sink += i
	}
}

func main() {
	for {
		FUNCTION(1 << 20)
	}
}
"""
FIRST, SECOND = ("main", "first_outer", "first_inner"), ("main", "second_outer", "second_inner")
FREQUENCY, SECONDS = 199, 1.5


def runs(pid, path):
    """Whether the process has become the program that was started as `path`."""
    return os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)") == path


class Programs:
    def __init__(self, scenario):
        self.scenario = scenario
        self.processes = []

    def copy(self, which, *path):
        target = self.scenario.path(os.path.join(*path))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy(program(f"steady_{which}"), target + ".new")
        os.rename(target + ".new", target)
        return target

    def go(self, function, path):
        """A program of Go that spends its time in one function of this name; at `path`, whatever was there."""
        source, built = self.scenario.path(f"{function}.go"), self.scenario.path(function)
        with open(source, "w", encoding="ascii") as file:
            file.write(GO.replace("FUNCTION", function))
        cache = os.path.join(ROOT, "build/hard_stacks/go")
        os.makedirs(cache, exist_ok=True)
        subprocess.run(["go", "build", "-o", built, source], check=True, stdout=sys.stderr,
                       env={**os.environ, "GO111MODULE": "off", "GOCACHE": cache, "GOFLAGS": "", "CGO_ENABLED": "0"})
        target = self.scenario.path(path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.rename(built, target)
        return target

    def start(self, path, command=None):
        process = self.scenario.spawn(command or [path], name=f"{os.path.basename(path)}-{len(self.processes)}")
        self.processes.append(process)
        wait_for(f"{path} runs", lambda: runs(process.pid, path))
        return process

    def in_own_namespace(self):
        """Inside, a bind mount shows `first` at a path that is `second` outside."""
        hidden, outside = self.copy("first", "hidden/box"), self.copy("second", "seen/box")
        script = f"mount --bind {os.path.dirname(hidden)} {os.path.dirname(outside)} && exec {outside}"
        return self.start(outside, command=["unshare", "-m", "--propagation", "private", "sh", "-c", script])

    def stop(self):
        for process in self.processes:
            process.kill()
            process.wait()


with Scenario(__file__) as scenario:
    scenario.need_root()
    scenario.need("unshare", "mount", "go")
    programs = Programs(scenario)

    path = programs.copy("first", "deleted/steady")
    deleted = programs.start(path)
    os.unlink(path)
    path = programs.copy("first", "replaced/steady")
    old = programs.start(path)
    programs.copy("second", "replaced/steady")
    new = programs.start(path)
    namespaced = programs.in_own_namespace()
    path = programs.go("firstOfGo", "replaced/steady-go")
    old_go = programs.start(path)
    programs.go("secondOfGo", "replaced/steady-go")
    new_go = programs.start(path)
    path = programs.copy("first", "gone/steady")
    gone = programs.start(path)
    os.unlink(path)

    recorder = Recorder(scenario, "attach", "-F", FREQUENCY, "--after", "100ms",
                        *(process.pid for process in programs.processes))
    recorded = lambda: recorder.status()["rings"]["stacks"]["recorded"]
    before = recorded()
    wait_for("samples of all", lambda: recorded() >= before + FREQUENCY * SECONDS / 2, 60)
    gone.kill()
    gone.wait()
    wait_for("more samples of those left", lambda: recorded() >= before + FREQUENCY * SECONDS * 1.5, 60)
    bundle = recorder.dump("where have the files gone")
    recorder.stop()
    programs.stop()
    for directory in ("hidden", "seen", "replaced"):
        shutil.rmtree(scenario.path(directory))

    stacks = bundle.manifest["stacks"]
    check(stacks["share_complete"] >= 0.99, f"{stacks['share_complete']:.2%} complete: {stacks['reasons']}")
    check_chain(bundle, "unlinked", deleted.pid, FIRST, never=["second_"])
    check_chain(bundle, "replaced, the running one", old.pid, FIRST, never=["second_"])
    check_chain(bundle, "replaced, the new one", new.pid, SECOND, never=["first_"])
    for process, function, other in ((old_go, "main.firstOfGo", "secondOfGo"), (new_go, "main.secondOfGo", "firstOfGo")):
        found = samples_of(bundle, process.pid)
        good = sum(samples for stack, samples in found if stack[0] in ("runtime.goexit", "runtime.goexit.abi0") and stack[1:2] == ["runtime.main"] and function in stack)
        check(good >= 20, f"replaced, of Go: {good} samples in {function}: {found[:5]}")
        check(not any(other in frame for stack, _ in found for frame in stack), f"replaced, of Go: {function} has names of {other}: {found[:5]}")
    check_chain(bundle, "in its own mount namespace", namespaced.pid, FIRST, never=["second_"])
    check_chain(bundle, "unlinked and ended", gone.pid, FIRST, never=["second_"], least=5)
