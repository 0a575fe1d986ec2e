#!/usr/bin/python3
"""A container watched from its host, by its id and by its group: its processes under both their numbers, stacks named from files that only
its root has, the sockets of its own network namespace, and what its quota allows and takes, as a share of what. And
from within, where only the host's numbers would do."""

import json
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../examples/incidents"))
from common.cgroup import Cgroup  # noqa: E402

from support.bundle import Bundle
from support.chains import check_chain
from support.recorder import Recorder
from support.scenario import FDR, Scenario, check, equal, program, wait_for

CONTAINER = "9c41b7e2d05a" + "fedcba9876543210" * 3 + "c0de"
PAIRS, UNREAD, QUOTA = 12, 500, 20
INSIDE = "/srv/box"


def root_file_system(scenario):
    """The program and the libraries that it asks for, and no more."""
    root, source = scenario.path("rootfs"), program("boxed")
    libraries = re.findall(r"(/\S+) \(0x", subprocess.run(["ldd", source], capture_output=True, text=True, check=True).stdout)
    for path, copy in [(source, INSIDE), *((library, library) for library in libraries)]:
        os.makedirs(os.path.dirname(root + copy), exist_ok=True)
        shutil.copy(path, root + copy)
    os.mkdir(root + "/proc")
    check(not os.path.exists(INSIDE), f"{INSIDE} is there outside too: this says nothing")
    return root


class Container:
    def __init__(self, scenario):
        self.group = Cgroup("cpu", f"docker-{CONTAINER}.scope")
        self.group.limit_cpu(QUOTA)
        self.group.favour(50)  # it is the quota that holds it back, whoever else is busy
        # The group before the namespaces' first process becomes anything: 0 is whoever writes.
        joins = f"echo 0 > {self.group.path}/cgroup.procs && exec \"$@\""
        self.parent = scenario.spawn(["unshare", "-p", "-m", "-n", "-u", "-i", "--propagation", "private", "--fork", "--kill-child", "sh", "-c", joins, "sh",
                                      program("boxed"), "enter", root_file_system(scenario), INSIDE, str(PAIRS), str(UNREAD)], name="boxed")
        wait_for("the container is up", lambda: "ready" in scenario.read("boxed.stdout"), 60)
        self.init = self.child_of(self.parent.pid)
        self.burner = self.child_of(self.init)

    @staticmethod
    def child_of(pid):
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return int(file.read())

    def remove(self):
        self.parent.kill()
        self.parent.wait()
        self.group.remove()


def check_target(bundle, box):
    target = bundle.manifest["target"]
    equal(sorted(target["pids"]), sorted([box.init, box.burner]), "pids of the host's")
    equal(target["ns_pids"], {str(box.init): 1, str(box.burner): 2}, "pids of the container's")
    equal(target["container"], CONTAINER, "the container")
    check(CONTAINER[:12] in bundle.first_screen(), f"the container is not told:\n{bundle.first_screen()}")


def check_names(bundle, box):
    check_chain(bundle, "of the container's own file", box.burner, ("main", "work", "box_outer", "box_inner"), least=20)
    modules = {row["path"]: row for row in bundle.show("modules") if row["kind"] == "file"}
    check(INSIDE in modules and modules[INSIDE]["named"] == modules[INSIDE]["frames"] > 0, f"the container's file: {modules}")


def check_sockets(bundle, box):
    rows = bundle.show("sockets")
    equal({row["netns"] for row in rows}, {os.stat(f"/proc/{box.init}/ns/net").st_ino}, "network namespaces")
    unread = [row for row in rows if row["local"] == "127.0.0.1:4711" and row["recv_q"] == UNREAD]
    equal((len(rows), len(unread)), (2 * PAIRS + 1, PAIRS), f"sockets, and those with bytes that nobody reads: {rows[:3]}")
    check(all(row["pid"] in (box.init, box.burner) for row in rows), "whose sockets")


def check_quota(scenario, bundle):
    metrics = {row["name"]: row for row in bundle.show("metrics")}
    last = lambda name: [value for _, value in metrics[name]["points"]][-1]
    equal(last("cgroup.cpu.limit"), QUOTA, "the quota, of one CPU")
    check(last("cgroup.throttled") > 50, f"periods in which it ran out: {last('cgroup.throttled')}")
    check(0.4 * QUOTA < last("process.cpu.total") < 1.3 * QUOTA, f"what a quota of {QUOTA} % left: {last('process.cpu.total')}")
    throttled = [row for row in bundle.show("stalls") if row["kind"] == "throttled"]
    check(len(throttled) >= 5, f"{len(throttled)} stalls by the quota")
    finding = next(finding for finding in bundle.report()["findings"] if finding["id"] == "throttling")
    told = finding["evidence"]
    check(f"quota {QUOTA} % of one CPU" in told and f"docker-{CONTAINER}" in told, f"what is said of it: {finding}")
    print(f"containers_from_host: {finding['verdict']}: {told}")


def from_inside(scenario):
    """With numbers of its own for processes nothing that BPF programs say would be of them: fdr says so instead of recording nothing."""
    within = ["unshare", "-p", "-m", "--fork", "--kill-child", "--mount-proc", os.path.abspath(FDR)]
    rows = {row["check"]: row for row in json.loads(scenario.run([*within, "doctor", "--json"]).stdout)}
    equal(rows["PID namespace"]["value"], "its own", "what fdr doctor says of it")
    check(f"--container" in rows["PID namespace"]["remedy"], f"a remedy: {rows['PID namespace']}")
    before = scenario.left()
    result = scenario.run([*within, "run", "--name", scenario.recorder_name(), "-o", scenario.bundles, "--no-default-rules", "--on-exit", "always", "--after", "0s", "--",
                           program("steady_first"), "0.5"])
    equal(result.returncode, 0, f"the command all the same: {result.stderr}")
    for name in set(scenario.left()) - set(before):
        backend = Bundle(scenario, os.path.join(scenario.bundles, name)).manifest["backend"]
        check(backend != "bpf", f"a bundle of backend {backend} from a PID namespace: {result.stderr}")


with Scenario(__file__) as scenario:
    scenario.need_root()
    scenario.need("unshare", "ldd")
    box = Container(scenario)
    try:
        recorder = Recorder(scenario, "attach", "--container", CONTAINER[:12], "-F", "199", "--after", "100ms", "--when", "cgroup.throttled > 50% for 3s")
        bundle = recorder.next_bundle("throttling", 90)
        recorder.stop()
        check_target(bundle, box)
        check_names(bundle, box)
        check_sockets(bundle, box)
        check_quota(scenario, bundle)

        paths = {line.split(":", 2)[2] for line in open(f"/proc/{box.init}/cgroup", encoding="ascii").read().splitlines()}
        path = next(path for path in paths if CONTAINER in path)
        result = scenario.fdr("once", "--no-default-rules", "-o", scenario.bundles, "--cgroup", path, "--for", "60s", "--after", "0s", "--when", "process.cpu.total > 5%", code=None)
        check(result.returncode in (10, 11), f"fdr once --cgroup {path}: {result.returncode} {result.stderr}")
        equal(sorted(Bundle(scenario, result.stdout.strip()).manifest["target"]["pids"]), sorted([box.init, box.burner]), "who is in the group")
        from_inside(scenario)
    finally:
        box.remove()
