"""What supervisor and install helper say to each other, over a socket pair: a kind, a length, and so many bytes.

    supervisor ── JOB, then CHUNK … ──► helper
               ◄── REQUEST …, ANSWER … ──

A helper does one job and ends. Requests and chunks are relayed between it and the broker as they are: the supervisor
reads nothing of what a repository says. Both sides ship in one package, so there is no version here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import IntEnum

import msgspec

from edgefuse.config.updates import UpdateSettings
from edgefuse.errors import EdgefuseError
from edgefuse.ota.deployment import Deployment, Step
from edgefuse.ota.events import Done, Failed, Inspected, Progressed, Resolved

MAX_FRAME_BYTES = 1 << 20
"""A chunk has 64 KiB and a job some hundred bytes; more is no frame."""
_HEAD = struct.Struct("!BI")


class Kind(IntEnum):
    """What the bytes of a frame are."""

    JOB = 1
    """JSON of a ``Job``."""
    REQUEST = 2
    """For the repository, see ``edgefuse.ota.chunks``."""
    CHUNK = 3
    """From the repository, likewise."""
    ANSWER = 4
    """JSON of a ``HelperAnswer``."""


_NUMBERS = frozenset(int(kind) for kind in Kind)


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """The work of one step; the first frame, sent once."""

    step: Step
    seq: int
    """Of the ``Work``; each answer bears it."""
    deployment: Deployment
    settings: UpdateSettings
    trusted_time: str | None
    """Wall time, ISO 8601; nothing where this unit cannot tell."""
    profile: str | None
    """Profile to use in place of the one that matches."""
    memory_mb: int | None
    """What the worker may use, in place of what the profile says."""


HelperAnswer = Done | Failed | Progressed | Resolved | Inspected
"""``Inspected`` has what the files tell: ``misfit`` and ``needed_bytes``."""


class FrameError(EdgefuseError):
    """The other side sends what is no frame."""


def pack(kind: Kind, payload: bytes) -> bytes:
    """Give a frame."""
    return _HEAD.pack(kind, len(payload)) + payload


class FrameReader:
    """Cuts a byte stream into frames."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes | memoryview) -> Iterator[tuple[Kind, bytes]]:
        """Give the frames that are complete with ``data``.

        Raises:
            FrameError: It is of no kind that there is, or too long.
        """
        self._rest += data
        while len(self._rest) >= _HEAD.size:
            number, length = _HEAD.unpack_from(self._rest)
            if number not in _NUMBERS or length > MAX_FRAME_BYTES:
                raise FrameError(f"cannot read a frame: kind {number}, {length} bytes")
            if len(self._rest) < _HEAD.size + length:
                return
            with memoryview(self._rest) as rest:  # a slice of the array itself would be one copy more
                payload = bytes(rest[_HEAD.size : _HEAD.size + length])
            del self._rest[: _HEAD.size + length]
            yield Kind(number), payload
