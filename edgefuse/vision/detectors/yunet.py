"""YuNet: one candidate a cell at strides 8, 16 and 32, with a class score, an object score and five landmarks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgefuse.config.manifest import TensorSpec, Variant
from edgefuse.errors import RuntimeLoadError
from edgefuse.vision.detector import DecoderType
from edgefuse.vision.face.suppression import best_of_overlapping
from edgefuse.vision.types import Face

STRIDES = (8, 16, 32)
KINDS = {1: 2, 4: 1, 10: 1}
"""Numbers a candidate → outputs of that width a stride: the two scores, the box, the landmarks."""


class YuNetDecoder:
    """Cells and output order of one variant.

    Outputs are told apart by their shapes, because converters rename them. That leaves class and object score
    alike, and the score that is their geometric mean does not care.
    """

    def __init__(self, variant: Variant) -> None:
        self._are_planar = [spec.layout == "nchw" for spec in variant.outputs]
        self._places: dict[int, dict[int, list[int]]] = {}
        self._cells: dict[int, NDArray[np.float32]] = {}
        for stride in STRIDES:
            columns = np.arange(variant.size_px // stride, dtype=np.float32)
            self._cells[stride] = np.stack(np.meshgrid(columns, columns), axis=-1).reshape(-1, 2)
            self._places[stride] = {width: self._find(variant, len(self._cells[stride]), width) for width in KINDS}

    def _find(self, variant: Variant, cells: int, width: int) -> list[int]:
        """Give the places of the outputs with ``width`` numbers for each of ``cells`` candidates."""
        shapes = [_table_shape(spec) for spec in variant.outputs]
        places = [place for place, shape in enumerate(shapes) if shape == (cells, width)]
        if len(places) != KINDS[width]:
            raise RuntimeLoadError(
                f"cannot decode '{variant.id}' as yunet: {len(places)} outputs are {cells}x{width}, not {KINDS[width]}"
            )
        return places

    def decode(self, outputs: Sequence[NDArray[np.generic]], min_score: float) -> list[Face]:
        """See ``Decoder.decode``; all five landmarks are given."""
        tables = [_table(output, is_planar=planar) for output, planar in zip(outputs, self._are_planar, strict=True)]
        found = [part for stride in STRIDES if (part := self._decode_stride(stride, tables, min_score)) is not None]
        if not found:
            return []
        rows, scores = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return [
            Face(box=row[:4], score=float(score), eyes=row[4:8].reshape(2, 2), points=row[4:].reshape(5, 2))
            for row, score in zip(*best_of_overlapping(rows, scores), strict=True)
        ]

    def _decode_stride(
        self, stride: int, tables: list[NDArray[np.float32]], min_score: float
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
        """Give (N, 14) rows, box and landmarks in pixels, and (N,) scores of the likely candidates of one stride.

        Nothing where there are none: a face is seen at one or two of the strides, and the rest should cost nothing.
        """
        places = self._places[stride]
        first, second = (tables[place][:, 0] for place in places[1])
        squares = first * second
        likely = np.flatnonzero(squares >= max(min_score, 1e-6) ** 2)
        if not likely.size:
            return None
        cells = self._cells[stride][likely]
        boxes, points = tables[places[4][0]][likely], tables[places[10][0]][likely]
        centres, halves = cells + boxes[:, :2], np.exp(boxes[:, 2:]) / 2
        rows = np.concatenate((centres - halves, centres + halves, points + np.tile(cells, 5)), axis=1)
        # Both scores are sigmoids; rounding in low precision may carry them past 1.
        return rows * np.float32(stride), np.sqrt(np.minimum(squares[likely], 1))


def _table_shape(spec: TensorSpec) -> tuple[int, int]:
    """Give candidates and numbers a candidate of an output."""
    width = spec.shape[1 if spec.layout == "nchw" else -1]
    return int(np.prod(spec.shape)) // width, width


def _table(output: NDArray[np.generic], *, is_planar: bool) -> NDArray[np.float32]:
    """View one output as (candidates, numbers a candidate)."""
    table = output.reshape(output.shape[1], -1).T if is_planar else output.reshape(-1, output.shape[-1])
    return table.astype(np.float32, copy=False)


PLUGIN: DecoderType = YuNetDecoder
