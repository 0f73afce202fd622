"""Which bytes of a file came from which bytes of an older one: by the names of tensors, and by content.

Content is compared by HDiffPatch. Its matches are taken from the form of its deltas that is simplest to read, and may
differ in single bytes; what becomes of them is decided elsewhere.

Source: https://github.com/sisong/HPatchLite, hpatch_lite.c
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from edgefuse.errors import EdgefuseError
from edgefuse.factory.layout import Tensor
from edgefuse.ota.planes import Width


@dataclass(frozen=True, slots=True)
class Content:
    """A file, and where its tensors lie."""

    data: bytes
    tensors: tuple[Tensor, ...] = ()

    def read(self, tensor: Tensor) -> bytes:
        """Give a tensor's bytes."""
        return self.data[tensor.offset : tensor.offset + tensor.length]


@dataclass(frozen=True, slots=True)
class Match:
    """Bytes of the target, and what they came from."""

    target: int
    length: int
    base: int | None = None
    """None: from nothing that is known."""
    width: Width = 1
    """Bytes of the numbers that they are."""

    def part(self, start: int, end: int) -> Match:
        """Give a part of it."""
        return Match(self.target + start, end - start, None if self.base is None else self.base + start, self.width)


def match_tensors(base: Content, target: Content) -> list[Match]:
    """Match tensors that have the same name, shape and size, or the same content; and by content what lies between."""
    by_key = {(tensor.key, tensor.length): tensor.offset for tensor in base.tensors}
    by_content = {_hash(base.read(tensor)): tensor.offset for tensor in base.tensors}
    between_base, between_target = (_list_between(content) for content in (base, target))
    matches = [
        Match(tensor.offset, tensor.length, _find(tensor, target, by_content, by_key), tensor.width)
        for tensor in target.tensors
    ]
    found = match_bytes(_join(base, between_base), _join(target, between_target))
    for match in found:
        matches += _spread(match, between_base, between_target)
    return sorted(matches, key=lambda match: match.target)


def _find(
    tensor: Tensor, target: Content, by_content: dict[bytes, int], by_key: dict[tuple[bytes, int], int]
) -> int | None:
    same = by_content.get(_hash(target.read(tensor)))
    return by_key.get((tensor.key, tensor.length)) if same is None else same


def _hash(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


@dataclass(frozen=True, slots=True)
class _Between:
    """Bytes between tensors, which are looked at as if there were no tensors."""

    start: int
    """Among all bytes between tensors."""
    offset: int
    """In the file."""
    length: int


def _list_between(content: Content) -> list[_Between]:
    found, start, offset = [], 0, 0
    for tensor_start, tensor_end in (
        *((tensor.offset, tensor.offset + tensor.length) for tensor in content.tensors),
        (len(content.data), len(content.data)),
    ):
        if tensor_start > offset:
            found.append(_Between(start, offset, tensor_start - offset))
            start += tensor_start - offset
        offset = tensor_end
    return found


def _join(content: Content, between: Iterable[_Between]) -> bytes:
    return b"".join(content.data[part.offset : part.offset + part.length] for part in between)


def _spread(match: Match, base: list[_Between], target: list[_Between]) -> Iterator[Match]:
    """Turn a match among bytes between tensors into matches in the files, one for each pair of stretches it spans."""
    assert match.base is not None  # of all that match_bytes gives
    for part in _locate(target, match.target, match.length):
        start = match.base + part.start - match.target
        for other in _locate(base, start, part.length):
            yield Match(part.offset + other.start - start, other.length, other.offset)


def _locate(between: list[_Between], start: int, length: int) -> Iterator[_Between]:
    """Give the stretches, or parts of them, that some bytes lie in."""
    for part in between[bisect_right(between, start, key=lambda part: part.start) - 1 :]:
        first, end = max(part.start, start), min(part.start + part.length, start + length)
        if first >= end:
            return
        yield _Between(first, part.offset + first - part.start, end - first)


def match_bytes(base: bytes, target: bytes) -> list[Match]:
    """Match files by content alone; takes seconds for each megabyte.

    Raises:
        EdgefuseError: HDiffPatch is not installed.
    """
    try:
        import hdiffpatch
    except ImportError as e:
        raise EdgefuseError("cannot make deltas: hdiffpatch is not installed (pip install 'edgefuse[factory]')") from e
    if not base or not target:
        return []
    return list(_Reader(hdiffpatch.diff_lite(base, target, compression="none", validate=False)).read())


class _Reader:
    """Reads an uncompressed delta of HPatchLite."""

    def __init__(self, delta: bytes) -> None:
        self._delta = delta
        self._place = 4 + (delta[3] & 7) + (delta[3] >> 3 & 7)  # after the sizes, whose own lengths stand in byte 3

    def read(self) -> Iterator[Match]:
        """Give the matches in the order of the target."""
        target = base = 0
        for _ in range(self._number(0, is_continued=True)):
            length = self._number(0, is_continued=True)
            tag = self._byte()
            distance = self._number(tag & 31, is_continued=bool(tag & 32))
            base += -distance if tag & 64 else distance
            gap = self._number(0, is_continued=True)
            is_same = bool(tag & 128)
            self._place += gap + (0 if is_same else length)
            target += gap
            yield Match(target, length, base)
            target, base = target + length, base + length

    def _number(self, value: int, *, is_continued: bool) -> int:
        while is_continued:
            byte = self._byte()
            value, is_continued = value << 7 | byte & 127, byte > 127
        return value

    def _byte(self) -> int:
        self._place += 1
        return self._delta[self._place - 1]
