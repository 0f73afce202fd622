"""Where the donor shows, and laying it over the frame.

An alpha is (height, width) uint8: 0 leaves the frame as it is, bit for bit; 255 shows the donor only.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edgefuse.vision.face.face_mesh import load_face_mesh
from edgefuse.vision.face.geometry import box_around
from edgefuse.vision.fusion.facets import Facets
from edgefuse.vision.fusion.texture import Cutout
from edgefuse.vision.fusion.warp import TriangleMap
from edgefuse.vision.scratch import Scratch
from edgefuse.vision.types import Pixels

Alpha = NDArray[np.uint8]

HULL_FEATHER_SHARE = 0.035
"""Width of the blur across the outline, in units of the face's longer side; half of it lies inside."""
KEPT_FEATHER_SHARE = 0.07
"""The same around eyes and mouth, which are small."""

_SHIFT = 4
_DRAWN_PX = np.float32(1 << _SHIFT)
"""Drawing coordinates to a pixel."""

_TOUCHING = np.array(((0, 1, 0), (1, 1, 1), (0, 1, 0)), np.uint8)


def _inward_ramp() -> NDArray[np.uint8]:
    """Map a blurred edge to one that is 0 up to the edge and rises smoothly to 255 inside."""
    inside = np.clip(np.arange(256) / 127.5 - 1.0, 0.0, 1.0)
    return np.rint(255 * inside * inside * (3 - 2 * inside)).astype(np.uint8)


