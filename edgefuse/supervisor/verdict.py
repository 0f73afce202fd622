"""Why a worker ended, and whether a model is to blame for it; pure.

it said why it cannot go on ───────────────────► nobody blamed; final where it had not opened it all
SIGSEGV SIGILL SIGABRT SIGBUS SIGFPE ──────────► what native code was at is blamed
it hung, but nobody had stopped it ────────────► what native code was at is blamed
it beat, but delivered nothing ────────────────► what native code ran is blamed: it had not come back for seconds
its memory limit, while it opened a model ─────► that model is blamed: it will not fit next time either
its memory limit, before it had opened it all ─► nobody blamed; final
its memory limit, later ───────────────────────► nobody blamed
SIGKILL otherwise, SIGTERM, an exit code ──────► nobody blamed
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Literal

from edgefuse.supervisor.children import describe_end
from edgefuse.supervisor.service import FATAL_RETRY_S, HANGS, MEMORY_RETRY_S
from edgefuse.supervisor.worker_process import End

_CRASHES = {-signal.SIGSEGV, -signal.SIGILL, -signal.SIGABRT, -signal.SIGBUS, -signal.SIGFPE}
_REASONS = {
    0: "it ended in order, as at the end of a file or when somebody tells it to (exit code 0)",
    -signal.SIGKILL: "it was killed by somebody, or because the machine's memory ran out (SIGKILL)",
}


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known beside the exit code."""

    failure: str = ""
    """What the worker said a person can mend."""
    was_open: bool = False
    """It had opened everything; so a server that went away may come back, and waiting is worth while."""
    illness: str = ""
    """Why the supervisor ended it."""
    was_stopped: bool = False
    """Somebody had stopped the process (SIGSTOP), so that its silence was not its own."""
    is_over_memory: bool = False
    """The limit of its control group ended it."""
    memory_mb: float = 0.0
    """That limit."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from an end."""

    reason: str
    kind: Literal["worker_ended", "worker_crashed", "memory_killed"] = "worker_ended"
    retry_s: float | None = None
    """When to try again what a person must mend; nothing where it may do better next time."""
    how: str = ""
    """What to remember the blamed by: ``SIGSEGV``, ``hang``."""
    blamed: tuple[int, ...] = ()
    """Places among the breadcrumbs."""
    is_own: bool = False
    """It did so by itself: nobody ended it from outside, and nothing around it that a person can mend."""


def judge(end: End, known: Circumstances) -> Verdict:
    """Judge an end."""
    if known.failure:
        return Verdict(known.failure, retry_s=None if known.was_open else FATAL_RETRY_S)
    if known.illness:
        blamed = () if known.was_stopped else _hung(end, known.illness)
        is_own = bool(blamed) or (known.illness.startswith(HANGS) and not known.was_stopped)
        return Verdict(known.illness, how="hang" if blamed else "", blamed=blamed, is_own=is_own)
    if known.is_over_memory:
        return _over_memory(end, known)
    reason, name = _REASONS.get(end.code), describe_end(end.code)
    if end.code >= 0:
        return Verdict(reason or f"it ended by a defect: {name}; the log has it", is_own=end.code != 0)
    is_native = end.code in _CRASHES
    blamed = tuple(end.in_flight) if is_native else ()
    how = name if is_native else ""
    return Verdict(reason or f"it died of {name}", "worker_crashed", how=how, blamed=blamed, is_own=is_native)


def _over_memory(end: End, known: Circumstances) -> Verdict:
    """Tell what fits nowhere, which another choice may mend, from what took too much once."""
    opening = tuple(place for place, what in end.in_flight.items() if what == "opening")
    if opening or known.was_open:
        reason = f"it went over its memory limit of {known.memory_mb:.0f} MB"
        return Verdict(reason, "memory_killed", how="memory limit", blamed=opening, is_own=True)
    reason = (
        f"its memory limit of {known.memory_mb:.0f} MB is too little to start with; "
        "raise memory_mb in the site configuration, or choose another effect or face"
    )
    return Verdict(reason, "memory_killed", retry_s=MEMORY_RETRY_S, is_own=True)


def _hung(end: End, illness: str) -> tuple[int, ...]:
    """Find what did not come back. A worker that still beats may be opening something beside, which is no hang."""
    is_silent = illness.startswith(HANGS)
    return tuple(place for place, what in end.in_flight.items() if is_silent or what == "running")
