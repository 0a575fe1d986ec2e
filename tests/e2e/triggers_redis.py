#!/usr/bin/python3
"""Every kind of trigger on redis-server under redis-benchmark."""

from support.scenario import Scenario
from support.services import Redis
from support.trigger_kinds import fire_each_kind

with Scenario(__file__) as scenario:
    scenario.need_root()
    fire_each_kind(scenario, Redis)
