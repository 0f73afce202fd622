"""What an operator can ask for: one struct a command, who may ask, and what the daemon must be able to do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Protocol

import msgspec

from edgefuse.config.link import Permission
from edgefuse.link.messages import NOTHING, Command, Desired, Id, PipelineReport, SystemReport, decode
from edgefuse.link.operators import Role
from edgefuse.link.refusal import RefusedError


class Action(msgspec.Struct, frozen=True):
    """The arguments of a command; its class says which command it is."""


class GetStatus(Action, frozen=True):
    """Tell everything that is known of this unit right now."""


class Watch(Action, frozen=True, kw_only=True):
    """Report every two seconds for a while; asked for again to go on."""

    lease_s: Annotated[int, msgspec.Meta(ge=1, le=600)] = 120


class PinPoint(Action, frozen=True, kw_only=True):
    """Stay at an operating point, or with nothing let the governor choose again."""

    point: Annotated[int, msgspec.Meta(ge=0, le=99)] | None


class SetEffect(Action, frozen=True, kw_only=True):
    """Pin an effect, or with an empty text take the pin away."""

    effect: Annotated[str, msgspec.Meta(max_length=64)]


class SetFace(Action, frozen=True, kw_only=True):
    """Pin an installed donor, or with nothing take the pin away."""

    face: Id | None


class Pause(Action, frozen=True):
    """Let the pipeline rest."""


class Resume(Action, frozen=True):
    """Let the pipeline go on."""


class RestartWorker(Action, frozen=True):
    """Start the worker anew."""


class TakeSnapshot(Action, frozen=True):
    """Send the next delivered frame as a picture."""


class CollectLogs(Action, frozen=True, kw_only=True):
    """Send the newest lines of the journal."""

    lines: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1000


class Tune(Action, frozen=True):
    """Measure on this unit which choices are fastest."""


class SetClock(Action, frozen=True, kw_only=True):
    """Believe what time it is; good for a moment after the device asked for it."""

    challenge: Annotated[str, msgspec.Meta(max_length=64)] = ""
    """From the device's reply; with another one the device gives a new one and believes nothing."""
    now: Annotated[str, msgspec.Meta(max_length=40)] = ""
    """Wall time, ISO 8601 with a zone."""


class CancelUpdate(Action, frozen=True, kw_only=True):
    """End the deployment that is under way, if one is."""

    reason: Annotated[str, msgspec.Meta(max_length=200)] = ""


class Reboot(Action, frozen=True):
    """Restart the machine."""


ACTIONS: Mapping[str, type[Action]] = {
    "status": GetStatus,
    "watch": Watch,
    "pin-point": PinPoint,
    "set-effect": SetEffect,
    "set-face": SetFace,
    "pause": Pause,
    "resume": Resume,
    "restart-worker": RestartWorker,
    "snapshot": TakeSnapshot,
    "collect-logs": CollectLogs,
    "tune": Tune,
    "set-clock": SetClock,
    "cancel-update": CancelUpdate,
    "reboot": Reboot,
}

_NAMES = {kind: name for name, kind in ACTIONS.items()}
_READING = (GetStatus, Watch)
_REPEATABLE = (GetStatus, Watch, PinPoint, SetEffect, SetFace, Pause, Resume, CancelUpdate)
"""Done twice they are the same as once."""
_NEEDS: Mapping[type[Action], Permission] = {
    TakeSnapshot: "snapshot",
    CollectLogs: "collect-logs",
    Reboot: "reboot",
}
LIMITS_S: Mapping[type[Action], float] = {Tune: 1800.0, SetEffect: 240.0, SetFace: 240.0}
"""How long a command may take; ``DEFAULT_LIMIT_S`` where it is not here."""
DEFAULT_LIMIT_S = 30.0


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an action."""

    is_done: bool = True
    reason: str = ""
    """Why it was not done."""
    result: msgspec.Raw = NOTHING
    file: Path | None = None
    """What was asked for, for the link to send and delete."""
    file_kind: Literal["snapshot", "logs"] = "logs"


class Port(Protocol):
    """What the daemon does for the link; all of it in the daemon's own loop."""

    def make_reports(self, n: int) -> tuple[SystemReport, PipelineReport | None]:
        """Say how machine and pipeline are; nothing of the pipeline while none runs."""
        ...

    async def perform(self, action: Action) -> Outcome:
        """Do what an operator asked for; everything but ``Watch`` and ``SetClock`` comes here."""
        ...

    def wish(self, desired: Desired) -> None:
        """Take note of the release that the fleet would like to see here; it says so again on each connection."""
        ...

    def take_chunk(self, payload: bytes) -> None:
        """Pass on what a repository sent; nothing that it says is read before the install helper."""
        ...


def parse_action(command: Command) -> Action:
    """Give what a command asks for.

    Raises:
        RefusedError: No such command, or arguments that do not fit.
    """
    kind = ACTIONS.get(command.command)
    if kind is None:
        known = ", ".join(ACTIONS)
        raise _refuse(command, "malformed", f"there is no command '{command.command[:64]}' (there are {known})")
    try:
        return decode(command.args, kind)
    except ValueError as e:
        raise _refuse(command, "malformed", f"the arguments of {command.command} do not fit: {e}") from e


def name_action(action: Action) -> str:
    """Give the command that an action is the arguments of."""
    return _NAMES[type(action)]


def is_repeatable(action: Action) -> bool:
    """Tell whether it does no harm that an action is done once more after a power cut."""
    return isinstance(action, _REPEATABLE)


def check_rights(command: Command, action: Action, role: Role, allowed: tuple[Permission, ...]) -> None:
    """Hold an action against its sender's role and the site's permissions.

    Raises:
        RefusedError: One of them does not allow it.
    """
    if role == "viewer" and not isinstance(action, _READING):
        raise _refuse(command, "forbidden", f"key {command.key_id} may look, not ask for {command.command}")
    need = _NEEDS.get(type(action))
    if need is not None and need not in allowed:
        raise _refuse(
            command, "forbidden", f"this site does not allow {need} (link: allow: [{need}] in its configuration)"
        )


def _refuse(command: Command, fault: Literal["malformed", "forbidden"], reason: str) -> RefusedError:
    return RefusedError(fault, reason, command.key_id, command.id)
