#!/usr/bin/python3
"""Baselines: cut while all is calm, kept over restarts, in the bundle. An incident that is older than the window is compared with one,
and its cause named; what is as ever is not accused; nothing is cut while a rule holds; a redacted pack compares too."""

import json
import os

from support.holder import Holder
from support.recorder import Recorder
from support.scenario import Scenario, check, equal, program, wait_for

CONFIG = """
window = { span = "4s", after = "200ms" }
baseline = { span = "2s" }
"""


# A figure that does not depend on what else this machine does.
def descriptors(report):
    return next(finding for finding in report["findings"] if finding["id"] == "descriptors")


with Scenario(__file__) as scenario:
    scenario.need_root()
    config = scenario.path("fdr.toml")
    with open(config, "w", encoding="utf-8") as file:
        file.write(CONFIG)
    duty, holder = scenario.spawn([program("duty"), "5"]), Holder(scenario)
    recorder = Recorder(scenario, "attach", "-c", config, duty.pid, holder.process.pid)
    kept = os.path.join(scenario.bundles, "baselines", recorder.name)

    def names(kind):
        return [name[:-4] for name in os.listdir(kept) if name.endswith(kind + ".fdr")] if os.path.exists(kept) else []

    def armed_for(seconds):
        wait_for(f"{seconds:g} s recorded", lambda: recorder.status()["armed_s"] > seconds)

    start = wait_for("the first baseline", lambda: names("start"))[0]
    check(all(sum(os.path.getsize(os.path.join(folder, name)) for name in files) < 200_000 for folder, _, files in os.walk(kept)), "a baseline of 200 KB")
    said = scenario.fdr("mark", "before the storm").stderr
    check("a baseline of the time before it is cut" in said, said)
    marked = wait_for("the baseline of the mark", lambda: names("mark"))[0]
    cut = wait_for("the status of both", lambda: (s := recorder.status()["baselines"])["cut"] == 2 and s)
    equal((cut["problem"], cut["last"]), (None, marked + ".fdr"), f"fdr status: {cut}")
    scenario.fdr("verify", os.path.join(kept, start + ".fdr"))

    # As well as before: compared, and nobody accused.
    armed_for(recorder.status()["armed_s"] + 5)
    well = recorder.dump("all is well")
    well.check_whole()
    equal([row["name"] for row in well.show("baselines")], [marked, start], "baselines of the bundle")
    report = well.report()
    check("(mark)" in report["baseline"]["what"] and not report["onset"]["known"], f"compared with {report['baseline']}")
    equal(descriptors(report)["verdict"], "against", "descriptors of one that is well")
    accused = {finding["id"] for finding in report["findings"] if finding["verdict"] == "for"}
    equal(accused & {"call-flood", "memory-level", "memory-growth", "failing-calls", "blocked", "threads"}, set(), "accused while all is well")

    # An incident that began before the window.
    holder.hold(200)
    armed_for(recorder.status()["armed_s"] + 6)
    bad = recorder.dump("users complain")
    check("before the mark 'before the storm'" in scenario.fdr("show", bad.path, "baselines").stdout, "the table of baselines")
    found = descriptors(bad.report())
    check(found["verdict"] == "for" and " 2" in found["evidence"], f"the cause: {found}")
    screen = bad.first_screen()
    check("compared with the baseline of" in screen.replace("\n       ", " "), f"what it is compared with:\n{screen}")
    moved = json.loads(scenario.fdr("diff", "--within", bad.path, "--baseline", start, "--json").stdout)
    check("(start)" in moved["base"]["what"], f"diff: {moved['base']}")
    rows = {row["name"]: row for part in ("functions", "metrics") for row in moved[part]}
    check(rows["burn"]["base"] > 0 and rows["burn"]["now"] > 0, f"diff: {rows['burn']}")
    check(rows["process.fds"]["base"] < 50 and rows["process.fds"]["now"] > 200, f"diff: {rows['process.fds']}")
    alone = scenario.fdr("diff", "--within", bad.path, "--baseline", "none", code=None)
    check(alone.returncode == 1 and "no quiet part" in alone.stderr, f"without a baseline: {alone.stderr}")
    check("it has" in scenario.fdr("report", bad.path, "--baseline", "x", code=1).stderr, "a baseline that is none")
    equal(json.loads(scenario.fdr("report", bad.path, "--baseline", "none", "--json").stdout)["baseline"], None, "none asked for")

    pack = scenario.path("bad.zip")
    scenario.fdr("pack", bad.path, "--redact", "-o", pack)
    redacted = json.loads(scenario.fdr("report", pack, "--json").stdout)
    check("(mark)" in redacted["baseline"]["what"] and descriptors(redacted)["verdict"] == "for", f"redacted: {redacted['baseline']}, {descriptors(redacted)}")
    check("storm" not in scenario.fdr("show", pack, "baselines").stdout, "the text of a mark in a redacted pack")

    # They outlive the recorder, and nothing is cut while a rule holds.
    recorder.stop()
    recorder = Recorder(scenario, "attach", "-c", config, "--when", "process.fds > 100", duty.pid, holder.process.pid, name=recorder.name)
    fired = recorder.next_bundle("the rule")
    check({start, marked} <= {row["name"] for row in fired.show("baselines")}, "baselines of before the restart")
    armed_for(5)
    check("no baseline is cut" in scenario.fdr("mark", "too late").stderr, "what fdr mark says while a rule holds")
    equal((names("start"), recorder.status()["baselines"]["cut"]), ([start], 0), "cut while a rule holds")
    recorder.stop()
