#!/usr/bin/python3
"""The wall clock is set forward and back by hours under a recorder, in a guest: no heartbeat is missed for it, rules fire by time that passed,
windows are as long as they were, the steps are told, and the bundles that stay are those that were written last.
"""

import os
import re

from support.bundle import Bundle
from support.guest import Guest
from support.scenario import Scenario, check, equal

FORWARD_S, BACK_S = 3600, 7200
RULES = """
window = { span = "600s", after = "0s" }
bundle = { keep = 3 }
default_rules = false
history = { enabled = false }

[[heartbeat]]
name = "health"
every = "30s"
misses = 9

[[trigger]]
name = "busy"
when = "process.cpu.total > 60%"
for = "2s"
"""
COMMANDS = f"""
set_clock() {{ date -s "@$(($(date +%s) $1))" >/dev/null; }}
let_time_pass() {{ sleep 3; fdr beat health; }}
echo 0 >/proc/sys/kernel/kptr_restrict
cat >/rules.toml <<'END'
{RULES}
END
duty 20 & pid=$!
fdr attach --name box -c /rules.toml $pid &
recorder=$!
until fdr dump box --reason before; do kill -0 $recorder || poweroff -f; sleep 1; done
fdr beat health
set_clock +{FORWARD_S}
let_time_pass
fdr dump box --reason forward
set_clock -{BACK_S}
let_time_pass
kill -USR1 $pid
until ls /var/lib/fdr | grep -q busy.fdr$; do sleep 1; done
fdr dump box --reason back
kill $recorder
wait $recorder
echo "ended $?"
umount /var/lib/fdr
poweroff -f
"""


def near(steps_s, what):
    """To a minute: `date` sets whole seconds, and takes its time in a guest."""
    wanted = (FORWARD_S, -BACK_S)
    check(len(steps_s) == len(wanted) and all(abs(step - want) < 60 for step, want in zip(steps_s, wanted)), f"{what}: {steps_s}, wanted {wanted}")


def offset_s(clock):
    """The wall clock against the time since the boot."""
    return (clock["realtime_ns"] - clock["boottime_ns"]) / 1e9


def told(text):
    """Of each sentence how far the clock was set."""
    return [float(seconds) * (1 if way == "forward" else -1) for way, seconds in re.findall(r"the wall clock was set (forward|back) by ([\d.]+) s", text)]


with Scenario(__file__) as scenario:
    scenario.need_root()
    guest = Guest(scenario, {"clock": COMMANDS})
    guest.new_disk()
    boot = guest.boot("clock")
    equal(boot.wait_for(r"ended (\d+)")[1], "0", f"the recorder's end: {boot.said[-3000:]}")
    boot.process.wait(60)
    near(told(boot.said), "steps that the recorder tells")
    names = re.findall(r"^fdr: bundle /var/lib/fdr/(.+?)\r?$", boot.said, re.M)
    equal([name.split(".")[-2] for name in names], ["manual", "manual", "busy", "manual", "busy-end"], "bundles, in the order of writing")
    place = scenario.path("out")
    guest.take_out("/", place)
    left = [name for name in names if os.path.isdir(os.path.join(place, name))]
    equal(left, names[2:], "bundles that are kept")
    busy, last = (Bundle(scenario, os.path.join(place, name)) for name in left[:2])
    for bundle in (busy, last):
        scenario.fdr("verify", bundle.path)
        window = bundle.manifest["window"]
        check(window["end_ns"] - window["start_ns"] < 600e9, f"a window of {window['before_s']} s in a guest that lived less")
        clocks = sorted(bundle.manifest["clock"]["anchors"], key=lambda clock: clock["boottime_ns"])
        steps = [offset_s(b) - offset_s(a) for a, b in zip(clocks, clocks[1:])]
        near([step for step in steps if abs(step) > 1], "steps in the manifest's anchors")
    equal([row["rule"] for row in last.ledger() if row["event"] == "fired"], ["manual", "manual", "busy", "manual"], "what fired")
    near(told("\n".join(row["text"] for row in last.ledger() if row["event"] == "clock")), "steps in the ledger")
    beats = [row for row in last.show("metrics") if row["name"] == "beat.health.age"][0]
    check(0 <= beats["min"] and beats["max"] < 270, f"the heartbeat's age: {beats}")
    print(f"clock_steps: set forward by {FORWARD_S} s and back by {BACK_S} s; the heartbeat's age at most {beats['max']:.1f} s")
