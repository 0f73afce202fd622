"""Bending one face onto another: every triangle of the mesh takes its picture from the same triangle of the donor.

A loop draws only the number of each triangle into a map; the affine maps of all triangles are solved and applied
at once. Both happen at half the work size: where a donor's pixel comes from changes evenly, so that its coordinates
can be scaled up without harm.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edgefuse.vision.fusion.facets import OUTSIDE, Facets, corners_of
from edgefuse.vision.fusion.texture import Cutout, Texture
from edgefuse.vision.scratch import Scratch

TriangleMap = NDArray[np.int16]
"""(half height, half width) int16: number of the triangle that is seen at each pixel, or ``OUTSIDE``."""

HALF = 2
"""Work pixels to one of the map."""

_SHIFT = 4
"""Binary digits after the point in OpenCV's drawing coordinates."""

_ORIGIN, _ALONG, _ACROSS = 0, 1, 2


class MeshWarp:
    """Warps donors onto faces in work pictures of up to a size."""

    def __init__(self, longest_px: int) -> None:
        """Allocate for work pictures whose sides are at most ``longest_px``."""
        pixels = longest_px * longest_px
        half_px = -(-longest_px // HALF)
        self._numbers: Scratch[np.int16] = Scratch(half_px * half_px, np.int16)
        self._places: Scratch[np.intp] = Scratch(half_px * half_px, np.intp)
        self._x, self._y, self._term = (Scratch(half_px * half_px, np.float32) for _ in range(3))
        self._full_x, self._full_y = (Scratch(pixels, np.float32) for _ in range(2))
        self._picture: Scratch[np.uint8] = Scratch(pixels * 4, np.uint8)
        self._columns = np.arange(half_px, dtype=np.float32)
        self._rows = self._columns[:, np.newaxis]

    def draw(self, facets: Facets, height_px: int, width_px: int) -> TriangleMap:
        """Draw which triangle is seen where.

        Args:
            facets: In pixels of the map.
            height_px: Of the map.
            width_px: Of the map.

        Returns:
            Valid until the next call. Triangles that look away are left out; nearer ones cover farther ones.
        """
        numbers = self._numbers.view(height_px, width_px)
        draw_triangles(facets, numbers)
        return numbers

    def bend(self, texture: Texture, facets: Facets, numbers: TriangleMap, height_px: int, width_px: int) -> Cutout:
        """Draw the donor as the mesh holds its face.

        Args:
            texture: The donor at about the size of the work picture.
            facets: The same that ``numbers`` was drawn from.
            numbers: From ``draw``.
            height_px: Of the work picture.
            width_px: Of the work picture.

        Returns:
            Work picture, valid until the next call. Beyond the mesh it shows the donor's surroundings.
        """
        maps = _solve(facets.corners[:2], corners_of(texture.mesh)[:2])
        # numpy looks up by words only: it would widen the numbers into new memory at every look-up.
        places = self._places.view(*numbers.shape)
        np.copyto(places, numbers)
        full_x, full_y = (scratch.view(height_px, width_px) for scratch in (self._full_x, self._full_y))
        for rows, scratch, full in zip(maps, (self._x, self._y), (full_x, full_y), strict=True):
            half = scratch.view(*numbers.shape)
            self._apply(rows, places, half)
            cv2.resize(half, (width_px, height_px), dst=full, interpolation=cv2.INTER_LINEAR)
        picture = self._picture.view(height_px, width_px, 4)
        done = cv2.remap(texture.pixels, full_x, full_y, cv2.INTER_LINEAR, picture, cv2.BORDER_REPLICATE)
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


def draw_triangles(facets: Facets, numbers: TriangleMap) -> None:
    """Draw the number of the triangle that is seen into every pixel of a map."""
    numbers.fill(OUTSIDE)
    drawn = np.flatnonzero(facets.is_drawn)
    depth = facets.corners[2]
    far_to_near = drawn[np.argsort(-(depth[0] + depth[1] + depth[2])[drawn])]
    corners = np.ascontiguousarray(facets.corners[:2, :, far_to_near].transpose(2, 1, 0))
    outlines = np.rint(corners * np.float32(1 << _SHIFT)).astype(np.int32)
    for number, outline in zip(far_to_near.tolist(), outlines, strict=True):
        cv2.fillConvexPoly(numbers, outline, number, cv2.LINE_8, _SHIFT)


def _solve(corners: NDArray[np.float32], sources: NDArray[np.float32]) -> NDArray[np.float32]:
    """Solve every triangle's affine map at once.

    Args:
        corners: (2, 3, T) x y of the corners in the map.
        sources: (2, 3, T) in the donor's picture.

    Returns:
        (2, 3, T): for x and y of the donor its origin and its change along a row and across rows.
    """
    at, to = corners.astype(np.float64), sources.astype(np.float64)
    one, two = at[:, 1] - at[:, 0], at[:, 2] - at[:, 0]
    to_one, to_two = to[:, 1] - to[:, 0], to[:, 2] - to[:, 0]
    area = one[0] * two[1] - one[1] * two[0]
    area[area == 0] = 1.0  # never drawn; only kept finite
    along = (to_one * two[1] - to_two * one[1]) / area
    across = (to_two * one[0] - to_one * two[0]) / area
    origin = to[:, 0] - along * at[0, 0] - across * at[1, 0]
    return np.stack((origin, along, across), axis=1).astype(np.float32)
