"""TFLite: a FlatBuffer whose tensors name one of its buffers.

Source: tensorflow/compiler/mlir/lite/schema/schema.fbs, and the FlatBuffers binary format.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping

from edgefuse.factory.layout import Layout, Tensor
from edgefuse.ota.planes import Width

# Places of fields in their tables, and bytes of an element by ``TensorType``; what is not named is taken byte by byte.
_SUBGRAPHS, _BUFFERS = 2, 4
_TENSORS = 0
_SHAPE, _TYPE, _BUFFER, _NAME = 0, 1, 2, 3
_DATA = 0
_WIDTHS: Mapping[int, Width] = {0: 4, 1: 2, 2: 4, 4: 8, 7: 2, 8: 4, 10: 8, 11: 8, 12: 8, 15: 4, 16: 2, 18: 2}


def find(files: Mapping[str, bytes]) -> Mapping[str, Iterable[Tensor]]:
    """Find the tensors of each file."""
    return {name: _find(content) for name, content in files.items()}


def _find(content: bytes) -> Iterator[Tensor]:
    model = _Table(content, _follow(content, 0))
    buffers = [buffer.vector(_DATA) for buffer in model.tables(_BUFFERS)]
    for subgraph in model.tables(_SUBGRAPHS):
        for tensor in subgraph.tables(_TENSORS):
            offset, length = buffers[tensor.number(_BUFFER, "<I")]
            shape_at, rank = tensor.vector(_SHAPE)
            name_at, name_length = tensor.vector(_NAME)
            key = content[name_at : name_at + name_length] + content[shape_at : shape_at + 4 * rank]
            yield Tensor(key, offset, length, _WIDTHS.get(tensor.number(_TYPE, "<b"), 1))


class _Table:
    """One table of a FlatBuffer."""

    def __init__(self, content: bytes, place: int) -> None:
        self._content = content
        self._place = place
        self._fields = place - _read(content, place, "<i")

    def number(self, field: int, form: str) -> int:
        """Give a number; 0 where it is left out."""
        place = self._find(field)
        return _read(self._content, place, form) if place else 0

    def vector(self, field: int) -> tuple[int, int]:
        """Give where a vector starts, and how many elements it has."""
        place = self._find(field)
        if not place:
            return 0, 0
        start = _follow(self._content, place)
        return start + 4, _read(self._content, start, "<I")

    def tables(self, field: int) -> list[_Table]:
        """Give the tables of a vector."""
        start, count = self.vector(field)
        return [_Table(self._content, _follow(self._content, start + 4 * i)) for i in range(count)]

    def _find(self, field: int) -> int:
        """Give where a field lies; 0 where it is left out."""
        entry = 4 + 2 * field
        if entry >= _read(self._content, self._fields, "<H"):
            return 0
        offset = _read(self._content, self._fields + entry, "<H")
        return self._place + offset if offset else 0


def _follow(content: bytes, place: int) -> int:
    return place + _read(content, place, "<I")


def _read(content: bytes, place: int, form: str) -> int:
    return int(struct.unpack_from(form, content, place)[0])


PLUGIN: Layout = find
