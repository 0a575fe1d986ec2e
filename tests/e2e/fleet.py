#!/usr/bin/python3
"""examples/fleet, on two ClickHouse shards on loopback: more than a hundred bundles (three real ones, and their rows under other hosts and
weeks) are loaded by a loader that is killed in the middle, again, and once more; every query then says what `fdr` says of the bundles."""

import calendar
import collections
import datetime
import functools
import gzip
import hashlib
import json
import math
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import threading

from support.bundle import Bundle
from support.clickhouse import FLEET, start_cluster
from support.recorder import Recorder, record_command
from support.scenario import FDR, ROOT, Scenario, check, equal, program, wait_for

LABELLED = 105  # bundles made of the real ones' rows
HOSTS = 43
WEEKS = 7
BATCH = 1500    # rows: less than a bundle has, so that a killed loader leaves halves


def seconds(text):
    return calendar.timegm(datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").timetuple())


@functools.lru_cache(maxsize=None)
def later(text, weeks):
    moved = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ") + datetime.timedelta(weeks=weeks)
    return moved.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moved.microsecond // 1000:03}Z"


def sql_time(second):
    return datetime.datetime.fromtimestamp(second, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S")


def monday(second):
    day = datetime.datetime.fromtimestamp(second, datetime.timezone.utc).date()
    return str(day - datetime.timedelta(days=day.weekday()))


class Said:
    """What fdr itself says of a bundle, by the commands that a person would use."""

    def __init__(self, scenario, bundle):
        self.scenario, self.path = scenario, bundle.path
        self.findings = [one for one in bundle.report()["findings"] if one["verdict"] == "for"]
        self.changed = [row for row in self.json("diff", "--within", bundle.path, "--json", code=None).get("stacks", []) if row["base"] != row["now"]]
        self.failed = [row for row in bundle.show("failed") if row["error"] == "ENOENT" and row["directory"] is not None]
        self.events = bundle.show("timeline")
        self.grade = self.json("verify", bundle.path, "--json")["grade"]
        self.trigger = bundle.manifest["trigger"]
        self.host = bundle.manifest["host"]["name"]
        zipped = scenario.path(os.path.basename(bundle.path) + ".zip")
        self.signature, self.signed_by, stack = scenario.fdr("pack", bundle.path, "-o", zipped).stdout.rstrip("\n").split(" ", 2)
        self.top_stack = stack.replace("<", " < ")

    def json(self, *arguments, code=0):
        text = self.scenario.fdr(*arguments, code=code).stdout
        return json.loads(text) if text else {}


class One:
    """A bundle of the fleet: whose recording, under which name and of which week."""

    def __init__(self, said, host, weeks, name):
        self.said, self.host, self.weeks, self.name = said, host, weeks, name
        self.fired = seconds(later(said.trigger["time"], weeks))


class Row:
    def __init__(self, line):
        self.row = json.loads(line)
        self.time = self.row["time"]
        self.rest = line[line.index('","kind":'):] + "\n"


def labelled(rows, number, host, weeks, name):
    """Rows of a bundle as if another host had recorded them, some weeks later. FORMAT.md says what makes a bundle another: its first row's name."""
    first = rows[0]
    yield json.dumps({**first.row, "bundle": name, "host": host, "time": later(first.time, weeks),
                      "name": hashlib.sha256(f"{first.row['name']} {number}".encode()).hexdigest()}) + "\n"
    begin = f'{{"bundle":"{name}","host":"{host}","time":"'
    for row in rows[1:]:
        yield begin + later(row.time, weeks) + row.rest


def write(path, lines):
    with (gzip.open if path.endswith(".gz") else open)(path, "wt", encoding="utf-8") as file:
        file.writelines(lines)


class Loader:
    def __init__(self, scenario, shards):
        self.scenario, self.shards = scenario, shards
        self.place = scenario.path("spool")

    def command(self, *options):
        return [sys.executable, os.path.join(FLEET, "load"), "--server", self.shards[0].url, "--fdr", FDR, *options, self.place]

    def run(self, *options, code=0):
        result = self.scenario.run(self.command(*options), seconds=240)
        self.stderr = result.stderr
        return self.figures(result, code)

    def again(self, terminal):
        return self.figures(subprocess.run(self.command("--again"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=terminal, text=True, timeout=240), 0)

    def figures(self, result, code):
        """Bundles loaded, there before, failed, not finished; rows."""
        equal(result.returncode, code, f"exit code of load: {result.stdout}{result.stderr}")
        found = re.fullmatch(r"(\d+) bundles loaded, (\d+) were there, (\d+) failed, (\d+) not finished; (\d+) rows in ([\d.]+) s, (\d+) rows/s\n", result.stdout)
        check(found, f"load says {result.stdout!r}")
        self.rate = int(found[7])
        return [int(found[i]) for i in range(1, 6)]

    def committed(self):
        return self.shards[0].number("SELECT uniqExact(id) FROM fdr.loads")

    def counted(self):
        return self.shards[1].number("SELECT count() FROM fdr.rows WHERE (id, load) IN fdr.loaded")

    def halves(self):
        """Rows of bundles that are not there whole."""
        return self.shards[1].number("SELECT count() FROM fdr.rows WHERE (id, load) NOT IN fdr.loaded")

    def kill_in_the_middle(self, total):
        """SIGKILL where some bundles are there and of others a part: looked at while it is stopped, and its last request has been answered."""
        child = self.scenario.spawn(self.command("--batch", str(BATCH), "--jobs", "2"), name="load")
        def in_the_middle():
            check(child.poll() is None, f"load ended before it could be killed: {self.scenario.read('load.stderr')}")
            if not total // 4 < self.committed() < total - 20:
                return False
            child.send_signal(signal.SIGSTOP)
            wait_for("its requests to be done", lambda: all(s.number("SELECT count() FROM system.processes WHERE query LIKE 'INSERT%'") == 0 for s in self.shards))
            if self.halves() > 0:
                return True
            child.send_signal(signal.SIGCONT)
            return False
        wait_for("the load half done", in_the_middle, 120)
        child.kill()
        child.wait()


def on_terminal(run):
    """What `run`, which is given a terminal for its standard error, writes there."""
    ours, theirs = pty.openpty()
    shown = []
    reader = threading.Thread(target=lambda: shown.extend(iter(lambda: read_terminal(ours), b"")))
    reader.start()
    try:
        run(theirs)
    finally:
        os.close(theirs)
        reader.join()
        os.close(ours)
    return b"".join(shown).decode()


def read_terminal(ours):
    try:
        return os.read(ours, 4096)
    except OSError:  # the other end is closed
        return b""


class Queries:
    def __init__(self, scenario, shard):
        self.scenario, self.shard = scenario, shard
        self.names = {line.split()[0] for line in self.ask().splitlines()}

    def ask(self, *arguments):
        result = self.scenario.run([sys.executable, os.path.join(FLEET, "ask"), "--server", self.shard.url, *arguments])
        equal(result.returncode, 0, f"exit code of ask {' '.join(arguments)}: {result.stderr}")
        return result.stdout

    def rows(self, *arguments):
        self.names.discard(arguments[0])
        return [json.loads(line) for line in self.ask("--format", "JSONEachRow", *arguments).splitlines()]


def number(value):
    return float(value) if value is not None else None


def same(got, wanted, what):
    """Rows of the same keys and values; figures to nine digits, as sums depend on their order."""
    def near(a, b):
        if isinstance(b, float):
            return math.isclose(number(a), b, rel_tol=1e-9, abs_tol=1e-9)
        return number(a) == b if isinstance(b, int) else a == b
    equal(len(got), len(wanted), f"{what}: rows")
    for a, b in zip(got, wanted):
        check(set(a) == set(b) and all(near(a[key], b[key]) for key in b), f"{what}: got {a}, wanted {b}")


def check_hosts_by_finding(queries, fleet):
    groups = collections.defaultdict(list)
    for one in fleet:
        for finding in one.said.findings:
            groups[monday(one.fired), finding["id"]].append((one, finding["score"]))
    wanted = [{"week": week, "finding": finding, "hosts": len({one.host for one, _ in group}), "bundles": len(group), "highest_score": float(max(score for _, score in group)),
               "which": sorted({one.host for one, _ in group})} for (week, finding), group in groups.items()]
    wanted.sort(key=lambda row: (row["week"], -row["hosts"], row["finding"]))
    check(len(wanted) > WEEKS, f"hardly a finding: {wanted}")
    same(queries.rows("hosts_by_finding"), wanted, "hosts by finding and week")


def check_same_signature(queries, fleet):
    groups = collections.defaultdict(list)
    for one in fleet:
        groups[one.said.signature].append(one)
    wanted = []
    for signature, group in groups.items():
        said, hosts = group[0].said, {one.host for one in group}
        if len(hosts) > 1:
            wanted.append({"signature": signature, "hosts": len(hosts), "bundles": len(group), "first": sql_time(min(one.fired for one in group)),
                           "last": sql_time(max(one.fired for one in group)), "findings": said.signed_by.replace("-", "") if said.signed_by == "-" else said.signed_by,
                           "top_stack": "" if said.top_stack == "-" else said.top_stack})
    wanted.sort(key=lambda row: (-row["hosts"], row["signature"]))
    check(len(wanted) > 1, f"signatures: {wanted}")
    same(queries.rows("same_signature"), wanted, "the same signature on several hosts")


def check_grown_stacks(queries, fleet):
    groups = collections.defaultdict(list)
    for one in fleet:
        for row in one.said.changed:
            groups[tuple(row["stack"])].append((one, row["base"], row["now"]))
    wanted = []
    for stack, group in groups.items():
        before, since = (math.fsum(entry[i] for entry in group) / len(group) for i in (1, 2))
        if since - before > 0:
            wanted.append({"hosts": len({entry[0].host for entry in group}), "bundles": len(group), "before": before, "since": since, "gain": since - before,
                           "innermost_first": " < ".join(reversed(stack))})
    wanted.sort(key=lambda row: (-row["gain"], row["innermost_first"]))
    check(any("burn" in row["innermost_first"] and row["gain"] > 1 and row["bundles"] > 1 for row in wanted), f"no stack's share grew: {wanted[:3]}")
    same(queries.rows("grown_stacks"), wanted[:20], "stacks whose share grew")


def check_failing_lookups(queries, fleet):
    groups = collections.defaultdict(list)
    for one in fleet:
        for row in one.said.failed:
            groups[row["executable"] or row["process"], row["directory"]].append((one, row["calls"], row["distinct"]))
    wanted = [{"program": program_, "directory": directory, "hosts": len({entry[0].host for entry in group}), "bundles": len({entry[0] for entry in group}),
               "calls": float(sum(entry[1] for entry in group)), "names": float(sum(entry[2] for entry in group))}
              for (program_, directory), group in groups.items()]
    wanted.sort(key=lambda row: (-row["calls"], row["program"], row["directory"]))
    check(any(row["directory"] == "/nothing/here/" and row["calls"] > 1000 for row in wanted), f"no failing lookups: {wanted[:5]}")
    same(queries.rows("failing_lookups"), wanted[:20], "failing lookups by executable")


def check_host_timeline(queries, fleet):
    host = "node-07"
    wanted = []
    for one in (one for one in fleet if one.host == host):
        said = one.said
        fired, fired_ms = one.fired, int(later(said.trigger["time"], one.weeks)[20:23])
        def add(what, text, second=fired, ms=fired_ms):
            wanted.append({"time": sql_time(second), "ms": ms, "bundle": one.name, "what": what, "text": text})
        add("trigger", f"{said.trigger['name']}: {said.trigger['evidence']}")
        add("signature", f"{said.signature} {said.signed_by if said.signed_by != '-' else ''}")
        for finding in said.findings:
            add("finding", f"{finding['id']}: {finding['title']}")
        for event in said.events:
            moved = later(event["time"], one.weeks)
            add(event["kind"], event["text"], seconds(moved), int(moved[20:23]))
    check(len({row["bundle"] for row in wanted}) > 1 and len(wanted) < 10000, f"{host} has {len(wanted)} rows")
    order = lambda row: (row["time"], row["ms"], row["what"].encode(), row["text"].encode(), row["bundle"])
    same(sorted(queries.rows("host_timeline", f"host={host}"), key=order), sorted(wanted, key=order), "one host's timeline")


def check_completeness(queries, fleet):
    groups = collections.defaultdict(list)
    for one in fleet:
        groups[one.host].append(one)
    wanted = []
    for host, group in groups.items():
        words = collections.Counter(one.said.grade["word"] for one in group)
        wanted.append({"host": host, **{word: words[word] for word in ("poor", "reduced", "complete")},
                       "last_why": "; ".join(max(group, key=lambda one: one.fired).said.grade["reasons"])})
    wanted.sort(key=lambda row: (-row["poor"], -row["reduced"], row["host"]))
    same(queries.rows("completeness"), wanted[:50], "completeness by host")


def check_sweep(scenario, shards, loader, queries):
    """What the killed loader left goes; nothing else. It is younger than a day, so the shards' own clock is not asked."""
    queries.names.discard("sweep")
    with open(os.path.join(FLEET, "queries/sweep.sql"), encoding="utf-8") as file:
        sql, replaced = re.subn(r"now\(\)", "now() + 172800", file.read())
    equal(replaced, 1, "uses of the clock in sweep.sql")
    before = loader.counted()
    check(loader.halves() > 0, "the killed loader left nothing")
    for shard in shards:
        queries.ask("--server", shard.url, "sweep")  # as it is: too young to go
        wait_for("the sweep that finds nothing", lambda: shard.number("SELECT count() FROM system.mutations WHERE NOT is_done") == 0)
    check(loader.halves() > 0, "sweep removes what may be under way")
    for shard in shards:
        shard.query(sql)
        wait_for("the sweep", lambda: shard.number("SELECT count() FROM system.mutations WHERE NOT is_done") == 0)
    equal((loader.halves(), loader.counted()), (0, before), "rows of no bundle, and the others, after the sweep")


with Scenario(__file__) as scenario:
    scenario.need_root()
    shards = start_cluster(scenario)
    os.mkdir(scenario.path("spool"))
    golden = scenario.path("spool/golden.fdr")
    shutil.copytree(os.path.join(ROOT, "tests/golden/bundles/format-1.fdr"), golden)
    looking = record_command(scenario, ["sh", "-c", f"i=0; while [ $i -lt 1500 ]; do [ -e /nothing/here/$i ]; i=$((i + 1)); done; {program('shares')} 1"])
    recorder = Recorder(scenario, "run", "--after", "1s", "--when", "process.cpu.demand > 50% for 1s", "--", "sh", "-c", f"sleep 4; {program('shares')} 4", wait=False)
    burning = recorder.next_bundle("work after rest")
    equal(recorder.wait(), 0, "exit code of fdr run")
    bundles = [Bundle(scenario, golden), *(Bundle(scenario, shutil.move(one.path, scenario.path("spool"))) for one in (looking, burning))]
    said = [Said(scenario, bundle) for bundle in bundles]
    rows = [[Row(line) for line in scenario.fdr("export", bundle.path, "--format", "ndjson").stdout.splitlines()] for bundle in bundles]

    turns = [0, 1] * 5 + [2]  # the third has the most rows by far
    fleet = [One(one, one.host, 0, os.path.basename(one.path)) for one in said]
    several = []  # a file of many bundles' rows
    for number_ in range(LABELLED):
        which = turns[number_ % len(turns)]
        host, weeks, name = f"node-{number_ % HOSTS:02}", number_ % WEEKS, f"labelled-{number_}.fdr"
        fleet.append(One(said[which], host, weeks, name))
        lines = labelled(rows[which], number_, host, weeks, name)
        if number_ % 10 == 9:
            several += lines
        else:
            os.makedirs(scenario.path(f"spool/{host}"), exist_ok=True)
            write(scenario.path(f"spool/{host}/{number_}.ndjson" + (".gz" if number_ % 2 else "")), lines)
    write(scenario.path("spool/several.ndjson"), several)
    total, total_rows = len(fleet), sum(len(rows[said.index(one.said)]) for one in fleet)

    loader = Loader(scenario, shards)
    loader.kill_in_the_middle(total)
    there = loader.committed()
    print(f"fleet: killed with {there} of {total} bundles there, and {loader.halves()} rows of others")
    loaded, before, failed, unfinished, _ = loader.run("--batch", str(BATCH))
    equal((loaded, before, failed, unfinished), (total - there, there, 0, 0), "bundles loaded, there before, failed and not finished")
    equal(loader.stderr, "", "talk of load where there is no terminal")
    equal(loader.counted(), total_rows, "rows that count")
    shares = [shard.number("SELECT count() FROM fdr.loads_shard") for shard in shards]
    check(min(shares) > total // 4, f"bundles on each shard: {shares}")

    # The same again, and as packs: nothing changes. A file cut short, and one that is none, are told; a bundle at work is passed over.
    for one in said:
        shutil.move(scenario.path(os.path.basename(one.path) + ".zip"), scenario.path("spool"))
    write(scenario.path("spool/cut.ndjson"), list(labelled(rows[0], -1, "cut", 0, "cut.fdr"))[:-1])
    write(scenario.path("spool/none.ndjson.gz"), ["{}\n"])
    os.symlink("/etc/passwd", scenario.path("spool/link.ndjson"))
    os.mkdir(scenario.path("spool/later.fdr.partial"))
    equal(loader.run(code=1)[:4], [0, total + 3, 2, 1], "bundles loaded, there before, failed and not finished")
    check("cut.ndjson: ends 1 rows early" in loader.stderr and "none.ndjson.gz: row 1: its keys are not" in loader.stderr, f"load says: {loader.stderr}")
    equal(loader.counted(), total_rows, "rows that count, after all was loaded again")
    os.remove(scenario.path("spool/cut.ndjson"))
    os.remove(scenario.path("spool/none.ndjson.gz"))
    for one in said:
        os.remove(scenario.path("spool/" + os.path.basename(one.path) + ".zip"))

    queries = Queries(scenario, shards[1])
    def check_queries():
        check_hosts_by_finding(queries, fleet)
        check_same_signature(queries, fleet)
        check_grown_stacks(queries, fleet)
        check_failing_lookups(queries, fleet)
        check_host_timeline(queries, fleet)
        check_completeness(queries, fleet)
    check_queries()
    check_sweep(scenario, shards, loader, queries)
    equal(queries.names, set(), "queries that no test looks at")

    # Anew in the place of what is there.
    shown = on_terminal(lambda terminal: equal(loader.again(terminal)[:3], [total, 0, 0], "bundles loaded anew, there before, and failed"))
    check(re.search(rf"\r\x1b\[K\d+ of {total - LABELLED // 10 + 1}, \d+ rows, \d+ rows/s", shown) and shown.endswith("\r\x1b[K"), f"progress on a terminal: {shown[-200:]!r}")
    equal(loader.counted(), total_rows, "rows that count, after all was loaded anew")
    check_queries()
    print(f"fleet: {total} bundles of {len({one.host for one in fleet})} hosts on {len(shards)} shards, {total_rows} rows, loaded at {loader.rate} rows/s")
