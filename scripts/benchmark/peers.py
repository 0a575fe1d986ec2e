"""scripts/bench --peers: fdr and what people use today, on the same work in one run.

Every round does every work bare and under each tool in turn, so that what the machine does meanwhile meets them alike;
a round's figures are compared with that round's bare. Bounded: when the time is used up no further round begins.
"""

import contextlib
import os
import statistics
import time

import tools
import works
from figures import Table, cpu_seconds, progress

from support.scenario import Failure

_SECONDS, _QUICK_SECONDS = 11 * 60, 210  # no round begins that would not end before
_ROUNDS, _QUICK_ROUNDS = 5, 2


class Peers:
    def __init__(self, scenario, quick):
        self.scenario = scenario
        self.seconds = 1.0 if quick else 1.5
        self.budget = _QUICK_SECONDS if quick else _SECONDS
        self.rounds = _QUICK_ROUNDS if quick else _ROUNDS
        self.figures = {}   # {(tool, work): [Figure, one a round]}
        self.failures = {}  # {(tool, work): why}

    def run(self, markdown):
        for command in ("strace", "perf", "bpftrace", "unshare"):
            self.scenario.need(command)
        begin, done = time.monotonic(), 0
        while done < self.rounds and (not done or (time.monotonic() - begin) * (done + 1) / done < self.budget):
            self._round(done)
            done += 1
        progress("")
        host = os.uname()
        print(f"{time.strftime('%Y-%m-%d')}, Linux {host.release}, {os.cpu_count()} CPUs; medians of {done} "
              f"interleaved round{'s' * (done != 1)} of {self.seconds:g} s\n")
        for table in (self._throughput(), self._cost(), self._kept()):
            table.print_markdown() if markdown else table.print()
        for (tool, work), why in self.failures.items():
            print(f"{tool} on {work}: {' '.join(why.split())}")

    # --- measuring ----------------------------------------------------------------------------------------------------

    def _round(self, number):
        for kind in works.ALL:
            work = kind(self.scenario, self.seconds)
            try:
                bare = None
                for tool_kind in tools.ALL:
                    progress(f"round {number + 1} of {self.rounds}: {kind.title}, {tool_kind.name}")
                    bare = self._one(tool_kind(self.scenario, work), work, bare, number == 0) or bare
            finally:
                work.stop()

    def _one(self, tool, work, bare, examine):
        """Measures once; returns the rate where it was bare."""
        key = (tool.name, work.title)
        try:
            with tool:
                before, begin = self._cpu(tool), time.monotonic()
                rate = work.rate()
                seconds = time.monotonic() - begin
                cpu = None if before is None else (self._cpu(tool) - before) / seconds
                resident = resident_total_mb(tool.pid) if tool.pid else None
            if examine:
                tool.examine()
        except (Failure, OSError) as error:
            self.failures[key] = str(error)
            return None
        figure = {"rate": rate, "ratio": rate / bare if bare else 1.0, "cpu": cpu, "rss": resident,
                  "bytes": tool.bytes_per_event, "complete": tool.complete}
        self.figures.setdefault(key, []).append(figure)
        return rate if tool.pid is None else None

    @staticmethod
    def _cpu(tool):
        return cpu_seconds(tool.pid) if tool.pid else None

    # --- telling ------------------------------------------------------------------------------------------------------

    def _values(self, tool, work, what):
        return [figure[what] for figure in self.figures.get((tool, work), []) if figure[what] is not None]

    def _throughput(self):
        """Operations a second, of bare; in brackets the range of the rounds."""
        table = Table("throughput, of bare", *(work.title for work in works.ALL))
        for tool in tools.ALL:
            cells = []
            for work in works.ALL:
                rates = self._values(tool.name, work.title, "rate" if tool is tools.Tool else "ratio")
                cells.append(per_second(rates) if tool is tools.Tool else ratio(rates))
            table.row("bare, a second" if tool is tools.Tool else tool.name, *cells)
        return table

    def _cost(self):
        """The tool's own process: the kernel's part of its work is in the throughput."""
        table = Table("own CPU, percent of one", *(work.title for work in works.ALL), "RSS, MB")
        for tool in tools.ALL[1:]:
            cells = []
            for work in works.ALL:
                values = self._values(tool.name, work.title, "cpu")
                cells.append(f"{statistics.median(values) * 100:.1f}" if values else "-")
            resident = [value for work in works.ALL for value in self._values(tool.name, work.title, "rss")]
            most = f"{statistics.median(resident):.0f} ({max(resident):.0f})" if resident else "-"
            table.row(tool.name, *cells, most)
        return table

    def _kept(self):
        """Of the tools that keep single events: complete stacks, and bytes of file for each event."""
        table = Table("complete stacks; bytes an event", *(work.title for work in works.ALL))
        for tool in tools.ALL:
            if tool.sums_only:
                continue
            cells = []
            for work in works.ALL:
                complete, size = (self._values(tool.name, work.title, what) for what in ("complete", "bytes"))
                cells.append((f"{complete[0]:.1%}" if complete else "no stacks") + (f"; {size[0]:.0f}" if size else ""))
            table.row(tool.name, *cells)
        return table


def ratio(values):
    if not values:
        return "failed"
    text = f"{statistics.median(values):.2f}" if max(values) >= 0.1 else f"{statistics.median(values):.3f}"
    return text if len(values) == 1 else f"{text} ({min(values):.2f}..{max(values):.2f})"


def per_second(values):
    if not values:
        return "failed"
    value = statistics.median(values)
    return f"{value / 1e6:.2f} M" if value >= 1e6 else f"{value / 1e3:.1f} k" if value >= 1e3 else f"{value:.0f}"


def resident_total_mb(pid):
    with contextlib.suppress(OSError), open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    return None
