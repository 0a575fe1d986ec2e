#!/usr/bin/python3
"""Under a load that overwrites the raw syscall ring within a second or two, rare beats frequent.

The bundle holds raw calls on both sides of the firing, and stacks, stalls, slow, failed and the summary for the whole
span; the manifest says so for each ring.
"""

from support.recorder import Recorder
from support.scenario import Scenario, check, equal, program, wait_for

SPAN, AFTER = 12.0, 2.0

with Scenario(__file__) as scenario:
    scenario.need_root()
    recorder = Recorder(scenario, "run", "--on-exit", "never", "-m", "64MB", "-w", f"{SPAN:g}s",
                        "--after", f"{AFTER:g}s", "--", program("flood"), "60", scenario.path("lock"))
    wait_for("a full window", lambda: recorder.status()["armed_s"] >= SPAN, SPAN + 30, every=0.5)
    bundle = recorder.dump("in the flood")
    bundle.check_whole()

    raw = bundle.ring("syscalls")
    check(raw["overwritten"] > 0, f"the raw ring was never overwritten: {raw}")
    check(0 < raw["obtained_s"] < SPAN * 0.8, f"raw calls: {raw['obtained_s']} s obtained, far less than the span expected")
    check(raw["kept"] > 50_000, f"the ring of raw calls was not full: {raw}")
    for name in ("stacks", "stalls", "slow", "failed", "summary"):
        ring = bundle.ring(name)
        print(f"flood: {name}: {ring['obtained_s']:.1f} of {ring['asked_s']:.1f} s, {ring['recorded']} recorded, "
              f"{ring['dropped']} dropped")
        covers = ring["asked_s"] >= SPAN and ring["obtained_s"] >= ring["asked_s"] * 0.95
        check(covers, f"{name} does not cover the span: {ring}")
    print(f"flood: raw calls {raw['obtained_s']:.2f} s, {raw['recorded'] / (SPAN + AFTER):.0f} a second")

    # And really: something of each kind in the first second, and in the last before and the first after the firing.
    for part in ("stacks", "stalls", "slow", "failed", "syscalls"):
        for begin, end in ((-SPAN + 0.5, -SPAN + 2.5), (-1, 0), (0.2, AFTER)):
            rows = bundle.show(part, "--from", str(begin), "--to", str(end))
            check(rows, f"no {part} between {begin} and {end} s")
    # Raw calls: the last before the firing, which waiting for `after` would have overwritten, and the last of all.
    for begin, end in ((-0.05, 0), (AFTER - 0.05, AFTER)):
        check(bundle.show("calls", "--from", str(begin), "--to", str(end)), f"no raw calls between {begin} and {end} s")
    for row in bundle.show("slow"):
        equal(row["name"], "flock", "the only slow call")
