#!/usr/bin/python3
"""A thread that burns a CPU without a system call fires `spin`, one that is as busy and calls does not. A target's connections are
counted in its own network namespace, and a bundle says to whom they are and what waits in them."""

import json
import os
import signal
import sys

from support.recorder import Recorder
from support.scenario import Scenario, check, equal, program, wait_for

CONNECTIONS = 20
UNREAD = 3000
# Opens CONNECTIONS to itself, one after the other as told on its stdin, and never reads what it sends itself.
SERVER = f"""
import socket, sys
listener = socket.create_server(("127.0.0.1", 4711), backlog=64)
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.bind(("127.0.0.1", 0))
print("ready", flush=True)
pairs = []
for line in sys.stdin:
    for _ in range({CONNECTIONS}):
        near = socket.create_connection(("127.0.0.1", 4711))
        far, _ = listener.accept()
        near.sendall(b"x" * {UNREAD})
        pairs.append((near, far))
    print("connected", flush=True)
"""


def spin(scenario):
    target = scenario.spawn([program("spin"), "busy"], name="spin")
    wait_for("the thread runs", lambda: "running" in scenario.read("spin.stdout"))
    recorder = Recorder(scenario, "attach", target.pid, "--after", "100ms", "--when", "spin > 2s", "--when", "process.cpu.total > 60% for 4s")
    busy = recorder.next_bundle("a thread that is busy")
    equal(busy.manifest["trigger"]["name"], "when-2", "the rule that a busy thread fires")
    values = next(row["points"] for row in busy.show("metrics") if row["name"] == "spin")
    check(len(values) > 20 and max(value for _, value in values) < 1, f"spin of a thread that calls: {values}")

    target.send_signal(signal.SIGUSR1)
    bundle = recorder.next_bundle("a thread that spins")
    trigger = bundle.manifest["trigger"]
    equal(trigger["name"], "when-1", "the rule that a spinning thread fires")
    check(2 <= trigger["value"] < 20, f"it had spun for {trigger['value']} s")
    check("'turner'" in trigger["evidence"] and "system calls meanwhile: 0" in trigger["evidence"], f"evidence: {trigger['evidence']}")
    recorder.stop()
    target.kill()
    target.wait()


def sockets(scenario):
    scenario.need("unshare", "ip")
    read_end, write_end = os.pipe()
    server = scenario.spawn(["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", sys.executable, "-c", SERVER], name="server",
                            stdin=read_end)
    os.close(read_end)
    wait_for("the server listens", lambda: "ready" in scenario.read("server.stdout"))
    recorder = Recorder(scenario, "attach", server.pid, "--after", "1500ms", "--when", f"process.sockets.established >= {2 * CONNECTIONS}")
    wait_for("its sockets are counted", lambda: recorder.status()["rules"][0]["value"] == 0)
    os.write(write_end, b"go\n")
    bundle = recorder.next_bundle("connections")
    equal(bundle.manifest["trigger"]["value"], 2 * CONNECTIONS, "established ones, both ends being its own")
    metrics = {row["name"]: row for row in bundle.show("metrics")}
    equal(metrics["process.sockets.established"]["min"], 0, "established ones at first")
    equal(metrics["process.sockets.listen"]["max"], 1, "listening ones")
    equal(metrics["process.sockets.udp"]["max"], 1, "UDP sockets")
    equal(metrics["process.sockets.unread"]["max"], CONNECTIONS, "connections with bytes that nobody reads")
    received = sum(value for _, value in metrics["process.net.rx.bytes"]["points"]) * 0.1  # rates, at ticks of 100 ms
    check(received > 0.5 * CONNECTIONS * UNREAD, f"bytes received: {received}")

    moments = {moment: os.path.join(bundle.path, f"system/{moment}/sockets.ndjson") for moment in ("before", "at", "after")}
    check(all(os.path.exists(path) for path in moments.values()), f"looks at the sockets: {moments}")
    rows = bundle.show("sockets")
    ours = [row for row in rows if row["remote"] == "127.0.0.1:4711"]
    equal(len(ours), CONNECTIONS, "connections to the listener")
    check(all(row["pid"] == server.pid and row["state"] == "established" for row in ours), f"whose: {ours[:2]}")
    unread = [row for row in rows if row["recv_q"] == UNREAD and row["local"] == "127.0.0.1:4711"]
    equal(len(unread), CONNECTIONS, "connections with all bytes unread")
    equal(sum(row["protocol"] == "tcp" for row in rows), 2 * CONNECTIONS + 1,
          "sockets of a namespace in which nobody else is")
    check(all(row["netns"] == os.stat(f"/proc/{server.pid}/ns/net").st_ino for row in rows), "the namespace")
    os.close(write_end)
    recorder.stop()


def catalogue(scenario):
    rows = json.loads(scenario.fdr("doctor", "--metrics", "--json").stdout)
    for row in rows:
        check(row["scope"] and row["base"] and row["source"], f"said of {row['name']}: {row}")
        check((row["value"] is None) == bool(row["reason"]), f"a value or a reason: {row}")
        check(row["read"] != "-", f"how often it is read: {row}")
    known = {row["name"]: row["value"] for row in rows}
    read = {row["name"]: row for row in rows}
    for name in ("host.cpu.busy", "host.mem.free", "process.rss", "process.sockets", "cgroup.memory"):
        check(0 < read[name]["cost_us"] < 1e5 and read[name]["every_s"] >= 0.1, f"what reading costs: {read[name]}")
    check(known["host.dentries"] > 0 and known["host.cpu.busy"] is not None, "values of the host")
    check({"spin", "stall", "oom", "cgroup.throttled", "process.sockets.close_wait", "host.slab.dentry"} <= set(known), "names")


with Scenario(__file__) as scenario:
    scenario.need_root()
    catalogue(scenario)
    spin(scenario)
    sockets(scenario)
