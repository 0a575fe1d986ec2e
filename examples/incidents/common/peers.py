"""What people use today, armed during the same run as an experienced operator would arm it, and its output as text.

Each is armed before the trouble, told at the symptom, and read afterwards. The texts are bounded: nobody reads more.
"""

import contextlib
import glob
import os
import shutil
import signal
import subprocess
import time

import incident

HERE = os.path.dirname(os.path.realpath(__file__))
_FILE_BYTES = 256 << 10   # of each text a tool leaves
_PEER_BYTES = 4 << 20     # of all that one tool leaves
_SECONDS = 60             # for a tool to end, or to print


class Peer:
    """arm() before the trouble, told() at the symptom, ended() when it may stop; then texts() gives what it knows."""

    name = ""
    command = ""

    def __init__(self, directory):
        self.directory = os.path.join(directory, self.name)
        os.mkdir(self.directory)
        self.process = None

    @classmethod
    def missing(cls):
        return not shutil.which(cls.command)

    def path(self, name):
        return os.path.join(self.directory, name)

    def start(self, arguments, **options):
        with open(self.path("output.log"), "wb") as log:
            self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd=self.directory, preexec_fn=incident.die_with_parent, **options)

    def told(self):
        """The symptom is there: collect."""

    def end(self, number=signal.SIGINT):
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def ended(self):
        self.end()

    def printed(self, arguments, to):
        """Its own reader's output, into a file of at most _FILE_BYTES: the first part, as one would page it."""
        with open(self.path(to), "wb") as file, subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                cwd=self.directory, preexec_fn=incident.die_with_parent) as reader:
            deadline, room = time.monotonic() + _SECONDS, _FILE_BYTES
            while room > 0 and time.monotonic() < deadline:
                block = reader.stdout.read(min(room, 65536))
                if not block:
                    break
                file.write(block)
                room -= len(block)
            reader.kill()

    def texts(self):
        return sorted(glob.glob(self.path("*.txt")))

    def text(self):
        """All it left, bounded."""
        parts, room = [], _PEER_BYTES
        for name in self.texts():
            with open(name, encoding="utf-8", errors="replace") as file:
                part = file.read(min(_FILE_BYTES, room))
            parts.append(part)
            room -= len(part)
        return "\n".join(parts)


class PtStalk(Peer):
    """Waits for a condition, then collects for some seconds. It insists on a MySQL client that answers, so it is given
    a `mysql` that says 1 and nothing else; what it collects of the host does not depend on it."""

    name = "pt-stalk"
    command = "pt-stalk"
    run_seconds = 6

    def arm(self):
        stand_in = self.path("bin")
        os.mkdir(stand_in)
        for client in ("mysql", "mysqladmin"):
            with open(os.path.join(stand_in, client), "w", encoding="ascii") as file:
                file.write("#!/bin/sh\necho 1\n")
            os.chmod(os.path.join(stand_in, client), 0o755)
        with open(self.path("trigger.sh"), "w", encoding="utf-8") as file:
            file.write(f"trg_plugin() {{ if [ -e '{self.path('symptom')}' ]; then echo 2; else echo 0; fi; }}\n")
        self.start(["pt-stalk", "--function", self.path("trigger.sh"), "--threshold", "1", "--cycles", "1",
                    "--interval", "1", "--iterations", "1", "--run-time", str(self.run_seconds), "--sleep", "0",
                    "--dest", self.path("collected"), "--log", self.path("log"), "--pid", self.path("pid")],
                   env={**os.environ, "PATH": f"{stand_in}:{os.environ['PATH']}"})

    def told(self):
        with open(self.path("symptom"), "wb"):
            pass

    def ended(self):
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(4 * self.run_seconds)
        self.end(signal.SIGTERM)

    def texts(self):
        return sorted(glob.glob(self.path("collected/*")))


class Atop(Peer):
    """A raw log each second (its service keeps one each ten minutes)."""

    name = "atop"
    command = "atop"

    def arm(self):
        self.start(["atop", "-a", "-w", self.path("raw"), "1"])

    def ended(self):
        self.end(signal.SIGTERM)
        for name, option in (("generic", "-g"), ("memory", "-m"), ("scheduling", "-s")):
            # The end of it: the symptom. -C and -M sort by CPU and memory.
            by = "-M" if name == "memory" else "-C"
            self.printed(["sh", "-c", f"atop -r raw {option} {by} | tail -c {_FILE_BYTES}"], f"{name}.txt")
        self.printed(["sh", "-c", f"atop -r raw -P CPU,CPL,MEM,SWP,PAG,PSI,NET | tail -c {_FILE_BYTES}"], "system.txt")


class Perf(Peer):
    """The flight recorder perf has: an overwritable buffer, written out on a signal. Frame pointers, as most people run
    it."""

    name = "perf"
    command = "perf"

    def arm(self):
        self.start(["perf", "record", "-a", "-g", "-F", "99", "-e", "cpu-clock", "--overwrite",
                    "--switch-output=signal", "-m", "2048", "-o", self.path("perf.data")])

    def told(self):
        self.process.send_signal(signal.SIGUSR2)

    def ended(self):
        self.end()
        written = sorted(glob.glob(self.path("perf.data.*")))[:1]  # of the signal; the last one is of its end
        for data in written:
            base = f"perf report -f -i {data} --stdio --percent-limit 0.05"
            for name, options in (("flat", "--no-children -g none --sort comm,dso,symbol"),
                                  ("callers", "--no-children -g caller,0.5,callee,function,percent --sort comm,symbol"),
                                  ("children", "--children -g none --sort comm,symbol")):
                # Not its wide columns.
                self.printed(["sh", "-c", f"{base} {options} | sed 's/   */  /g'"], f"{name}.txt")


class Bpftrace(Peer):
    """ordinary.bt: what an operator at home in bpftrace keeps at hand. It prints when it ends."""

    name = "bpftrace"
    command = "bpftrace"

    def arm(self):
        # It needs the kernel's tracefs, which not every host mounts; the mount is its own and goes with it.
        mount = "[ -e /sys/kernel/tracing/events ] || mount -t tracefs none /sys/kernel/tracing; exec \"$@\""
        self.start(["unshare", "--mount", "sh", "-c", mount, "sh", "bpftrace", "-q", "-B", "none",
                    "-o", self.path("maps.txt"), os.path.join(HERE, "ordinary.bt")])
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self.process.poll() is None and "armed" not in self.text():
            time.sleep(0.1)
        time.sleep(0.5)  # the other probes follow BEGIN at once

    def told(self):
        self.process.send_signal(signal.SIGINT)


KINDS = (PtStalk, Atop, Perf, Bpftrace)


class Armed:
    """All peers that are installed, each armed; a context manager that ends them whatever happens."""

    def __init__(self, directory, kinds=KINDS):
        self.absent = [kind.name for kind in kinds if kind.missing()]
        self.peers = []
        for kind in kinds:
            if not kind.missing():
                peer = kind(directory)
                peer.arm()
                self.peers.append(peer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for peer in self.peers:
            peer.end(signal.SIGTERM)

    def told(self):
        for peer in self.peers:
            peer.told()

    def texts(self):
        """{name: text}, when all have ended."""
        for peer in self.peers:
            peer.ended()
        return {peer.name: peer.text() for peer in self.peers}
