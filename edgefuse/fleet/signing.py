"""Commands of an operator: numbered, addressed, limited in time and signed."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import msgspec

from edgefuse import clock
from edgefuse.errors import ConfigError
from edgefuse.fleet.numbers import reserve_numbers
from edgefuse.fleet.site import load_register, load_signing_key
from edgefuse.link.commands import ACTIONS, Action
from edgefuse.link.envelope import seal
from edgefuse.link.messages import Command, encode

_WORDS: Mapping[tuple[str, str], str | None] = {
    ("pin-point", "auto"): None,
    ("set-effect", "default"): "",
    ("set-face", "default"): None,
}
"""What ``edgefuse set`` says for taking a pin away."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A command that is ready to be sent."""

    command: Command
    envelope: bytes


def make_action(command: str, value: str | None) -> Action:
    """Give what an operator asks for in words; a command takes one value at most.

    Raises:
        ConfigError: There is no such command, or the value does not fit.
    """
    kind = ACTIONS.get(command)
    if kind is None:
        raise ConfigError(f"cannot send '{command}': there is no such command; choose from {', '.join(ACTIONS)}")
    fields = kind.__struct_fields__
    if value is not None and not fields:
        raise ConfigError(f"cannot send {command} {value}: {command} takes no value")
    values = {} if value is None else {fields[0]: _WORDS.get((command, value), value)}
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as e:
        raise ConfigError(f"cannot send {command} {value or ''}: {e}".replace(" :", ":")) from e


def seal_action(folder: Path, device: str, command: str, action: Action, lifetime_s: float) -> Sealed:
    """Sign a command under the key that its device trusts.

    Raises:
        EdgefuseError: The device is not enrolled, or the site's folder cannot be read or written.
    """
    return seal_actions(folder, [device], command, action, lifetime_s)[0]


def seal_actions(
    folder: Path, devices: Sequence[str], command: str, action: Action, lifetime_s: float
) -> tuple[Sealed, ...]:
    """Sign the same command for several devices, each under the key that it trusts; all have one id.

    Raises:
        EdgefuseError: A device is not enrolled, or the site's folder cannot be read or written.
    """
    register = load_register(folder)
    members = {device: register.find(device) for device in devices}
    keys = {key_id: load_signing_key(folder, key_id) for key_id in {member.key_id for member in members.values()}}
    first = reserve_numbers(folder, len(members))
    like = Command(
        id=f"c{secrets.token_hex(8)}",
        device="",
        key_id="",
        seq=0,
        expires_at=(clock.wall_now() + timedelta(seconds=lifetime_s)).isoformat(timespec="milliseconds"),
        command=command,
        args=msgspec.Raw(encode(action)),
    )
    made = (
        msgspec.structs.replace(like, device=device, key_id=member.key_id, seq=seq)
        for seq, (device, member) in enumerate(members.items(), first)
    )
    return tuple(Sealed(command, seal(command, keys[command.key_id])) for command in made)
