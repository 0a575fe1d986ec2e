#!/usr/bin/python3
"""Without root: `fdr run` says which capability is missing and still runs COMMAND, with its exit code; `attach` says
it and ends."""

import os
import shutil
import signal
import subprocess

from support.scenario import FDR, Scenario, check, equal, wait_for

NOBODY = "65534"

with Scenario(__file__) as scenario:
    scenario.need("setpriv")
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
        check("fdr: " in result.stderr and "hint" in result.stderr, f"no message with a remedy: {result.stderr!r}")
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

    sleeper = scenario.spawn([*as_nobody, "sleep", "60"], name="sleeper", stdout=subprocess.DEVNULL)
    result = scenario.run([*as_nobody, fdr, "attach", "-o", output, str(sleeper.pid)])
    check(result.returncode not in (0, 2), f"attach as nobody: exit code {result.returncode}")
    check("fdr: error: " in result.stderr and "CAP_BPF" in result.stderr and "fdr: hint: " in result.stderr,
          f"attach as nobody: {result.stderr!r}")
    result = scenario.run([*as_nobody, fdr, "doctor"])
    check("CAP_BPF" in result.stdout + result.stderr, f"doctor as nobody: {result.stdout}{result.stderr}")
