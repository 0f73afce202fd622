"""Rebuilding a model file from one that is here and a delta: byte work only, without knowing any model format.

    EFD1, then one stream of zstd:
        length of a block (4 bytes, least significant first), block as msgpack
        length of a block, block …

A block makes the next part of the file from its segments, each from where it is told in the base (or from nothing,
which is zeros): copied, or with the differences that the block carries; see ``edgefuse.ota.planes``. A delta may also
be a plain stream of zstd: the whole file, where no base is of use.

Memory is bounded whatever a delta says: blocks, segments and zstd's window have limits, and what is rebuilt is counted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO, Literal

import msgspec
import numpy as np

from edgefuse.config.manifest import ModelFile
from edgefuse.disk import CHUNK_BYTES
from edgefuse.errors import EdgefuseError
from edgefuse.ota import planes, zstd
from edgefuse.store.store import Store

MAGIC = b"EFD1"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
BLOCK_BYTES = 1 << 20
"""Most differences that a block carries."""
MAX_SEGMENTS = 4096
WINDOW_LOG = 21
"""How far back zstd may refer in a delta, as a power of two: 2 MiB."""
PLAIN_WINDOW_LOG = 23
"""The same in a whole file, which is read without anything else in memory: 8 MiB."""
_MAX_BLOCK_BYTES = BLOCK_BYTES + 32 * MAX_SEGMENTS
_NOT_ONE = "it is no delta, or damaged"


class DeltaError(EdgefuseError):
    """A delta does not lead to the file; the whole file must be fetched instead."""


class Segment(msgspec.Struct, frozen=True, array_like=True):
    """Where the next bytes of the file come from."""

    length: Annotated[int, msgspec.Meta(ge=1)]
    skip: int | None
    """Bytes of the base between the end of the last segment that had one and the start of this one; None: zeros."""
    width: Literal[0, 1, 2, 4, 8] = 0
    """Bytes of the numbers that the block has differences for; 0: these bytes are copied."""
    is_sorted: bool = False


class Block(msgspec.Struct, frozen=True, array_like=True):
    """The next part of the file."""

    segments: Annotated[tuple[Segment, ...], msgspec.Meta(min_length=1, max_length=MAX_SEGMENTS)]
    differences: memoryview
    """Planes, one group after the other; see ``group``."""


def group(segments: Sequence[Segment]) -> list[tuple[planes.Width, bool, list[int]]]:
    """Tell which segments of a block share their planes: width, whether sorted, and their places among the segments."""
    kinds = sorted({(segment.width, segment.is_sorted) for segment in segments if segment.width})
    return [
        (width, is_sorted, [i for i, s in enumerate(segments) if (s.width, s.is_sorted) == (width, is_sorted)])
        for width, is_sorted in kinds
        if width
    ]


def add_rebuilt(store: Store, base_sha256: str, delta: Path, file: ModelFile) -> None:
    """Rebuild a file from a blob of the store and keep it; nothing is kept unless it is the right one.

    Raises:
        DeltaError: The delta or the base is missing, damaged, or leads elsewhere.
        StoreError: The store cannot be written.
    """
    store.add(rebuild(store.path(base_sha256), delta, file), file)


def rebuild(base: Path, delta: Path, file: ModelFile) -> Iterator[bytes]:
    """Give a file piece by piece; only after the last piece, when nothing was raised, is it the right one.

    Raises:
        DeltaError: The delta or the base is missing, damaged, or leads elsewhere.
    """
    digest, rest_bytes = hashlib.sha256(), file.size_bytes
    with _telling(file.name), base.open("rb") as base_file, delta.open("rb") as delta_file:
        for piece in _read_pieces(base_file, delta_file):
            rest_bytes -= len(piece)
            if rest_bytes < 0:
                raise DeltaError(f"it makes more than the {file.size_bytes} bytes that the release names")
            digest.update(piece)
            yield piece
        if digest.hexdigest() != file.sha256:
            raise DeltaError("what it makes is not what the release names")


@contextmanager
def _telling(name: str) -> Iterator[None]:
    """Turn whatever a hostile delta leads to into one error.

    Raises:
        DeltaError: The body raised one of these.
    """
    try:
        yield
    except (DeltaError, OSError) as e:
        raise DeltaError(f"cannot rebuild {name} from a delta: {e}") from e
    except (zstd.ZstdError, EOFError, msgspec.MsgspecError, RecursionError, OverflowError) as e:
        raise DeltaError(f"cannot rebuild {name} from a delta: {_NOT_ONE} ({e})") from e


def _read_pieces(base: BinaryIO, delta: BinaryIO) -> Iterator[bytes]:
    magic = delta.read(len(MAGIC))
    if magic == ZSTD_MAGIC:
        delta.seek(0)
        with _open(delta, PLAIN_WINDOW_LOG) as content:
            while piece := content.read(CHUNK_BYTES):
                yield piece
    elif magic == MAGIC:
        with _open(delta, WINDOW_LOG) as content:
            yield from _read_blocks(base, content)
    else:
        raise DeltaError(_NOT_ONE)


def _open(delta: BinaryIO, window_log: int) -> zstd.ZstdFile:
    return zstd.ZstdFile(delta, options={zstd.DecompressionParameter.window_log_max: window_log})


def _read_blocks(base: BinaryIO, content: zstd.ZstdFile) -> Iterator[bytes]:
    decoder = msgspec.msgpack.Decoder(Block)
    place = 0
    while header := content.read(4):
        size_bytes = int.from_bytes(header, "little")
        if size_bytes > _MAX_BLOCK_BYTES:
            raise DeltaError(f"a block of {size_bytes} bytes is too large")
        place = yield from _make(base, decoder.decode(content.read(size_bytes)), place)


def _make(base: BinaryIO, block: Block, place: int) -> Generator[bytes, None, int]:
    """Give what a block makes, and then where in the base it ends; nothing of it is in memory afterwards."""
    places, end = _find_places(block.segments, place)
    differing = _add_differences(base, block, places)
    for i, segment in enumerate(block.segments):
        yield from (differing.pop(i),) if segment.width else _copy(base, places[i], segment.length)
    return end


def _find_places(segments: Sequence[Segment], place: int) -> tuple[list[int | None], int]:
    """Give where in the base each segment starts, and where the last of them ends."""
    places: list[int | None] = []
    for segment in segments:
        places.append(None if segment.skip is None else place + segment.skip)
        if segment.skip is not None:
            place += segment.skip + segment.length
    return places, place


def _add_differences(base: BinaryIO, block: Block, places: Sequence[int | None]) -> dict[int, bytes]:
    """Give the bytes of all segments that are not copies, by their place in the block."""
    segments, start, made = block.segments, 0, {}
    if sum(segment.length for segment in segments if segment.width) != len(block.differences):
        raise DeltaError("a block has other differences than its segments say")
    for width, is_sorted, members in group(segments):
        if any(segments[i].length % width for i in members):
            raise DeltaError("a segment does not hold whole numbers")
        before = np.frombuffer(
            b"".join(piece for i in members for piece in _copy(base, places[i], segments[i].length)), np.uint8
        )
        changes = np.frombuffer(block.differences[start : start + len(before)], np.uint8)
        start += len(before)
        after, end = planes.join(before, changes, width, is_sorted=is_sorted), 0
        for i in members:
            end += segments[i].length
            made[i] = after[end - segments[i].length : end].tobytes()
    return made


def _copy(base: BinaryIO, place: int | None, length: int) -> Iterator[bytes]:
    """Read from the base; from nowhere come zeros."""
    if place is not None:
        if place < 0:
            raise DeltaError("it refers to bytes before the start of its base")
        base.seek(place)
    while length > 0:
        wanted = min(length, CHUNK_BYTES)
        piece = bytes(wanted) if place is None else base.read(wanted)
        if not piece:
            raise DeltaError("it refers to bytes that its base does not have")
        length -= len(piece)
        yield piece
