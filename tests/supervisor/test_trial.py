"""A trial in a worker that is a process; time passes as the test wants."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from fakes import worker_program

from edgefuse import ipc
from edgefuse.errors import StoreError
from edgefuse.ota.actions import Work
from edgefuse.ota.deployment import Deployment
from edgefuse.ota.events import Answer, Crashed, Failed, Interrupted, Measured
from edgefuse.ota.gates import Band, find_verdict, judge
from edgefuse.store.state import Setup
from edgefuse.store.terms import Gates
from edgefuse.supervisor.attempt import Recipe
from edgefuse.supervisor.children import Children
from edgefuse.supervisor.journal import Journal
from edgefuse.supervisor.service import FATAL_RETRY_S
from edgefuse.supervisor.supervision import Supervision
from edgefuse.supervisor.trial import Pace, Trial
from edgefuse.supervisor.trial_figures import Meter

PACE = Pace(least_s=2.0, block_s=0.2, blocks_before=8)


class Helm:
    """What a trial asks of the steering."""

    band: Band = "cool"
    unit = None

    def __init__(self) -> None:
        self.trying: str | None = None

    async def settled(self) -> None:
        """Nothing is being changed."""


class World:
    """A supervision with a trial in it, without a daemon."""

    def __init__(self, folder: Path) -> None:
        self.now_s, self.helm = 0.0, Helm()
        self.source = "well"
        self.crashes_s: list[float] = []
        self.journal, self.said = Journal(), list[Answer]()
        self.blamed: list[tuple[Setup, ...]] = []
        self._python = str(worker_program.install(folder))
        self.supervision = Supervision(
            Children(), self.journal, self._make_recipe, lambda setups, _: self.blamed.append(setups)
        )
        self.meter = Meter(PACE.block_s)
        self.trial: Trial | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Let frames flow."""
        self.pass_time()
        self.supervision.start()
        await self.until(lambda: self.supervision.beat and self.supervision.beat.frames_out)

    def begin(self, release: str, **changes: object) -> Trial:
        """Try a release."""
        deployment = msgspec.structs.replace(Deployment(id="d1", release=release, step="TRIAL"), **changes)
        self.trial = Trial(
            Work("TRIAL", 7, deployment),
            steering=self.helm,  # type: ignore[arg-type]  # a stand-in
            supervision=self.supervision,
            journal=self.journal,
            meter=self.meter,
            crashes_s=self.crashes_s,
            say=self.said.append,
            pace=PACE,
        )
        self._task = asyncio.get_running_loop().create_task(self.trial.run())
        return self.trial

    async def until(self, is_so: Callable[[], object]) -> None:
        """Let time pass until something is so."""
        while not is_so():
            self.pass_time()
            await asyncio.sleep(0.01)

    def pass_time(self) -> None:
        """Let the supervisor look again."""
        self.now_s += 0.05
        self.supervision.tick(self.now_s)
        if (self.trial is None or self.trial.is_waiting) and self.supervision.beat is not None:
            self.meter.add(self.supervision.beat, "cool", self.now_s)

    @property
    def runs(self) -> str:
        """Release that the worker says it runs."""
        return self.supervision.plan.release if self.supervision.plan else ""

    @property
    def pid(self) -> int:
        """Of the worker."""
        assert self.supervision.pid is not None
        return self.supervision.pid

    async def close(self) -> None:
        """End the worker."""
        if self._task is not None:
            self._task.cancel()
        self.supervision.stop()
        await self.until(lambda: not self.supervision.service.has_child)

    def _make_recipe(self) -> Recipe:
        release, self.helm.trying = self.helm.trying, None
        if release is not None and "unreadable" in release:
            raise StoreError("cannot read its description")
        start = ipc.Start(source=self.source, sink="null", effect="none", release=release)
        return Recipe(self._python, start, memory_mb=500)


