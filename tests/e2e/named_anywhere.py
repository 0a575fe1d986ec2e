#!/usr/bin/python3
"""A bundle names its functions where the programs never were: a stripped server and a stripped Go program, a C++ program with
its symbols, and JavaScript from the perf map that node keeps. Read once here, and once in a mount namespace in which an
empty file lies over every recorded file and nothing is left in /tmp of node's."""

import json
import os
import shutil
import subprocess
import sys

from support.recorder import Recorder
from support.scenario import FDR, ROOT, Scenario, check, program, wait_for
from support.services import Redis

SOURCES = os.path.join(ROOT, "tests/programs")
CACHE = os.path.join(ROOT, "build/hard_stacks")  # what go compiles of its library, once


def stripped(scenario, path, name):
    copy = scenario.path(name)
    shutil.copy(path, copy)
    subprocess.run(["strip", copy], check=True)
    return copy


def go(scenario):
    path = scenario.path("hard-go")
    os.makedirs(CACHE, exist_ok=True)
    subprocess.run(["go", "build", "-o", path, f"{SOURCES}/hard_stacks.go"], check=True, stdout=sys.stderr,
                   env={**os.environ, "GO111MODULE": "off", "GOCACHE": os.path.join(CACHE, "go"), "GOFLAGS": ""})
    return path


def record(scenario, processes, samples=600):
    recorder = Recorder(scenario, "attach", "-F", 499, *(process.pid for process in processes), "--after", "100ms")
    wait_for("the rows of all programs", lambda: recorder.status()["unwind"]["pending"] == 0, 60, every=0.1)
    recorded = lambda: recorder.status()["rings"]["stacks"]["recorded"]
    before = recorded()
    wait_for("samples", lambda: recorded() >= before + samples, 90, every=0.2)
    bundle = recorder.dump("named anywhere")
    recorder.stop()
    return bundle


class Elsewhere:
    """Runs fdr where none of `paths` is what it was: an empty file of its own mount namespace lies over each."""

    def __init__(self, scenario, paths):
        self.scenario, self.paths = scenario, paths
        self.empty = scenario.path("empty")
        open(self.empty, "w").close()

    def fdr(self, *arguments):
        # All but what fdr itself cannot start without.
        own = subprocess.run(["ldd", FDR], capture_output=True, text=True, check=True).stdout
        covered = [path for path in self.paths if os.path.exists(path) and os.path.realpath(path) not in
                   {os.path.realpath(word) for word in own.split() if word.startswith("/")}]
        mounts = "; ".join(f"mount --bind '{self.empty}' '{path}'" for path in covered)
        script = f"set -e; {mounts}; exec \"$@\""
        result = self.scenario.run(["unshare", "-m", "sh", "-c", script, "sh", FDR, *arguments], seconds=120)
        check(result.returncode == 0, f"fdr {' '.join(arguments)}, elsewhere: {result.stderr}")
        return result.stdout, covered


def functions(stacks):
    """{function: samples}."""
    counts = {}
    for row in stacks:
        for frame in set(row["stack"]):
            counts[frame] = counts.get(frame, 0) + row["samples"]
    return counts


with Scenario(__file__) as scenario:
    import json

    scenario.need_root()
    scenario.need("node", "strip", "go", "unshare", "redis-server", "redis-benchmark")
    plain_path = scenario.path("hard-c++")
    shutil.copy(program("hard_stacks"), plain_path)
    plain = scenario.spawn([plain_path], name="c++")
    redis = Redis(scenario)
    redis.start()
    processes = [redis.process]
    load = redis.load()
    node_script = scenario.path("shop.js")
    shutil.copy(f"{SOURCES}/hard_stacks.js", node_script)
    # Beside its map it writes a log into its directory.
    node = scenario.spawn(["node", "--perf-basic-prof", node_script], name="node", cwd=scenario.directory)
    bare_node = scenario.spawn(["node", node_script], name="bare-node")
    go_program = scenario.spawn([stripped(scenario, go(scenario), "hard-go-stripped")], name="go")
    processes += [plain, node, bare_node, go_program]
    bundle = record(scenario, processes)
    for process in [load, *processes]:
        process.kill()
        process.wait()
    os.remove(f"/tmp/perf-{node.pid}.map")

    # Already on the spot, before anybody reads it elsewhere.
    with open(os.path.join(bundle.path, "summary.txt"), encoding="utf-8") as file:
        summary = file.read()
    for unnamed in ("node+0x", "hard-go-stripped+0x", "hard-c+++0x", f"[anon {node.pid}]+0x"):
        check(unnamed not in summary, f"summary.txt has {unnamed}:\n{summary}")

    here = bundle.show("modules")
    wanted = {
        "redis": lambda name: name in ("aeProcessEvents", "aeMain", "processCommand", "call"),
        "Go": lambda name: name.startswith("main."),
        "JavaScript": lambda name: " shop.js:" in name,
        "the kernel": lambda name: name == "do_syscall_64" or name.startswith("entry_SYSCALL_64"),
    }

    files = [row["path"] for row in here if row["kind"] == "file"]
    elsewhere = Elsewhere(scenario, files)
    text, covered = elsewhere.fdr("show", bundle.path, "stacks", "--json")
    far = functions(json.loads(text))
    near = functions(bundle.show("stacks"))
    for where, found in (("here", near), ("elsewhere", far)):
        for what, is_one in wanted.items():
            samples = sum(count for name, count in found.items() if is_one(name))
            check(samples > 0, f"{where}: no function of {what} is named among {sorted(found)[:100]}")

    modules = {row["path"]: row for row in json.loads(elsewhere.fdr("show", bundle.path, "modules", "--json")[0])}
    for path in covered:
        row = modules[path]
        at_home = next(other for other in here if other["path"] == path)
        print(f"{path}: {row['named']} of {row['frames']} named elsewhere ({row['source']}), "
              f"{at_home['named']} here ({at_home['source']})")
        check(row["named"] == 0 or row["source"].startswith("recorded "), f"{path} was found elsewhere: {row}")
    redis_row = next(row for path, row in modules.items() if path.endswith("/redis-server") or path.endswith("/redis-check-rdb"))
    go_row = next(row for path, row in modules.items() if path.endswith("/hard-go-stripped"))
    node_row = modules[f"[anon {node.pid}]"]
    check(redis_row["source"] == "recorded dynsym" and redis_row["named"] > 0, f"redis: {redis_row}")
    plain_row = modules[plain_path]
    check(plain_row["source"] == "recorded symtab" and plain_row["named"] == plain_row["frames"], f"C++: {plain_row}")
    check(go_row["source"] == "recorded pclntab" and go_row["named"] == go_row["frames"], f"Go: {go_row}")
    check(node_row["source"] == "perf map" and node_row["named"] >= 0.95 * node_row["frames"], f"node: {node_row}")

    # The other node was not started so: the report says what would have helped, once.
    report, _ = elsewhere.fdr("report", "--no-color", bundle.path)
    told = " ".join(report.split())
    check(told.count("--perf-basic-prof (or") == 1, f"the hint for node stands {told.count('--perf-basic-prof (or')} times:\n{report}")
    check(f"[anon {bare_node.pid}] of node" in told, f"the report does not say which node has no perf map:\n{report}")
