"""Reading what edgefuse itself has written: of a form that it knows, or else nobody reads it.

Readers refuse a major version ``v`` that they do not know, and ignore keys that they do not know.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TypeVar

import msgspec

from edgefuse import clock, disk
from edgefuse.errors import StoreError

logger = logging.getLogger(__name__)

S = TypeVar("S", bound=msgspec.Struct)
BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What ``decode`` raises for what is broken; the last for brackets without end."""


class _Version(msgspec.Struct):
    """The part that every version has."""

    v: int


def decode(data: bytes, name: str, kind: type[S], version: int) -> S:
    """Read JSON of one version; ``name`` stands for it in the error line.

    Raises:
        StoreError: It is of another version.
        BROKEN: It is broken.
    """
    found = msgspec.json.decode(data, type=_Version).v
    if found != version:
        raise StoreError(f"cannot load {name}: it has form {found}, this edgefuse reads {version} (update edgefuse)")
    return msgspec.json.decode(data, type=kind)


def load_or_begin(path: Path, kind: type[S], version: int) -> S:
    """Read a file that this unit keeps for itself; where there is none, it begins with all defaults.

    A broken file is moved aside with a warning: nothing is deleted silently.

    Raises:
        StoreError: The file cannot be read or moved, or was written by a newer edgefuse.
    """
    if not path.exists():
        return kind()
    try:
        return decode(disk.read_file(path), str(path), kind, version)
    except BROKEN as e:
        _move_aside(path, e)
        return kind()


def _move_aside(path: Path, reason: Exception) -> None:
    aside = path.with_name(f"{path.name}.broken-{clock.wall_iso().replace(':', '')}")
    with disk.writing(aside):
        path.replace(aside)
    logger.warning("file is broken and starts empty path=%s kept_as=%s reason=%s", path, aside.name, reason)
