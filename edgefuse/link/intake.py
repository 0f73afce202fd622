"""What happens to a command: is it genuine, fresh, for us, allowed; then written down, performed once, replied to.

Refused commands are written down too. Only those that bear a trusted signature get a reply: anybody else could use
replies to confuse an operator.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Literal, Protocol

import msgspec

from edgefuse import clock
from edgefuse.config.link import Permission
from edgefuse.errors import ConfigError, StoreError
from edgefuse.link.commands import Action, GetStatus, Outcome, SetClock, check_rights, is_repeatable, parse_action
from edgefuse.link.envelope import unseal
from edgefuse.link.ledger import Accepted, AnyRecord, Finished, Ledger, Refused
from edgefuse.link.messages import NOTHING, Command, Reply, encode
from edgefuse.link.operators import Operator, OperatorKeys
from edgefuse.link.refusal import RefusedError
from edgefuse.link.timekeeper import Timekeeper
from edgefuse.trusted_time import TrustedTime

logger = logging.getLogger(__name__)

REFUSALS_A_MINUTE = 20
"""Recorded one by one; more would let a flood of junk push real records out of the audit."""
_MINUTE_NS = 60 * clock.NS_PER_S


@dataclass(frozen=True, slots=True)
class Task:
    """A command to perform now."""

    command: Command
    action: Action


class Trail(Protocol):
    """Where commands are written down, and what they amount to; ``Audit`` keeps it on the disk."""

    ledger: Ledger

    def add(self, record: AnyRecord, *, is_durable: bool) -> None:
        """Append a record."""
        ...

    def sync(self) -> None:
        """Make all records durable."""
        ...


@dataclass(slots=True)
class Intake:
    """Takes commands of one device; used by one thread."""

    device: str
    allowed: tuple[Permission, ...]
    keys: OperatorKeys
    time: TrustedTime
    audit: Trail
    _timekeeper: Timekeeper = field(init=False)
    _running: set[tuple[str, str]] = field(default_factory=set)
    """Key and id of what is being performed."""
    _minute_began_ns: int = 0
    _refused_in_minute: int = 0
    _unrecorded: int = 0

    def __post_init__(self) -> None:
        """Go on where the audit ends."""
        self._timekeeper = Timekeeper(self.time, self.audit.ledger.proven_time)

    def take(self, payload: bytes) -> Task | Reply | RefusedError | None:
        """Decide on the payload of a command's topic.

        Returns:
            What to perform, or the reply to send at once, or why it was refused where nobody gets a reply; nothing for
            a command that is being performed already.
        """
        try:
            command, operator = unseal(payload, self._load_keys())
            return self._take_genuine(command, operator)
        except RefusedError as e:
            self._record_refusal(e)
            return self._make_refusal(e) if e.id else e

    def settle(self) -> None:
        """Put on the disk what was taken; before anybody hears of it, and while it is being done where that may be."""
        try:
            self.audit.sync()
        except StoreError as e:
            logger.error("commands are not safe from a power cut: %s", e)

    def finish(self, task: Task, outcome: Outcome) -> Reply:
        """Write down what came of a task and give the reply."""
        self._running.discard((task.command.key_id, task.command.id))
        reply = make_reply(task.command.id, "done" if outcome.is_done else "failed", outcome.reason, outcome.result)
        kept = msgspec.structs.replace(reply, result=NOTHING) if _reads(task.action) else reply
        try:
            self.audit.add(Finished(key_id=task.command.key_id, reply=kept), is_durable=False)
        except StoreError as e:
            logger.warning("reply is not in the audit: %s", e)
        return reply

    def _load_keys(self) -> dict[str, Operator]:
        try:
            return dict(self.keys.load())
        except ConfigError as e:
            raise RefusedError("unknown_key", str(e)) from e

    def _take_genuine(self, command: Command, operator: Operator) -> Task | Reply | None:
        if command.device != self.device:
            reason = f"it is for device '{command.device[:64]}'"
            raise RefusedError("wrong_device", reason, command.key_id, command.id)
        action = parse_action(command)
        if self.audit.ledger.knows(command):
            return self._repeat(Task(command, action))
        if isinstance(action, SetClock):
            return self._set_clock(command, action, operator)
        self._timekeeper.check_fresh(command)
        self._admit(command, action, operator)
        return Task(command, action)

    def _set_clock(self, command: Command, action: SetClock, operator: Operator) -> Reply:
        time = self._timekeeper.check_statement(command, action)
        self._admit(command, action, operator, proves_time=action.now)
        self._timekeeper.believe(time)
        return self.finish(Task(command, action), Outcome())

    def _repeat(self, task: Task) -> Task | Reply | None:
        """Give the same answer again; what only reads is read again, because its answer is not kept."""
        if (task.command.key_id, task.command.id) in self._running:
            return None
        if _reads(task.action):
            return task
        before = self.audit.ledger.reply(task.command)
        return before or make_reply(task.command.id, "failed", "the device stopped before it was known what came of it")

    def _admit(self, command: Command, action: Action, operator: Operator, proves_time: str = "") -> None:
        """Take a timely command and write it down.

        Raises:
            RefusedError: It is old, not allowed, or cannot be written down.
        """
        self.audit.ledger.check_number(command)
        check_rights(command, action, operator.role, self.allowed)
        record = Accepted(
            id=command.id,
            key_id=command.key_id,
            seq=command.seq,
            command=command.command,
            args=msgspec.Raw(encode(action)),
            proves_time=proves_time,
        )
        try:
            self.audit.add(record, is_durable=not is_repeatable(action))
        except StoreError as e:
            reason = f"nothing is done that cannot be written down: {e}"
            raise RefusedError("unrecorded", reason, command.key_id, command.id) from e
        self._running.add((command.key_id, command.id))

    def _make_refusal(self, error: RefusedError) -> Reply:
        """Say why; where what time it is cannot be told, ask for it."""
        reply = make_reply(error.id, "refused", str(error))
        if error.fault not in ("no_clock", "unasked"):
            return reply
        return msgspec.structs.replace(reply, challenge=self._timekeeper.make_challenge())

    def _record_refusal(self, error: RefusedError) -> None:
        now_ns = clock.now_ns()
        if now_ns - self._minute_began_ns > _MINUTE_NS:
            self._minute_began_ns, self._refused_in_minute = now_ns, 0
        self._refused_in_minute += 1
        if self._refused_in_minute > REFUSALS_A_MINUTE or error.fault == "unrecorded":
            self._unrecorded += 1
            return
        record = Refused(
            fault=error.fault, reason=str(error), key_id=error.key_id, id=error.id, unrecorded=self._unrecorded
        )
        try:
            self.audit.add(record, is_durable=False)
            self._unrecorded = 0
        except StoreError as e:
            logger.warning("refusal is not in the audit: %s", e)


def make_reply(
    id: str, outcome: Literal["done", "refused", "failed"], reason: str = "", result: msgspec.Raw = NOTHING
) -> Reply:
    """Give a reply of now."""
    return Reply(t=clock.wall_iso(), id=id, outcome=outcome, reason=reason, result=result)


def _reads(action: Action) -> bool:
    return isinstance(action, GetStatus)
