#!/usr/bin/python3
"""Memory ends in the middle of a dump: the N-th allocation of the dump's thread fails, or from the N-th on all of a kilobyte and more. Each
time the recorder goes on; the dump says why there is no bundle, or there is one, whole, with as much as memory was left for. Afterwards all
is as before.
"""

import os
import struct

from support.bundle import Bundle
from support.recorder import Recorder
from support.scenario import FDR, Scenario, check, equal, program


class Orders:
    """The file that tests/programs/failing_malloc.c looks into."""

    def __init__(self, path):
        self.path = path
        with open(path, "wb") as file:
            file.write(bytes(32))

    def fail(self, first, count, size):
        with open(self.path, "r+b") as file:
            file.write(struct.pack("=QQQQ", first, count, size, 0))

    def made(self):
        with open(self.path, "rb") as file:
            return struct.unpack("=QQQQ", file.read())[3]


with Scenario(__file__) as scenario:
    scenario.need_root()
    program("crowd")
    library = os.path.join(os.path.dirname(program("duty")), "failing_malloc.so")
    check(os.path.exists(library), f"{library} is not built")
    orders = Orders(scenario.path("orders"))
    target = scenario.spawn([program("duty"), "20"])
    recorder = Recorder(scenario, "attach", "-w", "5s", "--after", "0s", target.pid, env={**os.environ, "LD_PRELOAD": library, "FAILING_MALLOC": orders.path})
    recorder.dump("to count")
    allocations = orders.made()
    check(allocations > 1000, f"{allocations} allocations were seen in the dump's thread: is {FDR} linked statically?")

    single, step = [1, 2, 3, 4], 5
    while step < allocations:
        single.append(step)
        step *= 4
    single += [allocations * percent // 100 for percent in (40, 60, 80, 90, 95, 97, 98)]
    single += [allocations - left for left in (400, 200, 100, 50, 25, 12, 6, 3)]  # the manifest, and what comes after it
    cases = [(first, 1, 0) for first in single] + [(max(1, allocations * percent // 100), 1 << 40, 1024) for percent in (0, 30, 90, 95, 96, 97, 98, 99)]
    written = failed = reduced = 0
    for first, count, size in cases:
        orders.fail(first, count, size)
        result = scenario.fdr("dump", recorder.name, "--reason", f"allocation {first}", code=None)
        equal(recorder.process.poll(), None, f"the recorder's end, when {count} allocations from {first} on failed\n{recorder.stderr[-2000:]}")
        if result.returncode == 0:
            bundle = Bundle(scenario, result.stdout.strip())
            scenario.fdr("verify", bundle.path)
            written += 1
            rung = bundle.manifest["written"]["rung"]
            reduced += rung != "full"
            check(rung == "full" or "no memory" in bundle.manifest["written"]["why"], f"{bundle.manifest['written']}")
        else:
            check("memory" in result.stderr or "bad_alloc" in result.stderr, f"allocation {first}: {result.stderr!r}")
            failed += 1
    orders.fail(0, 0, 0)
    last = recorder.dump("after all")
    equal(last.manifest["written"], {"rung": "full"}, "the dump after all")
    print(f"failing_allocations: {allocations} in a dump; of {len(cases)} dumps with failing ones {written} were written, {reduced} of them not in full, {failed} said why not")
    check(failed and written, "either all or none failed")
    recorder.stop()
    equal(target.poll(), None, "the target's end")
