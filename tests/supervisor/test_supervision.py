"""A worker that is a process, and a supervision whose time is the test's."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

from fakes import worker_program

from edgefuse import ipc
from edgefuse.supervisor import health
from edgefuse.supervisor.attempt import Recipe
from edgefuse.supervisor.children import Children
from edgefuse.supervisor.journal import Journal
from edgefuse.supervisor.supervision import Supervision


class FullGroup:
    """A control group whose limit has ended every worker so far."""

    def __init__(self) -> None:
        self.kills = 0

    def limit(self, memory_mb: float | None) -> None:
        """Take any limit."""

    def add(self, pid: int) -> None:
        """End it at once, as a limit does."""
        os.kill(pid, signal.SIGKILL)

    def oom_kills(self) -> int:
        """Count one more at each look."""
        self.kills += 1
        return self.kills


class World:
    """A supervision without a daemon."""

    def __init__(self, folder: Path) -> None:
        self.source, self.now_s = "well", 0.0
        self.journal = Journal()
        self._python = str(worker_program.install(folder))
        self.supervision = Supervision(Children(), self.journal, self._make_recipe, lambda *_: None)

    async def until(self, is_so: Callable[[], object], step_s: float = 0.05) -> None:
        """Let time pass until something is so."""
        while not is_so():
            self.pass_time(step_s)
            await asyncio.sleep(0.01)

    def pass_time(self, step_s: float) -> None:
        """Let the supervisor look again, so much later."""
        self.now_s += step_s
        self.supervision.tick(self.now_s)

    def kinds(self) -> list[str]:
        """Give the kinds of what happened."""
        return [event.kind for event in self.journal.newest()]

    async def close(self) -> None:
        """End the worker."""
        self.supervision.stop()
        await self.until(lambda: not self.supervision.service.has_child)

    def _make_recipe(self) -> Recipe:
        return Recipe(self._python, ipc.Start(source=self.source, sink="null", effect="none"), memory_mb=500)


def play(folder: Path, story: Callable[[World], Awaitable[None]]) -> None:
    """Let a story happen in a world."""

    async def session() -> None:
        world = World(folder)
        try:
            await asyncio.wait_for(story(world), 60)
        finally:
            await world.close()

    asyncio.run(session())


def test_a_worker_that_gives_no_sign_of_life_is_ended_within_half_a_minute(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.source = "mute"
        world.pass_time(0.0)
        world.supervision.start()
        for _ in range(int(health.SIGN_S) + 1):
            world.pass_time(1.0)
        assert world.supervision.service.state == "STOPPING"
        assert world.kinds() == ["worker_hung"]

    play(tmp_path, story)


def test_a_first_start_that_the_memory_limit_ends_is_told_and_not_tried_again_and_again(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        supervision = world.supervision
        supervision.group = FullGroup()  # type: ignore[assignment]  # a stand-in
        world.pass_time(0.0)
        supervision.start()
        await world.until(lambda: supervision.service.state != "STARTING")
        assert supervision.service.state == "FATAL"
        assert "its memory limit of 500 MB is too little to start with" in supervision.service.reason
        for _ in range(1000):
            world.pass_time(1.0)
        assert supervision.service.restarts == 1 and world.kinds() == ["worker_refused"]

    play(tmp_path, story)
