"""One trial: the worker runs a release beside the one that is live, or in its place where memory does not hold both.

    frames flow ──► Try ──► Compared, Compared … ─────────────► Measured, Measured … ──► kept, or gone back from
                     │ no room
                     └──► the old one is measured ─► a new worker, with the release ─► its heartbeats ─► Measured …

It is over when somebody ``stop``s it, which goes back, or ``keep``s the release once that is live. A worker that dies
is started again by those who look after it, with the release that is live.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal

from edgefuse import ipc
from edgefuse.config.profile import OperatingPoint
from edgefuse.errors import EdgefuseError
from edgefuse.ota.actions import Work
from edgefuse.ota.events import Answer, Crashed, Failed, Interrupted, Measured
from edgefuse.ota.moves import LIMITS_S
from edgefuse.supervisor.attempt import NoAnswerError
from edgefuse.supervisor.journal import Journal
from edgefuse.supervisor.steering import Steering
from edgefuse.supervisor.supervision import Supervision
from edgefuse.supervisor.trial_figures import Meter, Pairs
from edgefuse.supervisor.verdict import Verdict

LOOK_S = 0.25
OPEN_S = 300.0
"""For the worker to open the release beside the other."""
KEEP_S = 60.0
DOWN_S = 60.0
"""A worker that does not come to run for so long may be what the release mends: it gets a worker of its own."""
BEFORE_S = 180.0
"""In which the release before is measured alone; what there is then must do."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How much is measured at least."""

    least_s: float = 60.0
    """A gate decides after so long at the earliest: caches fill first, and memory must have had time to grow."""
    block_s: float = 4.0
    """Of heartbeats; a block has eight of them, so that one in which the machine did something else does not show."""
    blocks_before: int = 30
    """Of heartbeats of the release before, where the new one runs alone: two minutes. These stay so many, so that their
    interval must be narrow enough for a gate to pass."""


