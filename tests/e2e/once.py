#!/usr/bin/python3
"""`fdr once`, as cron and timers start it, with nothing in its environment: silent and 0 while nothing fires, 10 and the one bundle's path
when something does, 11 when much of it is missing, 75, 77 and 78. What grew between two runs counts. And who is meant by --all and by --container."""

import os
import shutil
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../examples/incidents"))
from common.cgroup import Cgroup  # noqa: E402

from support.bundle import Bundle
from support.scenario import FDR, Scenario, check, equal, program, wait_for

CONTAINER = "3f2a8b91c07d" + "0123456789abcdef" * 3 + "a1b2"
NOBODY = "65534"
GAP = """
window = {{ span = "3s", after = "100ms" }}
[[metric]]
name = "jobs"
file = "{count}"
kind = "counter"
every = "1s"
[[trigger]]
name = "jobs-done"
when = "delta(jobs, 12s) > 40"
"""


def once(*arguments, fdr=FDR, prefix=()):
    """Its result; whatever it was, nothing of an environment was there."""
    return scenario.run([*prefix, fdr, "once", "--no-default-rules", "-o", scenario.bundles, *map(str, arguments)], env={}, seconds=90)


def written(result, codes=(10,)):
    check(result.returncode in codes, f"a once that fired: exit code {result.returncode}, wanted {codes}: {result.stderr!r}")
    equal(result.stderr, "", "stderr of a once that fired")
    equal(result.stdout.count("\n"), 1, f"lines on stdout: {result.stdout!r}")
    bundle = Bundle(scenario, result.stdout.rstrip("\n"))
    equal(bundle.manifest["target"]["mode"], "once", "target.mode")
    scenario.fdr("verify", bundle.path)
    return bundle


