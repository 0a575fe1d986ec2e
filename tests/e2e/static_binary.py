#!/usr/bin/python3
"""The static program is one file that needs nothing of a host: it runs where there is nothing else at all, reads a bundle there, packs it
and records a program, with /proc and /sys; and it reads on a kernel that has none of the system calls made since Linux 3.10."""

import os
import shutil
import struct

from support.scenario import FDR, ROOT, Scenario, Skip, check, equal, program

STATIC = os.environ.get("FDR_STATIC", FDR + "-static")
READER = os.environ.get("FDR_READER_STATIC", FDR + "-reader-static")
MOST_MB = 12
GOLDEN = os.path.join(ROOT, "tests/golden/bundles/format-1.fdr")
PT_DYNAMIC, PT_INTERP, DT_NEEDED = 2, 3, 1
# Newer than 3.10, of those that programs of today ask for first (man-pages, syscalls(2)).
SINCE_3_10 = ("renameat2", "getrandom", "memfd_create", "execveat", "membarrier", "copy_file_range", "preadv2", "pwritev2", "statx", "rseq",
              "io_uring_setup", "pidfd_open", "clone3", "close_range", "openat2", "pidfd_getfd", "faccessat2", "epoll_pwait2")


def program_headers(path):
    """[(type, offset, size)] of a 64-bit ELF file."""
    with open(path, "rb") as file:
        head = file.read(64)
        check(head[:4] == b"\x7fELF", f"{path} is no ELF file")
        (at,), (size, count) = struct.unpack_from("<Q", head, 32), struct.unpack_from("<HH", head, 54)
        file.seek(at)
        table = file.read(size * count)
    return [(kind, offset, length) for kind, _, offset, _, _, length, _, _ in struct.iter_unpack("<IIQQQQQQ", table)]


def needs_nothing(scenario, path):
    headers = program_headers(path)
    check(PT_INTERP not in {kind for kind, _, _ in headers}, f"{path} asks for an interpreter")
    with open(path, "rb") as file:
        data = file.read()
    for kind, offset, length in headers:
        if kind == PT_DYNAMIC:
            tags = [tag for tag, _ in struct.iter_unpack("<QQ", data[offset:offset + length])]
            check(DT_NEEDED not in tags, f"{path} needs shared libraries")
    said = scenario.run(["ldd", path])
    check("statically linked" in said.stdout + said.stderr or "not a dynamic executable" in said.stdout + said.stderr, f"ldd: {said.stdout}{said.stderr}")
    check(b"libdebuginfod.so" not in data and b"libnss_" not in data, f"{path} would load a library")
    check(len(data) <= MOST_MB << 20, f"{path} has {len(data)} bytes")
    return len(data)


