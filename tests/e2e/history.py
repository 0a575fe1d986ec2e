#!/usr/bin/python3
"""The history: written, ended by SIGTERM, gone on with; what a rule did live is what `fdr backtest` finds in it, within a second; a
bundle has its tail; a file that is damaged is begun anew, and a link is not followed. Without a rule the default ones apply."""

import datetime
import json
import os
import signal
import stat

from support.holder import Holder
from support.recorder import Recorder
from support.scenario import Scenario, check, equal, wait_for

RULES = """
window = { span = "5s", after = "2s" }
[[trigger]]
name = "held"
when = "process.fds > 100"
cooldown = "0s"
[[trigger]]
name = "long-ago"
when = "process.fds > 3 * avg(process.fds, 6s)"
cooldown = "0s"
[[trigger]]
name = "ended"
when = "exit.code != 0"
"""


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


with Scenario(__file__) as scenario:
    scenario.need_root()
    rules = scenario.path("rules.toml")
    with open(rules, "w", encoding="utf-8") as file:
        file.write(RULES)
    holder = Holder(scenario)
    recorder = Recorder(scenario, "attach", "-c", rules, holder.process.pid)

    def rule(name):
        return next(entry for entry in recorder.status()["rules"] if entry["name"] == name)

    wait_for("the look-back that is longer than the window is known", lambda: rule("long-ago")["value"] is not None, 60)
    holder.hold(200)
    bundle = recorder.next_bundle("many descriptors")
    ledger = {entry["rule"]: seconds(entry["time"]) for entry in bundle.ledger() if entry["event"] == "fired"}
    equal(sorted(ledger), ["held", "long-ago"], "rules that fired")
    rows = {row["name"]: row for row in json.loads(scenario.fdr("show", bundle.path, "history", "--json").stdout)}
    check(rows["process.fds"]["greatest"] > 200 and rows["process.fds"]["least"] < 20, f"the bundle's history: {rows.get('process.fds')}")
    check("host.cpu.busy" in scenario.fdr("show", bundle.path, "history").stdout, "the table of the history")
    again = json.loads(scenario.fdr("backtest", rules, bundle.path, "--json").stdout)
    equal({entry["rule"]: seconds(entry["time"]) for entry in again["fired"]}, ledger, "the backtest on the bundle, which has the past in it")
    holder.hold(0)
    wait_for("it is over", lambda: rule("held")["value"] < 100)
    recorder.stop()

    path = os.path.join(scenario.bundles, "history", recorder.name + ".fdrh")
    equal((stat.S_IMODE(os.stat(path).st_mode), stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode)), (0o600, 0o700), "modes of the history")
    told = json.loads(scenario.fdr("backtest", rules, path, "--json").stdout)
    found = {entry["rule"]: seconds(entry["time"]) for entry in told["fired"]}
    check(abs(found["held"] - ledger["held"]) <= 1.0, f"live {ledger}, by the history {found}")
    equal({entry["name"]: entry["not_recorded"] for entry in told["rules"]}["ended"], ["exit.code"], "what a history cannot judge")
    check("held: fires once" in scenario.fdr("backtest", rules, path).stdout, "what the backtest says")

    # Another recorder of that name goes on where it was.
    ticks = told["ticks"]
    second = Recorder(scenario, "attach", "-c", rules, holder.process.pid, name=recorder.name)
    check(second.dump("just begun").manifest is not None, "a bundle")
    recorder = second
    wait_for("it knows what was before it", lambda: rule("long-ago")["value"] is not None)
    wait_for("two seconds of it", lambda: second.status()["armed_s"] > 2.5)
    second.stop()
    told = json.loads(scenario.fdr("backtest", rules, path, "--json").stdout)
    check(told["ticks"] > ticks, f"{told['ticks']} seconds after {ticks}")
    equal(len([entry for entry in told["fired"] if entry["rule"] == "held"]), 1, "the firing of before")

    # Damage is not gone on with; and what a link leads to is left alone. Here nobody wrote a rule.
    with open(path, "r+b") as file:
        file.write(b"another format")
    third = Recorder(scenario, "attach", holder.process.pid, name=recorder.name, default_rules=True)
    wait_for("the word on it", lambda: "is begun anew" in third.stderr)
    check({"cpu-demand", "spin", "oom"} <= {entry["name"] for entry in third.status()["rules"]}, "the default rules")
    third.stop()
    aim = scenario.path("aim")
    with open(aim, "w", encoding="utf-8") as file:
        file.write("mine")
    os.remove(path)
    os.symlink(aim, path)
    fourth = Recorder(scenario, "attach", holder.process.pid, name=recorder.name)
    wait_for("the word on it", lambda: "no history is kept" in fourth.stderr)
    equal(fourth.status()["rules"], [], "rules without the default ones")
    fourth.stop()
    equal(scenario.read("aim"), "mine", "the file that the link led to")
    holder.process.send_signal(signal.SIGTERM)
