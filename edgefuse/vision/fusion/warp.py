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
        maps = _solve(facets, corners_of(texture.mesh))
        # numpy looks up by words only: it would widen the numbers into new memory at every look-up.
        places = self._places.view(*numbers.shape)
        np.copyto(places, numbers)
        full_x, full_y = (scratch.view(height_px, width_px) for scratch in (self._full_x, self._full_y))
        for axis, (scratch, full) in enumerate(((self._x, full_x), (self._y, full_y))):
            half = scratch.view(*numbers.shape)
            self._apply(maps[:, axis], places, half)
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
    one, two, three = facets.corners[:, 2]
    far_to_near = drawn[np.argsort(-(one + two + three)[drawn])]
    corners = np.ascontiguousarray(facets.corners[:, :2, far_to_near].transpose(2, 0, 1))
    outlines = np.rint(corners * np.float32(1 << _SHIFT)).astype(np.int32)
    for number, outline in zip(far_to_near.tolist(), outlines, strict=True):
        cv2.fillConvexPoly(numbers, outline, number, cv2.LINE_8, _SHIFT)


def _solve(facets: Facets, to: NDArray[np.float32]) -> NDArray[np.float32]:
    """Solve every triangle's affine map at once.

    Args:
        facets: In pixels of the map.
        to: (3, 2, T) the corners in the donor's picture, x y of each.

    Returns:
        (3, 2, T): for x and y of the donor its origin and its change along a row and across rows.
    """
    maps = np.empty_like(to)
    divisor = facets.double_area + (facets.double_area == 0)  # where it is 0, nothing is drawn
    one, two = facets.one / divisor, facets.two / divisor
    to_one, to_two = to[1] - to[0], to[2] - to[0]
    along = np.subtract(to_two * one[1], to_one * two[1], out=maps[_ALONG])
    across = np.subtract(to_one * two[0], to_two * one[0], out=maps[_ACROSS])
    x, y = facets.corners[0, :2]
    np.subtract(to[0], along * x + across * y, out=maps[_ORIGIN])
    return maps
