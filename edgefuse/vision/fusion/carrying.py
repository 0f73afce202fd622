"""Carrying the map of a face's triangles from frame to frame for as long as the face keeps its shape.

Heads move more than faces do: mostly an affine map takes the mesh of some frames ago to that of now, but for a pixel.
Then the map is moved by one call in place of 300 that draw it. Only the seams between triangles lag behind, by less
than that pixel; what a triangle shows is worked out anew in every frame.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edgefuse.vision.face.face_mesh import load_face_mesh
from edgefuse.vision.fusion.facets import IS_INNER, OUTSIDE, Facets
from edgefuse.vision.fusion.warp import TriangleMap, draw_triangles
from edgefuse.vision.scratch import Scratch

MAX_ERROR_PX = 1.0
"""Most that a corner may be off in the map."""
GROWTH = (0.8, 1.25)
"""Factor of the area within which a map is carried: it would turn into blocks, or lose triangles."""


def _used() -> NDArray[np.intp]:
    """Give the points of the mesh that are corners of a thin triangle."""
    return np.unique(load_face_mesh().thin_triangles)


def _is_telling() -> NDArray[np.bool_]:
    """Tell triangles whose coming and going changes the picture: not the rim's, which fade, nor those in eyes and
    mouth, which turn to lines whenever these close."""
    topology = load_face_mesh()
    is_telling: NDArray[np.bool_] = IS_INNER.copy()
    for ring in (*topology.eyes, topology.mouth):
        is_telling[:OUTSIDE] &= ~np.isin(topology.thin_triangles, ring).all(axis=1)
    return is_telling


_USED = _used()
_IS_TELLING = _is_telling()


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A map, and what it was drawn from."""

    numbers: TriangleMap
    is_drawn: NDArray[np.bool_]
    places: NDArray[np.float32]
    """(3, N): x y 1 of the corners."""
    solver: NDArray[np.float32]
    """(N, 3): what the places of now are multiplied by to give the affine map from then to now, least squares."""


class TriangleMaps:
    """The maps of all faces that are followed."""

    def __init__(self, longest_px: int) -> None:
        """Allocate for maps whose sides are at most ``longest_px``."""
        self._numbers: Scratch[np.int16] = Scratch(longest_px * longest_px, np.int16)
        self._drawn: dict[int, _Drawn] = {}
        self.is_new = False
        """The last map was drawn, not carried, which takes several times as long."""

    def forget_all_but(self, track_ids: Collection[int]) -> None:
        """Forget faces that are gone."""
        self._drawn = {track: drawn for track, drawn in self._drawn.items() if track in track_ids}

    def draw(self, track_id: int, facets: Facets, height_px: int, width_px: int) -> TriangleMap:
        """Give which triangle is seen where; see ``draw_triangles``.

        Args:
            track_id: Whose map is kept; 0 for a face without a past.
            facets: In pixels of the map.
            height_px: Of the map.
            width_px: Of the map.

        Returns:
            Valid until the next call.
        """
        numbers = self._numbers.view(height_px, width_px)
        drawn = self._drawn.get(track_id)
        self.is_new = drawn is None or not _carry(drawn, facets, numbers)
        if self.is_new:
            draw_triangles(facets, numbers)
            if track_id:
                self._drawn[track_id] = _remember(facets, numbers)
        return numbers


def _remember(facets: Facets, numbers: TriangleMap) -> _Drawn:
    places = np.ones((3, len(_USED)))
    places[:2] = _places_of(facets)
    # By the normal equations, which are sound for three unknowns in 64 bits; a pseudo-inverse takes six times as long.
    solver = np.linalg.solve(places @ places.T, places).T
    return _Drawn(numbers.copy(), facets.is_drawn, places.astype(np.float32), solver.astype(np.float32))


def _places_of(facets: Facets) -> NDArray[np.float32]:
    """Give (2, N) x y of the corners."""
    return np.asarray(facets.mesh.T[:2].take(_USED, axis=1))


def _carry(drawn: _Drawn, facets: Facets, numbers: TriangleMap) -> bool:
    """Move a map to where the face is now, if that is all that it takes."""
    if ((drawn.is_drawn != facets.is_drawn) & _IS_TELLING).any():
        return False
    now = _places_of(facets)
    motion = now @ drawn.solver
    (xx, xy, _), (yx, yy, _) = motion.tolist()
    if not GROWTH[0] <= xx * yy - xy * yx <= GROWTH[1]:
        return False
    error = motion @ drawn.places
    error -= now
    error *= error
    if (error[0] + error[1]).max() > MAX_ERROR_PX**2:
        return False
    size = numbers.shape[::-1]
    cv2.warpAffine(drawn.numbers, motion, size, numbers, cv2.INTER_NEAREST, cv2.BORDER_CONSTANT, OUTSIDE)
    return True
