#!/usr/bin/python3
"""Recurses through C (map and sum), so that the interpreter's own stack is deep; told what to do by lines on stdin.

work: recurse without end. grow: allocate 64 MB at once. exit N: end with that code. Answers each line with "ok LINE".
"""

import os
import select
import sys


def recurse(depth):
    """Calls itself twice at each level, by way of the interpreter's C code."""
    if depth == 0:
        return 1
    return sum(map(recurse, (depth - 1, depth - 1)))


def main():
    kept, working, lines = [], False, select.poll()  # not select.select: its frame alone is larger than what backend perf copies
    lines.register(0, select.POLLIN)
    while True:
        if lines.poll(0 if working else None):
            line = sys.stdin.readline().split()
            if not line:
                return 0
            if line[0] == "work":
                working = True
            elif line[0] == "grow":
                kept.append(b"x" * (64 << 20))
            elif line[0] == "exit":
                return int(line[1])
            print("ok", *line, flush=True)
        if working:
            recurse(10)
            os.path.exists("/nonexistent/recursive")


sys.exit(main())
