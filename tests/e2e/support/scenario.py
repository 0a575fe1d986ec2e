"""A scenario: one temporary directory, the processes it started, its checks, and how it ends.

Ends with 0, with 1 after a failed check (the directory stays, and the commands to look into it are printed), or with
77 and the reason where something it needs is absent. With FDR_REQUIRE_E2E=1 an absence is a failure too, unless its
reason begins with "allowed:". Every child dies with the scenario (PR_SET_PDEATHSIG), also when ctest kills it.
Nothing sleeps for luck: wait_for() polls a state until a deadline.
"""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
FDR = os.path.abspath(os.environ.get("FDR", os.path.join(ROOT, "build/release/fdr")))
PROGRAMS = os.path.abspath(os.environ.get("FDR_PROGRAMS", os.path.join(ROOT, "build/release/tests/programs")))
LONG = os.environ.get("FDR_E2E_LONG") == "1"

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1
_CLONE_NEWNS, _MS_REC, _MS_PRIVATE = 0x20000, 0x4000, 0x40000


class Skip(Exception):
    """Something is absent that the scenario cannot do without."""


class Failure(Exception):
    """A check failed."""


def _die_with_parent():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def wait_for(what, predicate, seconds=30.0, every=0.02):
    """The first true value of predicate(); Failure naming `what` when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure(f"{what}: not within {seconds:g} s")
        time.sleep(every)


def check(condition, message):
    if not condition:
        raise Failure(message)


def equal(got, wanted, what):
    check(got == wanted, f"{what}: got {got!r}, wanted {wanted!r}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def program(name):
    """Path of one of tests/programs."""
    path = os.path.join(PROGRAMS, name)
    if not os.access(path, os.X_OK):
        raise Skip(f"{path} is not built")
    return path


class Scenario:
    def __init__(self, file, verdict=True):
        self.verdict = verdict
        self.name = os.path.splitext(os.path.basename(file))[0]
        self.directory = tempfile.mkdtemp(prefix=f"fdr-{self.name}-")
        self.bundles = os.path.join(self.directory, "bundles")
        self.children = []
        self._recorders = 0

    # --- what must be there -------------------------------------------------------------------------------------------

    def need_root(self):
        if os.geteuid() != 0:
            raise Skip("needs root: recording loads BPF programs")
        if not os.path.exists("/sys/kernel/btf/vmlinux"):
            raise Skip("the kernel has no BTF")

    def need_tracefs(self):
        """For backend perf. Where the host has not mounted it the scenario does, in a mount namespace of its own."""
        if os.path.exists("/sys/kernel/tracing/events"):
            return
        steps = (lambda: _libc.unshare(_CLONE_NEWNS), lambda: _libc.mount(None, b"/", None, _MS_REC | _MS_PRIVATE, None),
                 lambda: _libc.mount(b"tracefs", b"/sys/kernel/tracing", b"tracefs", 0, None))
        if any(step() for step in steps):
            raise Skip("tracefs is not mounted, and cannot be")

    def need(self, *commands):
        for command in commands:
            if not shutil.which(command, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin"):
                raise Skip(f"{command} is not installed (scripts/setup --tests)")

    # --- processes ----------------------------------------------------------------------------------------------------

    def path(self, name):
        return os.path.join(self.directory, name)

    def spawn(self, arguments, name=None, **options):
        """A child whose output goes to NAME.stdout and NAME.stderr of the directory; stopped at the end."""
        name = name or os.path.basename(arguments[0])
        streams = {}
        for stream in ("stdout", "stderr"):
            if stream not in options:
                streams[stream] = open(self.path(f"{name}.{stream}"), "ab")
        options.setdefault("stdin", subprocess.DEVNULL)
        child = subprocess.Popen(arguments, preexec_fn=_die_with_parent, **options, **streams)
        for stream in streams.values():
            stream.close()
        self.children.append(child)
        return child

    def run(self, arguments, seconds=60, **options):
        """Runs to its end; the result has returncode, stdout and stderr as text."""
        options.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run(arguments, capture_output=True, text=True, errors="replace", timeout=seconds,
                              preexec_fn=_die_with_parent, **options)

    def fdr(self, *arguments, code=0, **options):
        """`fdr ARGUMENTS`; its exit code must be `code` (None: any)."""
        result = self.run([FDR, *map(str, arguments)], **options)
        check(code is None or result.returncode == code,
              f"fdr {' '.join(map(str, arguments))}: exit code {result.returncode}, wanted {code}\n{result.stderr}")
        return result

    def recorder_name(self):
        """Unique on this host, so that scenarios and a real recorder do not meet."""
        self._recorders += 1
        return f"{self.name[:18]}-{os.getpid()}-{self._recorders}"

    def left(self):
        """What is in the bundles' directory, beside the history, the baselines and the slices."""
        return sorted(set(os.listdir(self.bundles)) - {"history", "baselines", "slices"}) if os.path.exists(self.bundles) else []

    def read(self, name):
        try:
            with open(self.path(name), encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    # --- ending -------------------------------------------------------------------------------------------------------

    def _stop_children(self):
        for child in reversed(self.children):
            if child.poll() is None:
                child.send_signal(signal.SIGCONT)
                child.terminate()
        for child in reversed(self.children):
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def _tell_where(self):
        print(f"kept: {self.directory}", file=sys.stderr)
        for name in sorted(os.listdir(self.directory)):
            if name.endswith(".stderr") and os.path.getsize(self.path(name)):
                print(f"look: less {self.path(name)}", file=sys.stderr)
        for folder, folders, _ in os.walk(self.directory):
            for name in sorted(folders):
                if name.endswith(".fdr"):
                    print(f"look: {FDR} report {os.path.join(folder, name)}", file=sys.stderr)

    def __enter__(self):
        if not os.access(FDR, os.X_OK):
            self.__exit__(Skip, Skip(f"{FDR} is not built"), None)
        return self

    def __exit__(self, kind, error, trace):
        if error is not None and not isinstance(error, (Skip, Failure)):
            traceback.print_exception(kind, error, trace)
        self._stop_children()
        if error is None:
            shutil.rmtree(self.directory, ignore_errors=True)
            if self.verdict:
                print(f"{self.name}: passed")
            return
        if isinstance(error, Skip):
            shutil.rmtree(self.directory, ignore_errors=True)
            print(f"{self.name}: skipped: {error}", file=sys.stderr)
            required = os.environ.get("FDR_REQUIRE_E2E") == "1" and not str(error).startswith("allowed:")
            sys.exit(1 if required else 77)
        if isinstance(error, Failure):
            print(f"{self.name}: FAILED: {error}", file=sys.stderr)
        self._tell_where()
        sys.stdout.flush()
        sys.exit(1)
