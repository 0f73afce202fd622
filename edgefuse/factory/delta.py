"""Making deltas: every way that is known is tried, and the smallest delta is kept.

Tensors are matched by name, everything else by content; or all of it by content; or the whole file is just compressed.
For each piece of at most 1 MiB that has changed, the ways to write the change are tried, too. ``edgefuse.ota.delta`` is
the other side, and says what is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
import numpy as np

from edgefuse.factory.matching import Content, Match, match_bytes, match_tensors
from edgefuse.ota import planes, zstd
from edgefuse.ota.delta import BLOCK_BYTES, MAGIC, MAX_SEGMENTS, PLAIN_WINDOW_LOG, WINDOW_LOG, Block, Segment, group

_LEVEL = 22
_TRIAL_LEVEL = 3  # enough to see which way is the smallest


def make_delta(base: Content, target: Content) -> bytes:
    """Make the smallest delta.

    Raises:
        EdgefuseError: HDiffPatch is not installed.
    """
    ways = [_compress(target.data, PLAIN_WINDOW_LOG), encode(base, target, match_bytes(base.data, target.data))]
    if target.tensors:
        ways.append(encode(base, target, match_tensors(base, target)))
    return min(ways, key=len)


def encode(base: Content, target: Content, matches: Iterable[Match]) -> bytes:
    """Write a delta by matches.

    Args:
        base: What is there.
        target: What shall be there.
        matches: In the order of the target, not overlapping; what lies between them comes from nothing.
    """
    writer = _Writer(np.frombuffer(base.data, np.uint8), np.frombuffer(target.data, np.uint8))
    for match in _cut(_fill(matches, len(target.data))):
        writer.add(match)
    return MAGIC + _compress(b"".join(writer.finish()), WINDOW_LOG)


def _compress(data: bytes, window_log: int) -> bytes:
    options: dict[int, int] = {
        zstd.CompressionParameter.compression_level: _LEVEL,
        zstd.CompressionParameter.window_log: window_log,
        zstd.CompressionParameter.content_size_flag: 0,
    }
    return zstd.compress(data, options=options)


def _fill(matches: Iterable[Match], size_bytes: int) -> Iterator[Match]:
    """Add what lies between matches."""
    place = 0
    for match in (*matches, Match(size_bytes, 0)):
        if match.target > place:
            yield Match(place, match.target - place)
        if match.length:
            yield match
        place = match.target + match.length


def _cut(matches: Iterable[Match]) -> Iterator[Match]:
    for match in matches:
        for start in range(0, match.length, BLOCK_BYTES):
            yield match.part(start, min(start + BLOCK_BYTES, match.length))


class _Writer:
    """Gathers segments and writes a block whenever there is enough for one."""

    def __init__(self, base: planes.Bytes, target: planes.Bytes) -> None:
        self._base = base
        self._target = target
        self._place = 0  # in the base, where the last segment that had one ends
        self._segments: list[Segment] = []
        self._changes: list[tuple[planes.Bytes, planes.Bytes]] = []  # before and after; empty for copies
        self._size_bytes = 0
        self._blocks: list[bytes] = []

    def add(self, match: Match) -> None:
        """Write the next bytes of the target, at most as many as a block has differences."""
        before, after = self._read(match), self._target[match.target : match.target + match.length]
        if match.base is not None and np.array_equal(before, after):
            self._add_copy(match.base, match.length)
            return
        base, width, is_sorted = _choose(match, before, after)
        if base is None:
            before = np.zeros_like(before)
        if self._size_bytes + match.length > BLOCK_BYTES:
            self._flush()
        self._add(Segment(match.length, self._skip(base, match.length), width, is_sorted), (before, after))

    def finish(self) -> list[bytes]:
        """Give all blocks, each after its length."""
        self._flush()
        return self._blocks

    def _read(self, match: Match) -> planes.Bytes:
        if match.base is None:
            return np.zeros(match.length, np.uint8)
        return self._base[match.base : match.base + match.length]

    def _add_copy(self, base: int, length: int) -> None:
        last = self._segments[-1] if self._segments else None
        skip = self._skip(base, length)
        if last is not None and last.width == 0 and skip == 0:
            self._segments[-1] = Segment(last.length + length, last.skip)
        else:
            self._add(Segment(length, skip), None)

    def _skip(self, base: int | None, length: int) -> int | None:
        if base is None:
            return None
        skip, self._place = base - self._place, base + length
        return skip

    def _add(self, segment: Segment, change: tuple[planes.Bytes, planes.Bytes] | None) -> None:
        empty = self._target[:0]
        self._segments.append(segment)
        self._changes.append(change or (empty, empty))
        self._size_bytes += segment.length if segment.width else 0
        if len(self._segments) == MAX_SEGMENTS:
            self._flush()

    def _flush(self) -> None:
        if not self._segments:
            return
        differences = []
        for width, is_sorted, members in group(self._segments):
            before, after = (np.concatenate([self._changes[i][side] for i in members]) for side in (0, 1))
            differences.append(planes.split(before, after, width, is_sorted=is_sorted).tobytes())
        block = msgspec.msgpack.encode(Block(tuple(self._segments), memoryview(b"".join(differences))))
        self._blocks += (len(block).to_bytes(4, "little"), block)
        self._segments, self._changes, self._size_bytes = [], [], 0


def _choose(match: Match, before: planes.Bytes, after: planes.Bytes) -> tuple[int | None, planes.Width, bool]:
    """Try which way makes a change smallest: from which base, as numbers or bytes, sorted or not."""
    widths: tuple[planes.Width, ...] = (match.width, 1) if match.width > 1 else (1,)
    ways = [(base, width, False) for base in {match.base: 0, None: 0} for width in widths]
    if match.base is not None and match.width > 1:
        ways.insert(0, (match.base, match.width, True))
    nothing = np.zeros_like(after)

    def size(way: tuple[int | None, planes.Width, bool]) -> int:
        base, width, is_sorted = way
        data = planes.split(nothing if base is None else before, after, width, is_sorted=is_sorted)
        return len(zstd.compress(data.tobytes(), _TRIAL_LEVEL))

    return min(ways, key=size)
