#!/usr/bin/python3
"""Every kind of trigger on python3 that recurses through its own C code."""

from support.scenario import Scenario
from support.services import RecursivePython
from support.trigger_kinds import fire_each_kind

with Scenario(__file__) as scenario:
    scenario.need_root()
    fire_each_kind(scenario, RecursivePython)
