"""scripts/bench --only detection: from the moment at which a rule's condition is true to its firing, while all CPUs are busy.

The moment is told by somebody else than the recorder: the scheduler's account of the program (250 ms of CPU burnt since it began),
the program itself (memory touched), or the sender's clock (three beats of 400 ms missed).
"""

import math
import os
import socket
import statistics
import subprocess
import sys
import time

from figures import Table, progress

from support.recorder import Recorder

_WINDOW = 'window = { span = "10s", after = "0s" }\n'
_RULE = '[[trigger]]\nname = "{0}"\nwhen = "{1}"\n'
_CPU, _MEMORY, _SPIN = "process.cpu.total > 25%", "delta(process.rss, 1s) > 100MB", "spin > 500ms"
_BEATS = '[[heartbeat]]\nname = "beats"\nevery = "400ms"\nmisses = 3\n'
_WAIT = "import sys, time; sys.stdin.readline(); print(time.monotonic_ns(), flush=True); "
_BURN = _WAIT + "\nfor _ in range(10**12): pass"
_GROW = _WAIT + """
held, crossed = bytearray(200 << 20), 0
for page in range(0, len(held), 4096):
    held[page] = 1
    if page == 100 << 20: crossed = time.monotonic_ns()
print(crossed, flush=True); time.sleep(60)"""
_BEAT_S, _MISSES = 0.4, 3


def _on_cpu_ns(pid):
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[0])


def _when_burnt(pid, seconds):
    """The moment at which the process has had this much CPU since now."""
    wanted = _on_cpu_ns(pid) + seconds * 1e9
    while _on_cpu_ns(pid) < wanted:
        time.sleep(0.002)
    return time.monotonic_ns()


class Detection:
    def __init__(self, scenario, quick):
        self.scenario = scenario
        self.rounds = 3 if quick else 9
        self.lateness = []

    def _armed(self, program, rule):
        path = self.scenario.path("detection.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(_WINDOW + rule)
        target = self.scenario.spawn([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        recorder = Recorder(self.scenario, "attach", "-c", path, target.pid)
        time.sleep(2.5)  # a delta over a second needs one
        return target, recorder

    def _delay(self, target, recorder, true_ns):
        bundle = recorder.next_bundle("what was provoked", end=False)
        recorder.stop()
        target.kill()
        target.wait()
        self.lateness += [point[1] for row in bundle.show("metrics") if row["name"] == "recorder.lateness" for point in row["points"]]
        return (bundle.manifest["trigger"]["monotonic_ns"] - true_ns) / 1e6

    def _began(self, target):
        target.stdin.write(b"\n")
        target.stdin.flush()
        return int(target.stdout.readline())

    def burnt(self, rule, seconds):
        target, recorder = self._armed(_BURN, _RULE.format("burnt", rule))
        self._began(target)
        return self._delay(target, recorder, _when_burnt(target.pid, seconds))

    def memory(self):
        target, recorder = self._armed(_GROW, _RULE.format("memory", _MEMORY))
        self._began(target)
        return self._delay(target, recorder, int(target.stdout.readline()))

    def heartbeat(self):
        target, recorder = self._armed(_WAIT, _BEATS)
        sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        for _ in range(4):
            sender.sendto(b"beats", f"/run/fdr/{recorder.name}/beat.sock")
            last = time.monotonic_ns()
            time.sleep(_BEAT_S)
        return self._delay(target, recorder, last + int(_BEAT_S * _MISSES * 1e9))

    def run(self):
        busy = [self.scenario.spawn([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count())]
        table = Table("condition true to firing, ms, all CPUs busy", "median", "worst", "rounds")
        kinds = {_CPU: lambda: self.burnt(_CPU, 0.25), _SPIN: lambda: self.burnt(_SPIN, 0.5), _MEMORY: self.memory,
                 "3 beats of 400 ms missed": self.heartbeat}
        for name, measure in kinds.items():
            delays = []
            for number in range(self.rounds):
                progress(f"{name}: round {number + 1} of {self.rounds}")
                delays.append(measure())
            table.row(name, f"{statistics.median(delays):.0f}", f"{max(delays):.0f}", str(self.rounds))
        progress("")
        for each in busy:
            each.kill()
            each.wait()
        late = sorted(self.lateness)
        if late:
            table.row("lateness of the tick itself", f"{late[len(late) // 2] * 1000:.1f}", f"{late[math.ceil(len(late) * 0.99) - 1] * 1000:.1f} (p99)", str(len(late)))
        table.print()
