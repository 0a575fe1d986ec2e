#!/usr/bin/python3
"""`--max-cpu`: a target that makes the recording dear has less detail taken of it, told everywhere; what is not looked at is not held to be
nothing. A target that costs little keeps all of it."""

from support.recorder import Recorder
from support.scenario import Scenario, check, equal, program, wait_for

with Scenario(__file__) as scenario:
    scenario.need_root()
    scenario.fdr("run", "--max-cpu", "1", "--", "true", code=125)  # no unit
    scenario.fdr("run", "--max-cpu", "0.01%", "--", "true", code=125)

    flood = scenario.spawn([program("flood"), "90", scenario.path("lock")])
    recorder = Recorder(scenario, "attach", "--max-cpu", "1%", "-w", "40s", "--after", "0s", flood.pid)
    before = recorder.status()["budget"]
    equal((before["max_cpu_percent"], before["detail"]), (1, "ticks each 100 ms"), "the budget at first")
    budget = wait_for("calls are no longer looked at", lambda: (lambda now: now if "system calls not looked at" in now["detail"] else None)(recorder.status()["budget"]), 90, every=0.2)
    check(budget["lowered"], f"fdr status: {budget}")
    check("lowered: " in scenario.fdr("status").stdout, "fdr status does not say so")
    spared = {"calls": -1}

    def settled():
        now = recorder.status()["rings"]["syscalls"]["recorded"]
        last, spared["calls"] = spared["calls"], now
        return last == now
    wait_for("no call is recorded any more", settled, 30, every=1)
    bundle = recorder.dump("while it spares")
    bundle.check_whole()
    check(any("detail was lowered" in loss and "1 % of a CPU" in loss for loss in bundle.manifest["losses"]), f"losses: {bundle.manifest['losses']}")
    check([row for row in bundle.show("timeline") if "less detail" in str(row)], "nothing on the timeline")
    told = [entry for entry in bundle.ledger() if entry["event"] == "detail"]
    check(told and "more than 1 %" in told[0]["text"], f"the ledger: {told}")
    check("less detail" in recorder.stderr, f"stderr: {recorder.stderr}")
    metrics = {row["name"]: row for row in bundle.show("metrics")}
    equal((metrics["recorder.calls_spared"]["min"], metrics["recorder.calls_spared"]["max"]), (0, 1), "the metric of it")
    # It makes calls all the time: it does not spin, and nothing is ruled out by calls that nobody counted.
    findings = bundle.report()["findings"]
    check(not [one for one in findings if one["verdict"] == "against" and " 0 futex" in str(one)], f"ruled out by calls that were not counted: {findings}")
    recorder.stop()

    calm = scenario.spawn([program("duty"), "5"])
    quiet = Recorder(scenario, "attach", "--max-cpu", "50%", calm.pid)
    wait_for("a judgement", lambda: quiet.status()["rings"]["stacks"]["obtained_s"] > 8)
    now = quiet.status()["budget"]
    equal((now["lowered"], now["exhausted"], now["detail"]), (False, False, "ticks each 100 ms"), "a budget that is kept")
    quiet.stop()
