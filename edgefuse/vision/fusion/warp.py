"""Bending one face onto another: every triangle of the mesh takes its picture from the same triangle of the donor.

A loop draws only the number of each triangle into a map; the affine maps of all triangles are solved and applied
at once. Two passes over the map beat 898 small warps ten times.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edgefuse.vision.face.face_mesh import CHIN, load_face_mesh
from edgefuse.vision.face.landmarks import LEFT_EYE_OUTER, RIGHT_EYE_OUTER
from edgefuse.vision.fusion.donor import Texture
from edgefuse.vision.scratch import Scratch
from edgefuse.vision.types import Pixels, Points

TriangleMap = NDArray[np.int16]
"""(height, width) int16: number of the triangle that is seen at each pixel, or ``OUTSIDE``."""

OUTSIDE = 898
"""Drawn nowhere; it is the triangle of both eyes and the chin, so that the picture goes on smoothly beyond the mesh."""

MIN_ALTITUDE_PX = 0.3
"""Triangles seen so flat that they are lower say nothing about a pixel, and their maps explode."""

_SHIFT = 4
"""Binary digits after the point in OpenCV's drawing coordinates."""

_ORIGIN, _ALONG, _ACROSS = 0, 1, 2


class MeshWarp:
    """Warps donors onto faces in work pictures of up to a size."""

    def __init__(self, longest_px: int) -> None:
        """Allocate for work pictures whose sides are at most ``longest_px``."""
        pixels = longest_px * longest_px
        self._triangles = np.vstack((load_face_mesh().triangles, (LEFT_EYE_OUTER, RIGHT_EYE_OUTER, CHIN)))
        self._numbers: Scratch[np.int16] = Scratch(pixels, np.int16)
        self._places: Scratch[np.intp] = Scratch(pixels, np.intp)
        self._x: Scratch[np.float32] = Scratch(pixels, np.float32)
        self._y: Scratch[np.float32] = Scratch(pixels, np.float32)
        self._term: Scratch[np.float32] = Scratch(pixels, np.float32)
        self._picture: Scratch[np.uint8] = Scratch(pixels * 3, np.uint8)
        self._columns = np.arange(longest_px, dtype=np.float32)
        self._rows = self._columns[:, np.newaxis]

    def draw(self, mesh: Points, height_px: int, width_px: int) -> TriangleMap:
        """Draw which triangle is seen where.

        Args:
            mesh: (468, 3) in pixels of the work picture.
            height_px: Of the work picture.
            width_px: Of the work picture.

        Returns:
            Valid until the next call. Triangles that look away are left out; nearer ones cover farther ones.
        """
        numbers = self._numbers.view(height_px, width_px)
        numbers.fill(OUTSIDE)
        corners = mesh[self._triangles[:OUTSIDE]]
        seen = np.flatnonzero(_is_seen(corners[:, :, :2]))
        far_to_near = seen[np.argsort(-corners[seen, :, 2].sum(axis=1))]
        outlines = np.rint(corners[far_to_near, :, :2] * (1 << _SHIFT)).astype(np.int32)
        for number, outline in zip(far_to_near.tolist(), outlines, strict=True):
            cv2.fillConvexPoly(numbers, outline, number, cv2.LINE_8, _SHIFT)
        return numbers

    def bend(self, texture: Texture, mesh: Points, numbers: TriangleMap) -> Pixels:
        """Draw the donor as the mesh holds its face.

        Args:
            texture: The donor at about the size of the work picture.
            mesh: The same that ``numbers`` was drawn from.
            numbers: From ``draw``.

        Returns:
            Work picture, valid until the next call. Beyond the mesh it shows the donor's surroundings.
        """
        height, width = numbers.shape
        maps = _solve(mesh[self._triangles, :2], texture.mesh[self._triangles])
        # numpy looks up by words only: it would widen the numbers into new memory at every look-up.
        places = self._places.view(height, width)
        np.copyto(places, numbers)
        x, y = self._x.view(height, width), self._y.view(height, width)
        self._apply(maps[0], places, x)
        self._apply(maps[1], places, y)
        picture = self._picture.view(height, width, 3)
        done = cv2.remap(texture.pixels, x, y, cv2.INTER_LINEAR, dst=picture, borderMode=cv2.BORDER_REPLICATE)
        assert done is picture
        return picture

    def _apply(self, rows: NDArray[np.float32], places: NDArray[np.intp], target: NDArray[np.float32]) -> None:
        """Write one coordinate of the donor for every pixel: along * column + across * row + origin."""
        height, width = places.shape
        term = self._term.view(height, width)
        np.take(rows[_ALONG], places, out=target, mode="clip")  # mode "raise" would buffer the output
        np.multiply(target, self._columns[:width], out=target)
        np.take(rows[_ACROSS], places, out=term, mode="clip")
        np.multiply(term, self._rows[:height], out=term)
        np.add(target, term, out=target)
        np.take(rows[_ORIGIN], places, out=term, mode="clip")
        np.add(target, term, out=target)


def _is_seen(corners: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Tell which triangles (T, 3, 2) face the camera and are not too flat to draw."""
    one, two = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    double_area = one[:, 1] * two[:, 0] - one[:, 0] * two[:, 1]
    third = two - one
    longest = np.sqrt(np.max([(side * side).sum(axis=1) for side in (one, two, third)], axis=0))
    return np.asarray(double_area > MIN_ALTITUDE_PX * longest)


def _solve(corners: NDArray[np.float32], sources: NDArray[np.float32]) -> NDArray[np.float32]:
    """Solve every triangle's affine map at once.

    Args:
        corners: (T, 3, 2) in the work picture.
        sources: (T, 3, 2) in the donor's picture.

    Returns:
        (2, 3, T): for x and y of the donor its origin and its change along a row and across rows.
    """
    at, to = corners.astype(np.float64), sources.astype(np.float64)
    one, two = at[:, 1] - at[:, 0], at[:, 2] - at[:, 0]
    to_one, to_two = to[:, 1] - to[:, 0], to[:, 2] - to[:, 0]
    area = one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]
    area[area == 0] = 1.0  # never drawn; only kept finite
    along = (to_one * two[:, 1:] - to_two * one[:, 1:]) / area[:, np.newaxis]
    across = (to_two * one[:, :1] - to_one * two[:, :1]) / area[:, np.newaxis]
    origin = to[:, 0] - along * at[:, 0, :1] - across * at[:, 0, 1:]
    return np.ascontiguousarray(np.stack((origin, along, across)).transpose(2, 0, 1), dtype=np.float32)
