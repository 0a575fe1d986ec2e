"""scripts/bench --symbols: the time of names for 10 000 addresses with inlined functions in a big C++ object, fdr
beside llvm-symbolizer, addr2line and eu-addr2line on the same addresses in one run, and how many of their chains are
equal.

The object (tests/e2e/support/symbol_object.py) is built once, which takes some minutes, and kept in build/. A round
runs each tool once as a whole process, so that what the machine does meanwhile meets them alike; a ratio is taken in
its round. Debug information is in the page cache for all: one round before is not counted.
"""

import resource
import statistics
import subprocess
import time

from figures import Table, progress, spread
from support import symbol_chains, symbol_object

_UNITS, _BOOKS = 60, 4  # > 100 MB of DWARF
_ADDRESSES = 10000
_SLOW_ADDRESSES = 100   # eu-addr2line takes time in proportion
_BUDGET = 0.5           # seconds

TOOLS = {
    "fdr": (symbol_chains.fdr_command, _ADDRESSES),
    "llvm-symbolizer": (symbol_chains.llvm_command, _ADDRESSES),
    "addr2line -fiC": (symbol_chains.addr2line_command, _ADDRESSES),
    "eu-addr2line -fiC": (symbol_chains.eu_addr2line_command, _SLOW_ADDRESSES),
}


class Symbols:
    def __init__(self, scenario, quick):
        self.scenario = scenario
        self.rounds = 3 if quick else 9
        self.wall = {name: [] for name in TOOLS}
        self.cpu = {name: [] for name in TOOLS}

    def run(self, markdown):
        for command in ("llvm-symbolizer", "addr2line", "eu-addr2line", "readelf", "g++"):
            self.scenario.need(command)
        path = symbol_object.build(_UNITS, _BOOKS, progress=progress)
        addresses = symbol_chains.addresses_in_code(path, _ADDRESSES)
        for number in range(self.rounds + 1):
            progress(f"round {number} of {self.rounds}")
            for name, (command, count) in TOOLS.items():
                wall, cpu = self._once(command(path), "".join(addresses.splitlines(keepends=True)[:count]))
                if number:
                    self.wall[name].append(wall)
                    self.cpu[name].append(cpu)
        progress("")
        megabytes = symbol_chains.dwarf_bytes(path) / 1e6
        print(f"{_ADDRESSES} addresses, uniform in the code of {_UNITS} C++ units, {megabytes:.0f} MB of DWARF; "
              f"medians (range) of {self.rounds} interleaved rounds\n")
        tables = (self._times(), self._equality(path, addresses))
        for table in tables:
            table.print_markdown() if markdown else table.print()

    @staticmethod
    def _once(command, addresses):
        before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        subprocess.run(command, input=addresses.encode(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       check=True, timeout=300)
        wall, after = time.monotonic() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
        return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def _times(self):
        table = Table("names of 10 000 addresses", "seconds", "CPU, s", "time, x fdr's", "CPU, x fdr's", "budget")
        for name, (_, count) in TOOLS.items():
            scale = _ADDRESSES / count  # the share of few addresses, and what 10 000 would take
            wall, cpu = ([value * scale for value in figures[name]] for figures in (self.wall, self.cpu))
            ratios = [statistics.median(a / b for a, b in zip(mine, figures["fdr"]))
                      for mine, figures in ((wall, self.wall), (cpu, self.cpu))]
            label = name if count == _ADDRESSES else f"{name} ({count} x {scale:.0f})"
            table.row(label, spread(wall, "{:.2f}"), spread(cpu, "{:.2f}"), *(f"{ratio:.1f}" for ratio in ratios),
                      f"<= {_BUDGET} s" if name == "fdr" else "")
        return table

    @staticmethod
    def _equality(path, addresses):
        """Of the others' chains with fdr's: same depth, same file and line of each function."""
        ours, _ = symbol_chains.chains(symbol_chains.fdr_command(path), addresses)
        table = Table("chains as fdr's", "equal", "functions each", "what differs")
        for name, (command, count) in TOOLS.items():
            if name == "fdr":
                continue
            theirs, _ = symbol_chains.chains(command(path), "".join(addresses.splitlines(keepends=True)[:count]))
            equal, differences, names = symbol_chains.compare(ours, theirs)
            depth = sum(map(len, theirs.values())) / len(theirs)
            told = symbol_chains.counts(differences)
            if name == "llvm-symbolizer":
                told += f"; of names alone {symbol_chains.counts(names)}"
            table.row(name, f"{equal:.2%} of {len(theirs)}", f"{depth:.2f}", told)
        return table
