"""An incident that is made to happen: programs on loopback, healthy for a while, then in trouble, measured, and cleaned up.

A script `reproduce` describes one with this class; `quiet` is the same script without the trouble. Run by hand it prints
what it does and, at the end, its own figures, each measured without fdr, and exits 0 if the symptom was shown (`quiet`: if
it was not). With --control it is led by a program (examples/incidents/score): events go to stdout as JSON lines, and it
waits for a line on stdin after "ready" (so that recorders can be armed) and after "symptom" (so that they can write).

Events: ready {programs: {name: pid}}, trouble, symptom {figures}, truth {...: what the reproduction knows of itself}, end.
Everything it made goes away with it: processes by pid, cgroups, network namespaces, swap files, its directory. Each child
also dies with its parent (PR_SET_PDEATHSIG), should the script itself be killed. Needs root only where it makes cgroups,
namespaces or swap.
"""

import argparse
import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
_BUILD = os.environ.get("FDR_INCIDENTS_BUILD", os.path.join(ROOT, "build", "incidents"))
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Incident:
    """Use as a context manager; the order is build, spawn, ready(), [trouble()], symptom(), truth(), and then the end."""

    def __init__(self, file, variants=("plain",), healthy=10.0, trouble=20.0):
        self.name = os.path.basename(os.path.dirname(os.path.realpath(file)))
        self.source = os.path.dirname(os.path.realpath(file))
        parser = argparse.ArgumentParser(description=f"The incident '{self.name}' on this machine, on loopback.")
        parser.add_argument("--variant", choices=variants, default=variants[0])
        parser.add_argument("--healthy", type=float, default=healthy, metavar="S", help="seconds before the trouble")
        parser.add_argument("--trouble", type=float, default=trouble, metavar="S", help="seconds of trouble, at most")
        parser.add_argument("--quiet", action="store_true", help="the healthy twin: no trouble at all")
        parser.add_argument("--control", action="store_true", help="led by a program: events as JSON lines")
        parser.add_argument("--keep", action="store_true", help="leave the directory with the logs")
        self.args = parser.parse_args()
        self.variant, self.quiet = self.args.variant, self.args.quiet
        self.directory = ""
        self.figures = []
        self.children = {}
        self._shown = []
        self._at_end = contextlib.ExitStack()

    # --- life ---------------------------------------------------------------------------------------------------------

    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix=f"incident-{self.name}-")
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: sys.exit(1))
        return self

    def __exit__(self, kind, error, trace):
        for child in reversed(self.children.values()):
            self.stop(child)
        self._at_end.close()
        if self.args.keep:
            self.say(f"kept: {self.directory}")
        else:
            shutil.rmtree(self.directory, ignore_errors=True)
        if kind is not None:
            return False
        self.event("end", shown=self.shown)
        for what, value, shown in self.figures:
            print(f"  {'*' if shown else ' '} {what:<44} {value}", file=self._talk)
        print(f"{self.name}: {'symptom shown' if self.shown else 'no symptom'}", file=self._talk, flush=True)
        sys.exit(0 if self.shown != self.quiet else 1)

    @property
    def shown(self):
        """The symptom was seen: at least one figure says so."""
        return any(self._shown)

    @property
    def _talk(self):
        return sys.stderr if self.args.control else sys.stdout

    def say(self, text):
        print(f"{self.name}: {text}", file=self._talk, flush=True)

    def at_end(self, function, *arguments):
        """Called after the children have ended, the last one given first."""
        self._at_end.callback(function, *arguments)

    # --- programs -----------------------------------------------------------------------------------------------------

    def path(self, name):
        return os.path.join(self.directory, name)

    def built(self, command, output, *sources, **environment):
        """Builds OUTPUT once: command with {out} filled in, in our source directory; newer sources build it again."""
        os.makedirs(os.path.join(_BUILD, self.name), exist_ok=True)
        out = os.path.join(_BUILD, self.name, output)
        newest = max(os.path.getmtime(os.path.join(self.source, name)) for name in sources)
        if not os.path.exists(out) or os.path.getmtime(out) < newest:
            self.say(f"building {output}")
            subprocess.run([word.format(out=out) for word in command], cwd=self.source, check=True,
                           stdout=sys.stderr, env={**os.environ, **environment})
        return out

    def spawn(self, name, arguments, cgroups=(), netns=None, **options):
        """A child with its output in NAME.log of the directory, started inside the given cgroups and namespace."""
        if netns:
            arguments = ["ip", "netns", "exec", netns, *arguments]

        def prepare():
            die_with_parent()
            for cgroup in cgroups:
                cgroup.add(os.getpid())

        options.setdefault("stdin", subprocess.DEVNULL)
        with open(self.path(name + ".log"), "ab") as log:
            options.setdefault("stdout", log)
            options.setdefault("stderr", log)
            child = subprocess.Popen([str(word) for word in arguments], preexec_fn=prepare, **options)
        self.children[name] = child
        return child

    @staticmethod
    def stop(child, seconds=5.0):
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(seconds)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def log(self, name):
        try:
            with open(self.path(name + ".log"), encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def wait_for(self, what, predicate, seconds=30.0, every=0.02):
        """The first true value of predicate(), or SystemExit naming `what`."""
        deadline = time.monotonic() + seconds
        while True:
            value = predicate()
            if value:
                return value
            for name, child in self.children.items():
                if child.poll() not in (None, 0) and "may end" not in what:
                    sys.exit(f"{self.name}: {name} ended with {child.returncode}: {self.log(name)[-500:]}")
            if time.monotonic() > deadline:
                sys.exit(f"{self.name}: {what}: not within {seconds:g} s")
            time.sleep(every)

    # --- what the score sees ------------------------------------------------------------------------------------------

    def event(self, kind, **facts):
        if self.args.control:
            print(json.dumps({"event": kind, "realtime": time.time(), "monotonic": time.monotonic(), **facts}), flush=True)

    def _wait_for_leader(self, seconds):
        if self.args.control and select.select([sys.stdin], [], [], seconds)[0]:
            sys.stdin.readline()

    def ready(self, **programs):
        """All is up and well: programs are {name: pid}. Recorders are armed now; then the healthy time passes."""
        self.say("well: " + ", ".join(f"{name} {pid}" for name, pid in programs.items()))
        self.event("ready", programs=programs)
        self._wait_for_leader(120)
        time.sleep(self.args.healthy)

    def trouble(self, what):
        """True where trouble is to be made now; false in the healthy twin, which then goes on being well."""
        if self.quiet:
            self.say("stays well")
            return False
        self.say("trouble: " + what)
        self.event("trouble", what=what)
        return True

    def figure(self, what, value, shown=False):
        """One measured figure of the end; shown: it is the symptom, beyond the bound the script has for it."""
        self.figures.append((what, value, shown))
        self._shown.append(bool(shown))

    def symptom(self, **figures):
        """The symptom is there, and lasts: recorders write now."""
        self.event("symptom", figures=figures)
        self._wait_for_leader(60)

    def truth(self, **facts):
        """What the reproduction knows of itself, for the score to compare with."""
        self.event("truth", **facts)
