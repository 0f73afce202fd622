"""One life of a worker: what it was started with, what became known of it, and what of that is news."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from edgefuse import ipc
from edgefuse.planning.plan import Plan
from edgefuse.store.state import Setup
from edgefuse.supervisor.health import Health
from edgefuse.supervisor.journal import Journal
from edgefuse.supervisor.memory_ring import MemoryRing
from edgefuse.supervisor.worker_process import WorkerProcess


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a worker is started."""

    python: str
    start: ipc.Start
    memory_mb: int


@dataclass(slots=True)
class Attempt:
    """What is known of one worker, from its start to its end."""

    process: WorkerProcess
    health: Health
    ring: MemoryRing
    oom_kills: int
    """By the limit of its control group, before it was started."""
    setups: tuple[Setup, ...] = ()
    beat: ipc.Heartbeat | None = None
    size_px: tuple[int, int] = (0, 0)
    """Width and height of its frames."""
    startup_s: Mapping[str, float] = field(default_factory=dict)
    failure: str = ""
    """What it said a person can mend."""
    illness: str = ""
    """Why it was ended."""
    was_stopped: bool = False
    answers: dict[int, asyncio.Future[ipc.Answer]] = field(default_factory=dict)
    """Awaited, by the id of the question."""


def note_running(journal: Journal, attempt: Attempt) -> None:
    """Report that a worker runs, and what its start took."""
    parts = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in attempt.startup_s.items())
    journal.note("info", "worker_running", f"the worker runs, pid {attempt.process.pid}; start: {parts}")


def note_plan(journal: Journal, before: Plan | None, after: Plan) -> None:
    """Report models that run otherwise than before, such as after too many crashes."""
    if before is None:
        return
    known = {(c.model, c.variant, c.runtime, c.target) for c in before.choices}
    for choice in after.choices:
        if (choice.model, choice.variant, choice.runtime, choice.target) not in known:
            place = f"{choice.model} {choice.variant} on {choice.runtime} {choice.target}"
            journal.note("warning", "plan_changed", f"{choice.task} by {place} from now on: {choice.reason}")


def note_source(journal: Journal, before: ipc.Heartbeat | None, beat: ipc.Heartbeat) -> None:
    """Report that the source went away, or is back."""
    is_lost, was_lost = beat.source == "waiting", before is not None and before.source == "waiting"
    if is_lost and not was_lost:
        journal.note("warning", "source_lost", beat.missing or "the source is not there; waiting for it")
    elif was_lost and not is_lost:
        journal.note("info", "source_back", "the source is back")
