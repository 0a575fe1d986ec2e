#!/usr/bin/python3
"""Several [[target]]s, by pid, comm and exe: each has metrics and rules of its own, and only the one that misbehaves
fires."""

import os
import shutil
import signal

from support.recorder import Recorder
from support.scenario import Scenario, check, equal, program

with Scenario(__file__) as scenario:
    scenario.need_root()
    by_comm, by_exe = f"dc{os.getpid()}", f"de{os.getpid()}"
    for name in (by_comm, by_exe):
        shutil.copy(program("duty"), scenario.path(name))
    paths = {"one": program("duty"), "two": scenario.path(by_comm), "three": scenario.path(by_exe)}
    # A session of its own each: the scheduler groups by session, and all three together would share one share.
    processes = {name: scenario.spawn([path, "3"], start_new_session=True) for name, path in paths.items()}
    matches = {
        "one": f"pid = {processes['one'].pid}",
        "two": f'comm = "{by_comm}"',
        "three": f'exe = "{scenario.path(by_exe)}"',
    }
    with open(scenario.path("rules.toml"), "w", encoding="utf-8") as file:
        file.write('window = { span = "10s", after = "1s" }\n')
        for name, match in matches.items():
            file.write(f'[[target]]\nname = "{name}"\nmatch = {{ {match} }}\n')
        for name in matches:
            file.write(f'[[trigger]]\nname = "{name}-busy"\nwhen = "process[{name}].cpu.total > 25%"\nfor = "500ms"\n')

    recorder = Recorder(scenario, "attach", "-c", scenario.path("rules.toml"))
    pids = sorted(process.pid for process in processes.values())
    for name in ("two", "three", "one"):
        processes[name].send_signal(signal.SIGUSR1)
        bundle = recorder.next_bundle(f"{name} above its threshold")
        equal(bundle.manifest["trigger"]["name"], f"{name}-busy", "rule that fired")
        equal(sorted(bundle.manifest["target"]["pids"]), pids, "pids of the targets")
        check(any("burn" in frame for frame in bundle.functions()), "no samples of burn()")
    for process in processes.values():
        process.kill()
    equal(recorder.wait(), 0, "exit code of fdr attach when its last target has gone")
    onsets = [path for path in recorder.bundle_paths() if not path.endswith("-end.fdr")]
    equal(len(onsets), 3, "bundles: one a rule, beside those of the ends")
