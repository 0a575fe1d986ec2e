#!/usr/bin/python3
"""What `fdr export` writes is what `fdr show` says, as other tools read it: pprof's own reader finds both flavours valid and sums up
the same; lines of perf script, of CSV and of NDJSON are parsed and counted."""

import csv
import json
import os
import re
import subprocess
import sys

from support.recorder import record_command
from support.scenario import ROOT, Scenario, Skip, check, equal, program

GO_SOURCES = "/usr/share/gocode"
CACHE = os.path.join(ROOT, "build/hard_stacks/go")
OFF_CPU = {"wait", "blocked", "uninterruptible", "runnable", "throttled"}


def pprof_reader(scenario):
    scenario.need("go")
    if not os.path.isdir(f"{GO_SOURCES}/src/github.com/google/pprof/profile"):
        raise Skip("golang-github-google-pprof-dev is not installed (scripts/setup --tests)")
    path = scenario.path("pprof_totals")
    os.makedirs(CACHE, exist_ok=True)
    subprocess.run(["go", "build", "-o", path, os.path.join(ROOT, "tests/programs/pprof_totals.go")], check=True, stdout=sys.stderr,
                   env={**os.environ, "GO111MODULE": "off", "GOPATH": GO_SOURCES, "GOCACHE": CACHE, "GOFLAGS": ""})
    return path


def exported(scenario, bundle, kind):
    path = scenario.path(f"exported.{kind}")
    scenario.fdr("export", bundle.path, "--format", kind, "-o", path)
    return path


def perf_script_stacks(text):
    """[(comm, tid, seconds, [function, innermost first])], read as stackcollapse-perf.pl does."""
    samples = []
    for block in text.split("\n\n"):
        lines = [line for line in block.splitlines() if line]
        if not lines:
            continue
        head = re.match(r"^(\S.+?)\s+(\d+)\s+\[(\d+)\]\s+(\d+\.\d{6}):\s+(\d+) cpu-clock:\s*$", lines[0])
        check(head, f"no header of perf script: {lines[0]!r}")
        frames = []
        for line in lines[1:]:
            frame = re.match(r"^\s*(\w+)\s*(.+) \((.*)\)$", line)
            check(frame, f"no frame of perf script: {line!r}")
            frames.append(re.sub(r"\+0x[0-9a-f]+$", "", frame[2]))
        samples.append((head[1], int(head[2]), float(head[4]), frames))
    return samples


with Scenario(__file__) as scenario:
    scenario.need_root()
    reader = pprof_reader(scenario)
    command = ["sh", "-c", f"{program('leaks')} small & {program('shares')} 2; sleep 0.3; kill $!; cat /nothing/there; exit 0"]
    bundle = record_command(scenario, command, "-F", "199")
    stacks = bundle.show("stacks")
    samples = sum(row["samples"] for row in stacks)
    in_half = sum(row["samples"] for row in stacks if row["stack"] and "burn_half" in row["stack"][-1])
    check(in_half > 50, f"hardly anything recorded: {in_half} samples in burn_half")
    off_cpu = sum(row["length_ns"] for row in bundle.show("stalls") if row["kind"] in OFF_CPU)
    grown = sum(row["held_bytes"] for row in bundle.show("growth"))
    check(off_cpu > 200_000_000 and grown > 1 << 20, f"off CPU {off_cpu} ns, grown {grown} bytes")

    # pprof, read by its own library.
    text = scenario.run([reader, exported(scenario, bundle, "pprof"), exported(scenario, bundle, "pprof-raw")])
    equal(text.returncode, 0, f"pprof's reader: {text.stderr}")
    named, raw = (json.loads(line) for line in text.stdout.splitlines())
    period = 1_000_000_000 // 199
    for profile in (named, raw):
        equal(list(zip(profile["Types"], profile["Units"])),
              [("samples", "count"), ("cpu", "nanoseconds"), ("off_cpu", "nanoseconds"), ("growth", "bytes")], "types")
        equal(profile["Totals"], [samples, samples * period, off_cpu, grown], "totals of pprof, and those of fdr show")
        equal(profile["Period"], period, "period")
        trigger = bundle.manifest["trigger"]["name"]
        check(any(trigger in comment for comment in profile["Comments"]), f"no comment names {trigger}: {profile['Comments']}")
        check(any(bundle.manifest["host"]["name"] in comment for comment in profile["Comments"]), "no comment names the host")
        check(profile["Labels"].get("tid") and profile["Labels"].get("kind"), f"labels: {profile['Labels']}")
    check(any("burn_half" in name for name in named["Functions"]), "pprof has no burn_half")
    check(not any("burn_half" in name for name in raw["Functions"]), "pprof-raw has names of a file")
    build_ids = {module["path"]: module["build_id"] for module in bundle.show("modules") if module["kind"] == "file"}
    for mapping in raw["Mappings"]:
        if mapping["File"] in build_ids:
            equal(mapping["BuildID"], build_ids[mapping["File"]], f"build-id of {mapping['File']}")
            check(all(mapping["Start"] <= address < mapping["Limit"] for address in mapping["Addresses"] or []),
                  f"addresses outside the mapping of {mapping['File']}")
            check(not mapping["HasFunctions"], f"{mapping['File']} claims to have functions")
    # Offline names for the raw flavour, by pprof's own arithmetic: an address less the mapping's start is a place in the file.
    shares = next(m for m in raw["Mappings"] if m["File"] == program("shares"))
    offsets = [hex(address - shares["Start"]) for address in shares["Addresses"]]
    symbols = scenario.run(["addr2line", "-f", "-C", "-e", program("shares"), *offsets]).stdout
    check("burn_half" in symbols, f"addr2line does not find burn_half at {offsets}: {symbols}")

    # perf script.
    with open(exported(scenario, bundle, "perf-script"), encoding="utf-8") as file:
        parsed = perf_script_stacks(file.read())
    equal(len(parsed), samples, "samples of perf script, and of fdr show stacks")
    equal(sum(1 for sample in parsed if sample[3] and "burn_half" in sample[3][0]), in_half, "of them in burn_half")
    equal(sorted(s[2] for s in parsed), [s[2] for s in parsed], "the order of samples")

    # Metrics as CSV, and everything as rows.
    with open(exported(scenario, bundle, "csv"), encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, strict=True))
    points = sum(len(metric["points"]) for metric in bundle.show("metrics") if metric["kind"] == "gauge")
    equal(sum(1 for row in rows if row["kind"] == "gauge"), points, "gauges in the CSV, and in fdr show metrics")
    check(all(row["time"].endswith("Z") and float(row["value"]) == float(row["value"]) for row in rows), "times and values")
    with open(exported(scenario, bundle, "ndjson"), encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    for row in rows:
        equal(list(row), ["bundle", "host", "time", "kind", "name", "value", "labels"], "keys of an NDJSON row")
    kinds = {kind: [row for row in rows if row["kind"] == kind] for kind in {row["kind"] for row in rows}}
    wanted = {"metric", "stack", "syscall", "failed", "stall", "growth", "thread", "process", "finding", "trigger", "module"}
    check(wanted <= set(kinds), f"kinds missing: {wanted - set(kinds)}")
    equal(sum(row["value"] for row in kinds["stack"]), samples, "samples of the NDJSON's stacks")
    equal(sum(row["value"] for row in kinds["growth"]), grown, "bytes of the NDJSON's growth")
    print(f"exports: {samples} samples, {off_cpu / 1e9:.2f} s off CPU, {grown >> 20} MB grown in every format; {len(rows)} rows")
