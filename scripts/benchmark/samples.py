"""scripts/bench --only sample: what one stack sample takes, by the kernel's own account of the programs (bpf_stats)."""

import contextlib
import json
import os
import subprocess
import time

from figures import Table, progress

from support.recorder import Recorder
from support.scenario import program

_SWITCH = "/proc/sys/kernel/bpf_stats_enabled"
_DEPTHS = (7, 20, 50)
_RATES = {"cold, 99 Hz": 99, "warm, 4999 Hz": 4999}
_COLD_BUDGET_US, _WARM_BUDGET_US, _BYTES_BUDGET = 5, 2, 450  # at 20, 20 and 50 frames
_SAMPLE_BYTES, _FRAME_BYTES = 24, 8                          # struct fdr_sample, an address


@contextlib.contextmanager
def bpf_stats():
    with open(_SWITCH, encoding="ascii") as file:
        before = file.read()
    try:
        set_stats("1")
        yield
    finally:
        set_stats(before)


def set_stats(value):
    with open(_SWITCH, "w", encoding="ascii") as file:  # a write elsewhere than at the beginning is ignored
        file.write(value)


def run_time(name):
    """(ns, runs) of the newest loaded program of that name."""
    shown = json.loads(subprocess.run(["bpftool", "-j", "prog", "show"], capture_output=True, check=True,
                                      env={**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin"}).stdout)
    program_ = max((each for each in shown if each.get("name") == name), key=lambda each: each["id"])
    return program_.get("run_time_ns", 0), program_.get("run_cnt", 0)


def one(scenario, frames, frequency, seconds):
    """us a sample: on each CPU runs a target, so that hardly a tick finds anybody else."""
    targets = [scenario.spawn([program("depth"), str(frames), str(seconds + 30)]) for _ in range(os.cpu_count())]
    recorder = Recorder(scenario, "attach", "-F", frequency, *[target.pid for target in targets])
    time.sleep(1.5)  # rows are there
    samples = lambda: recorder.status()["rings"]["stacks"]["recorded"]
    (ns, _), before = run_time("on_clock"), samples()
    time.sleep(seconds)
    (ns_after, _), after = run_time("on_clock"), samples()
    bundle = recorder.dump("sample cost")
    recorder.stop()
    for target in targets:
        target.kill()
        target.wait()
    return (ns_after - ns) / max(1, after - before) / 1000, bundle.manifest["stacks"]["share_complete"]


def run(scenario, quick):
    scenario.need("bpftool")
    table = Table("one stack sample, us in the program", *(f"{frames} frames" for frames in _DEPTHS), "complete", "budget")
    with bpf_stats():
        for name, frequency in _RATES.items():
            cells, shares = [], []
            for frames in _DEPTHS:
                progress(f"{frames} frames, {name}")
                cost, share = one(scenario, frames, frequency, 4 if quick else 12)
                cells.append(f"{cost:.2f}")
                shares.append(share)
            budget = _COLD_BUDGET_US if frequency == 99 else _WARM_BUDGET_US
            table.row(name, *cells, f"{min(shares):.1%}", f"<= {budget} at 20")
    progress("")
    table.row("bytes of a record", *(str(_SAMPLE_BYTES + _FRAME_BYTES * frames) for frames in _DEPTHS), "", f"<= {_BYTES_BUDGET} at 50")
    table.print()
