"""A reproduction that is led: `reproduce --control`, its events read from its stdout, told to go on by a line on
stdin."""

import json
import os
import queue
import subprocess
import sys
import threading

import facts

# From the event before it to this one, at most; building programs comes before "ready".
_SECONDS = {"ready": 300, "trouble": 120, "symptom": 150, "end": 150}


class NoSymptom(Exception):
    """The reproduction ended, or hung, without showing what it is for. Says why."""


class Led:
    """Use as a context manager: whatever happens, the reproduction is asked to end, and cleans up after itself."""

    def __init__(self, incident, variant, directory, options=()):
        self.log = os.path.join(directory, "reproduce.log")
        script = os.path.join(facts.HERE, incident, "reproduce")
        command = [sys.executable, "-B", script, "--control", "--variant", variant, *options]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                                            text=True)
        self.events = {}  # {kind: the first event of it}
        self._queue = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            try:
                self._queue.put(json.loads(line))
            except json.JSONDecodeError:
                self._queue.put({"event": "noise", "text": line.strip()})
        self._queue.put(None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
        self._reader.join(5)
        self.process.stdin.close()

    def wait(self, kind):
        """The event of this kind; those before it are kept in events."""
        while kind not in self.events:
            try:
                event = self._queue.get(timeout=_SECONDS[kind])
            except queue.Empty:
                raise NoSymptom(f"no '{kind}' within {_SECONDS[kind]} s: {self._last_words()}") from None
            if event is None:
                raise NoSymptom(f"ended before '{kind}': {self._last_words()}")
            self.events.setdefault(event["event"], event)
        return self.events[kind]

    def go_on(self):
        try:
            self.process.stdin.write("\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it ended meanwhile; the next wait() says so

    def _last_words(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            lines = [line for line in file.read().splitlines() if line.strip()]
        return " | ".join(lines[-3:]) or "it said nothing"

    @property
    def truth(self):
        """What the reproduction knows of itself, without the event's own fields."""
        return {key: value for key, value in self.events.get("truth", {}).items()
                if key not in ("event", "realtime", "monotonic")}
