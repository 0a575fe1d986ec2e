#!/usr/bin/python3
"""Programs whose file is no longer where they were started from have complete stacks with the right names, read when program and
file are gone: unlinked, replaced by another at the same path (old and new one side by side), in a private mount namespace whose
path means another file outside, and unlinked by a process that has ended before the bundle is made."""

import os
import shutil

from support.chains import check_chain
from support.recorder import Recorder
from support.scenario import Scenario, check, program, wait_for

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
    scenario.need("unshare", "mount")
    programs = Programs(scenario)

    path = programs.copy("first", "deleted/steady")
    deleted = programs.start(path)
    os.unlink(path)
    path = programs.copy("first", "replaced/steady")
    old = programs.start(path)
    programs.copy("second", "replaced/steady")
    new = programs.start(path)
    namespaced = programs.in_own_namespace()
    path = programs.copy("first", "gone/steady")
    gone = programs.start(path)
    os.unlink(path)

    recorder = Recorder(scenario, "attach", "-F", FREQUENCY, "--after", "100ms",
                        *(process.pid for process in programs.processes))
    recorded = lambda: recorder.status()["rings"]["stacks"]["recorded"]
    before = recorded()
    wait_for("samples of all five", lambda: recorded() >= before + FREQUENCY * SECONDS / 2, 60)
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
    check_chain(bundle, "in its own mount namespace", namespaced.pid, FIRST, never=["second_"])
    check_chain(bundle, "unlinked and ended", gone.pid, FIRST, never=["second_"], least=5)
