"""A bundle as its readers see it: manifest, parts by `fdr show --json`, the first screen; and whether it is whole."""

import hashlib
import json
import os
import stat

from support.scenario import check, equal

FIRST_SCREEN_LINES = 24


class Bundle:
    def __init__(self, scenario, path):
        self.scenario = scenario
        self.path = path
        with open(os.path.join(path, "manifest.json"), encoding="utf-8") as file:
            self.manifest = json.load(file)

    # --- parts --------------------------------------------------------------------------------------------------------

    def show(self, part, *arguments):
        return json.loads(self.scenario.fdr("show", self.path, part, "--json", *arguments).stdout)

    def report(self):
        return json.loads(self.scenario.fdr("report", self.path, "--json").stdout)

    def first_screen(self):
        text = self.scenario.fdr("report", "--no-color", self.path).stdout
        lines = text.splitlines()[:FIRST_SCREEN_LINES]
        for line in lines:
            check(len(line) <= 80, f"a line of the first screen is wider than 80 columns: {line!r}")
        return "\n".join(lines)

    def ring(self, name):
        rings = self.manifest["rings"]
        check(name in rings, f"manifest.rings has no {name}: {sorted(rings)}")
        return rings[name]

    def ledger(self):
        with open(os.path.join(self.path, "ledger.ndjson"), encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def syscalls(self):
        """{name: row} of the exact summary."""
        return {row["name"]: row for row in self.show("syscalls")}

    def leaf_functions(self):
        """{innermost frame: samples}, most first."""
        counts = {}
        for row in self.show("stacks"):
            frames = row["stack"]
            frames = frames.split(";") if isinstance(frames, str) else frames
            if frames:
                counts[frames[-1]] = counts.get(frames[-1], 0) + row["samples"]
        return dict(sorted(counts.items(), key=lambda item: -item[1]))

    def functions(self):
        """{function: samples whose stack holds it}."""
        counts = {}
        for row in self.show("stacks"):
            frames = row["stack"]
            frames = frames.split(";") if isinstance(frames, str) else frames
            for frame in set(frames):
                counts[frame] = counts.get(frame, 0) + row["samples"]
        return counts

    # --- checks -------------------------------------------------------------------------------------------------------

    def check_whole(self):
        """Permissions, checksums, the promised keys, nothing half written beside it."""
        equal(stat.S_IMODE(os.stat(self.path).st_mode), 0o700, f"mode of {self.path}")
        equal(stat.S_IMODE(os.stat(os.path.dirname(self.path)).st_mode), 0o700, "mode of the bundles' directory")
        listed = self.manifest["files"]
        found = set()
        for folder, folders, files in os.walk(self.path):
            for name in folders:
                equal(stat.S_IMODE(os.lstat(os.path.join(folder, name)).st_mode), 0o700, f"mode of {folder}/{name}")
            for name in files:
                path = os.path.join(folder, name)
                relative = os.path.relpath(path, self.path)
                information = os.lstat(path)
                check(stat.S_ISREG(information.st_mode), f"{relative} is no regular file")
                equal(stat.S_IMODE(information.st_mode), 0o600, f"mode of {relative}")
                if relative == "manifest.json":
                    continue
                found.add(relative)
                check(relative in listed, f"{relative} is not in manifest.files")
                with open(path, "rb") as file:
                    equal(listed[relative]["sha256"], hashlib.sha256(file.read()).hexdigest(), f"sha256 of {relative}")
        equal(sorted(listed), sorted(found), "files of the manifest")
        for wanted in ("summary.txt", "trace.pftrace", "modules.json", "ledger.ndjson"):
            check(wanted in found, f"the bundle has no {wanted}")
        for folder in ("system/", "process/"):
            check(any(name.startswith(folder) for name in found), f"the bundle has nothing under {folder}")
        partial = [name for name in os.listdir(os.path.dirname(self.path)) if name.endswith(".partial")]
        equal(partial, [], "half written bundles")
        for key in ("format", "fdr.version", "host.name", "host.kernel", "host.cpus", "target.mode", "target.pids",
                    "trigger.name", "trigger.when", "trigger.value", "trigger.time", "trigger.monotonic_ns",
                    "window.start", "window.end", "window.before_s", "window.after_s", "clock.realtime_ns",
                    "clock.monotonic_ns", "clock.boottime_ns", "clock.anchors", "stacks.samples", "stacks.complete",
                    "stacks.share_complete", "stacks.reasons", "rings.life.asked_s", "rings.life.obtained_s",
                    "cost.cpu_seconds", "cost.rss_bytes", "cost.window_bytes", "cost.dump_seconds", "grade",
                    "signature"):
            value = self.manifest
            for part in key.split("."):
                check(isinstance(value, dict) and part in value, f"manifest.json has no {key}")
                value = value[part]

    def check_answers(self, trigger, expected_functions=(), expected_syscalls=()):
        """The first screen names the trigger with its value, the report a top function and a top syscall."""
        screen = self.first_screen()
        fired = self.manifest["trigger"]
        equal(fired["name"], trigger, "manifest.trigger.name")
        check(trigger in screen, f"the first screen does not name the trigger {trigger}:\n{screen}")
        text = fired.get("value_text")
        if text:
            check(text in screen, f"the first screen does not say the trigger's value {text!r}:\n{screen}")
        equal(self.report()["trigger"]["name"], trigger, "report --json trigger.name")

        leaves = list(self.leaf_functions())[:5]
        check(leaves, "no stack samples")
        report = self.scenario.fdr("report", "--no-color", self.path).stdout
        check(any(short(leaf) in report for leaf in leaves),
              f"none of the hottest functions {leaves} in the report:\n{report}")
        calls = self.syscalls()
        top = set()
        for key in ("calls", "total_ns", "cpu_ns"):
            top.update(sorted(calls, key=lambda name: -calls[name][key])[:3])
        check(any(name in report for name in top), f"none of the top calls {sorted(top)} in the report:\n{report}")
        if expected_functions:
            functions = {short(name) for name in self.functions()}
            missing = [name for name in expected_functions if name not in functions]
            equal(missing, [], f"functions missing from the stacks (there are {sorted(functions)[:80]})")
        for name in expected_syscalls:
            check(name in calls, f"system call {name} was not counted: {sorted(calls)}")
        return screen


def short(frame):
    """A frame's function, without arguments, template parameters or decorations: as the first screen may shorten it."""
    for end in ("(", "<", " [", "+0x"):
        at = frame.find(end)
        if at > 0:
            frame = frame[:at]
    return frame.strip()
