#!/usr/bin/python3
"""An episode has a bundle at its onset and one at its end, with hysteresis in between; `fdr backtest` on that recording finds the very
firings that the recorder made; `fdr drill` goes the whole way and says so; SIGHUP changes rules, not the window."""

import json
import os
import signal

from support.holder import Holder
from support.recorder import Recorder
from support.scenario import Scenario, check, equal, wait_for

RULES = """
window = { span = "60s", after = "500ms" }
[[trigger]]
name = "held"
when = "process.fds > 100"
clear = "50"
cooldown = "0s"
after = "300ms"
[[trigger]]
name = "never-armed"
when = "process.fds > 1"
armed_when = "process.fds > 100000"
"""


def one(entries, event):
    return [(entry["rule"], entry["monotonic_ns"], entry["value"], entry["text"]) for entry in entries if entry["event"] == event]


with Scenario(__file__) as scenario:
    scenario.need_root()
    rules = scenario.path("rules.toml")
    with open(rules, "w", encoding="utf-8") as file:
        file.write(RULES)
    holder = Holder(scenario)
    recorder = Recorder(scenario, "attach", "-c", rules, holder.process.pid)

    def rule(name="held"):
        return next(entry for entry in recorder.status()["rules"] if entry["name"] == name)

    holder.hold(200)
    first = recorder.next_bundle("many descriptors")
    episode = first.manifest["episode"]
    equal((episode["stage"], episode["rules"]), ("onset", ["held"]), "what the first bundle is")
    holder.hold(80)
    wait_for("it is between the thresholds", lambda: (rule()["value"] or 200) < 100)
    equal(rule()["state"], "active", "the rule between its thresholds")
    holder.hold(10)
    last = recorder.next_bundle("the end of it", end=True)
    ending = last.manifest["episode"]
    equal((ending["id"], ending["stage"], ending["onset_bundle"]), (episode["id"], "end", os.path.basename(first.path)), "what the last bundle is")
    check(last.path.endswith(".held-end.fdr"), f"its name: {last.path}")
    check(last.manifest["trigger"]["value"] <= 50, f"the value at the end: {last.manifest['trigger']}")
    check(last.first_screen().startswith("ENDED  held"), last.first_screen())
    equal(rule("never-armed")["state"], "disarmed", "the rule that nothing arms")

    told = json.loads(scenario.fdr("backtest", rules, last.path, "--json").stdout)
    fired = [(entry["rule"], entry["monotonic_ns"], entry["value"], entry["text"]) for entry in told["fired"]]
    equal(fired, one(last.ledger(), "fired"), "firings of the backtest, and of the recorder's own ledger")
    equal(len(fired), 1, "firings")
    equal([entry["monotonic_ns"] for entry in told["ended"]], [last.manifest["trigger"]["monotonic_ns"]], "the end, by the backtest and live")
    check("held: fires once" in scenario.fdr("backtest", rules, last.path).stdout, "what the backtest says")

    path = scenario.fdr("drill", recorder.name, "held").stdout.strip()
    drilled = recorder.next_bundle("the drill")
    equal(drilled.path, path, "the bundle of the drill")
    equal(drilled.manifest["trigger"]["drill"], True, "the manifest's word on it")
    check(drilled.first_screen().startswith("DRILL  held"), drilled.first_screen())
    equal(len(one(drilled.ledger(), "drill")), 1, "the ledger's word on it")
    equal(rule()["fired"], 1, "firings after the drill")
    wrong = scenario.fdr("drill", recorder.name, "hold", code=None)
    check(wrong.returncode == 1 and "held" in wrong.stderr, f"a drill of a rule that is not there: {wrong.stderr}")

    def reload(text):
        with open(rules, "w", encoding="utf-8") as file:
            file.write(text)
        before = recorder.status()["reload"]
        recorder.process.send_signal(signal.SIGHUP)
        return wait_for("the reload", lambda: (said := recorder.status()["reload"]) != before and said)

    armed = recorder.status()["armed_s"]
    said = reload(RULES.replace("process.fds > 1\"", "process.fsd > 1\""))
    check("not reloaded" in said and f"{rules}:" in said and "process.fsd" in said, f"of a bad file: {said}")
    equal(rule()["when"], "process.fds > 100", "the rule after a bad file")
    said = reload(RULES.replace("> 100\"", "> 300\"").replace('"60s"', '"61s"'))
    check("2 rules in force" in said and 'span = "61s"' in said, f"of a good file: {said}")
    equal((rule()["when"], rule()["fired"]), ("process.fds > 300", 1), "the rule after a good file")
    for when, why in (("host.cpu[0].softirq > 50%", "host.cpu[0].softirq is read only where it was asked for"), ("avg(host.disk.queue, 1h) > 50", "host.disk.queue of the last 1h is not kept")):
        said = reload(RULES.replace("> 100\"", "> 300\"").replace("process.fds > 1\"", when + '"'))
        check("not reloaded" in said and why in said, f"of a rule that could never be answered: {said}")
    status = recorder.status()
    check(status["armed_s"] > armed and round(status["window_s"]) == 60, f"the window goes on: armed for {armed} s, then {status}")
    holder.hold(400)
    again = recorder.next_bundle("more than the new threshold")
    equal(again.manifest["trigger"]["when"], "process.fds > 300", "the rule that fired")
    check(again.manifest["window"]["before_s"] > armed - 1, "the window reaches back over the reload")
    holder.end()
    equal(recorder.wait(), 0, "exit code of fdr attach when its target has gone")
