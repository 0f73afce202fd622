"""Where a face is not plain skin, where smiles fold it, what lies above its brows, and which points are mirrored."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from edgefuse.vision.face.canonical import load_canonical_face
from edgefuse.vision.face.face_mesh import Indices, load_face_mesh
from edgefuse.vision.types import Points

Part = NDArray[np.uint8]
"""(height, width) uint8: 255 where a part of the face lies, else 0."""

BROWS = (105, 334)
"""Upper edges of the brows, left and right in the picture: a fringe may reach down to them."""
BROW = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46)
NOSTRIL = (20, 60, 75, 166, 79, 239, 238, 59, 242, 97, 2, 98, 64, 240, 99)
FOLD = (98, 129, 142, 36, 205, 187, 207, 212, 57, 186, 92, 165)
"""Points of the side that is on the left of the picture, in no order. The fold runs from the nostril past the corner of
the mouth."""

CLOSED, OPEN = 0.2, 0.32
"""Share of the lips' outline that their inner edge encloses: up to the first, lips hardly part; from the second on,
teeth show. Of 14 synthetic people who smile it is 0.27 to 0.46; closed lips have up to 0.19."""


@cache
def mirror_points() -> Indices:
    """Give for each of the 468 points the one on the other side of the face."""
    face = load_canonical_face()
    flipped = face * np.array((-1, 1, 1), np.float32)
    return np.asarray(((flipped[:, np.newaxis] - face) ** 2).sum(axis=2).argmin(axis=1))


def on_both_sides(points: tuple[int, ...]) -> tuple[Indices, Indices]:
    """Give points of one side, and their mirror images."""
    one = np.array(points, np.intp)
    return one, mirror_points()[one]


@cache
def plain_skin() -> Indices:
    """Give the points whose colour tells the light: skin without brows and nostrils, which are dark in any."""
    dark = np.concatenate((*on_both_sides(BROW), *on_both_sides(NOSTRIL)))
    return np.setdiff1d(load_face_mesh().skin, dark)


def smile_of(mesh: Points) -> float:
    """Tell how far a mouth is open, 0 closed to 1 showing teeth.

    Args:
        mesh: (468, 3).
    """
    topology = load_face_mesh()
    inner, outer = (cv2.contourArea(mesh.T[:2].take(ring, axis=1).T) for ring in (topology.mouth, topology.lips))
    return min(max((inner / max(outer, 1e-6) - CLOSED) / (OPEN - CLOSED), 0.0), 1.0)


def height_above(shape: tuple[int, ...], left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give how far each pixel lies on the forehead's side of the line through two points (3,) of a face, in pixels."""
    along = (right - left)[:2] / max(float(np.linalg.norm((right - left)[:2])), 1e-6)
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    return np.asarray(along[1] * (columns - left[0]) - along[0] * (rows - left[1]))


def draw_part(shape: tuple[int, ...], mesh: Points, *parts: Indices) -> Part:
    """Draw the convex hulls of groups of points."""
    drawn = np.zeros(shape[:2], np.uint8)
    for part in parts:
        cv2.fillConvexPoly(drawn, np.rint(cv2.convexHull(mesh[part, :2])).astype(np.int32), 255)
    return drawn


def draw_features(shape: tuple[int, ...], mesh: Points) -> Part:
    """Draw eyes, brows, nostrils and lips."""
    topology = load_face_mesh()
    return draw_part(shape, mesh, *topology.eyes, topology.lips, *on_both_sides(BROW), *on_both_sides(NOSTRIL))
