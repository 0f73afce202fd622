"""Making parts of a frame unrecognisable for good.

Whatever the method, all that is left of a region is a grid of four by four colours, drawn nearer to each other, and
taken once: while a face is followed it keeps the colours that it had when it was first hidden. So there is nothing
to invert, as there is in a wide Gaussian blur as long as 8 bits keep its tails, and nothing to add up over frames, as
there is in a mosaic that moves over a face.
"""

from __future__ import annotations

import math
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edgefuse.vision.cover.veil import Outline
from edgefuse.vision.scratch import Scratch
from edgefuse.vision.types import Pixels

Method = Literal["solid", "pixelate", "blur"]

Cells = NDArray[np.uint8]
"""(4, 4, 3) uint8 BGR: what is left of a region."""

CELLS = 4
"""Colours along each side of a region, so about three across the face in it: known attacks on mosaics begin to work at
six by seven."""
CONTRAST = 0.5
"""What is left of the difference between cells and their mean: detectors must not take the grid for a face."""
SOLID_BGR = (224, 224, 224)
"""Light: BlazeFace takes a dark or skin-coloured disc between hair and shoulders for a face."""

_SHIFT = 4
_FARTHEST_PX = 1 << 24  # with the shift and as float32, still whole numbers of an int32


class Concealer:
    """Hides regions of frames of up to a size."""

    def __init__(self, method: Method, height_px: int, width_px: int) -> None:
        """Allocate for frames of up to this size."""
        self._method = method
        self._picture: Scratch[np.uint8] = Scratch(height_px * width_px * 3, np.uint8)
        self._mask: Scratch[np.uint8] = Scratch(height_px * width_px, np.uint8)

    def sample(self, pixels: Pixels, outline: Outline | None) -> Cells:
        """Take the colours that a region will show from now on; without an outline, of the whole frame."""
        cells = np.full((CELLS, CELLS, 3), SOLID_BGR, np.uint8)
        if self._method == "solid" or (region := _region(pixels, outline)[0]).size == 0:
            return cells
        cv2.resize(region, (CELLS, CELLS), dst=cells, interpolation=cv2.INTER_AREA)
        mean = cells.mean(axis=(0, 1))
        return np.asarray(np.rint(mean + (cells - mean) * CONTRAST), np.uint8)

    def hide(self, pixels: Pixels, outline: Outline | None, cells: Cells) -> None:
        """Hide the inside of a polygon, or without one the whole frame, in place; all other pixels stay as they are."""
        region, left, top = _region(pixels, outline)
        if region.size == 0:
            return
        height, width = region.shape[:2]
        picture, mask = self._picture.view(height, width, 3), self._mask.view(height, width)
        interpolation = cv2.INTER_LINEAR if self._method == "blur" else cv2.INTER_NEAREST
        cv2.resize(cells, (width, height), dst=picture, interpolation=interpolation)
        if outline is None:
            mask.fill(255)
        else:
            mask.fill(0)
            # A model's wild guess must not overflow into a polygon that hides nothing.
            corners = np.clip(outline - (left, top), -_FARTHEST_PX, _FARTHEST_PX) * (1 << _SHIFT)
            corners = np.rint(corners).astype(np.int32)
            cv2.fillConvexPoly(mask, corners, 255, cv2.LINE_8, _SHIFT)
        done = cv2.copyTo(picture, mask, dst=region)
        assert done is region, "OpenCV did not write into the frame"


def _region(pixels: Pixels, outline: Outline | None) -> tuple[Pixels, int, int]:
    """Cut out the part of a frame that a polygon touches, with its left and top edge."""
    if outline is None:
        return pixels, 0, 0
    left, top = (max(0, math.floor(value)) for value in outline.min(axis=0).tolist())
    right, bottom = (max(0, math.ceil(value) + 1) for value in outline.max(axis=0).tolist())
    return pixels[top:bottom, left:right], left, top
