"""What the host says of itself while the incident runs: read ten times a second beside it, from /proc, without fdr."""

import os
import threading
import time

_TICK_S = 1.0 / os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def _lines(path, separator=None):
    with open(path, encoding="ascii") as file:
        for line in file:
            fields = line.split(separator)
            yield fields[0], int(fields[1].split()[0])


def meminfo():
    """{name: bytes}"""
    return {name: value * 1024 for name, value in _lines("/proc/meminfo", ":")}


def vmstat():
    return dict(_lines("/proc/vmstat"))


def dentries():
    """Of the whole host: all, those nobody holds, and of these the ones that say "no such file"."""
    with open("/proc/sys/fs/dentry-state", encoding="ascii") as file:
        fields = [int(field) for field in file.read().split()]
    return {"total": fields[0], "unused": fields[1], "negative": fields[4]}


def sysctl(name):
    with open("/proc/sys/" + name.replace(".", "/"), encoding="ascii") as file:
        return file.read().strip()


def udp_errors():
    with open("/proc/net/snmp", encoding="ascii") as file:
        names, values = [line.split()[1:] for line in file if line.startswith("Udp:")]
    counters = dict(zip(names, map(int, values)))
    return counters["RcvbufErrors"] + counters["SndbufErrors"] + counters["InErrors"]


def cpu_seconds(pid):
    """(user, system) of a process, all its threads."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    return int(fields[11]) * _TICK_S, int(fields[12]) * _TICK_S


def host_cpu():
    """Seconds of all CPUs since boot: {user, system, iowait, steal, ...}"""
    with open("/proc/stat", encoding="ascii") as file:
        fields = [int(field) * _TICK_S for field in file.readline().split()[1:]]
    return dict(zip(("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"), fields))


class Sampler(threading.Thread):
    """One row each 100 ms: (realtime, MemFree, used(), {name: (user, system) seconds}). A late row does no harm."""

    def __init__(self, used, processes):
        super().__init__(daemon=True)
        self.used = used
        self.processes = processes
        self.rows = []
        self._ended = threading.Event()

    def run(self):
        while not self._ended.wait(0.1):
            row = {name: cpu_seconds(pid) for name, pid in self.processes.items()}
            self.rows.append((time.time(), meminfo()["MemFree"], self.used(), row))

    def stop(self):
        self._ended.set()
        self.join()

    def _over_a_second(self, value, start, end):
        """The largest growth of value(row) over about a second between start and end: (growth a second, its time)."""
        best, first = (0.0, 0.0), 0
        rows = [row for row in self.rows if start <= row[0] <= end]
        for i, row in enumerate(rows):
            while first + 1 < i and row[0] - rows[first + 1][0] >= 1.0:
                first += 1
            seconds = row[0] - rows[first][0]
            if seconds >= 0.9:
                best = max(best, ((value(row) - value(rows[first])) / seconds, row[0]))
        return best

    def free_memory_jump(self, start, end):
        return self._over_a_second(lambda row: row[1], start, end)

    def given_back(self, start, end):
        return self._over_a_second(lambda row: -row[2], start, end)

    def system_cpu(self, name, start, end):
        """Of one CPU, in per cent."""
        share, when = self._over_a_second(lambda row: row[3][name][1], start, end)
        return 100 * share, when

    def cpu_between(self, name, start, end):
        """(user, system) seconds of a process between two moments, as near as rows are."""
        rows = [row for row in self.rows if start - 0.15 <= row[0] <= end + 0.15]
        if len(rows) < 2:
            return 0.0, 0.0
        first, last = rows[0][3][name], rows[-1][3][name]
        return last[0] - first[0], last[1] - first[1]
