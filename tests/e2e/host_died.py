#!/usr/bin/python3
"""The death of the host, as far as it can be had without one: a recorder is killed, its window taken away, and the host comes up as another
boot. What was on disk becomes a bundle `host-died`, by hand or by the next start of that name; an orderly end leaves nothing there."""

import json
import os
import signal
import time

from support.bundle import Bundle
from support.recorder import Recorder
from support.scenario import FDR, Scenario, check, equal, program, wait_for

MOST_BYTES_A_SECOND = 20_000
OTHER_BOOT = "11111111-2222-3333-4444-555555555555"


def slices(scenario, name):
    return os.path.join(scenario.bundles, "slices", name)


def sizes(directory):
    return {name: os.path.getsize(os.path.join(directory, name)) for name in os.listdir(directory)} if os.path.isdir(directory) else {}


def lose_the_window(name):
    """What a reset takes: the pins, and what is in /run."""
    for place in (f"/sys/fs/bpf/fdr/{name}", f"/run/fdr/{name}"):
        for entry in os.listdir(place):
            os.unlink(os.path.join(place, entry))
        os.rmdir(place)


def in_another_boot(scenario, *command):
    """Runs it where the host says that it has booted since."""
    fake = scenario.path("boot_id")
    with open(fake, "w", encoding="utf-8") as file:
        file.write(OTHER_BOOT + "\n")
    script = f'mount --bind {fake} /proc/sys/kernel/random/boot_id && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", script, "sh", *map(str, command)]


def die(scenario, duty, enough=6):
    """A recorder that has put some seconds on disk, and is no more; when it was killed."""
    recorder = Recorder(scenario, "attach", "-w", "30s", "-F", "99", duty.pid)
    begun = time.time()
    wait_for("slices on disk", lambda: time.time() - begun > enough and "processes" in sizes(slices(scenario, recorder.name)), 60)
    status = recorder.status()
    equal([note for note in status["notes"] if "death of the host" in note], [], "notes")
    check(status["cost"]["slice_bytes"] > 0, f"fdr status on slices: {status['cost']}")
    spent = sum(sizes(slices(scenario, recorder.name)).values()) / (time.time() - begun)
    check(spent < MOST_BYTES_A_SECOND, f"{spent:.0f} bytes a second went to disk")
    recorder.process.kill()
    killed = time.time()
    equal(recorder.wait(), -signal.SIGKILL, "the recorder's end")
    lose_the_window(recorder.name)
    return recorder, killed, spent


def check_bundle(scenario, path, duty, killed):
    bundle = Bundle(scenario, path)
    scenario.fdr("verify", path)
    equal(bundle.manifest["trigger"]["name"], "host-died", "trigger")
    said = bundle.first_screen()
    check("host-died" in said and "the host died" in said, f"the first screen:\n{said}")
    # The last metric, in time of day.
    clock, end = bundle.manifest["clock"], bundle.manifest["window"]["end_ns"]
    age = killed - (clock["realtime_ns"] + end - clock["monotonic_ns"]) / 1e9
    check(-0.5 < age < 10, f"the last sign of life is {age:.1f} s old")
    window = bundle.manifest["window"]
    check(window["before_s"] > 2, f"window: {window}")
    metrics = {row["name"] for row in bundle.show("metrics")}
    check({"host.cpu.busy", "process.cpu.total", "host.mem.available"} <= metrics, f"metrics: {sorted(metrics)[:20]}")
    check("clock_nanosleep" in bundle.syscalls(), f"sums of calls: {list(bundle.syscalls())}")
    frames = bundle.functions()
    check(any("burn" in frame for frame in frames), f"no sample of burn(): {list(frames)[:10]}")
    equal([row["pid"] for row in bundle.show("processes") if row.get("target") == "duty"], [duty.pid], "targets")
    check(any("the window died with the host" in loss for loss in bundle.manifest["losses"]), f"losses: {bundle.manifest['losses']}")
    check(any(entry["event"] == "died" for entry in bundle.ledger()), "the ledger does not say that it died")
    check("slow" not in bundle.manifest["rings"], f"rings that died with the host: {sorted(bundle.manifest['rings'])}")
    return age


with Scenario(__file__) as scenario:
    scenario.need_root()
    scenario.need("unshare")
    duty = scenario.spawn([program("duty"), "50"])

    # By hand, in another boot.
    recorder, killed, spent = die(scenario, duty)
    result = scenario.run(in_another_boot(scenario, FDR, "recover", recorder.name, "-o", scenario.bundles))
    equal((result.returncode, len(result.stdout.split())), (0, 1), f"fdr recover: {result.stderr}")
    age = check_bundle(scenario, result.stdout.strip(), duty, killed)
    check(not os.path.exists(slices(scenario, recorder.name)), "slices are left")
    scenario.fdr("recover", recorder.name, "-o", scenario.bundles, code=1)  # once only

    # Cut anywhere, as a write is that the power cut: what is before it is there.
    recorder, killed, _ = die(scenario, duty)
    journal = os.path.join(slices(scenario, recorder.name), "journal")
    os.truncate(journal, os.path.getsize(journal) * 2 // 3)
    # By the next start of that name.
    again = scenario.spawn(in_another_boot(scenario, FDR, "attach", "--name", recorder.name, "-o", scenario.bundles, "--no-default-rules", duty.pid), name="again")
    paths = wait_for("what the next start writes first", lambda: [line.removeprefix("fdr: bundle ") for line in scenario.read("again.stderr").splitlines() if line.endswith(".host-died.fdr")], 60)
    wait_for("the next one is armed", lambda: "fdr: armed" in scenario.read("again.stderr"))
    Bundle(scenario, paths[0])
    scenario.fdr("verify", paths[0])
    again.terminate()
    equal(again.wait(30), 0, "the end of the next one")

    # An orderly end leaves nothing; where it is not wanted nothing is begun.
    check(not os.path.exists(os.path.join(scenario.bundles, "slices")), f"slices are left: {os.listdir(scenario.bundles)}")
    config = scenario.path("off.toml")
    with open(config, "w", encoding="utf-8") as file:
        file.write("[slices]\nenabled = false\n")
    off = Recorder(scenario, "attach", "-c", config, duty.pid)
    wait_for("a window", lambda: off.status()["rings"]["stacks"]["obtained_s"] > 5)
    check(not os.path.exists(slices(scenario, off.name)), "slices of a recorder that was told not to")
    off.stop()
    print(json.dumps({"last_sign_of_life_s": round(age, 1), "bytes_a_second": round(spent)}))
