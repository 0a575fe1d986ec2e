"""A control group of this machine, cgroup v1 or v2, made and removed by the incident that needs it.

Limits are given by what they mean (memory in bytes, CPU in per cent of one, processes); figures are read the same way.
"""

import errno
import os
import time

_V1 = "/sys/fs/cgroup"


def _v2_root():
    with open("/proc/self/mounts", encoding="ascii", errors="replace") as mounts:
        for line in mounts:
            fields = line.split()
            if fields[2] == "cgroup2":
                with open(os.path.join(fields[1], "cgroup.controllers"), encoding="ascii") as file:
                    return fields[1], file.read().split()
    return None, []


class Cgroup:
    """One controller ("memory", "cpu" or "pids") and one group of it; remove() ends what still runs in it."""

    def __init__(self, controller, name):
        root, controllers = _v2_root()
        self.v2 = controller in controllers
        if self.v2:
            with open(os.path.join(root, "cgroup.subtree_control"), "w", encoding="ascii") as file:
                file.write("+" + controller)
            self.path = os.path.join(root, name)
        else:
            self.path = os.path.join(_V1, controller, name)
        self.controller = controller
        try:
            os.mkdir(self.path)
        except FileExistsError:
            pass
        except OSError as error:
            raise SystemExit(f"no cgroup {self.path}: {error.strerror}; root and the {controller} controller are needed") from error

    def _write(self, file, value):
        with open(os.path.join(self.path, file), "w", encoding="ascii") as handle:
            handle.write(str(value))

    def read(self, file):
        with open(os.path.join(self.path, file), encoding="ascii") as handle:
            return handle.read()

    def counters(self, file):
        """{name: number} of a file of name-number lines."""
        return {name: int(value) for name, value in (line.split() for line in self.read(file).splitlines())}

    def add(self, pid):
        self._write("cgroup.procs", pid)

    def limit_memory(self, limit_bytes):
        self._write("memory.max" if self.v2 else "memory.limit_in_bytes", limit_bytes)

    def memory_bytes(self):
        return int(self.read("memory.current" if self.v2 else "memory.usage_in_bytes"))

    def limit_cpu(self, percent_of_one, period_us=100000):
        quota = int(period_us * percent_of_one / 100)
        if self.v2:
            self._write("cpu.max", f"{quota} {period_us}")
        else:
            self._write("cpu.cfs_period_us", period_us)
            self._write("cpu.cfs_quota_us", quota)

    def favour(self, times):
        """A weight so many times the usual one: what it is given then depends on its limit, not on who else is busy."""
        self._write("cpu.weight" if self.v2 else "cpu.shares", int(times * (100 if self.v2 else 1024)))

    def throttling(self):
        """(periods, throttled periods, throttled seconds)"""
        stat = self.counters("cpu.stat")
        seconds = stat["throttled_usec"] / 1e6 if self.v2 else stat["throttled_time"] / 1e9
        return stat["nr_periods"], stat["nr_throttled"], seconds

    def limit_processes(self, most):
        self._write("pids.max", most)

    def remove(self):
        """Ends what is left in it (it was started there) and removes it; a group of the kernel's may stay busy a moment."""
        for _ in range(100):
            try:
                os.rmdir(self.path)
                return
            except FileNotFoundError:
                return
            except OSError as error:
                if error.errno != errno.EBUSY:
                    raise
            for pid in self.read("cgroup.procs").split():
                try:
                    os.kill(int(pid), 9)
                except ProcessLookupError:
                    pass
            time.sleep(0.05)
