#!/usr/bin/python3
"""The DaemonSet of examples/kubernetes: what it starts is a command line and a configuration that fdr takes, what it mounts is there to be
mounted, and its capabilities are those that a recorder keeps, and with them alone it records."""

import json
import os
import shutil

from support.bundle import Bundle
from support.scenario import FDR, ROOT, Scenario, Skip, check, equal, program, wait_for

# linux/capability.h
NUMBERS = {"CHOWN": 0, "DAC_OVERRIDE": 1, "DAC_READ_SEARCH": 2, "KILL": 5, "SYS_PTRACE": 19, "SYS_ADMIN": 21, "SYS_NICE": 23, "SYS_RESOURCE": 24,
           "SYSLOG": 34, "PERFMON": 38, "BPF": 39, "CHECKPOINT_RESTORE": 40}
PLACES = {"/etc/fdr/fdr.toml", "/var/lib/fdr", "/run/fdr", "/sys/fs/bpf"}


def documents():
    try:
        import yaml
    except ImportError:
        raise Skip("python3-yaml is not installed (scripts/setup --tests)") from None
    with open(os.path.join(ROOT, "examples/kubernetes/fdr.yaml"), encoding="utf-8") as file:
        return {document["kind"]: document for document in yaml.safe_load_all(file)}


def mask(names):
    return sum(1 << NUMBERS[name] for name in names)


def in_force(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return int(next(line.split()[1] for line in file if line.startswith("CapEff:")), 16)


def armed(scenario, prefix=(), who=("--comm", "duty")):
    """A recorder over a program that is busy: its process, its name."""
    name = scenario.recorder_name()
    recorder = scenario.spawn([*prefix, FDR, "attach", "--name", name, "-o", scenario.bundles, "--no-default-rules", "--after", "0s", *who], name=name)
    status = lambda: next((entry for entry in json.loads(scenario.fdr("status", "--json").stdout) if entry["name"] == name), None)

    def ready():
        check(recorder.poll() is None, f"the recorder ended: {scenario.read(name + '.stderr')}")
        entry = status()
        return entry and entry["armed"] and entry["rings"]["stacks"]["recorded"] > 50
    wait_for(f"samples of {name}", ready, 60, every=0.1)
    return recorder, name


def stop(recorder):
    recorder.terminate()
    equal(recorder.wait(60), 0, "exit code of a recorder that was told to end")


def only(capabilities):
    return ["setpriv", "--bounding-set=-all," + ",".join("+" + one.lower() for one in capabilities), "--inh-caps=-all", "--no-new-privs"]


def unreachable(scenario, given):
    """Without the right to the mapped file itself, a program that was replaced has no names rather than those of the other one."""
    path = scenario.path("replaced")
    shutil.copy(program("steady_first"), path)
    steady = scenario.spawn([path])
    wait_for("it runs", lambda: os.readlink(f"/proc/{steady.pid}/exe") == path)
    shutil.copy(program("steady_second"), path + ".new")
    os.rename(path + ".new", path)
    recorder, name = armed(scenario, only(set(given) - {"CHECKPOINT_RESTORE"}), [str(steady.pid)])
    bundle = Bundle(scenario, scenario.fdr("dump", name, "--reason", "replaced").stdout.strip())
    stop(recorder)
    frames = {frame for row in bundle.show("stacks", "--pid", str(steady.pid)) for frame in row["stack"]}
    check(any("replaced (deleted)+0x" in frame for frame in frames), f"no frame of it: {sorted(frames)[:20]}")
    check(not any("second_" in frame for frame in frames), f"names of another program: {sorted(frames)[:20]}")


def records(scenario, given):
    """With what the container has and no more; and a recorder that has all keeps just as much."""
    duty = scenario.spawn([program("duty"), "60"])
    free, _ = armed(scenario)
    equal(in_force(free.pid), mask(given) & in_force("self"), "what a recorder keeps, and what the DaemonSet gives it")
    stop(free)
    recorder, name = armed(scenario, only(given))
    equal(in_force(recorder.pid), mask(given) & in_force("self"), "its capabilities")
    bundle = Bundle(scenario, scenario.fdr("dump", name, "--reason", "as in a pod").stdout.strip())
    stop(recorder)
    said = "\n".join(line for line in scenario.read(name + ".stderr").splitlines() if "its window can be written" not in line)  # of others
    check("error" not in said and "hint" not in said, f"what it could not have: {said}")
    denied = [loss for loss in bundle.manifest["losses"] if "cannot" in loss or "permitted" in loss or "ermission" in loss]
    equal(denied, [], "what it was not allowed")
    stacks = [row["stack"] for row in bundle.show("stacks", "--pid", str(duty.pid))]
    check(any("burn" in frame for stack in stacks for frame in stack), f"no samples of burn(): {stacks[:5]}")
    check([row for row in bundle.show("stacks") for frame in row["stack"] if "do_syscall_64" in frame or "asm_" in frame], "kernel functions have no names")
    metrics = {row["name"]: row for row in bundle.show("metrics")}
    for wanted in ("process.sockets", "process.rss", "host.mem.free"):
        check(metrics[wanted]["points"], f"{wanted} is not known")


with Scenario(__file__) as scenario:
    found = documents()
    equal(sorted(found), ["ConfigMap", "DaemonSet", "Namespace"], "kinds")
    pod = found["DaemonSet"]["spec"]["template"]["spec"]
    container = pod["containers"][0]
    security = container["securityContext"]
    equal(security["capabilities"]["drop"], ["ALL"], "what is dropped")
    given = security["capabilities"]["add"]
    check(not security.get("privileged") and not security["allowPrivilegeEscalation"] and security["readOnlyRootFilesystem"], f"{security}")
    check(pod["hostPID"], "without the host's PID namespace nobody else's processes are seen")

    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    equal(set(mounts), set(volumes), "volumes, and what is mounted")
    equal(set(mounts.values()), PLACES, "where they are mounted")
    by_place = {place: volumes[name] for name, place in mounts.items()}
    equal(by_place["/run/fdr"]["emptyDir"]["medium"], "Memory", "what is needed to read the window")
    check(by_place["/var/lib/fdr"]["hostPath"]["type"] == "DirectoryOrCreate", "bundles outlive the pod")

    configuration = scenario.path("fdr.toml")
    with open(configuration, "w", encoding="utf-8") as file:
        file.write(found["ConfigMap"]["data"]["fdr.toml"])
    scenario.fdr("check", configuration)
    words = [configuration if word == "/etc/fdr/fdr.toml" else word for word in container["args"]]
    check(configuration in words, f"the configuration is not used: {words}")
    result = scenario.fdr(*words, "--window", "soon", code=1)
    check("'soon' is not a duration" in result.stderr, f"{words}: {result.stderr}")

    scenario.need_root()
    scenario.need("setpriv")
    records(scenario, given)
    unreachable(scenario, given)
