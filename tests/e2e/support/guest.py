"""A guest of qemu: a kernel of Debian's, an initramfs of busybox, fdr, programs to record and the libraries of all, its serial console in a
file; and, where wanted, a disk that outlives it when its power is cut."""

import gzip
import os
import re
import shutil
import subprocess

from support.scenario import FDR, ROOT, Failure, Skip, check, program, wait_for

MODULES = ("virtio_ring", "virtio", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci", "virtio_blk")
DISK_MB = 64
_KVM = ["-accel", "kvm", "-cpu", "host,-arch-capabilities"]
INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
{disk}
. /commands
"""
MOUNT_DISK = f"""for module in {' '.join(MODULES)}; do [ -e /modules/$module.ko ] && insmod /modules/$module.ko; done
mount -t ext4 /dev/vda /var/lib/fdr"""


def _cpio(entries):
    """An archive as the kernel unpacks it (Documentation/driver-api/early-userspace/buffer-format.rst): [(name, mode, bytes)]."""
    out = bytearray()
    for number, (name, mode, data) in enumerate([*entries, ("TRAILER!!!", 0, b"")]):
        fields = (number + 1, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        out += b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
        out += b"\0" * (-len(out) % 4) + data
        out += b"\0" * (-len(out) % 4)
    return bytes(out)


def _libraries(path):
    text = subprocess.run(["ldd", path], capture_output=True, text=True, check=False).stdout
    return set(re.findall(r"(/\S+) \(0x", text))


class Guest:
    def __init__(self, scenario, commands, suite=None, files=None, disk=True, kvm=True):
        """`commands`: NAME -> a script of busybox's shell, what the guest does when it is booted by that name. `suite`: the release of Debian
        whose kernel it has, by default the host's. `files`: path in the guest -> path here, in place of the program duty; what is executable
        brings its libraries."""
        self.scenario = scenario
        try:
            scenario.need("qemu-system-x86_64", "busybox", "mkfs.ext4", "debugfs")
        except Skip as reason:
            raise Skip(f"allowed: {reason} --guest") from None
        found = scenario.run([os.path.join(ROOT, "tests/guest_kernel"), *([suite] if suite else [])], seconds=500)
        if found.returncode:
            raise Skip(f"allowed: {found.stderr.strip()}")
        self.kernel = found.stdout.strip()
        self.disk = scenario.path("disk") if disk else None
        self.files = {"bin/busybox": shutil.which("busybox"), "bin/fdr": FDR, **(files or {"bin/duty": program("duty")})}
        self.initrds = {name: self._initrd(name, script) for name, script in commands.items()}
        self.boots = 0
        # Without cmpxchg16b, which this qemu (7.2) emulates wrongly at times: the flags behind it are those of another instruction, and the guest dies.
        self.accelerator = ["-accel", "tcg,thread=multi", "-cpu", "max,-cx16"]
        if kvm and os.access("/dev/kvm", os.R_OK | os.W_OK) and self._boots_with_kvm(next(iter(commands))):
            self.accelerator = _KVM
        print(f"guest: {self.accelerator[1]}")

    def _boots_with_kvm(self, name):
        """Nested virtualization may be there and not work."""
        if self.disk:
            self.new_disk()
        accelerator, self.accelerator = self.accelerator, _KVM
        boot = self.boot(name)
        self.accelerator = accelerator
        try:
            boot.wait_for(r"fdr", 30)
            return True
        except Failure:
            return False
        finally:
            boot.cut_power()

    def _initrd(self, name, script):
        directories = {"bin", "dev", "proc", "sys", "run", "tmp", "modules", "var", "var/lib", "var/lib/fdr", "root"}
        files = {"init": INIT.format(disk=MOUNT_DISK if self.disk else "").encode(), "commands": script.encode(), **self.files}
        for module in MODULES:
            path = os.path.join(self.kernel, "modules", f"{module}.ko")
            if self.disk and os.path.exists(path):
                files[f"modules/{module}.ko"] = path
        for path in set().union(*(_libraries(path) for path in self.files.values() if os.access(path, os.X_OK))):
            files[path.lstrip("/")] = path
        for path in list(files):
            while "/" in path:
                path = path.rpartition("/")[0]
                directories.add(path)
        entries = [(path, 0o40755, b"") for path in sorted(directories)]
        for path, content in files.items():
            if isinstance(content, str):
                with open(content, "rb") as file:
                    content = file.read()
            entries.append((path, 0o100755, content))
        initrd = self.scenario.path(f"{name}.initrd")
        with open(initrd, "wb") as file:
            file.write(gzip.compress(_cpio(entries), 1))
        return initrd

    def new_disk(self):
        with open(self.disk, "wb") as file:
            file.truncate(DISK_MB << 20)
        made = self.scenario.run(["mkfs.ext4", "-q", "-F", self.disk])
        check(made.returncode == 0, f"mkfs.ext4: {made.stderr}")

    def boot(self, name):
        self.boots += 1
        log = f"{name}-{self.boots}"
        drive = ["-drive", f"file={self.disk},if=virtio,format=raw"] if self.disk else []
        arguments = ["qemu-system-x86_64", *self.accelerator, "-m", "1024", "-smp", "2", "-kernel", os.path.join(self.kernel, "vmlinuz"), "-initrd", self.initrds[name],
                     "-append", "console=ttyS0 quiet panic=-1 no_timer_check", *drive, "-display", "none", "-serial", "stdio", "-monitor", "none", "-nic", "none", "-no-reboot"]
        return Boot(self.scenario, log, self.scenario.spawn(arguments, name=log))

    def take_out(self, directory, to):
        """Copies a directory out of the disk."""
        os.makedirs(to, exist_ok=True)
        self.scenario.run(["debugfs", "-R", f"rdump {directory} {to}", self.disk])


class Boot:
    def __init__(self, scenario, log, process):
        self.scenario, self.log, self.process = scenario, f"{log}.stdout", process

    @property
    def said(self):
        return self.scenario.read(self.log)

    def wait_for(self, pattern, seconds=600):
        def found():
            match = re.search(pattern, self.said)
            if not match and self.process.poll() is not None:
                raise Failure(f"the guest ended without {pattern!r}: {self.said[-3000:]}\n{self.scenario.read(self.log.replace('.stdout', '.stderr'))}")
            return match
        return wait_for(f"the guest says {pattern!r}", found, seconds)

    def cut_power(self):
        self.process.kill()
        self.process.wait()
