"""Commands to a device, signed under the site's key, and what came of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from inspect import getdoc
from pathlib import Path
from typing import Any, Union

import msgspec

from edgefuse.console.devices import UNKNOWN_DEVICE, find_row
from edgefuse.console.mirror import Mirror
from edgefuse.console.operation import Asked, Operation, RefusedError
from edgefuse.console.rows import THERE
from edgefuse.fleet.audit import note_act, note_outcome
from edgefuse.fleet.commanding import command_all
from edgefuse.fleet.roster import Presence
from edgefuse.fleet.sending import SilentError
from edgefuse.fleet.session import connected
from edgefuse.link.commands import (
    ACTIONS,
    DEFAULT_LIMIT_S,
    LIMITS_S,
    Action,
    CancelUpdate,
    CollectLogs,
    GetStatus,
    Pause,
    Reboot,
    RestartWorker,
    SetClock,
    TakeSnapshot,
    Tune,
    name_action,
)
from edgefuse.link.messages import Reply, decode, encode
from edgefuse.supervisor.control import Status

PATIENCE_S = 5.0
"""For the way there and back, beyond what a device may take for a command."""
STATUS_S = 8.0
_DISTURBING = frozenset({Pause, RestartWorker, Tune, CancelUpdate, Reboot})
"""What ends or holds up something that runs, and is asked twice."""
_FILES: Mapping[type[Action], str] = {TakeSnapshot: "image/jpeg", CollectLogs: "text/plain"}
_OFFERED: Mapping[str, type[Action]] = {name: kind for name, kind in ACTIONS.items() if kind is not SetClock}
"""A device's clock is set where a command finds it wrong."""
SILENT = {502: "The device refused to answer, or in a form that nobody here knows.", 504: "The device is silent."}


class Order(msgspec.Struct, frozen=True, tag_field="command"):
    """What is asked of a device; ``command`` names its kind, ``args`` has its arguments."""


def _make_order(name: str, kind: type[Action]) -> type[msgspec.Struct]:
    """Give the form of one command's order; one whose arguments all have defaults needs none."""
    has_defaults = all(not field.required for field in msgspec.structs.fields(kind))
    fields: list[Any] = [("args", kind, msgspec.field(default_factory=kind)) if has_defaults else ("args", kind)]
    made = msgspec.defstruct(f"Order-{name}", fields, bases=(Order,), tag=name, frozen=True)
    made.__doc__ = getdoc(kind)
    return made


ORDERS: Any = Union[tuple(_make_order(name, kind) for name, kind in _OFFERED.items())]  # noqa: UP007 -- made from a table
"""What a device can be asked for, told apart by ``command``."""


class Offered(msgspec.Struct, frozen=True, kw_only=True):
    """A command that there is."""

    command: str
    about: str
    args: msgspec.Raw
    """JSON schema of its arguments."""
    needs_confirmation: bool
    """It ends or holds up something that runs."""
    file: str | None
    """Type of the file that it answers with; nothing where it answers with none."""
    limit_s: float
    """So long it may take."""


class Commands(msgspec.Struct, frozen=True):
    """All that there are."""

    commands: list[Offered]


class Came(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a command."""

    id: str
    outcome: str
    """``done refused failed``; refused: nothing was tried, failed: it was."""
    reason: str
    result: msgspec.Raw
    """In a form that the command defines."""
    file: bytes | None = None
    """What was asked for, in Base64: a picture or logs."""


@dataclass(frozen=True, slots=True)
class Commanding:
    """The operations of commanding."""

    mirror: Mirror
    folder: Path
    """Of the site."""

    def operations(self) -> Iterator[Operation]:
        """Give them."""
        yield Operation(
            "GET",
            "/api/commands",
            "list_commands",
            "What devices can be asked for.",
            "viewer",
            lambda _: _COMMANDS,
            Commands,
        )
        yield Operation(
            "POST",
            "/api/devices/{device}/commands",
            "command_device",
            "Ask a device for something, and wait for what comes of it.",
            "operator",
            self._command,
            Came,
            body=ORDERS,
            faults={**UNKNOWN_DEVICE, 504: "It does not reply; it may still have done it."},
        )
        yield Operation(
            "GET",
            "/api/devices/{device}/status",
            "ask_device",
            "Ask a device how it is and why.",
            "viewer",
            self._ask,
            Status,
            faults={**UNKNOWN_DEVICE, **SILENT},
        )

    def _command(self, asked: Asked) -> Came:
        action: Action = asked.body.args
        self._find(asked.device)
        limit_s = LIMITS_S.get(type(action), DEFAULT_LIMIT_S) + PATIENCE_S
        detail = encode(action).decode()
        with connected(self.folder) as session:
            n = note_act(self.folder, asked.identity.actor, name_action(action), [asked.device], detail)
            ((sealed, answer),) = command_all(session, self.folder, [asked.device], action, limit_s)
        if isinstance(answer, SilentError):
            note_outcome(self.folder, n, "silent", str(answer))
            raise answer
        reply = answer.reply
        note_outcome(self.folder, n, reply.outcome, reply.reason)
        return Came(
            id=sealed.command.id, outcome=reply.outcome, reason=reply.reason, result=reply.result, file=answer.file
        )

    def _ask(self, asked: Asked) -> Status:
        presence = self._find(asked.device)
        if presence not in THERE:
            raise RefusedError(504, f"cannot ask '{asked.device}' how it is: it is {presence}")
        with connected(self.folder) as session:
            ((_, answer),) = command_all(session, self.folder, [asked.device], GetStatus(), STATUS_S)
        if isinstance(answer, SilentError):
            raise answer
        return _read_status(asked.device, answer.reply)

    def _find(self, device: str) -> Presence:
        """Tell whether a device that the site trusts is there.

        Raises:
            RefusedError: The site does not trust it.
        """
        presence = find_row(self.mirror, device).presence
        if presence == "revoked":
            raise RefusedError(404, f"cannot ask '{device}': it is revoked (edgefuse fleet enrol {device})")
        return presence


def _read_status(device: str, reply: Reply) -> Status:
    if reply.outcome != "done":
        raise RefusedError(502, f"cannot tell how '{device}' is: it {reply.outcome} to say: {reply.reason}")
    try:
        return decode(reply.result, Status)
    except ValueError as e:
        raise RefusedError(502, f"cannot tell how '{device}' is: it is of another version of edgefuse ({e})") from e


def _offer(name: str, kind: type[Action]) -> Offered:
    _, parts = msgspec.json.schema_components([kind])
    return Offered(
        command=name,
        about=(getdoc(kind) or "").splitlines()[0],
        args=msgspec.Raw(msgspec.json.encode(parts[kind.__name__])),
        needs_confirmation=kind in _DISTURBING,
        file=_FILES.get(kind),
        limit_s=LIMITS_S.get(kind, DEFAULT_LIMIT_S),
    )


_COMMANDS = Commands([_offer(name, kind) for name, kind in _OFFERED.items()])
