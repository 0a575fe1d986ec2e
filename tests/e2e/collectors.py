#!/usr/bin/python3
"""`[[collect]]`: what a command or a file says is in the bundle; a collector that hangs, floods or fails is ended with all
its children, told in the manifest, and delays no snapshot.

The snapshot is held against the recorder's own figures: the window goes on for `after` behind the firing, not for as long
as the collector takes.
"""

import json
import os
import time

from support.recorder import Recorder
from support.scenario import Scenario, check, equal, program, wait_for

AFTER = 1.0
SLEEPS = 4.0
RULES = """
window = {{ span = "10s", after = "1s" }}

[[collect]]
name = "said"
command = ["sh", "-c", "echo out; echo err >&2; env; echo stdin: $(cat)"]
at = ["armed", "fired"]

[[collect]]
name = "file"
file = "{directory}/state"
at = ["armed", "fired"]

[[collect]]
name = "hangs"
command = ["sh", "-c", "echo begun; sleep 1234.5 & echo $! > {directory}/grandchild; sleep 1234.5"]
timeout = "{sleeps:g}s"

[[collect]]
name = "floods"
command = ["yes"]
max_bytes = "10KB"

[[collect]]
name = "fails"
command = ["sh", "-c", "echo half; exit 7"]

[[collect]]
name = "absent"
command = ["no-such-program"]

[[collect]]
name = "link"
file = "{directory}/link"
"""


def text(bundle, name):
    with open(os.path.join(bundle.path, "collect", name), encoding="utf-8") as file:
        return file.read()


def gone(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def write(path, contents):
    with open(path, "w", encoding="utf-8") as file:
        file.write(contents)


with Scenario(__file__) as scenario:
    scenario.need_root()
    write(scenario.path("rules.toml"), RULES.format(directory=scenario.directory, sleeps=SLEEPS))
    write(scenario.path("state"), "well\n")
    os.symlink(scenario.path("state"), scenario.path("link"))
    said = scenario.fdr("check", scenario.path("rules.toml")).stdout
    for words in ("said: runs `sh -c ", "when armed, at a firing", "file: reads ", "for 4s at most", "at most 10KB"):
        check(words in said, f"{words!r} is not in what fdr check says:\n{said}")

    duty = scenario.spawn([program("duty"), "10"])
    recorder = Recorder(scenario, "attach", "-c", scenario.path("rules.toml"), duty.pid,
                        env={**os.environ, "FDR_E2E_SECRET": "hidden"})
    time.sleep(1.0)  # a window to have, and the collectors of the arming
    write(scenario.path("state"), "ill\n")
    bundle = recorder.dump("to see what is collected")
    bundle.check_whole()

    environment = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"]
    for name in ("said.txt", "said.armed.txt"):
        lines = text(bundle, name).splitlines()
        equal(lines[:2], ["out", "err"], f"what collect/{name} begins with")
        equal(lines[-1], "stdin:", f"what the command of collect/{name} could read")
        got = {line for line in lines[2:-1] if not line.startswith(("PWD=", "SHLVL=", "_=", "OLDPWD="))}  # sh's own
        equal(got, set(environment), f"environment in collect/{name}")
    equal((text(bundle, "file.armed.txt"), text(bundle, "file.txt")), ("well\n", "ill\n"), "the file, then and now")
    equal(text(bundle, "hangs.txt"), "begun\n", "what the hanging collector had said")
    equal(len(text(bundle, "floods.txt")), 10 * 1024, "bytes of the flood")
    equal(text(bundle, "fails.txt"), "half\n", "what the failing collector had said")

    with open(os.path.join(bundle.path, "collect/runs.ndjson"), encoding="utf-8") as file:
        runs = {row["file"]: row for row in map(json.loads, file)}
    equal(runs["collect/fails.txt"]["exit_code"], 7, "exit code of the failing collector")
    check(SLEEPS <= runs["collect/hangs.txt"]["seconds"] < SLEEPS + 30, f"the hanging one: {runs['collect/hangs.txt']}")
    check(runs["collect/said.armed.txt"]["monotonic_ns"] < runs["collect/said.txt"]["monotonic_ns"], "times of the runs")
    losses = "\n".join(bundle.manifest["losses"])
    for words in ("collector hangs (fired): ended by fdr after its timeout of 4s", "collector floods (fired): cut at 10KB",
                  "collector fails (fired): exit code 7", "collector absent (fired): cannot run 'no-such-program'",
                  "a link, which is not followed"):
        check(words in losses, f"{words!r} is not in the manifest's losses:\n{losses}")
    check("collector said" not in losses, f"a collector that did well is told as a loss:\n{losses}")
    grandchild = int(scenario.read("grandchild"))
    wait_for("the end of the hanging collector's child", lambda: gone(grandchild), 10)

    # The snapshots did not wait: behind the firing the window goes on for `after` and what ticks were late, no longer.
    late = max((row["max"] for row in bundle.show("metrics") if row["name"] == "recorder.lateness"), default=0)
    window = bundle.manifest["window"]
    check(window["after_s"] < AFTER + 0.5 + late + bundle.manifest["cost"]["dump_seconds"] and window["after_s"] < SLEEPS,
          f"the window goes on for {window['after_s']} s behind the firing, late {late} s")
    check(bundle.ring("stacks")["obtained_s"] > 0, "no stacks")
    print(f"collectors: the window went on for {window['after_s']:.2f} s of {AFTER} s while one slept for {SLEEPS} s")

    equal(json.loads(scenario.fdr("show", bundle.path, "collect/file.txt", "--json").stdout), "ill\n", "show --json of a file")
    recorder.stop()
