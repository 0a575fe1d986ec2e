#!/usr/bin/python3
"""`fdr run` is transparent: exit codes, fatal signals, stdin and stdout are those of COMMAND; --on-exit decides on
the bundle."""

import os
import shutil
import signal
import subprocess

from support.recorder import Recorder
from support.scenario import FDR, Scenario, check, equal, program

with Scenario(__file__) as scenario:
    scenario.need_root()
    run = [FDR, "run", "-q", "--no-default-rules", "--after", "1s", "-o", scenario.bundles]

    for script in ("exit 0", "exit 3", "exit 255"):
        result = scenario.run([*run, "--on-exit", "never", "--", "sh", "-c", script])
        equal(result.returncode, int(script.split()[1]), script)
    for number in (signal.SIGSEGV, signal.SIGKILL, signal.SIGTERM, signal.SIGABRT):
        command = [*run, "--on-exit", "never", "--", "sh", "-c", f"kill -{int(number)} $$"]
        equal(scenario.run(command).returncode, -number, f"fatal {number.name}, raised again")
    equal(scenario.run([*run, "--on-exit", "never", "--", program("denied"), "1", "kill"]).returncode, -signal.SIGSYS,
          "killed by seccomp")
    equal(scenario.left(), [], "bundles under --on-exit never")

    equal(scenario.run([*run, "--", "/nonexistent/command"]).returncode, 127, "command not found")
    equal(scenario.run([*run, "--", "no-such-command-anywhere"]).returncode, 127, "command not found on PATH")
    with open(scenario.path("text"), "w", encoding="utf-8") as file:
        file.write("not a program\n")
    equal(scenario.run([*run, "--", scenario.path("text")]).returncode, 126, "not executable")
    for wrong in (["--no-such-option"], [], ["--when", "host.no.such > 1", "--", "true"],
                  ["-w", "60", "--", "true"], ["-c", "/nonexistent/fdr.toml", "--", "true"]):
        result = scenario.run([*run, *wrong])
        equal(result.returncode, 125, f"usage error {wrong}: {result.stderr}")
        check("fdr: error: " in result.stderr, f"no message for {wrong}: {result.stderr!r}")
    equal(scenario.left(), [], "bundles after errors of usage")

    # The command is the only target of a file, whatever that is called there and matches; of several it is its own, and the others are named.
    web = '[[target]]\nname = "web"\nmatch = { comm = "no-such-comm" }\n'
    rule = '[[trigger]]\nname = "lives"\nwhen = "process[web].threads >= 1"\n'
    for text, told, bundles in ((web, "", 1), (web + '[[target]]\nname = "db"\n', "target 'web' of the configuration is not looked for", 0)):
        with open(scenario.path("targets.toml"), "w", encoding="utf-8") as file:
            file.write(text + rule)
        result = scenario.run([FDR, "run", "-c", scenario.path("targets.toml"), "--on-exit", "never", "--after", "0s", "-o", scenario.bundles, "--", "sh", "-c", "sleep 0.5; exit 3"])
        equal(result.returncode, 3, f"a command with a file of targets: {result.stderr}")
        check(told in result.stderr, f"what is said of the other targets: {result.stderr!r}")
        written = scenario.left()
        equal(len([name for name in written if name.endswith(".lives.fdr")]), bundles, f"bundles of the rule on process[web]: {written}")
        for name in written:
            shutil.rmtree(os.path.join(scenario.bundles, name))

    # Byte for byte, 1 MB of everything; stdin arrives.
    everything = "import sys; sys.stdout.buffer.write(bytes(range(256)) * 4096 + sys.stdin.buffer.read())"
    command = ["/usr/bin/python3", "-c", everything]
    options = {"input": b"from stdin\0\xff", "capture_output": True, "timeout": 60}
    plain = subprocess.run(command, **options)
    wrapped = subprocess.run([FDR, "run", "-o", scenario.bundles, "--", *command], **options)
    equal(wrapped.returncode, 0, "exit code of the wrapped command")
    check(wrapped.stdout == plain.stdout, f"stdout differs: {len(wrapped.stdout)} bytes, unwrapped {len(plain.stdout)}")
    verbose = scenario.run([FDR, "run", "-v", "-o", scenario.bundles, "--", "echo", "hello"])
    equal(verbose.stdout, "hello\n", "stdout under -v")
    check("fdr: armed" in verbose.stderr, f"no word of being armed on stderr: {verbose.stderr!r}")
    equal(scenario.left(), [], "bundles after a success, --on-exit failure")

    # The default: a failure is kept. Both kinds of end are named.
    for script, code, word in (("exit 3", 3, "3"), ("kill -ABRT $$", -signal.SIGABRT, "ABRT")):
        recorder = Recorder(scenario, "run", "--after", "1s", "--", "sh", "-c", script, wait=False)
        equal(recorder.wait(), code, f"sh -c '{script}'")
        bundle = recorder.next_bundle(script)
        bundle.check_whole()
        screen = bundle.first_screen()
        check("exit" in screen and word in screen, f"the first screen does not say how it ended ({word}):\n{screen}")
        equal(bundle.manifest["target"]["command"], ["sh", "-c", script], "command in the manifest")
