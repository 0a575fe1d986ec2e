#!/usr/bin/python3
"""Oracle: the exact counts and errors per system call, of deterministic commands, equal those of `strace -f -c`.

`setarch -R` switches address randomization off, so that brk and mmap come out the same each time. What depends on
timing is named here, by command, with the reason; strace's own runs must agree with each other on all the rest.
"""

import os

from support.recorder import record_command
from support.scenario import Scenario, equal, program
from support.strace_counts import compare

SIGCHLD_RACES = ("wait4", "rt_sigreturn")  # dash: a wait is interrupted, or not, by the child's end
PIPE_CHUNKS = ("read",)                    # how many pieces came through a pipe


PIPELINE = "head -c 4000 /etc/services | sort | wc -l; ls /nonexistent /etc; true"
environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0", "LC_ALL": "C"}

with Scenario(__file__) as scenario:
    scenario.need_root()
    scenario.need("strace", "setarch", "find")
    family, denied = program("family"), program("denied")

    # (command, what depends on timing, processes + threads that end)
    commands = [
        (["find", "/usr/share", "-name", "nothing"], (), 1),
        (["/usr/bin/python3", "-c", "import json; print(json.dumps(list(range(1000))))"], (), 1),
        (["sh", "-c", PIPELINE], SIGCHLD_RACES + PIPE_CHUNKS, None),
        ([family, "5", "3", "40"], ("futex",), 1 + 5),
        ([denied, "25"], (), 1),
    ]
    for command, timing, processes in commands:
        command = ["setarch", "-R", *command]
        bundle = record_command(scenario, command, env=environment)
        bundle.check_whole()
        calls = compare(scenario, command, bundle, timing, env=environment)
        if processes:
            equal(calls["exit_group"].calls, processes, "exit_group: one a process")
        if command[2] == family:
            equal(calls["exit"].calls, 5 * 3, "exit: one a thread that ended by itself")
        if command[2] == denied:
            equal(tuple(calls["getppid"]), (25, 25), "calls refused by seccomp, which have no entry")
