"""The picture of a face, cut out of its surroundings, and where its landmarks are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgefuse.vision.types import Points

Cutout = NDArray[np.uint8]
"""(height, width, 4) uint8, BGRA: alpha is 255 where a picture shows a face that can be laid over another, else 0."""


@dataclass(frozen=True, slots=True)
class Texture:
    """The donor's face at one size."""

    pixels: Cutout
    mesh: Points
    """(468, 3) in pixels of ``pixels``."""

    @property
    def size_px(self) -> int:
        """Longer side of ``pixels``."""
        return int(max(self.pixels.shape[:2]))


def opacity_at(cutout: Cutout, points: Points) -> NDArray[np.float32]:
    """Give (N,) alpha at points (N, 2 or 3), 0..1; 0 outside of the picture."""
    height, width = cutout.shape[:2]
    x, y = np.rint(points[:, :2]).astype(np.intp).T
    is_inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    alpha = cutout[np.where(is_inside, y, 0), np.where(is_inside, x, 0), 3]
    return np.asarray(alpha * is_inside / 255, np.float32)
