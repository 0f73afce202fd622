"""The canonical face: the mesh of nobody, level, looking at the camera; and how a mesh is turned against it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from edgefuse.vision.types import Points

Rotation = NDArray[np.float64]
"""(3, 3): direction in the camera's axes = rotation @ direction in the canonical face's axes."""


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    origin: str
    points: list[tuple[float, float, float]]


@cache
def load_canonical_face() -> Points:
    """Load the table that ships beside this module: (468, 3) centimetres, axes as in a frame, shared, so read-only."""
    path = Path(__file__).with_name("canonical_face.json")
    points = np.array(msgspec.json.decode(path.read_bytes(), type=_Table).points, np.float32)
    points.flags.writeable = False
    return points


@cache
def _centred() -> Points:
    """Give the canonical face around its own middle, transposed: (3, 468)."""
    face = load_canonical_face()
    return np.ascontiguousarray((face - face.mean(axis=0)).T)


def turn_of(mesh: Points) -> Rotation:
    """Give the rotation that lays the canonical face best over a mesh.

    Args:
        mesh: (468, 3), finite.

    Source:
        Kabsch: A solution for the best rotation to relate two sets of vectors, Acta Cryst. A32 (1976).
    """
    covariance = (_centred() @ mesh).astype(np.float64)  # the canonical face is centred, so the mesh need not be
    # OpenCV's, because numpy's wrappers take four times as long as the work on nine numbers.
    _, left, right = cv2.SVDecomp(covariance)
    if cv2.determinant(left) * cv2.determinant(right) < 0:
        left[:, 2] *= -1
    rotation: Rotation = (left @ right).T
    return rotation