with Scenario(__file__) as scenario:
    scenario.need_root()
    scenario.need("unshare", "setpriv")
    duty = scenario.spawn([program("duty"), "60"])
    busy = "process.cpu.total > 20%"

    quiet = once(duty.pid, "--for", "1s", "--when", "process.cpu.total > 1000%")
    equal((quiet.returncode, quiet.stdout, quiet.stderr), (0, "", ""), "a quiet once")
    equal(scenario.left(), [], "bundles of a quiet once")

    # One bundle, though the second rule fires when the first one's is closed, and the first rule's condition ends.
    bundle = written(once(duty.pid, "--for", "60s", "--after", "200ms", "--when", busy, "--when", "process.age > 0s for 3s"))
    equal(bundle.manifest["trigger"]["name"], "when-1", "what fired")
    equal(scenario.left(), [os.path.basename(bundle.path)], "all that was written")

    # What counts on between two runs is seen by the second, by a look-back longer than its window.
    count, gap = scenario.path("jobs"), scenario.path("gap.toml")
    for path, text in ((count, "5"), (gap, GAP.format(count=count))):
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
    name = scenario.recorder_name()
    equal(once(duty.pid, "--name", name, "-c", gap, "--for", "4s").returncode, 0, "before the gap")
    with open(count, "w", encoding="ascii") as file:
        file.write("50")
    after = written(once(duty.pid, "--name", name, "-c", gap, "--for", "30s"), codes=(10, 11))
    equal(after.manifest["trigger"]["name"], "jobs-done", "what fired after the gap")
    check(after.manifest["trigger"]["value"] < 90, f"45 were done, some of these 12 s nobody saw: {after.manifest['trigger']}")

    # Calls at a rate that the ring holds for less than half of these seconds: of single calls what fits was asked.
    flood = scenario.spawn([program("flood"), "60", scenario.path("lock")])
    flooded = written(once(flood.pid, "-m", "24MB", "--for", "60s", "--after", "100ms", "--when", "rate(process.syscalls) > 1000/s for 8s"))
    rings = flooded.manifest["rings"]
    check(2 * rings["syscalls"]["obtained_s"] < rings["stacks"]["obtained_s"], f"the ring of calls reaches less far back: {rings}")
    flood.terminate()
    # Stacks of more frames than one is walked up to: none reaches its root.
    deep = scenario.spawn([program("depth"), "2000", "60"])
    missing = written(once(deep.pid, "--for", "60s", "--after", "100ms", "--when", "process.cpu.total > 20% for 1s"), codes=(11,))
    check(2 * missing.manifest["stacks"]["complete"] < missing.manifest["stacks"]["samples"], f"partial because of its stacks: {missing.manifest['stacks']}")
    deep.kill()

    # The command line says who is meant by a name that the file has, too.
    named = scenario.path("named.toml")
    with open(named, "w", encoding="ascii") as file:
        file.write('[[target]]\nname = "duty"\nmatch = { comm = "no-such-comm" }\n[[trigger]]\nname = "busy"\nwhen = "process[duty].cpu.total > 20%"\n')
    for chosen in ([duty.pid], ["--comm", "duty"]):
        target = written(once(*chosen, "-c", named, "--for", "60s", "--after", "100ms")).manifest
        check(duty.pid in target["target"]["pids"] and target["trigger"]["name"] == "busy", f"of {chosen}: {target['target']} {target['trigger']}")

    name = scenario.recorder_name()
    first = scenario.spawn([FDR, "once", "--no-default-rules", "--name", name, "-o", scenario.bundles, "--for", "10m", str(duty.pid)], name="first")
    wait_for("the first one's lock", lambda: os.path.exists(f"/run/fdr/{name}/control.sock"))
    second = once(duty.pid, "--name", name, "--for", "10m")
    equal((second.returncode, second.stdout), (75, ""), f"a second one of that name: {second.stderr}")
    check(name in second.stderr, f"the name is not told: {second.stderr!r}")
    first.send_signal(signal.SIGTERM)
    equal(first.wait(30), 0, "exit code after SIGTERM")
    equal(scenario.read("first.stdout") + scenario.read("first.stderr"), "", "what the first one said")

    for wrong in (["--when", "host.no.such > 1"], ["-c", "/nonexistent/fdr.toml"], ["--for", "soon"], ["--container", "web"]):
        equal(once(*(["--for", "1s"] if "--for" not in wrong else []), *wrong, duty.pid).returncode, 78, f"bad configuration {wrong}")
    equal(once("--for", "1s").returncode, 78, "no target at all")
    equal(once(duty.pid).returncode, 2, "without --for")
    equal(once("--comm", "no-such-comm", "--for", "1s").returncode, 1, "a target that is not there")
    equal(once("--comm", "no-such-comm", "--wait", "--for", "1s").returncode, 0, "a target that does not come")
    os.chmod(scenario.directory, 0o755)
    fdr = shutil.copy(FDR, scenario.path("fdr"))
    denied = once(duty.pid, "--for", "1s", fdr=fdr, prefix=["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--inh-caps=-all"])
    equal((denied.returncode, denied.stdout), (77, ""), f"as nobody: {denied.stderr}")

    # A container as its runtime leaves it in /proc: a cgroup named after its id, a PID namespace.
    inside = scenario.spawn(["unshare", "--pid", "--fork", "--kill-child", program("duty"), "60"], name="inside")
    children = f"/proc/{inside.pid}/task/{inside.pid}/children"
    pid = int(wait_for("the container's first process", lambda: open(children, encoding="ascii").read().strip()))
    group = Cgroup("cpu", f"docker-{CONTAINER}.scope")
    try:
        group.add(pid)
        target = written(once("--container", CONTAINER[:12], "--for", "60s", "--after", "100ms", "--when", busy)).manifest["target"]
        equal((target["pids"], target["container"], target["ns_pids"]), ([pid], CONTAINER, {str(pid): 1}), "the container's process")
        everybody = written(once("--all", "--for", "60s", "--after", "100ms", "--when", busy), codes=(10, 11))  # what else runs here may fill a ring
        pids = everybody.manifest["target"]["pids"]
        check({pid, duty.pid} <= set(pids), f"--all does not mean {pid} and {duty.pid}: {pids}")
        for who in (1, 2, os.getpid(), os.getppid()):
            check(who not in pids, f"--all means {who}, a parent of fdr's or the kernel: {pids}")
        check(CONTAINER[:12] in everybody.first_screen() or everybody.manifest["target"]["container"] == CONTAINER, "the container is not told")
    finally:
        inside.kill()
        inside.wait()
        group.remove()
