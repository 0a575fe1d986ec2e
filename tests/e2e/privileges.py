#!/usr/bin/python3
"""What a recorder may do, and whom it believes: its capabilities are those it needs, in every thread, and it records all the same; the
command it wraps, and the commands of a configuration, have what they would have without it; nobody else is heard on its control socket;
what others could change is neither read as a configuration nor run."""

import os
import re
import socket
import stat

from support.recorder import Recorder, record_command
from support.scenario import FDR, Scenario, check, equal, program, wait_for

# linux/capability.h
DAC_OVERRIDE, DAC_READ_SEARCH, KILL, SYS_PTRACE, SYS_ADMIN, SYS_NICE, SYSLOG, PERFMON, BPF, CHECKPOINT_RESTORE = 1, 2, 5, 19, 21, 23, 34, 38, 39, 40
ALWAYS = {BPF, PERFMON, SYS_PTRACE, DAC_READ_SEARCH, CHECKPOINT_RESTORE, SYSLOG, SYS_NICE}
NOBODY = 65534
LOOK = "grep -E '^(Cap|NoNewPrivs|Seccomp|SigBlk|SigIgn|SigCgt|Uid|Gid|Groups)' /proc/self/status; cat /proc/self/limits /proc/self/oom_score_adj; umask; nice; ls -l /proc/self/fd | wc -l"


def bits(text):
    mask = int(text, 16)
    return {bit for bit in range(64) if mask >> bit & 1}


def status_of(path):
    with open(f"{path}/status", encoding="utf-8") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def check_capabilities(pid, extra=frozenset(), bounded=True):
    mine = status_of("/proc/self")
    may = bits(mine["CapPrm"])
    for thread in os.listdir(f"/proc/{pid}/task"):
        its = status_of(f"/proc/{pid}/task/{thread}")
        what = f"thread {its['Name']}"
        equal(bits(its["CapEff"]), (ALWAYS | extra) & may, f"capabilities in force, {what}")
        check(bits(its["CapPrm"]) <= ALWAYS | extra | {SYS_ADMIN}, f"capabilities that it can have, {what}: {bits(its['CapPrm'])}")
        equal(its["NoNewPrivs"], "1" if bounded else "0", f"no_new_privs, {what}")
        equal(bits(its["CapBnd"]), (ALWAYS | extra) & bits(mine["CapBnd"]) if bounded else bits(mine["CapBnd"]), f"what execve could give back, {what}")
    check(len(os.listdir(f"/proc/{pid}/task")) > 3, "the recorder has hardly any thread: this says nothing")


def attached(scenario):
    duty = scenario.spawn([program("duty"), "50"])
    recorder = Recorder(scenario, "attach", "--wait", "-w", "10s", "--after", "0s", "--comm", "duty")
    check_capabilities(recorder.process.pid)
    # Who comes later is armed, and read, with what is left.
    late = scenario.spawn([program("duty"), "50"], name="late")
    wait_for("the late one is a target", lambda: late.pid in {process["pid"] for process in recorder.status()["processes"]})
    wait_for("a window", lambda: recorder.status()["rings"]["stacks"]["obtained_s"] > 2, every=0.1)
    bundle = recorder.dump("with what is left")
    bundle.check_whole()
    for pid in (duty.pid, late.pid):
        stacks = [row["stack"] for row in bundle.show("stacks", "--pid", str(pid))]
        check(any("burn" in frame for stack in stacks for frame in stack), f"no samples of burn() in {pid}: {stacks[:5]}")
    kernel = [frame for row in bundle.show("stacks") for frame in row["stack"] if "do_syscall_64" in frame or "asm_" in frame]
    check(kernel, "kernel functions have no names")
    check([row for row in bundle.show("metrics") if row["name"] == "process.sockets"], "no figures of the targets' sockets")
    check(not any("cannot be entered" in loss for loss in bundle.manifest["losses"]), f"losses: {bundle.manifest['losses']}")
    peers(scenario, recorder)
    recorder.stop()
    for child in (duty, late):
        child.terminate()
        child.wait()


