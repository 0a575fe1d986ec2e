#!/usr/bin/python3
"""A disk without room. Of a rule's firing: nothing half-made stays, `fdr status` says why, the target runs on, and the window stays in
memory and is written as soon as there is room. Where less than all fits, that is written, and says what is missing and why; keep_free
is never gone below.
"""

import os
import re
import shutil
import signal

from support.bundle import Bundle
from support.recorder import Recorder
from support.scenario import Scenario, check, equal, program, wait_for

MEGABYTE = 1 << 20
RULES = """
window = { span = "40s", after = "0s" }
bundle = { keep_free = "%g%%" }
history = { enabled = false }

[[trigger]]
name = "busy"
when = "%s"
cooldown = "10m"
"""


def rules(scenario, keep_free, when="process.rss > 100GB"):
    with open(scenario.path("rules.toml"), "w", encoding="utf-8") as file:
        file.write(RULES % (keep_free, when))
    return scenario.path("rules.toml")


def resize(scenario, size):
    equal(scenario.run(["mount", "-o", f"remount,size={size}", scenario.bundles]).returncode, 0, f"making the disk {size}")


def free_bytes(scenario):
    disk = os.statvfs(scenario.bundles)
    return disk.f_bavail * disk.f_frsize


def size_of(bundle):
    return sum(os.path.getsize(os.path.join(folder, name)) for folder, _, files in os.walk(bundle.path) for name in files)


def notes(recorder, words):
    return [note for note in recorder.status()["notes"] if words in note]


def nothing_fits(scenario):
    """16 KB: not even metrics and stacks. Tried again, and written once there is room."""
    duty = scenario.spawn([program("duty"), "20"])
    recorder = Recorder(scenario, "attach", "-c", rules(scenario, 0, "process.cpu.total > 3%"), duty.pid)
    wait_for("the firing that finds no room", lambda: "could not be written" in recorder.stderr)
    check("tried again in 10 s" in recorder.stderr, recorder.stderr)
    equal(scenario.left(), [], "what a failed bundle left behind")
    check(notes(recorder, "could not be written"), "the status does not say that a bundle is missing")
    equal(duty.poll(), None, "the target's end")

    resize(scenario, "64m")
    bundle = Bundle(scenario, wait_for("the second try", lambda: next(iter(recorder.bundle_paths()), None), 40))
    bundle.check_whole()
    trigger = bundle.manifest["trigger"]
    equal(trigger["name"], "busy", "rule of the bundle")
    check("not written at once: " in trigger["evidence"], f"the delay is not told: {trigger}")
    at_s = bundle.manifest["window"]["after_s"]
    check(at_s > 5, f"the bundle ends {at_s} s after the firing, and was written ten later")
    equal(bundle.manifest["written"], {"rung": "full"}, "how much of it was written")
    equal(notes(recorder, "could not be written"), [], "notes once it is written")
    recorder.stop()
    duty.terminate()
    duty.wait()
    for name in scenario.left():
        shutil.rmtree(os.path.join(scenario.bundles, name))


def some_fits(scenario):
    """1 MB, and a flood of calls of which a full bundle takes more."""
    resize(scenario, "1m")
    flood = scenario.spawn([program("flood"), "60", scenario.path("lock")])
    recorder = Recorder(scenario, "attach", "-c", rules(scenario, 0), flood.pid)
    wait_for("raw calls enough", lambda: recorder.status()["rings"]["syscalls"]["recorded"] > 600_000, 60)
    bundle = recorder.dump("too much")
    written = bundle.manifest["written"]
    equal(written["rung"], "no-raw-syscalls", f"how much of it was written ({written})")
    equal(written["left_out"], ["syscalls"], "what was left out")
    bundle.check_whole()
    scenario.fdr("verify", bundle.path)
    check("lost   written without raw syscalls: " in bundle.first_screen(), bundle.first_screen())
    check(bundle.syscalls(), "the sums of calls are gone too")
    check(bundle.leaf_functions(), "the stacks are gone too")
    check(notes(recorder, "written without raw syscalls"), "the status does not say so")

    # With room enough the next one is full, and the one after it knows from that what it needs.
    resize(scenario, "64m")
    full = recorder.dump("enough")
    equal(full.manifest["written"], {"rung": "full"}, "how much of the second was written")
    equal(notes(recorder, "written without"), [], "notes after a full one")
    size, reduced_size = size_of(full), size_of(bundle)
    check(size > MEGABYTE, f"a full bundle of {size} bytes: the disk of a megabyte was no test")
    # Room beyond keep_free, by a reload, for what is between that and the one without raw calls: the window stays.
    keep = 100 * (free_bytes(scenario) - (size + reduced_size) / 2) / (64 * MEGABYTE)
    rules(scenario, keep)
    recorder.process.send_signal(signal.SIGHUP)
    wait_for("the reload", lambda: "reloaded" in recorder.stderr)
    reduced = recorder.dump("keep_free")
    sentence = reduced.manifest["losses"][0]
    check(re.fullmatch(r"written without raw syscalls: [\d.]+ .?B free, [\d.]+ .?B needed", sentence), sentence)
    check(reduced.manifest["written"]["needed_bytes"] >= size, f"needed: {reduced.manifest['written']}, {size} before")
    check(free_bytes(scenario) >= keep / 100 * 64 * MEGABYTE, f"{free_bytes(scenario)} bytes are free, keep_free is {keep} %")
    recorder.stop()


with Scenario(__file__) as scenario:
    scenario.need_root()
    scenario.need("mount")
    os.makedirs(scenario.bundles, 0o700, exist_ok=True)
    equal(scenario.run(["mount", "-t", "tmpfs", "-o", "size=16k,mode=0700", "fdr-test", scenario.bundles]).returncode, 0, "mounting a disk of 16 KB")
    try:
        nothing_fits(scenario)
        some_fits(scenario)
    finally:
        scenario.run(["umount", "-l", scenario.bundles])
