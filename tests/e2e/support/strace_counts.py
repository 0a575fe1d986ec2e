"""The oracle for system call counts: `strace -f -c` on the same command, several times.

Two things differ by nature. strace never sees exit and exit_group return and so leaves them out; and calls that
depend on timing (a wait interrupted by SIGCHLD, how often a pipe was read) differ between two runs of strace itself.
The first are compared with the number of processes and threads, the second must be named beforehand by the scenario
with their reason.
"""

import collections
import os

from support.scenario import Failure, check

Count = collections.namedtuple("Count", "calls errors")
NEVER_RETURN = ("exit", "exit_group")


def strace(scenario, command, number, **options):
    output = scenario.path(f"strace.{number}")
    # Its output goes to files, as a recorder's does: what a program asks of its descriptors depends on their kind.
    told = ["strace", "-f", "-c", "-U", "name,calls,errors", "-o", output]
    scenario.spawn([*told, *command], name=f"strace-{number}", **options).wait(120)
    counts = {}
    with open(output, encoding="utf-8") as file:
        for line in file:
            fields = line.split()
            if len(fields) < 2 or not fields[1].isdigit() or fields[0] == "total":
                continue
            counts[fields[0]] = Count(int(fields[1]), int(fields[2]) if len(fields) > 2 else 0)
    if not counts:
        raise Failure(f"strace told nothing: {output}")
    return counts


def compare(scenario, command, bundle, timing_dependent=(), runs=3, **options):
    """Every count of the bundle equals strace's. Prints one line, returns the numbers compared."""
    told = [strace(scenario, command, f"{os.path.basename(command[0])}.{number}", **options) for number in range(runs)]
    recorded = {name: Count(row["calls"], row["errors"]) for name, row in bundle.syscalls().items()}
    names = set().union(recorded, *told) - set(NEVER_RETURN)
    compared, left_out, wrong = 0, [], []
    for name in sorted(names):
        oracle = {run.get(name, Count(0, 0)) for run in told}
        got = recorded.get(name, Count(0, 0))
        if name in timing_dependent:
            left_out.append(name)
        elif len(oracle) > 1:
            wrong.append(f"{name}: strace disagrees with itself: {sorted(oracle)}; not named as dependent on timing")
        elif got not in oracle:
            wrong.append(f"{name}: recorded {tuple(got)}, strace {tuple(min(oracle))} (calls, errors)")
        else:
            compared += got.calls
    check(not wrong, f"{' '.join(command)}:\n  " + "\n  ".join(wrong))
    print(f"oracle strace: {' '.join(command)[:60]}: {len(names) - len(left_out)} names, {compared} calls, equal"
          + (f"; not compared: {', '.join(left_out)}" if left_out else ""))
    return recorded
