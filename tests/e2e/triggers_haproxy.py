#!/usr/bin/python3
"""Every kind of trigger on haproxy in front of a small backend, with keep-alive clients."""

from support.scenario import Scenario
from support.services import Haproxy
from support.trigger_kinds import fire_each_kind

with Scenario(__file__) as scenario:
    scenario.need_root()
    fire_each_kind(scenario, Haproxy)
