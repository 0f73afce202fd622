"""The rectangle of a frame that an effect works in, and the size that it works at."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgefuse.vision.scratch import Scalar
from edgefuse.vision.types import Points

BORDER_SHARE = 0.01
"""Of the box's longer side, added on every side: masks, which are feathered inwards, must be zero along its border."""


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle inside a frame; ``work_…`` is its size while the effect is computed."""

    left_px: int
    top_px: int
    width_px: int
    height_px: int
    work_width_px: int
    work_height_px: int

    def cut(self, pixels: NDArray[Scalar]) -> NDArray[Scalar]:
        """Give the view of a frame's pixels, or of a map of its size, that the area covers."""
        return pixels[self.top_px : self.top_px + self.height_px, self.left_px : self.left_px + self.width_px]

    @property
    def map_height_px(self) -> int:
        """Height of maps that are made at half the work size."""
        return -(-self.work_height_px // 2)

    @property
    def map_width_px(self) -> int:
        """Their width."""
        return -(-self.work_width_px // 2)

    def shift(self, points: Points) -> Points:
        """Move points from the frame into the view of it that ``cut`` gives: (N, 2)."""
        return points[:, :2] - np.array((self.left_px, self.top_px), np.float32)

    def to_work(self, points: Points) -> Points:
        """Move points from the frame into the work picture; z is scaled as x.

        Args:
            points: (N, 2) or (N, 3); whole numbers are centres of pixels, before and after.
        """
        return self._scale(points, self.work_width_px, self.work_height_px)

    def to_map(self, points: Points) -> Points:
        """Move points from the frame into a map, as ``to_work`` does into the work picture."""
        return self._scale(points, self.map_width_px, self.map_height_px)

    def _scale(self, points: Points, width_px: int, height_px: int) -> Points:
        along, down = width_px / self.width_px, height_px / self.height_px
        scale = np.array(((along,), (down,), (along,)), np.float32)
        start = np.array((((0.5 - self.left_px) * along - 0.5,), ((0.5 - self.top_px) * down - 0.5,), (0,)), np.float32)
        axes = points.shape[1]
        moved: Points = np.multiply(points.T, scale[:axes], order="C")  # by rows of all points, not by points of three
        moved += start[:axes]
        return np.asarray(moved.T)


def area_around(box: NDArray[np.float32], shape: tuple[int, ...], longest_px: int) -> Area | None:
    """Give the part of a box that lies in the frame; nothing where that is less than two pixels wide or high.

    Args:
        box: (4,) x1 y1 x2 y2 in pixels of the frame, finite; may reach over its border.
        shape: Of the frame: (height, width, …).
        longest_px: Most that the work picture's longer side may have; larger areas are scaled down to it.
    """
    height_px, width_px = shape[:2]
    x1, y1, x2, y2 = box.tolist()
    border = max(x2 - x1, y2 - y1) * BORDER_SHARE + 1
    left, top = max(0, math.floor(x1 - border)), max(0, math.floor(y1 - border))
    right, bottom = min(width_px, math.ceil(x2 + border)), min(height_px, math.ceil(y2 + border))
    width, height = right - left, bottom - top
    if width < 2 or height < 2:
        return None
    scale = min(1.0, longest_px / max(width, height))
    return Area(left, top, width, height, max(1, round(width * scale)), max(1, round(height * scale)))
