#!/usr/bin/python3
"""Code that appears while the recording runs is walked and named: children of a fork storm from their first sample, a program that becomes another one, and libraries that come, go, and are followed by another at the same address."""

import os
import shutil
import subprocess

from support.chains import check_chain, goes_through, samples_of
from support.recorder import Recorder, record_command
from support.scenario import Scenario, check, equal, program, wait_for

FREQUENCY = 499


def tell(process, line):
    process.stdin.write(line.encode() + b"\n")
    process.stdin.flush()


def check_complete(bundle, what, share=0.99):
    stacks = bundle.manifest["stacks"]
    check(stacks["share_complete"] >= share, f"{what}: {stacks['share_complete']:.2%} complete: {stacks['reasons']}")
    print(f"{what}: {stacks['samples']} samples, {stacks['share_complete']:.1%} complete, {stacks['copied']} copied")


def has_rows(unwind):
    return unwind["files"] > 0 and unwind["pending"] == 0


def fork_storm(scenario):
    """Children of 3 ms each inherit what is known of their parent: they are walked when they are sampled, and named. Copied is only what
    rows cannot describe (the dynamic linker's resolver, which each child meets anew)."""
    storm = scenario.spawn([program("bench_forks"), "2", "3"], name="storm", stdin=subprocess.PIPE)
    recorder = Recorder(scenario, "attach", "-F", FREQUENCY, storm.pid, "--after", "100ms")
    wait_for("the rows of bench_forks", lambda: has_rows(recorder.status()["unwind"]), 60, every=0.1)
    tell(storm, "")
    wait_for("the storm's end", lambda: scenario.read("storm.stdout"), 60)
    bundle = recorder.dump("a storm of children")
    recorder.stop()
    check_complete(bundle, "fork storm")
    stacks = bundle.manifest["stacks"]
    check(stacks["copied"] <= 0.1 * stacks["samples"], f"{stacks['copied']} of {stacks['samples']} stacks of the storm were copied")
    pids = [row["pid"] for row in bundle.show("processes") if row["pid"] != storm.pid]
    check(len(pids) >= 30, f"show processes lists only {len(pids)} children")
    children = [(row["stack"], row["samples"]) for row in bundle.show("stacks") if "busy_child" in row["stack"]]
    named = sum(samples for stack, samples in children if stack[0] == "_start" and goes_through(stack, ("main", "busy_child")))
    check(named >= 40, f"only {named} samples in busy_child under main")
    equal(sum(samples for _, samples in children), named, "samples in busy_child that are complete")
    lost = [row["stack"] for row in bundle.show("stacks") if row["stack"] and row["stack"][0].startswith("[unmapped")]
    equal(lost, [], "stacks of children that nobody knows")


def exec_in_the_middle(scenario):
    """One pid, two programs: each sample is named by the one that ran at its time, though both lie at the same addresses' offsets."""
    bundle = record_command(scenario, [program("steady_first"), "0.8", program("steady_second"), "0.8"], "-F", FREQUENCY)
    check_complete(bundle, "exec")
    pid = bundle.show("processes")[0]["pid"]
    check_chain(bundle, "exec, the first program", pid, ("main", "first_outer", "first_inner"), least=100, share=0.3)
    check_chain(bundle, "exec, the second program", pid, ("main", "second_outer", "second_inner"), least=100, share=0.3)
    both = [stack for stack, _ in samples_of(bundle, pid) if "first_outer" in stack and "second_outer" in stack]
    equal(both, [], "stacks through both programs")


def libraries(scenario):
    """The second library takes the place of the first, whose file is gone by then."""
    loader = scenario.spawn([program("loader")], name="loader", stdin=subprocess.PIPE)
    recorder = Recorder(scenario, "attach", "-F", FREQUENCY, loader.pid, "--after", "100ms")
    for number, place in enumerate(("first", "second"), 1):
        path = scenario.path(f"plugin_{place}.so")
        shutil.copy(program(f"plugin_{place}.so"), path)
        tell(loader, f"0.8 {path}")
        wait_for(f"{path} was used", lambda: scenario.read("loader.stdout").count("\n") == number, 60)
        os.unlink(path)
    addresses = scenario.read("loader.stdout").split()
    equal(addresses[0], addresses[1], "the libraries' addresses, for the harder case")
    bundle = recorder.dump("libraries that came and went")
    recorder.stop()
    check_complete(bundle, "libraries")
    for place in ("first", "second"):
        check_chain(bundle, f"library, {place}", loader.pid, ("use", "run", f"{place}_work"), least=100, share=0.3)


with Scenario(__file__) as scenario:
    scenario.need_root()
    fork_storm(scenario)
    exec_in_the_middle(scenario)
    libraries(scenario)
