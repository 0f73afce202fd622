"""What of a worker's life people hear of."""

from __future__ import annotations

from edgefuse import ipc
from edgefuse.planning.plan import Plan
from edgefuse.supervisor.attempt import Attempt
from edgefuse.supervisor.journal import Journal

_RESTING = {"waiting": "waits for the source", "paused": "paused"}


def describe_rest(beat: ipc.Heartbeat) -> str:
    """Say why nothing is delivered."""
    return _RESTING[beat.source] + (f": {beat.missing}" if beat.missing else "")


def note_running(journal: Journal, attempt: Attempt) -> None:
    """Report that a worker runs, and what its start took."""
    parts = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in attempt.startup_s.items())
    journal.note("info", "worker_running", f"the worker runs, pid {attempt.process.pid}; start: {parts}")


def note_plan(journal: Journal, before: Plan | None, after: Plan) -> None:
    """Report models that run otherwise than before, such as after too many crashes; of releases others tell."""
    if before is None or before.release != after.release:
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