def play(folder: Path, story: Callable[[World], Awaitable[None]]) -> None:
    """Let a story happen in a world."""

    async def session() -> None:
        world = World(folder)
        try:
            await world.start()
            await asyncio.wait_for(story(world), 60)
        finally:
            await world.close()

    asyncio.run(session())


def verdict(answer: Answer) -> str:
    """Say what the gates make of what was measured."""
    assert isinstance(answer, Measured)
    return find_verdict(judge(Gates(), answer.new, answer.old, parity=answer.parity, is_paired=answer.is_paired))


@pytest.mark.parametrize(
    ("release", "expected"), [("1", "PASS"), ("1-slow", "FAIL"), ("1-blind", "FAIL"), ("1-growing", "FAIL")]
)
def test_both_are_measured_on_the_same_frames(tmp_path: Path, release: str, expected: str) -> None:
    async def story(world: World) -> None:
        world.begin(release)
        await world.until(lambda: world.said and verdict(world.said[-1]) != "INCONCLUSIVE")
        assert verdict(world.said[-1]) == expected
        assert world.runs == "0"  # until it is kept

    play(tmp_path, story)


def test_a_release_that_is_kept_runs_in_the_same_worker(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        trial, pid = world.begin("1"), world.pid
        await world.until(lambda: world.said)
        keeping = asyncio.get_running_loop().create_task(trial.keep())
        await world.until(keeping.done)
        assert (keeping.result(), world.runs, world.pid) == (True, "1", pid)
        assert "plan_changed" not in [event.kind for event in world.journal.newest()]
        count = len(world.said)
        for _ in range(20):
            world.pass_time()
            await asyncio.sleep(0.01)
        assert len(world.said) == count

    play(tmp_path, story)


def test_going_back_leaves_the_worker_as_it_was(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        trial, pid = world.begin("1"), world.pid
        await world.until(lambda: world.said)
        trial.stop()
        count = len(world.said)
        frames = world.supervision.beat.frames_out if world.supervision.beat else 0
        await world.until(lambda: world.supervision.beat and world.supervision.beat.frames_out > frames + 5)
        assert (world.runs, world.pid, len(world.said)) == ("0", pid, count)

    play(tmp_path, story)


def test_a_release_that_crashes_the_worker_is_told_of_and_its_models_are_blamed(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.begin("1-crash")
        await world.until(lambda: world.said and isinstance(world.said[-1], Crashed))
        answer = world.said[-1]
        assert isinstance(answer, Crashed) and "SIGSEGV" in answer.reason
        assert (answer.old_crashes, answer.is_blamed, len(world.blamed)) == (0, True, 1)
        await world.until(lambda: world.supervision.is_open)
        assert world.runs == "0"

    play(tmp_path, story)


def test_a_model_of_the_release_before_that_dies_beside_it_is_not_laid_at_its_door(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.begin("1-innocent")
        await world.until(lambda: world.said and isinstance(world.said[-1], Crashed))
        answer = world.said[-1]
        assert isinstance(answer, Crashed) and "SIGSEGV" in answer.reason
        assert (answer.is_blamed, len(world.blamed)) == (False, 1)

    play(tmp_path, story)


def test_crashes_of_the_release_before_are_told_along(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.now_s = 2000.0
        world.crashes_s = [1000.0, 1500.0, 1900.0]
        world.begin("1-crash")
        await world.until(lambda: world.said and isinstance(world.said[-1], Crashed))
        assert isinstance(world.said[-1], Crashed) and world.said[-1].old_crashes == 2

    play(tmp_path, story)


def test_a_worker_that_somebody_kills_tells_nothing_about_the_release(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.begin("1")
        await world.until(lambda: world.said)
        os.kill(world.pid, signal.SIGKILL)
        await world.until(lambda: isinstance(world.said[-1], Crashed))
        assert isinstance(world.said[-1], Crashed) and not world.said[-1].is_blamed

    play(tmp_path, story)


def test_a_restart_that_was_wished_for_begins_the_trial_anew(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.begin("1")
        await world.until(lambda: world.said)
        world.supervision.restart("an operator wants it")
        await world.until(lambda: world.said[-1] == Interrupted(7))

    play(tmp_path, story)


@pytest.mark.parametrize(
    ("release", "answer"),
    [
        ("1-defect", Failed(7, "its model gives no sense", "bad")),
        ("1-unopened", Failed(7, "cannot open its model", "failed")),
    ],
)
def test_a_release_that_fails_by_itself_leaves_the_worker_alone(tmp_path: Path, release: str, answer: Answer) -> None:
    async def story(world: World) -> None:
        pid = world.pid
        world.begin(release)
        await world.until(lambda: world.said)
        assert (world.said, world.pid) == ([answer], pid)

    play(tmp_path, story)


@pytest.mark.parametrize(("release", "expected"), [("1-tight", "PASS"), ("1-tight-slow", "FAIL")])
def test_where_memory_does_not_hold_both_a_new_worker_runs_it_and_that_is_said_before(
    tmp_path: Path, release: str, expected: str
) -> None:
    async def story(world: World) -> None:
        pid = world.pid
        trial = world.begin(release)
        await world.until(lambda: world.said and verdict(world.said[-1]) != "INCONCLUSIVE")
        assert verdict(world.said[-1]) == expected
        assert (world.runs, world.pid != pid) == (release, True)
        kinds = [event.kind for event in world.journal.newest()]
        assert kinds.index("update_restarts") < kinds.index("worker_restarted")
        trial.stop()
        await world.until(lambda: world.runs == "0" and world.supervision.is_open)

    play(tmp_path, story)


def test_a_check_that_found_no_room_spares_the_worker_the_question(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.begin("1", needs_restart=True)
        await world.until(lambda: world.runs == "1")

    play(tmp_path, story)


def test_a_release_that_crashes_alone_leaves_the_place_to_the_one_that_is_live(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.begin("1-crash-tight")
        await world.until(lambda: world.said and isinstance(world.said[-1], Crashed))
        assert isinstance(world.said[-1], Crashed) and world.said[-1].is_blamed
        await world.until(lambda: world.supervision.is_open)
        assert world.runs == "0"

    play(tmp_path, story)


@pytest.mark.parametrize(
    ("release", "reason"),
    [("1-unreadable", "cannot read its description"), ("1-tight-unopened", "cannot open its model")],
)
def test_where_a_release_cannot_be_started_alone_the_live_one_runs_at_once_and_is_not_taken_for_it(
    tmp_path: Path, release: str, reason: str
) -> None:
    async def story(world: World) -> None:
        world.begin(release, needs_restart=True)
        await world.until(lambda: world.said)
        ended_s = world.now_s
        assert world.said == [Crashed(7, reason, is_blamed=False)]
        await world.until(lambda: world.supervision.is_open)
        assert world.runs == "0" and world.now_s - ended_s < FATAL_RETRY_S / 2
        frames = world.supervision.beat.frames_out if world.supervision.beat else 0
        await world.until(lambda: world.supervision.beat and world.supervision.beat.frames_out > frames + 60)
        assert len(world.said) == 1

    play(tmp_path, story)


def test_a_crash_while_the_release_before_is_measured_alone_begins_the_trial_anew(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.begin("1", needs_restart=True)
        await world.until(lambda: world.meter.newest() and world.supervision.listeners)
        os.kill(world.pid, signal.SIGABRT)
        await world.until(lambda: world.said)
        assert world.said == [Interrupted(7)]

    play(tmp_path, story)


def test_a_trial_waits_for_frames(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.supervision.tell(ipc.Pause())
        await world.until(lambda: world.supervision.beat and world.supervision.beat.source == "paused")
        world.begin("1")
        for _ in range(60):
            world.pass_time()
            await asyncio.sleep(0.01)
        assert not world.said and world.trial is not None and world.trial.is_waiting
        world.supervision.tell(ipc.Resume())
        await world.until(lambda: world.said)

    play(tmp_path, story)
