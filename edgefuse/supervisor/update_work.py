"""The work of a deployment, performed: by a helper, by a check, by the worker, or on the store.

    begin(Work) ──► one task ──► say(Answer)          stop ──► helpers are ended, the worker goes back

One work at a time; whatever was begun before is over when the next begins, but for a trial: it ends when its release is
kept, or gone back from.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import msgspec

from edgefuse import clock, disk, ipc, paths
from edgefuse.config.updates import UpdateSettings
from edgefuse.errors import StoreError
from edgefuse.ota import staging
from edgefuse.ota.actions import Work
from edgefuse.ota.deployment import Deployment
from edgefuse.ota.events import Answer, Done, Failed, Inspected
from edgefuse.ota.retention import collect_garbage, offer_path
from edgefuse.ota.steps import find_waits
from edgefuse.ota.wire import HelperAnswer, Job
from edgefuse.store.store import open_store
from edgefuse.supervisor.children import Children
from edgefuse.supervisor.install_helper import InstallHelper
from edgefuse.supervisor.journal import Journal
from edgefuse.supervisor.release_check import check_release
from edgefuse.supervisor.steering import Steering
from edgefuse.supervisor.supervision import Supervision
from edgefuse.supervisor.trial import Pace, Trial
from edgefuse.supervisor.trial_figures import Meter
from edgefuse.supervisor.uplink import Uplink
from edgefuse.supervisor.verdict import Verdict

T = TypeVar("T")

KEPT_CRASHES = 20
"""More crashes of the release before no release on trial will have."""


class Performer:
    """Performs what the state machine asks for."""

    def __init__(
        self,
        children: Children,
        steering: Steering,
        supervision: Supervision,
        uplink: Uplink,
        *,
        journal: Journal,
        say: Callable[[Answer], object],
        pace: Pace,
    ) -> None:
        """Take what it needs, and begin to measure the worker.

        Args:
            say: Gets what came of the work.
            pace: How much a trial measures.
        """
        self._children, self._steering, self._supervision = children, steering, supervision
        self._uplink, self._journal, self._say, self._pace = uplink, journal, say, pace
        self._store = open_store()
        self.meter = Meter(pace.block_s)
        """Of the release that is live."""
        self._crashes_s: deque[float] = deque(maxlen=KEPT_CRASHES)
        """When the worker ended by itself with that release."""
        self._task: asyncio.Task[None] | None = None
        self._storing: asyncio.Task[Any] | None = None
        """What a thread does to the store (Any: whatever comes of it); the next waits for it."""
        self._helper: InstallHelper | None = None
        self._trial: Trial | None = None
        supervision.listeners.append(self)

    def begin(self, work: Work) -> None:
        """Begin with a work."""
        if self._task is not None:
            self._task.cancel()
        self._task = asyncio.get_running_loop().create_task(self._perform(work))

    def stop(self) -> None:
        """End what was begun, and let the worker go back to the release that is live."""
        if self._task is not None:
            self._task.cancel()
        if self._trial is not None:
            self._trial.stop()

    async def close(self) -> None:
        """End it, as the supervisor ends: the worker does so by itself."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def interrupt(self) -> None:
        """Let a trial begin anew after what is changed now, and forget what was measured of the pipeline before."""
        self.meter.clear()
        if self._trial is not None:
            self._trial.interrupt()

    def take_chunk(self, payload: bytes) -> None:
        """Pass on what the repository sent; where nobody fetches, it comes too late."""
        if self._helper is not None:
            self._helper.take_chunk(payload)

    def hear(self, message: ipc.Heartbeat | ipc.Compared | ipc.TrialFailed) -> None:
        """Measure the release that is live, while nothing else runs."""
        if isinstance(message, ipc.Heartbeat) and (self._trial is None or self._trial.is_waiting):
            self.meter.add(message, self._steering.band, self._supervision.now_s)

    def end(self, judged: Verdict | None, *, is_trial_blamed: bool) -> None:
        """Take note of a crash that nothing on trial can have caused."""
        is_alone = self._trial is None or self._trial.is_waiting
        if judged is not None and judged.is_own and (is_alone or not is_trial_blamed):
            self._crashes_s.append(self._supervision.now_s)

    async def _perform(self, work: Work) -> None:
        if work.step == "TRIAL":
            await self._try(work)  # which says what came of it while it goes on
        else:
            self._say(await self._find_answer(work))

    async def _find_answer(self, work: Work) -> Answer:
        match work.step:
            case "PREFLIGHT":
                return await self._inspect(work)
            case "SELFTEST":
                return await check_release(work, self._children, self._steering, self._supervision, self._store)
            case "COMMIT":
                return await self._commit(work)
            case "STAGE" if reason := await self._find_waits(work):
                return Failed(work.seq, reason, "later")
            case "STAGE" | "CLEANUP":
                return await self._on_store(partial(staging.perform, self._store, work))
        return await self._help(work)

    async def _help(self, work: Work) -> HelperAnswer:
        """Have the install helper do it."""
        try:
            self._helper = InstallHelper(
                self._children, await self._make_job(work), self._uplink.request_chunk, self._say
            )
            return await self._helper.finish()
        except OSError as e:
            return Failed(work.seq, f"cannot start the install helper: {(e.strerror or str(e)).lower()}")
        finally:
            self._helper = None

    async def _make_job(self, work: Work) -> Job:
        unit = self._steering.unit
        return Job(
            step=work.step,
            seq=work.seq,
            deployment=work.deployment,
            settings=self.settings,
            trusted_time=await asyncio.to_thread(self._uplink.read_trusted_time),
            profile=unit.site.profile if unit else None,
            memory_mb=unit.site.memory_mb if unit else None,
        )

    @property
    def settings(self) -> UpdateSettings:
        """What the site decided; the defaults while its configuration could never be read."""
        return self._steering.unit.site.updates if self._steering.unit else UpdateSettings()

    async def _inspect(self, work: Work) -> Answer:
        """Have the helper look at the files, and look at the unit."""
        try:
            await self._on_store(partial(collect_garbage, self._store, offer_path(self._store)))
            answer = await self._help(work)
            free_bytes = await self._on_store(partial(disk.free_bytes, paths.state_dir()))
        except (StoreError, OSError) as e:
            return Failed(work.seq, str(e))
        if not isinstance(answer, Inspected):
            return answer
        return await self._look(msgspec.structs.replace(answer, free_bytes=free_bytes))

    async def _find_waits(self, work: Work) -> str:
        """Say what a release that is here waits for before it is started."""
        return "" if work.deployment.is_identical else find_waits(await self._look(Inspected(work.seq)))

    async def _look(self, answer: Inspected) -> Inspected:
        """Complete an answer by what holds up updates now."""
        time = await asyncio.to_thread(self._uplink.read_trusted_time) if self.settings.window else None
        unit, beat = self._steering.unit, self._supervision.beat
        link = unit.site.link if unit else None
        return msgspec.structs.replace(
            answer,
            band=self._steering.band,
            is_metered=link is not None and link.metered and self.settings.on_metered == "wait",
            is_window_open=time is None or self.settings.is_open_at(clock.parse_iso(time).astimezone().time()),
            knows_time=time is not None or self.settings.window is None,
            is_flowing=beat is None or beat.source == "flowing",
        )

    async def _try(self, work: Work) -> None:
        """Try the release."""
        self._trial = Trial(
            work,
            steering=self._steering,
            supervision=self._supervision,
            journal=self._journal,
            meter=self.meter,
            crashes_s=self._crashes_s,
            say=self._say,
            pace=self._pace,
        )
        await self._trial.run()

    async def _commit(self, work: Work) -> Answer:
        answer = await self._on_store(partial(staging.perform, self._store, work))
        if isinstance(answer, Done):
            await self._take_over(work.deployment)
        return answer

    async def _take_over(self, deployment: Deployment) -> None:
        """Let the worker run what is live now."""
        trial, self._trial = self._trial, None
        supervision = self._supervision
        if deployment.is_identical:
            supervision.rename_release(deployment.release)
            return
        self.meter.clear()
        self._crashes_s.clear()
        if trial is not None and await trial.keep():
            return
        is_there = supervision.plan is not None and supervision.plan.release == deployment.release
        if not is_there or supervision.service.state == "STARTING":
            supervision.restart(f"release {deployment.release} is live")

    async def _on_store(self, do: Callable[[], T]) -> T:
        """Do something to the store in a thread, after what is being done there."""
        before = self._storing

        async def follow() -> T:
            if before is not None:
                await asyncio.wait([before])
            return await asyncio.to_thread(do)

        storing = asyncio.get_running_loop().create_task(follow())
        self._storing = storing
        return await asyncio.shield(storing)
