"""Making parts of a frame unrecognisable for good.

Whatever the method, all that is left of a region is a grid of at most six by six colours, and those with noise added
that is drawn once a start and never told: averaging frames does not remove it. A wide Gaussian blur alone would not do:
it can be inverted as long as 8 bits keep its tails.
"""

from __future__ import annotations

import math
from typing import Literal

import cv2
import numpy as np

from edgefuse.vision.scratch import Scratch
from edgefuse.vision.types import Pixels
from edgefuse.vision.veil import Outline

Method = Literal["solid", "pixelate", "blur"]

CELLS = 6
"""Colours along a region's longer side. Its middle two thirds are the face: four by four, below what recognisers and
people need (known attacks on mosaics work from about six by seven cells a face on)."""
NOISE = 16
"""Largest change of a cell's colour, 0..255."""
SOLID_BGR = (96, 96, 96)

_SHIFT = 4


class Concealer:
    """Hides regions of frames of up to a size."""

    def __init__(self, method: Method, height_px: int, width_px: int, noise: np.random.Generator) -> None:
        """Allocate for frames of up to this size.

        Args:
            method: How hidden regions look.
            height_px: Of the largest frame.
            width_px: Of the largest frame.
            noise: Seeded by the system where it matters; by a number in tests.
        """
        self._interpolation = cv2.INTER_NEAREST if method == "pixelate" else cv2.INTER_LINEAR
        self._is_solid = method == "solid"
        self._picture: Scratch[np.uint8] = Scratch(height_px * width_px * 3, np.uint8)
        self._mask: Scratch[np.uint8] = Scratch(height_px * width_px, np.uint8)
        self._cells: Scratch[np.uint8] = Scratch(CELLS * CELLS * 3, np.uint8)
        self._noise = noise.integers(-NOISE, NOISE + 1, (CELLS, CELLS, 3), dtype=np.int16)

    def hide_all(self, pixels: Pixels) -> None:
        """Hide a whole frame, in place."""
        np.copyto(pixels, self._disguise(pixels))

    def hide(self, pixels: Pixels, outline: Outline) -> None:
        """Hide the inside of a polygon, in place; every other pixel stays as it is."""
        height, width = pixels.shape[:2]
        left, top = (max(0, math.floor(float(v))) for v in outline.min(axis=0))
        right, bottom = (math.ceil(float(v)) + 1 for v in outline.max(axis=0))
        region = pixels[top : min(bottom, height), left : min(right, width)]
        if region.size == 0:
            return
        mask = self._mask.view(*region.shape[:2])
        mask.fill(0)
        corners = np.rint((outline - (left, top)) * (1 << _SHIFT)).astype(np.int32)
        cv2.fillConvexPoly(mask, corners, 255, cv2.LINE_8, _SHIFT)
        done = cv2.copyTo(self._disguise(region), mask, dst=region)
        assert done is region, "OpenCV did not write into the frame"

    def _disguise(self, region: Pixels) -> Pixels:
        """Draw what a region shows once it is hidden."""
        height, width = region.shape[:2]
        picture = self._picture.view(height, width, 3)
        if self._is_solid:
            picture[:] = SOLID_BGR
            return picture
        share = CELLS / max(height, width)
        rows, columns = max(1, round(height * share)), max(1, round(width * share))
        cells = self._cells.view(rows, columns, 3)
        cv2.resize(region, (columns, rows), dst=cells, interpolation=cv2.INTER_AREA)
        np.clip(cells + self._noise[:rows, :columns], 0, 255, out=cells, casting="unsafe")
        done = cv2.resize(cells, (width, height), dst=picture, interpolation=self._interpolation)
        assert done is picture
        return picture
