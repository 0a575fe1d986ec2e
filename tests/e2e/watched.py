#!/usr/bin/python3
"""`[[log]]`, `[[metric]]` and `[[notify]]` together: a log that is rotated while it is written to fires a rule on its rate, a
metric of a command, of a Prometheus page and of the log's lines are in the bundle under their names, and a command is
told of it. What cannot be had is said: in the status, and in the bundle's losses.
"""

import http.server
import os
import threading
import time

from support.recorder import Recorder
from support.scenario import Scenario, check, equal, program, wait_for

RULES = """
window = {{ span = "20s", after = "1s" }}

[[trigger]]
name = "errors"
when = "rate(log.app) > 12/s and pages > 20"

[[log]]
name = "app"
file = "{directory}/app.log"
pattern = 'ERROR [a-z]+'

[[log]]
name = "absent"
file = "{directory}/absent.log"

[[metric]]
name = "words"
command = ["sh", "-c", "wc -w < {directory}/words"]
every = "1s"

[[metric]]
name = "pages"
url = "http://127.0.0.1:{port}/metrics"
series = 'pages_total{{kind="hit"}}'
every = "1s"

[[metric]]
name = "depth"
log = "app"
pattern = 'depth ([0-9.]+)'

[[metric]]
name = "broken"
command = ["sh", "-c", "exit 3"]
every = "1s"

[[notify]]
name = "pager"
command = ["sh", "-c", "cat > {directory}/told; env > {directory}/told.env; exit 7"]
"""
PAGE = b'# TYPE pages_total counter\npages_total{kind="hit",node="a"} 20\npages_total{kind="hit",node="b"} 3\npages_total{kind="miss"} 99\n'


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_):
        pass


def named(rows, name):
    return next((row for row in rows if row["name"] == name), None)


with Scenario(__file__) as scenario:
    scenario.need_root()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name, contents in (("words", "one two three\n"), ("app.log", "ERROR old\n"),
                           ("rules.toml", RULES.format(directory=scenario.directory, port=server.server_port))):
        with open(scenario.path(name), "w", encoding="utf-8") as file:
            file.write(contents)
    said = scenario.fdr("check", scenario.path("rules.toml")).stdout
    for words in ("log.app counts lines that match ERROR [a-z]+", "the series pages_total{kind=\"hit\"} (their sum, where several match)", "pager: runs `sh -c "):
        check(words in said, f"{words!r} is not in what fdr check says:\n{said}")

    duty = scenario.spawn([program("duty"), "10"])
    recorder = Recorder(scenario, "attach", "-c", scenario.path("rules.toml"), duty.pid,
                        env={**os.environ, "FDR_E2E_SECRET": "hidden"})
    status = wait_for("the metrics read", lambda: (lambda found: found if all(
        named(found["metrics"], name)["value"] is not None for name in ("words", "pages")) and
        named(found["metrics"], "broken")["note"] != "not read yet" else None)(recorder.status()))
    equal([named(status["metrics"], name)["value"] for name in ("words", "pages", "depth", "broken")], [3, 23, None, None], "metrics")
    equal(named(status["metrics"], "pages")["note"], "the sum of 2 series", "what pages is made of")
    check("exit code 3" in named(status["metrics"], "broken")["note"], f"why broken is unknown: {status['metrics']}")
    equal(named(status["logs"], "app")["lines"], 0, "lines of the log before the recording")
    equal(named(status["logs"], "absent")["problem"], "No such file or directory", "why the absent log says nothing")

    # Too few errors to fire; then the log is moved away and begun anew, as logrotate does, and goes on with more.
    log = scenario.path("app.log")
    written = 0
    with open(log, "a", encoding="utf-8", buffering=1) as file:
        file.write("up, depth 4\n")
        wait_for("the quiet line read", lambda: named(recorder.status()["logs"], "app")["lines"] == 1)
        for written in range(1, 9):
            file.write(f"ERROR refused by peer {written} \x1b[31m\n")
    os.rename(log, log + ".1")
    with open(log, "a", encoding="utf-8", buffering=1) as file:
        while not recorder.bundle_paths():
            written += 1
            file.write(f"ERROR refused by peer {written} depth 7.5\n")
            check(written < 2000, f"no bundle after {written} errors:\n{recorder.stderr}")
            time.sleep(0.02)
    bundle = recorder.next_bundle("errors in the log")
    bundle.check_whole()
    equal(bundle.manifest["trigger"]["name"], "errors", "rule that fired")

    groups = bundle.show("logs")
    refused = [row for row in groups if row["template"].startswith("ERROR refused by peer <n>")]
    check(len(refused) == 2 and all(row["source"] == "app" for row in refused), f"templates: {groups}")
    moved = next(row for row in refused if "[" in row["template"])
    equal(moved["count"], 8, "lines written before the rotation")
    check("\x1b" not in scenario.fdr("show", bundle.path, "logs").stdout, "an escape reaches the terminal")
    check(max(row["rate"] for row in refused) > 1, f"rates: {refused}")
    check(not any("old" in row["template"] for row in groups), "a line from before the recording is told")
    check(any(row["kind"] == "log" and "refused by peer" in row["text"] for row in bundle.show("timeline")), "no line on the timeline")
    values = {row["name"]: row["at_trigger"] for row in bundle.show("metrics")}
    equal((values["words"], values["pages"], values["depth"]), (3, 23, 7.5), "metrics of the bundle")
    check("broken" not in values and "log.absent" not in values, "a metric that fails has a value")
    check("log absent" in "\n".join(bundle.manifest["losses"]), f"the absent log is no loss: {bundle.manifest['losses']}")

    wait_for("the notification's end", lambda: named(recorder.status()["notify"], "pager")["told"] == 1)
    pager = named(recorder.status()["notify"], "pager")
    equal((pager["failed"], pager["problem"][:11]), (1, "exit code 7"), "the notification")
    check("notify pager: exit code 7" in recorder.stderr, "the failed notification is not told on stderr")
    with open(os.path.join(bundle.path, "summary.txt"), encoding="utf-8") as file:
        equal(scenario.read("told"), file.read(), "what the notification was given")
    environment = dict(line.split("=", 1) for line in scenario.read("told.env").splitlines())
    equal((environment["FDR_BUNDLE"], environment["FDR_RULE"]), (bundle.path, "errors"), "environment of the notification")
    check(environment["FDR_REASON"].startswith("rate(log.app) > 12/s"), f"reason: {environment}")
    check("FDR_E2E_SECRET" not in environment, "the notification has the recorder's environment")
    recorder.stop()
    print(f"watched: fired after {written} errors over a rotation")
