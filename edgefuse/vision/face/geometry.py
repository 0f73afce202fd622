"""Boxes, and the rotated squares of a frame that a landmark model looks at."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgefuse.vision.types import Points

Matrix = NDArray[np.float64]
"""(2, 3) float64: x' y' = matrix[:, :2] @ (x, y) + matrix[:, 2]."""


@dataclass(frozen=True, slots=True)
class Region:
    """A square of a frame, turned clockwise around its centre; may reach over the frame's border."""

    x_px: float
    y_px: float
    """Of the centre."""
    side_px: float
    angle_rad: float

    def crop_to_frame(self, size_px: int) -> Matrix:
        """Give the map from a crop of ``size_px`` square to the frame that it was cut from."""
        scale = self.side_px / size_px
        cosine, sine = scale * math.cos(self.angle_rad), scale * math.sin(self.angle_rad)
        half = size_px / 2
        return np.array(
            (
                (cosine, -sine, self.x_px - (cosine - sine) * half),
                (sine, cosine, self.y_px - (sine + cosine) * half),
            )
        )


def region_around(box: NDArray[np.float32], eyes: Points, margin: float) -> Region:
    """Give the upright square of a face: around its box, level with its eyes.

    Args:
        box: (4,) x1 y1 x2 y2 in pixels of the frame.
        eyes: (2, 2) as in ``Face.eyes``.
        margin: Side of the square in units of the box's longer side.
    """
    x1, y1, x2, y2 = box.tolist()
    (left_x, left_y), (right_x, right_y) = eyes.tolist()
    return Region(
        x_px=(x1 + x2) / 2,
        y_px=(y1 + y2) / 2,
        side_px=max(x2 - x1, y2 - y1) * margin,
        angle_rad=math.atan2(right_y - left_y, right_x - left_x),
    )


def box_around(points: Points) -> NDArray[np.float32]:
    """Give the (4,) float32 box x1 y1 x2 y2 of points."""
    rows = np.ascontiguousarray(points.T[:2])  # over rows of memory, numpy finds the ends six times as fast
    return np.concatenate((np.minimum.reduce(rows, axis=1), np.maximum.reduce(rows, axis=1)))


def scale_box(box: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
    """Scale a box about its middle."""
    x1, y1, x2, y2 = box.tolist()
    wide, high = (x2 - x1) * (scale - 1) / 2, (y2 - y1) * (scale - 1) / 2
    return np.array((x1 - wide, y1 - high, x2 + wide, y2 + high), np.float32)


def box_share(box: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Give the share 0..1 of a box that lies in another."""
    ax1, ay1, ax2, ay2 = box.tolist()
    bx1, by1, bx2, by2 = other.tolist()
    width, height = min(ax2, bx2) - max(ax1, bx1), min(ay2, by2) - max(ay1, by1)
    if width <= 0 or height <= 0:
        return 0.0
    return float(width * height / ((ax2 - ax1) * (ay2 - ay1)))


def box_overlap(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Give the share 0..1 of the smaller box that lies in the other; unlike IoU it finds a box inside a large one."""
    return max(box_share(a, b), box_share(b, a))
