"""Supervisor and real worker together, on real models."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest
from benching.supervised import SupervisedUnit, open_unit

from edgefuse.store.state import load_state, state_path
from edgefuse.store.store import Store
from edgefuse.supervisor.control import Status

PATIENCE_S = 120.0
SITE = {"source": "pattern", "sink": "null"}  # as fast as it goes, so that models run nearly all the time


def is_delivering(status: Status) -> bool:
    return status.heartbeat is not None and status.heartbeat.frames_out > 0


def detector(status: Status) -> tuple[str, str]:
    """Name what finds faces, and where."""
    assert status.plan is not None
    choice = status.plan.choices_for("detect_faces")[0]
    return f"{choice.model} {choice.variant}", choice.runtime


def crash_a_model(unit: SupervisedUnit) -> None:
    """Let the worker die of SIGSEGV while native code runs a model."""
    pid = unit.status().service.pid
    memory = next(fd for fd in Path(f"/proc/{pid}/fd").iterdir() if "edgefuse-in-flight" in str(fd.readlink()))
    with memory.open("rb", buffering=0) as crumbs:
        while not any(crumbs.read()):
            crumbs.seek(0)
            time.sleep(0.001)
        unit.kill_worker(signal.SIGSEGV)
    unit.wait(lambda s: s.service.pid not in (None, pid) and is_delivering(s), PATIENCE_S)


@pytest.mark.slow
def test_a_model_that_crashes_three_times_gives_way_to_the_next_choice(store: Store) -> None:
    with open_unit(SITE) as unit:
        before, _ = unit.wait(is_delivering, PATIENCE_S)
        for _ in range(12):  # a crash between two frames blames nobody
            crash_a_model(unit)
            if detector(unit.status()) != detector(before):
                break
        after = unit.status()
        assert detector(after) != detector(before)
        assert {"model_blamed", "plan_changed"} <= {event.kind for event in after.events}
        assert max(crash.count for crash in load_state(state_path()).crashes) == 3
