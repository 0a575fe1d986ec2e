#!/usr/bin/python3
"""systemd's notify protocol, on both sides. A daemon wrapped by `fdr run` beats by WATCHDOG=1, and what it says is passed on to the socket
that fdr was given; it fires when the beats stay out, not while the daemon reloads. An `fdr attach` says of itself that it is ready, reloads,
lives and stops. The tick runs before ordinary work, and nothing that it starts does."""

import os
import signal
import socket
import sys

from support.recorder import Recorder
from support.scenario import Scenario, check, equal, program, wait_for

DAEMON = """
import array, os, signal, socket, sys, time
beats = True
def told(number, frame):
    global beats
    if number == signal.SIGUSR1:
        say("RELOADING=1")
    elif number == signal.SIGUSR2:
        say("READY=1\\nMAINPID=1")
    beats = False
for number in (signal.SIGUSR1, signal.SIGUSR2):
    signal.signal(number, told)
own = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
def say(text, descriptors=()):
    own.sendmsg([text.encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else [], 0, os.environ["NOTIFY_SOCKET"])
half = int(os.environ["WATCHDOG_USEC"]) / 2e6
assert "WATCHDOG_PID" not in os.environ
say("READY=1\\nSTATUS=serving")
reader, writer = os.pipe()
say("BARRIER=1", [writer])
os.close(writer)
assert os.read(reader, 1) == b""
print("ready", half, flush=True)
while True:
    if beats:
        say("WATCHDOG=1")
    time.sleep(half)
"""

# A stranger's: as fast as the socket takes them, with a descriptor each. Prints how many were taken.
FLOOD = """
import array, os, socket, sys, time
own = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
own.connect(sys.argv[1])
own.setblocking(False)
passed = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [os.open("/dev/null", os.O_RDONLY)]))]
taken, end = 0, time.monotonic() + 3
for number in range(200_000):
    if time.monotonic() > end:
        break
    try:
        own.sendmsg([b"STOPPING=1\\nFDSTORE=1\\n" + b"x" * (number % 5000)], passed)
        taken += 1
    except BlockingIOError:
        pass
print(taken)
"""

EVERY, MISSES = 0.2, 10


class Systemd:
    """A notify socket of our own."""

    def __init__(self, scenario, name):
        self.path, self.heard = scenario.path(name), []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.socket.setblocking(False)

    def hear(self):
        while True:
            try:
                text, ancillary, _, _ = self.socket.recvmsg(4096, 1024)
            except BlockingIOError:
                return self.heard
            sender = int.from_bytes(next(data for _, kind, data in ancillary if kind == socket.SCM_CREDENTIALS)[:4], sys.byteorder)
            self.heard.append((sender, text.decode()))

    def wait(self, what, words, sender):
        def found():
            return [text for pid, text in self.hear() if words in text and pid == sender]
        return wait_for(what, found, 30)