class Trial:
    """One start of a release that is not live."""

    def __init__(
        self,
        work: Work,
        *,
        steering: Steering,
        supervision: Supervision,
        journal: Journal,
        meter: Meter,
        crashes_s: Collection[float],
        say: Callable[[Answer], object],
        pace: Pace,
    ) -> None:
        """Take whom it is tried by.

        Args:
            meter: Of the release that is live; is not fed while another one runs.
            crashes_s: When the worker ended by itself with that release.
            say: Gets what came of it.
        """
        self._work, self._pace = work, pace
        self._release = work.deployment.release
        self._steering, self._supervision, self._journal = steering, supervision, journal
        self._meter, self._crashes_s, self._say = meter, crashes_s, say
        self._way: Literal["none", "beside", "alone"] = "none"
        self._pairs, self._alone = Pairs(), Meter(pace.block_s)
        self._measured_since_s: float | None = None
        self._ladder: tuple[OperatingPoint, ...] = ()
        """Of the release that is live."""
        self._is_going_over = False
        """The worker that ends now was told to, so that the next one runs the release."""
        self._is_over = False

    async def run(self) -> None:
        """Begin, and measure until somebody ends it."""
        await self._wait_for_frames()
        self._supervision.listeners.append(self)
        reason = "its check says so" if self._work.deployment.needs_restart else ""
        if not reason and self._supervision.is_open:
            reason = await self._open_beside()
        elif not reason:
            reason = "the worker does not run"
        if reason and not self._is_over:
            await self._start_alone(reason)

    @property
    def is_waiting(self) -> bool:
        """Tell whether what is live runs as if there were no trial."""
        return self._way == "none"

    def stop(self) -> None:
        """Go back to the release that is live."""
        way = self._end()
        if way == "beside":
            self._supervision.tell(ipc.GoBack())
            self._supervision.end_trial()
        elif way == "alone":
            self._steering.trying = None
            self._supervision.restart("it goes back to the release that is live")

    def interrupt(self) -> None:
        """Go back, as something else is wished for; the trial begins anew after that."""
        if not self._is_over:
            self.stop()
            self._say(Interrupted(self._work.seq))

    async def keep(self) -> bool:
        """Let the worker go on with the release, which is live now; tell whether it does."""
        way = self._end()
        if way != "beside":
            return False
        try:
            answer = await self._supervision.ask(lambda number: ipc.Keep(id=number), KEEP_S)
        except EdgefuseError:
            return False
        return not answer.error

    def hear(self, message: ipc.Heartbeat | ipc.Compared | ipc.TrialFailed) -> None:
        """Measure."""
        if self._is_over:
            return
        if isinstance(message, ipc.TrialFailed):
            self._supervision.end_trial()
            self._end()
            self._say(Failed(self._work.seq, message.reason, "bad"))
        elif isinstance(message, ipc.Compared):
            self._compare(message)
        elif self._way == "alone" and not self._is_going_over:
            self._measure_alone(message)

    def end(self, judged: Verdict | None, *, is_trial_blamed: bool) -> None:
        """Learn that the worker is gone; one that did not run the release tells nothing of it."""
        if self._is_going_over:
            self._is_going_over = False
        elif judged is None or self._way == "none":
            self._way = "none"
            self.interrupt()
        elif not self._is_over:
            is_alone = self._end() == "alone"
            is_blamed = judged.is_own and (is_trial_blamed or is_alone)
            self._say(Crashed(self._work.seq, judged.reason, self._count_old_crashes(), is_blamed))
            if is_alone:  # what it would wait for is nothing that the release before needs
                asyncio.get_running_loop().call_soon(self._supervision.wake)

    async def _wait_for_frames(self) -> None:
        """Wait until what is being changed has settled, and frames flow; or the worker has been down for long."""
        down_since_s = self._supervision.now_s
        while True:
            await self._steering.settled()
            beat = self._supervision.beat
            if self._supervision.is_open:
                down_since_s = self._supervision.now_s
                if beat is not None and beat.source == "flowing":
                    return
            elif self._supervision.now_s - down_since_s > DOWN_S:
                return
            await asyncio.sleep(LOOK_S)

    async def _open_beside(self) -> str:
        """Have both run; give the reason why that takes a new worker."""
        self._way = "beside"
        try:
            answer = await self._supervision.ask(lambda n: ipc.Try(id=n, release=self._release), OPEN_S)
        except NoAnswerError as e:
            self._fail(str(e))
        except EdgefuseError:  # it has just ended
            self._way = "none"
            self.interrupt()
        else:
            if answer.needs_restart:
                self._supervision.end_trial()
                return answer.error
            if answer.error:
                self._fail(answer.error)
        return ""

    def _fail(self, reason: str) -> None:
        """Tell that the release could not be opened; a worker that has died meanwhile was told of."""
        if not self._is_over:
            self.stop()
            self._say(Failed(self._work.seq, reason))

    async def _start_alone(self, reason: str) -> None:
        """Measure the release before, then start a worker with the new one."""
        self._way = "none"
        self._meter.clear()  # its check has disturbed what was measured meanwhile
        end_s = self._supervision.now_s + BEFORE_S
        while self._supervision.is_open and self._supervision.now_s < end_s:
            before = self._meter.newest()
            if before is not None and len(before.frame_ms) >= self._pace.blocks_before:
                break
            await asyncio.sleep(LOOK_S)
        if self._is_over:
            return
        self._ladder = self._read_ladder()
        text = f"the worker is started anew to try release {self._release}: {reason}"
        self._journal.note("warning", "update_restarts", text)
        self._way, self._steering.trying = "alone", self._release
        self._is_going_over = self._supervision.service.has_child
        self._supervision.restart(f"release {self._release} is tried")

    def _compare(self, compared: ipc.Compared) -> None:
        beat = self._supervision.beat
        self._pairs.add(compared, self._steering.band, beat.effect if beat else "")
        if self._pairs.measured_s >= self._pace.least_s:
            assert self._pairs.circumstances is not None  # there is a block
            new, old = self._pairs.figures(self._meter.find(self._pairs.circumstances))
            parity, is_sure = self._pairs.parity, self._pairs.is_parity_sure
            self._say(Measured(self._work.seq, new=new, old=old, parity=parity, is_parity_sure=is_sure))

    def _measure_alone(self, beat: ipc.Heartbeat) -> None:
        if not self._alone.add(beat, self._steering.band, self._supervision.now_s):
            return
        new = self._alone.newest()
        if new is not None and len(new.frame_ms) * new.block_s >= self._pace.least_s:
            old = self._meter.find(new.circumstances)
            before, now = (ladder[new.point : new.point + 1] for ladder in (self._ladder, self._read_ladder()))
            self._say(Measured(self._work.seq, new=new, old=old, is_paired=False, is_same_point=before == now))

    def _read_ladder(self) -> tuple[OperatingPoint, ...]:
        """Give the points as they are now: a release may bring other ones."""
        return self._steering.unit.profile.ladder if self._steering.unit else ()

    def _end(self) -> Literal["none", "beside", "alone"]:
        """Say nothing from now on; give how it was tried."""
        way, self._way, self._is_over = self._way, "none", True
        if self in self._supervision.listeners:
            self._supervision.listeners.remove(self)
        return way

    def _count_old_crashes(self) -> int:
        """Count how often the worker ended by itself before, within as long a time as a trial may take."""
        return sum(self._supervision.now_s - crash_s <= LIMITS_S["TRIAL"][1] for crash_s in self._crashes_s)
