"""ONNX: a Protocol Buffers message; weights are initializers, or constants among the nodes.

Source: onnx/onnx.proto, and the Protocol Buffers encoding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from edgefuse.factory.layout import Layout, Tensor
from edgefuse.ota.planes import Width

# Field numbers, and bytes of an element by ``TensorProto.DataType``; what is not named is taken byte by byte.
_GRAPH = 7
_NODE, _INITIALIZER = 1, 5
_OUTPUT, _ATTRIBUTE = 2, 5
_TENSOR = 5
_DIMS, _DATA_TYPE, _FLOAT_DATA, _NAME, _RAW_DATA = 1, 2, 4, 8, 9
_WIDTHS: Mapping[int, Width] = {1: 4, 4: 2, 5: 2, 6: 4, 7: 8, 10: 2, 11: 8, 12: 4, 13: 8, 16: 2}
_Span = tuple[int, int]


def find(files: Mapping[str, bytes]) -> Mapping[str, Iterable[Tensor]]:
    """Find the tensors of each file."""
    return {name: _find(content) for name, content in files.items()}


def _find(content: bytes) -> Iterator[Tensor]:
    for graph in _select(content, (0, len(content)), _GRAPH):
        for initializer in _select(content, graph, _INITIALIZER):
            yield from _read_tensor(content, initializer, b"")
        for node in _select(content, graph, _NODE):
            key = b" ".join(content[start:end] for start, end in _select(content, node, _OUTPUT))
            for attribute in _select(content, node, _ATTRIBUTE):
                for tensor in _select(content, attribute, _TENSOR):
                    yield from _read_tensor(content, tensor, key)


def _read_tensor(content: bytes, message: _Span, key: bytes) -> Iterator[Tensor]:
    """Give the numbers that a tensor holds as bytes, raw or as packed floats; other forms are left to be bytes."""
    width: Width = 1
    data = []
    for field, start, end in _read_fields(content, message):
        if field in (_DIMS, _NAME):
            key += b" " + content[start:end]
        elif field == _DATA_TYPE:
            width = _WIDTHS.get(_read_varint(content, start)[0], 1)
        elif field in (_RAW_DATA, _FLOAT_DATA):
            data.append((start, end))
    for start, end in data:
        yield Tensor(key, start, end - start, width)


def _select(content: bytes, message: _Span, field: int) -> Iterator[_Span]:
    return ((start, end) for found, start, end in _read_fields(content, message) if found == field)


def _read_fields(content: bytes, message: _Span) -> Iterator[tuple[int, int, int]]:
    """Give number, start and end of each field."""
    place, last = message
    while place < last:
        key, start = _read_varint(content, place)
        place = _end_of(content, key & 7, start)
        if key & 7 == 2:
            _, start = _read_varint(content, start)
        if place > last:
            raise ValueError("a field ends after its message")
        yield key >> 3, start, place


def _end_of(content: bytes, wire_type: int, start: int) -> int:
    if wire_type == 0:
        return _read_varint(content, start)[1]
    if wire_type == 2:
        length, start = _read_varint(content, start)
        return start + length
    return start + {1: 8, 5: 4}[wire_type]


def _read_varint(content: bytes, place: int) -> tuple[int, int]:
    """Give a number and where it ends."""
    value = shift = 0
    while True:
        byte = content[place]
        place += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, place


PLUGIN: Layout = find
