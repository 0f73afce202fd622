"""What a device and a repository say to each other about pieces of files: requests in JSON, chunks in bytes.

A chunk is version, outcome, stream, request id, offset, size of the whole file, and then the file's bytes:

    !BBIIQQ, 26 bytes, and up to 64 KiB

Nothing of it is believed: who asked compares a chunk with its request, and what files must be is signed elsewhere.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, Literal

import msgspec

MAX_CHUNK_BYTES = 1 << 16
MAX_REQUEST_BYTES = 1024
_PLACE = r"^[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*){0,7}\Z"
"""No name begins with a dot, so none leads out of a folder or to what is hidden there."""
_MAX_PLACE = 255
_VERSION = 1
_HEAD = struct.Struct("!BBIIQQ")

Number = Annotated[int, msgspec.Meta(ge=0, lt=1 << 32)]


class Outcome(IntEnum):
    """What came of a request."""

    FOUND = 0
    ABSENT = 1
    """The repository has no such file."""
    BROKEN = 2
    """It has one that it cannot read now."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of a file is wanted."""

    v: Literal[1] = 1
    stream: Number
    """Names what the pieces belong to, so that none of an earlier fetch is taken for one of this."""
    id: Number
    """Another one each time that a piece is asked for."""
    place: Annotated[str, msgspec.Meta(pattern=_PLACE, max_length=_MAX_PLACE)]
    """In the repository, as ``metadata/timestamp.json``."""
    offset_bytes: Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)]
    length_bytes: Annotated[int, msgspec.Meta(ge=1, le=MAX_CHUNK_BYTES)]
    """Fewer come where the file ends."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """What came of one request."""

    stream: int
    id: int
    offset_bytes: int
    total_bytes: int
    """Of the whole file."""
    data: bytes
    outcome: Outcome = Outcome.FOUND


def is_place(text: str) -> bool:
    """Tell whether a file in a repository can be called so."""
    return len(text) <= _MAX_PLACE and re.match(_PLACE, text) is not None


def write_request(request: Request) -> bytes:
    """Give what is published."""
    return msgspec.json.encode(request)


def read_request(payload: bytes) -> Request:
    """Read what a device published.

    Raises:
        ValueError: It is no request, or for more than there may be.
    """
    if len(payload) > MAX_REQUEST_BYTES:
        raise ValueError(f"a request has {len(payload)} bytes")
    return msgspec.json.decode(payload, type=Request)


def write_chunk(chunk: Chunk) -> bytes:
    """Give what is published."""
    head = (_VERSION, chunk.outcome, chunk.stream, chunk.id, chunk.offset_bytes, chunk.total_bytes)
    return _HEAD.pack(*head) + chunk.data


def read_chunk(payload: bytes) -> Chunk:
    """Read what a repository published.

    Raises:
        ValueError: It is no chunk, or has more than there may be.
    """
    if not _HEAD.size <= len(payload) <= _HEAD.size + MAX_CHUNK_BYTES:
        raise ValueError(f"a chunk has {len(payload)} bytes")
    version, outcome, stream, id, offset_bytes, total_bytes = _HEAD.unpack_from(payload)
    if version != _VERSION:
        raise ValueError(f"a chunk is of version {version}")
    return Chunk(stream, id, offset_bytes, total_bytes, payload[_HEAD.size :], Outcome(outcome))
