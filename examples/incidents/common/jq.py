"""jq, the program: compiles a program, or runs one over a file of JSON."""

import json
import subprocess

_SECONDS = 30


def _arguments(bound):
    words = []
    for name, value in bound.items():
        words += ["--argjson", name, json.dumps(value)]
    return words


def _complaint(stderr):
    lines = [line for line in stderr.splitlines() if line.strip()]
    return lines[0].removeprefix("jq: error: ") if lines else "no reason given"


def compile_error(program):
    """None, or the first line of what jq says of it."""
    bound = _arguments({"truth": {}, "config": {}})
    run = subprocess.run(["jq", "-n", *bound, f"empty | ({program}\n)"], capture_output=True, text=True,
                         timeout=_SECONDS, check=False)
    return _complaint(run.stderr) if run.returncode else None


def always(condition, value="null"):
    """Is it true of values that have nothing in common? Then it does not look at them. None where it, or the program
    `value`, does not compile."""
    bound = _arguments({"truth": {}, "config": {}})
    program = f'(empty | ({value}\n)), ([null, false, -1, "x", [], {{}}] | all(.[]; try ({condition}\n) catch false))'
    run = subprocess.run(["jq", "-n", *bound, program], capture_output=True, text=True, timeout=_SECONDS, check=False)
    return None if run.returncode else run.stdout.strip() == "true"


def first(program, file, **bound):
    """(the first value that the program makes of the JSON in the file, None); (None, why) where there is none or an
    error."""
    with open(file, "rb") as stdin:
        try:
            run = subprocess.run(["jq", "-c", *_arguments(bound), program], stdin=stdin, capture_output=True, text=True,
                                 errors="replace", timeout=_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            return None, f"jq: not within {_SECONDS} s"
    lines = run.stdout.splitlines()
    if lines:
        value = json.loads(lines[0])
        return value, "null" if value is None else None
    return None, f"jq: {_complaint(run.stderr)}" if run.returncode else "nothing selected"


def holds(condition, value, **bound):
    """Is the condition true of the value?"""
    run = subprocess.run(["jq", "-c", *_arguments(bound), condition], input=json.dumps(value), capture_output=True,
                         text=True, errors="replace", timeout=_SECONDS, check=False)
    return run.returncode == 0 and run.stdout.split() == ["true"]
