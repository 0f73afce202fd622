"""Why a worker ended, and whether a model is to blame for it; pure.

it said why it cannot go on ───────────────────► nobody blamed; final where it had not even opened everything
SIGSEGV SIGILL SIGABRT SIGBUS SIGFPE ──────────► what native code was at is blamed
it hung, but nobody had stopped it ────────────► what native code was at is blamed
it beat, but delivered nothing ────────────────► what native code ran is blamed: it had not come back for seconds
its memory limit ──────────────────────────────► what was being opened is blamed: it will not fit next time either
SIGKILL otherwise, SIGTERM, an exit code ──────► nobody blamed
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Literal

from edgefuse.supervisor.children import describe_end
from edgefuse.supervisor.service import HANGS
from edgefuse.supervisor.worker_process import End

_CRASHES = {-signal.SIGSEGV, -signal.SIGILL, -signal.SIGABRT, -signal.SIGBUS, -signal.SIGFPE}


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


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from an end."""

    reason: str
    kind: Literal["worker_ended", "worker_crashed", "memory_killed"] = "worker_ended"
    is_final: bool = False
    how: str = ""
    """What to remember the blamed by: ``SIGSEGV``, ``hang``."""
    blamed: tuple[int, ...] = ()
    """Choices of the plan."""


def judge(end: End, known: Circumstances) -> Verdict:
    """Judge an end."""
    if known.failure:
        return Verdict(known.failure, is_final=not known.was_open)
    if known.illness:
        blamed = () if known.was_stopped else _hung(end, known.illness)
        return Verdict(known.illness, how="hang" if blamed else "", blamed=blamed)
    if known.is_over_memory:
        opening = tuple(place for place, what in end.in_flight.items() if what == "opening")
        return Verdict("it went over its memory limit", "memory_killed", how="memory limit", blamed=opening)
    name = describe_end(end.code)
    if end.code in _CRASHES:
        return Verdict(name, "worker_crashed", how=name, blamed=tuple(end.in_flight))
    return Verdict(name, "worker_crashed" if end.code < 0 else "worker_ended")


def _hung(end: End, illness: str) -> tuple[int, ...]:
    """Find what did not come back. A worker that still beats may be opening something beside, which is no hang."""
    is_silent = illness.startswith(HANGS)
    return tuple(place for place, what in end.in_flight.items() if is_silent or what == "running")
