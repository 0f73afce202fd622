"""Which commands were taken already: the newest number of each key and the newest replies, as a fold over the audit."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from edgefuse.link.messages import Command, Reply
from edgefuse.link.refusal import Fault, RefusedError

KEPT_COMMANDS = 128
"""A sender that heard nothing asks again within minutes, not after so many other commands."""


class AuditRecord(msgspec.Struct, frozen=True, kw_only=True, tag_field="is"):
    """What the audit says about a command."""


class Accepted(AuditRecord, frozen=True, kw_only=True, tag="accepted"):
    """It is genuine, fresh and for this device; written down before anything is done."""

    id: str
    key_id: str
    seq: int
    command: str
    args: msgspec.Raw
    proves_time: str = ""
    """The wall time that an operator stated in it and that was not older than the device's question; ISO 8601."""


class Finished(AuditRecord, frozen=True, kw_only=True, tag="finished"):
    """It was replied to."""

    key_id: str
    reply: Reply


class Refused(AuditRecord, frozen=True, kw_only=True, tag="refused"):
    """It was not taken."""

    fault: Fault
    reason: str
    key_id: str = ""
    id: str = ""
    unrecorded: int = 0
    """So many before it were refused too fast to be recorded one by one."""


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered."""

    seqs: Mapping[str, int] = {}
    """The newest number that each key has used."""
    replies: Mapping[str, Reply | None] = {}
    """By key and id, oldest first; nothing for commands that are under way, or were when the device stopped."""
    proven_time: str = ""
    """What was proven last; no clock that shows less is right."""

    def with_record(self, record: AuditRecord) -> Ledger:
        """Give the ledger after a record."""
        if isinstance(record, Accepted):
            return Ledger(
                seqs={**self.seqs, record.key_id: max(record.seq, self.seqs.get(record.key_id, -1))},
                replies=self._remember(_name(record.key_id, record.id), None),
                proven_time=record.proves_time or self.proven_time,
            )
        if isinstance(record, Finished):
            replies = self._remember(_name(record.key_id, record.reply.id), record.reply)
            return msgspec.structs.replace(self, replies=replies)
        return self

    def knows(self, command: Command) -> bool:
        """Tell whether a command with this id was taken already."""
        return _name(command.key_id, command.id) in self.replies

    def reply(self, command: Command) -> Reply | None:
        """Give the reply that a command got; nothing if it has none."""
        return self.replies.get(_name(command.key_id, command.id))

    def check_number(self, command: Command) -> None:
        """Hold a command that is not known against the numbers of its key.

        Raises:
            RefusedError: Its number was used.
        """
        newest = self.seqs.get(command.key_id, -1)
        if command.seq <= newest:
            reason = f"its number {command.seq} is not above {newest}, the newest of key {command.key_id}"
            raise RefusedError("replayed", reason, command.key_id, command.id)

    def _remember(self, name: str, reply: Reply | None) -> dict[str, Reply | None]:
        kept = {**self.replies, name: reply}
        for oldest in list(kept)[: max(0, len(kept) - KEPT_COMMANDS)]:
            del kept[oldest]
        return kept


class Checkpoint(AuditRecord, frozen=True, kw_only=True, tag="checkpoint"):
    """What the records before it, which may be gone by now, amount to."""

    ledger: Ledger


AnyRecord = Accepted | Finished | Refused | Checkpoint


def _name(key_id: str, id: str) -> str:
    return f"{key_id}/{id}"
