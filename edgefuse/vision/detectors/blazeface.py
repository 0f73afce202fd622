"""BlazeFace, short and full range: boxes and six key points around fixed anchors, scores as logits."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgefuse.config.manifest import Variant
from edgefuse.errors import RuntimeLoadError
from edgefuse.vision.detector import DecoderType
from edgefuse.vision.face.suppression import average_overlapping
from edgefuse.vision.types import Face

COORDINATES = 16
"""x y width height, then x y of six key points: both eyes, nose, mouth, both ears."""

GRIDS = {"short range": ((8, 2), (16, 6)), "full range": ((4, 1),)}
"""(stride in pixels, anchors a cell) of each feature map. Source: MediaPipe, face_detection_*.pbtxt."""

MAX_LOGIT = 80.0  # MediaPipe clips at 100, where exp of a float32 overflows


class BlazeFaceDecoder:
    """Anchors and output order of one variant."""

    def __init__(self, variant: Variant) -> None:
        widths = [spec.shape[-1] for spec in variant.outputs]
        if sorted(widths) != [1, COORDINATES]:
            raise RuntimeLoadError(
                f"cannot decode '{variant.id}' as blazeface: outputs end with {widths}, not 16 and 1"
            )
        self._regressors_at, self._logits_at = widths.index(COORDINATES), widths.index(1)
        self._anchors = _anchors(variant.size_px, variant.outputs[self._logits_at].shape[1])

    def decode(self, outputs: Sequence[NDArray[np.generic]], min_score: float) -> list[Face]:
        """See ``Decoder.decode``; key points besides the eyes are not used."""
        logits = outputs[self._logits_at][0, :, 0].astype(np.float32, copy=False)
        likely = np.flatnonzero(logits >= _logit(min_score))
        if not likely.size:
            return []
        scores = np.float32(1) / (1 + np.exp(-np.clip(logits[likely], -MAX_LOGIT, MAX_LOGIT)))
        raw = outputs[self._regressors_at][0, likely, :8].astype(np.float32, copy=False)
        # Anchors have no size of their own, and offsets are already in pixels of the input.
        anchors = self._anchors[likely]
        centres, halves = raw[:, :2] + anchors, raw[:, 2:4] / 2
        rows = np.concatenate(
            (centres - halves, centres + halves, raw[:, 4:6] + anchors, raw[:, 6:8] + anchors), axis=1
        )
        return [
            Face(box=row[:4], score=float(score), eyes=row[4:].reshape(2, 2))
            for row, score in zip(*average_overlapping(rows, scores), strict=True)
        ]


def _logit(score: float) -> float:
    """Give the logit of a score, so that only likely candidates pay for the sigmoid."""
    score = min(max(score, 1e-6), 1 - 1e-6)
    return math.log(score / (1 - score))


def _anchors(size_px: int, count: int) -> NDArray[np.float32]:
    """Give the (count, 2) centres of the anchors, x y in pixels of the input.

    Raises:
        RuntimeLoadError: No member of the family has that many.
    """
    for grids in GRIDS.values():
        centres = [
            np.repeat((np.stack(np.meshgrid(cells, cells), axis=-1).reshape(-1, 2) + 0.5) * stride, per_cell, axis=0)
            for stride, per_cell in grids
            for cells in [np.arange(size_px // stride, dtype=np.float32)]
        ]
        anchors = np.concatenate(centres)
        if len(anchors) == count:
            return anchors
    raise RuntimeLoadError(
        f"cannot decode {count} candidates at {size_px} px as blazeface: no known anchors give as many"
    )


PLUGIN: DecoderType = BlazeFaceDecoder
