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


def _places(axes: tuple[int, ...]) -> NDArray[np.intp]:
    """Give (3, axes, T): where a mesh that is flattened axis by axis has the corners."""
    return np.stack([_CORNERS + axis * MESH_POINTS for axis in axes], axis=1)


_CORNERS = _corner_points()
IS_INNER = ~_rim()
"""(T,): not of the rim."""
_INNER_FACING = IS_INNER.astype(np.float32)
_X_Y = _places((0, 1))
_X_Y_Z_X_Y = _places((0, 1, 2, 0, 1))
"""In this order, a product across two axes is one of slices."""
_STEEPNESS = np.float32(1 / (FACING[1] - FACING[0]))
_START = np.float32(-FACING[0] / (FACING[1] - FACING[0]))
_TINY = np.float32(1e-18)


@dataclass(frozen=True, slots=True)
class Facets:
    """The triangles of one face in one picture; T of them, ``OUTSIDE`` last."""

    mesh: Points
    """(468, 3) in pixels of the picture."""
    corners: NDArray[np.float32]
    """(3, 3, T): the three corners, x y z of each."""
    one: NDArray[np.float32]
    """(2, T): x y of the way from the first corner to the second."""
    two: NDArray[np.float32]
    """(2, T): to the third."""
    double_area: NDArray[np.float32]
    """(T,): twice the area as seen; below 0 where a triangle looks away."""
    facing: NDArray[np.float32]
    """(T,): how much each of the rim looks at the camera, 0 edge-on or away, 1 well seen; 1 inside of the rim, where
    what is edge-on hides nothing but the nose; 0 for ``OUTSIDE``."""
    is_drawn: NDArray[np.bool_]
    """(T,): looks at the camera and is not too flat."""


def make_facets(mesh: Points) -> Facets:
    """Work out how each triangle of a mesh is seen."""
    corners = mesh.T.ravel().take(_X_Y_Z_X_Y)
    one, two = corners[1:] - corners[0]
    normals = one[2:] * two[1:4] - one[1:4] * two[2:]
    double_area = normals[2]
    cosine = double_area / np.sqrt(_squared(normals) + double_area * double_area + _TINY)
    share = np.minimum(np.maximum(cosine * _STEEPNESS + _START, 0), 1)
    facing = np.maximum(share * share * (3 - share - share), _INNER_FACING)
    facing[OUTSIDE] = 0
    longest = np.sqrt(np.maximum(np.maximum(_squared(one), _squared(two)), _squared(two[:2] - one[:2])))
    is_drawn = double_area > longest * MIN_ALTITUDE_PX
    is_drawn[OUTSIDE] = False
    return Facets(mesh, corners[:, :3], one[:2], two[:2], double_area, facing, is_drawn)


def corners_of(mesh: Points) -> NDArray[np.float32]:
    """Give (3, 2, T): the three corners of every triangle, x y of each."""
    corners: NDArray[np.float32] = mesh.T.ravel().take(_X_Y)
    return corners


def _squared(ways: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give (T,): the squared lengths of ways as seen."""
    x, y = ways[0], ways[1]
    squared: NDArray[np.float32] = x * x + y * y
    return squared
