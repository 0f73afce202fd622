"""Going over to another pipeline while frames flow: opened beside the old one, which is closed after its last frame."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from edgefuse import ipc
from edgefuse.errors import EdgefuseError
from edgefuse.in_flight import PLAN_PLACES, places_of_plan
from edgefuse.memory import BYTES_PER_MB, resident_mb, return_free_memory
from edgefuse.planning.board import Board
from edgefuse.planning.plan import Choice, Plan
from edgefuse.planning.proof import setup_of
from edgefuse.store.release import load_release
from edgefuse.vision.pipeline import Effect, Settings
from edgefuse.worker.request import Job, RunRequest, check_request
from edgefuse.worker.run import OpenedPipeline, Run, open_pipeline


class RestartError(EdgefuseError):
    """What is asked for fits, but takes a new worker."""


@dataclass(frozen=True, slots=True)
class Outfit:
    """What a pipeline is opened with."""

    job: Job
    board: Board
    plan: Plan
    first_place: int = 0
    """Of the plan's choices among the breadcrumbs."""

    @property
    def chosen(self) -> list[Choice]:
        """Those choices of the plan that the job needs."""
        return [choice for choice in self.plan.choices if choice.task in self.job.tasks | self.job.preparing_tasks]

    def announce(self, *, is_trial: bool = False) -> ipc.Planned:
        """Say what will run."""
        setups = tuple(setup_of(choice, self.board.release, self.board.host) for choice in self.plan.choices)
        return ipc.Planned(plan=self.plan, setups=setups, first_place=self.first_place, is_trial=is_trial)


class Exchange:
    """The pipelines of a run: the last one takes new frames, those before it finish what they have."""

    def __init__(self, run: Run, outfit: Outfit, banks: Sequence[memoryview]) -> None:
        """Begin with what the run was opened with.

        Args:
            run: Opened.
            outfit: Of its pipeline; the board's profile says what this process may hold.
            banks: For breadcrumbs; the first one is in use.
        """
        self._run, self._outfit = run, outfit
        self._banks = deque(banks)
        self._opened = [run.stages]
        self._libraries = {choice.runtime for choice in outfit.chosen}
        """Loaded, and never given back."""
        self._has_closed = threading.Condition()

    @property
    def effect(self) -> Effect:
        """What new frames get."""
        return self._outfit.job.request.effect

    @property
    def plan(self) -> Plan:
        """What it is done with."""
        return self._outfit.plan

    def go_over(self, effect: Effect, settings: Settings) -> None:
        """Open what an effect needs, and let it take the next captured frame.

        Raises:
            RestartError: There is no room for both at once, or other models would be chosen by now.
            EdgefuseError: The settings do not fit, or something cannot be opened. The old pipeline goes on.
        """
        now = self._outfit
        request = replace(now.job.request, effect=effect, settings=settings)
        outfit = _fit_out(request, now.board, now.first_place)
        if outfit.plan.choices != now.plan.choices:
            raise RestartError(f"cannot go over to '{effect}': by now other models are chosen; start again")
        self._check_room(outfit, f"go over to '{effect}' at once")
        self.take(outfit, self.open_beside(outfit))

    def fit_out_release(self, release_id: str) -> Outfit:
        """Plan another release for what runs now.

        Raises:
            RestartError: There is no room for both at once, or it has other operating points or limits.
            EdgefuseError: The release is not here, or nothing of it can run here.
        """
        now = self._outfit
        release, before = load_release(now.board.store, release_id), now.board.release
        board = replace(now.board, release=release)
        what = f"try release {release_id} beside release {before.id}"
        if release.fit(board.profile) != before.fit(board.profile):
            raise RestartError(f"cannot {what}: it has other operating points or limits; start again")
        outfit = _fit_out(now.job.request, board, PLAN_PLACES - now.first_place)
        frame_mb = self._run.stream.height_px * self._run.stream.width_px * 3 / BYTES_PER_MB
        self._check_room(outfit, what, frame_mb)
        return outfit

    def open_beside(self, outfit: Outfit) -> OpenedPipeline:
        """Open another pipeline, which is not used yet.

        Raises:
            EdgefuseError: Something cannot be opened.
        """
        crumbs = places_of_plan(self._banks[-1], outfit.first_place)
        self._libraries |= {choice.runtime for choice in outfit.chosen}
        return open_pipeline(outfit.job, outfit.board, outfit.plan, self._run.stream, crumbs)

    def take(self, outfit: Outfit, opened: OpenedPipeline) -> None:
        """Let a pipeline that was opened beside take the next captured frame, and all after it."""
        self._banks.rotate(1)
        self._opened.append(opened)
        self._outfit = outfit
        self._run.loop.set_pipeline(opened.pipeline)

    def wait_until_alone(self) -> None:
        """Wait until the newest pipeline is the only one; another thread closes the others."""
        with self._has_closed:
            self._has_closed.wait_for(lambda: len(self._opened) == 1)

    def close_old(self) -> None:
        """Close the pipelines that have had their last frame."""
        newest = self._run.loop.newest_in_use
        while self._opened[0].pipeline is not newest and any(o.pipeline is newest for o in self._opened):
            self._opened[0].close()
            with self._has_closed:
                del self._opened[0]
                self._has_closed.notify_all()
            return_free_memory()

    def close(self) -> None:
        """Close every pipeline, after the run."""
        for opened in self._opened:
            opened.close()

    def _check_room(self, outfit: Outfit, what: str, further_mb: float = 0.0) -> None:
        """Refuse what this process may not hold for the while that both are open.

        Raises:
            RestartError: It would not fit.
        """
        release, host, chosen = outfit.board.release, outfit.board.host, outfit.chosen
        libraries = {choice.runtime for choice in chosen} - self._libraries
        needed_mb = sum(release.find(choice.model, choice.variant).memory_mb for choice in chosen) + further_mb
        needed_mb += sum(fact.memory_mb for fact in host.runtimes if fact.id in libraries)
        limit_mb = outfit.board.profile.memory_mb
        left_mb = limit_mb - resident_mb()
        if needed_mb > left_mb:
            raise RestartError(
                f"cannot {what}: both need {needed_mb:.0f} MB more together, "
                f"{max(0, left_mb):.0f} of {limit_mb} MB are left; start again"
            )


def _fit_out(request: RunRequest, board: Board, first_place: int) -> Outfit:
    """Check a request, and plan.

    Raises:
        EdgefuseError: It does not fit, or nothing can run it here.
    """
    job = check_request(request, board.profile, board.release)
    return Outfit(job, board, board.plan(job.tasks, job.preparing_tasks), first_place)
