"""Numbers that only grow: of commands and of wishes; devices take none that is not above the last."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from edgefuse import clock, disk
from edgefuse.errors import ConfigError, StoreError
from edgefuse.link.messages import decode, encode


class Numbers(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in ``sequence.json``."""

    v: Literal[1] = 1
    last: int


def reserve_numbers(folder: Path, count: int = 1) -> int:
    """Count up by ``count`` and give the first of these numbers.

    Microseconds of the clock keep the numbers rising even if the file is lost or there are two of it.

    Raises:
        ConfigError: The file is none.
        StoreError: The folder cannot be read or written.
    """
    path = folder / "sequence.json"
    with disk.writing(path), disk.locked(folder / ".sequence.lock"):
        try:
            last = decode(disk.read_file(path), Numbers).last if path.exists() else 0
        except (StoreError, ValueError) as e:
            raise ConfigError(f"cannot load the last command's number from {path}: {e}; remove that file") from e
        first = max(last + 1, int(clock.wall_now().timestamp() * 1e6))
        disk.write_atomically(path, encode(Numbers(last=first + count - 1)))
        return first
