"""Stacks by name: whether the samples of a process are complete and go through the functions they must."""

from support.scenario import check


def samples_of(bundle, pid):
    """[(stack, samples)] of one process, outermost frame first."""
    return [(row["stack"], row["samples"]) for row in bundle.show("stacks", "--pid", str(pid))]


def goes_through(stack, chain):
    """Whether the functions of `chain` call each other in `stack`, one right after the other."""
    return any(stack[at:at + len(chain)] == list(chain) for at in range(len(stack)))


def check_chain(bundle, what, pid, chain, never=(), least=30, share=0.7):
    """At least `share` of the process's samples, and at least `least`, begin at _start and go through `chain`; no frame has a name of
    `never`. The rest is the loader's, the clock's, the kernel's, or of another program before or after."""
    found = samples_of(bundle, pid)
    every = sum(samples for _, samples in found)
    good = sum(samples for stack, samples in found if stack and stack[0] == "_start" and goes_through(stack, chain))
    check(good >= least, f"{what}: {good} of {every} samples go through {' < '.join(reversed(chain))}, at least {least} wanted: {found[:5]}")
    check(good >= share * every, f"{what}: only {good} of {every} samples go through {chain}: {found[:8]}")
    wrong = [stack for stack, _ in found if any(name in frame for frame in stack for name in never)]
    check(not wrong, f"{what}: stacks with names of another program: {wrong[:3]}")
    print(f"{bundle.scenario.name}: {what}: {good} of {every} samples through {' > '.join(chain)}")
