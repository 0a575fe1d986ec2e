"""The real programs the scenarios record, each with how to load it, how to make it grow, and how it ends by code or
by signal.

All listen on a free port of 127.0.0.1 and are ended with the scenario. `growth` is the rule that grow() makes fire.
"""

import os
import signal
import socket
import subprocess

from support.scenario import ROOT, free_port, wait_for

PYTHON = "/usr/bin/python3"
SCRIPTS = os.path.join(ROOT, "tests/programs")


def answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), 1):
            return True
    except OSError:
        return False


class Redis:
    growth = "delta(process.rss, 1s) > 40MB"
    functions = ("aeMain", "main")
    syscalls = ("epoll_wait", "read", "write")
    exit_code = 0

    def __init__(self, scenario):
        scenario.need("redis-server", "redis-benchmark", "redis-cli")
        self.scenario = scenario
        self.port = free_port()

    def command(self):
        return ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
                "--dir", self.scenario.directory, "--daemonize", "no"]

    def start(self):
        self.process = self.scenario.spawn(self.command(), name="redis")
        self.wait_ready()

    def wait_ready(self):
        wait_for("redis answers", lambda: answers(self.port))

    def load(self):
        return self.scenario.spawn(["redis-benchmark", "-h", "127.0.0.1", "-p", str(self.port), "-t", "get,set",
                                    "-n", "100000", "-c", "10", "-l", "-q"], name="redis-benchmark")

    def grow(self):
        self.scenario.run(["redis-cli", "-p", str(self.port), "SETRANGE", "large", "100000000", "x"])

    def exit_by_code(self):
        self.scenario.run(["redis-cli", "-p", str(self.port), "SHUTDOWN", "NOSAVE"])


class Haproxy:
    growth = "delta(process.fds, 1s) > 40"
    functions = ("main",)
    syscalls = ("epoll_wait", "recvfrom", "sendto")
    exit_code = 0

    def __init__(self, scenario):
        scenario.need("haproxy")
        self.scenario = scenario
        self.port, self.backend = free_port(), free_port()
        self.idle = []

    def command(self):
        path = self.scenario.path("haproxy.cfg")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"""global
  maxconn 500
  hard-stop-after 3s
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend front
  bind 127.0.0.1:{self.port}
  default_backend back
backend back
  server one 127.0.0.1:{self.backend}
""")
        return ["haproxy", "-db", "-f", path]

    def start(self):
        self.scenario.spawn([PYTHON, f"{SCRIPTS}/http_backend.py", str(self.backend)], name="backend")
        wait_for("the backend answers", lambda: answers(self.backend))
        self.process = self.scenario.spawn(self.command(), name="haproxy")
        self.wait_ready()

    def wait_ready(self):
        wait_for("haproxy answers", lambda: answers(self.port))

    def load(self):
        return self.scenario.spawn([PYTHON, f"{SCRIPTS}/http_load.py", str(self.port), "8"], name="http_load")

    def grow(self):
        for _ in range(120):
            self.idle.append(socket.create_connection(("127.0.0.1", self.port), 5))

    def exit_by_code(self):
        for connection in self.idle:
            connection.close()
        self.process.send_signal(signal.SIGUSR1)  # its soft stop: ends with 0 when the connections are gone


class RecursivePython:
    growth = "delta(process.rss, 1s) > 40MB"
    functions = ("_PyEval_EvalFrameDefault",)
    syscalls = ("newfstatat",)
    exit_code = 3

    def __init__(self, scenario):
        self.scenario = scenario

    def start(self):
        self.process = self.scenario.spawn([PYTHON, f"{SCRIPTS}/recursive.py"], name="recursive", stdin=subprocess.PIPE)
        self._tell("idle")

    def _tell(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()
        if not line.startswith("exit"):
            wait_for(f"recursive.py answers {line}", lambda: f"ok {line}" in self.scenario.read("recursive.stdout"))

    def load(self):
        self._tell("work")
        return None

    def grow(self):
        self._tell("grow")

    def exit_by_code(self):
        self._tell(f"exit {self.exit_code}")
