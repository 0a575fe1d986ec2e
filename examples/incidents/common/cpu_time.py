"""What the host's CPUs did since this was made: shares of all their time, from /proc/stat."""


class CpuTime:
    _STATES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")

    def __init__(self):
        self._first = self._read()

    def _read(self):
        with open("/proc/stat", encoding="ascii") as file:
            return [int(value) for value in file.readline().split()[1:1 + len(self._STATES)]]

    def share(self, state):
        spent = [now - then for now, then in zip(self._read(), self._first)]
        return spent[self._STATES.index(state)] / max(1, sum(spent))
