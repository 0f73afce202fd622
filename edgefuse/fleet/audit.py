"""The site's audit: who asked what of which devices, from which side, and what came of it.

One JSON object a line in ``audit.jsonl``. A command is written down before it is sent; what came of it is a line of its
own. Devices keep audits of their own, which nobody here can change (``edgefuse audit`` on the device); this one tells
people apart, who all command under one key.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Literal

import msgspec

from edgefuse import clock, disk
from edgefuse.link.messages import encode

FILE_BYTES = 4 << 20
"""Then the file becomes ``audit.old.jsonl`` in place of the one before, which bounds both: 20,000 acts, or more."""
NAMED_DEVICES = 100
"""Of one act; of more the count is kept."""
_CURRENT, _OLD = "audit.jsonl", "audit.old.jsonl"
_TAIL_BYTES = 64 << 10
"""More than the longest line."""


Via = Literal["console", "command"]
"""From which side somebody acts: by the console, or by commands on the machine that has the site's folder."""


class Act(msgspec.Struct, frozen=True, kw_only=True, tag_field="is", tag="act"):
    """What somebody asked for."""

    v: Literal[1] = 1
    n: int
    """Only grows: milliseconds of the clock, or more."""
    t: str
    """Wall time, ISO 8601 in UTC."""
    who: str
    """A token's name, or a user of the operator's machine."""
    via: Via
    what: str
    """A command, ``update``, ``take back``, ``log in`` …"""
    devices: tuple[str, ...] = ()
    """The first hundred."""
    device_count: int = 0
    detail: str = ""
    """Arguments, a release, an address."""
    outcome: str = ""
    """Empty where nobody was there to see what came of it."""
    reason: str = ""


class Came(msgspec.Struct, frozen=True, kw_only=True, tag_field="is", tag="came"):
    """What came of an act."""

    v: Literal[1] = 1
    n: int
    """Of the act."""
    outcome: str
    reason: str = ""


class Actor(msgspec.Struct, frozen=True):
    """Who does something."""

    who: str
    via: Via


_Line = Act | Came
_DECODER = msgspec.json.Decoder(_Line)


def note_act(
    folder: Path,
    actor: Actor,
    what: str,
    devices: Sequence[str] = (),
    detail: str = "",
    *,
    outcome: str = "",
    reason: str = "",
) -> int:
    """Write down what somebody asks for, durably, and give its number.

    Raises:
        StoreError: It cannot be written; then it shall not be done.
    """
    with _appending(folder) as file:
        act = Act(
            n=max(_find_last(folder) + 1, int(clock.wall_now().timestamp() * 1000)),
            t=clock.wall_iso(),
            who=actor.who,
            via=actor.via,
            what=what,
            devices=tuple(devices[:NAMED_DEVICES]),
            device_count=len(devices),
            detail=detail[:1000],
            outcome=outcome,
            reason=reason[:1000],
        )
        _append(file, act)
    return act.n


def note_outcome(folder: Path, n: int, outcome: str, reason: str = "") -> None:
    """Write down what came of an act.

    Raises:
        StoreError: It cannot be written.
    """
    with _appending(folder) as file:
        _append(file, Came(n=n, outcome=outcome, reason=reason[:1000]))


def read_acts(folder: Path) -> list[Act]:
    """Give all that is kept, the oldest first, each with what came of it.

    Raises:
        StoreError: It cannot be read.
    """
    acts: dict[int, Act] = {}
    for name in (_OLD, _CURRENT):
        path = folder / name
        for line in _parse(disk.read_file(path)) if path.exists() else ():
            if isinstance(line, Act):
                acts[line.n] = line
            elif line.n in acts:
                acts[line.n] = msgspec.structs.replace(acts[line.n], outcome=line.outcome, reason=line.reason)
    return list(acts.values())


def find_user() -> Actor:
    """Give who works at this machine's command line."""
    try:
        return Actor(getpass.getuser(), "command")
    except (KeyError, OSError):  # a user id without a name
        return Actor(f"user {os.getuid()}", "command")


@contextmanager
def _appending(folder: Path) -> Iterator[BinaryIO]:
    """Give the file to append to while nobody else does, cut off where a power cut tore its last line."""
    path = folder / _CURRENT
    with disk.writing(path), disk.locked(folder / ".audit.lock"):
        if path.exists() and path.stat().st_size > FILE_BYTES:
            path.replace(folder / _OLD)
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(number, "r+b", buffering=0) as file:
            tail = _read_tail(file)
            if not tail.endswith(b"\n"):
                os.ftruncate(number, os.fstat(number).st_size - len(tail.rpartition(b"\n")[2]))
            yield file


def _append(file: BinaryIO, line: _Line) -> None:
    file.seek(0, os.SEEK_END)
    file.write(encode(line) + b"\n")
    os.fdatasync(file.fileno())


def _read_tail(file: BinaryIO) -> bytes:
    file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL_BYTES))
    return file.read()


def _find_last(folder: Path) -> int:
    """Give the greatest number near the end, where a file has just been begun, of the one before."""
    for name in (_CURRENT, _OLD):
        path = folder / name
        if path.exists() and path.stat().st_size:
            with path.open("rb") as file:
                return max((line.n for line in _parse(_read_tail(file))), default=0)
    return 0


def _parse(content: bytes) -> Iterator[_Line]:
    """Give the lines; what is none, such as one of which only the end is here, is passed over."""
    for raw in content.splitlines():
        with suppress(msgspec.DecodeError, UnicodeDecodeError):
            yield _DECODER.decode(raw)
