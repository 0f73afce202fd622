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
from edgefuse.vision.face.geometry import box_around
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
FADE_SHARE = 0.15
"""Width of the fade around a polygon, in units of its longer side."""

_SHIFT = 4
_FARTHEST_PX = 1 << 24  # with the shift and as float32, still whole numbers of an int32


class Concealer:
    """Hides regions of frames of up to a size."""

    def __init__(self, method: Method, height_px: int, width_px: int) -> None:
        """Allocate for frames of up to this size."""
        self._method = method
        self._picture: Scratch[np.uint8] = Scratch(height_px * width_px * 3, np.uint8)
        self._weight: Scratch[np.uint8] = Scratch(height_px * width_px * 3, np.uint8)
        self._mask, self._grown, self._blurred = (Scratch(height_px * width_px, np.uint8) for _ in range(3))

    def sample(self, pixels: Pixels, outline: Outline | None) -> Cells:
        """Take the colours that a region will show from now on; without an outline, of the whole frame."""
        cells = np.full((CELLS, CELLS, 3), SOLID_BGR, np.uint8)
        if self._method == "solid" or (region := _region(pixels, outline, 0)[0]).size == 0:
            return cells
        cv2.resize(region, (CELLS, CELLS), dst=cells, interpolation=cv2.INTER_AREA)
        mean = cells.mean(axis=(0, 1))
        return np.asarray(np.rint(mean + (cells - mean) * CONTRAST), np.uint8)

    def hide(self, pixels: Pixels, outline: Outline | None, cells: Cells, *, is_soft: bool = False) -> None:
        """Hide the inside of a polygon, or without one the whole frame, in place.

        Args:
            pixels: The frame. Beyond the polygon, or beyond the fade around it, all pixels stay as they are.
            outline: The polygon.
            cells: What ``sample`` gave.
            is_soft: Show them smoothly, whatever the method, and let them fade around the polygon, never in it: for a
                face that will be laid over them.
        """
        fade_px = 0 if outline is None or not is_soft else _fade_px(outline, pixels)
        region, left, top = _region(pixels, outline, fade_px)
        if region.size == 0:
            return
        height, width = region.shape[:2]
        picture, mask = self._picture.view(height, width, 3), self._mask.view(height, width)
        interpolation = cv2.INTER_LINEAR if is_soft or self._method == "blur" else cv2.INTER_NEAREST
        cv2.resize(cells, (width, height), dst=picture, interpolation=interpolation)
        if outline is None:
            mask.fill(255)
        else:
            _fill(mask, outline - (left, top))
        if fade_px == 0:
            done = cv2.copyTo(picture, mask, dst=region)
            assert done is region, "OpenCV did not write into the frame"
            return
        assert outline is not None, "only an outline has a fade"
        self._soften(mask, outline - (left, top), fade_px)
        self._blend(picture, mask, region)

    def _soften(self, mask: NDArray[np.uint8], outline: Outline, fade_px: int) -> None:
        """Let a mask fade around its polygon; inside it stays 255."""
        grown, blurred = (scratch.view(*mask.shape) for scratch in (self._grown, self._blurred))
        x1, y1, x2, y2 = box_around(outline).tolist()
        _fill(grown, outline + (outline - ((x1 + x2) / 2, (y1 + y2) / 2)) * (fade_px / max(x2 - x1, y2 - y1)))
        side = fade_px // 2 | 1
        # Replicated, so that a region that reaches over the frame's border does not fade towards it.
        cv2.blur(grown, (side, side), dst=blurred, borderType=cv2.BORDER_REPLICATE)
        cv2.blur(blurred, (side, side), dst=grown, borderType=cv2.BORDER_REPLICATE)
        np.maximum(mask, grown, out=mask)

    def _blend(self, picture: Pixels, mask: NDArray[np.uint8], region: Pixels) -> None:
        """Lay a picture over a region where a mask lets it; the mask is overwritten."""
        weight = self._weight.view(*region.shape)
        cv2.merge((mask, mask, mask), dst=weight)
        cv2.multiply(picture, weight, dst=picture, scale=1 / 255)
        cv2.bitwise_not(weight, dst=weight)
        cv2.multiply(region, weight, dst=weight, scale=1 / 255)
        done = cv2.add(picture, weight, dst=region)
        assert done is region, "OpenCV did not write into the frame"


def _fade_px(outline: Outline, pixels: Pixels) -> int:
    """Give the width of the fade around a polygon, which may be a wild guess and larger than any frame."""
    x1, y1, x2, y2 = box_around(outline).tolist()
    longest_px: float = min(max(x2 - x1, y2 - y1), max(pixels.shape))
    return max(2, round(FADE_SHARE * longest_px))


def _fill(mask: NDArray[np.uint8], outline: Outline) -> None:
    """Draw a polygon in 255 on 0."""
    mask.fill(0)
    # A model's wild guess must not overflow into a polygon that hides nothing.
    corners = np.clip(outline, -_FARTHEST_PX, _FARTHEST_PX) * (1 << _SHIFT)
    cv2.fillConvexPoly(mask, np.rint(corners).astype(np.int32), 255, cv2.LINE_8, _SHIFT)


def _region(pixels: Pixels, outline: Outline | None, border_px: int) -> tuple[Pixels, int, int]:
    """Cut out the part of a frame that a polygon and a border around it touch, with its left and top edge."""
    if outline is None:
        return pixels, 0, 0
    left, top = (max(0, math.floor(value) - border_px) for value in outline.min(axis=0).tolist())
    right, bottom = (max(0, math.ceil(value) + 1 + border_px) for value in outline.max(axis=0).tolist())
    return pixels[top:bottom, left:right], left, top
