#!/usr/bin/python3
"""What goes wrong around one recorder, one thing after the other: each time it says what, leaves nothing half-written, and writes a whole
bundle as soon as it can again.

Errors that the kernel gives are made by strace in our own recorder, from outside; a limit of file size by prlimit. Names that bundles
would have are taken beforehand by what somebody with the same directory could plant. Then a flood of datagrams, a recorder that stands
still for eight seconds, and a target whose name is made of control characters.
"""

import os
import re
import resource
import signal
import socket
import stat
import time

from support.bundle import Bundle
from support.recorder import Recorder
from support.scenario import Scenario, check, equal, program, wait_for

HOSTILE = b") \n\x1b[31m"
PARTS = ("timeline", "stacks", "threads", "syscalls", "slow", "failed", "stalls", "processes", "sockets", "memory", "metrics", "ledger", "modules", "rings", "manifest")
STOOD_S = 8
RULES = """
window = { span = "150s", after = "0s" }
default_rules = false
history = { enabled = false }

[[heartbeat]]
name = "health"
every = "30s"
misses = 2
"""


def refused(scenario, recorder, words):
    """The error of a dump that cannot be written."""
    result = scenario.fdr("dump", recorder.name, "--reason", "a fault", code=1, seconds=120)
    check(re.search(words, result.stderr), f"a dump that fails for {words!r} says {result.stderr!r}")
    equal(recorder.process.poll(), None, "the recorder's end")
    equal([name for name in scenario.left() if name.endswith(".partial")], [], "half-written bundles")


def whole(scenario, recorder, reason):
    bundle = recorder.dump(reason)
    bundle.check_whole()
    scenario.fdr("verify", bundle.path)
    return bundle


class Injected:
    """strace at our recorder's threads, old and new, that lets a system call fail."""

    def __init__(self, scenario, recorder, call, how):
        self.call = call
        self.strace = scenario.spawn(["strace", "-qq", "-f", "-p", str(recorder.process.pid), "-e", f"trace={call}", "-e", f"inject={call}:{how}", "-o", scenario.path(f"strace.{call}")], name="strace")
        wait_for("strace attached", lambda: self._traced(recorder.process.pid) or self.strace.poll() is not None)
        equal(self.strace.poll(), None, "strace's end")

    def _traced(self, pid):
        tasks = os.listdir(f"/proc/{pid}/task")
        lines = [open(f"/proc/{pid}/task/{tid}/status", encoding="utf-8").read() for tid in tasks]
        return all(f"TracerPid:\t{self.strace.pid}\n" in text for text in lines)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.strace.send_signal(signal.SIGTERM)
        self.strace.wait(20)


def check_injected(scenario, recorder):
    for call, how, words in (("fsync", "error=EIO", "Input/output error"), ("mkdirat", "error=EROFS", "Read-only file system"), ("mkdirat", "error=EPERM", "Operation not permitted"),
                             ("openat", "error=EMFILE", "Too many open files"), ("renameat2", "error=ENOSPC", "No space left on device"), ("write", "error=EIO:when=2", "Input/output error")):
        with Injected(scenario, recorder, call, how):
            refused(scenario, recorder, words)
    whole(scenario, recorder, "after errors")


def check_file_limit(scenario, recorder):
    """SIGXFSZ would kill; the error of the write is one like others, and less of a bundle may fit."""
    pid = recorder.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (2000, before[1]))
    refused(scenario, recorder, "File too large")
    resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
    whole(scenario, recorder, "after a limit")


def check_planted(scenario, recorder, pid):
    """All names that a bundle of the next half minute could have, taken in five ways."""
    victim = scenario.path("victim")
    with open(victim, "w", encoding="ascii") as file:
        file.write("untouched")
    last = os.path.basename(recorder.bundle_paths()[-1])
    tail = last[last.index("Z.") + 1:].removesuffix(".fdr").removesuffix("-2")
    now = time.time()
    planted = []
    for second in range(-1, 30):
        moment = time.strftime("%Y-%m-%dT%H-%M-%SZ", time.gmtime(now + second))
        for number, suffix in ((0, ".fdr"), (1, ".fdr.partial")):
            path = os.path.join(scenario.bundles, moment + tail + suffix)
            if os.path.lexists(path):
                continue
            kind = (second + 3 * number) % 5
            if kind == 0:
                os.symlink(scenario.path("elsewhere"), path)
            elif kind == 1:
                os.symlink(victim, path)
            elif kind == 2:
                os.mkfifo(path)
            elif kind == 3:
                os.link(victim, path)
            else:
                os.mkdir(path)
            planted.append((path, os.lstat(path)))
    for _ in range(5):  # of each second another kind
        bundle = recorder.dump("among planted names")
        check(re.search(r"-\d\.fdr$", bundle.path), f"{bundle.path} is a name that was taken")
        equal(stat.S_IMODE(os.lstat(bundle.path).st_mode), 0o700, "mode of the bundle")
        scenario.fdr("verify", bundle.path)
        begun = int(time.time())
        wait_for("the next second", lambda: int(time.time()) > begun, 5)
    for path, was in planted:
        information = os.lstat(path)
        equal((information.st_ino, information.st_mode, information.st_size), (was.st_ino, was.st_mode, was.st_size), f"what was planted at {path}")
        os.rmdir(path) if stat.S_ISDIR(was.st_mode) else os.unlink(path)
    with open(victim, encoding="ascii") as file:
        equal(file.read(), "untouched", "the file that links led to")
    check(not os.path.exists(scenario.path("elsewhere")), "a dangling link was followed")
    equal(os.path.exists(f"/proc/{pid}"), True, "the target")


