#!/usr/bin/python3
"""The units of examples/systemd are understood by systemd and as closed as they claim; what they and the crontab start is a command line
that fdr takes."""

import glob
import os
import re
import shlex

from support.scenario import FDR, ROOT, Scenario, check, equal

MOST_EXPOSED = 3.5  # systemd's figure: 9.6 for a unit that says nothing, 10 the worst
CONFIG = os.path.join(ROOT, "examples/fdr.toml")

with Scenario(__file__) as scenario:
    scenario.need("systemd-analyze")
    commands = []
    for path in sorted(glob.glob(os.path.join(ROOT, "examples/systemd/*.*"))):
        name = os.path.basename(path)
        if name.endswith(".md"):
            continue
        with open(path, encoding="utf-8") as file:
            text = file.read()
        commands += [line.replace("%i", "nginx") for line in re.findall(r"^ExecStart=(.*)$", text, re.M)]
        with open(scenario.path(name.replace("@", "@nginx")), "w", encoding="utf-8") as file:
            file.write(text.replace("/usr/bin/fdr", FDR))
    units = sorted(glob.glob(scenario.path("fdr*.*")))
    equal([os.path.basename(unit) for unit in units], ["fdr-once.service", "fdr-once.timer", "fdr@nginx.service"], "units")
    result = scenario.run(["systemd-analyze", "verify", "--man=no", *units])
    ours = [line for line in (result.stdout + result.stderr).splitlines() if "fdr" in line]
    equal((result.returncode, ours), (0, []), "systemd-analyze verify")
    for unit in units:
        if not unit.endswith(".service"):
            continue
        result = scenario.run(["systemd-analyze", "security", "--offline=true", "--no-pager", unit])
        figure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", result.stdout)
        check(figure and float(figure[1]) <= MOST_EXPOSED, f"{os.path.basename(unit)} is exposed: {result.stdout[-400:]}{result.stderr}")
        print(f"units: {figure[0]}")

    with open(os.path.join(ROOT, "examples/cron/fdr"), encoding="utf-8") as file:
        commands += re.findall(r"^[^#\n]*\sroot\s+(\S.*)$", file.read(), re.M)
    equal(len(commands), 3, "commands of the examples")
    for command in commands:
        words = [FDR if word == "/usr/bin/fdr" else CONFIG if word.endswith(".toml") else word for word in shlex.split(command)]
        equal(words[0], FDR, f"program of {command}")
        # A wrong duration is the first thing that is looked at once the rest was understood.
        result = scenario.run([*words, "--window", "soon"], env={})
        check(result.returncode in (1, 78) and "'soon' is not a duration" in result.stderr, f"{command}: {result.returncode} {result.stderr}")