def ask(path, user):
    """What the socket answers to `user`, in a process of his."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgid(user)
            os.setuid(user)
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(20)
                connection.connect(path)
                try:
                    connection.sendall(b'{"verb": "status"}\n')
                    answer = connection.recv(100)
                except (BrokenPipeError, ConnectionResetError):
                    answer = b""
            os.write(writing, b"answered" if answer else b"hung up")
        except PermissionError:
            os.write(writing, b"refused")
        finally:
            os._exit(0)
    os.close(writing)
    said = os.read(reading, 100).decode()
    os.close(reading)
    os.waitpid(child, 0)
    return said


def peers(scenario, recorder):
    path = f"/run/fdr/{recorder.name}/control.sock"
    equal(stat.S_IMODE(os.stat(path).st_mode), 0o600, "mode of the control socket")
    equal((ask(path, 0), ask(path, NOBODY)), ("answered", "refused"), "who may ask")
    os.chmod(path, 0o666)
    equal((ask(path, 0), ask(path, NOBODY)), ("answered", "hung up"), "who may ask where the mode is wrong")


def wrapped(scenario):
    """As `env` would start it."""
    plain = scenario.run(["env", "sh", "-c", LOOK]).stdout
    through = scenario.run([FDR, "run", "--name", scenario.recorder_name(), "-o", scenario.bundles, "--no-default-rules", "--on-exit", "never", "--", "sh", "-c", LOOK]).stdout
    check("NoNewPrivs" in plain and "Max processes" in plain, f"nothing to compare: {plain}")
    equal(through.splitlines(), plain.splitlines(), "what the command has, wrapped and not")
    # It may be another user's by the time that it is to be told something.
    as_nobody = "import os, signal; os.setuid(65534); print('ready', flush=True); signal.pause()"
    recorder = Recorder(scenario, "run", "--on-exit", "never", "--", "/usr/bin/python3", "-c", as_nobody)
    check_capabilities(recorder.process.pid, {KILL})
    wait_for("the command is another user's", lambda: "ready" in scenario.read(f"{recorder.name}.stdout"))
    recorder.process.terminate()
    equal(recorder.wait(), -15, "the end of a command of another user's that fdr run was told to end")


def commands(scenario):
    """Those of a configuration have all that fdr was started with."""
    config = scenario.path("commands.toml")
    with open(config, "w", encoding="utf-8") as file:
        file.write('[[collect]]\nname = "caps"\ncommand = ["grep", "-E", "^(Cap|NoNewPrivs)", "/proc/self/status"]\nat = ["fired"]\n')
    bundle = record_command(scenario, ["sleep", "0.5"], "-c", config)
    with open(os.path.join(bundle.path, "collect/caps.txt"), encoding="utf-8") as file:
        its = dict(line.rstrip("\n").split(":\t") for line in file)
    mine = status_of("/proc/self")
    equal({key: its[key] for key in ("CapPrm", "CapEff", "CapBnd", "NoNewPrivs")}, {key: mine[key] for key in ("CapPrm", "CapEff", "CapBnd", "NoNewPrivs")}, "a collector's capabilities")


def others_directory(scenario):
    """Root may write where somebody else's directory is, and keeps that right there alone."""
    place = scenario.path("nobodys")
    os.mkdir(place, 0o755)
    os.chown(place, NOBODY, NOBODY)
    scenario.fdr("run", "--name", scenario.recorder_name(), "--no-default-rules", "--on-exit", "always", "--after", "0s", "-o", place + "/deeper", "--", "sleep", "0.5")
    check([name for name in os.listdir(place + "/deeper") if name.endswith(".fdr")], "no bundle in a directory of somebody else's")


def refused(scenario, config, why, code=2):
    said = scenario.fdr("check", config, code=code).stderr
    check(re.search(why, said) and "hint: " in said, f"fdr check {config}: {said}")
    started = scenario.fdr("attach", "-c", config, str(os.getpid()), code=1).stderr
    check(re.search(why, started), f"fdr attach -c {config}: {started}")


def believed(scenario):
    os.chmod(scenario.directory, 0o755)
    config, script = scenario.path("believed.toml"), scenario.path("hook")
    with open(config, "w", encoding="utf-8") as file:
        file.write(f'[[collect]]\nname = "hook"\ncommand = ["{script}"]\nat = ["fired"]\n')
    with open(script, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\necho hook\n")
    os.chmod(script, 0o755)
    scenario.fdr("check", config)
    os.chown(config, NOBODY, 0)
    refused(scenario, config, r"believed\.toml belongs to user 65534")
    os.chown(config, 0, 0)
    os.chmod(config, 0o666)
    refused(scenario, config, r"believed\.toml may be written by anybody")
    os.chmod(config, 0o644)
    os.chown(script, NOBODY, 0)
    refused(scenario, config, r"hook belongs to user 65534")
    os.chown(script, 0, 0)
    # A directory of another's: he puts another file in its place.
    place = scenario.path("theirs")
    os.mkdir(place)
    inside = os.path.join(place, "inside.toml")
    with open(inside, "w", encoding="utf-8") as file:
        file.write('window = { span = "10s" }\n')
    scenario.fdr("check", inside)
    os.symlink(inside, scenario.path("link.toml"))
    os.chown(place, NOBODY, 0)
    refused(scenario, inside, r"theirs belongs to user 65534")
    refused(scenario, scenario.path("link.toml"), r"theirs belongs to user 65534")
    # sudo(8): the caller's own file.
    os.chown(config, 1234, 0)
    equal(scenario.run([FDR, "check", config], env={**os.environ, "SUDO_UID": "1234"}).returncode, 0, "the file of who called sudo")
    equal(scenario.run([FDR, "check", config], env={**os.environ, "SUDO_UID": "4321"}).returncode, 2, "the file of somebody else under sudo")


with Scenario(__file__) as scenario:
    scenario.need_root()
    attached(scenario)
    wrapped(scenario)
    commands(scenario)
    others_directory(scenario)
    believed(scenario)
