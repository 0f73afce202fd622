"""Where the donor shows, and laying it over the frame.

An alpha is (height, width) uint8: 0 leaves the frame as it is, bit for bit; 255 shows the donor only.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edgefuse.vision.face.face_mesh import load_face_mesh
from edgefuse.vision.fusion.warp import OUTSIDE, TriangleMap
from edgefuse.vision.scratch import Scratch
from edgefuse.vision.types import Pixels, Points

Alpha = NDArray[np.uint8]

HULL_FEATHER_SHARE = 0.14
"""Width of the blur across the outline, in units of the face's longer side; half of it lies inside."""
KEPT_FEATHER_SHARE = 0.07
"""The same around eyes and mouth, which are small."""

_SHIFT = 4
_HALF = 2
"""Alphas are soft, so they are made at half the work size."""


def _inward_ramp() -> NDArray[np.uint8]:
    """Map a blurred edge to one that is 0 up to the edge and rises smoothly to 255 inside."""
    inside = np.clip(np.arange(256) / 127.5 - 1.0, 0.0, 1.0)
    return np.rint(255 * inside * inside * (3 - 2 * inside)).astype(np.uint8)


class Matte:
    """Makes alphas of faces in work pictures of up to a size."""

    def __init__(self, longest_px: int) -> None:
        """Allocate for work pictures whose sides are at most ``longest_px``."""
        half = (longest_px // _HALF + 1) ** 2
        self._small, self._hull, self._kept, self._soft = (Scratch(half, np.uint8) for _ in range(4))
        self._ramp = _inward_ramp()

    def draw(self, mesh: Points, numbers: TriangleMap) -> Alpha:
        """Draw the alpha of one face: its visible hull, feathered inwards, less eyes and inside of the mouth.

        Args:
            mesh: (468, 3) in pixels of the work picture.
            numbers: What ``MeshWarp.draw`` gave for it.

        Returns:
            At half the size of the work picture, valid until the next call.
        """
        height, width = numbers.shape
        face_px = float(np.ptp(mesh[:, :2], axis=0).max()) / _HALF
        shape = (-(-height // _HALF), -(-width // _HALF))
        small, hull, kept = self._small.view(*shape), self._hull.view(*shape), self._kept.view(*shape)
        np.less(numbers[::_HALF, ::_HALF], OUTSIDE, out=small.view(np.bool_))
        np.multiply(small, 255, out=small)
        self._feather(small, face_px * HULL_FEATHER_SHARE, hull)
        small.fill(255)
        scale = np.array((shape[1] / width, shape[0] / height))
        topology = load_face_mesh()
        _cut_out(small, [(mesh[ring, :2] + 0.5) * scale - 0.5 for ring in (*topology.eyes, topology.mouth)])
        self._feather(small, face_px * KEPT_FEATHER_SHARE, kept)
        return np.minimum(hull, kept, out=hull)

    def _feather(self, hard: Alpha, width_px: float, target: Alpha) -> None:
        """Blur an edge twice, which makes it bell-shaped, and move it inwards."""
        side = max(3, round(width_px) | 1)
        soft = self._soft.view(*hard.shape)
        # Replicated, so that a face that reaches over the frame's border does not fade towards it.
        cv2.blur(hard, (side, side), dst=soft, borderType=cv2.BORDER_REPLICATE)
        cv2.blur(soft, (side, side), dst=target, borderType=cv2.BORDER_REPLICATE)
        cv2.LUT(target, self._ramp, dst=target)


def _cut_out(alpha: Alpha, outlines: Sequence[NDArray[np.floating]]) -> None:
    """Clear the inside of polygons."""
    for outline in outlines:
        cv2.fillPoly(alpha, [np.rint(outline * (1 << _SHIFT)).astype(np.int32)], 0, cv2.LINE_8, _SHIFT)


class Blender:
    """Lays pictures over areas of frames of up to a size."""

    def __init__(self, height_px: int, width_px: int) -> None:
        """Allocate for frames of up to this size."""
        values = height_px * width_px * 3
        self._alpha: Scratch[np.uint8] = Scratch(values // 3, np.uint8)
        self._above, self._weight, self._rest = (Scratch(values, np.uint8) for _ in range(3))

    def lay(self, picture: Pixels, alpha: Alpha, area: Pixels) -> None:
        """Blend a picture into a frame in place; both are scaled to the area first.

        Args:
            picture: Work picture of the area.
            alpha: Of any size.
            area: View of the frame.
        """
        height, width = area.shape[:2]
        above, weight, rest = (s.view(height, width, 3) for s in (self._above, self._weight, self._rest))
        full = self._alpha.view(height, width)
        cv2.resize(alpha, (width, height), dst=full, interpolation=cv2.INTER_LINEAR)
        cv2.resize(picture, (width, height), dst=above, interpolation=cv2.INTER_LINEAR)
        cv2.merge((full, full, full), dst=weight)
        cv2.bitwise_not(weight, dst=rest)
        cv2.multiply(above, weight, dst=above, scale=1 / 255)
        cv2.multiply(area, rest, dst=rest, scale=1 / 255)
        done = cv2.add(above, rest, dst=area)
        assert done is area, "OpenCV did not write into the frame"
