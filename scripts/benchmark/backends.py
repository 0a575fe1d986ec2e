"""scripts/bench --only backends: one stack sample with backend bpf, which walks it where it is taken, and with perf, which copies the stack
for the recorder to walk.

At 4 999 a second, where a difference can be seen. Of who is sampled: CPU time of one operation, beside bare rounds; of the recorder: its CPU
beyond what it takes at one sample a second. CPU time both: what a busy machine takes away is neither's."""

import collections
import statistics
import time

import works
from figures import Table, cpu_seconds, progress

from support.recorder import Recorder
from support.scenario import wait_for

_BACKENDS = ("bpf", "perf")
_RARE, _OFTEN = 1, 4999  # Hz

Figure = collections.namedtuple("Figure", "cost cpu samples complete")  # CPU time of one operation; CPU of the recorder and samples, both a second


def cost_of(work):
    """CPU seconds of one operation."""
    before, begin = cpu_seconds(work.pid), time.monotonic()
    rate = work.rate()
    return (cpu_seconds(work.pid) - before) / (rate * (time.monotonic() - begin))


def one(scenario, work, backend, frequency):
    recorder = Recorder(scenario, "attach", "--backend", backend, "--syscalls", "off", "-F", frequency, work.pid)
    samples = lambda: recorder.status()["rings"]["stacks"]["recorded"]
    wait_for("rows", lambda: recorder.status()["unwind"]["pending"] == 0, 60, every=0.1)
    before, cpu, begin = samples(), cpu_seconds(recorder.process.pid), time.monotonic()
    cost = cost_of(work)
    cpu, seconds = cpu_seconds(recorder.process.pid) - cpu, time.monotonic() - begin
    taken = samples() - before
    stacks = recorder.dump("sample cost").manifest["stacks"]
    recorder.stop()
    return Figure(cost, cpu / seconds, taken / seconds, stacks["complete"] / max(1, stacks["samples"]))


def run(scenario, quick):
    work, figures = works.Evaluate(scenario, 3.0), collections.defaultdict(list)
    rounds = 3 if quick else 9
    for number in range(rounds):
        progress(f"round {number + 1} of {rounds}")
        figures["bare"].append(cost_of(work))
        for frequency in (_RARE, _OFTEN):
            for backend in _BACKENDS:
                figures[backend, frequency].append(one(scenario, work, backend, frequency))
    progress("")
    work.stop()
    table = Table("one stack sample, 4999 Hz", "who is sampled, us", "the recorder, us", "complete")
    for backend in _BACKENDS:
        rare, often = figures[backend, _RARE], figures[backend, _OFTEN]
        theirs = [1e6 * (1 - bare / much.cost) / _OFTEN for bare, much in zip(figures["bare"], often)]
        own = [1e6 * (much.cpu - little.cpu) / (much.samples - little.samples) for little, much in zip(rare, often)]
        table.row(backend, f"{statistics.median(theirs):.1f}", f"{statistics.median(own):.1f}", f"{min(figure.complete for figure in often):.1%}")
    table.print()
