"""The supervisor: one loop that keeps the worker alive and the board cool, and answers who asks.

tick ──► supervision (the worker) ──► heat (zones, governor) ──► systemd's watchdog
control socket, SIGHUP ──► steering (what shall run)
SIGTERM ──► drained and gone
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from edgefuse import clock
from edgefuse.errors import EdgefuseError
from edgefuse.store.state import Setup, state_path
from edgefuse.supervisor.cgroup import WorkerGroup, divide_group
from edgefuse.supervisor.check import check_site
from edgefuse.supervisor.children import Children
from edgefuse.supervisor.control import AnyRequest, CancelUpdate, GetHistory, Reply, Status, socket_path
from edgefuse.supervisor.journal import Journal
from edgefuse.supervisor.notebook import Notebook
from edgefuse.supervisor.notify import Notifier
from edgefuse.supervisor.report import describe, make_status
from edgefuse.supervisor.server import Server
from edgefuse.supervisor.steering import Steering
from edgefuse.supervisor.supervision import Supervision
from edgefuse.supervisor.trial import Pace
from edgefuse.supervisor.updating import Updating
from edgefuse.supervisor.uplink import Uplink

if TYPE_CHECKING:
    from edgefuse.link.commands import Port

logger = logging.getLogger(__name__)
T = TypeVar("T")

TICK_S = 0.25
THREADS = 2
"""For what blocks, such as a slow disk; each holds some 0.1 MB for ever."""
SENSE_S = 1.0
"""Between two looks at the temperatures; with 2 s the governor delivers 1 % less (tools/bench/governor)."""


class Daemon:
    """Everything that lives as long as the supervisor."""

    def __init__(self, divide: Callable[[], WorkerGroup] = divide_group, pace: Pace = Pace()) -> None:  # noqa: B008
        """Make everything; nothing of the system is touched yet.

        Args:
            divide: Parts the control group.
            pace: How much a release is measured on trial.
        """
        self._divide = divide
        self.journal = Journal()
        self.notebook = Notebook(state_path(), self.journal)
        self._children = Children()
        self.steering = Steering(self.journal, self.notebook, partial(check_site, self._children))
        self.supervision = Supervision(self._children, self.journal, self.steering.make_recipe, self._on_blamed)
        self._uplink = Uplink(self.journal, self._make_port)
        self.updating = Updating(
            self._children, self.steering, self.supervision, self._uplink, journal=self.journal, pace=pace
        )
        self._started_s = self._sensed_s = _now_s()
        self._notifier = Notifier()
        self._server = Server(socket_path(), self.status, self.perform)
        self._tasks: set[asyncio.Task[object]] = set()
        self._is_stopping = False

    async def run(self) -> None:
        """Run until SIGTERM or Ctrl-C.

        Raises:
            EdgefuseError: Another supervisor runs, or nobody could ever talk to this one.
        """
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(THREADS))
        await self._server.open()  # first: where another supervisor runs, nothing of it may be touched
        self._divide_group()
        self._listen(loop)
        self.journal.note("info", "started", "the supervisor has started")
        self.supervision.tick(_now_s())
        self.supervision.start()
        self.updating.start()
        self._notifier.ready()
        try:
            while not self._is_stopping or self.supervision.service.has_child:
                self._tick(_now_s())
                await asyncio.sleep(TICK_S)
        finally:
            await self._server.close()
            await self.updating.close()
            await self._uplink.close()
            await self.notebook.keep(self.steering.learned())

    def status(self) -> Status:
        """Tell everything that is known of this unit now."""
        deployment = self.updating.status()
        return make_status(
            self.steering, self.supervision, self.journal, deployment, started_s=self._started_s, now_s=_now_s()
        )

    async def perform(self, request: AnyRequest) -> Reply:
        """Do what somebody asked for, to its end: who asked may be gone before, and a change is not left half done."""
        if isinstance(request, CancelUpdate | GetHistory):
            return self.updating.perform(request)
        return await asyncio.shield(self._begin(self.steering.perform(request, self.supervision)))

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        self._children.watch(loop)
        loop.add_signal_handler(signal.SIGHUP, lambda: self._begin(self._reload()))
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)

    def _tick(self, now_s: float) -> None:
        self.supervision.tick(now_s)
        if now_s - self._sensed_s >= SENSE_S:
            self._sensed_s = now_s
            self.steering.govern(self.supervision, now_s)
            status = self.status()
            self._notifier.status(describe(status))
            self._uplink.show(status)
            self._begin(self._uplink.follow(self.steering.unit.site.link if self.steering.unit else None, now_s))
            self.updating.tick()
            self._begin(self.notebook.keep_now_and_then(now_s, self.steering.learned))
        self._notifier.beat(now_s)

    def _make_port(self) -> Port:
        from edgefuse.supervisor.remote import Remote  # brings libraries that a unit without a link does not need

        return Remote(self.status, self.perform, self.supervision, self._children, self.updating)

    async def _reload(self) -> None:
        self._notifier.reloading()
        self._uplink.try_again()
        await self.steering.reload(self.supervision)
        self._notifier.ready()

    def _stop(self) -> None:
        if not self._is_stopping:
            self._is_stopping = True
            self._notifier.stopping()
            self.journal.note("info", "stopping", "the supervisor was told to stop")
            self.supervision.stop()

    def _on_blamed(self, setups: tuple[Setup, ...], how: str) -> None:
        names = ", ".join(f"{setup.sha256[:12]} at {setup.size_px} px on {setup.runtime}" for setup in setups)
        self.journal.note("error", "model_blamed", f"{how} while native code was at {names}")
        self._begin(self.notebook.keep_crash(setups, how))

    def _divide_group(self) -> None:
        try:
            group = self.supervision.group = self._divide()
            self._children.group = group.helpers
        except EdgefuseError as e:
            self.journal.note("info", "not_limited", str(e))

    def _begin(self, work: Coroutine[object, object, T]) -> asyncio.Task[T]:
        """Let work go on beside the loop; a defect in it is seen."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._end)
        return task

    def _end(self, task: asyncio.Task[T]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a task failed", exc_info=error)


async def run() -> None:
    """Run a supervisor until SIGTERM or Ctrl-C.

    Raises:
        EdgefuseError: Another supervisor runs, or nobody could ever talk to this one.
    """
    await Daemon().run()


def _now_s() -> float:
    return clock.now_ns() / clock.NS_PER_S
