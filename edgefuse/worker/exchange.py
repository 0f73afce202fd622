"""Going over to another pipeline while frames flow: opened beside the old one, which is closed after its last frame."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from edgefuse.errors import EdgefuseError
from edgefuse.memory import resident_mb
from edgefuse.planning.board import Board
from edgefuse.planning.plan import Plan
from edgefuse.vision.pipeline import Effect, Settings
from edgefuse.worker.request import Job, check_request
from edgefuse.worker.run import Run, open_pipeline


class RestartError(EdgefuseError):
    """What is asked for fits, but takes a new worker."""


class Exchange:
    """The pipelines of a run: the last one takes new frames, those before it finish what they have."""

    def __init__(self, run: Run, board: Board, banks: Sequence[memoryview]) -> None:
        """Begin with what the run was opened with.

        Args:
            run: Opened.
            board: What it was planned for; its profile says what this process may hold.
            banks: For breadcrumbs; the first one is in use.
        """
        self._run, self._board = run, board
        self._banks = deque(banks)
        self._opened = [run.stages]
        self._request = run.request

    @property
    def effect(self) -> Effect:
        """What new frames get."""
        return self._request.effect

    def go_over(self, effect: Effect, settings: Settings) -> None:
        """Open what an effect needs, and let it take the next captured frame.

        Raises:
            RestartError: There is no room for both at once, or other models would be chosen by now.
            EdgefuseError: The settings do not fit, or something cannot be opened. The old pipeline goes on.
        """
        request = replace(self._request, effect=effect, settings=settings)
        job = check_request(request, self._board.profile, self._board.release)
        plan = self._board.plan(job.tasks, job.preparing_tasks)
        if plan.choices != self._run.plan.choices:
            raise RestartError(f"cannot go over to '{effect}': by now other models are chosen; start again")
        self._check_room(job, plan)
        opened = open_pipeline(job, self._board, plan, self._run.stream, self._banks[-1])
        self._banks.rotate(1)
        self._opened.append(opened)
        self._request = request
        self._run.loop.set_pipeline(opened.pipeline)

    def close_old(self) -> None:
        """Close the pipelines that have had their last frame."""
        newest = self._run.loop.delivered_by
        while self._opened[0].pipeline is not newest and any(o.pipeline is newest for o in self._opened):
            self._opened.pop(0).close()

    def close(self) -> None:
        """Close every pipeline, after the run."""
        for opened in self._opened:
            opened.close()

    def _check_room(self, job: Job, plan: Plan) -> None:
        """Refuse what this process may not hold for the while that both are open.

        Raises:
            RestartError: It would not fit.
        """
        chosen = [choice for choice in plan.choices if choice.task in job.tasks | job.preparing_tasks]
        release, host = self._board.release, self._board.host
        facts = [fact for fact in host.runtimes if fact.id in {choice.runtime for choice in chosen}]
        needed_mb = sum(release.find(choice.model, choice.variant).memory_mb for choice in chosen)
        needed_mb += sum(fact.memory_mb for fact in facts if fact.id not in self._runtimes())
        limit_mb = self._board.profile.memory_mb
        left_mb = limit_mb - resident_mb()
        if needed_mb > left_mb:
            raise RestartError(
                f"cannot go over to '{job.request.effect}' at once: both need {needed_mb} MB more together, "
                f"{max(0, left_mb):.0f} of {limit_mb} MB are left; start again"
            )

    def _runtimes(self) -> set[str]:
        """Give the runtimes whose libraries are loaded already."""
        tasks = {model.manifest.task for opened in self._opened for model in opened.models}
        return {choice.runtime for choice in self._run.plan.choices if choice.task in tasks}
