"""A target that holds as many descriptors open as it was told last: a figure that a rule can watch, moved at will."""

import os
import sys

from support.scenario import wait_for

_PROGRAM = """
import os, sys
held = []
print("ready", flush=True)
for line in sys.stdin:
    while len(held) < int(line):
        held.append(os.open("/dev/null", os.O_RDONLY))
    while len(held) > int(line):
        os.close(held.pop())
"""


class Holder:
    """Runs when the constructor returns; ends by end() with exit code 0."""

    def __init__(self, scenario):
        read_end, self._write_end = os.pipe()
        self.process = scenario.spawn([sys.executable, "-c", _PROGRAM], name="holder", stdin=read_end)
        os.close(read_end)
        wait_for("the holder runs", lambda: "ready" in scenario.read("holder.stdout"))

    def hold(self, number):
        os.write(self._write_end, b"%d\n" % number)

    def end(self):
        os.close(self._write_end)
