"""Giving one face the shape of another: the mesh itself tells who somebody is, not only what is drawn on it."""

from __future__ import annotations

import numpy as np

from edgefuse.vision.types import Points


def reshape(mesh: Points, shape: Points, share: float) -> Points:
    """Move a mesh towards another one that is held as it is.

    Args:
        mesh: (468, 3), finite.
        shape: (468, 3) in any place, size and pose, all points not the same.
        share: Of the way, 0..1; expressions fade as much as the shape does.

    Source:
        Umeyama, Least-squares estimation of transformation parameters between two point patterns, 1991.
    """
    middle, own_middle = mesh.mean(axis=0), shape.mean(axis=0)
    at, own = mesh - middle, shape - own_middle
    left, sizes, right = np.linalg.svd(at.T @ own)
    # Without the signs a flat mesh might be mirrored.
    signs = np.array((1, 1, np.sign(np.linalg.det(left) * np.linalg.det(right))), np.float32)
    scale = (sizes * signs).sum() / (own * own).sum()
    held = scale * own @ ((left * signs) @ right).T
    return np.asarray(mesh + share * (held - at), np.float32)
