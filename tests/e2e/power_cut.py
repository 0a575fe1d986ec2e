#!/usr/bin/python3
"""A guest whose power is cut at random moments: what its recorder had on disk becomes a whole bundle in the next boot, its last metrics at
most five seconds older than the cut, its last slice at most ten.

FDR_POWER_CUTS: how often (20)."""

import os
import random
import re
import time

from support.bundle import Bundle
from support.guest import Guest
from support.scenario import Scenario, check, equal, wait_for

CUTS = int(os.environ.get("FDR_POWER_CUTS", "20"))
MOST_METRIC_AGE_S, MOST_SLICE_AGE_S = 5, 10
RECORD = """
duty 30 & pid=$!
echo 0 >/proc/sys/kernel/kptr_restrict
fdr attach --name box -w 30s --no-default-rules $pid &
while :; do read now rest </proc/uptime; echo "alive $now"; usleep 100000; done
"""
RECOVER = """
fdr recover box
echo "recovered $?"
umount /var/lib/fdr
poweroff -f
"""


def last_alive(text):
    """The last moment that the console tells whole, seconds since the boot."""
    return float(re.findall(r"alive (\d+\.\d\d)\r?\n", text)[-1])


with Scenario(__file__) as scenario:
    scenario.need_root()
    guest = Guest(scenario, {"record": RECORD, "recover": RECOVER})
    chance = random.Random()
    ages, slices = [], []
    for number in range(CUTS):
        guest.new_disk()
        boot = guest.boot("record")
        said = boot.wait_for(r"fdr: (armed|error: .*)")[1]
        equal(said, "armed", f"fdr attach in the guest: {boot.said[-3000:]}")
        armed = last_alive(boot.wait_for(r"fdr: armed[^$]*alive \d+\.\d\d\r?\n").string)
        # By the guest's clock, whose seconds an emulation stretches, and not in step with its console.
        moment = armed + chance.uniform(3, 20)
        wait_for("the moment of the cut", lambda: last_alive(boot.said) > moment, 600)
        time.sleep(chance.uniform(0, 0.3))
        boot.cut_power()
        cut = last_alive(boot.said)
        after = guest.boot("recover")
        equal(after.wait_for(r"recovered (\d+)")[1], "0", f"fdr recover after cut {number}, {cut - armed:.1f} s after arming: {after.said[-2000:]}")
        after.process.wait(60)
        place = scenario.path(f"out-{number}")
        guest.take_out("/", place)
        names = [name for name in os.listdir(place) if name.endswith(".host-died.fdr")]
        equal(len(names), 1, f"bundles after cut {number}: {os.listdir(place)}")
        bundle = Bundle(scenario, os.path.join(place, names[0]))
        scenario.fdr("verify", bundle.path)
        ages.append(cut - bundle.manifest["window"]["end_ns"] / 1e9)
        check(bundle.manifest["stacks"]["samples"] > 0, f"cut {number}: no samples")
        sliced = max(row["monotonic_ns"] for row in bundle.manifest["clock"]["anchors"] + [bundle.manifest["clock"]]) / 1e9
        slices.append(cut - sliced)
        if sliced > armed + 2:  # before that nobody may have made a call
            check("clock_nanosleep" in bundle.syscalls(), f"cut {number}: no sums of calls: {bundle.syscalls()}")
        check(ages[-1] <= MOST_METRIC_AGE_S, f"cut {number}: the last metrics are {ages[-1]:.1f} s old")
        check(slices[-1] <= MOST_SLICE_AGE_S, f"cut {number}: the last slice is {slices[-1]:.1f} s old")
        print(f"power_cut: {number}: {cut - armed:.1f} s after arming; last metrics {ages[-1]:.1f} s old, last slice {slices[-1]:.1f} s, {bundle.manifest['stacks']['samples']} samples", flush=True)
    print(f"power_cut: {CUTS} cuts, all recovered; last metrics at most {max(ages):.1f} s old, last slice at most {max(slices):.1f} s")