class Matte:
    """Makes alphas of faces in work pictures of up to a size, at half that size: alphas are soft."""

    def __init__(self, longest_px: int, *, keeps_eyes_and_mouth: bool = True) -> None:
        """Allocate for work pictures whose sides are at most ``longest_px``.

        Args:
            longest_px: Most that a side may have.
            keeps_eyes_and_mouth: Eyes and inside of the mouth stay the target's.
        """
        self._keeps_eyes_and_mouth = keeps_eyes_and_mouth
        half = (longest_px // 2 + 1) ** 2
        self._small, self._hull, self._kept, self._soft = (Scratch(half, np.uint8) for _ in range(4))
        self._full: Scratch[np.uint8] = Scratch(longest_px * longest_px, np.uint8)
        self._places: Scratch[np.intp] = Scratch(half, np.intp)
        self._ramp = _inward_ramp()

    def draw(self, facets: Facets, numbers: TriangleMap, height_px: int, width_px: int, lips: float = 0.0) -> Alpha:
        """Draw the alpha of one face: its visible hull, feathered inwards, less eyes and inside of the mouth if
        they are kept.

        Args:
            facets: In pixels of ``numbers``.
            numbers: What ``MeshWarp.draw`` gave for them.
            height_px: Of the work picture.
            width_px: Of the work picture.
            lips: Share of the lips, 0..1 from the inside, that is kept with the inside of the mouth.

        Returns:
            At the size of the work picture, valid until the next call.
        """
        small, hull, kept = (scratch.view(*numbers.shape) for scratch in (self._small, self._hull, self._kept))
        x1, y1, x2, y2 = box_around(facets.mesh).tolist()
        face_px = max(x2 - x1, y2 - y1)
        places = self._places.view(*numbers.shape)
        np.copyto(places, numbers)
        np.take(np.rint(facets.facing * 255).astype(np.uint8), places, out=small, mode="clip")
        # Triangles are drawn over every pixel that they touch, beyond the outline too.
        cv2.erode(small, _TOUCHING, dst=hull, borderType=cv2.BORDER_REPLICATE)
        self._feather(hull, face_px * HULL_FEATHER_SHARE, hull)
        if self._keeps_eyes_and_mouth:
            small.fill(255)
            cv2.fillPoly(small, _eyes_and_mouth(facets, lips), 0, cv2.LINE_8, _SHIFT)
            self._feather(small, face_px * KEPT_FEATHER_SHARE, kept)
            np.minimum(hull, kept, out=hull)
        full = self._full.view(height_px, width_px)
        cv2.resize(hull, (width_px, height_px), dst=full, interpolation=cv2.INTER_LINEAR)
        return full

    def _feather(self, hard: Alpha, width_px: float, target: Alpha) -> None:
        """Blur an edge twice, which makes it bell-shaped, and move it inwards."""
        side = max(3, round(width_px) | 1)
        soft = self._soft.view(*hard.shape)
        # Replicated, so that a face that reaches over the frame's border does not fade towards it.
        cv2.blur(hard, (side, side), dst=soft, borderType=cv2.BORDER_REPLICATE)
        cv2.blur(soft, (side, side), dst=target, borderType=cv2.BORDER_REPLICATE)
        cv2.LUT(target, self._ramp, dst=target)


_RINGS = (*load_face_mesh().eyes, load_face_mesh().mouth, load_face_mesh().lips)
_RING_POINTS = np.concatenate(_RINGS)
_EYE, _EYES, _INNER_LIPS, _OUTER_LIPS = np.cumsum([len(ring) for ring in _RINGS]).tolist()
"""Where in them the rings end."""


def _eyes_and_mouth(facets: Facets, lips: float) -> list[NDArray[np.int32]]:
    """Give the outlines of both eyes and the mouth, in drawing coordinates; ``lips`` as of ``Matte.draw``."""
    x_y = facets.mesh.T[:2].take(_RING_POINTS, axis=1)
    if lips > 0:
        inner, outer = x_y[:, _EYES:_INNER_LIPS], x_y[:, _INNER_LIPS:_OUTER_LIPS]
        inner += np.float32(lips) * (outer - inner)
    points = np.rint((x_y * _DRAWN_PX).T, order="C").astype(np.int32)
    return [points[:_EYE], points[_EYE:_EYES], points[_EYES:_INNER_LIPS]]


class Blender:
    """Lays work pictures of up to a size over areas of frames of up to a size."""

    def __init__(self, longest_px: int, height_px: int, width_px: int) -> None:
        """Allocate for work pictures of ``longest_px`` a side and frames of this height and width."""
        work, frame = longest_px * longest_px, height_px * width_px
        self._own: Scratch[np.uint8] = Scratch(work, np.uint8)
        self._weight, self._picture = (Scratch(work * 3, np.uint8) for _ in range(2))
        self._clear: Scratch[np.uint8] = Scratch(frame, np.uint8)
        self._above, self._rest = (Scratch(frame * 3, np.uint8) for _ in range(2))

    def lay(self, picture: Cutout, alpha: Alpha, area: Pixels, strength: float = 1.0) -> None:
        """Blend a picture into a frame in place.

        Args:
            picture: Work picture of the area; shows where both its own alpha and ``alpha`` let it.
            alpha: At the size of ``picture``; overwritten.
            area: View of the frame; the picture is scaled to it.
            strength: 0..1, factor of all alphas.
        """
        size = (area.shape[1], area.shape[0])
        own, weight, colours = (
            self._own.view(*alpha.shape),
            self._weight.view(*alpha.shape, 3),
            self._picture.view(*alpha.shape, 3),
        )
        cv2.extractChannel(picture, 3, dst=own)
        cv2.multiply(alpha, own, dst=alpha, scale=strength / 255)
        cv2.cvtColor(picture, cv2.COLOR_BGRA2BGR, dst=colours)
        cv2.merge((alpha, alpha, alpha), dst=weight)
        # Weighed before it is scaled, when it has fewer pixels.
        cv2.multiply(colours, weight, dst=colours, scale=1 / 255)
        cv2.bitwise_not(alpha, dst=alpha)
        clear, above, rest = (
            self._clear.view(*area.shape[:2]),
            self._above.view(*area.shape),
            self._rest.view(*area.shape),
        )
        cv2.resize(colours, size, dst=above, interpolation=cv2.INTER_LINEAR)
        cv2.resize(alpha, size, dst=clear, interpolation=cv2.INTER_LINEAR)
        cv2.merge((clear, clear, clear), dst=rest)
        cv2.multiply(area, rest, dst=rest, scale=1 / 255)
        done = cv2.add(above, rest, dst=area)
        assert done is area, "OpenCV did not write into the frame"
