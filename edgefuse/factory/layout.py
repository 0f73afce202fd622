"""Where the tensors lie in model files, so that deltas can follow them from one file to the next.

One file a format in ``edgefuse/factory/layouts/``, each ending with ``PLUGIN: Layout = ...``. Only publishers read
formats: a delta says by itself where everything goes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol
from xml.etree.ElementTree import ParseError

from edgefuse import registry
from edgefuse.config.manifest import Format
from edgefuse.ota.planes import Width

_PACKAGE = "edgefuse.factory.layouts"
_SMALLEST_BYTES = 32  # what is smaller is found as well as the bytes around it


@dataclass(frozen=True, slots=True)
class Tensor:
    """Numbers in a file."""

    key: bytes
    """Its name and shape, by which it is found in another file."""
    offset: int
    length: int
    """In bytes."""
    width: Width
    """Bytes of a number."""


Tensors = Mapping[str, tuple[Tensor, ...]]
"""By file name: in order, none overlaps another."""


class Layout(Protocol):
    """Reader of one format."""

    def __call__(self, files: Mapping[str, bytes]) -> Mapping[str, Iterable[Tensor]]:
        """Find tensors in the files of a variant.

        Args:
            files: Content by file name.

        Returns:
            Tensors by file name, in any order; they may overlap or lie outside.

        Raises:
            ValueError, IndexError, KeyError, struct.error, ParseError: The files are not of that format.
        """
        ...


def find_tensors(model_format: Format, files: Mapping[str, bytes]) -> Tensors:
    """Find tensors in the files of a variant; in one that cannot be read there are none, and deltas do without."""
    if model_format not in registry.names(_PACKAGE):
        return {}
    layout: Layout = registry.load(_PACKAGE, model_format)
    try:
        return {name: tuple(_tidy(tensors, len(files[name]))) for name, tensors in layout(files).items()}
    except (ValueError, IndexError, KeyError, struct.error, ParseError):
        return {}


def _tidy(tensors: Iterable[Tensor], size_bytes: int) -> Iterator[Tensor]:
    """Give those that lie in the file and do not overlap: some files name the same bytes twice."""
    end = 0
    for tensor in sorted(tensors, key=lambda tensor: tensor.offset):
        is_whole = tensor.length >= _SMALLEST_BYTES and tensor.length % tensor.width == 0
        if is_whole and tensor.offset >= end and tensor.offset + tensor.length <= size_bytes:
            end = tensor.offset + tensor.length
            yield tensor
