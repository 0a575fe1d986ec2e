"""A running `fdr attach` or `fdr run`, as a scenario sees it: armed, its bundles, its status, its end."""

import json
import os
import re
import signal
import subprocess

from support.bundle import Bundle
from support.scenario import FDR, Failure, check, equal, wait_for


class Recorder:
    """Started and armed when the constructor returns (wait=False: only started). Without default rules unless asked for. `through`: a command
    that becomes the recorder, as `strace -D` does."""

    def __init__(self, scenario, mode, *arguments, name=None, wait=True, default_rules=False, through=(), output=None, **options):
        self.scenario = scenario
        self.name = name or scenario.recorder_name()
        self.log = f"{self.name}.stderr"
        rules = [] if default_rules else ["--no-default-rules"]
        command = [*through, FDR, mode, "--name", self.name, "-o", output or scenario.bundles, *rules, *map(str, arguments)]
        self.process = scenario.spawn(command, name=self.name, **options)
        self.taken = 0
        if wait:
            self.wait_armed()

    @property
    def stderr(self):
        return self.scenario.read(self.log)

    def _alive_or(self, what):
        if self.process.poll() is not None:
            raise Failure(f"the recorder ended with {self.process.returncode} {what}:\n{self.stderr}")

    def wait_armed(self, seconds=30):
        def armed():
            entry = self._listed()
            if entry and entry["armed"]:
                return True
            self._alive_or("before it was armed")
            return False
        wait_for(f"recorder {self.name} armed", armed, seconds, every=0.05)

    def status(self):
        """This recorder's entry of `fdr status --json`."""
        entry = self._listed()
        check(entry and entry["armed"], f"fdr status --json does not list {self.name} as armed: {entry}")
        return entry

    def _listed(self):
        listed = json.loads(self.scenario.fdr("status", "--json").stdout)
        return next((entry for entry in listed if entry["name"] == self.name), None)

    def bundle_paths(self):
        return re.findall(r"^fdr: bundle (.+)$", self.stderr, re.M)

    def next_bundle(self, what, seconds=40, end=False):
        """The bundle after the last one taken, complete; those of episodes' ends are passed over, or (end=True) alone wanted."""
        def next_path():
            paths = self.bundle_paths()
            while len(paths) > self.taken and paths[self.taken].endswith("-end.fdr") != end:
                self.taken += 1
            return paths[self.taken] if len(paths) > self.taken else None

        def written():
            path = next_path()
            if path:
                return path
            self._alive_or(f"without a bundle for: {what}")
            return None

        def written_or_ended():
            try:
                return written()
            except Failure:
                path = next_path()  # the recorder may have ended right after its last line
                if path:
                    return path
                raise
        path = wait_for(f"a bundle for: {what}", written_or_ended, seconds)
        self.taken += 1
        return Bundle(self.scenario, path)

    def dump(self, reason):
        result = self.scenario.fdr("dump", self.name, "--reason", reason)
        path = result.stdout.strip()
        check(os.path.isdir(path), f"fdr dump printed {path!r}, which is no directory")
        wait_for("the recorder's own line on the dumped bundle", lambda: path in self.bundle_paths(), 10)
        self.taken = len(self.bundle_paths())
        return Bundle(self.scenario, path)

    def wait(self, seconds=40):
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"recorder {self.name} did not end within {seconds} s:\n{self.stderr}") from None

    def stop(self):
        """SIGTERM ends an attach with 0."""
        self.process.send_signal(signal.SIGTERM)
        equal(self.wait(), 0, "exit code of fdr attach after SIGTERM")


def record_command(scenario, command, *options, code=0, **more):
    """The bundle of a whole command: `fdr run --on-exit always`, which must end with `code`."""
    options = ("--on-exit", "always", "--after", "1s", *options)
    recorder = Recorder(scenario, "run", *options, "--", *command, wait=False, **more)
    equal(recorder.wait(120), code, f"exit code of fdr run -- {' '.join(command)}")
    return recorder.next_bundle("the command's end")
