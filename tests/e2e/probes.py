#!/usr/bin/python3
"""Heartbeats that fdr looks after itself: servers that answer, a file that is written, a command that ends well and
datagrams that come do not fire; each one that stops does, by its own rule.

Servers are stopped by SIGSTOP, so that nothing refuses: what is missing is the answer. (For a program that is stopped the
kernel goes on accepting until the backlog is full: that of the TCP server is 1.)
"""

import http.server
import os
import signal
import socket
import sys
import threading
import time

from support.recorder import Recorder
from support.scenario import Scenario, check, equal, free_port, program, wait_for

EVERY, MISSES, TICK = 0.5, 4, 0.1
RULES = """
window = {{ span = "10s", after = "0s" }}
[[heartbeat]]
name = "http"
from = "http"
url = "http://127.0.0.1:{http}/alive?x=1"
every = "500ms"
misses = 4
[[heartbeat]]
name = "tcp"
from = "tcp"
port = {tcp}
every = "500ms"
misses = 4
[[heartbeat]]
name = "mtime"
from = "mtime"
path = "{directory}/alive"
every = "500ms"
misses = 4
[[heartbeat]]
name = "command"
from = "command"
command = ["test", "-e", "{directory}/here"]
every = "500ms"
misses = 4
[[heartbeat]]
name = "udp"
from = "udp"
port = {udp}
every = "500ms"
misses = 4
[[heartbeat]]
name = "never"
from = "http"
url = "http://127.0.0.1:{http}/missing"
every = "500ms"
misses = 4
"""


def serve_http(port):
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(204 if self.path == "/alive?x=1" else 404)
            self.end_headers()

        def log_message(self, *_):
            pass
    http.server.ThreadingHTTPServer(("127.0.0.1", port), Answer).serve_forever()


def serve_tcp(port):
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", port))
        server.listen(1)
        while True:
            server.accept()[0].close()


class Alive(threading.Thread):
    """Writes the file and sends the datagrams, until told otherwise."""

    def __init__(self, path, port):
        super().__init__(daemon=True)
        self.path, self.port, self.writes, self.sends = path, port, True, True
        self.start()

    def run(self):
        with socket.socket(type=socket.SOCK_DGRAM) as sender:
            while True:
                if self.writes:
                    with open(self.path, "w", encoding="ascii") as file:
                        file.write("x")
                if self.sends:
                    sender.sendto(b"alive", ("127.0.0.1", self.port))
                time.sleep(0.1)


if len(sys.argv) == 3:
    {"http": serve_http, "tcp": serve_tcp}[sys.argv[1]](int(sys.argv[2]))

with Scenario(__file__) as scenario:
    scenario.need_root()
    ports = {"http": free_port(), "tcp": free_port(), "udp": free_port()}
    with open(scenario.path("rules.toml"), "w", encoding="utf-8") as file:
        file.write(RULES.format(directory=scenario.directory, **ports))
    with open(scenario.path("here"), "w", encoding="ascii"):
        pass
    servers = {kind: scenario.spawn([sys.executable, "-B", os.path.abspath(__file__), kind, str(ports[kind])], name=kind)
               for kind in ("http", "tcp")}
    for kind in servers:
        wait_for(f"the {kind} server", lambda: socket.socket().connect_ex(("127.0.0.1", ports[kind])) == 0)
    duty = scenario.spawn([program("duty"), "10"])
    recorder = Recorder(scenario, "attach", "-c", scenario.path("rules.toml"), duty.pid)
    alive = Alive(scenario.path("alive"), ports["udp"])

    well_until = time.monotonic() + 4 * MISSES * EVERY
    while time.monotonic() < well_until:
        equal(recorder.bundle_paths(), [], "bundles while all is well")
        time.sleep(0.1)

    def stop(kind):
        if kind in servers:
            servers[kind].send_signal(signal.SIGSTOP)
        elif kind == "command":
            os.unlink(scenario.path("here"))
        elif kind == "mtime":
            alive.writes = False
        else:
            alive.sends = False

    for kind in ("http", "tcp", "mtime", "command", "udp"):
        stop(kind)
        bundle = recorder.next_bundle(f"{kind} stayed out")
        bundle.check_whole()
        trigger = bundle.manifest["trigger"]
        equal(trigger["name"], kind, "rule that fired")
        late = max((row["max"] for row in bundle.show("metrics") if row["name"] == "recorder.lateness"), default=0)
        check(MISSES * EVERY < trigger["value"] <= MISSES * EVERY + TICK + late + 0.01,
              f"{kind}: age at the firing {trigger['value']} s, late {late} s")
        print(f"probes: {kind} fired at an age of {trigger['value'] * 1e3:.0f} ms, deadline {MISSES * EVERY * 1e3:.0f} ms")

    ages = {row["name"]: row for row in bundle.show("metrics")}
    check("beat.never.age" not in ages, "a status of 404 counts as a beat")
    for server in servers.values():
        server.send_signal(signal.SIGCONT)
    recorder.stop()
