"""The work that is done while something watches: each gives operations a second over a given time, for ever the same.

A work is a running process (pid, comm) and rate(), one measurement. Each has a session of its own, as a service has:
where the scheduler groups by session, a thousand busy threads then do not starve the tool that is to watch them.
"""

import socket
import subprocess
import time
import urllib.request

from support.scenario import free_port, program, wait_for


class Driven:
    """One of tests/programs that works for SECONDS after a line on stdin, and prints its rate."""

    def __init__(self, scenario, name, *arguments):
        self.comm = name
        self.process = scenario.spawn([program(name), *map(str, arguments)], name=name, stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, start_new_session=True)
        self.pid = self.process.pid

    def rate(self):
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def stop(self):
        self.process.kill()
        self.process.wait()


class Getppid(Driven):
    """The cheapest call in a loop. By the clock on the wall: what strace takes, it takes while the caller stands
    still."""

    title = "getppid"
    _CALLS = 20000

    def __init__(self, scenario, seconds):
        super().__init__(scenario, "bench_getppid", self._CALLS, 1 << 30, 1, "-")
        self.seconds = seconds

    def rate(self):
        rounds, begin = 0, time.monotonic()
        while time.monotonic() < begin + self.seconds:
            super().rate()
            rounds += 1
        return rounds * self._CALLS / (time.monotonic() - begin)


class Evaluate(Driven):
    title = "C++ on CPU"

    def __init__(self, scenario, seconds):
        super().__init__(scenario, "bench_evaluate", seconds)


class Forks(Driven):
    title = "forks"

    def __init__(self, scenario, seconds):
        super().__init__(scenario, "bench_forks", seconds)


class Threads(Driven):
    title = "1000 threads"

    def __init__(self, scenario, seconds):
        super().__init__(scenario, "bench_threads", seconds, 1000)


class Redis:
    """GET and SET at once, ten clients each; counted by redis itself."""

    title = "redis"
    comm = "redis-server"

    def __init__(self, scenario, seconds):
        scenario.need("redis-server", "redis-benchmark")
        self.scenario, self.seconds, self.port = scenario, seconds, free_port()
        self.process = scenario.spawn(["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
                                       "--appendonly", "no", "--dir", scenario.directory], name="redis",
                                      start_new_session=True)
        self.pid = self.process.pid
        wait_for("redis answers", lambda: self._commands() is not None)

    def _commands(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
                connection.sendall(b"INFO stats\r\n")
                answer = connection.makefile("rb")
                for line in answer:
                    if line.startswith(b"total_commands_processed:"):
                        return int(line.split(b":")[1])
        except OSError:
            return None
        return None

    def rate(self):
        loads = [self.scenario.spawn(["redis-benchmark", "-p", str(self.port), "-t", kind, "-n", "1000000000",
                                      "-c", "10", "-r", "10000", "-q"],
                                     name=f"redis-benchmark-{kind}", stdout=subprocess.DEVNULL)
                 for kind in ("get", "set")]
        time.sleep(0.2)
        begin, before = time.monotonic(), self._commands()
        time.sleep(self.seconds)
        done, seconds = self._commands() - before, time.monotonic() - begin
        for load in loads:
            load.kill()
            load.wait()
        return done / seconds

    def stop(self):
        self.process.kill()
        self.process.wait()


class Nginx:
    """A file of 4 KB, one worker, twenty connections of wrk."""

    title = "nginx"
    comm = "nginx"

    def __init__(self, scenario, seconds):
        scenario.need("nginx", "wrk")
        self.scenario, self.seconds, self.port = scenario, seconds, free_port()
        with open(scenario.path("index.html"), "wb") as file:
            file.write(b"x" * 4096)
        with open(scenario.path("nginx.conf"), "w", encoding="ascii") as file:
            file.write(f"""daemon off; master_process off; user root; pid {scenario.path('nginx.pid')};
error_log {scenario.path('nginx.error')};
events {{ worker_connections 256; }}
http {{
  access_log off; keepalive_requests 100000000; sendfile on;
  client_body_temp_path {scenario.path('body')}; proxy_temp_path {scenario.path('proxy')};
  server {{ listen 127.0.0.1:{self.port}; root {scenario.directory}; }}
}}
""")
        self.process = scenario.spawn(["nginx", "-c", scenario.path("nginx.conf"), "-e", scenario.path("nginx.error")],
                                      start_new_session=True)
        self.pid = self.process.pid
        wait_for("nginx answers", self._answers)

    def _answers(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/index.html", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def rate(self):
        seconds = max(1, round(self.seconds))
        told = self.scenario.run(["wrk", "-t1", "-c20", f"-d{seconds}s", f"http://127.0.0.1:{self.port}/index.html"])
        return float(next(line.split()[1] for line in told.stdout.splitlines() if line.startswith("Requests/sec")))

    def stop(self):
        self.process.kill()
        self.process.wait()


ALL = (Getppid, Redis, Nginx, Evaluate, Forks, Threads)