class Empty:
    """A directory that is somebody's root, with nothing in it but the program and what it is to read."""

    def __init__(self, scenario, path, name):
        self.scenario, self.root = scenario, scenario.path(name)
        os.mkdir(self.root)
        shutil.copy(path, os.path.join(self.root, "fdr"))
        shutil.copytree(GOLDEN, os.path.join(self.root, "bundle.fdr"))

    def run(self, *arguments, mounts="", **options):
        script = f"set -e\n{mounts}\nexec chroot . /fdr \"$@\""
        return self.scenario.run(["unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh", *arguments], cwd=self.root, **options)

    def whole(self, *arguments, **options):
        result = self.run(*arguments, **options)
        equal(result.returncode, 0, f"{arguments} in an empty root: {result.stderr}")
        return result.stdout

    def reads(self):
        equal(self.whole("--version"), self.scenario.fdr("--version").stdout, "its version")
        outside = self.scenario.fdr("report", "--no-color", GOLDEN).stdout
        equal(self.whole("report", "--no-color", "/bundle.fdr").replace("/bundle.fdr", GOLDEN), outside, "a report without anything around")
        page = self.whole("report", "--html", "/page.html", "/bundle.fdr")
        check(os.path.getsize(os.path.join(self.root, "page.html")) > 50000, f"the page: {page}")
        os.mkdir(os.path.join(self.root, "tmp"))
        self.whole("pack", "/bundle.fdr", "-o", "/case.zip")
        equal(self.whole("report", "--no-color", "/case.zip").splitlines()[1:], self.whole("report", "--no-color", "/bundle.fdr").splitlines()[1:], "a zip, read and written there")
        self.whole("check", "--defaults")

    def records(self):
        """With /proc and /sys, and nobody's programs but one."""
        for name in ("proc", "sys", "run", "bundles"):
            os.mkdir(os.path.join(self.root, name))
        shutil.copy(program("steady_static"), os.path.join(self.root, "steady"))
        result = self.run("run", "--name", self.scenario.recorder_name(), "-o", "/bundles", "--no-default-rules", "--on-exit", "always", "--after", "0s", "--", "/steady", "1.5",
                          mounts="mount -t proc proc proc\nmount -t sysfs sysfs sys", seconds=120)
        equal(result.returncode, 0, f"fdr run in an empty root: {result.stderr}")
        bundles = [name for name in os.listdir(os.path.join(self.root, "bundles")) if name.endswith(".fdr")]
        equal(len(bundles), 1, f"bundles: {result.stderr}")
        stacks = self.whole("show", "/bundles/" + bundles[0], "stacks")
        check("static_outer" in stacks and "static_inner" in stacks, f"stacks of the recorded program:\n{stacks}")
        manifest = os.path.join(self.root, "bundles", bundles[0], "manifest.json")
        with open(manifest, encoding="utf-8") as file:
            check('"backend": "bpf"' in file.read().replace('":"', '": "'), f"the backend in {manifest}")


def on_an_old_kernel(scenario, path):
    """Its report is the same, with each of those calls refused; without that one had been used nothing would be said."""
    scenario.need("strace")
    trace = scenario.path("calls")
    refused = ["strace", "-f", "-qq", "-o", trace, "-e", "trace=" + ",".join(SINCE_3_10), "-e", "inject=" + ",".join(SINCE_3_10) + ":error=ENOSYS", path]
    plain = scenario.run([path, "report", "--no-color", GOLDEN])
    old = scenario.run([*refused, "report", "--no-color", GOLDEN])
    equal((old.returncode, old.stdout), (0, plain.stdout), f"a report on an old kernel: {old.stderr}")
    with open(trace, encoding="utf-8") as file:
        check("(INJECTED)" in file.read(), "no call was refused: this says nothing")
    bundle = os.path.join(scenario.directory, "old.fdr")
    shutil.copytree(GOLDEN, bundle)
    written = lambda kind, when: ["-o", scenario.path(f"{kind}.{when}")]
    for arguments, kind in ((["show", bundle, "stacks"], None), (["export", bundle, "--format", "perfetto"], "trace"), (["pack", bundle, "--redact"], "zip"),
                            (["verify", bundle], None), (["diff", bundle, bundle], None)):
        then, now = [scenario.run([*prefix, *arguments, *(written(kind, when) if kind else [])]) for when, prefix in (("then", refused), ("now", [path]))]
        equal((then.returncode, kind is None and then.stdout), (now.returncode, kind is None and now.stdout), f"{arguments} on an old kernel: {then.stderr}")
        check(kind is None or os.path.getsize(scenario.path(f"{kind}.then")) > 0, f"{arguments} on an old kernel wrote nothing")


with Scenario(__file__) as scenario:
    for path in (STATIC, READER):
        if not os.access(path, os.X_OK):
            raise Skip(f"{path} is not built (cmake --build --preset static)")
    print(f"static_binary: {needs_nothing(scenario, STATIC)} bytes")
    on_an_old_kernel(scenario, STATIC)
    print(f"static_binary: the reader alone {needs_nothing(scenario, READER)} bytes")
    equal([scenario.run([path, "status", "--json"]).returncode for path in (STATIC, READER)], [0, 2], "who knows of recorders")
    scenario.need_root()
    empty = Empty(scenario, STATIC, "empty")
    empty.reads()
    empty.records()
    Empty(scenario, READER, "reader").reads()
