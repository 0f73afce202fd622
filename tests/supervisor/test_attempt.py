"""What is known of one worker."""

from __future__ import annotations

from typing import Any

import pytest
from fakes.control import make_status

from edgefuse import ipc
from edgefuse.in_flight import PLAN_PLACES
from edgefuse.store.state import Setup
from edgefuse.supervisor import health
from edgefuse.supervisor.attempt import Attempt
from edgefuse.supervisor.memory_ring import MemoryRing

SETUP = Setup("ab" * 32, 128, "tflite", "2.16", "cpu", 1)


@pytest.mark.parametrize("is_awaited", [True, False])
def test_a_trial_that_was_given_up_before_it_was_planned_is_none(is_awaited: bool) -> None:
    process: Any = None  # of which nothing is asked here
    attempt = Attempt(process, health.start(0.0), MemoryRing(limit_mb=500, started_s=0.0), oom_kills=0)
    if is_awaited:
        attempt.answers[1] = process
    plan = make_status().plan
    assert plan is not None
    attempt.learn_places(ipc.Planned(plan=plan, setups=(SETUP,), first_place=PLAN_PLACES, is_trial=True), 1.0)
    assert attempt.setups == {PLAN_PLACES: SETUP}  # a model that crashes while it is opened is remembered
    assert attempt.trial_places == (frozenset({PLAN_PLACES}) if is_awaited else frozenset())
