#!/usr/bin/python3
"""`fdr check`: what is wrong is said with file:line:column and a suggestion, exit code not 0; what is right, in plain
sentences."""

import re

from support.scenario import FDR, Scenario, check, equal

# (text, line:column of the fault or None where only the line is certain, words of the message)
WRONG = [
    ('window = { spam = "60s" }\n', "1:12", ["spam", "span"]),
    ('\n\nwindos = { span = "60s" }\n', "3:1", ["windos", "window"]),
    ('window = { span = 60 }\n', "1:", ["span"]),
    ('window = { span = "60" }\n', "1:", ["unit"]),
    ('window = { memory = "64" }\n', "1:", ["unit"]),
    ('[[trigger]]\nname = "x"\nwhen = "host.cpu.sistem > 30%"\n', "3:", ["host.cpu.sistem", "host.cpu.system"]),
    ('[[trigger]]\nname = "x"\nwhen = "host.cpu.system > 30MB"\n', "3:", ["MB"]),
    ('[[trigger]]\nname = "x"\nwhen = "host.cpu.system >"\n', "3:", []),
    ('[[trigger]]\nname = "x"\nwhen = "host.cpu.system > 30%"\nfor = "30s"\n', "4:", ["for"]),
    ('[[trigger]]\nname = "a b"\nwhen = "host.cpu.system > 30%"\n', "2:", ["a b"]),
    ('[[heartbeat]]\nname = "x"\nevery = "400ms"\nmises = 3\n', "4:1", ["mises", "misses"]),
    ('window = { span = "60s"\n', "", []),
]

GOOD = """
window = { span = "60s", after = "5s", memory = "64MB" }
[[trigger]]
name = "system-cpu"
when = "host.cpu.system > 30%"
for = "1s"
[[trigger]]
name = "jump"
when = "delta(host.mem.free, 1s) > 300MB"
[[heartbeat]]
name = "pulse"
every = "400ms"
misses = 3
"""

with Scenario(__file__) as scenario:
    path = scenario.path("fdr.toml")
    for text, place, words in WRONG:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        result = scenario.run([FDR, "check", path])
        check(result.returncode in (1, 2, 78), f"exit code {result.returncode} for {text!r}")
        check(re.search(rf"^fdr: error: .*{re.escape(path)}:{place or '[0-9]+:'}", result.stderr, re.M),
              f"no {path}:{place} in the message for {text!r}: {result.stderr!r}")
        check(re.search(rf"{re.escape(path)}:\d+:\d+", result.stderr), f"no column for {text!r}: {result.stderr!r}")
        for word in words:
            check(word in result.stderr, f"{word!r} is not in the message for {text!r}: {result.stderr!r}")
        equal(result.stdout, "", f"stdout for {text!r}")

    with open(path, "w", encoding="utf-8") as file:
        file.write(GOOD)
    result = scenario.fdr("check", path)
    for word in ("system-cpu", "jump", "pulse", "30 %", "300 MB", "1200 ms"):
        check(word in result.stdout, f"{word!r} is not in what fdr check says of a good file:\n{result.stdout}")

    # --when is checked before anything is started; fdr itself failing is 125 in run.
    result = scenario.run([FDR, "run", "--when", "process.cpu.totl > 5%", "--", "echo", "started"])
    equal((result.returncode, result.stdout), (125, ""), f"a wrong --when: {result.stderr}")
    check("process.cpu.total" in result.stderr, f"no suggestion: {result.stderr!r}")
    for arguments in (["--no-such"], ["no-such-command"], ["report", "/nonexistent"], ["show", "/none", "stacks"]):
        result = scenario.run([FDR, *arguments])
        check(result.returncode in (1, 2), f"fdr {' '.join(arguments)}: exit code {result.returncode}")
        check("fdr: error: " in result.stderr, f"fdr {' '.join(arguments)}: {result.stderr!r}")
