#!/usr/bin/python3
"""Oracle: Perfetto's own trace_processor opens trace.pftrace and sees the samples and raw calls that the manifest
says were kept; in the exported one it sees names, inlined functions and lines too."""

import os

from support.recorder import record_command
from support.scenario import ROOT, Scenario, Skip, check, equal, program

TPQ = os.path.join(ROOT, "tests/tpq")


def ask(scenario, trace, sql):
    """Rows of a query, as lists of text."""
    result = scenario.run([TPQ, trace, "-q", sql], seconds=120)
    if result.returncode == 77:
        raise Skip(f"allowed: {result.stderr.strip()}")
    equal(result.returncode, 0, f"tpq: {result.stderr}")
    return [line.split("\t") for line in result.stdout.splitlines()[1:]]


with Scenario(__file__) as scenario:
    scenario.need_root()
    if not os.access(TPQ, os.X_OK):
        raise Skip("tests/tpq is not there")
    command = ["sh", "-c", f"{program('family')} 5 3 400; {program('shares')} 1; find /usr/share/doc -name nothing"]
    bundle = record_command(scenario, command, "-F", "199")
    bundle.check_whole()
    trace = os.path.join(bundle.path, "trace.pftrace")

    errors = ask(scenario, trace,
                 "select name, value from stats where severity in ('error', 'data_loss') and value > 0")
    equal(errors, [], "errors in trace_processor's stats")
    samples = int(ask(scenario, trace, "select count(*) from perf_sample")[0][0])
    calls = int(ask(scenario, trace, "select count(*) from slice where name glob 'sys_*'")[0][0])
    equal(samples, bundle.ring("stacks")["kept"], "samples in the trace, and rings.stacks.kept")
    equal(calls, bundle.ring("syscalls")["kept"], "raw calls in the trace, and rings.syscalls.kept")
    check(samples > 50 and calls > 1000, f"hardly anything recorded: {samples} samples, {calls} calls")
    named = int(ask(scenario, trace, "select count(*) from process where name glob '*family*'")[0][0])
    check(named > 0, "the trace does not name the process family")

    exported = scenario.path("named.pftrace")
    scenario.fdr("export", bundle.path, "--format", "perfetto", "-o", exported)
    errors = ask(scenario, exported,
                 "select name, value from stats where severity in ('error', 'data_loss') and value > 0")
    equal(errors, [], "errors in trace_processor's stats of the exported trace")
    burners = ask(scenario, exported, "select count(*) from perf_sample s join stack_profile_callsite c on s.callsite_id = c.id "
                  "join stack_profile_frame f on c.frame_id = f.id join stack_profile_symbol y on f.symbol_set_id = y.symbol_set_id "
                  "where y.name glob '*burn_half*' and y.source_file glob '*shares.cpp' and y.line_number > 0")
    shown = sum(row["samples"] for row in bundle.show("stacks") if "burn_half" in row["stack"][-1])
    check(shown > 20, f"hardly any samples in burn_half: {shown}")
    equal(int(burners[0][0]), shown, "samples in burn_half with file and line in the exported trace, and in fdr show stacks")
    print(f"oracle trace_processor: {samples} samples, {calls} raw calls, no errors")