with Scenario(__file__) as scenario:
    scenario.need_root()
    scenario.need("setpriv")
    systemd = Systemd(scenario, "systemd.run")
    with open(scenario.path("rules.toml"), "w", encoding="utf-8") as file:
        file.write(f'[[heartbeat]]\nname = "daemon"\nfrom = "notify"\nevery = "{EVERY}s"\nmisses = {MISSES}\n')
    environment = {**os.environ, "NOTIFY_SOCKET": systemd.path, "WATCHDOG_PID": "1"}
    recorder = Recorder(scenario, "run", "-c", scenario.path("rules.toml"), "--after", "100ms", "--on-exit", "never", "--", "/usr/bin/python3", "-c", DAEMON, env=environment)
    fdr = recorder.process.pid
    equal(wait_for("the daemon is ready", lambda: scenario.read(f"{recorder.name}.stdout")), f"ready {EVERY}\n", "interval of the daemon")
    ready = systemd.wait("READY is passed on", "READY=1", fdr)
    equal(ready, [f"READY=1\nSTATUS=serving\nMAINPID={fdr}\n"], "what was passed on of READY")
    systemd.wait("WATCHDOG is passed on", "WATCHDOG=1", fdr)
    check(not any("BARRIER" in text for _, text in systemd.hear()), "a barrier was passed on")
    # A stranger is not heard: neither by the heartbeat, which would wait for nothing any more, nor by systemd.
    stranger = f"import socket; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'STOPPING=1', '/run/fdr/{recorder.name}/notify.sock')"
    sent = scenario.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", "-c", stranger])
    equal((sent.returncode, sent.stderr), (0, ""), "a stranger's message is sent")
    beats = len(systemd.hear())
    wait_for("two more beats", lambda: len(systemd.hear()) >= beats + 2, 30)
    check(not any("STOPPING" in text for _, text in systemd.hear()), "a stranger was passed on")
    def rule():
        return next(rule for rule in recorder.status()["rules"] if rule["name"] == "daemon")
    wait_for("its beats are counted", lambda: rule()["value"] is not None, 10)
    # A flood of it neither: the beats come through, nothing else does, and no descriptor stays.
    open_before, beats = len(os.listdir(f"/proc/{fdr}/fd")), len(systemd.hear())
    flood = scenario.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", "-c", FLOOD, f"/run/fdr/{recorder.name}/notify.sock"])
    check(flood.returncode == 0 and int(flood.stdout) > 100, f"the flood: {flood.returncode} {flood.stdout}{flood.stderr}")
    new = [text for _, text in systemd.hear()[beats:]]
    check("WATCHDOG=1\n" in "\n".join(new) + "\n", f"no beat was passed on in a flood of {flood.stdout.strip()}: {new}")
    check(not any("STOPPING" in text or "FDSTORE" in text for text in new), "the flood was passed on")
    wait_for("the flood's descriptors are closed", lambda: len(os.listdir(f"/proc/{fdr}/fd")) <= open_before, 10)
    equal(recorder.bundle_paths(), [], "bundles for the flood")
    print(f"notify: {flood.stdout.strip()} datagrams of a stranger taken in 3 s, {len(new)} messages of the daemon passed on")
    daemon = recorder.status()["processes"][0]["pid"]
    os.kill(daemon, signal.SIGUSR1)  # reloads, and is silent for longer than the heartbeat allows
    systemd.wait("RELOADING is passed on", "RELOADING=1", fdr)
    wait_for("nothing is due", lambda: rule()["value"] is None, 10)
    silence = recorder.status()["armed_s"]
    wait_for("a silence longer than allowed", lambda: recorder.status()["armed_s"] > silence + 2 * EVERY * MISSES, 30)
    equal(recorder.bundle_paths(), [], "bundles while the daemon reloads")
    os.kill(daemon, signal.SIGUSR2)  # ready again, and hung
    bundle = recorder.next_bundle("the beats stay out")
    equal(bundle.manifest["trigger"]["name"], "daemon", "what fired")
    check(bundle.manifest["trigger"]["value"] > EVERY * MISSES, "the age at the firing")
    check(not any("MAINPID=1\n" in text for _, text in systemd.hear()), "another main process was passed on")
    recorder.process.send_signal(signal.SIGTERM)
    equal(recorder.wait(), -signal.SIGTERM, "end of the daemon")
    check(not os.path.exists(f"/run/fdr/{recorder.name}"), "the run directory is left behind")

    systemd = Systemd(scenario, "systemd.attach")
    duty = scenario.spawn([program("duty"), "5"])
    with open(scenario.path("attach.toml"), "w", encoding="utf-8") as file:
        file.write('[[trigger]]\nname = "never"\nwhen = "host.mem.free < 1KB"\n')
    recorder = Recorder(scenario, "attach", "-c", scenario.path("attach.toml"), duty.pid,
                        env={**os.environ, "NOTIFY_SOCKET": systemd.path, "WATCHDOG_USEC": "600000"})
    fdr = recorder.process.pid
    equal(systemd.wait("ready", "READY=1", fdr), ["READY=1\nSTATUS=1 processes, 1 rules; no bundle yet"], "what systemd is told")
    wait_for("three signs of life", lambda: len([1 for _, text in systemd.hear() if text == "WATCHDOG=1"]) >= 3, 20)
    recorder.process.send_signal(signal.SIGHUP)
    systemd.wait("reloading", "RELOADING=1\nMONOTONIC_USEC=", fdr)
    wait_for("ready again", lambda: len([1 for _, text in systemd.hear() if text.startswith("READY=1")]) == 2, 20)

    # The session's thread is the process's first; its others, and what it starts, are ordinary, but for the one that it waits for in a tick.
    def name_of(task):
        with open(f"/proc/{fdr}/task/{task}/comm", encoding="ascii") as file:
            return file.read().strip()
    policies = {int(task): os.sched_getscheduler(int(task)) & ~os.SCHED_RESET_ON_FORK for task in os.listdir(f"/proc/{fdr}/task") if name_of(task) != "fdr-wait"}
    check(len(policies) > 1, f"threads of the recorder: {policies}")
    if policies[fdr] != os.SCHED_RR:
        equal(os.getpriority(os.PRIO_PROCESS, fdr), -20, "where SCHED_RR is refused")
    equal([policy for task, policy in policies.items() if task != fdr and policy != os.SCHED_OTHER], [], "policies of its other threads")
    recorder.process.send_signal(signal.SIGTERM)
    equal(recorder.wait(), 0, "exit code after SIGTERM")
    systemd.wait("stopping", "STOPPING=1", fdr)

    # Only who wraps a daemon can hear it.
    refused = scenario.fdr("attach", "-c", scenario.path("rules.toml"), duty.pid, code=1)
    check("only `fdr run` can hear" in refused.stderr, f"attach with a heartbeat from notify: {refused.stderr!r}")
