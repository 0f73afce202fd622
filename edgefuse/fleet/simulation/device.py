"""One simulated device: a unit, the real conversation with the broker, and what is wrong with it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from edgefuse import clock
from edgefuse.errors import EdgefuseError
from edgefuse.fleet.simulation.fault import Fault
from edgefuse.fleet.simulation.kind import Kind
from edgefuse.fleet.simulation.memory import MemoryBacklog, MemoryTrail
from edgefuse.fleet.simulation.unit import Unit
from edgefuse.link import topics
from edgefuse.link.commands import CancelUpdate, Outcome
from edgefuse.link.connection import Connection, Target
from edgefuse.link.conversation import Conversation, Ears
from edgefuse.link.intake import Intake, Task
from edgefuse.link.messages import Deployment, Desired
from edgefuse.link.operators import OperatorKeys
from edgefuse.link.report import Level
from edgefuse.trusted_time import TrustedTime

STAYS_S, IS_AWAY_S = (1.0, 90.0), (1.0, 60.0)
"""Of a flapping device; the broker tells of those that are away for more than 30 s."""
LEAVE_S = 5.0
"""For the broker to have the farewell."""
_NEVER_NS = 1 << 62
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True, slots=True)
class Part:
    """Which device is to be played."""

    name: str
    kind: Kind
    fault: Fault | None
    seed: str
    """Of everything that is drawn; another one for each device."""


class Device:
    """Used by one thread."""

    def __init__(
        self,
        part: Part,
        keys: OperatorKeys,
        make_target: Callable[[str, bytes], Target],
        wake: Callable[[], None],
    ) -> None:
        """Switch it on.

        Args:
            part: What to play.
            keys: Of operators whose commands it takes.
            make_target: Gives whom to connect to, for topic and payload of the last will.
            wake: Called from another thread when the device needs a turn.
        """
        self.is_over = False
        self.commands = 0
        """Performed so far."""
        self.backlog = MemoryBacklog()
        self._fault, self._random = part.fault, random.Random(f"{part.seed} fault")
        self._began_ns = clock.now_ns()
        self._loss_ns = self._end_ns = _NEVER_NS
        time = TrustedTime(wall=self._tell_time, is_synchronised=lambda: True)
        intake = Intake(part.name, (), keys, time, MemoryTrail())
        ears = Ears(self._begin, self._wish, take_chunk=lambda _: None)
        self._talk = Conversation(
            intake, self.backlog, make_target, wake, ears, is_metered=False, wall_iso=self._wall_iso
        )
        self._unit = Unit(part.kind, part.seed, self._began_ns, self._tell, is_hot=part.fault == "hot")
        self._shown: tuple[str, str] | None = None
        self._talk.outbox.retain(topics.INVENTORY, part.kind.inventory)
        self._show_state()
        if part.fault == "flapping":
            self._plan_loss()

    @property
    def connection(self) -> Connection | None:
        """Give what to wait on."""
        return self._talk.dialer.connection

    @property
    def is_open(self) -> bool:
        """A broker has taken it in."""
        return self._talk.dialer.is_open

    @property
    def published(self) -> int:
        """Give how many messages it has sent."""
        return self._talk.published

    @property
    def due_ns(self) -> int:
        """Give when there is something to do even if nothing comes."""
        if self._is_leaving:
            return self._end_ns
        unit_ns = _NEVER_NS if self._is_mute else min(self._unit.due_ns, self._unit.updating.due_ns)
        return min(self._talk.due_ns, self._loss_ns, unit_ns)

    def turn(self, *, is_readable: bool) -> None:
        """Do what is to be done now, without waiting."""
        self._talk.step(is_readable=is_readable)
        if not self._is_leaving:
            self._live(clock.now_ns())
        self._talk.flush()
        while self.connection is not None and self.connection.has_news():
            self._talk.step(is_readable=False)
            self._talk.flush()
        if self._is_leaving and (not self._talk.outbox.is_awaited or clock.now_ns() >= self._end_ns):
            self._talk.close()
            self.is_over = True

    def leave(self) -> None:
        """Say good-bye, and have the broker forget what it holds of this device."""
        self._end_ns = clock.now_ns() + round(LEAVE_S * clock.NS_PER_S)
        self._talk.show_leaving()
        for topic in (topics.STATE, topics.INVENTORY, topics.DEPLOYMENT):
            self._talk.outbox.retain(topic, b"")

    def drop(self) -> None:
        """Lose the connection without a word."""
        self._talk.drop()

    def _live(self, now_ns: int) -> None:
        if now_ns >= self._loss_ns:
            self.drop()
            self._talk.dialer.due_ns = now_ns + round(self._random.uniform(*IS_AWAY_S) * clock.NS_PER_S)
            self._plan_loss()
        n = self._talk.reporter.next_report()
        if self._is_mute:
            return
        self._unit.live(now_ns)
        self._show_deployment(self._unit.updating.live(now_ns, self._wall_iso()))
        self._show_state()
        if n is not None:
            system, pipeline = self._unit.make_reports(n, self._wall_iso(), now_ns)
            self._talk.send(system, pipeline)

    @property
    def _is_leaving(self) -> bool:
        return self._end_ns != _NEVER_NS

    @property
    def _is_mute(self) -> bool:
        """Its daemon hangs: the link goes on, but nothing is reported or done."""
        return self._fault == "silent"

    def _begin(self, task: Task) -> None:
        if self._is_mute:
            return
        self.commands += 1
        try:
            if isinstance(task.action, CancelUpdate):
                outcome = self._cancel(task.action.reason)
            else:
                outcome = self._unit.perform(task.action, clock.now_ns())
        except EdgefuseError as e:
            outcome = Outcome(is_done=False, reason=str(e))
        self._talk.finish(task, outcome)

    def _wish(self, desired: Desired) -> None:
        if not self._is_mute:
            self._unit.updating.wish(desired, clock.now_ns())

    def _cancel(self, reason: str) -> Outcome:
        """End a deployment.

        Raises:
            EdgefuseError: None is under way.
        """
        ended = self._unit.updating.cancel(reason, self._wall_iso())
        if ended is None:
            raise EdgefuseError("cannot cancel: no deployment is under way")
        self._show_deployment(ended)
        return Outcome()

    def _show_deployment(self, told: Deployment | None) -> None:
        if told is not None:
            self._talk.reporter.show_deployment(told)

    def _show_state(self) -> None:
        shown = (self._unit.updating.release, self._unit.service)
        if shown != self._shown:
            self._shown = shown
            self._talk.reporter.show_state(*shown)

    def _tell(self, level: Level, kind: str, text: str) -> None:
        self._talk.reporter.say(self._wall_iso(), level, kind, text)

    def _plan_loss(self) -> None:
        self._loss_ns = clock.now_ns() + round(self._random.uniform(*STAYS_S) * clock.NS_PER_S)

    def _tell_time(self) -> datetime:
        if self._fault != "wrong-clock":
            return clock.wall_now()
        return _EPOCH + timedelta(microseconds=(clock.now_ns() - self._began_ns) // 1000)

    def _wall_iso(self) -> str:
        return clock.to_iso(self._tell_time())
