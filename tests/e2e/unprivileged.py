#!/usr/bin/python3
"""Without root: `fdr run` and `fdr attach` record one's own processes with what backend there is (perf, or proc where kernel.perf_event_paranoid
forbids that), say what is missing for the best one, and pass on exit codes and signals as ever.
"""

import json
import os
import shutil
import signal
import subprocess
import time

from support.scenario import FDR, Scenario, check, equal, wait_for

NOBODY = "65534"

with Scenario(__file__) as scenario:
    scenario.need("setpriv", "prlimit")
    os.chmod(scenario.directory, 0o755)
    fdr = scenario.path("fdr")  # where anybody may execute it
    shutil.copy(FDR, fdr)
    os.chmod(fdr, 0o755)
    output = scenario.path("nobody")
    os.mkdir(output)
    as_nobody = []
    if os.geteuid() == 0:
        os.chown(output, int(NOBODY), int(NOBODY))
        as_nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--inh-caps=-all"]

    for script, code in (("echo out; exit 3", 3), ("echo out", 0)):
        result = scenario.run([*as_nobody, fdr, "run", "-o", output, "--", "sh", "-c", script])
        equal(result.returncode, code, f"sh -c '{script}' as nobody: {result.stderr}")
        equal(result.stdout, "out\n", "stdout as nobody")
        check("CAP_BPF" in result.stderr, f"no word of the missing capability: {result.stderr!r}")
        check("fdr: backend p" in result.stderr, f"no word of the backend that stands in: {result.stderr!r}")
    bundles = [name for name in os.listdir(output) if name.endswith(".fdr")]
    equal(len(bundles), 1, f"bundles, of the command that failed: {bundles}")
    with open(os.path.join(output, bundles[0], "manifest.json"), encoding="utf-8") as file:
        manifest = json.load(file)
    check(manifest["backend"] in ("perf", "proc"), f"backend: {manifest['backend']}")
    equal(scenario.run([*as_nobody, fdr, "verify", os.path.join(output, bundles[0])]).returncode, 0, "fdr verify")
    run = [*as_nobody, fdr, "run", "-o", output, "--"]
    equal(scenario.run([*run, "/nonexistent"]).returncode, 127, "not found, as nobody")
    equal(scenario.run([*run, "sh", "-c", "kill -SEGV $$"]).returncode, -11, "signal, as nobody")
    # Signals reach the command as they would with a recording.
    trap = "trap 'echo told; exit 9' TERM; echo ready; while :; do sleep 0.05; done"
    wrapper = scenario.spawn([*run, "sh", "-c", trap], name="wrapper")
    wait_for("the command is ready", lambda: "ready" in scenario.read("wrapper.stdout"))
    wrapper.send_signal(signal.SIGTERM)
    equal(wrapper.wait(20), 9, "exit code after SIGTERM, as nobody")
    equal(scenario.read("wrapper.stdout"), "ready\ntold\n", "what the command said")

    # No thread is to be had: the command runs all the same.
    tasks = sum(os.stat(f"/proc/{pid}").st_uid == int(NOBODY) and len(os.listdir(f"/proc/{pid}/task")) for pid in filter(str.isdigit, os.listdir("/proc"))) if as_nobody else 0
    for limit in (1, 2, 3) if as_nobody else ():  # not even for a fork; for that; for one thread of those that a recording takes
        result = scenario.run([*as_nobody, "prlimit", f"--nproc={tasks + limit}", *run[len(as_nobody):], "sh", "-c", "echo out; exit 3"])
        equal((result.returncode, result.stdout), (3, "out\n"), f"a command where there is room for {limit} tasks: {result.stderr}")
        check("the command runs without a recording" in result.stderr, f"that it is not recorded is not said: {result.stderr!r}")

    sleeper = scenario.spawn([*as_nobody, "sleep", "60"], name="sleeper", stdout=subprocess.DEVNULL)
    name = scenario.recorder_name()
    recorder = scenario.spawn([*as_nobody, fdr, "attach", "--name", name, "--no-default-rules", "-o", output, str(sleeper.pid)], name="recorder")

    def armed():
        check(recorder.poll() is None, f"attach as nobody ended: {scenario.read('recorder.stderr')}")
        listed = json.loads(scenario.run([*as_nobody, fdr, "status", "--json"]).stdout or "[]")
        return any(entry["name"] == name and entry["armed"] for entry in listed)
    wait_for("the recorder of nobody is armed", armed)
    result = scenario.run([*as_nobody, fdr, "dump", name])
    check(os.path.isdir(result.stdout.strip()), f"fdr dump as nobody: {result.stdout!r} {result.stderr!r}")
    recorder.send_signal(signal.SIGTERM)
    equal(recorder.wait(20), 0, "exit code of attach as nobody")
    check(not os.path.exists(f"/tmp/fdr-{NOBODY}/{name}"), "its run directory is left")
    # Somebody else's process is not ours to record, nor does it end the recording of others when it comes later.
    named = scenario.path(f"n{os.getpid()}")
    shutil.copy(shutil.which("sleep"), named)
    os.chmod(named, 0o755)
    own = scenario.spawn([*as_nobody, named, "60"], name="own", stdout=subprocess.DEVNULL)
    recorder = scenario.spawn([*as_nobody, fdr, "attach", "--name", name, "--no-default-rules", "-o", output, "--comm", os.path.basename(named)], name="recorder")
    wait_for("the recorder by comm is armed", armed)
    if as_nobody:
        scenario.spawn([named, "60"], name="foreign", stdout=subprocess.DEVNULL)
        wait_for("it is said that the newcomer is not recorded", lambda: "not ours to record" in scenario.read("recorder.stderr"))
        time.sleep(3)
        equal(scenario.read("recorder.stderr").count("not ours to record"), 1, f"how often that is said: {scenario.read('recorder.stderr')}")
    check(armed(), "the recorder goes on")
    own.kill()
    own.wait()
    equal(recorder.wait(20), 0, "exit code when its own target has ended")
    other = scenario.spawn(["sleep", "60"], name="other", stdout=subprocess.DEVNULL)
    result = scenario.run([*as_nobody, fdr, "attach", "--no-default-rules", "-o", output, str(other.pid)])
    check(result.returncode not in (0, 2) and "fdr: error: " in result.stderr, f"attach of root's process as nobody: {result.returncode} {result.stderr!r}")
    result = scenario.run([*as_nobody, fdr, "doctor"])
    check("CAP_BPF" in result.stdout + result.stderr, f"doctor as nobody: {result.stdout}{result.stderr}")
