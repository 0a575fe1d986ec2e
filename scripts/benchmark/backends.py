"""scripts/bench --only backends: one stack sample with backend bpf, which walks it where it is taken, and with perf, which copies the stack
for the recorder to walk. What the recorder takes for it: its CPU at 99 Hz beyond that at 1 Hz. What who is sampled takes for it: his loss
of speed at 4 999 Hz, beside bare runs."""

import collections
import statistics
import time

import works
from figures import Table, cpu_seconds, progress

from support.recorder import Recorder
from support.scenario import wait_for

_BACKENDS = ("bpf", "perf")
_RARE, _USUAL, _OFTEN = 1, 99, 4999  # Hz
_BUSY = works.Evaluate               # nothing but its own speed decides about its rate

Figure = collections.namedtuple("Figure", "cpu samples rate complete")  # CPU of the recorder and samples, both a second; what it did a second


def one(scenario, work, backend, frequency):
    recorder = Recorder(scenario, "attach", "--backend", backend, "--syscalls", "off", "-F", frequency, work.pid)
    samples = lambda: recorder.status()["rings"]["stacks"]["recorded"]
    wait_for("rows", lambda: recorder.status()["unwind"]["pending"] == 0, 60, every=0.1)
    before, cpu, begin = samples(), cpu_seconds(recorder.process.pid), time.monotonic()
    rate = work.rate()
    cpu, seconds = cpu_seconds(recorder.process.pid) - cpu, time.monotonic() - begin
    taken = samples() - before
    stacks = recorder.dump("sample cost").manifest["stacks"]
    recorder.stop()
    return Figure(cpu / seconds, taken / seconds, rate, stacks["complete"] / max(1, stacks["samples"]))


def run(scenario, quick):
    table = Table("one stack sample", "recorder, us", "who is sampled, us", "complete, 99 Hz")
    rounds, seconds = (1, 4.0) if quick else (3, 10.0)
    for kind in (works.Redis, works.Nginx, works.Evaluate):
        work = kind(scenario, seconds)
        figures = collections.defaultdict(list)
        for number in range(rounds):
            progress(f"{kind.title}, round {number + 1} of {rounds}")
            figures["bare"].append(work.rate())
            for frequency in (_RARE, _USUAL) + (_OFTEN,) * (kind is _BUSY):
                for backend in _BACKENDS:
                    figures[backend, frequency].append(one(scenario, work, backend, frequency))
        work.stop()
        for backend in _BACKENDS:
            rare, usual, often = (figures[backend, frequency] for frequency in (_RARE, _USUAL, _OFTEN))
            own = [1e6 * (much.cpu - little.cpu) / (much.samples - little.samples) for little, much in zip(rare, usual)]
            theirs = [1e6 * (1 - much.rate / bare) / much.samples for much, bare in zip(often, figures["bare"])]
            table.row(f"{kind.title}, {backend}", f"{statistics.median(own):.0f}", f"{statistics.median(theirs):.1f}" if theirs else "",
                      f"{min(figure.complete for figure in usual):.1%}")
    progress("")
    table.print()
