#!/usr/bin/python3
"""`attach --comm --wait` begins before its target, follows it when it comes, stays when it ends, and follows it when it is started again and
when a second one of its name comes; one bundle then holds them all, with stacks. Without --wait the recorder ends with its target."""

import os

from support.chains import check_chain
from support.recorder import Recorder
from support.scenario import Scenario, check, equal, program, wait_for

CHAIN = ("main", "first_outer", "first_inner")
SAMPLES = 60


def samples_of(recorder):
    return recorder.status()["rings"]["stacks"]["recorded"]


def run_until_sampled(scenario, recorder, name):
    process = scenario.spawn([program("steady_first")], name=name)
    before = samples_of(recorder)
    wait_for(f"samples of {name}", lambda: samples_of(recorder) >= before + SAMPLES, 60)
    return process


with Scenario(__file__) as scenario:
    scenario.need_root()
    comm = os.path.basename(program("steady_first"))[:15]
    recorder = Recorder(scenario, "attach", "--comm", comm, "--wait", "--after", "100ms")
    first = run_until_sampled(scenario, recorder, "first")
    first.kill()
    first.wait()
    wait_for("its end is known", lambda: not recorder.status()["processes"], 60)
    again = run_until_sampled(scenario, recorder, "again")
    one_more = scenario.spawn([program("steady_first")], name="one-more")
    wait_for("both are followed", lambda: len(recorder.status()["processes"]) == 2, 60)
    before = samples_of(recorder)
    wait_for("samples of both", lambda: samples_of(recorder) >= before + 2 * SAMPLES, 60)
    bundle = recorder.dump("all three")
    for name, process in (("the first", first), ("the second", again), ("the third", one_more)):
        check_chain(bundle, name, process.pid, CHAIN, least=15)
    joined = [row for row in bundle.show("ledger") if row["event"] == "joined"]
    equal(sorted(row["value"] for row in joined), sorted(process.pid for process in (first, again, one_more)), "who joined, by the ledger")
    check(recorder.process.poll() is None, "the recorder waits on")
    recorder.stop()

    # A rule on an exit fires at each of them, whichever of them it was, and nothing goes on between.
    rule = scenario.path("killed.toml")
    with open(rule, "w", encoding="ascii") as file:
        file.write('[[trigger]]\nname = "killed"\nwhen = "exit.signal == SIGKILL"\ncooldown = "0s"\n')
    watch = Recorder(scenario, "attach", "-c", rule, "--comm", comm, "--wait", "--after", "100ms")
    for process in (again, one_more):
        process.kill()
        process.wait()
        killed = watch.next_bundle(f"the end of {process.pid}")
        equal((killed.manifest["trigger"]["name"], killed.manifest["trigger"]["value"]), ("killed", 9), "what fired")
    watch.stop()
    again, one_more = (scenario.spawn([program("steady_first")], name=name) for name in ("again", "one-more"))

    plain = Recorder(scenario, "attach", "--comm", comm, "--after", "100ms")
    for process in (again, one_more):
        process.kill()
        process.wait()
    wait_for("the recorder's end with its targets", lambda: plain.process.poll() is not None, 60)
