"""Commands of an operator: numbered, addressed, limited in time and signed."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

import msgspec

from edgefuse import clock, disk
from edgefuse.errors import ConfigError, StoreError
from edgefuse.fleet.site import load_register, load_signing_key
from edgefuse.link.commands import ACTIONS, Action
from edgefuse.link.envelope import seal
from edgefuse.link.messages import Command, decode, encode

_WORDS: Mapping[tuple[str, str], str | None] = {
    ("pin-point", "auto"): None,
    ("set-effect", "default"): "",
    ("set-face", "default"): None,
}
"""What ``edgefuse set`` says for taking a pin away."""


class Sequence(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in ``sequence.json``."""

    v: Literal[1] = 1
    last: int


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
    member = load_register(folder).find(device)
    made = Command(
        id=f"c{secrets.token_hex(8)}",
        device=device,
        key_id=member.key_id,
        seq=_next_number(folder),
        expires_at=(clock.wall_now() + timedelta(seconds=lifetime_s)).isoformat(timespec="milliseconds"),
        command=command,
        args=msgspec.Raw(encode(action)),
    )
    return Sealed(made, seal(made, load_signing_key(folder, member.key_id)))


def _next_number(folder: Path) -> int:
    """Count up; microseconds of the clock keep the numbers rising even if the file is lost or there are two of it.

    Raises:
        ConfigError: The file is none.
        StoreError: The folder cannot be read or written.
    """
    path = folder / "sequence.json"
    with disk.writing(path), disk.locked(folder / ".sequence.lock"):
        try:
            last = decode(b"".join(disk.read_chunks(path)), Sequence).last if path.exists() else 0
        except (StoreError, ValueError) as e:
            raise ConfigError(f"cannot load the last command's number from {path}: {e}; remove that file") from e
        number = max(last + 1, int(clock.wall_now().timestamp() * 1e6))
        disk.write_atomically(path, encode(Sequence(last=number)))
        return number
