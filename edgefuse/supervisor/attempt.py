"""One life of a worker: what it was started with, and what became known of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from edgefuse import ipc
from edgefuse.errors import EdgefuseError
from edgefuse.store.state import Setup
from edgefuse.supervisor.health import Health
from edgefuse.supervisor.memory_ring import MemoryRing
from edgefuse.supervisor.verdict import Circumstances, Verdict
from edgefuse.supervisor.worker_process import WorkerProcess


class NoAnswerError(EdgefuseError):
    """The worker did not say in time whether it does what it was asked for; it still may."""


class Listener(Protocol):
    """Who measures the worker, or tries a release in it."""

    def hear(self, message: ipc.Heartbeat | ipc.Compared | ipc.TrialFailed) -> None:
        """Hear what it says of its frames."""
        ...

    def end(self, judged: Verdict | None, *, is_trial_blamed: bool) -> None:
        """Learn that it is gone, or could not be started; without a verdict, that was wished for."""
        ...


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
    setups: dict[int, Setup] = field(default_factory=dict)
    """What each place among the breadcrumbs stands for."""
    trial_places: frozenset[int] = frozenset()
    """Those of a release that is open beside the one that runs."""
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

    def learn_places(self, planned: ipc.Planned, now_s: float) -> None:
        """Learn what the breadcrumbs stand for, of a release that is on trial or of the one that runs from now on."""
        places = dict(enumerate(planned.setups, planned.first_place))
        if planned.is_trial:
            self.setups = {**self.setups, **places}
            if self.answers:  # else nobody waits for it any more, and it is closed as soon as it is open
                self.trial_places = frozenset(places)
        else:
            self.setups = places
            self.forget_trial(now_s)

    def forget_trial(self, now_s: float) -> None:
        """Go on with one release; what was held with two of them tells nothing of either."""
        self.trial_places = frozenset()
        self.ring = MemoryRing(limit_mb=self.ring.limit_mb, started_s=now_s)

    def is_trial_blamed(self, judged: Verdict) -> bool:
        """Tell whether the release on trial may have ended it."""
        return not judged.blamed or not self.trial_places.isdisjoint(judged.blamed)

    def tell_circumstances(self, *, is_over_memory: bool) -> Circumstances:
        """Tell what is known beside the exit code."""
        return Circumstances(
            failure=self.failure,
            was_open=self.health.is_open,
            illness=self.illness,
            was_stopped=self.was_stopped,
            is_over_memory=is_over_memory,
            memory_mb=self.ring.limit_mb,
        )

    def answer_all(self, error: str) -> None:
        """Answer what is still awaited."""
        for number, answer in self.answers.items():
            if not answer.done():
                answer.set_result(ipc.Answer(id=number, error=error))
