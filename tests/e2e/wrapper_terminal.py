#!/usr/bin/python3
"""`fdr run` on a terminal does what env(1) does there: the command has the terminal, Ctrl-C reaches it once each time it is typed, a hangup
reaches it, and an interactive shell stops it, continues it and gets its exit code."""

import os
import pty
import re
import select
import time

from support.scenario import FDR, Scenario, check, equal, wait_for

CHILD = """
import os, signal, sys
count = 0
def told(number, frame):
    global count
    count += number == signal.SIGINT
    os.write(log, f"{signal.Signals(number).name}{count if number == signal.SIGINT else ''}\\n".encode())
    if number == signal.SIGHUP:
        os._exit(6)
    if count == 2:
        sys.exit(5)
log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
for number in (signal.SIGINT, signal.SIGHUP):
    signal.signal(number, told)
print("tty", *(os.isatty(d) for d in (0, 1, 2)), os.tcgetpgrp(0) == os.getpgrp(), os.get_terminal_size().columns, flush=True)
while True:
    signal.pause()
"""


class Terminal:
    """A command as the leader of a session on a terminal of its own."""

    def __init__(self, command):
        self.pid, self.end = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="dumb", PS1="ready> ")
            os.execvp(command[0], command)
        self.said = ""

    def type(self, text):
        os.write(self.end, text.encode())

    def wait(self, pattern, seconds=60):
        """Until it has said so, from where the last wait ended; what it said up to there."""
        deadline = time.monotonic() + seconds
        while True:
            match = re.search(pattern, self.said)
            if match:
                before, self.said = self.said[:match.end()], self.said[match.end():]
                return before
            check(time.monotonic() < deadline, f"no {pattern!r} on the terminal, but {self.said!r}")
            if select.select([self.end], [], [], 0.2)[0]:
                try:
                    self.said += os.read(self.end, 4096).decode(errors="replace")
                except OSError:  # EIO: nobody has it open any more
                    check(re.search(pattern, self.said), f"it ended without {pattern!r}: {self.said!r}")

    def hang_up(self):
        os.close(self.end)

    def exit_code(self):
        def status():
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            return (status,) if pid else None
        return os.waitstatus_to_exitcode(wait_for("its end", status, 60)[0])


def outcome(prefix, name):
    """Everything that can be seen of the command under this wrapper."""
    seen = {}
    for what in ("ctrl-c", "hangup"):
        log = scenario.path(f"{name}.{what}")
        terminal = Terminal([*prefix, "/usr/bin/python3", "-c", CHILD, log])
        seen[f"{what}: terminal"] = re.search(r"tty .*", terminal.wait(r"tty [^\r]*\r\n"))[0].strip()
        if what == "ctrl-c":
            terminal.type("\x03")
            terminal.wait(r"\^C")
            wait_for("the first Ctrl-C is heard", lambda: "SIGINT1" in scenario.read(f"{name}.{what}"))
            terminal.type("\x03")
        else:
            terminal.hang_up()
        seen[f"{what}: end"] = terminal.exit_code()
        seen[f"{what}: signals"] = scenario.read(f"{name}.{what}").split()

    shell = Terminal(["bash", "--norc", "--noprofile", "--noediting", "-i"])

    def command(text):
        shell.wait("ready> ")
        shell.type(text + "\r")
        shell.wait("\r\n")

    command(" ".join([*prefix, "cat"]))
    shell.type("first\r")
    shell.wait("first\r\nfirst\r\n")
    shell.type("\x1a")
    shell.wait("Stopped")
    command("fg; echo ended with $?")
    shell.wait(r"cat\r\n")  # what it continues
    shell.type("second\r")
    shell.wait("second\r\nsecond\r\n")
    shell.type("\x04")
    seen["cat ends with"] = re.search(r"ended with (\d+)", shell.wait(r"ended with \d+"))[1]
    command(" ".join([*prefix, "sh", "-c", "'exit 7'"]) + "; echo ended with $?")
    seen["sh ends with"] = re.search(r"ended with (\d+)", shell.wait(r"ended with \d+"))[1]
    command(" ".join([*prefix, "sleep", "100"]) + " &")
    command("kill %1; wait %1; echo ended with $?")
    seen["a job that is killed"] = re.search(r"ended with (\d+)", shell.wait(r"ended with \d+"))[1]
    command("exit")
    shell.exit_code()
    return seen


with Scenario(__file__) as scenario:
    scenario.need_root()
    plain = outcome(["env"], "env")
    equal((plain["ctrl-c: signals"], plain["ctrl-c: end"], plain["hangup: end"]), (["SIGINT1", "SIGINT2"], 5, 6), "what env does")
    wrapped = outcome([FDR, "run", "-q", "--on-exit", "never", "-o", scenario.bundles, "--"], "fdr")
    for what, wanted in plain.items():
        equal(wrapped[what], wanted, what)
