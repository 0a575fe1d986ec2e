"""What scripts/bench measures of a process, and how it tells it."""

import os
import statistics
import sys

import markdown


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def spread(values, form):
    """Median, and the range of the rounds: what the machine's own unrest makes of it."""
    return f"{form.format(statistics.median(values))} ({form.format(min(values))}..{form.format(max(values))})"


def cpu_seconds(pid):
    """Of the process itself, all threads, from the scheduler's own account: finer than the clock ticks of stat."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total / 1e9


def resident_mb(pid):
    """(mapped BPF arrays, everything else) in MB."""
    rings = rest = 0
    current = 0
    with open(f"/proc/{pid}/smaps", encoding="utf-8", errors="replace") as file:
        for line in file:
            fields = line.split()
            if "-" in fields[0] and not fields[0].endswith(":"):
                current = 1 if "bpf-map" in line else 0
            elif fields[0] == "Rss:":
                if current:
                    rings += int(fields[1])
                else:
                    rest += int(fields[1])
    return rings / 1024, rest / 1024


class Table:
    def __init__(self, *head):
        self.rows = [head]

    def row(self, *cells):
        self.rows.append(cells)

    def print(self):
        widths = [max(len(row[column]) for row in self.rows) for column in range(len(self.rows[0]))]
        for number, row in enumerate(self.rows):
            cells = [cell.ljust(width) if column == 0 else cell.rjust(width)
                     for column, (cell, width) in enumerate(zip(row, widths))]
            print("  ".join(cells).rstrip())
            if number == 0:
                print("-" * (sum(widths) + 2 * (len(widths) - 1)))
        print(flush=True)

    def print_markdown(self):
        print(markdown.table(self.rows), flush=True)
