#!/usr/bin/python3
"""What the shells offer is what `fdr --help` says: commands, options, the values of options that have a list. In bash by its own machinery;
zsh and fish are asked where they are installed."""

import re
import shutil

from support.scenario import Scenario, check, equal


def helped(*arguments):
    return scenario.fdr(*arguments, "--help").stdout


def bash(*words):
    """What bash completes the last of these words to."""
    script = (f"source {scenario.path('fdr.bash')}\nCOMP_WORDS=(fdr {' '.join(repr(word) for word in words)})\nCOMP_CWORD={len(words)}\n_fdr\n"
              'printf "%s\\n" "${COMPREPLY[@]}"')
    result = scenario.run(["bash", "--norc", "-u", "-c", script], cwd=scenario.directory)
    equal((result.returncode, result.stderr), (0, ""), f"bash on {words}")
    return result.stdout.split()


with Scenario(__file__) as scenario:
    for shell in ("bash", "zsh", "fish"):
        with open(scenario.path(f"fdr.{shell}"), "w", encoding="utf-8") as file:
            file.write(scenario.fdr("completion", shell).stdout)
    top = helped()
    commands = re.findall(r"^  ([a-z]+)  +\S.*$", top[top.index("Subcommands:"):], re.M)
    check(len(commands) >= 10, f"commands of fdr --help: {commands}")
    equal(set(bash("")), {*commands, "--help", "--version"}, "what is offered first")
    equal(bash("stat"), ["status"], "a command begun")
    for command in commands:
        options = set(re.findall(r"^  (?:-\w,)?(--[a-z-]+)", helped(command), re.M))
        equal({word for word in bash(command, "--")}, options, f"options of {command}")
    equal(bash("run", "--on-exit", ""), ["never", "failure", "always"], "values of --on-exit")
    equal(bash("export", "--format", "pprof"), ["pprof", "pprof-raw"], "values of --format, begun")
    check("memory-ledger" in bash("show", "BUNDLE", "mem"), "parts of fdr show")
    check("fdr.bash" in bash("run", "-c", "fdr.b"), "a file as the value of -c")
    equal(scenario.fdr("completion", "tcsh", code=2).stdout, "", "an unknown shell")

    for shell in ("zsh", "fish"):
        if not shutil.which(shell):
            print(f"completion: {shell} is not installed: its script is not tried")
            continue
        equal(scenario.run([shell, "-n", scenario.path(f"fdr.{shell}")]).stderr, "", f"{shell} reads its script")
    if shutil.which("fish"):
        offered = scenario.run(["fish", "-c", f"source {scenario.path('fdr.fish')}; complete -C 'fdr run --on-exit '"]).stdout.splitlines()
        equal({line.split("\t")[0] for line in offered}, {"never", "failure", "always"}, "values of --on-exit in fish")