def check_flood(scenario, recorder):
    """10 000 datagrams as fast as the socket takes them, true ones among them. The kernel's queue (net.unix.max_dgram_qlen) is the bound: what
    finds no room in it is refused to who sends it."""
    sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sender.connect(f"/run/fdr/{recorder.name}/beat.sock")
    sender.setblocking(False)
    taken = 0
    for i in range(10_000):
        try:
            sender.send(b"health" if i % 100 == 0 else b"x" * 60_000 if i % 7 == 0 else b"flood%d" % i)
            taken += 1
        except BlockingIOError:
            pass
    while True:  # one that is heard for certain
        try:
            sender.send(b"health")
            break
        except BlockingIOError:
            time.sleep(0.01)
    check(0 < taken < 10_000, f"{taken} of 10 000 datagrams were taken")
    bundle = whole(scenario, recorder, "after a flood")
    ages = [row for row in bundle.show("metrics") if row["name"] == "beat.health.age"]
    check(ages, "the true heartbeat was lost in the flood")
    late = [row for row in bundle.show("metrics") if row["name"] == "recorder.lateness"][0]
    print(f"faults: {taken} of 10 000 datagrams in the queue; lateness of ticks at most {late['max']} s")


def check_stopped(scenario, recorder):
    """A recorder under SIGSTOP records on as long as its lease lasts; late is what it says it was."""
    recorder.process.send_signal(signal.SIGSTOP)
    time.sleep(STOOD_S)  # this is what is tested, not a wait for something
    recorder.process.send_signal(signal.SIGCONT)
    wait_for("a tick", lambda: (recorder.status()["cost"]["lateness_s"] or 0) < 1)
    bundle = whole(scenario, recorder, "after standing still")
    late = [row for row in bundle.show("metrics") if row["name"] == "recorder.lateness"][0]
    check(late["max"] > STOOD_S - 1, f"the recorder stood still for {STOOD_S} s and says it was late by {late}")
    text = scenario.fdr("report", "--no-color", bundle.path).stdout
    check(re.search(r"[78]\.\d+ s late", text), f"the report does not say that the recorder stood still:\n{text[:3000]}")
    samples = bundle.ring("stacks")
    print(f"faults: stood still {STOOD_S} s: {late['max']:.1f} s late; stacks {samples['obtained_s']:.1f} of {samples['asked_s']:.1f} s")


def check_hostile(scenario, recorder, bundle, pid):
    """No view prints what the name would do to a terminal, or lets it begin a line of its own."""
    views = [["show", bundle.path, part] for part in PARTS]
    views += [["report", bundle.path], ["report", bundle.path, "--json"], ["diff", "--within", bundle.path], ["export", bundle.path, "--format", "folded"], ["status"], ["now", recorder.name]]
    for view in views:
        result = scenario.fdr(*view, code=None)
        text = result.stdout + result.stderr
        check("\x1b" not in text, f"fdr {' '.join(view)} prints an escape")
        check(not re.search(r"^\s*\[31m", text, re.M), f"fdr {' '.join(view)} breaks the line at the name's newline")
    page = scenario.path("page.html")
    scenario.fdr("report", bundle.path, "--html", page)
    with open(page, "rb") as file:
        check(b"\x1b" not in file.read(), "the page holds an escape")
    with open(os.path.join(bundle.path, "summary.txt"), "rb") as file:
        check(b"\x1b" not in file.read(), "summary.txt holds an escape")
    names = [row["process"] for row in bundle.show("processes") if row["pid"] == pid]
    check(names and "[31m" in names[0], f"the target's name: {names}")
    cpu = [row for row in bundle.show("metrics") if row["name"] == "process.cpu.total"]
    check(cpu and cpu[0]["max"] > 0, f"CPU of a target with ') ' in its name: {cpu}")




with Scenario(__file__) as scenario:
    scenario.need_root()
    scenario.need("strace")
    with open(scenario.path("rules.toml"), "w", encoding="utf-8") as file:
        file.write(RULES)
    target = scenario.spawn([program("crowd"), "named", HOSTILE])
    wait_for("the target", lambda: "ready" in scenario.read("crowd.stdout"))
    recorder = Recorder(scenario, "attach", "-c", scenario.path("rules.toml"), target.pid)
    check_injected(scenario, recorder)
    check_file_limit(scenario, recorder)
    check_planted(scenario, recorder, target.pid)
    check_flood(scenario, recorder)
    check_stopped(scenario, recorder)
    check_hostile(scenario, recorder, Bundle(scenario, recorder.bundle_paths()[-1]), target.pid)
    recorder.stop()
    equal(target.poll(), None, "the target's end")
