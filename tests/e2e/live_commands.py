#!/usr/bin/python3
"""What one types at a live recorder: status, now, mark, beat, dump; and what one does with its bundle: show, export."""

import os

from support.exposition import exposition
from support.recorder import Recorder
from support.scenario import Scenario, check, equal, program, wait_for

PARTS = ("timeline", "stacks", "threads", "syscalls", "slow", "failed", "stalls")

with Scenario(__file__) as scenario:
    scenario.need_root()
    duty = scenario.spawn([program("duty"), "60"])
    recorder = Recorder(scenario, "attach", "-w", "10s", "--after", "1s",
                        "--when", "process.cpu.total > 99% for 4s", duty.pid)

    status = wait_for("half a second recorded", lambda: (s := recorder.status())["armed_s"] > 0.5 and s)
    equal((status["pid"], status["armed"]), (recorder.process.pid, True), "pid and armed of fdr status")
    equal([rule["when"] for rule in status["rules"]], ["process.cpu.total > 99%"], "rules of fdr status")
    check(status["cost"]["tick"] in ("SCHED_RR", "nice -20", "ordinary"), f"how the tick is scheduled: {status['cost']}")
    check(recorder.name in scenario.fdr("status").stdout, "fdr status does not list the recorder")

    page = scenario.path("fdr.prom")
    equal(scenario.fdr("status", "--prometheus", page).stdout, "", "what fdr status --prometheus says")
    figures = exposition(page)
    labels = {"recorder": recorder.name}
    equal(figures.value("fdr_up", **labels), 1, "fdr_up")
    check(figures.value("fdr_armed_seconds", **labels) >= status["armed_s"], "fdr_armed_seconds goes back")
    equal(figures.value("fdr_rule_fired_total", rule="when-1", **labels), 0, "fdr_rule_fired_total")
    check(figures.value("fdr_records_total", ring="stacks", **labels) >= status["rings"]["stacks"]["recorded"], "fdr_records_total goes back")
    equal(os.stat(page).st_mode & 0o777, 0o644, "mode of the page")
    equal([name for name in os.listdir(scenario.directory) if name.startswith("fdr.prom") or name.startswith(".fdr")], ["fdr.prom"], "files of fdr status")

    now = scenario.fdr("now", recorder.name).stdout
    check("burn" in now, f"fdr now does not show burn():\n{now}")
    equal(recorder.bundle_paths(), [], "bundles after fdr now")
    scenario.fdr("mark", "deploy v2")
    bundle = recorder.dump("operator")
    bundle.check_whole()

    for part in PARTS:
        check(isinstance(bundle.show(part), list), f"show {part} --json is no array")
        scenario.fdr("show", bundle.path, part)
    check("deploy v2" in scenario.fdr("show", bundle.path, "timeline").stdout, "the mark is not on the timeline")
    check("clock_nanosleep" in bundle.syscalls(), f"calls: {sorted(bundle.syscalls())}")

    folded = scenario.fdr("export", bundle.path, "--format", "folded").stdout.splitlines()
    equal(sum(int(line.rpartition(" ")[2]) for line in folded), sum(row["samples"] for row in bundle.show("stacks")),
          "samples of the folded export, and of show stacks")
    check(any("burn" in line for line in folded), f"no burn() in the folded export: {folded[:5]}")
    scenario.fdr("export", bundle.path, "--format", "perfetto", "-o", scenario.path("out.pftrace"))
    check(os.path.getsize(scenario.path("out.pftrace")) > 1000, "the exported trace is empty")
    result = scenario.fdr("show", bundle.path, "no-such-part", code=None)
    check(result.returncode != 0 and "stacks" in result.stderr, f"show no-such-part: {result.stderr!r}")
    recorder.stop()
    check(scenario.fdr("dump", recorder.name, code=None).returncode != 0, "fdr dump of a recorder that has gone")
