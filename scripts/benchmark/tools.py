"""What may watch a work meanwhile: nothing, fdr, or what people use today, each as its manual would have it.

A tool is a context manager: armed inside, ended after. It has a process (to take its CPU and memory), and says after
its end what it kept: bytes of its file for each event, and the share of its stacks that are complete. None: it keeps
sums, or no stacks.
"""

import contextlib
import os
import re
import resource
import signal
import subprocess
import time

from support.recorder import Recorder
from support.scenario import Failure, wait_for

# The outermost functions of a stack that lost nothing: of a process, a thread, a child in fork, a program of Go.
_ROOTS = re.compile(r"_start|__clone3?|clone3?|start_thread|ret_from_fork(_asm)?"
                    r"|runtime\.(goexit|mstart|rt0_go)\S*|_rt0_\S+")
_MOST_STACKS = 3000
_PRINT_SECONDS = 20


class Tool:
    name = "bare"
    sums_only = True

    def __init__(self, scenario, work):
        self.scenario, self.work, self.process = scenario, work, None
        self.bytes_per_event = self.complete = None

    @property
    def pid(self):
        return self.process.pid if self.process else None

    def arm(self):
        pass

    def disarm(self):
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def examine(self):
        """After the end, once: what did it keep?"""

    def __enter__(self):
        self.arm()
        return self

    def __exit__(self, *_):
        self.disarm()

    def start(self, arguments, said, seconds=30):
        """Starts it, and waits until its output holds `said` (None: it does not say when it is armed)."""
        self.out = self.scenario.path(f"tool-{time.monotonic_ns()}")
        # perf trace and bpftrace want the kernel's tracefs, which not every host mounts; this mount is theirs alone.
        mount = "[ -e /sys/kernel/tracing/events ] || mount -t tracefs none /sys/kernel/tracing; exec \"$@\""
        with open(self.out + ".log", "wb") as log:
            self.process = self.scenario.spawn(["unshare", "--mount", "sh", "-c", mount, "sh", *arguments(self.out)],
                                               stdout=log, stderr=log)
        if said is None:
            time.sleep(1.0)
        else:
            wait_for(f"{self.name} armed", self._told(said), seconds)
        if self.process.poll() is not None:
            raise Failure(f"{self.name} ended: {self._log()[-400:]}")

    def _log(self):
        with open(self.out + ".log", encoding="utf-8", errors="replace") as file:
            return file.read()

    def _told(self, said):
        return lambda: said in self._log() or self.process.poll() is not None


class Fdr(Tool):
    sums_only = False
    detail = "all"
    name = "fdr, all on"

    def arm(self):
        self.recorder = Recorder(self.scenario, "attach", "--syscalls", self.detail, self.work.pid)
        self.process = self.recorder.process

    def disarm(self):
        try:
            self.bundle = self.recorder.dump("bench")
        finally:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)

    def examine(self):
        manifest = self.bundle.manifest
        kept = sum(ring.get("kept", 0) for ring in manifest["rings"].values())
        if kept:
            self.bytes_per_event = os.path.getsize(os.path.join(self.bundle.path, "trace.pftrace")) / kept
        if manifest["stacks"]["samples"]:
            self.complete = manifest["stacks"]["share_complete"]


class FdrSummary(Fdr):
    detail = "summary"
    name = "fdr, summary"


class Strace(Tool):
    name = "strace -f -c"

    def arm(self):
        self.start(lambda out: ["strace", "-f", "-c", "-o", out, "-p", str(self.work.pid)], "attached")


class PerfTrace(Tool):
    name = "perf trace -s"

    def arm(self):
        self.start(lambda out: ["perf", "trace", "-s", "-o", out, "-p", str(self.work.pid)], None)


class PerfRecord(Tool):
    sums_only = False
    name = "perf record -g"
    options = ("-g",)

    def arm(self):
        # Two descriptors a thread and CPU: perf raises its own limit, up to the hard one.
        resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
        self.start(lambda out: ["perf", "record", "-F", "99", *self.options, "-o", out, "-p", str(self.work.pid)], None)
        # What it writes first, of the maps of its target, comes after its events were opened.
        wait_for(f"{self.name} armed", self._writing)

    def _writing(self):
        return self.process.poll() is not None or os.path.exists(self.out) and os.path.getsize(self.out)

    def examine(self):
        """Its own reader's stacks, the first some thousands."""
        samples = complete = 0
        with subprocess.Popen(["perf", "script", "-f", "--no-inline", "-i", self.out, "-F", "comm,tid,ip,sym"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                              errors="replace") as script:
            deadline, outermost, frames = time.monotonic() + _PRINT_SECONDS, "", 0
            for line in script.stdout:
                if line.strip() and line[0] in " \t" and frames >= 0 and re.match(r"\s+[0-9a-f]+ ", line):
                    outermost, frames = line.split(None, 1)[1].strip(), frames + 1
                elif not line.strip() and frames:
                    samples, complete = samples + 1, complete + bool(_ROOTS.fullmatch(outermost))
                    outermost, frames = "", 0
                    if samples >= _MOST_STACKS or time.monotonic() > deadline:
                        break
            script.kill()
        if samples:
            self.complete = complete / samples
        self._sizes()

    def _sizes(self):
        """Of the sample records alone: a short recording's file is mostly symbols of other programs."""
        sizes = []
        with subprocess.Popen(["sh", "-c", f"perf script -f -D -i '{self.out}' | grep -a ': PERF_RECORD_SAMPLE'"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                              errors="replace") as script:
            for line in script.stdout:
                match = re.search(r"\[(0x[0-9a-f]+)\]: PERF_RECORD_SAMPLE", line)
                if match:
                    sizes.append(int(match[1], 16))
                if len(sizes) >= _MOST_STACKS:
                    break
            script.kill()
        if sizes:
            self.bytes_per_event = sum(sizes) / len(sizes)


class PerfDwarf(PerfRecord):
    name = "perf record dwarf"
    options = ("--call-graph", "dwarf")


class Bpftrace(Tool):
    name = "bpftrace hist"

    def arm(self):
        script = f"""BEGIN {{ printf("armed\\n"); }}
tracepoint:raw_syscalls:sys_enter /comm == "{self.work.comm}"/ {{ @began[tid] = nsecs; @calls[args->id] = count(); }}
tracepoint:raw_syscalls:sys_exit /@began[tid]/ {{ @ns = hist(nsecs - @began[tid]); delete(@began[tid]); }}
END {{ clear(@began); }}"""
        self.start(lambda out: ["bpftrace", "-q", "-B", "none", "-e", script], "armed")
        time.sleep(0.5)  # the other probes follow BEGIN at once


ALL = (Tool, Fdr, FdrSummary, Strace, PerfTrace, PerfRecord, PerfDwarf, Bpftrace)
