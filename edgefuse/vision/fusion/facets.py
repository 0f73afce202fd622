"""The thin triangles of one face, and how each is seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgefuse.vision.face.face_mesh import CHIN, load_face_mesh
from edgefuse.vision.face.landmarks import LEFT_EYE_OUTER, MESH_POINTS, RIGHT_EYE_OUTER
from edgefuse.vision.types import Points

OUTSIDE = len(load_face_mesh().thin_triangles)
"""Drawn nowhere; it is the triangle of both eyes and the chin, so that the picture goes on smoothly beyond the mesh."""

FACING = (-0.05, 0.15)
"""Cosine between a triangle's normal and the line of sight where it begins to show and where it shows fully: the far
cheek of a turned head is stretched over so few pixels that background would show in it."""

RIM_TRIANGLES = 2
"""From the outline inwards: there background can show."""

MIN_ALTITUDE_PX = 0.15
"""Triangles seen so flat that they are lower say nothing about a pixel, and their maps explode."""


def _corner_points() -> NDArray[np.intp]:
    """Give (3, T) points of the mesh: the corners of every thin triangle, and last those of ``OUTSIDE``."""
    outside = (LEFT_EYE_OUTER, RIGHT_EYE_OUTER, CHIN)
    return np.ascontiguousarray(np.vstack((load_face_mesh().thin_triangles, outside)).T)


def _rim() -> NDArray[np.bool_]:
    """Tell which triangles lie at most two from the outline: cheeks, temples, forehead and chin."""
    is_near = np.zeros(MESH_POINTS, np.bool_)
    is_near[load_face_mesh().oval] = True
    for _ in range(RIM_TRIANGLES - 1):
        is_near[_CORNERS[:, is_near[_CORNERS].any(axis=0)]] = True
    return np.asarray(is_near[_CORNERS].any(axis=0))


_CORNERS = _corner_points()
IS_INNER = ~_rim()
"""(T,): not of the rim."""


@dataclass(frozen=True, slots=True)
class Facets:
    """The triangles of one face in one picture; T of them, ``OUTSIDE`` last."""

    mesh: Points
    """(468, 3) in pixels of the picture."""
    corners: NDArray[np.float32]
    """(3, 3, T): x y z of the three corners."""
    facing: NDArray[np.float32]
    """(T,): how much each of the rim looks at the camera, 0 edge-on or away, 1 well seen; 1 inside of the rim, where
    what is edge-on hides nothing but the nose; 0 for ``OUTSIDE``."""
    is_drawn: NDArray[np.bool_]
    """(T,): looks at the camera and is not too flat."""


def make_facets(mesh: Points) -> Facets:
    """Work out how each triangle of a mesh is seen."""
    corners = corners_of(mesh)
    one, two = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    x = one[1] * two[2] - one[2] * two[1]
    y = one[2] * two[0] - one[0] * two[2]
    z = one[1] * two[0] - one[0] * two[1]
    cosine = z / np.maximum(np.sqrt(x * x + y * y + z * z), 1e-9)
    share = np.clip((cosine - FACING[0]) * np.float32(1 / (FACING[1] - FACING[0])), 0, 1)
    facing = share * share * (3 - 2 * share)
    facing[IS_INNER] = 1
    facing[OUTSIDE] = 0
    sides = (one[:2], two[:2], two[:2] - one[:2])
    longest = np.sqrt(np.maximum.reduce([side[0] * side[0] + side[1] * side[1] for side in sides]))
    is_drawn = z > MIN_ALTITUDE_PX * longest
    is_drawn[OUTSIDE] = False
    return Facets(mesh, corners, facing, is_drawn)


def corners_of(mesh: Points) -> NDArray[np.float32]:
    """Give (3, 3, T) x y z of the three corners of every triangle."""
    return np.take(np.ascontiguousarray(mesh.T), _CORNERS, axis=1)
