#!/usr/bin/python3
"""A target that stops sending to its two peers, while programs outside it do what is worth knowing.

Only the sender is a target. Its heartbeat is made of its own sends: it fires when both stay out, not before, and names
both peers. The bundle knows besides: the bystander that asked for 2000 names that do not exist, each twice (how often, of
how many, where, an example, on whose behalf), the short-lived ones, and the one that took a CPU.
"""

import os
import signal
import socket
import subprocess
import sys
import time

from support.recorder import Recorder
from support.scenario import Scenario, check, equal, free_port, program

NAMES, SHORT = 2000, 20
RULES = """
window = {{ span = "20s", after = "1s" }}
[[target]]
name = "sender"
match = {{ pid = {pid} }}
[[heartbeat]]
name = "link"
from = "send"
comm = "sender"
port = {port}
by = "peer"
every = "200ms"
misses = 3
[[heartbeat]]
name = "another"
from = "send"
comm = "nobody"
every = "200ms"
misses = 3
"""


def send(port):
    """Two peers and, once in a while, a port that nobody asked for; one by its address, the other by connect and send."""
    loose, tied, *peers = (socket.socket(type=socket.SOCK_DGRAM) for _ in range(5))
    for number, peer in enumerate(peers, 1):  # somebody is there: a refusal would be the sender's next error
        peer.bind((f"127.77.0.{number}", port + (number == 3)))
    tied.connect(("127.77.0.2", port))
    while True:
        loose.sendto(b"alive", ("127.77.0.1", port))
        tied.send(b"alive")
        loose.sendto(b"other", ("127.77.0.3", port + 1))
        time.sleep(0.1)


def look_up(directory):
    for _ in range(2):
        for name in range(NAMES):
            os.access(f"{directory}/.{name}_missing", os.F_OK)


if len(sys.argv) == 3:
    {"send": send, "look": look_up}[sys.argv[1]](int(sys.argv[2]) if sys.argv[1] == "send" else sys.argv[2])
    sys.exit()

with Scenario(__file__) as scenario:
    scenario.need_root()
    port = free_port()
    ours = [sys.executable, "-B", os.path.abspath(__file__)]
    sender = scenario.spawn([*ours, "send", str(port)], name="sender")
    with open(scenario.path("rules.toml"), "w", encoding="utf-8") as file:
        file.write(RULES.format(port=port, pid=sender.pid))
    recorder = Recorder(scenario, "attach", "-c", scenario.path("rules.toml"))

    directory = scenario.path("no-such-names")
    os.mkdir(directory)
    looker = os.path.join(scenario.directory, "looker")
    os.symlink(sys.executable, looker)
    # A shell between, that stays: who is asked on whose behalf.
    scenario.run(["sh", "-c", '"$@"; exit', "sh", looker, *ours[1:], "look", directory])
    busy = scenario.spawn([program("spin")], name="busy")
    shorts = [subprocess.Popen(["sh", "-c", "exit 7"]) for _ in range(SHORT)]
    for short in shorts:
        short.wait()

    beaten_until = time.monotonic() + 2.5
    while time.monotonic() < beaten_until:
        equal(recorder.bundle_paths(), [], "bundles while the sender sends")
        time.sleep(0.1)
    sender.send_signal(signal.SIGSTOP)
    bundle = recorder.next_bundle("both peers stayed out")
    sender.send_signal(signal.SIGCONT)
    bundle.check_whole()

    trigger = bundle.manifest["trigger"]
    equal(trigger["name"], "link", "rule that fired")
    peers = [f"127.77.0.{host}:{port}" for host in (1, 2)]
    for peer in peers:
        check(peer in trigger["evidence"], f"the evidence does not name {peer}: {trigger['evidence']}")
    metrics = {row["name"]: row for row in bundle.show("metrics")}
    late = metrics["recorder.lateness"]["max"]
    check(0.6 < trigger["value"] <= 0.6 + 0.1 + late + 0.01, f"fired at an age of {trigger['value']} s, late {late} s")
    equal(sorted(name for name in metrics if name.startswith("beat.")),
          sorted(["beat.link.age"] + [f"beat.link[{peer}].age" for peer in peers]), "ages of beats")
    for peer in peers:
        check(metrics[f"beat.link[{peer}].age"]["max"] > 0.6, f"age of {peer}: {metrics[f'beat.link[{peer}].age']}")
    found = [finding for finding in bundle.report()["findings"] if finding["id"] == "heartbeat"]
    check(found[0]["verdict"] == "for" and all(peer in found[0]["evidence"] for peer in peers), f"finding: {found}")

    rows = [row for row in bundle.show("failed") if row["directory"] == directory + "/"]
    equal(len(rows), 1, f"rows of {directory}")
    row = rows[0]
    equal((row["process"], row["error"], row["calls"], row["target"]), ("looker", "ENOENT", 2 * NAMES, False), "who failed how often")
    check(0.8 * NAMES < row["distinct"] < 1.2 * NAMES, f"{row['distinct']} distinct names, {NAMES} were asked for")
    check(row["path"].startswith(directory + "/.") and row["path"].endswith("_missing"), f"example {row['path']}")
    check(row["on_behalf_of"].startswith("sh < python3"), f"on behalf of {row['on_behalf_of']}")

    processes = {row["pid"]: row for row in bundle.show("processes")}
    for short in shorts:
        row = processes.get(short.pid)
        check(row and row["end"] == "exit 7" and row["target"] == "", f"short-lived {short.pid}: {row}")
        check(0 <= row["ended_s"] - row["started_s"] < 20, f"its life: {row}")
    equal((processes[busy.pid]["process"], processes[busy.pid]["ended_s"]), ("spin", None), "the busy one, which lives")
    equal(processes[sender.pid]["target"], "sender", "target of the sender")
    check(metrics["bystander[spin].cpu.total"]["max"] >= 5, f"CPU of the busy one: {metrics['bystander[spin].cpu.total']}")
    print(f"bystanders: {2 * NAMES} lookups of about {rows[0]['distinct']} names; fired at an age of {trigger['value'] * 1e3:.0f} ms")
    recorder.stop()
