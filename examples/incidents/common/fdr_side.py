"""fdr in a scored run: armed beside the incident, its bundles, and what it answers about them.

Armed with as much of the operator's config.toml as it accepts. A bundle counts if a rule fired in the trouble; what a
rule wrote while all was well is a false alarm, and said so. Where no rule fires, a bundle is asked for, as somebody on
call would.
"""

import json
import os
import re
import signal
import subprocess
import time

import config_cut
import facts
import incident

FDR = os.path.abspath(os.environ.get("FDR", os.path.join(incident.ROOT, "build/release/fdr")))
BACKENDS = {"auto": [], "bpf": [], "perf": [], "proc": ["--allow-ptrace"]}  # with what an operator would allow it
# Which have what no ring of the manifest tells, as facts.RECORDS names it: samples by a clock; stalls in reclaim; sends; paths and stacks of
# slow and failed calls.
_OF_BACKEND = {"bpf": {"clock", "reclaim", "sends", "details"}, "perf": {"clock"}}
_ARMED_SECONDS = 30
_BUNDLE_LEAST_SECONDS = 8  # after the symptom: a rule that fires a little later writes `after` seconds later
_BUNDLE_MOST_SECONDS = 20
_ANSWER_SECONDS = 60


class Failed(Exception):
    """fdr could not be armed, or ended on its own. Says why."""


class Bundle:
    """One that was written: by which rule, when (seconds of the clock), or asked for because no rule fired."""

    def __init__(self, path, asked=False):
        self.path, self.asked = path, asked
        with open(os.path.join(path, "manifest.json"), encoding="utf-8") as file:
            manifest = json.load(file)
        trigger = manifest["trigger"]
        self.rule, self.realtime = trigger["name"], trigger["realtime_ns"] / 1e9
        self.backend = manifest["backend"]
        self.records = set(manifest["rings"]) | _OF_BACKEND.get(self.backend, set())
        self._answers = {}

    def answer(self, fact):
        """(file with fdr's answer as JSON, None), or (None, why there is none). Each command is run once."""
        if fact.command not in self._answers:
            self._answers[fact.command] = self._ask(fact)
        return self._answers[fact.command]

    def _ask(self, fact):
        out = os.path.join(os.path.dirname(self.path), f"{len(self._answers)}.{os.path.basename(self.path)}.json")
        with open(out, "wb") as file:
            try:
                run = subprocess.run([FDR, *facts.arguments(fact, self.path)], stdout=file, stderr=subprocess.PIPE,
                                     stdin=subprocess.DEVNULL, timeout=_ANSWER_SECONDS, check=False)
            except subprocess.TimeoutExpired:
                return None, f"fdr {fact.command}: no answer within {_ANSWER_SECONDS} s"
        if run.returncode:
            said = run.stderr.decode(errors="replace").splitlines()
            return None, said[0] if said else f"exit code {run.returncode}"
        return out, None


class Recorder:
    """`fdr attach` with the incident's configuration; armed when the constructor returns. With `default_rules` only whom to
    watch is taken from it.
    """

    def __init__(self, name, config, directory, default_rules=False, backend="auto"):
        if not os.access(FDR, os.X_OK):
            raise Failed(f"{FDR} is not built")
        self.name = f"{name}-{os.getpid()}"
        self.directory = os.path.join(directory, "fdr")
        self.log = os.path.join(directory, "fdr.log")
        os.mkdir(self.directory, 0o700)
        reduced = os.path.join(directory, "config.toml")
        try:
            self.cuts = config_cut.accepted(FDR, config, reduced)
        except config_cut.Refused as error:
            raise Failed(f"nothing of {os.path.basename(config)} can be armed: {error}") from error
        if default_rules:
            with open(reduced, encoding="utf-8") as file:
                alone = config_cut.targets_alone(file.read())
            with open(reduced, "w", encoding="utf-8") as file:
                file.write(alone)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [FDR, "attach", "--backend", backend, *BACKENDS[backend], "-c", reduced, "--name", self.name, "-o", self.directory],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=incident.die_with_parent)
        self._wait_armed()

    def _said(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def _wait_armed(self):
        deadline = time.monotonic() + _ARMED_SECONDS
        while True:
            told = subprocess.run([FDR, "status", "--json"], capture_output=True, text=True, timeout=30, check=False)
            if any(entry["name"] == self.name and entry["armed"] for entry in json.loads(told.stdout or "[]")):
                return
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise Failed("not armed: " + " ".join(self._said().split()))
            time.sleep(0.1)

    def _bundles(self):
        return [Bundle(path) for path in re.findall(r"^fdr: bundle (.+)$", self._said(), re.MULTILINE)]

    def bundles(self, trouble, progress):
        """(bundles of the trouble, false alarms before it). Called at the symptom, which lasts meanwhile."""
        begin = time.monotonic()
        while True:
            found = self._bundles()
            fired = [bundle for bundle in found if bundle.realtime >= trouble]
            waited = time.monotonic() - begin
            if waited >= (_BUNDLE_LEAST_SECONDS if fired else _BUNDLE_MOST_SECONDS) or self.process.poll() is not None:
                break
            progress(f"{len(fired) or 'no'} bundle{'s' * (len(fired) != 1)} so far")
            time.sleep(0.1)
        early = [bundle for bundle in found if bundle.realtime < trouble]
        return fired or self._asked_for(), early

    def written_since(self, known):
        """Bundles beside these: when the recorder stops, episodes that still go on get the one of their end."""
        paths = {bundle.path for bundle in known}
        return [bundle for bundle in self._bundles() if bundle.path not in paths]

    def _asked_for(self):
        run = subprocess.run([FDR, "dump", self.name, "--reason", "symptom"], capture_output=True, text=True,
                             timeout=60, check=False)
        if run.returncode:
            raise Failed(f"fdr dump: {run.stderr.strip()}; fdr attach: {' '.join(self._said().split()[-40:])}")
        return [Bundle(run.stdout.strip(), asked=True)]

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
