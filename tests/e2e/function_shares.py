#!/usr/bin/python3
"""Oracle: the shares of three functions of a CPU-bound program agree with `perf record -e cpu-clock` within the
sampling error."""

import collections
import math

from support.recorder import record_command
from support.scenario import Scenario, check, equal, program

FUNCTIONS = ("burn_half", "burn_third", "burn_fifth")
SECONDS = "4"
FREQUENCY = 499


def named(frame):
    return next((name for name in FUNCTIONS if name in frame), None)


def perf_shares(scenario, command):
    data = scenario.path("perf.data")
    # -B: perf 6.1 can die of the build-ids it collects at the end, after it has recorded everything.
    recorded = scenario.run(["perf", "record", "-B", "-e", "cpu-clock", "-F", str(FREQUENCY), "-o", data, *command])
    equal(recorded.returncode, 0, f"perf record: {recorded.stderr}")
    text = scenario.run(["perf", "script", "-i", data, "-F", "ip,sym"]).stdout
    return collections.Counter(filter(None, (named(line) for line in text.splitlines())))


def fdr_shares(scenario, command):
    bundle = record_command(scenario, command, "-F", FREQUENCY)
    counts = collections.Counter()
    for frame, samples in bundle.leaf_functions().items():
        if named(frame):
            counts[named(frame)] += samples
    # One thread that never waits: nearly every tick of its life must be a sample of it.
    ring = bundle.ring("stacks")
    due = FREQUENCY * float(SECONDS)
    print(f"samples: {sum(counts.values())} in the three functions, {bundle.manifest['stacks']['samples']} in all, "
          f"{due:.0f} due; missed {ring['missed']}, dropped {ring['dropped']}")
    check(bundle.manifest["stacks"]["share_complete"] >= 0.99, f"stacks complete: {bundle.manifest['stacks']}")
    return counts


with Scenario(__file__) as scenario:
    scenario.need_root()
    scenario.need("perf")
    command = [program("shares"), SECONDS]
    ours, theirs = fdr_shares(scenario, command), perf_shares(scenario, command)
    for name, expected in zip(FUNCTIONS, (0.5, 0.3, 0.2)):
        a, b = sum(ours.values()), sum(theirs.values())
        check(a > 300 and b > 300, f"too few samples: fdr {a}, perf {b}")
        p, q = ours[name] / a, theirs[name] / b
        error = math.sqrt(p * (1 - p) / a + q * (1 - q) / b)
        print(f"oracle perf: {name}: fdr {p:.1%} of {a}, perf {q:.1%} of {b}, sampling error {error:.2%}")
        check(abs(p - q) <= 3 * error + 0.005, f"{name}: fdr {p:.1%}, perf {q:.1%}, allowed {3 * error + 0.005:.1%}")
        check(abs(p - expected) < 0.08, f"{name}: {p:.1%} where the program spends about {expected:.0%}")
